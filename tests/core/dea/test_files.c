/* The file viewer, as the controller and its users see it. */
#include "tests/core/dea/stage.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include <cmocka.h>

struct visitor {
    struct stage stage;
    char authorization[160];
    char root[128]; /* "/droplets/hello-0-..." */
};

/* Learns the way in from an answer of dea.find.droplet, as the controller does. */
static void visit(struct visitor *visitor)
{
    struct stage *stage = &visitor->stage;
    stage_open(stage);
    stage_order(stage, 0, 5);
    stage_pass_ms(stage, 10);
    stage_forget(stage);
    stage_tell(stage, "dea.find.droplet", "_INBOX.find", "{\"droplet\":7}");
    const char *said = text_string(&stage->said);
    char user[40], password[40], credentials[80], encoded[120] = {0};
    assert_int_equal(
        sscanf(strstr(said, "\"credentials\":"), "\"credentials\":[\"%32[0-9a-f]\",\"%32[0-9a-f]\"", user, password),
        2);
    assert_int_equal(sscanf(strstr(said, "\"staged\":"), "\"staged\":\"%79[^\"]\"", credentials), 1);
    snprintf(visitor->root, sizeof visitor->root, "/droplets/%s", credentials);
    int size = snprintf(credentials, sizeof credentials, "%s:%s", user, password);
    base64_encode_raw(encoded, (size_t)size, (const uint8_t *)credentials);
    snprintf(visitor->authorization, sizeof visitor->authorization, "Authorization: Basic %s\r\n", encoded);
}

static const char *get(struct visitor *visitor, const char *path)
{
    char target[256];
    snprintf(target, sizeof target, "%s%s", visitor->root, path);
    return stage_get(&visitor->stage, target, visitor->authorization);
}

static const char *body_of(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    return body == NULL ? "no body at all" : body + 4;
}

static void nobody_gets_in_without_credentials(void **state)
{
    (void)state;
    struct visitor visitor;
    visit(&visitor);
    const char *answer = stage_get(&visitor.stage, visitor.root, "");
    assert_memory_equal(answer, "HTTP/1.1 401", 12);
    answer = stage_get(&visitor.stage, visitor.root, "Authorization: Basic YTpi\r\n");
    assert_memory_equal(answer, "HTTP/1.1 401", 12);
    stage_close(&visitor.stage);
}

/* For routers that have no bus. */
static void all_routes_are_shown_to_whoever_has_the_credentials(void **state)
{
    (void)state;
    struct visitor visitor;
    visit(&visitor);
    stage_listen(&visitor.stage, stage_newest(&visitor.stage));
    stage_pass_ms(&visitor.stage, 1000);
    assert_memory_equal(stage_get(&visitor.stage, "/routes", ""), "HTTP/1.1 401", 12);
    const char *answer = stage_get(&visitor.stage, "/routes", visitor.authorization);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_non_null(strstr(answer, "\"dea\":\"" STAGE_UUID "\""));
    assert_non_null(strstr(answer, "\"sequence\":1,\"digest\":"));
    assert_non_null(strstr(answer, "\"private_instance_id\":"));
    stage_close(&visitor.stage);
}

/* Who has no bus cannot be told of new ones. */
static void the_way_in_outlives_the_agent(void **state)
{
    (void)state;
    struct visitor visitor;
    visit(&visitor);
    stage_kill(&visitor.stage);
    stage_begin_life(&visitor.stage);
    stage_pass_ms(&visitor.stage, 10);
    assert_memory_equal(stage_get(&visitor.stage, "/routes", visitor.authorization), "HTTP/1.1 200", 12);
    stage_close(&visitor.stage);
}

static void the_root_shows_only_what_belongs_to_the_app(void **state)
{
    (void)state;
    struct visitor visitor;
    visit(&visitor);
    const char *answer = get(&visitor, "/");
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_string_equal(body_of(answer), "app/                                         -\n"
                                         "logs/                                        -");
    stage_close(&visitor.stage);
}

static void a_large_file_comes_whole(void **state)
{
    (void)state;
    struct visitor visitor;
    visit(&visitor);
    assert_int_equal(strlen(body_of(get(&visitor, "/logs/stdout.log"))), 600000);
    stage_close(&visitor.stage);
}

static void a_crashed_instance_can_still_be_looked_at(void **state)
{
    (void)state;
    struct visitor visitor;
    visit(&visitor);
    stage_end_workload(&visitor.stage, stage_newest(&visitor.stage), 9);
    assert_memory_equal(get(&visitor, "/logs/stdout.log"), "HTTP/1.1 200", 12);
    stage_close(&visitor.stage);
}

static void what_is_missing_and_what_is_forbidden_is_said_as_in_v1(void **state)
{
    (void)state;
    struct visitor visitor;
    visit(&visitor);
    static const char *const forbidden[] = {"/startup", "/stop", "/app/../../other", "/%2e%2e/x", "/..", "/stop/"};
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        const char *answer = get(&visitor, forbidden[i]);
        assert_memory_equal(answer, "HTTP/1.1 403", 12);
        assert_string_equal(body_of(answer), "Not accessible\n");
    }
    const char *answer = get(&visitor, "/app/none");
    assert_memory_equal(answer, "HTTP/1.1 404", 12);
    assert_string_equal(body_of(answer), "Entity not found.\n");
    answer = stage_get(&visitor.stage, "/droplets/hello-0-0123456789abcdef0123456789abcdef/app", visitor.authorization);
    assert_memory_equal(answer, "HTTP/1.1 404", 12);
    answer = stage_get(&visitor.stage, "/droplets/", visitor.authorization);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_string_equal(body_of(answer), "");
    stage_close(&visitor.stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_routes_are_shown_to_whoever_has_the_credentials),
        cmocka_unit_test(the_way_in_outlives_the_agent),
        cmocka_unit_test(nobody_gets_in_without_credentials),
        cmocka_unit_test(the_root_shows_only_what_belongs_to_the_app),
        cmocka_unit_test(a_large_file_comes_whole),
        cmocka_unit_test(a_crashed_instance_can_still_be_looked_at),
        cmocka_unit_test(what_is_missing_and_what_is_forbidden_is_said_as_in_v1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
