/* Connections of the real driver, over loopback: what the suite that all drivers pass (../conformance) does not ask. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/real/streams/stream.h"
#include "tests/drivers/real/puppet.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MUCH = 20000000 };

static struct stage stage;
static struct puppet_conn *here;
static uint16_t target_port;

static int open_stage(void **state)
{
    (void)state;
    stage_open(&stage);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static void connect_here(struct puppet *puppet)
{
    here = puppet_connect(puppet, target_port);
}

static void listen_with(bool echo, bool read_on)
{
    stage.puppet->accepted_echo = echo;
    stage.puppet->accepted_read_on = read_on;
    puppet_do(stage.driver, puppet_listen);
    run_until(&stage, stage.puppet->port != 0);
    target_port = stage.puppet->port;
}

static struct puppet_conn *other_side(void)
{
    run_until(&stage, stage.puppet->conn_count >= 2 && stage.puppet->conns[1].connected && here->connected);
    return &stage.puppet->conns[1];
}

/* A socket of the test's own, for what no decent component does. */
static int plain_socket(void)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(target_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

static void write_hello(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "hello ");
    conn_write_string(&here->conn, "world");
    conn_finish(&here->conn);
}

static void bytes_come_back_and_both_sides_end(void **state)
{
    (void)state;
    listen_with(true, true);
    puppet_do(stage.driver, connect_here);
    struct puppet_conn *there = other_side();
    puppet_do(stage.driver, write_hello);
    run_until(&stage, here->closed && there->closed);
    assert_string_equal(text_string(&here->text), "hello world");
    assert_int_equal(here->closed_status, IO_OK);
    assert_int_equal(there->closed_status, IO_OK);
    assert_int_equal(here->conn.unsent_bytes, 0);
}

static void write_letter(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "x");
}

static void what_many_steps_write_to_one_peer_goes_out_at_once_and_then_together(void **state)
{
    (void)state;
    listen_with(false, true);
    puppet_do(stage.driver, connect_here);
    struct puppet_conn *there = other_side();
    puppet_do(stage.driver, write_letter);
    assert_int_equal(here->conn.unsent_bytes, 0);
    puppet_do(stage.driver, write_letter);
    puppet_do(stage.driver, write_letter);
    assert_int_equal(here->conn.unsent_bytes, 2);
    run_until(&stage, there->received == 3);
    run_until(&stage, here->conn.unsent_bytes == 0);
    puppet_do(stage.driver, write_letter); /* Another round. */
    assert_int_equal(here->conn.unsent_bytes, 0);
}

static void connect_to_nowhere(struct puppet *puppet)
{
    here = puppet_connect(puppet, 1);
    struct effects *effects = puppet->machine.effects;
    effects_at(effects, effects_count(effects) - 1)->connect.host = "no-such-host.invalid";
}

static void whisper(struct puppet *puppet)
{
    (void)puppet;
    here->conn.is_patient = true;
    conn_write_string(&here->conn, "psst");
}

static void answer(struct puppet *puppet)
{
    conn_write_string(&puppet->conns[1].conn, "yes?");
}

static void whisper_much(struct puppet *puppet)
{
    (void)puppet;
    struct buffer *buffer = buffer_new(MUCH);
    memset(buffer->bytes, 'x', MUCH);
    conn_write(&here->conn, (struct slice){buffer, 0, MUCH});
    conn_write_string(&here->conn, "psst");
}

static void read_there(struct puppet *puppet)
{
    puppet->conns[1].reads_on = true;
    conn_read(&puppet->conns[1].conn);
}

/* core/io.h, rule 5: what left at once is told with the answer, what had to wait is told to its last byte. */
static void what_nobody_awaits_is_told_late_unless_it_had_to_wait(void **state)
{
    (void)state;
    listen_with(false, false);
    puppet_do(stage.driver, connect_here);
    struct puppet_conn *there = other_side();
    puppet_do(stage.driver, whisper);
    puppet_do(stage.driver, read_there);
    run_until(&stage, there->received == 4);
    assert_int_equal(here->conn.unsent_bytes, 4);
    puppet_do(stage.driver, answer);
    run_until(&stage, here->received == 4);
    assert_int_equal(here->conn.unsent_bytes, 0);
    puppet_do(stage.driver, whisper_much);
    run_until(&stage, there->received == 8 + MUCH);
    run_until(&stage, here->conn.unsent_bytes == 0);
}

static void an_unknown_name_is_unreachable(void **state)
{
    (void)state;
    puppet_do(stage.driver, connect_to_nowhere);
    run_until(&stage, here->closed);
    assert_int_equal(here->closed_status, IO_UNREACHABLE);
}

static void close_here(struct puppet *puppet)
{
    (void)puppet;
    conn_close(&here->conn);
}

static void closing_while_connecting_is_answered(void **state)
{
    (void)state;
    puppet_do(stage.driver, connect_to_nowhere);
    puppet_do(stage.driver, close_here);
    run_until(&stage, here->closed);
    assert_int_equal(here->closed_status, IO_OK);
}

static void farewell_there(struct puppet *puppet)
{
    conn_write_string(&puppet->conns[0].conn, "413 too large");
    conn_close(&puppet->conns[0].conn);
}

