/* Clients that are too many, too slow, too silent, or that make no sense: the bus server and the others live on. */
#include "tests/core/bus/lone_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

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
    net_pass_ms(&lone_net, 5000);
    end_expect(other, "");
    net_pass_ms(&lone_net, 5000);
    end_expect(other, "PING\r\n");
    net_pass_ms(&lone_net, 10000);
    expect_cut_with(other, "PING\r\n-ERR 'Stale Connection'\r\n"); /* It could not even have answered. */
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
    struct end *c = net_dial(&lone_net, "bus", 4222);
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
        net_pass_ms(&lone_net, 5000);
        if (strstr(text_string(&alive->incoming), "PING") != NULL)
            end_send(alive, "PONG\r\n");
    }
    expect_cut_with(silent, "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    assert_false(end_is_closed(alive));
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
    lone_net.largest_piece = 4096;
    publish_to_x(publisher, 100, 1000);
    for (int i = 0; i < 200 && !end_is_closed(slow); i++)
        net_pass_ms(&lone_net, 5); /* The publisher is slowed down meanwhile, not stopped. */
    assert_true(end_is_closed(slow));
    assert_in_range(slow->incoming.size, 20000, 20000 + 2 * 4096);
    net_pass_ms(&lone_net, 1000);
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
        net_pass_ms(&lone_net, 4900);
        end_send(stuck, "PONG\r\n");
        end_send(publisher, "PONG\r\n");
        assert_false(end_is_closed(stuck));
    }
    net_pass_ms(&lone_net, 5000);
    assert_true(end_is_closed(stuck));
    assert_false(end_is_closed(publisher));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_STORY(a_line_without_end_costs_no_more_than_the_limit),
        BUS_STORY(limits_are_told),
        BUS_STORY(a_stale_peer_is_left_and_a_living_one_is_not),
        BUS_STORY(a_slow_consumer_is_cut_off_and_the_others_live),
        BUS_STORY(a_consumer_that_takes_nothing_for_the_write_deadline_is_cut_off),
        BUS_STORY(noise_hurts_only_who_makes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
