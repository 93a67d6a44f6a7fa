/* The bus server, spoken to byte by byte. */
#include "tests/core/bus/lone_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void a_client_is_greeted_with_what_the_server_can(void **state)
{
    (void)state;
    given_a_bus();
    assert_string_equal(text_string(&bus->log), "listening on bus:4222\n");
    struct end *end = net_dial(&lone_net, "bus", 4222);
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
    struct end *end = net_dial(&lone_net, "bus", 4222);
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
        struct end *end = net_dial(&lone_net, "bus", 4222);
        assert_non_null(strstr(text_string(&end->incoming), "\"auth_required\":true"));
        end_skip(end);
        end_send(end, refused[i]);
        expect_cut_with(end, "-ERR 'Authorization Violation'\r\n");
    }
    given_a_client(",\"user\":\"joe\",\"pass\":\"secret\"");
    struct end *silent = net_dial(&lone_net, "bus", 4222);
    end_skip(silent);
    net_pass_ms(&lone_net, 1999);
    end_expect(silent, "");
    net_pass_ms(&lone_net, 1);
    expect_cut_with(silent, "-ERR 'Authentication Timeout'\r\n");
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
    lone_net.largest_piece = 0;
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
    net_pass_ms(&lone_net, 1000);
    assert_int_equal(bus->exit_status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_STORY(a_client_is_greeted_with_what_the_server_can),
        BUS_STORY(publications_reach_subscribers_and_wildcards),
        BUS_STORY(payloads_may_hold_any_byte),
        BUS_STORY(what_clients_of_2011_send_is_understood),
        BUS_STORY(verbose_clients_get_a_word_for_each_command),
        BUS_STORY(what_breaks_the_protocol_is_answered_and_cut),
        BUS_STORY(unsub_with_a_count_ends_after_so_many),
        BUS_STORY(each_queue_group_gets_each_message_once_and_fairly),
        BUS_STORY(who_does_not_want_an_echo_gets_none),
        BUS_STORY(headers_reach_those_who_can_take_them),
        BUS_STORY(a_request_that_nobody_serves_is_told_so),
        BUS_STORY(secrets_are_asked_for),
        BUS_STORY(order_is_kept_for_each_publisher),
        BUS_STORY(stopping_sends_what_is_due_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
