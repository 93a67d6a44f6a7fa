/* Random calls, valid and not, against a model of what the REST API says: each answer has the code that the model
 * expects, and what is there at the end, also after restarts, is what the model has. */
#include "tests/core/cloud_controller/model.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STORIES = 200, STEPS = 250 };

#define MADE                                                                                                           \
    "{\"service_id\":\"s1\",\"data\":{\"plan\":\"free\"},\"configuration\":{},\"credentials\":{\"password\":\"p\"}}"

static const char *const emails[PEOPLE] = {"admin@example.org", "ada@example.org", "bob@example.org"};

/* ---- Services ---- */

static void create_service(struct model *model, struct person *person)
{
    unsigned service = (unsigned)model_roll(model, SERVICES), bit = 1U << service;
    bool is_known = model_roll(model, 6) != 0, is_free = person == &model->people[ADMIN];
    struct verdict verdict = {200, 0};
    if (!is_free && model_count_bits(person->services) >= SERVICES_MOST)
        verdict = (struct verdict){403, 504};
    if ((person->services & bit) != 0)
        verdict = (struct verdict){400, 0};
    if (!is_known)
        verdict = (struct verdict){404, 500};
    if (!person->exists)
        verdict = (struct verdict){403, 200};
    if (verdict.status == 200)
        person->services |= bit;
    char body[160];
    snprintf(body, sizeof body,
             "{\"type\":\"x\",\"vendor\":\"%s\",\"version\":\"2.2\",\"tier\":\"free\",\"name\":\"s%u\"}",
             is_known ? "redis" : "oracle", service);
    model_expect_verdict(model, person, "POST", "/services", body, verdict);
}

static void delete_service(struct model *model, struct person *person)
{
    unsigned service = (unsigned)model_roll(model, SERVICES), bit = 1U << service;
    struct verdict verdict = {200, 0};
    if ((person->services & bit) == 0)
        verdict = (struct verdict){404, 500};
    if (!person->exists)
        verdict = (struct verdict){403, 200};
    person->services &= ~bit;
    for (size_t i = 0; i < NAMES; i++)
        person->apps[i].services &= ~bit;
    char path[32];
    snprintf(path, sizeof path, "/services/s%u", service);
    model_expect_verdict(model, person, "DELETE", path, "", verdict);
}

/* ---- People ---- */

static void register_bob(struct model *model)
{
    struct person *bob = &model->people[BOB];
    bool existed = bob->exists;
    model_expect(model, NULL, "POST", "/users", "{\"email\":\"bob@example.org\",\"password\":\"secret\"}",
                 existed ? 400 : 204, existed ? 100 : 0);
    bob->exists = true;
    memory_free(bob->token);
    bob->token = town_token(&model->town, bob->email);
}

static void delete_bob(struct model *model, const struct person *by)
{
    struct person *bob = &model->people[BOB];
    struct verdict verdict = bob->exists ? (struct verdict){204, 0} : (struct verdict){403, 201};
    if (by != &model->people[ADMIN])
        verdict = (struct verdict){403, 200};
    model_expect_verdict(model, by, "DELETE", "/users/bob@example.org", "", verdict);
    if (verdict.status != 204)
        return;
    bob->exists = false;
    bob->services = 0;
    memset(bob->apps, 0, sizeof bob->apps);
}

