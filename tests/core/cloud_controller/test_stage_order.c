/* Stagings that DEAs carry out for a controller: who gets them, what comes back, and what if nobody answers. */
#include "tests/core/cloud_controller/town.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OFFER(id, load) "{\"id\":\"" id "\",\"siblings\":0,\"load_permille\":" #load ",\"room\":2}"

struct story {
    struct town town;
    char *token;
    struct town_conn *start; /* PUT /apps/shop, which waits for the staging. */
};

static struct town_controller *first(struct story *story)
{
    return &story->town.controllers[0];
}

static int begin(void **state)
{
    struct story *story = memory_new(sizeof *story);
    *state = story;
    town_open(&story->town);
    story->town.config.stage_on_deas = true;
    town_kill(first(story));
    town_revive(first(story));
    story->token = town_token(&story->town, "ada@example.org");
    assert_int_equal(town_request(&story->town, story->token, "POST", "/apps",
                                  "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"instances\":1}"),
                     302);
    assert_int_equal(town_upload(&story->town, story->token, "shop", "bits"), 200);
    return 0;
}

static int end(void **state)
{
    struct story *story = *state;
    town_close(&story->town);
    memory_free(story->token);
    memory_free(story);
    return 0;
}

static void start(struct story *story)
{
    char headers[256];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", story->token);
    story->start = town_begin(first(story), "PUT", "/apps/shop", headers, "{\"state\":\"STARTED\"}");
    town_pass_ms(&story->town, 5); /* For other offers. */
}

static int started(struct story *story)
{
    return town_finish(first(story), story->start);
}

/* The value of a member of the last order. Given. */
static char *ordered(const struct story *story, const char *member)
{
    char name[40];
    snprintf(name, sizeof name, "\"%s\":\"", member);
    const char *found = NULL;
    for (const char *at = text_string(&story->town.said); (at = strstr(at, name)) != NULL; at++)
        found = at + strlen(name);
    assert_non_null(found);
    return memory_copy_bytes(found, strcspn(found, "\""));
}

/* PUT of a droplet to where the last order wants it. */
static int deliver(struct story *story, const char *droplet)
{
    char *uri = ordered(story, "upload_uri");
    int status = town_request(&story->town, NULL, "PUT", strchr(uri + strlen("http://"), '/'), droplet);
    memory_free(uri);
    return status;
}

/* To the controller's open inbox. */
static void reply(struct story *story, const char *payload)
{
    for (size_t i = 0; i < TOWN_SUBSCRIPTIONS; i++) {
        if (first(story)->subscriptions[i].used && strncmp(first(story)->subscriptions[i].subject, "_INBOX.", 7) == 0) {
            char inbox[96];
            memcpy(inbox, first(story)->subscriptions[i].subject, sizeof inbox);
            town_tell(&story->town, inbox, payload);
            return;
        }
    }
    fail_msg("nobody waits for a word");
}

#define DROPLET "a droplet"
#define DROPLET_SHA1 "954e379c4caec7c0c5d8ddadea547c2ea9c971e5"

static void the_best_place_gets_it(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("busy", 900));
    town_answer_also(&story->town, "dea.discover.stage", OFFER("idle", 100));
    town_answer_also(&story->town, "dea.discover.stage", "{\"id\":\"v1\",\"version\":0.99}");
    start(story);
    assert_int_equal(town_heard(&story->town, "dea.idle.stage", "\"framework\":\"node\""), 1);
    assert_int_equal(deliver(story, DROPLET), 200);
    reply(story, "{\"state\":\"staged\",\"sha1\":\"" DROPLET_SHA1 "\"}");
    assert_int_equal(started(story), 200);
    struct controller_app_view view;
    assert_true(controller_view_find_app(first(story)->machine, "shop", &view));
    assert_memory_equal(view.version, DROPLET_SHA1, 40);
}

static void what_fails_there_fails_here(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    start(story);
    reply(story, "{\"state\":\"failed\",\"log\":\"one\\nno such package\\n\"}");
    assert_int_equal(started(story), 500);
    assert_non_null(strstr(town_body(&story->town), "no such package"));
    assert_int_equal(
        town_request(&story->town, story->token, "GET", "/apps/shop/instances/0/files/logs/staging.log", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "one"));
}

