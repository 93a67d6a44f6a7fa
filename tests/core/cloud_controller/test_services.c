/* Services: gateways offer them, users make, bind and delete them, and nothing that was made is forgotten. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"
#include "core/proto/config.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ANSWER(size, body) "HTTP/1.1 200 OK\r\nContent-Length: " #size "\r\n\r\n" body
#define MADE                                                                                                           \
    ANSWER(107, "{\"service_id\":\"s1\",\"data\":{\"plan\":\"free\"},\"credentials\":{\"hostname\":\"10.0.0.5\","      \
                "\"port\":6379,\"password\":\"p\"}}")
#define BOUND                                                                                                          \
    ANSWER(88, "{\"service_id\":\"h1\",\"configuration\":{},\"credentials\":{\"hostname\":\"10.0.0.5\",\"port\":6379}" \
               "}")
#define DONE ANSWER(2, "{}")
#define OFFER                                                                                                          \
    "{\"label\":\"redis-2.2\",\"url\":\"http://10.0.0.5:7000/\",\"description\":\"Redis\",\"tags\":[\"kv\"],"          \
    "\"plans\":[\"free\"],\"active\":true}"
#define WANT "{\"type\":\"key-value\",\"vendor\":\"redis\",\"version\":\"2.2\",\"tier\":\"free\",\"name\":\"cache\"}"

static int as_gateway(struct story *story, const char *token, const char *method, const char *path, const char *body)
{
    char headers[200];
    snprintf(headers, sizeof headers, "X-VCAP-Service-Token: %s\r\nContent-Type: application/json\r\n", token);
    struct town_controller *controller = &story->town.controllers[0];
    return town_finish(controller, town_begin(controller, method, path, headers, body));
}

static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    story_trust_gateway(story);
    story->eve = town_token(&story->town, "eve@example.org");
    assert_int_equal(as_gateway(story, "shared", "POST", "/services/v1/offerings", OFFER), 200);
    return 0;
}

static void create(struct story *story)
{
    story->town.viewer_answer = MADE;
    story_expect(story, "POST", "/services", WANT, 200, "{}");
}

static void create_and_bind(struct story *story)
{
    create(story);
    story_expect(
        story, "POST", "/apps",
        "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"instances\":1,\"resources\":{\"memory\":64}}", 302,
        "");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    story->town.viewer_answer = BOUND;
    story_expect(story, "PUT", "/apps/shop", "{\"services\":[\"cache\"],\"state\":\"STARTED\"}", 200, "");
}

static bool gateway_was_asked(const struct story *story, const char *part)
{
    return strstr(text_string(&story->town.viewer_request), part) != NULL;
}

static void gateways_need_their_token(void **state)
{
    struct story *story = *state;
    assert_int_equal(as_gateway(story, "wrong", "POST", "/services/v1/offerings", OFFER), 403);
    assert_int_equal(
        as_gateway(story, "shared", "POST", "/services/v1/offerings", "{\"label\":\"mysql-5\",\"url\":\"http://x:1\"}"),
        403);
    assert_int_equal(town_request(&story->town, NULL, "POST", "/services/v1/offerings", "{}"), 400);
    struct town_controller *controller = &story->town.controllers[0];
    struct town_conn *conn = town_begin(controller, "POST", "/services/v1/offerings",
                                        "X-VCAP-Service-Token: shared\r\nContent-Type: text/json\r\n", "{}");
    assert_int_equal(town_finish(controller, conn), 400);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":100,")); /* Before what is in it. */
    assert_int_equal(as_gateway(story, "shared", "POST", "/services/v1/offerings", "{\"label\":\"redis\"}"), 400);
    assert_non_null(strstr(town_body(&story->town), "{\"errors\":\"label"));
    assert_int_equal(town_request(&story->town, story->ada, "GET", "/services/v1/offerings/redis-2.2/handles", ""),
                     403);
    uint64_t entries = story->town.entry_count;
    assert_int_equal(as_gateway(story, "shared", "POST", "/services/v1/offerings", OFFER), 200);
    assert_int_equal(story->town.entry_count, entries); /* Nothing new. */
    story_expect(
        story, "GET", "/info/services", "", 200,
        "{\"key-value\":{\"redis\":{\"2.2\":{\"id\":\"redis-2.2\",\"vendor\":\"redis\",\"version\":\"2.2\","
        "\"type\":\"key-value\",\"description\":\"Redis\",\"tiers\":{\"free\":{\"options\":{},\"order\":1}}}}}}");
    assert_int_equal(as_gateway(story, "shared", "DELETE", "/services/v1/offerings/redis-2.2", ""), 200);
    story_expect(story, "GET", "/info/services", "", 200, "{}");
    story_expect(story, "POST", "/services", WANT, 404, "\"code\":500");
    story_expect(story, "POST", "/services", "{\"vendor\":5}", 400,
                 "{\"description\":\"line 1: vendor: expected a string, found 5\"}");
    story_expect(story, "POST", "/services", "{\"name\":\"x\"}", 400, "{\"description\":\"vendor: missing\"}");
}

