/* Random stories: clients, health managers and deaths at random, on a journal that does what it likes. Afterwards, in
 * peace, all controllers know the same, and nothing is left under way. */
#include "tests/core/cloud_controller/town.h"

#include "core/base/memory.h"
#include "core/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STORIES = 40, STEPS = 150, OPEN_REQUESTS = 24 };

struct open_request {
    struct town_controller *controller;
    uint64_t life;
    struct town_conn *conn;
};

struct chaos {
    struct town town;
    struct random_stream random;
    char *tokens[2];
    struct open_request open[OPEN_REQUESTS];
    uint64_t lives[TOWN_CONTROLLERS];
};

static uint64_t roll(struct chaos *chaos, uint64_t sides)
{
    return random_below(&chaos->random, sides);
}

static struct town_controller *any_controller(struct chaos *chaos)
{
    return &chaos->town.controllers[roll(chaos, chaos->town.controller_count)];
}

/* Closes what a slot still holds, answered or not; a conn of a former life is gone already. */
static void close_request(struct chaos *chaos, struct open_request *request)
{
    if (request->conn == NULL)
        return;
    size_t place = (size_t)(request->controller - chaos->town.controllers);
    if (request->life == chaos->lives[place] && request->controller->machine != NULL)
        town_finish(request->controller, request->conn);
    *request = (struct open_request){0};
}

static void send(struct chaos *chaos, const char *method, const char *path, const char *type, const char *body)
{
    struct town_controller *controller = any_controller(chaos);
    if (controller->machine == NULL || controller->has_exited)
        return;
    struct open_request *slot = &chaos->open[roll(chaos, OPEN_REQUESTS)];
    close_request(chaos, slot);
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Type: %s\r\n", chaos->tokens[roll(chaos, 2)], type);
    slot->controller = controller;
    slot->life = chaos->lives[controller - chaos->town.controllers];
    slot->conn = town_begin(controller, method, path, text_string(&headers), body);
    text_free(&headers);
}

/* What goes beyond v1. */
static void act_on_own(struct chaos *chaos, char name)
{
    static const struct {
        const char *method, *rest, *body;
    } calls[] = {
        {"POST", "rollback", ""},
        {"POST", "rollback", "{\"revision\":2}"},
        {"DELETE", "update", ""},
        {"PUT", "settings", "{\"canary\":2,\"batch_percent\":50,\"hold_ms\":10}"},
        {"PUT", "settings", "{\"batch_percent\":0}"},
        {"PUT", "collaborators/admin@example.org", ""},
        {"DELETE", "collaborators/admin@example.org", ""},
        {"GET", "events", ""},
        {"GET", "revisions", ""},
    };
    char path[80];
    size_t place = (size_t)roll(chaos, sizeof calls / sizeof calls[0]);
    snprintf(path, sizeof path, "/cupola/v1/apps/%c/%s", name, calls[place].rest);
    send(chaos, calls[place].method, path, "application/json", calls[place].body);
}

static void act_on_app(struct chaos *chaos)
{
    char path[64], body[400], name = (char)('a' + roll(chaos, 3));
    snprintf(path, sizeof path, "/apps/%c", name);
    static const char *const states[] = {"STARTED", "STOPPED", "started", "?"};
    switch (roll(chaos, 11)) {
    case 8:
    case 9:
        act_on_own(chaos, name);
        break;
    case 0:
        snprintf(body, sizeof body,
                 "{\"name\":\"%c\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"%c.cupola.test\"],"
                 "\"instances\":%d,\"resources\":{\"memory\":64}}",
                 name, (char)('a' + roll(chaos, 4)), (int)roll(chaos, 4));
        send(chaos, "POST", "/apps", "application/json", body);
        break;
    case 1:
        send(chaos, "DELETE", path, "application/json", "");
        break;
    case 2:
        snprintf(body, sizeof body, "{\"instances\":%d}", (int)roll(chaos, 6) - 1);
        send(chaos, "PUT", path, "application/json", body);
        break;
    case 3:
        snprintf(path, sizeof path, "/apps/%c/application", name);
        snprintf(
            body, sizeof body,
            "--1\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a\"\r\n\r\nbits %d\r\n--1--\r\n",
            (int)roll(chaos, 3));
        send(chaos, "PUT", path, "multipart/form-data; boundary=1", body);
        break;
    case 4:
        snprintf(path, sizeof path, "/apps/%c/update", name);
        send(chaos, "PUT", path, "application/json", "");
        break;
    case 5:
        snprintf(path, sizeof path, "/apps/%c/%s", name, roll(chaos, 2) == 0 ? "instances" : "stats");
        send(chaos, "GET", path, "application/json", "");
        break;
    default:
        snprintf(body, sizeof body, "{\"state\":\"%s\"}", states[roll(chaos, 4)]);
        send(chaos, "PUT", path, "application/json", body);
    }
}

