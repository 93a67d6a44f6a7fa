/* What every driver does with the effects of core/io.h: the simulated one must not drift from the real one. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "tests/drivers/conformance/ground.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LARGE_SIZE = 20000000 };

static struct puppet_op ops[8];
static struct puppet_conn *here;
static uint16_t target_port;
static uint64_t large_hash;

static int open_ground(void **state)
{
    (void)state;
    ground_open();
    return 0;
}

static int close_ground(void **state)
{
    (void)state;
    ground_close();
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        puppet_op_reset(&ops[i]);
    return 0;
}

static struct slice words(const char *text)
{
    return slice_copy(text, strlen(text));
}

/* ---- Streams ---- */

static void connect_here(struct puppet *puppet)
{
    here = puppet_connect(puppet, target_port);
}

/* Two ends of a connection of the puppet with itself; returns the accepted one. */
static struct puppet_conn *connect_both(bool echoes, bool reads_on)
{
    ground_puppet()->accepted_echo = echoes;
    ground_puppet()->accepted_read_on = reads_on;
    ground_do(puppet_listen);
    wait_until(ground_puppet()->port != 0);
    assert_int_equal(ground_puppet()->listen_status, IO_OK);
    target_port = ground_puppet()->port;
    ground_do(connect_here);
    wait_until(here->connected && ground_puppet()->conn_count >= 2 && ground_puppet()->conns[1].connected);
    return &ground_puppet()->conns[1];
}

static void write_hello(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "hello ");
    conn_write_string(&here->conn, "world");
    conn_finish(&here->conn);
}

static void who_has_finished_still_hears_the_other(void **state)
{
    (void)state;
    struct puppet_conn *there = connect_both(true, true);
    ground_do(write_hello);
    wait_until(here->closed && there->closed);
    assert_string_equal(text_string(&here->text), "hello world");
    assert_true(here->ended && there->ended);
    assert_int_equal(here->closed_status, IO_OK);
    assert_int_equal(there->closed_status, IO_OK);
    assert_int_equal(here->conn.unsent_bytes, 0);
}

static void write_large(struct puppet *puppet)
{
    (void)puppet;
    large_hash = 0;
    for (size_t at = 0; at < LARGE_SIZE;) {
        size_t size = at % 70000 + 1;
        size = size < LARGE_SIZE - at ? size : LARGE_SIZE - at;
        struct buffer *buffer = buffer_new(size);
        for (size_t i = 0; i < size; i++) {
            buffer->bytes[i] = (uint8_t)((at + i) * 2654435761u >> 13);
            large_hash = large_hash * 31 + buffer->bytes[i];
        }
        conn_write(&here->conn, (struct slice){buffer, 0, size});
        at += size;
    }
    conn_finish(&here->conn);
}

static void read_there(struct puppet *puppet)
{
    puppet->conns[1].reads_on = true;
    conn_read(&puppet->conns[1].conn);
}

static void who_does_not_read_holds_the_sender_up(void **state)
{
    (void)state;
    struct puppet_conn *there = connect_both(false, false);
    ground_do(write_large);
    for (int i = 0; i < 5; i++)
        ground_turn();
    assert_int_equal(there->received, 0); /* No demand, no bytes. */
    assert_true(here->conn.unsent_bytes > LARGE_SIZE / 4);
    ground_do(read_there);
    wait_until(there->ended);
    assert_int_equal(there->received, LARGE_SIZE);
    assert_true(there->hash == large_hash);
    assert_int_equal(here->conn.unsent_bytes, 0);
}

static void abort_here(struct puppet *puppet)
{
    (void)puppet;
    conn_abort(&here->conn);
}

static void an_abort_is_a_reset_for_the_peer(void **state)
{
    (void)state;
    struct puppet_conn *there = connect_both(false, true);
    ground_do(abort_here);
    wait_until(here->closed && there->closed);
    assert_int_equal(here->closed_status, IO_OK);
    assert_int_equal(there->closed_status, IO_RESET);
    assert_false(there->ended);
}

static void say_and_close(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "last words");
    conn_close(&here->conn);
}

