/* Clients that misbehave, limits, back-pressure, and the router's end. */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"

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

/* ---- Clients ---- */

static void a_client_that_goes_takes_its_backend_with_it(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_end(rig, client);
    assert_false(backend->is_open);
    assert_true(backend->aborted);
    client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_cut(rig, client, IO_RESET);
    assert_int_equal(rig_open_backends(rig), 0);
    assert_int_equal(router_session_count(rig->machine), 0);
}

static void malformed_requests_are_refused_and_the_connection_closed(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/1.1\nHost: one.test\n\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\n"},
        {"POST / HTTP/1.1\r\nHost: one.test\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n"},
        {"GET / HTTP/2.0\r\nHost: one.test\r\n\r\n", "HTTP/1.1 505 "},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig_conn *client = rig_client(rig);
        rig_send(rig, client, cases[i].request);
        rig_expect_start(client, cases[i].answer);
        rig_expect_contains(client, "Connection: close\r\n");
        assert_true(client->finished);
        rig_pass(rig, 6 * NS_PER_S);
        assert_false(client->is_open);
    }
    assert_int_equal(rig->connects[1], 0);
}

static void huge_heads_are_refused(void **state)
{
    struct rig *rig = *state;
    struct text request = {0};
    text_add_string(&request, "GET / HTTP/1.1\r\nHost: one.test\r\nX: ");
    for (int i = 0; i < 70000; i++)
        text_add_char(&request, 'x');
    rig->segment = 1000;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, text_string(&request));
    rig_expect_start(client, "HTTP/1.1 431 ");
    text_free(&request);
}

static void a_slow_head_is_given_up(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 9; i++) {
        rig_pass(rig, NS_PER_S);
        rig_send(rig, client, "a");
    }
    assert_true(client->is_open);
    rig_pass(rig, 2 * NS_PER_S);
    rig_expect_start(client, "HTTP/1.1 408 Request Timeout\r\n");
    rig_pass(rig, 6 * NS_PER_S);
    assert_false(client->is_open);
}

static void a_silent_connection_is_closed_without_a_word(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_pass(rig, 11 * NS_PER_S);
    assert_false(client->is_open);
    assert_string_equal(rig_sent(client), "");
    client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "x");
    rig_pass(rig, 59 * NS_PER_S);
    assert_true(client->is_open);
    rig_pass(rig, 2 * NS_PER_S);
    assert_false(client->is_open);
    assert_int_equal(rig_open_backends(rig), 0);
}

static void a_body_that_never_comes_is_the_clients_fault(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "PUT / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 9\r\n\r\none");
    rig_pass(rig, 61 * NS_PER_S);
    rig_expect_start(client, "HTTP/1.1 408 ");
    assert_int_equal(rig_open_backends(rig), 0);
}

static void unknown_and_empty_hosts_are_told_apart(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "nowhere.test");
    rig_expect_start(client, "HTTP/1.1 404 Not Found\r\nX-Cf-RouterError: unknown_route\r\n");
    rig_expect_contains(client, "VCAP ROUTER: 404 - DESTINATION NOT FOUND\r\n");
    rig_forget(client);
    rig_publish(rig, "router.unregister", "{\"host\":\"10.0.0.1\",\"port\":40001,\"uris\":[\"one.test\"]}");
    rig_get(rig, client, "one.test");
    rig_expect_start(client, "HTTP/1.1 503 Service Unavailable\r\nX-Cf-RouterError: no_endpoints\r\n");
    rig_expect_contains(client, "\r\nX-Cupola-Error: no_endpoints\r\nRetry-After: ");
    rig_forget(client);
    rig_send(rig, client, "GET / HTTP/1.0\r\n\r\n");
    rig_expect_start(client, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nX-Cf-RouterError: empty_host\r\n");
}

static void a_body_for_an_unknown_host_does_not_confuse_what_follows(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client,
             "POST / HTTP/1.1\r\nHost: nowhere.test\r\nContent-Length: 5\r\n\r\nGET /"
             "GET / HTTP/1.1\r\nHost: one.test\r\n\r\n");
    rig_expect_start(client, "HTTP/1.1 404 ");
    rig_answer(rig, rig_backend(rig, 1), "fine");
    rig_expect_contains(client, "fine");
}

/* ---- Limits ---- */

static void connections_beyond_the_limit_are_refused_with_a_word(void **state)
{
    struct rig *rig = rig_prepare();
    (void)state;
    rig->config.has_max_connections = true;
    rig->config.max_connections = 3;
    rig_start(rig);
    for (int i = 0; i < 3; i++)
        assert_true(rig_client(rig)->is_open);
    struct rig_conn *one_more = rig_client(rig);
    assert_false(one_more->is_open);
    rig_expect_start(one_more, "HTTP/1.1 503 ");
    rig_expect_contains(one_more, "connection_limit_reached");
    rig_free(rig);
}

