/* What becomes of publications while a bus client has no connection, or loses it. */
#include "core/bus/client/message_class.h"
#include "tests/core/bus/talker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const char restored[] = "SUB dea.stop cc 1\r\nSUB news.* 2\r\n";

static void lose_connection(void)
{
    end_close(server, IO_RESET);
    net_run(&net);
    assert_false(talker->bus.is_connected);
}

/* After so long. */
static void return_after_ms(uint64_t ms)
{
    net.hosts[0].is_down = true;
    net_pass_ms(&net, ms);
    net.hosts[0].is_down = false;
    net_pass_ms(&net, 2500);
    server = net.accepted;
    end_send(server, "INFO {}\r\n");
    end_expect(server, expected_connect);
    end_send(server, "PONG\r\n");
    assert_true(talker->bus.is_connected);
}

static void publish_one_of_each(void)
{
    publish("dea.heartbeat", "{}");
    publish("dea.x.start", "{}");
    publish("droplet.exited", "{}");
    publish("other", "x");
}

static void a_publication_waits_as_long_as_its_class_says(void **state)
{
    (void)state;
    given_a_connected_talker();
    lose_connection();
    within_a_step(publish_one_of_each);
    return_after_ms(8000);
    end_expect(server,
               "SUB dea.stop cc 1\r\nSUB news.* 2\r\nPUB droplet.exited 2\r\n{}\r\nPUB other 1\r\nx\r\nPING\r\n");
    assert_int_equal(talker->bus.expired_messages, 2);
    assert_int_equal(talker->bus.repeated_messages, 0);
    assert_non_null(strstr(text_string(&host->log), "2 messages are out of date"));
    finish();
}

static void publish_an_exit(void)
{
    publish("droplet.exited", "{}");
}

static void what_must_arrive_is_said_again_until_it_is_known_to_have(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(publish_an_exit);
    end_expect(server, "PUB droplet.exited 2\r\n{}\r\nPING\r\n");
    lose_connection(); /* Was it read? */
    return_after_ms(0);
    end_expect(server, "SUB dea.stop cc 1\r\nSUB news.* 2\r\nPUB droplet.exited 2\r\n{}\r\nPING\r\n");
    assert_int_equal(talker->bus.repeated_messages, 1);
    end_send(server, "PONG\r\n");
    net_pass_ms(&net, 2400);
    end_expect(server, "");
    net_pass_ms(&net, 200); /* Now everybody has come back who should hear it. */
    end_expect(server, "PUB droplet.exited 2\r\n{}\r\nPING\r\n");
    assert_int_equal(talker->bus.repeated_messages, 2);
    end_send(server, "PONG\r\n");
    net_pass_ms(&net, 2600);
    end_expect(server, "PING\r\n"); /* The usual one. */
    end_send(server, "PONG\r\n");
    lose_connection();
    return_after_ms(0);
    end_expect(server, restored);
    finish();
}

static void one_question_serves_all_that_was_said_meanwhile(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(publish_an_exit);
    within_a_step(publish_an_exit);
    within_a_step(publish_an_exit);
    end_expect(server, "PUB droplet.exited 2\r\n{}\r\nPING\r\n"
                       "PUB droplet.exited 2\r\n{}\r\nPUB droplet.exited 2\r\n{}\r\n");
    end_send(server, "PONG\r\n");
    end_expect(server, "PING\r\n");
    end_send(server, "PONG\r\nPONG\r\n"); /* The second was not asked for. */
    lose_connection();
    return_after_ms(0);
    end_expect(server, restored);
    finish();
}

static void publish_many_exits(void)
{
    for (int i = 0; i < 10; i++)
        publish("droplet.exited", "12345678901234567890");
}

static void what_may_be_lost_is_bounded_in_what_it_keeps(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(publish_many_exits);
    end_skip(server);
    lose_connection();
    return_after_ms(0);
    end_expect(server, "SUB dea.stop cc 1\r\nSUB news.* 2\r\nPUB droplet.exited 20\r\n12345678901234567890\r\n"
                       "PUB droplet.exited 20\r\n12345678901234567890\r\nPING\r\n"); /* pending_bytes is 100. */
    finish();
}

static void publish_another(void)
{
    publish("droplet.exited", "{2}");
}

static void order_is_kept_between_what_is_repeated_and_what_waited(void **state)
{
    (void)state;
    given_a_connected_talker();
    within_a_step(publish_an_exit);
    end_skip(server);
    lose_connection();
    within_a_step(publish_another);
    return_after_ms(0);
    end_expect(server, "SUB dea.stop cc 1\r\nSUB news.* 2\r\n"
                       "PUB droplet.exited 2\r\n{}\r\nPUB droplet.exited 3\r\n{2}\r\nPING\r\n");
    finish();
}

static void a_server_that_only_talks_is_left_too(void **state)
{
    (void)state;
    given_a_connected_talker();
    for (int i = 0; i < 12 && talker->bus.is_connected; i++) {
        net_pass_ms(&net, 5000);
        end_skip(server);
        end_send(server, "MSG news.eu 2 0\r\n\r\n"); /* But no PONG. */
    }
    assert_false(talker->bus.is_connected);
    finish();
}

static void every_subject_has_a_class(void **state)
{
    (void)state;
    assert_true(message_class_of("droplet.exited")->is_sure);
    assert_false(message_class_of("dea.0-abc.start")->is_sure);
    assert_int_equal(message_class_of("_INBOX.x.y")->keep_ms, 2000);
    assert_string_equal(message_class_of("dea.start")->pattern, ">");
    assert_string_equal(message_class_of("anything")->pattern, ">");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_waits_as_long_as_its_class_says),
        cmocka_unit_test(what_must_arrive_is_said_again_until_it_is_known_to_have),
        cmocka_unit_test(one_question_serves_all_that_was_said_meanwhile),
        cmocka_unit_test(what_may_be_lost_is_bounded_in_what_it_keeps),
        cmocka_unit_test(order_is_kept_between_what_is_repeated_and_what_waited),
        cmocka_unit_test(a_server_that_only_talks_is_left_too),
        cmocka_unit_test(every_subject_has_a_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
