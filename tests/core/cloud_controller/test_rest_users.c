/* Accounts, tokens, passwords and roles: who may do what, and how refusals are said. */
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

static void users_are_told_why_they_cannot_be(void **state)
{
    struct story *story = *state;
    story_expect_as(story, NULL, "POST", "/users", "{\"email\":\"ada@example.org\",\"password\":\"x\"}", 400,
                    "{\"code\":100,");
    story_expect_as(story, NULL, "POST", "/users", "{\"email\":\"a b@c\",\"password\":\"x\"}", 400, "{\"code\":100,");
    story_expect_as(story, NULL, "POST", "/users", "{\"email\":\"bob@example.org\"}", 500, "{\"code\":111,");
    story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"wrong\"}", 403,
                    "{\"code\":200,");
    story_expect_as(story, NULL, "POST", "/users/nobody@example.org/tokens", "{\"password\":\"secret\"}", 403,
                    "{\"code\":200,\"description\":\"Operation not permitted\"}");
    story->town.hashing_fails = true;
    story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"secret\"}", 500,
                    "{\"code\":111,\"description\":\"System Exception Encountered\"}");
}

static void tokens_are_checked_before_anything_else(void **state)
{
    struct story *story = *state;
    story_expect_as(story, NULL, "GET", "/apps", "", 403, "{\"code\":200,");
    story_expect_as(story, "nonsense", "GET", "/apps", "", 403, "{\"code\":200,");
    story_expect_as(story, "", "GET", "/apps", "", 403, "{\"code\":200,");
    char *forged = memory_copy_text(story->ada);
    size_t last = strlen(forged) - 1;
    forged[last] = forged[last] == '7' ? '6' : '7'; /* Another e-mail address under the same code. */
    story_expect_as(story, forged, "GET", "/apps", "", 403, "{\"code\":200,");
    story_expect_as(story, forged, "GET", "/info", "", 200, "{\"name\":\"vcap\",\"build\":2222,");
    assert_null(strstr(town_body(&story->town), "usage"));
    memory_free(forged);
    story_expect(story, "GET", "/apps", "", 200, "[]");
    assert_string_equal(town_body(&story->town), "[]");
    town_pass_ms(&story->town, UINT64_C(604800) * 1000);
    story_expect(story, "GET", "/apps", "", 403, "{\"code\":200,"); /* Expired. */
}

static void wrong_passwords_in_a_row_end_the_looking_for_a_minute(void **state)
{
    struct story *story = *state;
    const char *path = "/users/ada@example.org/tokens";
    for (int i = 0; i < 9; i++)
        story_expect_as(story, NULL, "POST", path, "{\"password\":\"wrong\"}", 403, "{\"code\":200,");
    story_expect_as(story, NULL, "POST", path, "{\"password\":\"secret\"}", 200,
                    "{\"token\":"); /* Counts from the start again. */
    for (int i = 0; i < 10; i++)
        story_expect_as(story, NULL, "POST", path, "{\"password\":\"wrong\"}", 403, "{\"code\":200,");
    story_expect_as(story, NULL, "POST", path, "{\"password\":\"secret\"}", 403, "{\"code\":204,");
    story_expect(story, "GET", "/apps", "", 200, "[]");
    assert_string_equal(town_body(&story->town), "[]"); /* Who is logged in goes on. */
    town_pass_ms(&story->town, 60000);
    story_expect_as(story, NULL, "POST", path, "{\"password\":\"secret\"}", 200, "{\"token\":");
}

static void logins_one_after_the_other_are_not_too_many_at_once(void **state)
{
    struct story *story = *state;
    for (int i = 0; i < 40; i++) {
        story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"secret\"}", 200,
                        "{\"token\":");
        story_expect(story, "PUT", "/users/ada@example.org", "{\"password\":\"secret\"}", 204, "");
    }
}

static void tokens_can_be_taken_back(void **state)
{
    struct story *story = *state;
    story_expect(story, "DELETE", "/cupola/v1/users/eve@example.org/tokens", "", 403, "{\"code\":200,");
    story_expect(story, "DELETE", "/cupola/v1/users/ada@example.org/tokens", "", 204, "");
    story_expect(story, "GET", "/apps", "", 403, "{\"code\":200,");
    story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"secret\"}", 200,
                    "{\"token\":");
}

