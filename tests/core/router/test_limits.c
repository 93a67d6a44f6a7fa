/* Limits that hold without any configuration, and the digests that keep the table right. */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"
#include "core/wire/route_digest.h"

#include <stdio.h>

static int set_up(void **state)
{
    *state = rig_prepare();
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

static struct rig *start(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_register(rig, "one.test", 1);
    return rig;
}

/* ---- Clients ---- */

static void an_address_has_only_so_many_connections(void **state)
{
    struct rig *rig = *state;
    rig->config.has_connections_per_client = true;
    rig->config.connections_per_client = 3;
    start(state);
    struct rig_conn *first = rig_client(rig);
    rig_client(rig);
    rig_client(rig);
    struct rig_conn *fourth = rig_client(rig);
    rig_expect_start(fourth, "HTTP/1.1 503 Service Unavailable\r\n");
    rig_expect_contains(fourth, "X-Cupola-Error: client_connection_limit_reached\r\n");
    rig_end(rig, first);
    struct rig_conn *fifth = rig_client(rig);
    rig_get(rig, fifth, "one.test");
    rig_expect_contains(rig_backend(rig, 1), "GET / HTTP/1.1\r\n");
}

static void a_body_that_is_too_large_is_refused_before_and_while_it_comes(void **state)
{
    struct rig *rig = *state;
    rig->config.has_max_body_bytes = true;
    rig->config.max_body_bytes = 10;
    start(state);
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 11\r\n\r\n");
    rig_expect_start(client, "HTTP/1.1 413 ");
    assert_int_equal(rig->connects[1], 0);
    client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
    rig_send(rig, client, "4\r\nefgh\r\n4\r\nijkl\r\n");
    rig_expect_start(client, "HTTP/1.1 413 ");
    rig_expect_contains(client, "X-Cf-RouterError: body_too_large\r\n");
    assert_int_equal(rig_open_backends(rig), 0);
}

static void a_body_that_trickles_is_ended(void **state)
{
    struct rig *rig = start(state);
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 10 && rig_sent(client)[0] == 0; i++) {
        rig_pass(rig, 2 * NS_PER_S);
        rig_send(rig, client, "x");
    }
    rig_expect_start(client, "HTTP/1.1 408 ");
    rig_expect_contains(client, "X-Cupola-Error: body_too_slow\r\n");
    assert_int_equal(rig_open_backends(rig), 0);
}

static void a_body_that_waits_for_its_instance_is_not(void **state)
{
    struct rig *rig = start(state);
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 1000\r\n\r\n");
    rig_backend(rig, 1)->holds = true;
    for (int i = 0; i < 10; i++) {
        rig_send(rig, client, "x");
        rig_pass(rig, 2 * NS_PER_S);
    }
    assert_string_equal(rig_sent(client), "");
}

/* ---- Backends ---- */

static void limit_backends(struct rig *rig)
{
    rig->config.has_connections_per_backend = true;
    rig->config.connections_per_backend = 2;
    rig->config.has_max_queued = true;
    rig->config.max_queued = 2;
}

static void requests_wait_in_their_order_for_a_full_backend(void **state)
{
    limit_backends(*state);
    struct rig *rig = start(state);
    struct rig_conn *clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = rig_client(rig);
        rig_get(rig, clients[i], "one.test");
    }
    assert_int_equal(rig->connects[1], 2);
    struct rig_conn *fifth = rig_client(rig);
    rig_get(rig, fifth, "one.test");
    rig_expect_start(fifth, "HTTP/1.1 503 ");
    rig_expect_contains(fifth, "X-Cf-RouterError: backends_full\r\n");
    rig_expect_contains(fifth, "Retry-After: ");
    for (int i = 1; i < 4; i++) { /* The connection made last serves one after the other. */
        assert_string_equal(rig_sent(clients[i]), "");
        rig_answer(rig, rig_backend(rig, 1), "x");
        rig_expect_start(clients[i], "HTTP/1.1 200 OK\r\n");
    }
    assert_int_equal(rig->connects[1], 2);
}

