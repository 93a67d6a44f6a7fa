/* Several bus servers as one. */
#include "core/components.h"
#include "core/proto/config.pb-c.h"
#include "tests/core/bus/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SERVERS = 3 };

static struct net net;
static struct host *buses[SERVERS];
static const char *const names[SERVERS] = {"bus-a", "bus-b", "bus-c"};
static Cupola__BusServerConfig config;
static Cupola__BusClusterConfig cluster;
static Cupola__Endpoint listen_at, cluster_at, route_at[SERVERS];
static Cupola__Endpoint *routes[SERVERS];

static void set_endpoint(Cupola__Endpoint *endpoint, const char *host, uint32_t port)
{
    cupola__endpoint__init(endpoint);
    endpoint->host = (char *)host;
    endpoint->has_port = true;
    endpoint->port = port;
}

static int prepare(void **state)
{
    (void)state;
    net_open(&net, 11);
    cupola__bus_server_config__init(&config);
    cupola__bus_cluster_config__init(&cluster);
    config.cluster = &cluster;
    config.listen = &listen_at;
    cluster.listen = &cluster_at;
    cluster.routes = routes;
    for (size_t i = 0; i < SERVERS; i++) {
        set_endpoint(&route_at[i], names[i], 6222);
        routes[i] = &route_at[i];
        buses[i] = NULL;
    }
    return 0;
}

static int finish(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVERS; i++) {
        if (buses[i] != NULL && buses[i]->exit_status < 0)
            net_stop(buses[i]);
    }
    net_pass_ms(&net, 4000);
    for (size_t i = 0; i < SERVERS; i++) {
        if (buses[i] == NULL)
            continue;
        assert_int_equal(buses[i]->exit_status, 0);
        assert_int_equal(machine_open_conns(buses[i]->machine), 0);
        assert_int_equal(machine_open_ops(buses[i]->machine), 0);
    }
    net_free(&net);
    return 0;
}

/* Server number `i` is configured with the addresses of the first `known` servers. */
static void start_bus(size_t i, size_t known)
{
    set_endpoint(&listen_at, names[i], 4222);
    set_endpoint(&cluster_at, names[i], 6222);
    config.server_id = (char *)names[i];
    cluster.n_routes = known;
    buses[i] = net_start(&net, names[i], &bus_server_class, &config.base);
}

static void given_a_cluster(void)
{
    for (size_t i = 0; i < SERVERS; i++)
        start_bus(i, SERVERS);
    net_pass_ms(&net, 3000);
}

static uint64_t counter(size_t i, const char *name)
{
    struct text json = {0};
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    bus_server_class.inspect(buses[i]->machine, &json);
    const char *at = strstr(text_string(&json), key);
    assert_non_null(at);
    unsigned long long value = 0;
    assert_int_equal(sscanf(at + strlen(key), "%llu", &value), 1);
    text_free(&json);
    return value;
}

static struct end *given_a_client(size_t i)
{
    struct end *end = net_dial(&net, names[i], 4222);
    end_skip(end);
    end_send(end, "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nPING\r\n");
    end_expect(end, "PONG\r\n");
    return end;
}

static void expect_mesh(void)
{
    for (size_t i = 0; i < SERVERS; i++)
        assert_int_equal(counter(i, "routes"), SERVERS - 1);
}

static void all_find_all_although_each_knows_only_the_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVERS; i++)
        start_bus(i, 1);
    net_pass_ms(&net, 3000);
    expect_mesh();
}

static void simultaneous_calls_leave_one_connection_a_pair(void **state)
{
    (void)state;
    given_a_cluster();
    expect_mesh();
    net_pass_ms(&net, 20000); /* Pings keep them; nobody calls again. */
    expect_mesh();
    for (size_t i = 0; i < SERVERS; i++)
        assert_int_equal(counter(i, "connections"), 0);
}

static void a_publication_reaches_listeners_at_every_server_once(void **state)
{
    (void)state;
    given_a_cluster();
    struct end *a = given_a_client(0);
    struct end *b = given_a_client(1);
    struct end *c = given_a_client(2);
    end_send(b, "SUB news.* 1\r\nSUB news.> 2\r\n");
    end_send(c, "SUB news.today 9\r\n");
    end_send(a, "SUB news.* 5\r\n");
    end_send(a, "PUB news.today back 2\r\nhi\r\n");
    end_expect(a, "MSG news.today 5 back 2\r\nhi\r\n");
    end_expect(b, "MSG news.today 1 back 2\r\nhi\r\nMSG news.today 2 back 2\r\nhi\r\n");
    end_expect(c, "MSG news.today 9 back 2\r\nhi\r\n");
    assert_int_equal(counter(0, "forwarded_msgs"), 2);
    assert_int_equal(counter(1, "forwarded_msgs"), 0); /* One hop. */
    end_send(a, "HPUB news.today 15 17\r\nNATS/1.0\r\nA:b\r\nhi\r\n");
    end_expect(c, "HMSG news.today 9 15 17\r\nNATS/1.0\r\nA:b\r\nhi\r\n");
}