static void a_service_is_made_bound_and_deleted(void **state)
{
    struct story *story = *state;
    create_and_bind(story);
    assert_true(gateway_was_asked(story, "POST /gateway/v1/configurations/s1/handles HTTP/1.1"));
    assert_true(gateway_was_asked(story, "X-VCAP-Service-Token: shared"));
    story_expect(story, "GET", "/services/cache", "", 200,
                 "{\"name\":\"cache\",\"type\":\"key-value\",\"vendor\":\"redis\"");
    story_expect(story, "GET", "/apps/shop", "", 200, "\"services\":[\"cache\"]");
    story_expect(story, "GET", "/info", "", 200, "\"services\":1}");
    assert_int_equal(
        town_heard(&story->town, "dea.dea1.start", "\"credentials\":{\"hostname\":\"10.0.0.5\",\"port\":6379}"), 1);
    assert_int_equal(as_gateway(story, "shared", "GET", "/services/v1/offerings/redis-2.2/handles", ""), 200);
    assert_non_null(
        strstr(town_body(&story->town), "{\"handles\":[{\"service_id\":\"s1\",\"configuration\":{\"plan\":"));
    assert_non_null(strstr(town_body(&story->town), "{\"service_id\":\"h1\""));
    story_expect(story, "POST", "/services", WANT, 400, "{\"description\":");
    assert_int_equal(town_request(&story->town, story->eve, "GET", "/services/cache", ""), 404);
    story->town.viewer_answer = DONE;
    story_expect(story, "PUT", "/apps/shop", "{\"services\":[]}", 200, "");
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1/handles/h1 HTTP/1.1"));
    assert_true(gateway_was_asked(story, "{\"service_id\":\"s1\",\"handle_id\":\"h1\",\"binding_options\":{}}"));
    story_expect(story, "DELETE", "/services/cache", "", 200, "{}");
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1 HTTP/1.1"));
    story_expect(story, "GET", "/services", "", 200, "[]");
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 60000);
    assert_int_equal(story->town.viewer_request.size, 0); /* The gateway has confirmed it. */
}

static void the_services_of_a_user_go_with_her(void **state)
{
    struct story *story = *state;
    create_and_bind(story);
    char *admin = town_token(&story->town, "admin@example.org");
    story->town.viewer_answer = DONE;
    text_clear(&story->town.viewer_request);
    story_expect_as(story, admin, "DELETE", "/users/ada@example.org", "", 204, "");
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1 HTTP/1.1"));
    memory_free(admin);
}

static void what_a_gateway_cannot_delete_is_tried_again(void **state)
{
    struct story *story = *state;
    create_and_bind(story);
    story->town.viewer_answer = "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    story_expect(story, "DELETE", "/services/cache", "", 200, "{}");
    story_expect(story, "GET", "/apps/shop", "", 200, "\"services\":[]"); /* Its bindings are gone with it. */
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]); /* Known still. */
    story->town.viewer_answer = DONE;
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 30000);
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1 HTTP/1.1"));
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 60000);
    assert_int_equal(story->town.viewer_request.size, 0);
}