static void a_queued_request_does_not_wait_for_ever(void **state)
{
    limit_backends(*state);
    struct rig *rig = start(state);
    for (int i = 0; i < 2; i++)
        rig_get(rig, rig_client(rig), "one.test");
    struct rig_conn *third = rig_client(rig);
    rig_get(rig, third, "one.test");
    rig_pass(rig, 2 * NS_PER_S);
    assert_string_equal(rig_sent(third), "");
    rig_pass(rig, 2 * NS_PER_S);
    rig_expect_start(third, "HTTP/1.1 503 ");
    struct rig_conn *fourth = rig_client(rig);
    rig_get(rig, fourth, "one.test");
    rig_end(rig, fourth); /* Its place is free again. */
    assert_int_equal(router_session_count(rig->machine), 3);
}

/* ---- What DEAs say ---- */

static unsigned long long digest_of(int first, int last)
{
    uint64_t digest = 0;
    for (int n = first; n <= last; n++) {
        char instance[8];
        snprintf(instance, sizeof instance, "i%d", n);
        digest ^= route_digest("10.0.0.1", (uint16_t)(RIG_FIRST_PORT + n), instance, (struct http_text){"One.test", 8});
    }
    return digest;
}

static void tell_digest(struct rig *rig, const char *subject, unsigned long long digest, int sequence)
{
    char payload[200];
    snprintf(payload, sizeof payload,
             "{\"dea\":\"dea-9\",\"life\":\"l\",\"sequence\":%d,\"digest\":%llu,\"count\":1,\"routes\":[]}", sequence,
             digest);
    rig_publish(rig, subject, payload);
}

static void tell_route(struct rig *rig, const char *subject, int n, int sequence)
{
    char payload[300];
    snprintf(payload, sizeof payload,
             "{\"dea\":\"dea-9\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"one.test\"],\"app\":%d,\"index\":0,"
             "\"epoch\":1,"
             "\"private_instance_id\":\"i%d\",\"life\":\"l\",\"sequence\":%d}",
             RIG_FIRST_PORT + n, n, n, sequence);
    rig_publish(rig, subject, payload);
}

/* ---- Probes ---- */

static void an_endpoint_that_failed_is_probed_without_a_request(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    tell_route(rig, "router.register", 1, 1);
    rig_register(rig, "one.test", 2);
    rig->ports[1] = PORT_REFUSES;
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 10; i++) {
        rig_get(rig, client, "one.test");
        rig_answer(rig, rig_backend(rig, 2), "x");
    }
    uint32_t before = rig->connects[1];
    assert_int_equal(before, 1);
    rig_pass(rig, 1100 * NS_PER_MS);
    assert_int_equal(rig->connects[1], 2);
    rig_pass(rig, 2100 * NS_PER_MS);
    assert_int_equal(rig->connects[1], 3);
    rig->ports[1] = PORT_LISTENS;
    rig_pass(rig, 4100 * NS_PER_MS);
    assert_int_equal(rig->connects[1], 4);
    struct route_cursor cursor = {0};
    struct route_view view;
    while (router_next_route(rig->machine, &cursor, &view))
        assert_false(view.is_quarantined);
    rig_expect_lacks(client, "HTTP/1.1 5");
}

static void a_silent_host_stays_aside(void **state)
{
    struct rig *rig = start(state);
    rig_register(rig, "one.test", 2);
    rig->ports[1] = PORT_SWALLOWS;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    for (int i = 0; i < 10 && rig->connects[1] == 0; i++) {
        rig_answer(rig, rig_backend(rig, 2), "x");
        rig_get(rig, client, "one.test");
    }
    rig_pass(rig, 1100 * NS_PER_MS);
    rig_answer(rig, rig_backend(rig, 2), "x");
    for (int i = 0; i < 100; i++) {
        rig_forget(client);
        rig_get(rig, client, "one.test");
        rig_answer(rig, rig_backend(rig, 2), "quick");
        rig_expect_contains(client, "quick"); /* No time has passed. */
        rig_pass(rig, 100 * NS_PER_MS);
    }
}

static void a_route_of_2011_goes_when_nobody_listens_there(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_publish(rig, "router.register", "{\"dea\":\"d\",\"host\":\"10.0.0.1\",\"port\":40001,\"uris\":[\"one.test\"]}");
    rig->ports[1] = PORT_REFUSES;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_pass(rig, 10 * NS_PER_S);
    assert_int_equal(router_endpoint_count(rig->machine), 0);
    rig_forget(client);
    rig_get(rig, client, "one.test");
    rig_expect_start(client, "HTTP/1.1 503 ");
}

/* ---- Digests ---- */

