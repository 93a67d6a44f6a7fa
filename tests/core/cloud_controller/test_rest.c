/* What the REST API refuses, and how it says so: every code of the table, and bodies that make no sense. */
#include "tests/core/cloud_controller/town.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HELLO "{\"id\":\"dea1\",\"ip\":\"10.0.0.1\",\"port\":1,\"version\":0.99}"
#define CREATE                                                                                                         \
    "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"shop.cupola.test\"],\"instances\":1,"         \
    "\"resources\":{\"memory\":64}}"

struct story {
    struct town town;
    char *ada, *eve, *admin;
};

static int begin(void **state)
{
    struct story *story = memory_new(sizeof *story);
    town_open(&story->town);
    town_answer(&story->town, "dea.discover", HELLO);
    story->ada = town_token(&story->town, "ada@example.org");
    story->eve = town_token(&story->town, "eve@example.org");
    story->admin = town_token(&story->town, "admin@example.org");
    *state = story;
    return 0;
}

static int end(void **state)
{
    struct story *story = *state;
    town_close(&story->town);
    memory_free(story->ada);
    memory_free(story->eve);
    memory_free(story->admin);
    memory_free(story);
    return 0;
}

/* One request of Ada's, its status, and how its body begins. */
static void expect_of(struct story *story, const char *token, const char *method, const char *path, const char *body,
                      int status, const char *answer)
{
    int found = town_request(&story->town, token, method, path, body);
    if (found != status || strncmp(town_body(&story->town), answer, strlen(answer)) != 0)
        fail_msg("%s %s %s: expected %d %s, found %d %s", method, path, body, status, answer, found,
                 town_body(&story->town));
}

static void expect(struct story *story, const char *method, const char *path, const char *body, int status,
                   const char *answer)
{
    expect_of(story, story->ada, method, path, body, status, answer);
}

static void malformed_bodies_name_the_place(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", "{\"name\":5}", 400,
           "{\"code\":100,\"description\":\"Bad request: line 1: name: expected a string, found");
    expect(story, "POST", "/apps", "{\"name\":", 400, "{\"code\":100,\"description\":\"Bad request: line 1");
    expect(story, "POST", "/apps", "", 400, "{\"code\":100,");
    expect(story, "POST", "/apps", "[1]", 400, "{\"code\":100,");
    expect(story, "POST", "/apps", "{\"staging\":{\"framework\":[]}}", 400,
           "{\"code\":100,\"description\":\"Bad request: line 1: staging.framework: expected a string");
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "PUT", "/apps/shop", "{\"uris\":{}}", 400,
           "{\"code\":100,\"description\":\"Bad request: line 1: uris");
    expect(story, "PUT", "/apps/shop", "{\"instances\":\"many\"}", 400,
           "{\"code\":100,\"description\":\"Bad request: line 1: instances: expected an integer");
    expect(story, "PUT", "/apps/shop", "{\"env\":[\"A=1\",\"B\"]}", 400,
           "{\"code\":100,\"description\":\"Bad request: env[1]: expected NAME=VALUE\"}");
    expect_of(story, NULL, "POST", "/users/ada@example.org/tokens", "secret", 400, "{\"code\":100,");
}

static void users_are_told_why_they_cannot_be(void **state)
{
    struct story *story = *state;
    expect_of(story, NULL, "POST", "/users", "{\"email\":\"ada@example.org\",\"password\":\"x\"}", 400,
              "{\"code\":100,");
    expect_of(story, NULL, "POST", "/users", "{\"email\":\"a b@c\",\"password\":\"x\"}", 400, "{\"code\":100,");
    expect_of(story, NULL, "POST", "/users", "{\"email\":\"bob@example.org\"}", 500, "{\"code\":111,");
    expect_of(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"wrong\"}", 403, "{\"code\":200,");
    expect_of(story, NULL, "POST", "/users/nobody@example.org/tokens", "{\"password\":\"secret\"}", 403,
              "{\"code\":200,\"description\":\"Operation not permitted\"}");
    story->town.hashing_fails = true;
    expect_of(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"secret\"}", 500,
              "{\"code\":111,\"description\":\"System Exception Encountered\"}");
}

