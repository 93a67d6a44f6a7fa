/* The bus server, spoken to byte by byte. */
#include "core/components.h"
#include "core/proto/config.pb-c.h"
#include "tests/core/bus/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct net net;
static struct host *bus;
static Cupola__BusServerConfig config;
static Cupola__Endpoint listen_at;

static int prepare(void **state)
{
    (void)state;
    net_open(&net, 3);
    cupola__bus_server_config__init(&config);
    cupola__endpoint__init(&listen_at);
    listen_at.host = "bus";
    listen_at.has_port = true;
    listen_at.port = 4222;
    config.listen = &listen_at;
    config.server_id = "S1";
    return 0;
}

/* Every test ends with a clean stop: nothing open, nothing outstanding, status 0. */
static int finish(void **state)
{
    (void)state;
    if (bus->exit_status < 0)
        net_stop(bus);
    net_pass_ms(&net, 2000);
    assert_int_equal(bus->exit_status, 0);
    assert_int_equal(machine_open_conns(bus->machine), 0);
    assert_int_equal(machine_open_ops(bus->machine), 0);
    net_free(&net);
    return 0;
}

static void given_a_bus(void)
{
    bus = net_start(&net, "bus", &bus_server_class, &config.base);
}

static struct end *given_a_client(const char *options)
{
    struct end *end = net_dial(&net, "bus", 4222);
    end_skip(end);
    char connect[300];
    snprintf(connect, sizeof connect, "CONNECT {\"verbose\":false,\"pedantic\":false%s}\r\nPING\r\n", options);
    end_send(end, connect);
    end_expect(end, "PONG\r\n");
    return end;
}

static void expect_cut_with(struct end *end, const char *text)
{
    end_expect(end, text);
    assert_true(end_is_closed(end));
}

static void a_client_is_greeted_with_what_the_server_can(void **state)
{
    (void)state;
    given_a_bus();
    assert_string_equal(text_string(&bus->log), "listening on bus:4222\n");
    struct end *end = net_dial(&net, "bus", 4222);
    end_expect(end,
               "INFO {\"server_id\":\"S1\",\"server_name\":\"S1\",\"version\":\"0.2.0\",\"proto\":1,\"host\":\"bus\","
               "\"port\":4222,\"headers\":true,\"max_payload\":1048576,\"client_id\":1,"
               "\"client_ip\":\"10.0.0.1\"}\r\n");
}

static void publications_reach_subscribers_and_wildcards(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    struct end *b = given_a_client("");
    end_send(a, "SUB dea.stop 1\r\nSUB dea.* 2\r\nSUB dea.> 3\r\nSUB dea.*.start 4\r\n");
    end_send(b, "PUB dea.stop 2\r\nhi\r\n");
    end_expect(a, "MSG dea.stop 1 2\r\nhi\r\nMSG dea.stop 2 2\r\nhi\r\nMSG dea.stop 3 2\r\nhi\r\n");
    end_send(b, "PUB dea.x7.start answer.here 4\r\n\r\n\r\n\r\nPUB dea 1\r\nx\r\nPUB other 1\r\nx\r\n");
    end_expect(a, "MSG dea.x7.start 4 answer.here 4\r\n\r\n\r\n\r\nMSG dea.x7.start 3 answer.here 4\r\n\r\n\r\n\r\n");
    end_expect(b, "");
    end_send(a, "UNSUB 3\r\nUNSUB 2\r\n");
    end_send(b, "PUB dea.stop 0\r\n\r\n");
    end_expect(a, "MSG dea.stop 1 0\r\n\r\n");
}

/* Row B7 of the weaknesses: v1's server took 0x04 and 0x06 for the end, wherever they came. */
static void payloads_may_hold_any_byte(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    char payload[256];
    for (size_t i = 0; i < 255; i++)
        payload[i] = (char)(i + 1);
    payload[255] = 0;
    char line[400];
    end_send(a, "SUB x 1\r\n");
    snprintf(line, sizeof line, "PUB x 255\r\n%s\r\n", payload);
    end_send(a, line);
    snprintf(line, sizeof line, "MSG x 1 255\r\n%s\r\n", payload);
    end_expect(a, line);
}

