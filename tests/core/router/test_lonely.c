/* A router without the bus: it asks the DEAs themselves. */
#include "core/wire/route_digest.h"
#include "tests/core/router/rig.h"

#include <stdio.h>

enum { VIEWER = 30 }; /* The port at which dea-9 shows its routes. */

static int set_up(void **state)
{
    *state = rig_new();
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

static const char *route_of(int n, int sequence)
{
    static char route[300];
    snprintf(route, sizeof route,
             "{\"dea\":\"dea-9\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"one.test\"],\"app\":1,\"index\":%d,"
             "\"epoch\":1,\"private_instance_id\":\"i%d\",\"life\":\"l\",\"sequence\":%d}",
             RIG_FIRST_PORT + n, n, n, sequence);
    return route;
}

static const char *table_of(const char *dea, int n)
{
    static char table[700];
    char instance[8];
    snprintf(instance, sizeof instance, "i%d", n);
    uint64_t digest =
        route_digest("10.0.0.1", (uint16_t)(RIG_FIRST_PORT + n), instance, (struct http_text){"one.test", 8});
    snprintf(table, sizeof table,
             "{\"dea\":\"%s\",\"life\":\"l\",\"sequence\":9,\"digest\":%llu,\"routes\":[%s],\"ended\":[]}", dea,
             (unsigned long long)digest, route_of(n, 9));
    return table;
}

/* dea-9 registers its instance 1 and tells where its viewer is. */
static void hear_of_dea(struct rig *rig, const char *user)
{
    char digest[400];
    uint64_t value = route_digest("10.0.0.1", RIG_FIRST_PORT + 1, "i1", (struct http_text){"one.test", 8});
    rig_publish(rig, "router.register", route_of(1, 1));
    snprintf(digest, sizeof digest,
             "{\"dea\":\"dea-9\",\"life\":\"l\",\"sequence\":1,\"digest\":%llu,\"count\":1,\"routes\":[],"
             "\"viewer_host\":\"10.0.0.1\",\"viewer_port\":%d,\"viewer_user\":\"%s\",\"viewer_password\":\"p\"}",
             (unsigned long long)value, RIG_FIRST_PORT + VIEWER, user);
    rig_publish(rig, "router.digest", digest);
}

static void lose_bus(struct rig *rig)
{
    rig->bus_is_down = true;
    rig_lose_bus(rig);
}

/* The connection on which the next question comes. */
static struct rig_conn *await_question(struct rig *rig)
{
    uint32_t before = rig->connects[VIEWER];
    for (int i = 0; i < 310 && rig->connects[VIEWER] == before; i++)
        rig_pass(rig, 100 * NS_PER_MS);
    assert_int_equal(rig->connects[VIEWER], before + 1);
    return rig_backend(rig, VIEWER);
}

static void answer(struct rig *rig, int status, const char *body)
{
    static char text[1000];
    struct rig_conn *viewer = rig_backend(rig, VIEWER);
    assert_non_null(viewer);
    snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
             strlen(body), body);
    rig_send(rig, viewer, text);
}

/* The instance behind the only route. */
static const char *only_instance(struct rig *rig)
{
    static struct route_view view;
    struct route_cursor cursor = {0};
    assert_int_equal(router_endpoint_count(rig->machine), 1);
    assert_true(router_next_route(rig->machine, &cursor, &view));
    return view.instance;
}

static void without_the_bus_a_dea_is_asked_itself(void **state)
{
    struct rig *rig = *state;
    hear_of_dea(rig, "u");
    lose_bus(rig);
    struct rig_conn *viewer = await_question(rig);
    rig_expect_start(viewer, "GET /routes HTTP/1.1\r\n");
    rig_expect_contains(viewer, "\r\nAuthorization: Basic dTpw\r\n"); /* u:p */
    answer(rig, 200, table_of("dea-9", 2));
    assert_string_equal(only_instance(rig), "i2");
    assert_non_null(await_question(rig)); /* And again, as long as it lasts. */
}

static void with_the_bus_nobody_is_asked(void **state)
{
    struct rig *rig = *state;
    hear_of_dea(rig, "u");
    rig_pass(rig, 90 * NS_PER_S);
    assert_int_equal(rig->connects[VIEWER], 0);
}

static void a_route_that_is_refused_is_asked_for_at_once(void **state)
{
    struct rig *rig = *state;
    hear_of_dea(rig, "u");
    lose_bus(rig);
    rig->ports[1] = PORT_REFUSES;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    answer(rig, 200, table_of("dea-9", 2));
    assert_string_equal(only_instance(rig), "i2");
}

/* It was asked while what had crashed there was being started again. */
static void who_told_of_news_is_asked_again_in_a_second(void **state)
{
    static const char empty[] =
        "{\"dea\":\"dea-9\",\"life\":\"l\",\"sequence\":8,\"digest\":0,\"routes\":[],\"ended\":[]}";
    struct rig *rig = *state;
    hear_of_dea(rig, "u");
    lose_bus(rig);
    await_question(rig);
    answer(rig, 200, empty);
    assert_int_equal(router_endpoint_count(rig->machine), 0);
    for (int asked = 2; asked <= 3; asked++) {
        rig_pass(rig, 1100 * NS_PER_MS);
        assert_int_equal(rig->connects[VIEWER], asked);
        answer(rig, 200, table_of("dea-9", 2));
        assert_string_equal(only_instance(rig), "i2");
    }
    rig_pass(rig, 5 * NS_PER_S);
    assert_int_equal(rig->connects[VIEWER], 3); /* That was no news. */
}

static void answers_that_are_none_change_nothing(void **state)
{
    struct rig *rig = *state;
    const struct {
        int status;
        const char *body;
    } answers[] = {{500, "{}"}, {200, "{\"dea\":7"}, {200, "{}"}, {401, ""}, {200, table_of("dea-8", 2)}};
    hear_of_dea(rig, "u");
    lose_bus(rig);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        await_question(rig);
        answer(rig, answers[i].status, answers[i].body);
        assert_string_equal(only_instance(rig), "i1");
    }
    rig->ports[VIEWER] = PORT_REFUSES;
    rig_pass(rig, 31 * NS_PER_S);
    assert_string_equal(only_instance(rig), "i1");
}

/* The bus may have told newer things while the answer was on its way. */
static void an_answer_behind_the_bus_is_not_believed(void **state)
{
    struct rig *rig = *state;
    hear_of_dea(rig, "u");
    lose_bus(rig);
    await_question(rig);
    rig->bus_is_down = false;
    for (int i = 0; i < 18 && strstr(rig_bus_said(rig), "PUB router.start ") == NULL; i++)
        rig_pass(rig, 100 * NS_PER_MS);
    answer(rig, 200, table_of("dea-9", 2));
    assert_string_equal(only_instance(rig), "i1");
}

static void what_cannot_be_a_line_of_http_is_no_way_in(void **state)
{
    struct rig *rig = *state;
    hear_of_dea(rig, "u\\r\\nX: y");
    lose_bus(rig);
    rig_pass(rig, 62 * NS_PER_S);
    assert_int_equal(rig->connects[VIEWER], 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(without_the_bus_a_dea_is_asked_itself),        STORY(with_the_bus_nobody_is_asked),
        STORY(a_route_that_is_refused_is_asked_for_at_once), STORY(answers_that_are_none_change_nothing),
        STORY(who_told_of_news_is_asked_again_in_a_second),  STORY(an_answer_behind_the_bus_is_not_believed),
        STORY(what_cannot_be_a_line_of_http_is_no_way_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
