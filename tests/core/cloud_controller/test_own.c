/* What v1 has no words for: events, revisions and rollback, settings, collaborators. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    story->eve = town_token(&story->town, "eve@example.org");
    story_push(story, SHOP);
    story_let_run(story, 4);
    return 0;
}

static void update(struct story *story, const char *bits)
{
    assert_int_equal(town_upload(&story->town, story->ada, "shop", bits), 200);
    story_expect(story, "PUT", "/apps/shop/update", "", 204, "");
    town_pass_ms(&story->town, 15000);
    story_expect(story, "GET", "/apps/shop/update", "", 200, "SUCCEEDED");
}

static void events_come_as_they_happen_until_the_app_is_gone(void **state)
{
    struct story *story = *state;
    char headers[256];
    struct town_controller *controller = &story->town.controllers[0];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", story->ada);
    struct town_conn *conn = town_begin(controller, "GET", "/cupola/v1/apps/shop/events?follow=1", headers, "");
    town_settle(&story->town);
    assert_non_null(strstr(text_string(&conn->outbound), "\"kind\":\"created\",\"actor\":\"ada@example.org\""));
    assert_null(strstr(text_string(&conn->outbound), "crashed"));
    town_tell(&story->town, "droplet.exited",
              "{\"droplet\":1,\"version\":\"x\",\"index\":1,\"instance\":\"abc\",\"reason\":\"CRASHED\",\"epoch\":7}");
    town_pass_ms(&story->town, 100);
    const char *told = strstr(text_string(&conn->outbound), "\"kind\":\"crashed\"");
    assert_non_null(told);
    assert_null(strstr(told + 1, "\"kind\":\"crashed\"")); /* Once. */
    size_t size = conn->outbound.size;
    town_pass_ms(&story->town, 14000);
    assert_int_equal(conn->outbound.size, size);
    town_pass_ms(&story->town, 2000); /* It still goes on. */
    assert_string_equal(text_string(&conn->outbound) + size, "1\r\n\n\r\n");
    story_expect(story, "DELETE", "/apps/shop", "", 200, "");
    town_pass_ms(&story->town, 100);
    assert_int_equal(town_finish(controller, conn), 200);
    assert_non_null(strstr(town_body(&story->town), "\r\n0\r\n\r\n"));
    story_expect_as(story, story->eve, "GET", "/cupola/v1/apps/shop/events?follow=1", "", 404, "\"code\":301");
}

static void events_tell_what_happened_who_did_it_and_why(void **state)
{
    struct story *story = *state;
    story_expect(story, "PUT", "/apps/shop", "{\"instances\":3,\"env\":[\"SECRET=1\"]}", 200, "");
    town_tell(&story->town, "droplet.exited",
              "{\"droplet\":1,\"version\":\"x\",\"index\":1,\"instance\":\"abc\",\"reason\":\"CRASHED\",\"epoch\":7,"
              "\"signal\":9,\"detail\":\"used more memory than allowed\"}");
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200,
                 "\"kind\":\"created\",\"actor\":\"ada@example.org\"");
    const char *body = town_body(&story->town);
    assert_non_null(strstr(body, "\"text\":\"3 instances instead of 2; other environment variables\""));
    assert_non_null(strstr(body, "\"key\":\"exit-abc-7\""));
    assert_non_null(strstr(body, "\"kind\":\"crashed\",\"index\":1,\"instance\":\"abc\",\"text\":\"killed by signal 9; "
                                 "used more memory than allowed\""));
    assert_null(strstr(body, "SECRET=1"));
    story_expect(story, "PUT", "/apps/shop", "{\"uris\":[\"a.cupola.test\",\"b.cupola.test\"]}", 200, "");
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200, "served at a.cupola.test, b.cupola.test\"");
    story_expect_as(story, story->eve, "GET", "/cupola/v1/apps/shop/events", "", 404, "301");
}

