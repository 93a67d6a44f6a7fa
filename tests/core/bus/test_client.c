/* The bus client against a server that the test plays byte by byte. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/proto/bus.pb-c.h"
#include "tests/core/bus/talker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void talker_greets_a_server_and_subscribes_with_its_queue_groups(void **state)
{
    (void)state;
    given_a_talker_and_a_listening_server();
    end_expect(server, ""); /* Clients wait for INFO: a server may want something first. */
    expect_heard("");
    assert_false(talker->bus.is_connected);
    end_send(server, "INFO {\"server_id\":\"x\"}\r\n");
    end_expect(server, expected_connect);
    assert_false(talker->bus.is_connected);
    end_send(server, "PONG\r\n");
    end_expect(server, expected_subscriptions);
    assert_true(talker->bus.is_connected);
    expect_heard("connected\n");
    finish();
}

static void messages_reach_their_subscription_and_answers_go_back(void **state)
{
    (void)state;
    given_a_connected_talker();
    end_send(server, "MSG news.eu 2 5\r\nhello\r\nMSG news.eu 2 back.here 2\r\n\r\n\r\nPING\r\n");
    end_expect(server, "PONG\r\n");
    expect_heard("news.eu - hello\nnews.eu back.here \r\n\n");
    end_send(server, "MSG dea.stop 1 inbox.7 29\r\n{\"droplet\":7,\"indices\":[1,2]}\r\n");
    expect_heard("stop 7, 2 indices\n");
    end_expect(server, "PUB inbox.7 13\r\n{\"droplet\":7}\r\n");
    assert_int_equal(talker->bus.received_messages, 3);
    finish();
}

static void malformed_payloads_are_counted_and_never_reach_the_component(void **state)
{
    (void)state;
    given_a_connected_talker();
    end_send(server, "MSG dea.stop 1 15\r\n{\"droplet\":\"7\"}\r\nMSG dea.stop 1 0\r\n\r\nMSG dea.stop 99 0\r\n\r\n");
    expect_heard("");
    assert_int_equal(talker->bus.malformed_messages, 2);
    assert_non_null(strstr(text_string(&host->log), "droplet"));
    assert_true(talker->bus.is_connected);
    finish();
}

static void publish_three_times(void)
{
    publish("a.b", "1");
    publish("a.b", "22");
    publish("a.b", "");
}

static void what_one_step_publishes_is_one_write(void **state)
{
    (void)state;
    given_a_connected_talker();
    size_t before = host->writes;
    within_a_step(publish_three_times);
    end_expect(server, "PUB a.b 1\r\n1\r\nPUB a.b 2\r\n22\r\nPUB a.b 0\r\n\r\n");
    assert_int_equal(host->writes - before, 1);
    finish();
}

static void publish_what_must_not_be_sent(void)
{
    publish("a b", "blank");
    publish("a\r\nPUB x 0\r\n", "injection");
    publish("a..b", "empty token");
    publish("a.*", "wildcard");
    bus_publish(&talker->bus, "a", "b c", (struct io_bytes){(const uint8_t *)"", 0});
    publish("a", "-----------------------more than 50 bytes--------------------");
}

static void nothing_that_would_break_the_protocol_is_sent(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(publish_what_must_not_be_sent);
    end_expect(server, "");
    assert_int_equal(talker->bus.malformed_messages, 5);
    assert_int_equal(talker->bus.dropped_messages, 1);
    finish();
}

static void publish_more_than_the_queue_holds(void)
{
    publish("old", "....................................");
    publish("new1", "....................");
    publish("new2", "....................");
}

static void a_lost_connection_is_replaced_and_nothing_is_forgotten(void **state)
{
    (void)state;
    given_a_connected_talker();
    end_close(server, IO_RESET);
    expect_heard("disconnected: reset\n");
    within_a_step(publish_more_than_the_queue_holds);
    assert_int_equal(talker->bus.dropped_messages, 1); /* The oldest: pending_bytes is 100. */
    net_pass_ms(&net, 50);
    server = net.accepted;
    end_send(server, "INFO {}\r\n");
    end_expect(server, expected_connect);
    end_send(server, "PONG\r\n");
    end_expect(server, "SUB dea.stop cc 1\r\nSUB news.* 2\r\n"
                       "PUB new1 20\r\n....................\r\nPUB new2 20\r\n....................\r\n");
    expect_heard("connected again\n");
    finish();
}

static void retries_back_off_and_visit_every_server(void **state)
{
    (void)state;
    given_a_connected_talker();
    end_send(server, "INFO {\"connect_urls\":[\"bus1:4222\",\"bus2:4333\",\"nonsense\",\"bus3:99999\"]}\r\n");
    struct host *first = &net.hosts[0];
    first->is_down = true;
    end_close(server, IO_RESET);
    net_pass_ms(&net, 60000);
    assert_false(talker->bus.is_connected);
    net.accepted = NULL;
    net_listen_raw(&net, "bus2", 4333);
    net_pass_ms(&net, 2 * 2000); /* reconnect_most_ms, for both. */
    assert_non_null(net.accepted);
    server = net.accepted;
    end_send(server, "INFO {}\r\n");
    end_skip(server);
    end_send(server, "PONG\r\n");
    assert_true(talker->bus.is_connected);
    finish();
}