static void last_words_arrive_before_the_end(void **state)
{
    (void)state;
    struct puppet_conn *there = connect_both(false, true);
    ground_do(say_and_close);
    wait_until(here->closed && there->ended);
    assert_int_equal(here->closed_status, IO_OK);
    assert_string_equal(text_string(&there->text), "last words");
}

static void close_listener(struct puppet *puppet)
{
    listener_close(&puppet->listener);
}

static void nobody_listens_is_refused(void **state)
{
    (void)state;
    struct puppet_conn *there = connect_both(false, true);
    ground_do(close_listener);
    ground_turn();
    ground_do(connect_here);
    wait_until(here->closed);
    assert_int_equal(here->closed_status, IO_REFUSED);
    assert_false(here->connected);
    assert_false(there->closed); /* What was accepted before lives on. */
}

/* ---- Saved state ---- */

static void save_three(struct puppet *puppet)
{
    op_save(&puppet->machine, &ops[0].op, words("first"), puppet_note);
    op_save(&puppet->machine, &ops[1].op, words("second"), puppet_note);
    op_save(&puppet->machine, &ops[2].op, words("third"), puppet_note);
}

static void what_was_saved_last_is_there_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(ground_puppet()->saved.size, 0);
    ground_do(save_three);
    wait_until(ops[2].done);
    assert_true(ops[0].done && ops[1].done);
    assert_int_equal(ops[2].status, IO_OK);
    assert_true(ops[0].order < ops[1].order && ops[1].order < ops[2].order);
    ground_restart();
    assert_string_equal(text_string(&ground_puppet()->saved), "third");
}

/* ---- Journal ---- */

static void follow(struct puppet *puppet)
{
    op_journal_follow(&puppet->machine, &ops[7].op, 0, puppet_note);
}

static void append_three(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &ops[0].op, 0, words("a"), puppet_note);
    op_journal_append(&puppet->machine, &ops[1].op, 1, words("b"), puppet_note);
    op_journal_append(&puppet->machine, &ops[2].op, 1, words("late"), puppet_note);
}

static void appends_are_heard_answered_and_conflicts_refused(void **state)
{
    (void)state;
    ground_do(follow);
    wait_until(ops[7].done);
    assert_int_equal(ops[7].status, IO_OK);
    ground_do(append_three);
    wait_until(ops[0].done && ops[1].done && ops[2].done);
    assert_int_equal(ops[0].status, IO_OK);
    assert_int_equal(ops[0].number, 1);
    assert_int_equal(ops[1].status, IO_OK);
    assert_int_equal(ops[1].number, 2);
    assert_int_equal(ops[2].status, IO_CONFLICT);
    assert_int_equal(ops[2].number, 2);
    assert_string_equal(text_string(&ground_puppet()->journal), "1=a 2=b "); /* Before the answers. */
}

static void a_restarted_follower_hears_it_all_again(void **state)
{
    (void)state;
    ground_do(append_three);
    wait_until(ops[2].done);
    puppet_op_reset(&ops[7]);
    ground_restart();
    ground_do(follow);
    wait_until(ops[7].done);
    assert_string_equal(text_string(&ground_puppet()->journal), "1=a 2=b "); /* Before the DONE. */
    assert_int_equal(ops[7].number, 2);
}

static void store_snapshots(struct puppet *puppet)
{
    op_journal_snapshot(&puppet->machine, &ops[3].op, 1, words("[a]"), puppet_note);
}

static void store_more(struct puppet *puppet)
{
    op_journal_snapshot(&puppet->machine, &ops[4].op, 1, words("[again]"), puppet_note);
    op_journal_append(&puppet->machine, &ops[5].op, 2, words("c"), puppet_note);
}

static void store_another(struct puppet *puppet)
{
    op_journal_snapshot(&puppet->machine, &ops[6].op, 2, words("[ab]"), puppet_note);
}

