/* What the REST API refuses, and how it says so: every code of the table, and bodies that make no sense. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CREATE                                                                                                         \
    "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"shop.cupola.test\"],\"instances\":1,"         \
    "\"resources\":{\"memory\":64}}"

static void malformed_bodies_name_the_place(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", "{\"name\":5}", 400,
                 "{\"code\":100,\"description\":\"Bad request: line 1: name: expected a string, found");
    story_expect(story, "POST", "/apps", "{\"name\":", 400, "{\"code\":100,\"description\":\"Bad request: line 1");
    story_expect(story, "POST", "/apps", "", 400, "{\"code\":100,");
    story_expect(story, "POST", "/apps", "[1]", 400, "{\"code\":100,");
    story_expect(story, "POST", "/apps", "{\"staging\":{\"framework\":[]}}", 400,
                 "{\"code\":100,\"description\":\"Bad request: line 1: staging.framework: expected a string");
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "PUT", "/apps/shop", "{\"uris\":{}}", 400,
                 "{\"code\":100,\"description\":\"Bad request: line 1: uris");
    story_expect(story, "PUT", "/apps/shop", "{\"instances\":\"many\"}", 400,
                 "{\"code\":100,\"description\":\"Bad request: line 1: instances: expected an integer");
    story_expect(story, "PUT", "/apps/shop", "{\"env\":[\"A=1\",\"B\"]}", 400,
                 "{\"code\":100,\"description\":\"Bad request: env[1]: expected NAME=VALUE\"}");
    story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", "secret", 400, "{\"code\":100,");
}

/* 413 would be success to the first clients. */
static void a_body_that_is_too_large_is_a_bad_request(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Length: 1048577\r\n\r\n{", story->ada);
    struct town_conn *conn = town_begin(controller, "POST", "/apps", text_string(&headers), "");
    assert_int_equal(town_finish(controller, conn), 400);
    assert_non_null(
        strstr(town_body(&story->town), "{\"code\":100,\"description\":\"Bad request: the body is too large"));
    text_free(&headers);
}

static void descriptions_of_apps_are_checked(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", "{\"name\":\"a b\",\"staging\":{\"framework\":\"node\"}}", 400,
                 "{\"code\":300,");
    story_expect(story, "POST", "/apps", "{\"staging\":{\"framework\":\"node\"}}", 400, "{\"code\":300,");
    story_expect(story, "POST", "/apps", "{\"name\":\"a\"}", 400, "{\"code\":300,");
    story_expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"cobol\"}}", 400,
                 "{\"code\":300,");
    story_expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{}}", 400,
                 "{\"code\":308,\"description\":\"Invalid framework description: 'NONE'\"}");
    story_expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\",\"runtime\":\"java\"}}",
                 400, "{\"code\":307,\"description\":\"Invalid runtime specification [java] for framework: 'node'\"}");
    story_expect(
        story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"instances\":-1}", 400,
        "{\"code\":300,\"description\":\"Invalid application description: instances: -1 is not between 0 and 1024\"}");
    story_expect(story, "POST", "/apps",
                 "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"resources\":{\"memory\":0}}", 400,
                 "{\"code\":300,");
    story_expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"services\":[\"db\"]}",
                 404, "{\"code\":500,\"description\":\"Service not found\"}");
    story_expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"env\":[\"VCAP_X=1\"]}",
                 403, "{\"code\":200,");
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "POST", "/apps", CREATE, 400, "{\"code\":300,");
    story_expect(story, "POST", "/apps",
                 "{\"name\":\"old\",\"staging\":{\"model\":\"http://b20nine.com/unknown\",\"stack\":\"ruby foo.rb\"}}",
                 302, "");
    story_expect(story, "GET", "/apps/old", "", 200,
                 "{\"name\":\"old\",\"staging\":{\"model\":\"sinatra\",\"stack\":\"ruby18\"},");
}

static void quotas_hold(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\",\"instances\":33}", 403,
                 "{\"code\":600,\"description\":\"Not enough memory capacity, you're allowed: 2048M\"}");
    story_expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\",\"instances\":32}", 200, "");
    story_expect(story, "PUT", "/apps/shop", "{\"instances\":33}", 403, "{\"code\":600,");
    story_expect(story, "PUT", "/apps/shop", "{\"instances\":5}", 200, "");
    story_expect(
        story, "PUT", "/apps/shop",
        "{\"uris\":[\"a.cupola.test\",\"b.cupola.test\",\"c.cupola.test\",\"d.cupola.test\",\"e.cupola.test\"]}", 403,
        "{\"code\":602,\"description\":\"Too many URIs: 5, you're allowed: 4\"}");
    for (int i = 1; i < 20; i++) {
        char body[100];
        snprintf(body, sizeof body, "{\"name\":\"app%d\",\"staging\":{\"framework\":\"node\"}}", i);
        story_expect(story, "POST", "/apps", body, 302, "");
    }
    story_expect(story, "POST", "/apps", "{\"name\":\"more\",\"staging\":{\"framework\":\"node\"}}", 403,
                 "{\"code\":601,\"description\":\"Too many applications: 20, you're allowed: 20\"}");
    story_expect(story, "GET", "/info", "", 200, "{\"name\":");
    assert_non_null(strstr(town_body(&story->town), "\"usage\":{\"memory\":320,\"apps\":1,\"services\":0}"));
}

