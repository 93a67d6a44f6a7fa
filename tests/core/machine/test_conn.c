/* Connections: one life from connect or accept to the last word, and nothing after it. */
#include "tests/core/machine/small_machine.h"

static struct small *owner(struct conn *conn)
{
    return container_of(conn->machine, struct small, machine);
}

static void tell_connected(struct conn *conn)
{
    text_add_string(&owner(conn)->told, "connected ");
}

static void tell_bytes(struct conn *conn, struct slice bytes)
{
    text_addf(&owner(conn)->told, "bytes(%.*s) ", (int)bytes.size, (const char *)slice_data(bytes));
}

static void tell_end(struct conn *conn)
{
    text_add_string(&owner(conn)->told, "end ");
}

static void tell_drained(struct conn *conn)
{
    text_add_string(&owner(conn)->told, "drained ");
}

static void tell_closed(struct conn *conn, enum io_status status)
{
    text_addf(&owner(conn)->told, "closed(%s) ", io_status_name(status));
}

static const struct conn_handlers handlers = {
    .on_connected = tell_connected,
    .on_bytes = tell_bytes,
    .on_end = tell_end,
    .on_drained = tell_drained,
    .on_closed = tell_closed,
};

static void hand_over(struct conn *conn)
{
    struct small *small = owner(conn);
    text_add_string(&small->told, "handed-over ");
    conn_hand_over(conn, &small->other_conn, &handlers);
}

/* ---- Events ---- */

static void bring_connected(struct bench *bench, uint32_t id)
{
    struct event event = {.kind = EVENT_CONNECTED};
    event.connected.conn.id = id;
    bench_bring(bench, &event);
}

static void bring_bytes_and_written(struct bench *bench, uint32_t id, const char *bytes, size_t written)
{
    struct event event = {.kind = EVENT_BYTES};
    event.bytes.conn.id = id;
    event.bytes.slice = slice_copy(bytes, strlen(bytes));
    event.bytes.written = written;
    bench_bring(bench, &event);
    buffer_unref(event.bytes.slice.buffer);
}

static void bring_bytes(struct bench *bench, uint32_t id, const char *bytes)
{
    bring_bytes_and_written(bench, id, bytes, 0);
}

static void bring_written(struct bench *bench, uint32_t id, size_t size)
{
    struct event event = {.kind = EVENT_WRITTEN};
    event.written.conn.id = id;
    event.written.size = size;
    bench_bring(bench, &event);
}

static void bring_closed(struct bench *bench, uint32_t id, enum io_status status)
{
    struct event event = {.kind = EVENT_CLOSED};
    event.closed.conn.id = id;
    event.closed.status = status;
    bench_bring(bench, &event);
}

/* ---- Acts ---- */

static void connect_one(struct small *small)
{
    conn_connect(&small->machine, &small->conn, &handlers, "10.0.0.1", 80);
}

static void connect_other(struct small *small)
{
    conn_connect(&small->machine, &small->other_conn, &handlers, "10.0.0.2", 81);
}

static void read_twice(struct small *small)
{
    conn_read(&small->conn);
    conn_read(&small->conn);
}

static void write_twice(struct small *small)
{
    conn_write_string(&small->conn, "hello ");
    conn_write_string(&small->conn, "");
    conn_write_bytes(&small->conn, "world", 5);
}

static void close_it(struct small *small)
{
    conn_close(&small->conn);
    conn_close(&small->conn);
    conn_abort(&small->conn);
    conn_write_string(&small->conn, "too late");
    conn_read(&small->conn);
}

static void opened(struct bench *bench)
{
    bench_open(bench);
    bench_act(bench, connect_one);
    bring_connected(bench, 2);
    bench_expect(bench, "connected ");
}

/* ---- Stories ---- */