static void complain(struct chaos *chaos)
{
    struct controller_app_view view;
    struct town_controller *controller = any_controller(chaos);
    if (controller->machine == NULL || controller_view_app_count(controller->machine) == 0)
        return;
    controller_view_app(controller->machine, roll(chaos, controller_view_app_count(controller->machine)), &view);
    char message[300];
    snprintf(message, sizeof message, "{\"droplet\":%lld,\"op\":\"START\",\"version\":\"%s\",\"indices\":[%d,%d]}",
             (long long)view.id, view.version, (int)roll(chaos, 5), (int)roll(chaos, 5));
    if (roll(chaos, 2) == 0)
        town_tell_all(&chaos->town, "cloudcontrollers.hm.requests", message);
    else
        town_tell(&chaos->town, "cloudcontrollers.hm.requests", message);
    snprintf(message, sizeof message, "{\"droplet\":%lld,\"version\":\"%s\",\"index\":%d,\"reason\":\"CRASHED\"}",
             (long long)view.id, view.version, (int)roll(chaos, 5));
    town_tell(&chaos->town, "droplet.exited", message);
}

static void revive(struct chaos *chaos, struct town_controller *controller)
{
    chaos->lives[controller - chaos->town.controllers]++;
    town_revive(controller);
}

/* DEAs offer places, and what is started runs. */
static void answer_everything(struct chaos *chaos)
{
    town_forget_answers(&chaos->town);
    town_answer(&chaos->town, "dea.discover", "{\"id\":\"dea1\"}");
    for (int i = 0; i < 10; i++) {
        char found[80];
        snprintf(found, sizeof found, "{\"dea\":\"dea1\",\"index\":%d,\"state\":\"RUNNING\"}", i);
        town_answer_also(&chaos->town, "dea.find.droplet", found);
    }
}

static void disturb(struct chaos *chaos)
{
    struct town_controller *controller = any_controller(chaos);
    switch (roll(chaos, 6)) {
    case 0:
        if (controller->machine != NULL)
            town_kill(controller);
        else
            revive(chaos, controller);
        break;
    case 1:
        chaos->town.journal_mode = roll(chaos, 3) == 0 ? (enum town_journal_mode)roll(chaos, 4) : JOURNAL_WORKS;
        break;
    case 2:
        town_release_journal(&chaos->town);
        break;
    case 3:
        chaos->town.staging_holds = roll(chaos, 2) == 0;
        chaos->town.staging_fails = roll(chaos, 4) == 0;
        break;
    case 4:
        if (roll(chaos, 2) == 0)
            town_forget_answers(&chaos->town);
        else
            answer_everything(chaos);
        break;
    default:
        town_pass_ms(&chaos->town, roll(chaos, 20000));
    }
}

static void make_peace(struct chaos *chaos)
{
    chaos->town.staging_fails = false;
    answer_everything(chaos);
    for (size_t i = 0; i < chaos->town.controller_count; i++)
        if (chaos->town.controllers[i].machine == NULL)
            revive(chaos, &chaos->town.controllers[i]);
    town_release_journal(&chaos->town);
    town_release_staging(&chaos->town);
    town_pass_ms(&chaos->town, 400000);
    for (size_t i = 0; i < OPEN_REQUESTS; i++)
        close_request(chaos, &chaos->open[i]);
    town_pass_ms(&chaos->town, 60000);
}

static char *inspect(struct town_controller *controller)
{
    struct text json = {0};
    controller->machine->class->inspect(controller->machine, &json);
    char *copy = memory_copy_text(text_string(&json));
    text_free(&json);
    return copy;
}

static void tell_story(struct chaos *chaos, uint64_t seed)
{
    memset(chaos, 0, sizeof *chaos);
    chaos->random = random_numbered(seed, "test.chaos", seed);
    town_open(&chaos->town);
    town_answer(&chaos->town, "dea.discover", "{\"id\":\"dea1\"}");
    chaos->tokens[0] = town_token(&chaos->town, "ada@example.org");
    chaos->tokens[1] = town_token(&chaos->town, "admin@example.org");
    town_add_controller(&chaos->town);
    town_add_controller(&chaos->town);
    for (size_t i = 0; i < STEPS; i++) {
        uint64_t kind = roll(chaos, 10);
        if (kind < 6)
            act_on_app(chaos);
        else if (kind < 8)
            complain(chaos);
        else
            disturb(chaos);
    }
    make_peace(chaos);
    char *first = inspect(&chaos->town.controllers[0]);
    for (size_t i = 0; i < chaos->town.controller_count; i++) {
        struct town_controller *controller = &chaos->town.controllers[i];
        char *other = inspect(controller);
        if (strcmp(first, other) != 0 ||
            strstr(other, "\"pending_changes\":0,\"pending_starts\":0,\"stagings\":0") == NULL)
            fail_msg("seed %llu: controller %zu: %s\nand controller 0: %s", (unsigned long long)seed, i, other, first);
        assert_int_equal(machine_open_ops(controller->machine), 0);
        assert_int_equal(controller_view_pending_count(controller->machine), 0);
        memory_free(other);
    }
    memory_free(first);
    memory_free(chaos->tokens[0]);
    memory_free(chaos->tokens[1]);
    town_close(&chaos->town);
}

static void after_any_story_all_controllers_agree_and_rest(void **state)
{
    (void)state;
    struct chaos *chaos = memory_new(sizeof *chaos);
    const char *only = getenv("CHAOS_SEED");
    const char *stories = getenv("CHAOS_STORIES");
    uint64_t first = only == NULL ? 1 : strtoull(only, NULL, 10);
    uint64_t count = only != NULL ? 1 : stories == NULL ? STORIES : strtoull(stories, NULL, 10);
    for (uint64_t seed = first; seed < first + count; seed++)
        tell_story(chaos, seed);
    memory_free(chaos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_any_story_all_controllers_agree_and_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