static void where_nobody_offers_it_is_staged_here(void **state)
{
    struct story *story = *state;
    start(story);
    town_pass_ms(&story->town, 200);
    assert_int_equal(started(story), 200);
    assert_int_equal(town_heard(&story->town, "dea.discover.stage", ""), 1);
}

static void one_that_refuses_is_not_asked_again(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    start(story);
    reply(story, "{\"state\":\"refused\",\"log\":\"full\"}");
    town_pass_ms(&story->town, 200);
    assert_int_equal(town_heard(&story->town, "dea.d1.stage", ""), 1);
    assert_int_equal(started(story), 200); /* Staged here. */
}

static void one_that_falls_silent_is_followed_by_another(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    town_answer_also(&story->town, "dea.discover.stage", OFFER("d2", 500));
    start(story);
    town_pass_ms(&story->town, 2900);
    reply(story, "{\"state\":\"working\"}");
    town_pass_ms(&story->town, 2900);
    assert_int_equal(town_heard(&story->town, "dea.d2.stage", ""), 0); /* It spoke. */
    char *late = ordered(story, "upload_uri");
    town_pass_ms(&story->town, 200);
    assert_int_equal(town_heard(&story->town, "dea.d2.stage", ""), 1);
    const char *path = strchr(late + strlen("http://"), '/');
    assert_int_equal(town_request(&story->town, NULL, "PUT", path, "too late"), 404);
    memory_free(late);
    assert_int_equal(deliver(story, DROPLET), 200);
    reply(story, "{\"state\":\"staged\",\"sha1\":\"" DROPLET_SHA1 "\"}");
    assert_int_equal(started(story), 200);
}

static void a_droplet_that_did_not_come_is_not_believed(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    start(story);
    assert_int_equal(deliver(story, "damaged"), 200);
    reply(story, "{\"state\":\"staged\",\"sha1\":\"" DROPLET_SHA1 "\"}");
    town_pass_ms(&story->town, 200);
    assert_int_equal(started(story), 200);
    struct controller_app_view view;
    assert_true(controller_view_find_app(first(story)->machine, "shop", &view));
    assert_memory_not_equal(view.version, DROPLET_SHA1, 40);
}

static void only_whom_we_asked_can_deliver(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    start(story);
    char *uri = ordered(story, "upload_uri");
    char *code = strstr(uri, "code=") + strlen("code=");
    *code = *code == '0' ? '1' : '0';
    const char *path = strchr(uri + strlen("http://"), '/');
    assert_int_equal(town_request(&story->town, NULL, "PUT", path, "a droplet of somebody else"), 403);
    assert_int_equal(town_request(&story->town, story->token, "PUT", "/staged_droplets/1/x", "mine"), 403);
    memory_free(uri);
}

static void our_own_end_delays_it_only(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    start(story);
    town_kill(first(story));
    town_forget(&story->town);
    town_revive(first(story));
    town_pass_ms(&story->town, 5500); /* Not as long as for somebody else's. */
    assert_int_equal(town_heard(&story->town, "dea.d1.stage", ""), 1);
    assert_int_equal(deliver(story, DROPLET), 200);
    reply(story, "{\"state\":\"staged\",\"sha1\":\"" DROPLET_SHA1 "\"}");
    struct controller_app_view view;
    assert_true(controller_view_find_app(first(story)->machine, "shop", &view));
    assert_memory_equal(view.version, DROPLET_SHA1, 40);
}

#define story_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story_test(the_best_place_gets_it),
        story_test(what_fails_there_fails_here),
        story_test(where_nobody_offers_it_is_staged_here),
        story_test(one_that_refuses_is_not_asked_again),
        story_test(one_that_falls_silent_is_followed_by_another),
        story_test(a_droplet_that_did_not_come_is_not_believed),
        story_test(only_whom_we_asked_can_deliver),
        story_test(our_own_end_delays_it_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