static void who_begins_anew_hears_the_snapshot_and_what_came_after_it(void **state)
{
    (void)state;
    ground_do(append_three);
    wait_until(ops[2].done);
    ground_do(store_snapshots);
    wait_until(ops[3].done);
    assert_int_equal(ops[3].status, IO_OK);
    ground_do(store_more);
    wait_until(ops[4].done && ops[5].done);
    assert_int_equal(ops[4].status, IO_CONFLICT); /* There is one of that number. */
    assert_int_equal(ops[5].status, IO_OK);
    ground_do(store_another);
    wait_until(ops[6].done);
    assert_int_equal(ops[6].status, IO_OK);
    puppet_op_reset(&ops[7]);
    ground_restart();
    ground_do(follow);
    wait_until(ops[7].done);
    assert_string_equal(text_string(&ground_puppet()->journal), "..2=[ab] 3=c ");
    assert_int_equal(ops[7].number, 3);
}

/* ---- Blobs ---- */

static const char *digest_of_hello = "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"; /* sha1("hello world") */

static void write_blob(struct puppet *puppet)
{
    struct io_blob blob = blob_open(&puppet->machine);
    blob_write(&puppet->machine, blob, words("hello "));
    blob_write(&puppet->machine, blob, words("world"));
    op_blob_commit(&puppet->machine, &ops[0].op, blob, puppet_note);
    struct io_blob unwanted = blob_open(&puppet->machine);
    blob_write(&puppet->machine, unwanted, words("hello mars"));
    blob_discard(&puppet->machine, unwanted);
}

static void stat_blobs(struct puppet *puppet)
{
    op_blob_stat(&puppet->machine, &ops[1].op, digest_of_hello, puppet_note);
    op_blob_stat(&puppet->machine, &ops[2].op, "../../etc/passwd", puppet_note);
}

static void list_blobs(struct puppet *puppet)
{
    op_blob_list(&puppet->machine, &ops[6].op, puppet_note);
}

static void delete_blob(struct puppet *puppet)
{
    op_blob_delete(&puppet->machine, &ops[3].op, digest_of_hello, puppet_note);
}

static void look_again(struct puppet *puppet)
{
    op_blob_stat(&puppet->machine, &ops[4].op, digest_of_hello, puppet_note);
    op_blob_delete(&puppet->machine, &ops[5].op, digest_of_hello, puppet_note);
}

static void a_blob_is_named_by_its_content_and_outlives_a_restart(void **state)
{
    (void)state;
    ground_do(write_blob);
    wait_until(ops[0].done);
    assert_int_equal(ops[0].status, IO_OK);
    assert_int_equal(ops[0].number, 11);
    assert_string_equal(text_string(&ops[0].data), digest_of_hello);
    ground_restart();
    ground_do(stat_blobs);
    wait_until(ops[1].done && ops[2].done);
    assert_int_equal(ops[1].status, IO_OK);
    assert_int_equal(ops[1].number, 11);
    assert_int_equal(ops[2].status, IO_NOT_FOUND);
    ground_do(list_blobs);
    wait_until(ops[6].done);
    char line[64];
    snprintf(line, sizeof line, "%s\n", digest_of_hello);
    assert_string_equal(text_string(&ops[6].data), line); /* What was discarded is not there. */
    ground_do(delete_blob);
    wait_until(ops[3].done);
    assert_int_equal(ops[3].status, IO_OK);
    ground_do(look_again);
    wait_until(ops[4].done && ops[5].done);
    assert_int_equal(ops[4].status, IO_NOT_FOUND);
    assert_int_equal(ops[5].status, IO_OK); /* It is not there: that was wanted. */
}

static void send_hello(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "<");
    conn_send_blob(&here->conn, &ops[1].op, digest_of_hello, puppet_note);
}

static void send_nothing(struct puppet *puppet)
{
    (void)puppet;
    conn_send_blob(&here->conn, &ops[2].op, "0000000000000000000000000000000000000000", puppet_note);
}

static void close_here(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, ">");
    conn_close(&here->conn);
}

static void a_blob_is_sent_in_its_place(void **state)
{
    (void)state;
    ground_do(write_blob);
    wait_until(ops[0].done);
    struct puppet_conn *there = connect_both(false, true);
    ground_do(send_hello);
    wait_until(ops[1].done);
    assert_int_equal(ops[1].status, IO_OK);
    assert_int_equal(ops[1].number, 11);
    ground_do(send_nothing);
    wait_until(ops[2].done);
    assert_int_equal(ops[2].status, IO_NOT_FOUND);
    ground_do(close_here);
    wait_until(there->ended);
    assert_string_equal(text_string(&there->text), "<hello world>");
}