static void where_nobody_listens_nothing_is_sent(void **state)
{
    (void)state;
    given_a_cluster();
    struct end *a = given_a_client(0);
    struct end *b = given_a_client(1);
    end_send(b, "SUB x 1\r\nSUB x 2\r\nUNSUB 1\r\n");
    end_send(a, "PUB x 0\r\n\r\n");
    end_expect(b, "MSG x 2 0\r\n\r\n");
    end_send(b, "UNSUB 2\r\n");
    end_send(a, "PUB x 0\r\n\r\n");
    assert_int_equal(counter(0, "forwarded_msgs"), 1);
    end_send(b, "SUB x 3\r\n");
    end_close(b, IO_OK);
    end_send(a, "PUB x 0\r\n\r\n");
    assert_int_equal(counter(0, "forwarded_msgs"), 1);
}

static void requests_are_answered_across_servers_and_told_when_nobody_can(void **state)
{
    (void)state;
    given_a_cluster();
    struct end *a = given_a_client(0);
    struct end *b = given_a_client(1);
    end_send(b, "SUB ask 1\r\n");
    end_send(a, "SUB _INBOX.q 7\r\nPUB ask _INBOX.q 1\r\n?\r\n");
    end_expect(b, "MSG ask 1 _INBOX.q 1\r\n?\r\n");
    end_send(b, "PUB _INBOX.q 1\r\n!\r\n");
    end_expect(a, "MSG _INBOX.q 7 1\r\n!\r\n");
    end_send(a, "PUB nobody _INBOX.q 0\r\n\r\n");
    end_expect(a, "HMSG _INBOX.q 7 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
}

static size_t count_lines(struct end *end, const char *beginning)
{
    net_run(&net);
    size_t count = 0;
    for (const char *at = text_string(&end->incoming); (at = strstr(at, beginning)) != NULL; at++)
        count++;
    text_clear(&end->incoming);
    return count;
}

static void a_queue_group_gets_each_message_once_wherever_its_members_are(void **state)
{
    (void)state;
    given_a_cluster();
    struct end *a = given_a_client(0);
    struct end *members[] = {given_a_client(1), given_a_client(2), given_a_client(2), given_a_client(2)};
    enum { MEMBERS = sizeof members / sizeof *members, MESSAGES = 400 };
    for (size_t i = 0; i < MEMBERS; i++)
        end_send(members[i], i % 2 == 0 ? "SUB work.* cc 1\r\n" : "SUB work.x cc 1\r\n");
    for (size_t i = 0; i < MESSAGES; i++)
        end_send(a, "PUB work.x 1\r\n.\r\n");
    size_t total = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        size_t count = count_lines(members[i], "MSG work.x");
        assert_in_range(count, MESSAGES / 8, MESSAGES / 2); /* All take part. */
        total += count;
    }
    assert_int_equal(total, MESSAGES);
    /* Whoever is at the publisher's own server is preferred. */
    end_send(a, "SUB work.> cc 3\r\n");
    for (size_t i = 0; i < 10; i++)
        end_send(a, "PUB work.x 1\r\n.\r\n");
    assert_int_equal(count_lines(a, "MSG work.x"), 10);
}

static void several_groups_and_plain_listeners_at_one_server_need_one_message(void **state)
{
    (void)state;
    given_a_cluster();
    struct end *a = given_a_client(0);
    struct end *b = given_a_client(1);
    end_send(b, "SUB s 1\r\nSUB s g1 2\r\nSUB s g2 3\r\nSUB s g2 4\r\n");
    end_send(a, "PUB s back 2\r\nhi\r\n");
    net_run(&net);
    assert_int_equal(counter(0, "forwarded_msgs"), 1);
    const char *got = text_string(&b->incoming);
    assert_non_null(strstr(got, "MSG s 1 back 2\r\nhi\r\n"));
    assert_non_null(strstr(got, "MSG s 2 back 2\r\nhi\r\n"));
    assert_int_equal(count_lines(b, "MSG s "), 3);
    end_send(a, "PUB s 2\r\nho\r\n");
    assert_int_equal(count_lines(b, "MSG s "), 3);
}

