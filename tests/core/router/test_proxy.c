/* Requests and responses through the router, as both sides see them. */
#include "tests/core/router/rig.h"

#include <stdio.h>

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

static void a_request_reaches_its_instance_and_the_answer_comes_back(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "GET /a?b HTTP/1.1\r\nHost: one.test\r\nAccept: x\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_start(backend, "GET /a?b HTTP/1.1\r\nHost: one.test\r\nAccept: x\r\n");
    rig_expect_contains(backend, "X-Forwarded-For: 192.0.2.1\r\n");
    rig_expect_contains(backend, "X-Forwarded-Proto: http\r\n");
    rig_expect_contains(backend, "X-Forwarded-Host: one.test\r\n");
    rig_expect_contains(backend, "X-Vcap-Request-Id: ");
    rig_answer(rig, backend, "hello");
    rig_expect_start(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Vcap-Request-Id: ");
    rig_expect_contains(client, "\r\n\r\nhello");
    assert_true(client->is_open);
}

static void hosts_are_found_in_any_case_and_with_a_port(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "ONE.Test:8080");
    rig_answer(rig, rig_backend(rig, 1), "a");
    rig_expect_start(client, "HTTP/1.1 200 OK\r\n");
    rig_forget(client);
    rig_send(rig, client, "GET http://one.test/x HTTP/1.1\r\nHost: other.test\r\n\r\n");
    rig_expect_contains(rig_backend(rig, 1), "GET /x HTTP/1.1\r\nHost: one.test\r\nX-");
}

static void both_connections_are_used_again(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 5; i++) {
        rig_get(rig, client, "one.test");
        rig_answer(rig, rig_backend(rig, 1), "x");
    }
    assert_int_equal(rig->connects[1], 1);
    assert_int_equal(rig_open_backends(rig), 1);
    assert_true(client->is_open);
}

static void hop_by_hop_fields_stay_behind(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client,
             "GET / HTTP/1.1\r\nHost: one.test\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"
             "TE: gzip\r\nProxy-Authorization: secret\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"
             "X-Vcap-Request-Id: forged\r\nCookie: a=b\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_lacks(backend, "Connection");
    rig_expect_lacks(backend, "X-Mine");
    rig_expect_lacks(backend, "Keep-Alive");
    rig_expect_lacks(backend, "TE:");
    rig_expect_lacks(backend, "secret");
    rig_expect_lacks(backend, "forged");
    rig_expect_lacks(backend, "X-Forwarded-Proto: https\r\n"); /* Not from just anybody. */
    rig_expect_contains(backend, "X-Forwarded-For: 192.0.2.1\r\n");
    rig_expect_contains(backend, "Cookie: a=b\r\n");
    rig_send(rig, backend,
             "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nX-Cf-RouterError: fake\r\n"
             "Content-Length: 0\r\n\r\n");
    rig_expect_lacks(client, "Keep-Alive");
    rig_expect_lacks(client, "fake");
    rig_expect_lacks(client, "Connection");
}

static void bytes_may_come_one_by_one_on_both_sides(void **state)
{
    struct rig *rig = *state;
    rig->segment = 1;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 5\r\n\r\nhello");
    rig_expect_contains(rig_backend(rig, 1), "\r\n\r\nhello");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    rig_expect_contains(client, "Transfer-Encoding: chunked\r\n");
    rig_expect_contains(client, "\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "again");
    rig_expect_contains(client, "again");
    assert_int_equal(rig->connects[1], 1);
}

static void chunked_requests_are_streamed(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_contains(backend, "Transfer-Encoding: chunked\r\n");
    rig_expect_contains(backend, "\r\n\r\n3\r\nabc\r\n");
    rig_send(rig, client, "2\r\nde\r\n0\r\n\r\n");
    rig_expect_contains(backend, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    rig_answer(rig, backend, "ok");
    rig_expect_contains(client, "ok");
    assert_true(client->is_open);
}

static void a_malformed_chunk_ends_the_request(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    rig_send(rig, client, "nonsense\r\n");
    rig_expect_start(client, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n");
    assert_int_equal(rig_open_backends(rig), 0);
}

static void a_response_without_length_ends_with_its_connection(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 200 OK\r\n\r\npart one ");
    rig_expect_contains(client, "Connection: close\r\n");
    assert_true(client->is_open);
    rig_send(rig, rig_backend(rig, 1), "part two");
    rig_end(rig, rig_backend(rig, 1));
    rig_expect_contains(client, "part one part two");
    assert_false(client->is_open);
    assert_false(client->aborted);
}

static void a_cut_response_is_seen_to_be_cut(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    rig_cut(rig, rig_backend(rig, 1), IO_RESET);
    assert_false(client->is_open);
    assert_true(client->aborted);
}

static void an_old_client_gets_data_without_chunks(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "GET / HTTP/1.0\r\nHost: one.test\r\nConnection: keep-alive\r\n\r\n");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    rig_send(rig, rig_backend(rig, 1), "2\r\nde\r\n0\r\n\r\n");
    rig_expect_lacks(client, "chunked");
    rig_expect_contains(client, "Connection: close\r\n");
    rig_expect_contains(client, "\r\n\r\nabcde");
    assert_false(client->is_open);
}

static void an_old_client_may_keep_its_connection(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "GET / HTTP/1.0\r\nHost: one.test\r\nConnection: keep-alive\r\n\r\n");
    rig_answer(rig, rig_backend(rig, 1), "x");
    rig_expect_contains(client, "Connection: keep-alive\r\n");
    assert_true(client->is_open);
}

static void responses_without_body_leave_the_connection_usable(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "HEAD / HTTP/1.1\r\nHost: one.test\r\n\r\n");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    rig_expect_contains(client, "Content-Length: 5\r\n");
    rig_get(rig, client, "one.test");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    rig_get(rig, client, "one.test");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 204 No Content\r\n\r\n");
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "end");
    rig_expect_contains(client, "end");
    assert_int_equal(rig->connects[1], 1);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "two.test", 2);
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client,
             "GET /1 HTTP/1.1\r\nHost: one.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: two.test\r\n\r\n"
             "GET /3 HTTP/1.1\r\nHost: nowhere.test\r\n\r\nGET /4 HTTP/1.1\r\nHost: one.test\r\n\r\n");
    assert_null(rig_backend(rig, 2));
    rig_answer(rig, rig_backend(rig, 1), "first");
    rig_answer(rig, rig_backend(rig, 2), "second");
    rig_answer(rig, rig_backend(rig, 1), "fourth");
    const char *sent = rig_sent(client);
    const char *first = strstr(sent, "first"), *second = strstr(sent, "second");
    const char *third = strstr(sent, "404 Not Found"), *fourth = strstr(sent, "fourth");
    assert_true(first != NULL && first < second && second < third && third < fourth);
}