static void a_slow_client_holds_its_instance_back(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    struct rig_conn *backend = rig_backend(rig, 1);
    client->holds = true;
    rig->segment = 10000;
    struct text body = {0};
    text_add_string(&body, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    for (int i = 0; i < 1000000; i++)
        text_add_char(&body, 'x');
    rig_send(rig, backend, text_string(&body));
    assert_in_range(client->held_bytes, 262144, 262144 + 11000);
    assert_false(backend->reads);
    size_t held = client->held_bytes;
    while (backend->inbound.size > 0) {
        client->held_bytes = held;
        rig_forget(client);
        rig_release(rig, client);
        client->holds = true;
        held = client->held_bytes;
    }
    assert_true(client->is_open);
    rig_release(rig, client);
    text_free(&body);
}

static void a_slow_instance_holds_its_client_back(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "PUT / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 1000000\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    backend->holds = true;
    rig->segment = 10000;
    struct text body = {0};
    for (int i = 0; i < 1000000; i++)
        text_add_char(&body, 'x');
    rig_send(rig, client, text_string(&body));
    assert_in_range(backend->held_bytes, 262144, 262144 + 11000);
    assert_false(client->reads);
    rig_release(rig, backend);
    assert_int_equal(client->inbound.size, 0);
    rig_answer(rig, backend, "taken");
    rig_expect_contains(client, "taken");
    assert_true(client->is_open);
    text_free(&body);
}

static void a_slow_client_that_makes_progress_is_not_cut(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    client->holds = true;
    struct text response = {0};
    text_add_string(&response, "HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n");
    for (int i = 0; i < 300000; i++)
        text_add_char(&response, 'x');
    rig_send(rig, rig_backend(rig, 1), text_string(&response));
    for (int i = 0; i < 10; i++) { /* 1000 bytes leave every 40 s: never all of them. */
        size_t held = client->held_bytes;
        client->held_bytes = 1000;
        rig_release(rig, client);
        client->holds = true;
        client->held_bytes += held - 1000;
        rig_pass(rig, 40 * NS_PER_S);
        assert_true(client->is_open);
    }
    rig_pass(rig, 130 * NS_PER_S); /* And now nothing any more. */
    assert_false(client->is_open);
    assert_int_equal(rig_open_backends(rig), 0);
    text_free(&response);
}

static void idle_connections_to_an_instance_are_bounded(void **state)
{
    struct rig *rig = rig_prepare();
    (void)state;
    rig->config.has_idle_backends_per_endpoint = true;
    rig->config.idle_backends_per_endpoint = 2;
    rig_start(rig);
    rig_register(rig, "one.test", 1);
    struct rig_conn *clients[5], *backends[5];
    for (int i = 0; i < 5; i++) {
        clients[i] = rig_client(rig);
        rig_get(rig, clients[i], "one.test");
        backends[i] = rig_backend(rig, 1);
    }
    assert_int_equal(rig_open_backends(rig), 5);
    for (int i = 0; i < 5; i++)
        rig_answer(rig, backends[i], "x");
    assert_int_equal(rig_open_backends(rig), 2);
    rig_free(rig);
}

/* ---- The end ---- */

static void a_stopped_router_finishes_what_it_has_begun(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *idle = rig_client(rig), *busy = rig_client(rig);
    rig_get(rig, idle, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "first");
    rig_get(rig, busy, "one.test");
    rig_stop(rig);
    assert_false(rig->is_listening);
    assert_false(idle->is_open);
    assert_false(rig->has_exited);
    rig_answer(rig, rig_backend(rig, 1), "last");
    rig_expect_contains(busy, "Connection: close\r\n");
    rig_expect_contains(busy, "last");
    assert_true(rig->has_exited);
    assert_int_equal(rig->exit_status, 0);
}

static void a_stopped_router_hears_who_has_just_come(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *quick = rig_client(rig), *silent = rig_client(rig);
    rig_stop(rig);
    assert_true(silent->is_open);
    rig_get(rig, quick, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "heard");
    rig_expect_contains(quick, "heard");
    assert_false(rig->has_exited);
    rig_pass(rig, 2 * NS_PER_S);
    assert_false(silent->is_open);
    assert_true(rig->has_exited);
}

static void a_stopped_router_does_not_wait_for_ever(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_stop(rig);
    rig_pass(rig, 9 * NS_PER_S);
    assert_false(rig->has_exited);
    rig_pass(rig, 2 * NS_PER_S);
    assert_true(rig->has_exited);
    assert_int_equal(rig->exit_status, 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(a_client_that_goes_takes_its_backend_with_it),
        STORY(malformed_requests_are_refused_and_the_connection_closed),
        STORY(huge_heads_are_refused),
        STORY(a_slow_head_is_given_up),
        STORY(a_silent_connection_is_closed_without_a_word),
        STORY(a_body_that_never_comes_is_the_clients_fault),
        STORY(unknown_and_empty_hosts_are_told_apart),
        STORY(a_body_for_an_unknown_host_does_not_confuse_what_follows),
        cmocka_unit_test(connections_beyond_the_limit_are_refused_with_a_word),
        STORY(a_slow_client_holds_its_instance_back),
        STORY(a_slow_instance_holds_its_client_back),
        STORY(a_slow_client_that_makes_progress_is_not_cut),
        cmocka_unit_test(idle_connections_to_an_instance_are_bounded),
        STORY(a_stopped_router_finishes_what_it_has_begun),
        STORY(a_stopped_router_hears_who_has_just_come),
        STORY(a_stopped_router_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