static void roles_say_who_may_do_what(void **state)
{
    struct story *story = *state;
    const char *role = "/cupola/v1/users/eve@example.org/role";
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "PUT", "/apps/shop", "{\"env\":[\"SECRET=1\"]}", 200, "");
    story_expect(story, "PUT", role, "{\"role\":\"auditor\"}", 403, "{\"code\":200,");
    story_expect_as(story, story->admin, "PUT", role, "{\"role\":\"king\"}", 400, "{\"code\":100,");
    story_expect_as(story, story->admin, "PUT", role, "{\"role\":\"auditor\"}", 204, "");
    story_expect_as(story, story->eve, "GET", "/cupola/v1/users/eve@example.org", "", 200,
                    "{\"email\":\"eve@example.org\",\"role\":\"auditor\",");
    story_expect_as(story, story->eve, "GET", "/users", "", 200, "[{\"email\":\"");
    story_expect_as(story, story->eve, "POST", "/apps", CREATE, 403, "{\"code\":200,");
    story_expect_as(story, story->eve, "DELETE", "/users/ada@example.org", "", 403, "{\"code\":200,");
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
    story_expect_as(story, story->admin, "PUT", role, "{\"role\":\"admin\"}", 204, "");
    story_expect_as(story, story->eve, "PUT", "/cupola/v1/users/ada@example.org/role", "{\"role\":\"developer\"}", 204,
                    "");
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
    story_expect_as(story, story->eve, "GET", "/cupola/v1/users/eve@example.org", "", 200,
                    ""); /* It is one's own bucket. */
    town_pass_ms(&story->town, 20);
    story_expect(story, "GET", "/cupola/v1/users/ada@example.org", "", 200, "");
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
    story_expect(story, "GET", "/users/ada%40example.org", "", 200, "{\"email\":\"ada@example.org\",\"admin\":false}");
    story_expect(story, "PUT", "/users/ada@example.org", "{\"email\":\"ada@example.org\",\"password\":\"new\"}", 204,
                 "");
    story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"secret\"}", 403,
                    "{\"code\":200,");
    story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", "{\"password\":\"new\"}", 200, "{\"token\":");
    story_expect(story, "PUT", "/users/eve@example.org", "{\"password\":\"new\"}", 403, "{\"code\":200,");
    story_expect_as(story, story->admin, "PUT", "/users/eve@example.org", "{\"password\":\"new\"}", 204, "");
    story_expect_as(story, story->admin, "PUT", "/users/bob@example.org", "{\"password\":\"new\"}", 403,
                    "{\"code\":201,");
}

static void admins_see_everybody_and_act_for_anybody(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "GET", "/users", "", 403, "{\"code\":200,");
    story_expect_as(
        story, story->admin, "GET", "/users", "", 200,
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
    story_expect(story, "POST", "/apps", CREATE, 302, "");
    story_expect(story, "POST", "/apps", "{\"name\":\"two\",\"staging\":{\"framework\":\"node\"}}", 302, "");
    story_expect(story, "DELETE", "/users/ada@example.org", "", 403, "{\"code\":200,");
    story_expect_as(story, story->admin, "DELETE", "/users/ada@example.org", "", 204, "");
    assert_int_equal(controller_view_app_count(story->town.controllers[0].machine), 0);
    story_expect_as(story, story->admin, "DELETE", "/users/ada@example.org", "", 403, "{\"code\":201,");
    story_expect(story, "GET", "/apps", "", 403, "{\"code\":200,"); /* The token of nobody. */
}

static void an_address_that_is_used_again_is_another_user(void **state)
{
    struct story *story = *state;
    story_expect_as(story, story->admin, "DELETE", "/users/eve@example.org", "", 204, "");
    char *later = town_token(&story->town, "eve@example.org");
    story_expect_as(story, story->eve, "GET", "/apps", "", 403, "{\"code\":200,"); /* Who had it before is nobody. */
    story_expect_as(story, later, "GET", "/apps", "", 200, "[]");
    memory_free(later);
}

static void a_proxied_user_means_nothing_where_a_password_is_shown(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    struct town_conn *conn =
        town_begin(controller, "POST", "/users/ada@example.org/tokens",
                   "Proxy-User: eve@example.org\r\nAuthorization: nonsense\r\n", "{\"password\":\"secret\"}");
    assert_int_equal(town_finish(controller, conn), 200);
}

static void restart_with_config(struct story *story)
{
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);
}

