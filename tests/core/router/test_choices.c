/* How a request finds its instance, and what the instance learns of its client. */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"

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

static void add(struct rig *rig, int n, const char *more)
{
    char payload[400];
    snprintf(payload, sizeof payload,
             "{\"dea\":\"d%d\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"one.test\"],\"app\":7,\"index\":%d,"
             "\"private_instance_id\":\"i%d\",\"epoch\":1%s}",
             n, RIG_FIRST_PORT + n, n, n, more);
    rig_publish(rig, "router.register", payload);
}

/* The number of the instance that got the request; it answers. */
static int serve(struct rig *rig, struct rig_conn *client, const char *fields)
{
    char request[300];
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: one.test\r\n%s\r\n", fields);
    rig_forget(client);
    rig_send(rig, client, request);
    for (int n = 0; n < RIG_PORTS; n++) {
        struct rig_conn *backend = rig_backend(rig, n);
        if (backend == NULL || rig_sent(backend)[0] == 0)
            continue;
        rig_forget(backend);
        rig_answer(rig, backend, "x");
        return n;
    }
    return -1;
}

/* ---- Balancing ---- */

static void requests_go_round(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    for (int n = 0; n < 4; n++)
        add(rig, n, ",\"balance\":\"round-robin\"");
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 12; i++)
        assert_int_equal(serve(rig, client, ""), i % 4);
}

static void the_one_with_the_fewest_requests_is_taken(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    for (int n = 0; n < 4; n++)
        add(rig, n, ",\"balance\":\"least-connection\"");
    for (int i = 0; i < 12; i++)
        rig_get(rig, rig_client(rig), "one.test");
    for (int n = 0; n < 4; n++)
        assert_int_equal(rig->connects[n], 3);
}

static void a_header_decides(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    for (int n = 0; n < 8; n++)
        add(rig, n, ",\"balance\":\"hash\",\"balance_header\":\"X-Tenant\"");
    struct rig_conn *client = rig_client(rig);
    int owner[20];
    bool is_used[8] = {0};
    for (int tenant = 0; tenant < 20; tenant++) {
        char field[40];
        snprintf(field, sizeof field, "X-Tenant: t%d\r\n", tenant);
        owner[tenant] = serve(rig, client, field);
        is_used[owner[tenant]] = true;
        assert_int_equal(serve(rig, client, field), owner[tenant]);
    }
    int used = 0;
    for (int n = 0; n < 8; n++)
        used += is_used[n];
    assert_true(used > 4);
    /* One that goes takes only its own share with it. */
    rig_publish(rig, "router.unregister", "{\"host\":\"10.0.0.1\",\"port\":40003,\"uris\":[\"one.test\"]}");
    for (int tenant = 0; tenant < 20; tenant++) {
        char field[40];
        snprintf(field, sizeof field, "X-Tenant: t%d\r\n", tenant);
        int now = serve(rig, client, field);
        assert_true(owner[tenant] == 3 ? now != 3 : now == owner[tenant]);
    }
}

static void the_own_zone_comes_first_and_others_before_nobody(void **state)
{
    struct rig *rig = *state;
    rig->config.zone = (char *)(uintptr_t) "z1";
    rig_start(rig);
    for (int n = 0; n < 4; n++)
        add(rig, n, n < 2 ? ",\"zone\":\"z1\"" : ",\"zone\":\"z2\"");
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 20; i++)
        assert_true(serve(rig, client, "") < 2);
    for (int n = 0; n < 2; n++) {
        rig_cut(rig, rig_backend(rig, n), IO_RESET);
        rig->ports[n] = PORT_REFUSES;
    }
    for (int i = 0; i < 20; i++)
        assert_true(serve(rig, client, "") >= 2);
}

/* ---- One instance ---- */