/* Calls that nobody may make, or that make no sense; nothing changes. */
static void do_wrong(struct model *model)
{
    static const struct {
        const char *method, *path, *body;
        bool is_anonymous;
        struct verdict verdict;
    } calls[] = {
        {"POST", "/users", "{\"email\":\"no address\",\"password\":\"x\"}", true, {400, 100}},
        {"POST", "/users", "{\"email\":\"x@example.org\"}", true, {500, 111}},
        {"POST", "/users", "{\"email\":", true, {400, 100}},
        {"POST", "/users/ada@example.org/tokens", "{\"password\":\"wrong\"}", true, {403, 200}},
        {"POST", "/users/nobody@example.org/tokens", "{\"password\":\"secret\"}", true, {403, 200}},
        {"PUT", "/users/admin@example.org", "{\"password\":\"mine\"}", false, {403, 200}},
        {"GET", "/users", "", false, {403, 200}},
        {"GET", "/users/admin@example.org", "", false, {403, 200}},
        {"GET", "/apps", "", true, {403, 200}},
        {"POST", "/apps", "{\"name\":\"app0\"}", true, {403, 200}},
        {"DELETE", "/apps/app0", "", true, {403, 200}},
        {"POST", "/apps", "", false, {400, 100}},
        {"POST", "/apps", "{\"name\":\"app0\"", false, {400, 100}},
        {"POST", "/apps", "[{}]", false, {400, 100}},
        {"POST", "/apps", "{\"name\":\"../app0\",\"staging\":{\"framework\":\"node\"}}", false, {400, 300}},
        {"POST", "/apps", "{\"name\":{}}", false, {400, 100}},
        {"POST", "/apps", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", false, {400, 100}},
        {"PUT", "/apps/app0", "{\"instances\":1.5}", false, {400, 100}},
        {"PUT", "/apps/app0", "{\"instances\":99999999999999999999}", false, {400, 100}},
        {"PUT", "/apps/app0", "\xff\xfe", false, {400, 100}},
        {"PUT", "/apps/nothing", "{}", false, {404, 301}},
        {"PUT", "/apps/app0%2F..", "{}", false, {404, 0}},
        {"GET", "/services/nothing", "", false, {404, 500}},
        {"PATCH", "/apps/app0", "{}", false, {404, 0}},
        {"GET", "/nowhere", "", false, {404, 0}},
    };
    size_t place = (size_t)model_roll(model, sizeof calls / sizeof calls[0]);
    static const char *const strangers[] = {NULL, "garbage", "00"};
    const char *token = calls[place].is_anonymous ? strangers[model_roll(model, 3)] : model->people[1].token;
    model_expect(model, token, calls[place].method, calls[place].path, calls[place].body, calls[place].verdict.status,
                 calls[place].verdict.code);
}

/* ---- Stories ---- */

static void act(struct model *model)
{
    struct person *person = &model->people[model_roll(model, PEOPLE)];
    int name = model_roll(model, NAMES);
    switch (model_roll(model, 20)) {
    case 0:
        register_bob(model);
        break;
    case 1:
        delete_bob(model, model_roll(model, 2) == 0 ? &model->people[ADMIN] : &model->people[1]);
        break;
    case 2:
    case 3:
        do_wrong(model);
        break;
    case 4:
        town_kill(&model->town.controllers[0]);
        town_revive(&model->town.controllers[0]);
        break;
    case 5:
        model_upload(model, person, name);
        break;
    case 6:
    case 7:
        create_service(model, person);
        break;
    case 8:
        delete_service(model, person);
        break;
    case 9:
        model_delete_app(model, person, name);
        break;
    case 10:
    case 11:
    case 12:
        model_create_app(model, person, name);
        break;
    case 13:
        model_look_at_app(model, person, name);
        break;
    default:
        model_change_app(model, person, name);
    }
}

static void look_at_all(struct model *model)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct person *person = &model->people[i];
        for (int name = 0; name < NAMES; name++)
            model_look_at_app(model, person, name);
        for (unsigned service = 0; service < SERVICES && person->exists; service++) {
            char path[32];
            bool exists = (person->services >> service & 1) != 0;
            snprintf(path, sizeof path, "/services/s%u", service);
            model_expect(model, person->token, "GET", path, "", exists ? 200 : 404, exists ? 0 : 500);
        }
    }
}

static void offer_redis(struct model *model)
{
    struct town_controller *controller = &model->town.controllers[0];
    int status = town_finish(
        controller, town_begin(controller, "POST", "/services/v1/offerings",
                               "X-VCAP-Service-Token: shared\r\nContent-Type: application/json\r\n",
                               "{\"label\":\"redis-2.2\",\"url\":\"http://10.0.0.5:7000/\",\"plans\":[\"free\"]}"));
    assert_int_equal(status, 200);
}

static void open_town(struct model *model)
{
    static Cupola__ServiceConfig redis;
    static Cupola__ServiceConfig *services[] = {&redis};
    static char answer[300];
    town_open(&model->town);
    cupola__service_config__init(&redis);
    redis.name = (char *)(uintptr_t) "redis";
    redis.token = (char *)(uintptr_t) "shared";
    town_kill(&model->town.controllers[0]);
    Cupola__CloudControllerConfig *config = &model->town.config;
    config->builtin_services = services;
    config->n_builtin_services = 1;
    config->has_max_memory_mb = config->has_max_apps = config->has_max_uris = config->has_max_services = true;
    config->max_memory_mb = MEMORY_MOST;
    config->max_apps = APPS_MOST;
    config->max_uris = URIS_MOST;
    config->max_services = SERVICES_MOST;
    config->has_user_requests_per_s = config->has_lockout_failures = true;
    config->user_requests_per_s = config->lockout_failures = 0;
    town_revive(&model->town.controllers[0]);
    town_answer(&model->town, "dea.discover", "{\"id\":\"dea1\"}");
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(MADE), MADE);
    model->town.viewer_answer = answer;
    offer_redis(model);
}

static void tell_story(struct model *model, uint64_t seed)
{
    memset(model, 0, sizeof *model);
    model->seed = seed;
    model->random = random_numbered(seed, "test.model", seed);
    open_town(model);
    for (size_t i = 0; i < PEOPLE; i++) {
        model->people[i].email = emails[i];
        model->people[i].exists = true;
        model->people[i].token = town_token(&model->town, emails[i]);
    }
    for (model->step = 0; model->step < STEPS; model->step++)
        act(model);
    look_at_all(model);
    town_kill(&model->town.controllers[0]);
    town_revive(&model->town.controllers[0]);
    look_at_all(model);
    for (size_t i = 0; i < PEOPLE; i++)
        memory_free(model->people[i].token);
    town_close(&model->town);
}

static void every_answer_is_the_models(void **state)
{
    (void)state;
    struct model *model = memory_new(sizeof *model);
    const char *only = getenv("MODEL_SEED"), *stories = getenv("MODEL_STORIES");
    uint64_t first = only == NULL ? 1 : strtoull(only, NULL, 10);
    uint64_t count = only != NULL ? 1 : stories == NULL ? STORIES : strtoull(stories, NULL, 10);
    for (uint64_t seed = first; seed < first + count; seed++)
        tell_story(model, seed);
    memory_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_the_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