static void what_comes_too_late_is_deleted(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    char headers[300];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", story->ada);
    story->town.viewer_answer = "";
    struct town_conn *conn = town_begin(controller, "POST", "/services", headers, WANT);
    town_pass_ms(&story->town, 31000);
    assert_int_equal(town_finish(controller, conn), 500);
    assert_non_null(strstr(town_body(&story->town), "\"code\":503"));
    story_expect(story, "GET", "/services", "", 200, "[]");
    struct town_conn *late = NULL;
    for (size_t i = 0; i < TOWN_CONNS; i++)
        if (controller->conns[i].port == 7000)
            late = &controller->conns[i];
    assert_non_null(late);
    story->town.viewer_answer = DONE;
    town_push_bytes(controller, late, MADE, strlen(MADE));
    late->peer_finished = true;
    town_settle(&story->town);
    town_pass_ms(&story->town, 20000);
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1 HTTP/1.1"));
}

static void a_binding_that_no_change_records_is_deleted(void **state)
{
    struct story *story = *state;
    create_and_bind(story);
    story->town.viewer_answer = DONE;
    story_expect(story, "PUT", "/apps/shop", "{}", 200, ""); /* v1: without the key all are unbound. */
    story->town.viewer_answer = BOUND;
    text_clear(&story->town.viewer_request);
    story_expect(story, "PUT", "/apps/shop", "{\"services\":[\"cache\"],\"resources\":{\"memory\":99999999}}", 400, "");
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1/handles/h1 HTTP/1.1"));
    story_expect(story, "PUT", "/apps/shop", "{\"services\":[\"none\"]}", 404, "\"code\":500");
    story->town.viewer_answer = "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    story_expect(story, "PUT", "/apps/shop", "{\"services\":[\"cache\"]}", 500, "\"code\":503");
    story_expect(story, "GET", "/apps/shop", "", 200, "\"services\":[]");
}

#define UNKNOWN "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

/* It was started anew, and knows what its handles name. */
static void a_gateway_that_has_forgotten_is_told_what_is_still_to_go(void **state)
{
    struct story *story = *state;
    create_and_bind(story);
    story->town.viewer_answer = UNKNOWN;
    story_expect(story, "PUT", "/apps/shop", "{\"services\":[]}", 200, "");
    town_pass_ms(&story->town, 60000);
    assert_int_equal(as_gateway(story, "shared", "GET", "/services/v1/offerings/redis-2.2/handles", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "{\"service_id\":\"h1\",\"configuration\":{},\"credentials\":"
                                                    "{\"hostname\":\"10.0.0.5\",\"port\":6379}}"));
    story->town.viewer_answer = DONE;
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 11000);
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1/handles/h1 HTTP/1.1"));
    assert_int_equal(as_gateway(story, "shared", "GET", "/services/v1/offerings/redis-2.2/handles", ""), 200);
    assert_null(strstr(town_body(&story->town), "h1"));
}

static void a_gateway_that_never_knows_of_it_is_believed_in_the_end(void **state)
{
    struct story *story = *state;
    create(story);
    story->town.viewer_answer = UNKNOWN;
    story_expect(story, "DELETE", "/services/cache", "", 200, "{}");
    town_pass_ms(&story->town, 140000);
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 30000);
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1 HTTP/1.1"));
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 60000);
    assert_int_equal(story->town.viewer_request.size, 0);
}

static void what_a_failing_journal_does_not_record_is_deleted(void **state)
{
    struct story *story = *state;
    story->town.viewer_answer = MADE;
    story->town.journal_mode = JOURNAL_FAILS;
    story_expect(story, "POST", "/services", WANT, 500, "\"code\":101");
    story->town.journal_mode = JOURNAL_WORKS;
    story->town.viewer_answer = DONE;
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 25000);
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1 HTTP/1.1"));
}