static void clients_learn_where_else_they_may_go(void **state)
{
    (void)state;
    start_bus(0, SERVERS);
    struct end *early = net_dial(&net, names[0], 4222);
    end_skip(early);
    end_send(early, "CONNECT {\"verbose\":false,\"protocol\":1}\r\n");
    struct end *old = net_dial(&net, names[0], 4222);
    end_send(old, "CONNECT {\"verbose\":false}\r\n");
    end_skip(old);
    start_bus(1, SERVERS);
    net_pass_ms(&net, 3000);
    assert_non_null(strstr(text_string(&early->incoming), "\"connect_urls\":[\"bus-a:4222\",\"bus-b:4222\"]"));
    end_send(early, "PONG\r\n");
    assert_null(strstr(text_string(&old->incoming), "INFO")); /* Would not understand it. */
    struct end *late = net_dial(&net, names[1], 4222);
    net_run(&net);
    assert_non_null(strstr(text_string(&late->incoming), "\"connect_urls\":[\"bus-b:4222\",\"bus-a:4222\"]"));
}

static void a_stopping_server_sends_its_clients_to_the_others_bit_by_bit(void **state)
{
    (void)state;
    enum { CLIENTS = 20 };
    struct end *clients[CLIENTS];
    given_a_cluster();
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = net_dial(&net, names[0], 4222);
        end_send(clients[i], "CONNECT {\"verbose\":false,\"protocol\":1}\r\n");
        end_skip(clients[i]);
    }
    struct end *watcher = net_dial(&net, names[1], 4222);
    end_send(watcher, "CONNECT {\"verbose\":false,\"protocol\":1}\r\n");
    end_skip(watcher);
    net_stop(buses[0]);
    assert_non_null(strstr(text_string(&clients[0]->incoming), "\"ldm\":true,\"connect_urls\":[\"bus-"));
    assert_null(strstr(text_string(&clients[0]->incoming), "bus-a:4222"));
    assert_null(strstr(text_string(&watcher->incoming), "bus-a:4222"));
    assert_non_null(strstr(text_string(&watcher->incoming), "bus-c:4222"));
    size_t gone[3] = {0};
    for (size_t look = 0; look < 3; look++) {
        for (size_t i = 0; i < CLIENTS; i++)
            gone[look] += end_is_closed(clients[i]);
        net_pass_ms(&net, look == 0 ? 1000 : 1500);
    }
    assert_int_equal(gone[0], 0);
    assert_in_range(gone[1], 5, 15);
    assert_int_equal(gone[2], CLIENTS);
    assert_int_equal(buses[0]->exit_status, 0);
    assert_int_equal(counter(1, "routes"), 1);
}

static void a_lost_server_is_forgotten_and_found_again(void **state)
{
    (void)state;
    given_a_cluster();
    struct end *a = given_a_client(0);
    struct end *c = given_a_client(2);
    end_send(c, "SUB x 1\r\n");
    net_cut(buses[2]);
    assert_int_equal(counter(0, "routes"), 1);
    end_send(a, "PUB x 0\r\n\r\n");
    assert_int_equal(counter(0, "forwarded_msgs"), 0);
    net_pass_ms(&net, 5000);
    expect_mesh();
    end_send(given_a_client(2), "SUB x 1\r\n");
    end_send(a, "PONG\r\n");
    end_send(a, "PUB x 0\r\n\r\n");
    assert_int_equal(counter(0, "forwarded_msgs"), 1);
}

static void a_server_without_the_password_is_not_let_in(void **state)
{
    (void)state;
    cluster.user = "mesh";
    cluster.password = "right";
    start_bus(0, 1);
    cluster.password = "wrong";
    start_bus(1, 1);
    net_pass_ms(&net, 2000);
    assert_int_equal(counter(0, "routes"), 0);
    assert_int_equal(counter(1, "routes"), 0);
    assert_true(counter(0, "auth_failures") > 0);
    assert_non_null(strstr(text_string(&buses[0]->log), "server bus-b at "));
    assert_non_null(strstr(text_string(&buses[0]->log), "is not allowed in: wrong user or password"));
    assert_non_null(strstr(text_string(&buses[1]->log), "server at bus-a:6222 says 'Authorization Violation'"));
    struct end *stranger = net_dial(&net, names[0], 6222);
    end_skip(stranger);
    end_send(stranger, "INFO {\"server_id\":\"x\"}\r\n");
    end_skip(stranger);
    end_send(stranger, "RMSG $G dea.x.start 2\r\n{}\r\n");
    end_expect(stranger, "-ERR 'Parser Error'\r\n");
    assert_true(end_is_closed(stranger));
}