static void a_conn_connects_talks_and_closes(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, connect_one);
    struct effect *effect = bench_effect(&bench, EFFECT_CONNECT);
    assert_int_equal(effect->connect.conn.id, 2); /* The smallest even one. */
    assert_string_equal(effect->connect.host, "10.0.0.1");
    assert_int_equal(effect->connect.port, 80);
    bring_connected(&bench, 2);
    bench_act(&bench, write_twice);
    assert_int_equal(bench.small->conn.unsent_bytes, 11);
    bring_written(&bench, 2, 4);
    bring_written(&bench, 2, 7);
    bench_act(&bench, read_twice);
    assert_int_equal(effects_count(bench.effects), 1); /* One demand is enough. */
    bring_bytes(&bench, 2, "hi");
    bench_act(&bench, close_it);
    assert_int_equal(effects_count(bench.effects), 1); /* One end is enough, and nothing follows it. */
    assert_false(bench_effect(&bench, EFFECT_CLOSE)->close.abort);
    bring_closed(&bench, 2, IO_OK);
    bench_expect(&bench, "connected drained bytes(hi) closed(ok) ");
    assert_int_equal(machine_open_conns(&bench.small->machine), 0);
    bench_close(&bench);
}

/* Rule 5 of core/io.h: what nobody awaits may be told by the next bytes. */
static void bytes_tell_what_left_before(void **state)
{
    (void)state;
    struct bench bench;
    opened(&bench);
    bench_act(&bench, write_twice);
    assert_true(bench_effect(&bench, EFFECT_WRITE)->write.is_awaited);
    bench.small->conn.is_patient = true;
    bench_act(&bench, write_twice);
    assert_false(bench_effect(&bench, EFFECT_WRITE)->write.is_awaited);
    bench_act(&bench, read_twice);
    bring_bytes_and_written(&bench, 2, "hi", 22);
    assert_int_equal(bench.small->conn.unsent_bytes, 0);
    bench_expect(&bench, "drained bytes(hi) ");
    bench_close(&bench);
}

/* The bytes are the new owner's: the old one may be freed by then. */
static void who_is_told_may_hand_it_over(void **state)
{
    (void)state;
    static const struct conn_handlers leaving = {
        .on_bytes = tell_bytes, .on_end = tell_end, .on_drained = hand_over, .on_closed = tell_closed};
    struct bench bench;
    opened(&bench);
    bench.small->conn.handlers = &leaving;
    bench_act(&bench, write_twice);
    bench_act(&bench, read_twice);
    bring_bytes_and_written(&bench, 2, "hi", 11);
    assert_int_equal(bench.small->conn.state, CONN_CLOSED);
    assert_int_equal(bench.small->other_conn.state, CONN_OPEN);
    bench_expect(&bench, "handed-over bytes(hi) ");
    bench_close(&bench);
}

static void a_refused_conn_hears_one_word(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, connect_one);
    bring_closed(&bench, 2, IO_REFUSED);
    bench_expect(&bench, "closed(refused) ");
    bench_act(&bench, connect_one); /* It may live again. */
    assert_int_equal(bench_effect(&bench, EFFECT_CONNECT)->connect.conn.id, 2);
    bench_close(&bench);
}

static void ids_are_the_smallest_that_are_free(void **state)
{
    (void)state;
    struct bench bench;
    opened(&bench);
    bench_act(&bench, connect_other);
    assert_int_equal(bench_effect(&bench, EFFECT_CONNECT)->connect.conn.id, 4);
    bring_closed(&bench, 2, IO_RESET);
    bench_act(&bench, connect_one);
    assert_int_equal(bench_effect(&bench, EFFECT_CONNECT)->connect.conn.id, 2);
    bench_close(&bench);
}

static void unsent_bytes_die_with_the_conn(void **state)
{
    (void)state;
    struct bench bench;
    opened(&bench);
    bench_act(&bench, write_twice);
    bring_closed(&bench, 2, IO_RESET);
    assert_int_equal(bench.small->conn.unsent_bytes, 0);
    bench_expect(&bench, "closed(reset) ");
    bench_close(&bench);
}

static void finish(struct small *small)
{
    conn_finish(&small->conn);
    conn_finish(&small->conn);
    conn_read(&small->conn);
}

static void we_may_finish_and_still_read_to_the_end(void **state)
{
    (void)state;
    struct bench bench;
    opened(&bench);
    bench_act(&bench, finish);
    assert_int_equal(effects_count(bench.effects), 2);
    struct event event = {.kind = EVENT_END};
    event.end.conn.id = 2;
    bench_bring(&bench, &event);
    bench_expect(&bench, "end ");
    bench_close(&bench);
}