static void what_clients_of_2011_send_is_understood(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    end_send(a, "sub news  2\r\npub news  2\r\nhi\r\nPub\tnews\tback\t2 \r\nho\r\nUNSUB 2 \nPUB news 1\nx\r\nping\n");
    end_expect(a, "MSG news 2 2\r\nhi\r\nMSG news 2 back 2\r\nho\r\nPONG\r\n");
}

static void verbose_clients_get_a_word_for_each_command(void **state)
{
    (void)state;
    given_a_bus();
    struct end *end = net_dial(&net, "bus", 4222);
    end_skip(end);
    end_send(end, "CONNECT {\"verbose\":true,\"pedantic\":true}\r\nSUB a 1\r\nPUB b 0\r\n\r\nUNSUB 1\r\nPING\r\n");
    end_expect(end, "+OK\r\n+OK\r\n+OK\r\n+OK\r\nPONG\r\n");
    end_send(end, "PUB a..b 0\r\n\r\n");
    end_expect(end, "-ERR 'Invalid Publish Subject'\r\n+OK\r\n");
    end_send(end, "SUB a..b 7\r\n");
    end_expect(end, "-ERR 'Invalid Subject'\r\n+OK\r\n");
    assert_false(end_is_closed(end));
}

static void what_breaks_the_protocol_is_answered_and_cut(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *answer;
    } cases[] = {
        {"GET / HTTP/1.1\r\n", "-ERR 'Unknown Protocol Operation'\r\n"},
        {"\r\n", "-ERR 'Unknown Protocol Operation'\r\n"},
        {"PUBLISH a 0\r\n\r\n", "-ERR 'Unknown Protocol Operation'\r\n"},
        {"MSG a 1 0\r\n\r\n", "-ERR 'Unknown Protocol Operation'\r\n"},
        {"PUB a\r\n", "-ERR 'Parser Error'\r\n"},
        {"PUB a -1\r\n", "-ERR 'Parser Error'\r\n"},
        {"PUB a 1x\r\n", "-ERR 'Parser Error'\r\n"},
        {"PUB a b c 1\r\n", "-ERR 'Parser Error'\r\n"},
        {"PUB a 2\r\nabc\r\n", "-ERR 'Parser Error'\r\n"},
        {"PUB a 99999999999999999999\r\n", "-ERR 'Parser Error'\r\n"},
        {"PUB a 1048577\r\n", "-ERR 'Maximum Payload Violation'\r\n"},
        {"HPUB a 10 5\r\nabcde\r\n", "-ERR 'Parser Error'\r\n"},
        {"HPUB a 2 2\r\n\r\n\r\n", "-ERR 'message headers not supported'\r\n"},
        {"SUB a\r\n", "-ERR 'Parser Error'\r\n"},
        {"SUB a b c d\r\n", "-ERR 'Parser Error'\r\n"},
        {"SUB a\001b 1\r\n", "-ERR 'Parser Error'\r\n"},
        {"UNSUB\r\n", "-ERR 'Parser Error'\r\n"},
        {"UNSUB 1 x\r\n", "-ERR 'Parser Error'\r\n"},
        {"CONNECT {\r\n", "-ERR 'Parser Error'\r\n"},
        {"CONNECT\r\n", "-ERR 'Parser Error'\r\n"},
        {"CONNECT {\"no_responders\":true}\r\n", "-ERR 'no responders requires headers support'\r\n"},
        {"PING PONG\r\n", "-ERR 'Parser Error'\r\n"},
    };
    given_a_bus();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct end *end = given_a_client("");
        end_send(end, cases[i].sent);
        end_send(end, "PUB after.the.end 0\r\n\r\n");
        expect_cut_with(end, cases[i].answer);
    }
}