static void what_the_journal_has_stays_although_it_said_that_it_failed(void **state)
{
    struct story *story = *state;
    story->town.viewer_answer = MADE;
    story->town.journal_mode = JOURNAL_FAILS_LATE;
    town_request(&story->town, story->ada, "POST", "/services", WANT);
    story->town.journal_mode = JOURNAL_WORKS;
    story->town.viewer_answer = DONE;
    text_clear(&story->town.viewer_request);
    town_pass_ms(&story->town, 60000);
    assert_false(gateway_was_asked(story, "DELETE "));
    story_expect(story, "GET", "/services/cache", "", 200, "\"name\":\"cache\"");
}

static void expect_as_eve(struct story *story, const char *method, const char *path, const char *body, int status,
                          const char *part)
{
    char *ada = story->ada;
    story->ada = story->eve;
    story_expect(story, method, path, body, status, part);
    story->ada = ada;
}

static void make_app(struct story *story, const char *body)
{
    story_expect(story, "POST", "/apps", body, 302, "");
}

static void an_app_that_loses_a_service_keeps_the_order_of_the_others(void **state)
{
    struct story *story = *state;
    static const char *const names[] = {"cache", "queue", "sessions"};
    make_app(story, "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"instances\":1}");
    for (size_t i = 0; i < 3; i++) {
        char want[200];
        snprintf(want, sizeof want, "{\"type\":\"key-value\",\"vendor\":\"redis\",\"version\":\"2.2\",\"name\":\"%s\"}",
                 names[i]);
        story->town.viewer_answer = MADE;
        story_expect(story, "POST", "/services", want, 200, "{}");
    }
    story_expect(story, "GET", "/services", "", 200, "[{\"name\":\"cache\",");
    assert_non_null(strstr(town_body(&story->town), "},{\"name\":\"queue\","));
    story->town.viewer_answer = BOUND;
    story_expect(story, "PUT", "/apps/shop", "{\"services\":[\"cache\",\"queue\",\"sessions\"]}", 200, "");
    story->town.viewer_answer = DONE;
    story_expect(story, "DELETE", "/services/cache", "", 200, "{}");
    story_expect(story, "GET", "/apps/shop", "", 200, "\"services\":[\"queue\",\"sessions\"]");
}

/* The value of "binding_token" in the last answer. Given. */
static char *told_token(const struct story *story)
{
    const char *found = strstr(town_body(&story->town), "\"binding_token\":\"");
    assert_non_null(found);
    found += strlen("\"binding_token\":\"");
    assert_int_equal(strcspn(found, "\""), 36);
    return memory_copy_bytes(found, 36);
}

static void a_configuration_is_made_by_its_label_and_told_whole(void **state)
{
    struct story *story = *state;
    story->town.viewer_answer = MADE;
    const char *path = "/services/v1/configurations";
    story_expect(story, "POST", path, "{\"label\":\"redis-9\",\"name\":\"cache\"}", 404, "\"code\":500");
    story_expect(story, "POST", path, "{\"name\":\"cache\"}", 400, "{\"errors\":\"label: missing\"}");
    story_expect(story, "POST", path, "{\"label\":\"redis-2.2\"}", 400, "{\"errors\":\"name: missing\"}");
    story_expect(story, "POST", path, "[", 400, "{\"errors\":\"line 1: expected an object, found an array");
    story_expect(
        story, "POST", path, "{\"label\":\"redis-2.2\",\"name\":\"cache\",\"plan\":\"free\",\"plan_option\":\"small\"}",
        200,
        "{\"service_id\":\"s1\",\"data\":{\"plan\":\"free\"},\"credentials\":{\"hostname\":\"10.0.0.5\",\"port\":6379,"
        "\"password\":\"p\"}}");
    assert_true(gateway_was_asked(story, "\"plan\":\"free\",\"plan_option\":\"small\",\"email\":\"ada@example.org\"}"));
    story_expect(story, "GET", "/services", "", 200, "\"name\":\"cache\"");
    expect_as_eve(story, "DELETE", "/services/v1/configurations/s1", "", 404, "\"code\":500");
    story->town.viewer_answer = DONE;
    story_expect(story, "DELETE", "/services/v1/configurations/s1", "", 200, "{}");
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1 HTTP/1.1"));
    struct town_controller *controller = &story->town.controllers[0];
    char headers[300];
    snprintf(headers, sizeof headers, "Authorization: %s\r\nContent-Type: application/json; charset=utf-8\r\n",
             story->ada);
    assert_int_equal(town_finish(controller, town_begin(controller, "POST", path, headers, "{}")), 400);
}