static void tell_received(struct op *op, const struct op_result *result)
{
    text_addf(&container_of(op, struct small, op)->told, "received(%s) ", io_status_name(result->status));
}

static void receive_into_blob(struct small *small)
{
    conn_receive_blob(&small->conn, &small->op, 100, tell_received);
}

static void a_blob_transfer_is_cancelled_with_its_conn(void **state)
{
    (void)state;
    struct bench bench;
    opened(&bench);
    bench_act(&bench, receive_into_blob);
    struct effect *effect = bench_effect(&bench, EFFECT_BLOB_RECEIVE);
    assert_int_equal(effect->blob_transfer.size, 100);
    struct event event = {.kind = EVENT_DONE};
    event.done.op = effect->op;
    event.done.status = IO_CANCELLED;
    bench_act(&bench, close_it);
    bench_bring(&bench, &event);
    bring_closed(&bench, 2, IO_OK);
    bench_expect(&bench, "received(cancelled) closed(ok) ");
    bench_close(&bench);
}

/* ---- Listeners ---- */

static void tell_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    struct small *small = container_of(listener, struct small, listener);
    text_addf(&small->told, "accepted(%u %s) ", id.id, peer);
    if (small->conn.state == CONN_CLOSED)
        conn_accept(&small->machine, &small->conn, &handlers, id);
    else
        conn_refuse(&small->machine, id, "full\n");
}

static void tell_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct small *small = container_of(listener, struct small, listener);
    text_addf(&small->told, "listening(%s %u) ", io_status_name(status), port);
}

static void listen(struct small *small)
{
    small->listener.on_accepted = tell_accepted;
    small->listener.on_listening = tell_listening;
    listener_open(&small->machine, &small->listener, "0.0.0.0", 0);
}

static void listen_no_more(struct small *small)
{
    listener_close(&small->listener);
    listener_close(&small->listener);
}

static void bring_accepted(struct bench *bench, uint32_t listener, uint32_t id)
{
    struct event event = {.kind = EVENT_ACCEPTED};
    event.accepted.listener.id = listener;
    event.accepted.conn.id = id;
    event.accepted.peer = "10.0.0.9:1";
    bench_bring(bench, &event);
}

static void a_listener_takes_what_it_can_and_refuses_the_rest(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, listen);
    struct effect *effect = bench_effect(&bench, EFFECT_LISTEN);
    uint32_t listener = effect->listen.listener.id;
    struct event event = {.kind = EVENT_DONE};
    event.done.op = effect->op;
    event.done.number = 8080;
    bench_bring(&bench, &event);
    bring_accepted(&bench, listener, 1);
    bring_accepted(&bench, listener, 3);
    bench_expect(&bench, "listening(ok 8080) accepted(1 10.0.0.9:1) accepted(3 10.0.0.9:1) ");
    assert_memory_equal(slice_data(bench_effect(&bench, EFFECT_WRITE)->write.slice), "full\n", 5);
    assert_int_equal(bench_effect(&bench, EFFECT_CLOSE)->close.conn.id, 3);
    bring_written(&bench, 3, 5);
    bring_closed(&bench, 3, IO_OK);
    assert_int_equal(machine_open_conns(&bench.small->machine), 1);

    bench_act(&bench, listen_no_more);
    assert_int_equal(effects_count(bench.effects), 1);
    bring_accepted(&bench, listener, 3); /* Was on its way: closed without a word. */
    bench_expect(&bench, "");
    assert_int_equal(bench_effect(&bench, EFFECT_CLOSE)->close.conn.id, 3);
    bring_closed(&bench, 3, IO_OK);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conn_connects_talks_and_closes),
        cmocka_unit_test(bytes_tell_what_left_before),
        cmocka_unit_test(who_is_told_may_hand_it_over),
        cmocka_unit_test(a_refused_conn_hears_one_word),
        cmocka_unit_test(ids_are_the_smallest_that_are_free),
        cmocka_unit_test(unsent_bytes_die_with_the_conn),
        cmocka_unit_test(we_may_finish_and_still_read_to_the_end),
        cmocka_unit_test(a_blob_transfer_is_cancelled_with_its_conn),
        cmocka_unit_test(a_listener_takes_what_it_can_and_refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