/* By its id it would be the one that decides, so it says +OK without a CONNECT. */
static void a_stranger_neither_gets_in_by_its_own_word_nor_hears_the_password(void **state)
{
    (void)state;
    cluster.user = "mesh";
    cluster.password = "right";
    start_bus(0, 0);
    net_pass_ms(&net, 100);
    struct end *stranger = net_dial(&net, names[0], 6222);
    end_skip(stranger);
    end_send(stranger, "INFO {\"server_id\":\"a\"}\r\n");
    assert_non_null(strstr(text_string(&stranger->incoming), "CONNECT {"));
    assert_null(strstr(text_string(&stranger->incoming), "right"));
    end_skip(stranger);
    end_send(stranger, "INFO {\"server_id\":\"a\",\"route_urls\":[\"bus-b:6222\"]}\r\n");
    end_send(stranger, "+OK\r\nRMSG $G dea.x.start 2\r\n{}\r\n");
    end_expect(stranger, "-ERR 'Authorization Violation'\r\n");
    assert_true(end_is_closed(stranger));
    assert_int_equal(counter(0, "routes"), 0);
    assert_null(strstr(text_string(&buses[0]->log), "no connection to bus-b")); /* It was not called. */
}

static void servers_are_named_by_urls_with_their_passwords(void **state)
{
    (void)state;
    char *urls[] = {"nats-route://mesh:r%40ght@bus-a:6222"};
    cluster.user = "mesh";
    cluster.password = "r@ght";
    start_bus(0, 0);
    cluster.user = "others";
    cluster.password = "other";
    cluster.n_urls = 1;
    cluster.urls = urls;
    start_bus(1, 0);
    net_pass_ms(&net, 1000);
    assert_int_equal(counter(0, "routes"), 1);
    assert_int_equal(counter(1, "routes"), 1);
}

static void a_url_that_is_none_is_named(void **state)
{
    (void)state;
    static char *const wrong[] = {"bus-a:6222", "http://bus-a:6222", "nats://bus-a", "nats://mesh:%zz@bus-a:6222",
                                  "nats://mesh:x@bus-a:0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *urls[] = {"nats://bus-c:6222", wrong[i]};
        cluster.n_urls = 2;
        cluster.urls = urls;
        start_bus(0, 0);
        assert_int_equal(buses[0]->exit_status, 1);
        assert_non_null(strstr(text_string(&buses[0]->log), "bus_server.cluster.urls[1]: not like nats://"));
        net_free(&net);
        net_open(&net, 11);
    }
    buses[0] = NULL;
}

static void noise_from_a_server_is_survived(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "RS+ $G a..b\r\n",
        "RS+ $G\r\n",
        "RS- $G nothing\r\n",
        "RS+ $G a q 0\r\n",
        "RS+ $OTHER a\r\n",
        "RMSG $G a | 0\r\n",
        "RMSG $G a + r 0\r\n",
        "RMSG $G a | q 0\r\n\r\n",
        "RMSG $G > 0\r\n\r\n",
        "INFO {}\r\n",
        "INFO nonsense\r\n",
        "CONNECT {}\r\n",
        "+OK\r\n",
        "HMSG $G a 9 2\r\nxx\r\n",
    };
    start_bus(0, 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct end *end = net_dial(&net, names[0], 6222);
        end_skip(end);
        end_send(end, "INFO {\"server_id\":\"zz\",\"host\":\"10.0.0.9\",\"port\":1}\r\nCONNECT {}\r\n");
        assert_non_null(strstr(text_string(&end->incoming), "+OK"));
        end_send(end, lines[i]);
        end_close(end, IO_RESET);
        assert_int_equal(counter(0, "routes"), 0);
    }
    struct end *a = given_a_client(0);
    end_send(a, "SUB a 1\r\nPUB a 0\r\n\r\n");
    end_expect(a, "MSG a 1 0\r\n\r\n");
}

static int abandon(void **state)
{
    (void)state;
    net_free(&net);
    return 0;
}

static void a_server_can_be_killed_at_any_moment(void **state)
{
    (void)state;
    given_a_cluster();
    end_send(given_a_client(0), "SUB a 1\r\nSUB b q 2\r\n");
    end_send(given_a_client(1), "SUB a 1\r\nSUB b q 2\r\n");
}

#define story(name) cmocka_unit_test_setup_teardown(name, prepare, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(all_find_all_although_each_knows_only_the_first),
        story(simultaneous_calls_leave_one_connection_a_pair),
        story(a_publication_reaches_listeners_at_every_server_once),
        story(where_nobody_listens_nothing_is_sent),
        story(requests_are_answered_across_servers_and_told_when_nobody_can),
        story(a_queue_group_gets_each_message_once_wherever_its_members_are),
        story(several_groups_and_plain_listeners_at_one_server_need_one_message),
        story(clients_learn_where_else_they_may_go),
        story(a_stopping_server_sends_its_clients_to_the_others_bit_by_bit),
        story(a_lost_server_is_forgotten_and_found_again),
        story(a_server_without_the_password_is_not_let_in),
        story(a_stranger_neither_gets_in_by_its_own_word_nor_hears_the_password),
        story(servers_are_named_by_urls_with_their_passwords),
        story(a_url_that_is_none_is_named),
        story(noise_from_a_server_is_survived),
        cmocka_unit_test_setup_teardown(a_server_can_be_killed_at_any_moment, prepare, abandon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
