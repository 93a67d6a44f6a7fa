/* Simulated connections at the level of bytes: what arrives, what is refused, what nobody is told of. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "drivers/sim/host/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { PORT = 4222, LARGE = 3000000 };

/* One end, as its owner sees it. */
struct end {
    struct socket *socket;
    struct text received;
    size_t written, calls;
    bool reads_on, is_connected, is_ended, is_closed;
    enum io_status status;
};

static struct world *world;
static struct host *near_host, *far_host;
static struct port port;
static struct end near_end, far_end;
static bool far_reads_on;
static bool *everybody, *only_far;
static struct impairment cut;

static void on_connected(struct socket *socket)
{
    struct end *end = socket->owner;
    end->is_connected = true;
    if (end->reads_on)
        socket_read(socket, SIZE_MAX);
}

static void on_bytes(struct socket *socket, struct slice lent)
{
    struct end *end = socket->owner;
    text_add(&end->received, slice_data(lent), lent.size);
    end->calls++;
    if (end->reads_on)
        socket_read(socket, SIZE_MAX);
}

static void on_end(struct socket *socket)
{
    ((struct end *)socket->owner)->is_ended = true;
}

static void on_written(struct socket *socket, size_t size)
{
    ((struct end *)socket->owner)->written += size;
}

static void on_sent(struct socket *socket, uint64_t tag)
{
    (void)socket;
    (void)tag;
}

static void on_closed(struct socket *socket, enum io_status status)
{
    struct end *end = socket->owner;
    assert_false(end->is_closed);
    end->is_closed = true;
    end->status = status;
    end->socket = NULL;
}

static const struct socket_handlers handlers = {on_connected, on_bytes, on_end, on_written, on_sent, on_closed};

static void on_accepted(struct port *listener, struct socket *socket)
{
    (void)listener;
    far_end.socket = socket;
    far_end.is_connected = true;
    far_end.reads_on = far_reads_on;
    socket_accept(socket, &handlers, &far_end, "far");
    if (far_reads_on)
        socket_read(socket, SIZE_MAX);
}

static int open_world(void **state)
{
    (void)state;
    world = world_create(3);
    near_host = host_create(world, "near", "10.0.0.1", 0);
    far_host = host_create(world, "far", "10.0.1.2", 1);
    near_end = far_end = (struct end){0};
    far_reads_on = true;
    port = (struct port){.number = PORT, .on_accepted = on_accepted};
    assert_true(host_open_port(far_host, &port));
    everybody = memory_new(2);
    only_far = memory_new(2);
    everybody[0] = everybody[1] = only_far[1] = true;
    cut = (struct impairment){.from = only_far, .to = everybody, .blocks = true};
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_destroy(world);
    text_free(&near_end.received);
    text_free(&far_end.received);
    memory_free(everybody);
    memory_free(only_far);
    return 0;
}

static void run_for(uint64_t duration_ns)
{
    uint64_t until_ns = world->now_ns + duration_ns;
    while (world_advance(world, until_ns)) {
    }
}

static void connect_to(const char *address, uint16_t number)
{
    near_end.reads_on = true;
    near_end.socket = socket_connect(near_host, &handlers, &near_end, NULL, "near", address, number);
}

static void connect_both(void)
{
    connect_to("10.0.1.2", PORT);
    run_for(NS_PER_S);
    assert_true(near_end.is_connected && far_end.is_connected);
}

static void say(struct end *end, const char *text)
{
    socket_write(end->socket, slice_copy(text, strlen(text)));
}