static void tokens_are_checked_before_anything_else(void **state)
{
    struct story *story = *state;
    expect_of(story, NULL, "GET", "/apps", "", 403, "{\"code\":200,");
    expect_of(story, "nonsense", "GET", "/apps", "", 403, "{\"code\":200,");
    expect_of(story, "", "GET", "/apps", "", 403, "{\"code\":200,");
    char *forged = memory_copy_text(story->ada);
    size_t last = strlen(forged) - 1;
    forged[last] = forged[last] == '7' ? '6' : '7'; /* Another e-mail address under the same code. */
    expect_of(story, forged, "GET", "/apps", "", 403, "{\"code\":200,");
    expect_of(story, forged, "GET", "/info", "", 200, "{\"name\":\"vcap\",\"build\":2222,");
    assert_null(strstr(town_body(&story->town), "usage"));
    memory_free(forged);
    expect(story, "GET", "/apps", "", 200, "[]");
    town_pass_ms(&story->town, UINT64_C(604800) * 1000);
    expect(story, "GET", "/apps", "", 403, "{\"code\":200,"); /* Expired. */
}

static void wrong_passwords_in_a_row_end_the_looking_for_a_minute(void **state)
{
    struct story *story = *state;
    const char *path = "/users/ada@example.org/tokens";
    for (int i = 0; i < 9; i++)
        expect_of(story, NULL, "POST", path, "{\"password\":\"wrong\"}", 403, "{\"code\":200,");
    expect_of(story, NULL, "POST", path, "{\"password\":\"secret\"}", 200,
              "{\"token\":"); /* Counts from the start again. */
    for (int i = 0; i < 10; i++)
        expect_of(story, NULL, "POST", path, "{\"password\":\"wrong\"}", 403, "{\"code\":200,");
    expect_of(story, NULL, "POST", path, "{\"password\":\"secret\"}", 403, "{\"code\":204,");
    expect(story, "GET", "/apps", "", 200, "[]"); /* Who is logged in goes on. */
    town_pass_ms(&story->town, 60000);
    expect_of(story, NULL, "POST", path, "{\"password\":\"secret\"}", 200, "{\"token\":");
}

static void tokens_can_be_taken_back(void **state)
{
    struct story *story = *state;
    expect(story, "DELETE", "/cupola/v1/users/eve@example.org/tokens", "", 403, "{\"code\":200,");
    expect(story, "DELETE", "/cupola/v1/users/ada@example.org/tokens", "", 204, "");
    expect(story, "GET", "/apps", "", 403, "{\"code\":200,");
    expect_of(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"secret\"}", 200, "{\"token\":");
}

static void roles_say_who_may_do_what(void **state)
{
    struct story *story = *state;
    const char *role = "/cupola/v1/users/eve@example.org/role";
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "PUT", "/apps/shop", "{\"env\":[\"SECRET=1\"]}", 200, "");
    expect(story, "PUT", role, "{\"role\":\"auditor\"}", 403, "{\"code\":200,");
    expect_of(story, story->admin, "PUT", role, "{\"role\":\"king\"}", 400, "{\"code\":100,");
    expect_of(story, story->admin, "PUT", role, "{\"role\":\"auditor\"}", 204, "");
    expect_of(story, story->eve, "GET", "/cupola/v1/users/eve@example.org", "", 200,
              "{\"email\":\"eve@example.org\",\"role\":\"auditor\",");
    expect_of(story, story->eve, "GET", "/users", "", 200, "[{\"email\":\"");
    expect_of(story, story->eve, "POST", "/apps", CREATE, 403, "{\"code\":200,");
    expect_of(story, story->eve, "DELETE", "/users/ada@example.org", "", 403, "{\"code\":200,");
    struct town_controller *controller = &story->town.controllers[0];
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\nProxy-User: ada@example.org\r\n", story->eve);
    struct town_conn *conn = town_begin(controller, "GET", "/apps/shop", text_string(&headers), "");
    town_pass_ms(&story->town, 1000);
    assert_int_equal(town_finish(controller, conn), 200);
    assert_null(strstr(town_body(&story->town), "SECRET")); /* Looks at everything but secrets. */
    conn = town_begin(controller, "PUT", "/apps/shop", text_string(&headers), "{}");
    assert_int_equal(town_finish(controller, conn), 403);
    text_free(&headers);
    expect_of(story, story->admin, "PUT", role, "{\"role\":\"admin\"}", 204, "");
    expect_of(story, story->eve, "PUT", "/cupola/v1/users/ada@example.org/role", "{\"role\":\"developer\"}", 204, "");
}

static void who_asks_too_often_has_to_wait(void **state)
{
    struct story *story = *state;
    int status = 200, asked = 0;
    for (; asked < 1100 && status == 200; asked++)
        status = town_request(&story->town, story->ada, "GET", "/cupola/v1/users/ada@example.org", "");
    assert_int_equal(status, 403);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":203,"));
    assert_in_range(asked, 990, 1010);
    expect_of(story, story->eve, "GET", "/cupola/v1/users/eve@example.org", "", 200, ""); /* It is one's own bucket. */
    town_pass_ms(&story->town, 20);
    expect(story, "GET", "/cupola/v1/users/ada@example.org", "", 200, "");
}