static void interim_responses_and_expectations_pass(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "PUT / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_contains(backend, "Expect: 100-continue\r\n");
    rig_send(rig, backend, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_expect_start(client, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_send(rig, client, "body");
    rig_expect_contains(backend, "\r\n\r\nbody");
    rig_send(rig, backend, "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    rig_expect_contains(client, "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n");
    assert_true(client->is_open);
}

static void an_early_answer_closes_the_connection_without_a_reset(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "PUT / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 1000\r\n\r\nbegin");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    rig_expect_contains(client, "Connection: close\r\n");
    assert_true(client->is_open && client->finished);
    rig_send(rig, client, "more that nobody wants");
    rig_end(rig, client);
    assert_false(client->is_open);
    assert_false(client->aborted);
    assert_int_equal(rig_open_backends(rig), 0);
}

static void a_connection_is_upgraded_and_becomes_a_tunnel(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "GET /ws HTTP/1.1\r\nHost: one.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_contains(backend, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    rig_send(rig, backend,
             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome");
    rig_expect_contains(client, "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome");
    rig_forget(client);
    rig_forget(backend);
    rig_send(rig, client, "GET / HTTP/1.1\r\n\r\n");
    assert_string_equal(rig_sent(backend), "GET / HTTP/1.1\r\n\r\n");
    rig_send(rig, backend, "pong");
    assert_string_equal(rig_sent(client), "pong");
    rig_end(rig, client);
    assert_true(backend->finished);
    rig_send(rig, backend, "late");
    assert_string_equal(rig_sent(client), "ponglate");
    rig_end(rig, backend);
    assert_false(client->is_open);
    assert_int_equal(rig_open_backends(rig), 0);
}

static void a_101_that_nobody_asked_for_is_refused(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    rig_expect_start(client, "HTTP/1.1 502 Bad Gateway\r\n");
}

static void a_java_session_sticks_to_its_instance(void **state)
{
    struct rig *rig = *state;
    for (int n = 2; n < 8; n++)
        rig_register(rig, "one.test", n);
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    int first = 1;
    while (first < 8 && rig_backend(rig, first) == NULL)
        first++;
    assert_non_null(rig_backend(rig, first));
    rig_send(rig, rig_backend(rig, first),
             "HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID=abc; Path=/; HttpOnly\r\nContent-Length: 0\r\n\r\n");
    const char *cookie = strstr(rig_sent(client), "__VCAP_ID__=");
    assert_non_null(cookie);
    assert_memory_equal(cookie + 44, "; Path=/; HttpOnly\r\n", 20);
    char request[200];
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: one.test\r\nCookie: a=b; %.44s\r\n\r\n", cookie);
    for (int i = 0; i < 10; i++) {
        rig_forget(rig_backend(rig, first));
        rig_send(rig, client, request);
        rig_expect_start(rig_backend(rig, first), "GET /");
        rig_answer(rig, rig_backend(rig, first), "x");
    }
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(a_request_reaches_its_instance_and_the_answer_comes_back),
        STORY(hosts_are_found_in_any_case_and_with_a_port),
        STORY(both_connections_are_used_again),
        STORY(hop_by_hop_fields_stay_behind),
        STORY(bytes_may_come_one_by_one_on_both_sides),
        STORY(chunked_requests_are_streamed),
        STORY(a_malformed_chunk_ends_the_request),
        STORY(a_response_without_length_ends_with_its_connection),
        STORY(a_cut_response_is_seen_to_be_cut),
        STORY(an_old_client_gets_data_without_chunks),
        STORY(an_old_client_may_keep_its_connection),
        STORY(responses_without_body_leave_the_connection_usable),
        STORY(pipelined_requests_are_answered_in_order),
        STORY(interim_responses_and_expectations_pass),
        STORY(an_early_answer_closes_the_connection_without_a_reset),
        STORY(a_connection_is_upgraded_and_becomes_a_tunnel),
        STORY(a_101_that_nobody_asked_for_is_refused),
        STORY(a_java_session_sticks_to_its_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