static void events_tell_how_far_an_update_is(void **state)
{
    struct story *story = *state;
    update(story, "other bits");
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200,
                 "\"text\":\"1 extra instances of the new version start; revision 2\"");
    assert_non_null(strstr(town_body(&story->town), "\"text\":\"1 of 2 instances are of the new version\""));
}

static void events_from_the_journal_outlive_the_controller(void **state)
{
    struct story *story = *state;
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);
    town_settle(&story->town);
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200, "\"kind\":\"staged\"");
}

static void an_app_keeps_so_many_events_and_no_more(void **state)
{
    struct story *story = *state;
    for (int i = 0; i < 150; i++) {
        char exited[200];
        snprintf(exited, sizeof exited,
                 "{\"droplet\":1,\"version\":\"x\",\"index\":0,\"instance\":\"i%d\",\"reason\":\"CRASHED\"}", i);
        town_tell(&story->town, "droplet.exited", exited);
    }
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200, "\"i149\"");
    assert_non_null(strstr(town_body(&story->town), "\"i50\""));
    assert_null(strstr(town_body(&story->town), "\"i49\""));
}

static void one_goes_back_to_the_revision_before_or_to_a_named_one(void **state)
{
    struct story *story = *state;
    char first[80], second[80];
    snprintf(first, sizeof first, "%.40s", story_look(story).version);
    update(story, "other bits");
    snprintf(second, sizeof second, "%.40s", story_look(story).version);
    story_expect(story, "GET", "/cupola/v1/apps/shop/revisions", "", 200,
                 "{\"current\":2,\"revisions\":[{\"revision\":1,");
    story_expect(story, "POST", "/cupola/v1/apps/shop/rollback", "", 204, "");
    town_pass_ms(&story->town, 15000);
    assert_int_equal(strncmp(story_look(story).version, first, 40), 0);
    assert_string_not_equal(story_look(story).version + 40, "-1"); /* Never the same run twice. */
    story_expect(story, "GET", "/cupola/v1/apps/shop/revisions", "", 200, "{\"current\":1,");
    story_expect(story, "POST", "/cupola/v1/apps/shop/rollback", "", 400, "there is no such revision");
    story_expect(story, "POST", "/cupola/v1/apps/shop/rollback", "{\"revision\":2}", 204, "");
    story_expect(story, "POST", "/cupola/v1/apps/shop/rollback", "{\"revision\":1}", 400, "\"code\":390");
    town_pass_ms(&story->town, 15000);
    assert_int_equal(strncmp(story_look(story).version, second, 40), 0);
    story_expect(story, "POST", "/cupola/v1/apps/shop/rollback", "{\"revision\":77}", 400, "there is no such revision");
}

static void a_rollback_brings_back_variables_and_memory_too(void **state)
{
    struct story *story = *state;
    story_expect(story, "PUT", "/apps/shop", "{\"env\":[\"A=1\"],\"resources\":{\"memory\":96}}", 200, "");
    story_expect(story, "PUT", "/apps/shop/update", "", 204, "");
    town_pass_ms(&story->town, 15000);
    char before[80];
    snprintf(before, sizeof before, "%s", story_look(story).version);
    story_expect(story, "POST", "/cupola/v1/apps/shop/rollback", "", 204, "");
    assert_string_not_equal(story_look(story).version, before); /* Of the same droplet, but another run. */
    town_pass_ms(&story->town, 15000);
    story_expect(story, "GET", "/apps/shop", "", 200, "\"env\":[]");
    assert_int_equal(story_look(story).memory_mb, 64);
}