static void a_line_without_end_costs_no_more_than_the_limit(void **state)
{
    (void)state;
    config.has_max_control_line = true;
    config.max_control_line = 64;
    given_a_bus();
    struct end *end = given_a_client("");
    for (int i = 0; i < 6; i++)
        end_send(end, "SUB aaaaaa"); /* 60 bytes. */
    end_expect(end, "");
    end_send(end, "aaaaa");
    expect_cut_with(end, "-ERR 'Maximum Control Line Exceeded'\r\n");
    struct end *other = given_a_client("");
    end_send(other, "SUB a 1");
    net_pass_ms(&net, 5000);
    end_expect(other, "");
    net_pass_ms(&net, 5000);
    end_expect(other, "PING\r\n");
    net_pass_ms(&net, 10000);
    expect_cut_with(other, "PING\r\n-ERR 'Stale Connection'\r\n"); /* It could not even have answered. */
}

static void unsub_with_a_count_ends_after_so_many(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    end_send(a, "SUB a 1\r\nUNSUB 1 2\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n");
    end_expect(a, "MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n");
    end_send(a, "SUB a 1\r\nPUB a 1\r\n4\r\nUNSUB 1 1\r\nPUB a 1\r\n5\r\n"); /* Has had one already. */
    end_expect(a, "MSG a 1 1\r\n4\r\n");
}

static size_t count_messages(struct end *end)
{
    net_run(end->net);
    size_t count = 0;
    for (const char *at = text_string(&end->incoming); (at = strstr(at, "MSG ")) != NULL; at++)
        count++;
    text_clear(&end->incoming);
    return count;
}

static void each_queue_group_gets_each_message_once_and_fairly(void **state)
{
    (void)state;
    given_a_bus();
    struct end *members[4];
    for (int i = 0; i < 4; i++) {
        members[i] = given_a_client("");
        end_send(members[i], i < 2 ? "SUB work.now cc 1\r\n" : "SUB work.* cc 1\r\n");
    }
    struct end *other = given_a_client("");
    end_send(other, "SUB work.now hm 1\r\nSUB work.now 2\r\n");
    struct end *publisher = given_a_client("");
    struct text burst = {0};
    for (int i = 0; i < 1000; i++)
        text_add_string(&burst, "PUB work.now 1\r\nx\r\n");
    end_send_bytes(publisher, text_string(&burst), burst.size);
    text_free(&burst);
    size_t sum = 0;
    for (int i = 0; i < 4; i++) {
        size_t count = count_messages(members[i]);
        assert_in_range(count, 190, 310); /* 250, and more than four deviations either way. */
        sum += count;
    }
    assert_int_equal(sum, 1000);
    assert_int_equal(count_messages(other), 2000);
    end_close(members[0], IO_RESET);
    end_send(publisher, "PUB work.now 1\r\nx\r\n");
    sum = 0;
    for (int i = 1; i < 4; i++)
        sum += count_messages(members[i]);
    assert_int_equal(sum, 1);
}

static void who_does_not_want_an_echo_gets_none(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client(",\"echo\":false");
    struct end *b = given_a_client("");
    end_send(a, "SUB x 1\r\nSUB x q 2\r\n");
    end_send(b, "SUB x q 1\r\n");
    for (int i = 0; i < 20; i++)
        end_send(a, "PUB x 1\r\nm\r\n");
    end_expect(a, "");
    assert_int_equal(count_messages(b), 20);
}

static void headers_reach_those_who_can_take_them(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client(",\"headers\":true");
    struct end *b = given_a_client("");
    end_send(a, "SUB x 1\r\n");
    end_send(b, "SUB x 1\r\n");
    end_send(a, "HPUB x back 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\nHPUB  x 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n");
    end_expect(a,
               "HMSG x 1 back 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\nHMSG x 1 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n");
    end_expect(b, "MSG x 1 back 2\r\nhi\r\nMSG x 1 0\r\n\r\n");
}