/* Where the answer to the last question for the table goes; NULL if nothing was asked. */
static const char *asked_at(struct rig *rig)
{
    static char inbox[80];
    const char *question = NULL;
    for (const char *at = rig_bus_said(rig); (at = strstr(at, "PUB dea.dea-9.routes ")) != NULL; at++)
        question = at;
    if (question == NULL || sscanf(question, "PUB dea.dea-9.routes %79s", inbox) != 1)
        return NULL;
    return inbox;
}

static void a_digest_that_agrees_keeps_routes_fresh(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    tell_route(rig, "router.register", 1, 1);
    tell_route(rig, "router.register", 2, 2);
    for (int i = 0; i < 20; i++) {
        rig_pass(rig, 30 * NS_PER_S);
        tell_digest(rig, "router.digest", digest_of(1, 2), 2);
        assert_int_equal(router_endpoint_count(rig->machine), 2);
    }
    assert_null(asked_at(rig));
    rig_pass(rig, 150 * NS_PER_S);
    assert_int_equal(router_endpoint_count(rig->machine), 0);
}

static void a_digest_that_differs_is_followed_by_the_table(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    tell_route(rig, "router.register", 1, 1);
    tell_route(rig, "router.register", 2, 2);
    tell_digest(rig, "router.digest", digest_of(2, 3), 4); /* Two messages were lost. */
    const char *inbox = asked_at(rig);
    assert_non_null(inbox);
    char page[1000];
    const char *route = "{\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"one.test\"],\"app\":%d,\"index\":0,\"epoch\":1,"
                        "\"private_instance_id\":\"i%d\",\"life\":\"l\",\"sequence\":4}";
    for (int n = 2; n <= 3; n++) { /* In two messages. */
        char one[300];
        snprintf(one, sizeof one, route, RIG_FIRST_PORT + n, n, n);
        snprintf(page, sizeof page,
                 "{\"dea\":\"dea-9\",\"life\":\"l\",\"sequence\":4,\"digest\":%llu,\"routes\":[%s],\"more\":%s}",
                 digest_of(2, 3), one, n == 2 ? "true" : "false");
        rig_publish(rig, inbox, page);
    }
    struct route_cursor cursor = {0};
    struct route_view view;
    int seen = 0;
    while (router_next_route(rig->machine, &cursor, &view)) {
        assert_true(strcmp(view.instance, "i2") == 0 || strcmp(view.instance, "i3") == 0);
        seen++;
    }
    assert_int_equal(seen, 2);
    tell_digest(rig, "router.digest", digest_of(2, 3), 4);
    assert_string_equal(asked_at(rig), inbox); /* Not again. */
}

static void a_digest_that_was_overtaken_is_not_believed(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    tell_route(rig, "router.register", 1, 1);
    tell_route(rig, "router.register", 2, 2);
    tell_digest(rig, "router.digest", digest_of(1, 1), 1);
    assert_null(asked_at(rig));
    assert_int_equal(router_endpoint_count(rig->machine), 2);
}

static void a_refused_connection_makes_the_router_ask_the_owner(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    tell_route(rig, "router.register", 1, 1);
    rig->ports[1] = PORT_REFUSES;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    const char *inbox = asked_at(rig);
    assert_non_null(inbox);
    rig_publish(rig, inbox, "{\"dea\":\"dea-9\",\"life\":\"l\",\"sequence\":2,\"digest\":0,\"routes\":[]}");
    assert_int_equal(router_endpoint_count(rig->machine), 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(an_address_has_only_so_many_connections),
        STORY(a_body_that_is_too_large_is_refused_before_and_while_it_comes),
        STORY(a_body_that_trickles_is_ended),
        STORY(a_body_that_waits_for_its_instance_is_not),
        STORY(requests_wait_in_their_order_for_a_full_backend),
        STORY(a_queued_request_does_not_wait_for_ever),
        STORY(an_endpoint_that_failed_is_probed_without_a_request),
        STORY(a_silent_host_stays_aside),
        STORY(a_route_of_2011_goes_when_nobody_listens_there),
        STORY(a_digest_that_agrees_keeps_routes_fresh),
        STORY(a_digest_that_differs_is_followed_by_the_table),
        STORY(a_digest_that_was_overtaken_is_not_believed),
        STORY(a_refused_connection_makes_the_router_ask_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
