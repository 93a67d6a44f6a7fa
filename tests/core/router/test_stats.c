/* What the router tells about itself. */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"
#include "core/router/router.h"

static int set_up(void **state)
{
    struct rig *rig = rig_new();
    rig_register(rig, "one.test", 1);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

static void expect_varz(struct rig *rig, const char *part)
{
    struct router *router = container_of(rig->machine, struct router, machine);
    struct text json = {0};
    router_add_varz(&router->monitor, &json);
    if (strstr(text_string(&json), part) == NULL)
        fail_msg("expected %s in %s", part, text_string(&json));
    text_free(&json);
}

static void requests_and_answers_are_counted(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 3; i++) {
        rig_get(rig, client, "one.test");
        rig_pass(rig, 40 * NS_PER_MS);
        rig_answer(rig, rig_backend(rig, 1), "x");
    }
    rig_get(rig, client, "one.test");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    rig_get(rig, client, "nowhere.test");
    expect_varz(rig, "\"requests\":5,");
    expect_varz(rig, "\"latency\":{\"value\":120,\"samples\":4}");
    expect_varz(rig, "\"responses_2xx\":3,");
    expect_varz(rig, "\"responses_4xx\":1,"); /* The application's; the router's own are bad requests. */
    expect_varz(rig, "\"bad_requests\":1,");
    expect_varz(rig, "\"urls\":1,\"droplets\":1,");
    expect_varz(rig, "\"client_connections\":1,");
}

static void the_rate_forgets_after_ten_seconds_and_the_latency_after_sixty(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 20; i++) {
        rig_get(rig, client, "one.test");
        rig_pass(rig, 10 * NS_PER_MS);
        rig_answer(rig, rig_backend(rig, 1), "x");
    }
    rig_pass(rig, 6 * NS_PER_S); /* Past a sweep: its clock goes on with events only. */
    expect_varz(rig, "\"requests_per_sec\":2,");
    rig_pass(rig, 20 * NS_PER_S);
    expect_varz(rig, "\"requests_per_sec\":0,");
    expect_varz(rig, "\"latency\":{\"value\":200,\"samples\":20}");
    rig_pass(rig, 60 * NS_PER_S);
    expect_varz(rig, "\"latency\":{\"value\":0,\"samples\":0}");
    expect_varz(rig, "\"requests\":20,");
}

static void its_state_is_shown_as_json(void **state)
{
    struct rig *rig = *state;
    struct text json = {0};
    rig->machine->class->inspect(rig->machine, &json);
    assert_string_equal(text_string(&json),
                        "{\"requests\":0,\"bad_requests\":0,\"retries\":0,\"tables_read\":0,\"sessions\":0,"
                        "\"bus_connected\":true,\"ready\":true,\"draining\":false,\"routes\":["
                        "{\"host\":\"one.test\",\"endpoint\":\"10.0.0.1:40001\",\"instance\":\"i1\",\"app\":1,"
                        "\"index\":0,\"epoch\":1,\"quarantined\":false}]}");
    text_free(&json);
}

static void checks_may_look_at_the_table(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "two.test", 2);
    rig_register(rig, "one.test", 3);
    assert_int_equal(router_route_count(rig->machine), 2);
    assert_int_equal(router_endpoint_count(rig->machine), 3);
    struct route_cursor cursor = {0};
    struct route_view view;
    int64_t apps[3];
    for (int i = 0; i < 3; i++) {
        assert_true(router_next_route(rig->machine, &cursor, &view));
        apps[i] = view.app;
        assert_int_equal(view.endpoint_port, RIG_FIRST_PORT + view.app);
        assert_true(view.has_epoch);
        assert_int_equal(view.epoch, 1);
    }
    assert_true(apps[0] == 1 && apps[1] == 3 && apps[2] == 2);
    assert_false(router_next_route(rig->machine, &cursor, &view));
    assert_false(router_next_route(rig->machine, &cursor, &view));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(requests_and_answers_are_counted),
        STORY(the_rate_forgets_after_ten_seconds_and_the_latency_after_sixty),
        STORY(its_state_is_shown_as_json),
        STORY(checks_may_look_at_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