static void a_request_that_nobody_serves_is_told_so(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client(",\"headers\":true,\"no_responders\":true");
    struct end *b = given_a_client("");
    end_send(a, "SUB in.* 9\r\nPUB nobody in.1 2\r\nhi\r\nPUB nobody 2\r\nhi\r\n");
    end_expect(a, "HMSG in.1 9 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    end_send(b, "SUB served 1\r\nPUB nobody in.1 2\r\nhi\r\n");
    end_send(a, "PUB served in.2 2\r\nhi\r\n");
    end_expect(b, "MSG served 1 in.2 2\r\nhi\r\n");
    end_expect(a, "");
}

static void secrets_are_asked_for(void **state)
{
    (void)state;
    config.user = "joe";
    config.password = "secret";
    given_a_bus();
    static const char *const refused[] = {
        "CONNECT {\"user\":\"joe\",\"pass\":\"wrong\"}\r\n",
        "CONNECT {\"user\":\"joe\",\"pass\":\"secre\"}\r\n",
        "CONNECT {\"user\":\"joe\",\"pass\":\"secrets\"}\r\n",
        "CONNECT {\"user\":\"joe\",\"pass\":\"\"}\r\n",
        "CONNECT {\"user\":\"eve\",\"pass\":\"secret\"}\r\n",
        "CONNECT {}\r\n",
        "SUB a 1\r\n",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct end *end = net_dial(&net, "bus", 4222);
        assert_non_null(strstr(text_string(&end->incoming), "\"auth_required\":true"));
        end_skip(end);
        end_send(end, refused[i]);
        expect_cut_with(end, "-ERR 'Authorization Violation'\r\n");
    }
    given_a_client(",\"user\":\"joe\",\"pass\":\"secret\"");
    struct end *silent = net_dial(&net, "bus", 4222);
    end_skip(silent);
    net_pass_ms(&net, 1999);
    end_expect(silent, "");
    net_pass_ms(&net, 1);
    expect_cut_with(silent, "-ERR 'Authentication Timeout'\r\n");
}

static void limits_are_told(void **state)
{
    (void)state;
    config.has_max_connections = true;
    config.max_connections = 2;
    config.has_max_subscriptions = true;
    config.max_subscriptions = 3;
    given_a_bus();
    struct end *a = given_a_client("");
    struct end *b = given_a_client("");
    struct end *c = net_dial(&net, "bus", 4222);
    expect_cut_with(c, "-ERR 'maximum connections exceeded'\r\n");
    end_send(a, "SUB a 1\r\nSUB a 2\r\n");
    end_send(b, "SUB a 1\r\nSUB a 1\r\nSUB a 2\r\n");
    end_expect(b, "-ERR 'maximum subscriptions exceeded'\r\n");
    end_close(a, IO_RESET);
    end_send(b, "SUB a 2\r\n");
    end_expect(b, "");
    given_a_client("");
}

static void a_stale_peer_is_left_and_a_living_one_is_not(void **state)
{
    (void)state;
    given_a_bus();
    struct end *silent = given_a_client("");
    struct end *alive = given_a_client("");
    for (int i = 0; i < 6; i++) {
        net_pass_ms(&net, 5000);
        if (strstr(text_string(&alive->incoming), "PING") != NULL)
            end_send(alive, "PONG\r\n");
    }
    expect_cut_with(silent, "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    assert_false(end_is_closed(alive));
}

static void publish_to_x(struct end *publisher, size_t count, size_t payload_size)
{
    struct text burst = {0};
    for (size_t i = 0; i < count; i++) {
        text_addf(&burst, "PUB x %u\r\n", (unsigned)payload_size);
        memset(text_room(&burst, payload_size), 'p', payload_size);
        text_grow(&burst, payload_size);
        text_add_string(&burst, "\r\n");
    }
    end_send_bytes(publisher, text_string(&burst), burst.size);
    text_free(&burst);
}

static void a_slow_consumer_is_cut_off_and_the_others_live(void **state)
{
    (void)state;
    config.has_max_pending = true;
    config.max_pending = 20000;
    given_a_bus();
    struct end *slow = given_a_client("");
    struct end *quick = given_a_client("");
    struct end *publisher = given_a_client("");
    end_send(slow, "SUB x 1\r\n");
    end_send(quick, "SUB x 1\r\n");
    slow->stuck = true;
    net.largest_piece = 4096;
    publish_to_x(publisher, 100, 1000);
    for (int i = 0; i < 200 && !end_is_closed(slow); i++)
        net_pass_ms(&net, 5); /* The publisher is slowed down meanwhile, not stopped. */
    assert_true(end_is_closed(slow));
    assert_in_range(slow->incoming.size, 20000, 20000 + 2 * 4096);
    net_pass_ms(&net, 1000);
    assert_int_equal(count_messages(quick), 100);
    assert_non_null(strstr(text_string(&bus->log), "slow consumer"));
    assert_false(end_is_closed(publisher));
}

static void a_consumer_that_takes_nothing_for_the_write_deadline_is_cut_off(void **state)
{
    (void)state;
    given_a_bus();
    struct end *stuck = given_a_client("");
    struct end *publisher = given_a_client("");
    end_send(stuck, "SUB x 1\r\n");
    stuck->stuck = true;
    publish_to_x(publisher, 1, 10);
    for (int i = 0; i < 3; i++) {
        net_pass_ms(&net, 4900);
        end_send(stuck, "PONG\r\n");
        end_send(publisher, "PONG\r\n");
        assert_false(end_is_closed(stuck));
    }
    net_pass_ms(&net, 5000);
    assert_true(end_is_closed(stuck));
    assert_false(end_is_closed(publisher));
}

static void order_is_kept_for_each_publisher(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    struct end *b = given_a_client("");
    end_send(a, "SUB s.> 1\r\n");
    struct text burst = {0};
    struct text expected = {0};
    for (int i = 0; i < 500; i++) {
        text_addf(&burst, "PUB s.%d 3\r\n%03d\r\n", i % 7, i);
        text_addf(&expected, "MSG s.%d 1 3\r\n%03d\r\n", i % 7, i);
    }
    size_t before = bus->writes;
    net.largest_piece = 0;
    end_send_bytes(b, text_string(&burst), burst.size);
    end_expect(a, text_string(&expected));
    assert_true(bus->writes - before < 100); /* Gathered: far fewer than 500. */
    text_free(&burst);
    text_free(&expected);
}

static void stopping_sends_what_is_due_and_ends(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    struct end *stuck = given_a_client("");
    end_send(a, "SUB x 1\r\n");
    end_send(stuck, "SUB x 1\r\n");
    stuck->stuck = true;
    publish_to_x(a, 1, 3);
    net_stop(bus);
    expect_cut_with(a, "MSG x 1 3\r\nppp\r\n");
    assert_int_equal(bus->exit_status, -1); /* One has not taken its bytes. */
    net_pass_ms(&net, 1000);
    assert_int_equal(bus->exit_status, 0);
}

static void its_state_can_be_looked_at(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    end_send(a, "SUB x 1\r\nPUB x 3\r\nabc\r\n");
    struct text json = {0};
    bus_server_class.inspect(bus->machine, &json);
    assert_non_null(strstr(text_string(&json), "\"connections\":1,"));
    assert_non_null(strstr(text_string(&json), "\"subscriptions\":1,"));
    assert_non_null(strstr(text_string(&json), "\"in_msgs\":1,\"in_bytes\":3,\"out_msgs\":1,\"out_bytes\":3,"));
    text_free(&json);
}

static void expect_page(const char *path, const char *status, const char *part)
{
    struct end *browser = net_dial(&net, "bus", 8222);
    char request[100];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bus\r\nConnection: close\r\n\r\n", path);
    end_send(browser, request);
    const char *answer = text_string(&browser->incoming);
    assert_memory_equal(answer, status, strlen(status));
    assert_non_null(strstr(answer, part));
    end_close(browser, IO_OK);
}

static void its_state_can_be_looked_at_over_http(void **state)
{
    (void)state;
    Cupola__Endpoint monitor = CUPOLA__ENDPOINT__INIT;
    monitor.host = "bus";
    monitor.has_port = true;
    monitor.port = 8222;
    config.monitor = &monitor;
    given_a_bus();
    struct end *a = given_a_client(",\"name\":\"my \\\"dea\\\"\",\"lang\":\"c\"");
    end_send(a, "SUB x 1\r\nPUB x 3\r\nabc\r\n");
    expect_page("/healthz", "HTTP/1.1 200", "\r\n\r\nok\n");
    expect_page("/varz", "HTTP/1.1 200", "\"connections\":1,");
    expect_page("/connz", "HTTP/1.1 200",
                "\"name\":\"my \\\"dea\\\"\",\"lang\":\"c\",\"start\":1,\"subscriptions\":1,");
    end_send(net_dial(&net, "bus", 4222), "NONSENSE\r\n");
    expect_page("/connz?state=closed", "HTTP/1.1 200", "\"reason\":\"Protocol Violation\"");
    expect_page("/routez", "HTTP/1.1 200", "\"num_routes\":0,\"routes\":[]}");
    expect_page("/subsz", "HTTP/1.1 200", "{\"num_subscriptions\":1,");
    expect_page("/other", "HTTP/1.1 404", "");
    net_dial(&net, "bus", 8222); /* Idle when the server stops. */
}

/* Pieces of good and bad lines in random order: whatever comes, the bus lives, and its own subscriber still hears. */
static void noise_hurts_only_who_makes_it(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "PUB ",
        "SUB ",
        "UNSUB ",
        "HPUB ",
        "PING\r\n",
        "a",
        "a.b",
        ".",
        "*",
        ">",
        " ",
        "\r\n",
        "\n",
        "1",
        "0\r\n\r\n",
        "10",
        "\t",
        "\r",
        "'",
        "-1",
        "CONNECT {\"verbose\":true}\r\n",
        "99999999999",
        "q",
        "SUB a 1\r\n",
        "PUB a 1\r\nx\r\n",
        "UNSUB 1 3\r\n",
    };
    given_a_bus();
    struct end *good = given_a_client("");
    end_send(good, "SUB good 1\r\n");
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random_stream stream = random_numbered(seed, "noise", seed);
        struct end *noisy = given_a_client("");
        struct text noise = {0};
        for (uint64_t i = random_below(&stream, 40); i > 0; i--) {
            if (random_below(&stream, 20) == 0)
                text_add_char(&noise, (char)random_below(&stream, 256));
            else
                text_add_string(&noise, pieces[random_below(&stream, sizeof pieces / sizeof *pieces)]);
        }
        end_send_bytes(noisy, text_string(&noise), noise.size);
        text_free(&noise);
        end_close(noisy, IO_RESET);
    }
    end_send(good, "PUB good 2\r\nok\r\n");
    end_expect(good, "MSG good 1 2\r\nok\r\n");
}