static void a_silent_server_is_given_up(void **state)
{
    (void)state;
    given_a_connected_talker();
    net_pass_ms(&net, 5000);
    end_expect(server, "PING\r\n");
    end_send(server, "PONG\r\n");
    net_pass_ms(&net, 5000);
    end_expect(server, "PING\r\n");
    net_pass_ms(&net, 5000);
    end_expect(server, "PING\r\n");
    expect_heard("");
    net_pass_ms(&net, 5000);
    expect_heard("disconnected: silent server\n");
    finish();
}

static void a_server_that_refuses_or_never_greets_is_left(void **state)
{
    (void)state;
    given_a_talker_and_a_listening_server();
    end_send(server, "INFO {\"auth_required\":true}\r\n");
    end_send(server, "-ERR 'Authorization Violation'\r\n");
    assert_true(end_is_closed(server));
    assert_non_null(strstr(text_string(&host->log), "Authorization Violation"));
    net_pass_ms(&net, 100);
    server = net.accepted;
    assert_false(end_is_closed(server));
    net_pass_ms(&net, 4900);
    net_pass_ms(&net, 100); /* ping_ms without INFO. */
    assert_true(end_is_closed(server));
    net_pass_ms(&net, 1000);
    server = net.accepted;
    end_send(server, "HTTP/1.1 400 Bad Request\r\n");
    assert_true(end_is_closed(server));
    assert_false(talker->bus.is_connected);
    finish();
}

static void start_request(void)
{
    Cupola__DeaDiscover discover = CUPOLA__DEA_DISCOVER__INIT;
    discover.has_droplet = true;
    discover.droplet = 7;
    bus_request_start(&talker->bus, &talker->request, "dea.discover", &discover.base, &cupola__dea_hello__descriptor, 2,
                      2 * NS_PER_S, &request_handlers);
}

/* What the talker sent, with the random inbox replaced: returns the inbox. */
static const char *expect_request(unsigned id)
{
    static char inbox[40];
    unsigned got = 0;
    net_run(&net);
    assert_int_equal(sscanf(text_string(&server->incoming), "SUB %39s %u", inbox, &got), 2);
    assert_int_equal(got, id);
    assert_int_equal(strlen(inbox), strlen("_INBOX.") + 26);
    char expected[200];
    snprintf(expected, sizeof expected, "SUB %s %u\r\nPUB dea.discover %s 13\r\n{\"droplet\":7}\r\n", inbox, id, inbox);
    end_expect(server, expected);
    return inbox;
}

static void a_request_ends_with_the_last_wanted_answer(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(start_request);
    const char *inbox = expect_request(3);
    char answer[200];
    for (int i = 1; i <= 2; i++) {
        snprintf(answer, sizeof answer, "MSG %s 3 11\r\n{\"id\":\"d%d\"}\r\n", inbox, i);
        end_send(server, answer);
    }
    expect_heard("answer d1\nanswer d2\nend, 2 answers\n");
    end_expect(server, "UNSUB 3\r\n");
    net_pass_ms(&net, 3000);
    expect_heard("");
    finish();
}

static void a_request_without_enough_answers_times_out(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(start_request);
    const char *inbox = expect_request(3);
    char answer[200];
    snprintf(answer, sizeof answer, "MSG %s 3 7\r\n{\"id\":}\r\nMSG %s 3 11\r\n{\"id\":\"d1\"}\r\n", inbox, inbox);
    end_send(server, answer);
    net_pass_ms(&net, 1999);
    expect_heard("answer d1\n");
    net_pass_ms(&net, 1);
    expect_heard("end, 1 answers, timed out\n");
    finish();
}

static void cancel_request(void)
{
    bus_request_cancel(&talker->request);
    bus_request_cancel(&talker->request);
}

static void a_cancelled_request_and_one_of_a_closed_client_say_nothing(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(start_request);
    within_a_step(cancel_request);
    within_a_step(start_request);
    net_stop(host);
    net_pass_ms(&net, 3000);
    expect_heard("");
    assert_int_equal(machine_open_conns(host->machine), 0);
    net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talker_greets_a_server_and_subscribes_with_its_queue_groups),
        cmocka_unit_test(messages_reach_their_subscription_and_answers_go_back),
        cmocka_unit_test(malformed_payloads_are_counted_and_never_reach_the_component),
        cmocka_unit_test(what_one_step_publishes_is_one_write),
        cmocka_unit_test(nothing_that_would_break_the_protocol_is_sent),
        cmocka_unit_test(a_lost_connection_is_replaced_and_nothing_is_forgotten),
        cmocka_unit_test(retries_back_off_and_visit_every_server),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(a_server_that_refuses_or_never_greets_is_left),
        cmocka_unit_test(a_request_ends_with_the_last_wanted_answer),
        cmocka_unit_test(a_request_without_enough_answers_times_out),
        cmocka_unit_test(a_cancelled_request_and_one_of_a_closed_client_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