static void receive_eleven(struct puppet *puppet)
{
    conn_receive_blob(&puppet->conns[1].conn, &ops[3].op, 11, puppet_note);
}

static void say_hello_only(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "hello");
}

static void say_the_rest(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, " world");
}

static void a_blob_is_received_and_named(void **state)
{
    (void)state;
    connect_both(false, false);
    ground_do(receive_eleven);
    ground_do(say_hello_only);
    ground_turn();
    assert_false(ops[3].done);
    ground_do(say_the_rest);
    wait_until(ops[3].done);
    assert_int_equal(ops[3].status, IO_OK);
    assert_int_equal(ops[3].number, 11);
    assert_string_equal(text_string(&ops[3].data), digest_of_hello);
}

static void a_cut_transfer_keeps_nothing(void **state)
{
    (void)state;
    connect_both(false, false);
    ground_do(receive_eleven);
    ground_do(say_hello_only);
    ground_do(close_here);
    wait_until(ops[3].done);
    assert_int_equal(ops[3].status, IO_RESET);
    ground_do(stat_blobs);
    wait_until(ops[1].done);
    assert_int_equal(ops[1].status, IO_NOT_FOUND);
}

/* ---- Time ---- */

static struct timer timers[3];
static char fired_order[4];
static uint64_t set_at_ns, fired_at_ns[3];

static void on_fired(struct timer *timer)
{
    struct puppet *puppet = ground_puppet();
    fired_at_ns[puppet->fired] = puppet->machine.now_ns;
    fired_order[puppet->fired++] = (char)('a' + (timer - timers));
}

static void set_timers(struct puppet *puppet)
{
    set_at_ns = puppet->machine.now_ns;
    timer_set(&puppet->machine, &timers[0], 30 * NS_PER_MS, on_fired);
    timer_set(&puppet->machine, &timers[1], 5 * NS_PER_MS, on_fired);
    timer_set(&puppet->machine, &timers[2], 1500 * NS_PER_US, on_fired);
}

static void deadlines_come_in_order_and_never_early(void **state)
{
    (void)state;
    memset(timers, 0, sizeof timers);
    ground_do(set_timers);
    wait_until(ground_puppet()->fired == 3);
    assert_memory_equal(fired_order, "cba", 3);
    assert_true(fired_at_ns[0] - set_at_ns >= 1500 * NS_PER_US);
    assert_true(fired_at_ns[1] - set_at_ns >= 5 * NS_PER_MS);
    assert_true(fired_at_ns[2] - set_at_ns >= 30 * NS_PER_MS);
}

static int suite_run_streams_and_stores(const char *name)
{
#define ON_GROUND(test) cmocka_unit_test_setup_teardown(test, open_ground, close_ground)
    const struct CMUnitTest suite[] = {
        ON_GROUND(who_has_finished_still_hears_the_other),
        ON_GROUND(who_does_not_read_holds_the_sender_up),
        ON_GROUND(an_abort_is_a_reset_for_the_peer),
        ON_GROUND(last_words_arrive_before_the_end),
        ON_GROUND(nobody_listens_is_refused),
        ON_GROUND(what_was_saved_last_is_there_after_a_restart),
        ON_GROUND(appends_are_heard_answered_and_conflicts_refused),
        ON_GROUND(a_restarted_follower_hears_it_all_again),
        ON_GROUND(who_begins_anew_hears_the_snapshot_and_what_came_after_it),
        ON_GROUND(a_blob_is_named_by_its_content_and_outlives_a_restart),
        ON_GROUND(a_blob_is_sent_in_its_place),
        ON_GROUND(a_blob_is_received_and_named),
        ON_GROUND(a_cut_transfer_keeps_nothing),
        ON_GROUND(deadlines_come_in_order_and_never_early),
    };
    return cmocka_run_group_tests_name(name, suite, NULL, NULL);
}

int suite_run(const char *name)
{
    int failures = suite_run_streams_and_stores(name);
    return failures + suite_run_workloads(name);
}
