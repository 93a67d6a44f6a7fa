/* Stagings that DEAs carry out for a controller: who gets them, what comes back, and what if nobody answers. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OFFER(id, load) "{\"id\":\"" id "\",\"siblings\":0,\"load_permille\":" #load ",\"room\":2}"

static struct town_controller *first(struct story *story)
{
    return &story->town.controllers[0];
}

static struct town_conn *start_conn; /* PUT /apps/shop, which waits for the staging. */

static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    story->town.config.stage_on_deas = true;
    town_forget_answers(&story->town);
    town_kill(first(story));
    town_revive(first(story));
    story_create(story, "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"instances\":1}");
    return 0;
}

static void start(struct story *story)
{
    char headers[256];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", story->ada);
    start_conn = town_begin(first(story), "PUT", "/apps/shop", headers, "{\"state\":\"STARTED\"}");
    town_pass_ms(&story->town, 5); /* For other offers. */
}

static int started(struct story *story)
{
    return town_finish(first(story), start_conn);
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
    assert_int_equal(town_request(&story->town, story->ada, "GET", "/apps/shop/instances/0/files/logs/staging.log", ""),
                     200);
    assert_non_null(strstr(town_body(&story->town), "one"));
}

static void say(struct story *story, const char *package, const char *words)
{
    char payload[256];
    snprintf(payload, sizeof payload, "{\"droplet\":1,\"package_sha1\":\"%s\",\"text\":\"%s\"}", package, words);
    town_tell_all(&story->town, "cloudcontroller.staging", payload);
}

static struct town_conn *listen_to_log(struct story *story, const char *path)
{
    char headers[256];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", story->ada);
    struct town_conn *conn = town_begin(first(story), "GET", path, headers, "");
    town_settle(&story->town);
    return conn;
}

static void what_the_stager_says_is_heard_while_it_works(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    struct town_conn *log = listen_to_log(story, "/cupola/v1/apps/shop/staging/log?follow=1");
    start(story);
    char *package = ordered(story, "package_sha1");
    say(story, package, "one\\n");
    assert_non_null(strstr(text_string(&log->outbound), "4\r\none\n\r\n"));
    say(story, "0000000000000000000000000000000000000000", "of other bits\\n");
    say(story, package, "two\\n");
    assert_int_equal(deliver(story, DROPLET), 200);
    reply(story, "{\"state\":\"staged\",\"sha1\":\"" DROPLET_SHA1 "\"}");
    assert_int_equal(started(story), 200);
    town_pass_ms(&story->town, 300);
    assert_int_equal(town_finish(first(story), log), 200);
    assert_string_equal(town_body(&story->town), "4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n");
    /* What is over can be read, and has nothing to follow. */
    assert_int_equal(town_request(&story->town, story->ada, "GET", "/cupola/v1/apps/shop/staging/log", ""), 200);
    assert_string_equal(town_body(&story->town), "one\ntwo\n");
    assert_int_equal(town_request(&story->town, story->ada, "GET", "/cupola/v1/apps/shop/staging/log?follow=1", ""),
                     200);
    assert_string_equal(town_body(&story->town), "");
    memory_free(package);
}

static void a_log_without_end_keeps_its_end(void **state)
{
    struct story *story = *state;
    char words[1001];
    memset(words, 'a', 1000);
    words[1000] = '\0';
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    start(story);
    char *package = ordered(story, "package_sha1");
    char payload[1200];
    for (int i = 0; i < 200; i++) {
        snprintf(payload, sizeof payload, "{\"droplet\":1,\"package_sha1\":\"%s\",\"text\":\"%03d %s\"}", package, i,
                 words);
        town_tell_all(&story->town, "cloudcontroller.staging", payload);
    }
    assert_int_equal(town_request(&story->town, story->ada, "GET", "/cupola/v1/apps/shop/staging/log", ""), 200);
    assert_in_range(strlen(town_body(&story->town)), 30000, 65536);
    assert_non_null(strstr(town_body(&story->town), "199 aaa"));
    memory_free(package);
    town_finish(first(story), start_conn);
}

static void a_log_that_is_followed_ends_with_its_client_or_its_controller(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover.stage", OFFER("d1", 0));
    start(story);
    char *package = ordered(story, "package_sha1");
    struct town_conn *gone = listen_to_log(story, "/cupola/v1/apps/shop/staging/log?follow=1");
    struct town_conn *other = listen_to_log(story, "/cupola/v1/apps/shop/staging/log?follow=1");
    town_finish(first(story), gone);
    say(story, package, "one\\n");
    town_stop(first(story));
    assert_non_null(strstr(text_string(&other->outbound), "4\r\none\n\r\n0\r\n\r\n"));
    town_finish(first(story), start_conn);
    memory_free(package);
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
    assert_int_equal(town_request(&story->town, story->ada, "PUT", "/staged_droplets/1/x", "mine"), 403);
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

#define story_test(name) cmocka_unit_test_setup_teardown(name, begin, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story_test(the_best_place_gets_it),
        story_test(what_fails_there_fails_here),
        story_test(what_the_stager_says_is_heard_while_it_works),
        story_test(a_log_without_end_keeps_its_end),
        story_test(a_log_that_is_followed_ends_with_its_client_or_its_controller),
        story_test(where_nobody_offers_it_is_staged_here),
        story_test(one_that_refuses_is_not_asked_again),
        story_test(one_that_falls_silent_is_followed_by_another),
        story_test(a_droplet_that_did_not_come_is_not_believed),
        story_test(only_whom_we_asked_can_deliver),
        story_test(our_own_end_delays_it_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