/* A pattern that shows where a byte was lost or doubled. */
static void say_much(struct end *end)
{
    struct buffer *buffer = buffer_new(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        buffer->bytes[i] = (uint8_t)random_mix(9, i);
    socket_write(end->socket, (struct slice){buffer, 0, LARGE});
}

static void expect_much(const struct end *end)
{
    assert_int_equal(end->received.size, LARGE);
    for (size_t i = 0; i < LARGE; i++)
        if (end->received.buffer->bytes[i] != (uint8_t)random_mix(9, i))
            fail_msg("byte %zu is wrong", i);
}

static void every_byte_arrives_once_and_in_order(void **state)
{
    (void)state;
    connect_both();
    say_much(&near_end);
    say(&far_end, "meanwhile");
    run_for(20 * NS_PER_S);
    expect_much(&far_end);
    assert_true(far_end.calls > LARGE / 65536); /* In pieces. */
    assert_int_equal(near_end.written, LARGE);
    assert_string_equal(text_string(&near_end.received), "meanwhile");
}

static void whisper(struct end *end, size_t size)
{
    struct buffer *buffer = buffer_new(size);
    memset(buffer->bytes, 'x', size);
    socket_write_quietly(end->socket, (struct slice){buffer, 0, size});
}

/* What left at once is told when there is much of it, with the next that is awaited, or when it is asked for. */
static void what_nobody_awaits_is_told_late(void **state)
{
    (void)state;
    connect_both();
    whisper(&near_end, 100);
    run_for(NS_PER_S);
    assert_int_equal(far_end.received.size, 100);
    assert_int_equal(near_end.written, 0);
    assert_int_equal(socket_take_untold(near_end.socket), 100);
    whisper(&near_end, 100);
    say(&near_end, "aloud");
    run_for(NS_PER_S);
    assert_int_equal(near_end.written, 105);
    whisper(&near_end, IO_UNTOLD_MOST);
    run_for(NS_PER_S);
    assert_int_equal(near_end.written, 105);
    whisper(&near_end, 1);
    run_for(NS_PER_S);
    assert_int_equal(near_end.written, 106 + IO_UNTOLD_MOST);
}

/* What had to wait is told to its last byte, so that nobody waits for ever. */
static void what_had_to_wait_is_told_unasked(void **state)
{
    (void)state;
    connect_both();
    whisper(&near_end, LARGE);
    run_for(20 * NS_PER_S);
    assert_int_equal(far_end.received.size, LARGE);
    assert_int_equal(near_end.written, LARGE);
}

static void nobody_there_is_refused_and_no_such_host_is_unreachable(void **state)
{
    (void)state;
    connect_to("10.0.1.2", PORT + 1);
    run_for(NS_PER_S);
    assert_true(near_end.is_closed);
    assert_int_equal(near_end.status, IO_REFUSED);
    near_end = (struct end){0};
    connect_to("10.9.9.9", PORT);
    run_for(NS_PER_S);
    assert_true(near_end.is_closed);
    assert_int_equal(near_end.status, IO_UNREACHABLE);
}

static void a_peer_that_does_not_read_stops_the_writer(void **state)
{
    (void)state;
    far_reads_on = false;
    connect_both();
    say_much(&near_end);
    run_for(60 * NS_PER_S);
    assert_in_range(near_end.written, 1, 262144);
    far_end.reads_on = true;
    socket_read(far_end.socket, SIZE_MAX);
    run_for(20 * NS_PER_S);
    expect_much(&far_end);
}

static void a_close_still_sends_what_was_written(void **state)
{
    (void)state;
    connect_both();
    say(&near_end, "goodbye");
    socket_close(near_end.socket, false);
    run_for(5 * NS_PER_S);
    assert_true(near_end.is_closed);
    assert_int_equal(near_end.status, IO_OK);
    assert_string_equal(text_string(&far_end.received), "goodbye");
    assert_true(far_end.is_ended);
    assert_false(far_end.is_closed); /* It may still send, though nobody listens: */
    say(&far_end, "too late");
    run_for(NS_PER_S);
    assert_true(far_end.is_closed);
    assert_int_equal(far_end.status, IO_RESET);
}

static void both_sides_finish_and_the_connection_is_over(void **state)
{
    (void)state;
    connect_both();
    socket_finish(near_end.socket);
    run_for(NS_PER_S);
    assert_true(far_end.is_ended);
    say(&far_end, "still here");
    socket_finish(far_end.socket);
    run_for(NS_PER_S);
    assert_string_equal(text_string(&near_end.received), "still here");
    assert_true(near_end.is_closed && far_end.is_closed);
    assert_int_equal(near_end.status, IO_OK);
    assert_int_equal(far_end.status, IO_OK);
}

static void an_abort_is_a_reset_to_the_peer(void **state)
{
    (void)state;
    connect_both();
    socket_close(near_end.socket, true);
    run_for(NS_PER_S);
    assert_int_equal(near_end.status, IO_OK);
    assert_true(far_end.is_closed);
    assert_int_equal(far_end.status, IO_RESET);
}

static void a_host_without_power_says_nothing_until_it_is_back(void **state)
{
    (void)state;
    connect_both();
    host_power_off(far_host);
    say(&near_end, "is anybody there?");
    run_for(20 * NS_PER_S);
    assert_false(near_end.is_closed);
    host_power_on(far_host);
    run_for(60 * NS_PER_S);
    assert_true(near_end.is_closed);
    assert_int_equal(near_end.status, IO_RESET);
}

static void a_dark_host_answers_no_connect(void **state)
{
    (void)state;
    host_power_off(far_host);
    connect_to("10.0.1.2", PORT);
    run_for(60 * NS_PER_S);
    assert_false(near_end.is_connected || near_end.is_closed);
    run_for(120 * NS_PER_S);
    assert_true(near_end.is_closed);
    assert_int_equal(near_end.status, IO_TIMED_OUT);
}

static void a_partition_holds_bytes_back_until_it_heals(void **state)
{
    (void)state;
    connect_both();
    network_impair(&world->network, &cut);
    say(&near_end, "through the wall");
    run_for(10 * NS_PER_S);
    assert_int_equal(far_end.received.size, 0);
    network_repair(&world->network, &cut);
    run_for(20 * NS_PER_S);
    assert_string_equal(text_string(&far_end.received), "through the wall");
}

static void a_partition_that_does_not_heal_ends_the_connection(void **state)
{
    (void)state;
    connect_both();
    network_impair(&world->network, &cut);
    say(&near_end, "through the wall");
    run_for(1200 * NS_PER_S);
    assert_true(near_end.is_closed);
    assert_int_equal(near_end.status, IO_TIMED_OUT);
    assert_false(far_end.is_closed); /* It has sent nothing: nobody tells it. */
    network_repair(&world->network, &cut);
}

/* The answer's way is blocked: bytes arrive, but the writer does not hear of it and runs into its window. */
static void a_one_way_partition_lets_only_one_window_through(void **state)
{
    (void)state;
    connect_both();
    cut.is_one_way = true;
    network_impair(&world->network, &cut);
    say_much(&near_end);
    run_for(20 * NS_PER_S);
    assert_in_range(far_end.received.size, 1, 262144);
    network_repair(&world->network, &cut);
    run_for(60 * NS_PER_S);
    expect_much(&far_end);
}

static void a_forgotten_connection_passes_nothing_and_tells_nobody(void **state)
{
    (void)state;
    connect_both();
    socket_lose(near_end.socket);
    say(&near_end, "hello?");
    say(&far_end, "hello!");
    run_for(100 * NS_PER_S);
    assert_int_equal(far_end.received.size + near_end.received.size, 0);
    assert_false(near_end.is_closed || far_end.is_closed);
}

static void a_slow_link_takes_its_time(void **state)
{
    (void)state;
    world->network.other_zone.bytes_per_s = 100000;
    connect_both();
    say_much(&near_end);
    run_for(20 * NS_PER_S);
    assert_in_range(far_end.received.size, 1500000, 2100000);
    run_for(20 * NS_PER_S);
    expect_much(&far_end);
}

static void a_killed_owner_is_closed_by_the_system(void **state)
{
    (void)state;
    connect_both();
    say(&near_end, "last words");
    socket_drop(near_end.socket);
    run_for(NS_PER_S);
    assert_string_equal(text_string(&far_end.received), "last words");
    assert_true(far_end.is_ended);
    assert_false(near_end.is_closed); /* There is nobody to tell. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_byte_arrives_once_and_in_order, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_nobody_awaits_is_told_late, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_had_to_wait_is_told_unasked, open_world, close_world),
        cmocka_unit_test_setup_teardown(nobody_there_is_refused_and_no_such_host_is_unreachable, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(a_peer_that_does_not_read_stops_the_writer, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_close_still_sends_what_was_written, open_world, close_world),
        cmocka_unit_test_setup_teardown(both_sides_finish_and_the_connection_is_over, open_world, close_world),
        cmocka_unit_test_setup_teardown(an_abort_is_a_reset_to_the_peer, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_host_without_power_says_nothing_until_it_is_back, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_dark_host_answers_no_connect, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_partition_holds_bytes_back_until_it_heals, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_partition_that_does_not_heal_ends_the_connection, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_one_way_partition_lets_only_one_window_through, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_forgotten_connection_passes_nothing_and_tells_nobody, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(a_slow_link_takes_its_time, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_killed_owner_is_closed_by_the_system, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