static void two_logins_a_second_apart_give_two_tokens(void **state)
{
    struct story *story = *state;
    town_pass_ms(&story->town, 1000);
    char *second = town_token(&story->town, "ada@example.org");
    assert_string_not_equal(story->ada, second);
    memory_free(second);
}

static void passwords_change_for_oneself_and_by_admins(void **state)
{
    struct story *story = *state;
    expect(story, "GET", "/users/ada%40example.org", "", 200, "{\"email\":\"ada@example.org\",\"admin\":false}");
    expect(story, "PUT", "/users/ada@example.org", "{\"email\":\"ada@example.org\",\"password\":\"new\"}", 204, "");
    expect_of(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"secret\"}", 403, "{\"code\":200,");
    expect_of(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"new\"}", 200, "{\"token\":");
    expect(story, "PUT", "/users/eve@example.org", "{\"password\":\"new\"}", 403, "{\"code\":200,");
    expect_of(story, story->admin, "PUT", "/users/eve@example.org", "{\"password\":\"new\"}", 204, "");
    expect_of(story, story->admin, "PUT", "/users/bob@example.org", "{\"password\":\"new\"}", 403, "{\"code\":201,");
}

static void admins_see_everybody_and_act_for_anybody(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "GET", "/users", "", 403, "{\"code\":200,");
    expect_of(story, story->admin, "GET", "/users", "", 200,
              "[{\"email\":\"admin@example.org\",\"admin\":true,\"apps\":[]},{\"email\":\"ada@example.org\",\"admin\":"
              "false,\"apps\":[{\"name\":\"shop\",\"state\":\"STOPPED\"}]},");
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\nProxy-User: ada@example.org\r\n", story->admin);
    struct town_controller *controller = &story->town.controllers[0];
    struct town_conn *conn = town_begin(controller, "GET", "/apps/shop", text_string(&headers), "");
    assert_int_equal(town_finish(controller, conn), 200);
    text_clear(&headers);
    text_addf(&headers, "Authorization: %s\r\nProxy-User: nobody@example.org\r\n", story->admin);
    conn = town_begin(controller, "GET", "/apps", text_string(&headers), "");
    assert_int_equal(town_finish(controller, conn), 403);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":201,"));
    text_clear(&headers);
    text_addf(&headers, "Authorization: %s\r\nProxy-User: ada@example.org\r\n", story->eve);
    conn = town_begin(controller, "GET", "/apps", text_string(&headers), "");
    assert_int_equal(town_finish(controller, conn), 403);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":200,"));
    text_free(&headers);
}

static void a_deleted_user_takes_the_apps_along(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "POST", "/apps", "{\"name\":\"two\",\"staging\":{\"framework\":\"node\"}}", 302, "");
    expect(story, "DELETE", "/users/ada@example.org", "", 403, "{\"code\":200,");
    expect_of(story, story->admin, "DELETE", "/users/ada@example.org", "", 204, "");
    assert_int_equal(controller_view_app_count(story->town.controllers[0].machine), 0);
    expect_of(story, story->admin, "DELETE", "/users/ada@example.org", "", 403, "{\"code\":201,");
    expect(story, "GET", "/apps", "", 403, "{\"code\":200,"); /* The token of nobody. */
}

static void registration_can_be_left_to_admins(void **state)
{
    struct story *story = *state;
    story->town.config.has_allow_registration = true;
    story->town.config.allow_registration = false;
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);
    expect_of(story, NULL, "POST", "/users", "{\"email\":\"b@example.org\",\"password\":\"x\"}", 403, "{\"code\":200,");
    expect_of(story, story->admin, "POST", "/users", "{\"email\":\"b@example.org\",\"password\":\"x\"}", 204, "");
}