static void a_service_is_bound_and_unbound_by_itself(void **state)
{
    struct story *story = *state;
    create(story);
    make_app(story, "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"}}");
    story->town.viewer_answer = BOUND;
    story_expect(story, "POST", "/services/v1/bindings", "{\"service_id\":\"s2\",\"app_id\":1}", 404, "\"code\":500");
    story_expect(story, "POST", "/services/v1/bindings", "{\"service_id\":\"s1\",\"app_id\":9}", 404, "\"code\":301");
    story_expect(story, "POST", "/services/v1/bindings", "{\"service_id\":\"s1\",\"app_id\":1,\"binding_options\":[1]}",
                 400, "");
    story_expect(story, "POST", "/services/v1/bindings",
                 "{\"service_id\":\"s1\",\"app_id\":1,\"binding_options\":{\"read\":[1, true]}}", 200,
                 "\"label\":\"redis-2.2\"");
    assert_true(gateway_was_asked(story, "\"binding_options\":{\"read\":[1,true]}}"));
    char *token = told_token(story);
    story_expect(story, "GET", "/apps/shop", "", 200, "\"services\":[\"cache\"]");
    story_expect(story, "POST", "/services/v1/bindings", "{\"service_id\":\"s1\",\"app_id\":1}", 200,
                 token); /* It is. */
    char path[100];
    snprintf(path, sizeof path, "/services/v1/bindings/%s", token);
    expect_as_eve(story, "DELETE", path, "", 404, "\"code\":501");
    story->town.viewer_answer = DONE;
    story_expect(story, "DELETE", path, "", 200, "{}");
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1/handles/h1 HTTP/1.1"));
    story_expect(story, "GET", "/apps/shop", "", 200, "\"services\":[]");
    story_expect(story, "DELETE", path, "", 404, "\"code\":501");
    memory_free(token);
}

static void a_token_lets_somebody_else_bind_until_it_is_deleted(void **state)
{
    struct story *story = *state;
    create(story);
    story_expect(story, "POST", "/services/v1/binding_tokens", "{\"service_id\":\"s2\"}", 404, "\"code\":500");
    story_expect(story, "POST", "/services/v1/binding_tokens", "{\"service_id\":\"s1\",\"binding_options\":{\"a\":1}}",
                 200, "\"label\":\"redis-2.2\"");
    char *token = told_token(story);
    char path[100], body[120];
    snprintf(path, sizeof path, "/services/v1/binding_tokens/%s", token);
    snprintf(body, sizeof body, "{\"binding_token\":\"%s\",\"app_id\":1}", token);
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);                                 /* It is in the journal. */
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 200); /* Without a login. */
    assert_string_equal(town_body(&story->town), "{\"service_id\":\"s1\",\"binding_options\":{\"a\":1}}");
    expect_as_eve(story, "POST", "/apps", "{\"name\":\"hers\",\"staging\":{\"framework\":\"node\"}}", 302, "");
    story_expect(story, "POST", "/services/v1/bindings/external", body, 404, "\"code\":301"); /* It is not Ada's app. */
    story->town.viewer_answer = BOUND;
    expect_as_eve(story, "POST", "/services/v1/bindings/external", body, 200, token);
    assert_true(gateway_was_asked(story, "\"binding_options\":{\"a\":1}}"));
    expect_as_eve(story, "GET", "/apps/hers", "", 200, "\"services\":[\"cache\"]");
    expect_as_eve(story, "PUT", "/apps/hers", "{\"services\":[\"cache\"],\"instances\":2}", 200, ""); /* It stays. */
    expect_as_eve(story, "GET", "/apps/hers", "", 200, "\"services\":[\"cache\"]");
    expect_as_eve(story, "DELETE", path, "", 404, "\"code\":502");
    story->town.viewer_answer = DONE;
    story_expect(story, "DELETE", path, "", 200, "{}");
    assert_true(gateway_was_asked(story, "DELETE /gateway/v1/configurations/s1/handles/h1 HTTP/1.1"));
    expect_as_eve(story, "GET", "/apps/hers", "", 200, "\"services\":[]");
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 404);
    expect_as_eve(story, "POST", "/services/v1/bindings/external", body, 404, "\"code\":502");
    memory_free(token);
}