static void a_request_may_ask_for_one_instance(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    for (int n = 0; n < 5; n++)
        add(rig, n, "");
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 5; i++)
        assert_int_equal(serve(rig, client, "X-Cf-App-Instance: 7:3\r\n"), 3);
    assert_int_equal(serve(rig, client, "X-Cf-App-Instance: 7:9\r\n"), -1);
    rig_expect_start(client, "HTTP/1.1 404 Not Found\r\nX-Cf-RouterError: unknown_instance\r\n");
    assert_int_equal(serve(rig, client, "X-Cf-App-Instance: 8:3\r\n"), -1);
    static const char *const bad[] = {"7", "7:", ":3", "7:3:1", "a:3", "7:-3", "99999999999:1", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char field[60];
        client = rig_client(rig);
        snprintf(field, sizeof field, "X-Cf-App-Instance: %s\r\n", bad[i]);
        assert_int_equal(serve(rig, client, field), -1);
        rig_expect_start(client, "HTTP/1.1 400 Bad Request\r\n");
        rig_expect_contains(client, "X-Cf-RouterError: invalid_cf_app_instance_header\r\n");
    }
}

static void an_instance_learns_who_it_is_and_a_trace_begins(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    add(rig, 2, "");
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client,
             "GET / HTTP/1.1\r\nHost: one.test\r\nX-Cf-InstanceId: forged\r\nX-Cf-ApplicationId: 9\r\n"
             "traceparent: nonsense\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 2);
    rig_expect_contains(backend, "X-Cf-ApplicationId: 7\r\n");
    rig_expect_contains(backend, "X-Cf-InstanceIndex: 2\r\n");
    rig_expect_contains(backend, "X-Cf-InstanceId: i2\r\n");
    rig_expect_contains(backend, "traceparent: 00-");
    rig_expect_lacks(backend, "forged");
    rig_expect_lacks(backend, "nonsense");
    rig_forget(backend);
    rig_answer(rig, backend, "x");
    static const char trace[] = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    char request[200];
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: one.test\r\n%s\r\n", trace);
    rig_send(rig, client, request);
    rig_expect_contains(backend, trace);
}

static void the_lines_of_the_second_choice_are_its_own(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    add(rig, 1, "");
    add(rig, 2, "");
    rig->ports[1] = PORT_REFUSES;
    for (int i = 0; i < 8; i++) {
        struct rig_conn *client = rig_client(rig);
        rig_get(rig, client, "one.test");
        rig_expect_contains(rig_backend(rig, 2), "X-Cf-InstanceId: i2\r\n");
        rig_expect_lacks(rig_backend(rig, 2), "X-Cf-InstanceId: i1\r\n");
        rig_forget(rig_backend(rig, 2));
        rig_answer(rig, rig_backend(rig, 2), "x");
        rig_pass(rig, NS_PER_S);
    }
    assert_true(rig->connects[1] > 0);
}

/* ---- Trust ---- */

static char *trusted[] = {(char *)(uintptr_t) "192.0.2.0/24"};

static void a_trusted_peer_may_tell_of_its_client(void **state)
{
    struct rig *rig = *state;
    rig->config.trusted_peers = trusted;
    rig->config.n_trusted_peers = 1;
    rig_start(rig);
    add(rig, 1, "");
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client,
             "GET / HTTP/1.1\r\nHost: one.test\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"
             "X-Forwarded-Host: outside.test\r\nX-Forwarded-Port: 8443\r\nForwarded: for=198.51.100.7\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_contains(backend, "X-Forwarded-For: 198.51.100.7, 192.0.2.1\r\n");
    rig_expect_contains(backend, "X-Forwarded-Proto: https\r\n");
    rig_expect_contains(backend, "X-Forwarded-Host: outside.test\r\n");
    rig_expect_contains(backend, "X-Forwarded-Port: 8443\r\n");
    rig_expect_contains(backend, "Forwarded: for=198.51.100.7, for=192.0.2.1;host=\"one.test\";proto=http\r\n");
}

static void nobody_else_may(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    add(rig, 1, "");
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client,
             "GET / HTTP/1.1\r\nHost: one.test\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"
             "X-Forwarded-Host: outside.test\r\nX-Forwarded-Port: 8443\r\nForwarded: for=198.51.100.7\r\n"
             "X-Real-IP: 198.51.100.7\r\nX-Real_IP: 198.51.100.7\r\nX-Forwarded-Client-Cert: x\r\n\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_lacks(backend, "198.51.100.7");
    rig_expect_lacks(backend, "outside");
    rig_expect_lacks(backend, "8443");
    rig_expect_lacks(backend, "Client-Cert");
    rig_expect_lacks(backend, "https");
    rig_expect_contains(backend, "X-Forwarded-For: 192.0.2.1\r\n");
}