/* Closing a socket with unread bytes would reset it, and the peer would lose our last words. */
static void last_words_reach_a_peer_that_is_still_sending(void **state)
{
    (void)state;
    listen_with(false, false);
    int peer = plain_socket();
    char bytes[100000] = {0};
    assert_int_equal(send(peer, bytes, sizeof bytes, 0), sizeof bytes);
    run_until(&stage, stage.puppet->conn_count == 1);
    puppet_do(stage.driver, farewell_there);
    run_until(&stage, stage.puppet->conns[0].closed);
    assert_int_equal(send(peer, bytes, 1000, MSG_NOSIGNAL), 1000);
    for (int i = 0; i < 4; i++)
        stage_turn(&stage);
    assert_int_equal(send(peer, bytes, 1000, MSG_NOSIGNAL), 1000);
    char answer[100] = {0};
    assert_int_equal(recv(peer, answer, sizeof answer - 1, 0), 13);
    assert_string_equal(answer, "413 too large");
    close(peer);
}

static void a_flood_of_connections_is_taken_and_dropped(void **state)
{
    (void)state;
    listen_with(false, true);
    int peers[400];
    for (size_t i = 0; i < 400; i++) {
        peers[i] = plain_socket();
        assert_int_equal(send(peers[i], "half a requ", 11, 0), 11);
    }
    run_until(&stage, stage.puppet->conn_count == 400);
    for (size_t i = 0; i < 400; i++)
        close(peers[i]);
    run_until(&stage, stage.puppet->conns[399].ended);
    for (size_t i = 0; i < 400; i++) {
        run_until(&stage, stage.puppet->conns[i].ended || stage.puppet->conns[i].closed);
        assert_int_equal(stage.puppet->conns[i].received, 11);
    }
}

/* In one round of the loop so many connections are taken; the next one is in libuv's hands when the process stops. */
static void whoever_was_taken_from_the_queue_is_known_before_the_stop(void **state)
{
    (void)state;
    enum { COUNT = ACCEPTS_A_ROUND + 1 };
    listen_with(false, true);
    int peers[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        peers[i] = plain_socket();
    while (stage.puppet->conn_count == 0)
        uv_run(&stage.loop, UV_RUN_NOWAIT);
    assert_int_equal(stage.puppet->conn_count, ACCEPTS_A_ROUND);
    real_driver_stop(stage.driver);
    assert_int_equal(stage.puppet->conn_count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        close(peers[i]);
}

/* ---- One who sleeps ---- */

static struct timer patience;
static uint64_t received_in_time;

static void on_patience_over(struct timer *timer)
{
    (void)timer;
    received_in_time = stage.puppet->conns[0].received;
}

static void have_patience(struct puppet *puppet)
{
    timer_set(&puppet->machine, &patience, 20 * NS_PER_MS, on_patience_over);
}

static void what_came_while_we_slept_is_heard_before_time_runs_out(void **state)
{
    (void)state;
    listen_with(false, true);
    int peer = plain_socket();
    run_until(&stage, stage.puppet->conn_count == 1);
    received_in_time = UINT64_MAX;
    puppet_do(stage.driver, have_patience);
    assert_int_equal(send(peer, "here I am", 9, 0), 9);
    uv_sleep(200);
    run_until(&stage, received_in_time != UINT64_MAX);
    assert_int_equal(received_in_time, 9);
    close(peer);
}

static void listen_elsewhere(struct puppet *puppet)
{
    puppet->listener.on_accepted = stage.puppet->listener.on_accepted;
    puppet->listener.on_listening = stage.puppet->listener.on_listening;
    listener_open(&puppet->machine, &puppet->listener, "127.0.0.1", target_port);
}

static void a_taken_port_is_said_to_be_in_use(void **state)
{
    (void)state;
    listen_with(false, false);
    struct puppet *second;
    char dir[96];
    snprintf(dir, sizeof dir, "%s/second", stage.dir);
    struct real_driver *driver = stage_add(&stage, dir, &second);
    second->listen_status = IO_OK;
    puppet_do(driver, listen_elsewhere);
    run_until(&stage, second->listen_status != IO_OK);
    assert_int_equal(second->listen_status, IO_IN_USE);
    real_driver_destroy(driver);
}

static void the_starter_is_told_the_port(void **state)
{
    (void)state;
    char path[96], text[100] = {0}, expected[100];
    snprintf(path, sizeof path, "%s/ports.json", stage.dir);
    real_driver_destroy(stage.driver);
    stage.config.notify = path;
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    listen_with(false, false);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_true(read(descriptor, text, sizeof text - 1) > 0);
    close(descriptor);
    snprintf(expected, sizeof expected, "{\"listen\":%u,\"all\":[%u]}\n", target_port, target_port);
    assert_string_equal(text, expected);
    stage.config.notify = NULL;
}

static void exit_hands_over_status_and_data(void **state)
{
    (void)state;
    real_driver_stop(stage.driver);
    assert_true(real_driver_has_exited(stage.driver));
    struct text result = {0};
    assert_int_equal(real_driver_result(stage.driver, &result), 7);
    assert_string_equal(text_string(&result), "bye");
    text_free(&result);
}

#define stage_test(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        stage_test(bytes_come_back_and_both_sides_end),
        stage_test(what_many_steps_write_to_one_peer_goes_out_at_once_and_then_together),
        stage_test(what_nobody_awaits_is_told_late_unless_it_had_to_wait),
        stage_test(an_unknown_name_is_unreachable),
        stage_test(closing_while_connecting_is_answered),
        stage_test(last_words_reach_a_peer_that_is_still_sending),
        stage_test(a_flood_of_connections_is_taken_and_dropped),
        stage_test(whoever_was_taken_from_the_queue_is_known_before_the_stop),
        stage_test(what_came_while_we_slept_is_heard_before_time_runs_out),
        stage_test(a_taken_port_is_said_to_be_in_use),
        stage_test(the_starter_is_told_the_port),
        stage_test(exit_hands_over_status_and_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