static void descriptions_of_apps_are_checked(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", "{\"name\":\"a b\",\"staging\":{\"framework\":\"node\"}}", 400, "{\"code\":300,");
    expect(story, "POST", "/apps", "{\"staging\":{\"framework\":\"node\"}}", 400, "{\"code\":300,");
    expect(story, "POST", "/apps", "{\"name\":\"a\"}", 400, "{\"code\":300,");
    expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"cobol\"}}", 400, "{\"code\":300,");
    expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{}}", 400,
           "{\"code\":308,\"description\":\"Invalid framework description: 'NONE'\"}");
    expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\",\"runtime\":\"java\"}}", 400,
           "{\"code\":307,\"description\":\"Invalid runtime specification [java] for framework: 'node'\"}");
    expect(
        story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"instances\":-1}", 400,
        "{\"code\":300,\"description\":\"Invalid application description: instances: -1 is not between 0 and 1024\"}");
    expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"resources\":{\"memory\":0}}",
           400, "{\"code\":300,");
    expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"services\":[\"db\"]}", 404,
           "{\"code\":500,\"description\":\"Service not found\"}");
    expect(story, "POST", "/apps", "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"env\":[\"VCAP_X=1\"]}", 403,
           "{\"code\":200,");
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "POST", "/apps", CREATE, 400, "{\"code\":300,");
    expect(story, "POST", "/apps",
           "{\"name\":\"old\",\"staging\":{\"model\":\"http://b20nine.com/unknown\",\"stack\":\"ruby foo.rb\"}}", 302,
           "");
    expect(story, "GET", "/apps/old", "", 200,
           "{\"name\":\"old\",\"staging\":{\"model\":\"sinatra\",\"stack\":\"ruby18\"},");
}

static void quotas_hold(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\",\"instances\":33}", 403,
           "{\"code\":600,\"description\":\"Not enough memory capacity, you're allowed: 2048M\"}");
    expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\",\"instances\":32}", 200, "");
    expect(story, "PUT", "/apps/shop", "{\"instances\":33}", 403, "{\"code\":600,");
    expect(story, "PUT", "/apps/shop", "{\"instances\":5}", 200, "");
    expect(story, "PUT", "/apps/shop",
           "{\"uris\":[\"a.cupola.test\",\"b.cupola.test\",\"c.cupola.test\",\"d.cupola.test\",\"e.cupola.test\"]}",
           403, "{\"code\":602,\"description\":\"Too many URIs: 5, you're allowed: 4\"}");
    for (int i = 1; i < 20; i++) {
        char body[100];
        snprintf(body, sizeof body, "{\"name\":\"app%d\",\"staging\":{\"framework\":\"node\"}}", i);
        expect(story, "POST", "/apps", body, 302, "");
    }
    expect(story, "POST", "/apps", "{\"name\":\"more\",\"staging\":{\"framework\":\"node\"}}", 403,
           "{\"code\":601,\"description\":\"Too many applications: 20, you're allowed: 20\"}");
    expect(story, "GET", "/info", "", 200, "{\"name\":");
    assert_non_null(strstr(town_body(&story->town), "\"usage\":{\"memory\":320,\"apps\":1,\"services\":0}"));
}

static void hosts_belong_to_whoever_was_first(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect_of(
        story, story->eve, "POST", "/apps", CREATE, 400,
        "{\"code\":701,\"description\":\"The URI: \\\"shop.cupola.test\\\" has already been taken or reserved\"}");
    expect_of(story, story->eve, "POST", "/apps",
              "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"api.cupola.test\"]}", 400,
              "{\"code\":701,");
    expect_of(story, story->eve, "POST", "/apps",
              "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"www.example.org\"]}", 403,
              "{\"code\":702,\"description\":\"External URIs are not enabled for this account\"}");
    expect_of(story, story->eve, "POST", "/apps",
              "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"a b.cupola.test\"]}", 400,
              "{\"code\":700,\"description\":\"Invalid URI: \\\"a b.cupola.test\\\"\"}");
    expect_of(story, story->admin, "POST", "/apps",
              "{\"name\":\"a\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"www.example.org\"]}", 302, "");
    /* A failed create leaves nothing behind; one user may map one host twice. */
    expect_of(story, story->eve, "GET", "/apps", "", 200, "[]");
    expect(story, "POST", "/apps",
           "{\"name\":\"b\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"shop.cupola.test\"]}", 302, "");
}

static void a_stale_lock_stores_nothing(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "PUT", "/apps/shop", "{\"instances\":3,\"meta\":{\"version\":1}}", 200, " ");
    expect(story, "PUT", "/apps/shop", "{\"instances\":4,\"meta\":{\"version\":1}}", 400,
           "{\"code\":102,\"description\":\"Optimistic locking failure\"}");
    expect(story, "PUT", "/apps/shop", "{\"env\":[\"A=1\",\"A=1\"],\"console\":true}", 200, " ");
    expect(story, "PUT", "/apps/shop", "{\"instances\":3}", 200, " ");
    expect(story, "GET", "/apps/shop", "", 200, "{\"name\":\"shop\"");
    assert_non_null(strstr(town_body(&story->town), "\"instances\":3,"));
    assert_non_null(strstr(town_body(&story->town), "\"env\":[\"A=1\"],\"meta\":{\"version\":4,"));
    expect(story, "PUT", "/apps/none", "{\"instances\":3}", 404, "{\"code\":301,");
}