static void an_update_can_be_cancelled(void **state)
{
    struct story *story = *state;
    char before[80];
    snprintf(before, sizeof before, "%s", story_look(story).version);
    story_expect(story, "DELETE", "/cupola/v1/apps/shop/update", "", 400, "there is no update to cancel");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "other bits"), 200);
    story_expect(story, "PUT", "/apps/shop/update", "", 204, "");
    story_expect(story, "DELETE", "/cupola/v1/apps/shop/update", "", 204, "");
    town_pass_ms(&story->town, 15000);
    assert_string_equal(story_look(story).version, before);
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200, "cancelled by ada@example.org");
    story_expect(story, "GET", "/apps/shop/update", "", 200, "\"state\":\"CANARY_FAILED\"");
    story_expect(story, "PUT", "/apps/shop/update", "", 204, "");
    town_pass_ms(&story->town, 15000);
    story_expect(story, "GET", "/apps/shop/update", "", 200,
                 "SUCCEEDED"); /* Nothing stands in the way of another one. */
}

static void settings_are_checked_and_reach_the_instances(void **state)
{
    struct story *story = *state;
    const char *path = "/cupola/v1/apps/shop/settings";
    story_expect(story, "GET", path, "", 200, "{}");
    story_expect(story, "PUT", path, "{\"canary\":0}", 400, "canary: expected 1 to 1000");
    story_expect(story, "PUT", path, "{\"canarry\":1}", 400, "canarry");
    story_expect(story, "PUT", path, "{\"health\":{\"liveness\":{\"type\":\"tcp\"}}}", 400,
                 "health.liveness.type: expected");
    story_expect(story, "PUT", path, "{\"balance\":\"sometimes\"}", 400, "balance: expected");
    story_expect(
        story, "PUT", path,
        "{\"canary\":2,\"batch_percent\":100,\"hold_ms\":0,\"singleton\":true,\"grace_ms\":3000,\"balance\":\"hash\","
        "\"balance_header\":\"X-Cart\",\"health\":{\"liveness\":{\"type\":\"http\",\"path\":\"/ok\"}}}",
        204, "");
    story_expect(story, "GET", path, "", 200, "\"grace_ms\":3000");
    town_forget(&story->town);
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "other bits"), 200);
    story_expect(story, "PUT", "/apps/shop/update", "", 204, "");
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":2"), 1); /* Two canaries. */
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":3"), 1);
}

static void collaborators_may_do_what_the_owner_may_but_not_choose_others(void **state)
{
    struct story *story = *state;
    story_expect_as(story, story->eve, "GET", "/apps/shop", "", 404, "301");
    story_expect(story, "PUT", "/cupola/v1/apps/shop/collaborators/nobody@example.org", "", 403, "201");
    story_expect(story, "PUT", "/cupola/v1/apps/shop/collaborators/eve@example.org", "", 204, "");
    story_expect_as(story, story->eve, "GET", "/apps/shop", "", 200, "\"name\":\"shop\"");
    story_expect_as(story, story->eve, "GET", "/apps", "", 200, "\"name\":\"shop\"");
    story_expect_as(story, story->eve, "PUT", "/apps/shop", "{\"instances\":1}", 200, "");
    story_expect_as(story, story->eve, "PUT", "/cupola/v1/apps/shop/collaborators/admin@example.org", "", 404, "301");
    story_expect(story, "GET", "/cupola/v1/apps/shop/collaborators", "", 200, "[\"eve@example.org\"]");
    story_expect(story, "DELETE", "/cupola/v1/apps/shop/collaborators/eve@example.org", "", 204, "");
    story_expect_as(story, story->eve, "GET", "/apps/shop", "", 404, "301");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, story_end)
        STORY(events_come_as_they_happen_until_the_app_is_gone),
        STORY(events_tell_what_happened_who_did_it_and_why),
        STORY(events_tell_how_far_an_update_is),
        STORY(events_from_the_journal_outlive_the_controller),
        STORY(an_app_keeps_so_many_events_and_no_more),
        STORY(one_goes_back_to_the_revision_before_or_to_a_named_one),
        STORY(a_rollback_brings_back_variables_and_memory_too),
        STORY(an_update_can_be_cancelled),
        STORY(settings_are_checked_and_reach_the_instances),
        STORY(collaborators_may_do_what_the_owner_may_but_not_choose_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