static void a_binding_by_the_app_makes_a_token_too_and_tokens_are_limited(void **state)
{
    struct story *story = *state;
    create_and_bind(story);
    story_expect(story, "POST", "/services/v1/bindings", "{\"service_id\":\"s1\",\"app_id\":1}", 200, "");
    char *token = told_token(story);
    char path[100];
    snprintf(path, sizeof path, "/services/v1/binding_tokens/%s", token);
    story_expect(story, "GET", path, "", 200, "{\"service_id\":\"s1\",\"binding_options\":{}}");
    story->town.viewer_answer = DONE;
    story_expect(story, "DELETE", path, "", 200, "{}");
    story_expect(story, "GET", "/apps/shop", "", 200, "\"services\":[]");
    char *tokens[64];
    for (int i = 0; i < 64; i++) {
        story_expect(story, "POST", "/services/v1/binding_tokens", "{\"service_id\":\"s1\"}", 200, "");
        tokens[i] = told_token(story);
    }
    story_expect(story, "POST", "/services/v1/binding_tokens", "{\"service_id\":\"s1\"}", 400, "64 binding tokens");
    snprintf(path, sizeof path, "/services/v1/binding_tokens/%s", tokens[0]);
    story_expect(story, "DELETE", path, "", 200, "{}");
    for (int i = 0; i < 64; i++) { /* Which leaves the others. */
        snprintf(path, sizeof path, "/services/v1/binding_tokens/%s", tokens[i]);
        assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), i == 0 ? 404 : 200);
        memory_free(tokens[i]);
    }
    memory_free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gateways_need_their_token, begin, story_end),
        cmocka_unit_test_setup_teardown(a_service_is_made_bound_and_deleted, begin, story_end),
        cmocka_unit_test_setup_teardown(an_app_that_loses_a_service_keeps_the_order_of_the_others, begin, story_end),
        cmocka_unit_test_setup_teardown(the_services_of_a_user_go_with_her, begin, story_end),
        cmocka_unit_test_setup_teardown(what_a_gateway_cannot_delete_is_tried_again, begin, story_end),
        cmocka_unit_test_setup_teardown(what_comes_too_late_is_deleted, begin, story_end),
        cmocka_unit_test_setup_teardown(a_configuration_is_made_by_its_label_and_told_whole, begin, story_end),
        cmocka_unit_test_setup_teardown(a_service_is_bound_and_unbound_by_itself, begin, story_end),
        cmocka_unit_test_setup_teardown(a_token_lets_somebody_else_bind_until_it_is_deleted, begin, story_end),
        cmocka_unit_test_setup_teardown(a_binding_by_the_app_makes_a_token_too_and_tokens_are_limited, begin,
                                        story_end),
        cmocka_unit_test_setup_teardown(a_binding_that_no_change_records_is_deleted, begin, story_end),
        cmocka_unit_test_setup_teardown(a_gateway_that_has_forgotten_is_told_what_is_still_to_go, begin, story_end),
        cmocka_unit_test_setup_teardown(a_gateway_that_never_knows_of_it_is_believed_in_the_end, begin, story_end),
        cmocka_unit_test_setup_teardown(what_a_failing_journal_does_not_record_is_deleted, begin, story_end),
        cmocka_unit_test_setup_teardown(what_the_journal_has_stays_although_it_said_that_it_failed, begin, story_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