static void hosts_belong_to_whoever_was_first(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect_as(
        story, story->eve, "POST", "/apps", CREATE, 400,
        "{\"code\":701,\"description\":\"The URI: \\\"shop.cupola.test\\\" has already been taken or reserved\"}");
    story_expect_as(story, story->eve, "POST", "/apps",
                    "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"api.cupola.test\"]}", 400,
                    "{\"code\":701,");
    story_expect_as(story, story->eve, "POST", "/apps",
                    "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"www.example.org\"]}", 403,
                    "{\"code\":702,\"description\":\"External URIs are not enabled for this account\"}");
    story_expect_as(story, story->eve, "POST", "/apps",
                    "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"a b.cupola.test\"]}", 400,
                    "{\"code\":700,\"description\":\"Invalid URI: \\\"a b.cupola.test\\\"\"}");
    story_expect_as(story, story->admin, "POST", "/apps",
                    "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"www.example.org\"]}", 302, "");
    /* A failed create leaves nothing behind; one user may map one host twice. */
    story_expect_as(story, story->eve, "GET", "/apps", "", 200, "[]");
    assert_string_equal(town_body(&story->town), "[]");
    story_expect(story, "POST", "/apps",
                 "{\"name\":\"b\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"shop.cupola.test\"]}", 302, "");
}

static void short_hosts_can_be_reserved(void **state)
{
    struct story *story = *state;
    story->town.config.has_reserved_length = true;
    story->town.config.reserved_length = 3;
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);
    static const char *const body =
        "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"www.cupola.test\"]}";
    story_expect(story, "POST", "/apps", body, 400, "{\"code\":701,");
    story_expect_as(story, story->admin, "POST", "/apps", body, 302, "");
    story_expect(story, "POST", "/apps", CREATE, 302, "");
}

static void a_stale_lock_stores_nothing(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "PUT", "/apps/shop", "{\"instances\":3,\"meta\":{\"version\":1}}", 200, " ");
    story_expect(story, "PUT", "/apps/shop", "{\"instances\":4,\"meta\":{\"version\":1}}", 400,
                 "{\"code\":102,\"description\":\"Optimistic locking failure\"}");
    story_expect(story, "PUT", "/apps/shop", "{\"env\":[\"A=1\",\"A=1\"],\"console\":true}", 200, " ");
    story_expect(story, "PUT", "/apps/shop", "{\"instances\":3}", 200, " ");
    story_expect(story, "GET", "/apps/shop", "", 200, "{\"name\":\"shop\"");
    assert_non_null(strstr(town_body(&story->town), "\"instances\":3,"));
    assert_non_null(strstr(town_body(&story->town), "\"env\":[\"A=1\"],\"meta\":{\"version\":4,"));
    story_expect(story, "PUT", "/apps/none", "{\"instances\":3}", 404, "{\"code\":301,");
}

static void a_failed_staging_is_told_and_its_log_is_kept(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    story->town.staging_fails = true;
    story->town.staging_log = "-----> building\nno main file found\n";
    story_expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 500,
                 "{\"code\":310,\"description\":\"Staging failed: 'no main file found'\"}");
    story_expect(story, "GET", "/apps/shop", "", 200, "{");
    assert_non_null(strstr(town_body(&story->town), "\"state\":\"STOPPED\""));
    story_expect(story, "GET", "/apps/shop/update", "", 200, "{\"state\":\"CANARY_FAILED\",");
    story_expect(story, "GET", "/apps/shop/instances/0/files/logs/staging.log", "", 200,
                 "-----> building\nno main file");
    story->town.staging_fails = false;
    story_expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 200, " ");
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 1);
}

static void a_long_staging_does_not_keep_the_client_waiting_for_ever(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    story->town.staging_holds = true;
    uint64_t before_ns = story->town.now_ns;
    story_expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 200, " ");
    assert_in_range((story->town.now_ns - before_ns) / NS_PER_S, 45, 55);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 0);
    town_release_staging(&story->town);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 1);
}

static void an_update_is_a_new_run(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "PUT", "/apps/shop/update", "", 400,
                 "{\"code\":305,\"description\":\"Operation not permitted on a stopped app\"}");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    story_expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 200, " ");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "other bits"), 200);
    town_forget(&story->town);
    story_expect(story, "PUT", "/apps/shop/update", "", 204, "");
    assert_int_equal(town_heard(&story->town, "dea.stop", ""), 0);           /* Not before it runs (test_updates.c). */
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "-1\""), 1); /* Another droplet: counts from 1. */
    story_expect(story, "PUT", "/apps/shop/update", "{\"meta\":{\"version\":1}}", 400, "{\"code\":102,");
}