static void the_proxy_protocol_names_the_client(void **state)
{
    struct rig *rig = *state;
    rig->config.proxy_protocol = (char *)(uintptr_t) "on";
    rig_start(rig);
    add(rig, 1, "");
    for (size_t segment = 0; segment < 3; segment++) {
        rig->segment = segment;
        struct rig_conn *client = rig_client(rig);
        rig_send(rig, client, "PROXY TCP4 203.0.113.9 192.0.2.1 5 80\r\nGET / HTTP/1.1\r\nHost: one.test\r\n\r\n");
        struct rig_conn *backend = rig_backend(rig, 1);
        rig_expect_contains(backend, "X-Forwarded-For: 203.0.113.9\r\n");
        rig_forget(backend);
        rig_answer(rig, backend, "x");
        rig_expect_start(client, "HTTP/1.1 200 OK\r\n");
    }
    rig->segment = 0;
    struct rig_conn *stranger = rig_client(rig);
    rig_get(rig, stranger, "one.test");
    assert_false(stranger->is_open);
    assert_string_equal(rig_sent(stranger), "");
}

static void only_trusted_peers_speak_it_where_that_is_said(void **state)
{
    struct rig *rig = *state;
    rig->config.proxy_protocol = (char *)(uintptr_t) "trusted";
    rig_start(rig);
    add(rig, 1, "");
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "PROXY TCP4 203.0.113.9 192.0.2.1 5 80\r\nGET / HTTP/1.1\r\nHost: one.test\r\n\r\n");
    rig_expect_start(client, "HTTP/1.1 400 ");
    client = rig_client(rig);
    assert_int_equal(serve(rig, client, ""), 1);
}

static void a_network_that_cannot_be_read_ends_the_start(void **state)
{
    static char *nonsense[] = {(char *)(uintptr_t) "10.0.0.0/40"};
    struct rig *rig = *state;
    rig->config.trusted_peers = nonsense;
    rig->config.n_trusted_peers = 1;
    rig_start(rig);
    assert_true(rig->has_exited);
    assert_int_not_equal(rig->exit_status, 0);
    assert_non_null(strstr(text_string(&rig->log), "trusted_peers[0]"));
}

/* ---- Sticky sessions ---- */

static char *cookies[] = {(char *)(uintptr_t) "connect.sid", (char *)(uintptr_t) "SESSION"};

static void the_cookies_that_begin_a_session_can_be_named(void **state)
{
    struct rig *rig = *state;
    rig->config.sticky_cookies = cookies;
    rig->config.n_sticky_cookies = 2;
    rig_start(rig);
    add(rig, 1, "");
    struct rig_conn *client = rig_client(rig);
    static const char *const begins[] = {"SESSION=a; Path=/x", "connect.sid=b"};
    static const char *const others[] = {"JSESSIONID=a", "SESSIONS=a", "x=SESSION=a"};
    for (size_t i = 0; i < 5; i++) {
        char response[200];
        rig_forget(client);
        rig_get(rig, client, "one.test");
        snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nSet-Cookie: %s\r\nContent-Length: 0\r\n\r\n",
                 i < 2 ? begins[i] : others[i - 2]);
        rig_send(rig, rig_backend(rig, 1), response);
        if (i < 2)
            rig_expect_contains(client, "Set-Cookie: __VCAP_ID__=");
        else
            rig_expect_lacks(client, "__VCAP_ID__");
    }
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(requests_go_round),
        STORY(the_one_with_the_fewest_requests_is_taken),
        STORY(a_header_decides),
        STORY(the_own_zone_comes_first_and_others_before_nobody),
        STORY(a_request_may_ask_for_one_instance),
        STORY(an_instance_learns_who_it_is_and_a_trace_begins),
        STORY(the_lines_of_the_second_choice_are_its_own),
        STORY(a_trusted_peer_may_tell_of_its_client),
        STORY(nobody_else_may),
        STORY(the_proxy_protocol_names_the_client),
        STORY(only_trusted_peers_speak_it_where_that_is_said),
        STORY(a_network_that_cannot_be_read_ends_the_start),
        STORY(the_cookies_that_begin_a_session_can_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