static int as_over(struct story *story, const char *protocol, const char *token, const char *method, const char *path,
                   const char *body)
{
    struct town_controller *controller = &story->town.controllers[0];
    struct text headers = {0};
    text_addf(&headers, "X-Forwarded-Proto: %s\r\n", protocol);
    if (token != NULL)
        text_addf(&headers, "Authorization: %s\r\n", token);
    struct town_conn *conn = town_begin(controller, method, path, text_string(&headers), body);
    text_free(&headers);
    town_pass_ms(&story->town, 1000);
    return town_finish(controller, conn);
}

static void https_can_be_required(void **state)
{
    struct story *story = *state;
    static const char *const login = "{\"password\":\"secret\"}";
    story->town.config.has_https_required_for_admins = story->town.config.https_required_for_admins = true;
    restart_with_config(story);
    story_expect(story, "GET", "/apps", "", 200, "[]");
    story_expect_as(story, story->admin, "GET", "/apps", "", 403, "{\"code\":202,\"description\":\"HTTPS required\"}");
    story_expect_as(story, NULL, "POST", "/users/admin@example.org/tokens", login, 403, "{\"code\":202,");
    assert_int_equal(as_over(story, "https", story->admin, "GET", "/apps", ""), 200);
    story->town.config.has_https_required = story->town.config.https_required = true;
    restart_with_config(story);
    story_expect(story, "GET", "/apps", "", 403, "{\"code\":202,");
    story_expect(story, "GET", "/info", "", 403, "{\"code\":202,"); /* The token has been told to everybody. */
    story_expect_as(story, NULL, "GET", "/info", "", 200, "{\"name\":");
    story_expect_as(story, NULL, "POST", "/users/ada@example.org/tokens", login, 403, "{\"code\":202,");
    story_expect_as(story, NULL, "POST", "/users", "{\"email\":\"b@example.org\",\"password\":\"x\"}", 403,
                    "{\"code\":202,");
    assert_int_equal(as_over(story, "http", story->ada, "GET", "/apps", ""), 403);
    assert_int_equal(as_over(story, "https", story->ada, "GET", "/apps", ""), 200);
    assert_int_equal(as_over(story, "https", NULL, "POST", "/users/ada@example.org/tokens", login), 200);
}

static void strangers_cannot_become_users_without_end(void **state)
{
    struct story *story = *state;
    story->town.config.has_max_users = true;
    story->town.config.max_users = 4; /* Ada, Eve and the admin are there. */
    restart_with_config(story);
    story_expect_as(story, NULL, "POST", "/users", "{\"email\":\"b@example.org\",\"password\":\"x\"}", 204, "");
    story_expect_as(story, NULL, "POST", "/users", "{\"email\":\"c@example.org\",\"password\":\"x\"}", 403,
                    "{\"code\":205,");
    story_expect_as(story, story->admin, "POST", "/users", "{\"email\":\"c@example.org\",\"password\":\"x\"}", 204, "");
}

static void registration_can_be_left_to_admins(void **state)
{
    struct story *story = *state;
    story->town.config.has_allow_registration = true;
    story->town.config.allow_registration = false;
    restart_with_config(story);
    story_expect_as(story, NULL, "POST", "/users", "{\"email\":\"b@example.org\",\"password\":\"x\"}", 403,
                    "{\"code\":200,");
    story_expect_as(story, story->admin, "POST", "/users", "{\"email\":\"b@example.org\",\"password\":\"x\"}", 204, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin_with_all, story_end)
        STORY(users_are_told_why_they_cannot_be),
        STORY(tokens_are_checked_before_anything_else),
        STORY(wrong_passwords_in_a_row_end_the_looking_for_a_minute),
        STORY(logins_one_after_the_other_are_not_too_many_at_once),
        STORY(tokens_can_be_taken_back),
        STORY(roles_say_who_may_do_what),
        STORY(who_asks_too_often_has_to_wait),
        STORY(two_logins_a_second_apart_give_two_tokens),
        STORY(passwords_change_for_oneself_and_by_admins),
        STORY(admins_see_everybody_and_act_for_anybody),
        STORY(a_deleted_user_takes_the_apps_along),
        STORY(an_address_that_is_used_again_is_another_user),
        STORY(a_proxied_user_means_nothing_where_a_password_is_shown),
        STORY(https_can_be_required),
        STORY(strangers_cannot_become_users_without_end),
        STORY(registration_can_be_left_to_admins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