static void uploads_are_checked(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    assert_int_equal(town_upload(&story->town, story->ada, "none", "bits"), 404);
    story_expect(story, "PUT", "/apps/shop/application", "bits", 400, "{\"code\":100,"); /* No form at all. */
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n", story->ada);
    const char *form = "_method=put&resources=%5B%5D";
    struct town_conn *conn = town_begin(controller, "POST", "/apps/shop/application", text_string(&headers), form);
    assert_int_equal(town_finish(controller, conn), 500);
    assert_non_null(
        strstr(town_body(&story->town), "{\"code\":402,\"description\":\"App packaging failed: 'no files'\"}"));
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    conn = town_begin(controller, "POST", "/apps/shop/application", text_string(&headers), form);
    assert_int_equal(town_finish(controller, conn), 200);
    conn = town_begin(controller, "POST", "/apps/shop/application", text_string(&headers),
                      "_method=put&resources=%5B%7B%22fn%22%3A%22x%22%7D%5D");
    assert_int_equal(town_finish(controller, conn), 400);
    assert_non_null(strstr(town_body(&story->town), "resources[0].sha1: expected 40 hex digits"));
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bad zip"), 500);
    assert_non_null(strstr(town_body(&story->town), "\"code\":402,\"description\":\"App packaging failed: '../x"));
    conn = town_begin(controller, "POST", "/apps/shop/application", text_string(&headers), "_method=%zz");
    assert_int_equal(town_finish(controller, conn), 400);
    text_free(&headers);
}

static void an_upload_that_breaks_off_leaves_nothing(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Type: multipart/form-data; boundary=1\r\n", story->ada);
    struct town_conn *conn =
        town_begin(controller, "PUT", "/apps/shop/application", text_string(&headers),
                   "--1\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a.zip\"\r\n\r\nhalf of it");
    assert_int_equal(town_finish(controller, conn), 400);
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        assert_int_equal(story->town.blobs[i].writing, 0);
    text_free(&headers);
    assert_int_equal(story->town.entry_count, 4);
}

static void large_uploads_are_refused(void **state)
{
    struct story *story = *state;
    story->town.config.has_max_upload_bytes = true;
    story->town.config.max_upload_bytes = 500;
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    char bits[600];
    memset(bits, 'x', sizeof bits - 1);
    bits[sizeof bits - 1] = '\0';
    assert_int_equal(town_upload(&story->town, story->ada, "shop", bits), 500);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":402,"));
}

static void what_there_is_not_is_404(void **state)
{
    struct story *story = *state;
    story_expect(story, "GET", "/nowhere", "", 404, " ");
    story_expect(story, "PATCH", "/apps", "", 404, " ");
    story_expect(story, "GET", "/apps/shop/instances/0", "", 404, " ");
    story_expect(story, "GET", "/services", "", 200, "[]");
    story_expect(story, "GET", "/info/services", "", 200, "{}");
    story_expect(story, "GET", "/info/runtimes", "", 200, "{\"ruby18\":{\"version\":\"1.8.7\"}");
    story_expect(story, "GET", "/services/db", "", 404, "{\"code\":500,");
    story_expect(story, "POST", "/services", "{}", 400, "{\"description\":");
}

static void a_client_that_leaves_changes_nothing_for_the_others(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\n", story->ada);
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *conn = town_begin(controller, "POST", "/apps", text_string(&headers), CREATE);
    assert_int_equal(town_finish(controller, conn), 0); /* Gone before it was looked at: nothing happens. */
    conn = town_begin(controller, "POST", "/apps", text_string(&headers), CREATE);
    town_release_held(&story->town); /* The journal confirms what the controller knows: for the first, */
    town_release_held(&story->town); /* and for the second. */
    assert_int_equal(controller_view_app_count(controller->machine), 0);
    assert_int_equal(town_finish(controller, conn), 0); /* Gone before the answer. */
    town_release_journal(&story->town);
    text_free(&headers);
    story_expect(story, "GET", "/apps/shop", "", 200, "{\"name\":\"shop\"");
    assert_int_equal(controller_view_pending_count(controller->machine), 0);
    assert_int_equal(machine_open_ops(controller->machine), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin_with_all, story_end)
        STORY(malformed_bodies_name_the_place),
        STORY(a_body_that_is_too_large_is_a_bad_request),
        STORY(descriptions_of_apps_are_checked),
        STORY(quotas_hold),
        STORY(hosts_belong_to_whoever_was_first),
        STORY(short_hosts_can_be_reserved),
        STORY(a_stale_lock_stores_nothing),
        STORY(a_failed_staging_is_told_and_its_log_is_kept),
        STORY(a_long_staging_does_not_keep_the_client_waiting_for_ever),
        STORY(an_update_is_a_new_run),
        STORY(uploads_are_checked),
        STORY(an_upload_that_breaks_off_leaves_nothing),
        STORY(large_uploads_are_refused),
        STORY(what_there_is_not_is_404),
        STORY(a_client_that_leaves_changes_nothing_for_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