static void a_failed_staging_is_told_and_its_log_is_kept(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    story->town.staging_fails = true;
    story->town.staging_log = "-----> building\nno main file found\n";
    expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 500,
           "{\"code\":310,\"description\":\"Staging failed: 'no main file found'\"}");
    expect(story, "GET", "/apps/shop", "", 200, "{");
    assert_non_null(strstr(town_body(&story->town), "\"state\":\"STOPPED\""));
    expect(story, "GET", "/apps/shop/update", "", 200, "{\"state\":\"CANARY_FAILED\",");
    expect(story, "GET", "/apps/shop/instances/0/files/logs/staging.log", "", 200, "-----> building\nno main file");
    story->town.staging_fails = false;
    expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 200, " ");
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 1);
}

static void a_long_staging_does_not_keep_the_client_waiting_for_ever(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    story->town.staging_holds = true;
    uint64_t before_ns = story->town.now_ns;
    expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 200, " ");
    assert_in_range((story->town.now_ns - before_ns) / NS_PER_S, 45, 55);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 0);
    town_release_staging(&story->town);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 1);
}

static void an_update_is_a_new_run(void **state)
{
    struct story *story = *state;
    expect(story, "POST", "/apps", CREATE, 302, "");
    expect(story, "PUT", "/apps/shop/update", "", 400,
           "{\"code\":305,\"description\":\"Operation not permitted on a stopped app\"}");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    expect(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}", 200, " ");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "other bits"), 200);
    town_forget(&story->town);
    expect(story, "PUT", "/apps/shop/update", "", 204, "");
    assert_int_equal(town_heard(&story->town, "dea.stop", ""), 0);           /* Not before it runs (test_updates.c). */
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "-1\""), 1); /* Another droplet: counts from 1. */
    expect(story, "PUT", "/apps/shop/update", "{\"meta\":{\"version\":1}}", 400, "{\"code\":102,");
}

static void uploads_are_checked(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    expect(story, "POST", "/apps", CREATE, 302, "");
    assert_int_equal(town_upload(&story->town, story->ada, "none", "bits"), 404);
    expect(story, "PUT", "/apps/shop/application", "bits", 400, "{\"code\":100,"); /* No form at all. */
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
    expect(story, "POST", "/apps", CREATE, 302, "");
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
    expect(story, "POST", "/apps", CREATE, 302, "");
    char bits[600];
    memset(bits, 'x', sizeof bits - 1);
    bits[sizeof bits - 1] = '\0';
    assert_int_equal(town_upload(&story->town, story->ada, "shop", bits), 500);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":402,"));
}

static void what_there_is_not_is_404(void **state)
{
    struct story *story = *state;
    expect(story, "GET", "/nowhere", "", 404, " ");
    expect(story, "PATCH", "/apps", "", 404, " ");
    expect(story, "GET", "/apps/shop/instances/0", "", 404, " ");
    expect(story, "GET", "/services", "", 200, "[]");
    expect(story, "GET", "/info/services", "", 200, "{}");
    expect(story, "GET", "/info/runtimes", "", 200, "{\"ruby18\":{\"version\":\"1.8.7\"}");
    expect(story, "GET", "/services/db", "", 404, "{\"code\":500,");
    expect(story, "POST", "/services", "{}", 404, "{\"code\":500,");
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
    expect(story, "GET", "/apps/shop", "", 200, "{\"name\":\"shop\"");
    assert_int_equal(controller_view_pending_count(controller->machine), 0);
    assert_int_equal(machine_open_ops(controller->machine), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
        STORY(malformed_bodies_name_the_place),
        STORY(users_are_told_why_they_cannot_be),
        STORY(tokens_are_checked_before_anything_else),
        STORY(wrong_passwords_in_a_row_end_the_looking_for_a_minute),
        STORY(tokens_can_be_taken_back),
        STORY(roles_say_who_may_do_what),
        STORY(who_asks_too_often_has_to_wait),
        STORY(two_logins_a_second_apart_give_two_tokens),
        STORY(passwords_change_for_oneself_and_by_admins),
        STORY(admins_see_everybody_and_act_for_anybody),
        STORY(a_deleted_user_takes_the_apps_along),
        STORY(registration_can_be_left_to_admins),
        STORY(descriptions_of_apps_are_checked),
        STORY(quotas_hold),
        STORY(hosts_belong_to_whoever_was_first),
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