#define story(test) cmocka_unit_test_setup_teardown(test, prepare, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_client_is_greeted_with_what_the_server_can),
        story(publications_reach_subscribers_and_wildcards),
        story(payloads_may_hold_any_byte),
        story(what_clients_of_2011_send_is_understood),
        story(verbose_clients_get_a_word_for_each_command),
        story(what_breaks_the_protocol_is_answered_and_cut),
        story(a_line_without_end_costs_no_more_than_the_limit),
        story(unsub_with_a_count_ends_after_so_many),
        story(each_queue_group_gets_each_message_once_and_fairly),
        story(who_does_not_want_an_echo_gets_none),
        story(headers_reach_those_who_can_take_them),
        story(a_request_that_nobody_serves_is_told_so),
        story(secrets_are_asked_for),
        story(limits_are_told),
        story(a_stale_peer_is_left_and_a_living_one_is_not),
        story(a_slow_consumer_is_cut_off_and_the_others_live),
        story(a_consumer_that_takes_nothing_for_the_write_deadline_is_cut_off),
        story(order_is_kept_for_each_publisher),
        story(stopping_sends_what_is_due_and_ends),
        story(its_state_can_be_looked_at),
        story(its_state_can_be_looked_at_over_http),
        story(noise_hurts_only_who_makes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
