#include "core/machine/conn.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

/* ---- The table of conns by id ---- */

static void put_conn(struct machine *machine, uint32_t id, struct conn *conn)
{
    if (id >= machine->conn_capacity) {
        size_t capacity = machine->conn_capacity == 0 ? 16 : machine->conn_capacity;
        while (capacity <= id)
            capacity *= 2;
        machine->conns = memory_grow(machine->conns, machine->conn_capacity * sizeof(struct conn *),
                                     capacity * sizeof(struct conn *));
        machine->conn_capacity = capacity;
    }
    assert_that(machine->conns[id] == NULL);
    machine->conns[id] = conn;
}

static void drop_conn(struct machine *machine, uint32_t id)
{
    machine->conns[id] = NULL;
    if (id % 2 == 0 && id < machine->lowest_even_id)
        machine->lowest_even_id = id;
}

/* The smallest free even id. None below lowest_even_id is free, so that many connects do not look through them all. */
static uint32_t free_even_id(struct machine *machine)
{
    uint32_t id = machine->lowest_even_id;
    while (id < machine->conn_capacity && machine->conns[id] != NULL)
        id += 2;
    machine->lowest_even_id = id + 2;
    return id;
}

static void begin_life(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers, uint32_t id,
                       enum conn_state state)
{
    assert_that(conn->state == CONN_CLOSED);
    *conn = (struct conn){.handlers = handlers, .machine = machine, .state = state, .id.id = id};
    put_conn(machine, id, conn);
}

/* ---- Opening and closing ---- */

void conn_connect(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers, const char *host,
                  uint16_t port)
{
    conn_connect_tls(machine, conn, handlers, host, port, NULL, NULL);
}

static const char *keep_optional(struct effects *effects, const char *text)
{
    return text == NULL ? NULL : effects_keep_text(effects, text);
}

void conn_connect_tls(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers,
                      const char *host, uint16_t port, const char *tls, const char *server_name)
{
    assert_that(handlers->on_connected != NULL);
    begin_life(machine, conn, handlers, free_even_id(machine), CONN_CONNECTING);
    struct effect *effect = effects_add(machine->effects, EFFECT_CONNECT);
    effect->connect.conn = conn->id;
    effect->connect.host = effects_keep_text(machine->effects, host);
    effect->connect.port = port;
    effect->connect.tls = keep_optional(machine->effects, tls);
    effect->connect.server_name = keep_optional(machine->effects, server_name);
}

void conn_start_tls(struct conn *conn, struct op *op, const char *tls, const char *server_name, op_done *done)
{
    assert_that(conn->state == CONN_OPEN);
    assert_that(conn->carriage == NULL);
    assert_that(!conn->reading);
    struct effect *effect = op_add_effect(conn->machine, op, EFFECT_START_TLS, done);
    effect->start_tls.conn = conn->id;
    effect->start_tls.tls = effects_keep_text(conn->machine->effects, tls);
    effect->start_tls.server_name = keep_optional(conn->machine->effects, server_name);
}

void conn_accept(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers, struct io_conn id)
{
    assert_that(id.id % 2 == 1);
    begin_life(machine, conn, handlers, id.id, CONN_OPEN);
}

static void close_with(struct conn *conn, bool abort)
{
    if (conn->state == CONN_CLOSED || conn->state == CONN_CLOSING)
        return;
    conn->state = CONN_CLOSING;
    if (conn->carriage != NULL) {
        conn->carriage->class->close(conn->carriage, abort);
        return;
    }
    struct effect *effect = effects_add(conn->machine->effects, EFFECT_CLOSE);
    effect->close.conn = conn->id;
    effect->close.abort = abort;
}

void conn_close(struct conn *conn)
{
    close_with(conn, false);
}

void conn_abort(struct conn *conn)
{
    close_with(conn, true);
}

/* A refused connection belongs to nobody; this little owner waits for its CLOSED. */
static void on_refused_bytes(struct conn *conn, struct slice bytes)
{
    (void)conn;
    (void)bytes;
    assert_unreachable(); /* It never reads. */
}

static void on_refused_end(struct conn *conn)
{
    (void)conn;
    assert_unreachable();
}

static void on_refused_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    memory_free(conn);
}

static const struct conn_handlers refused_handlers = {
    .on_bytes = on_refused_bytes,
    .on_end = on_refused_end,
    .on_closed = on_refused_closed,
};

void conns_free_refused(struct machine *machine)
{
    for (size_t i = 0; i < machine->conn_capacity; i++) {
        if (machine->conns[i] != NULL && machine->conns[i]->handlers == &refused_handlers) {
            memory_free(machine->conns[i]);
            machine->conns[i] = NULL;
        }
    }
}

void conn_refuse(struct machine *machine, struct io_conn id, const char *farewell)
{
    struct conn *conn = memory_new(sizeof *conn);
    conn_accept(machine, conn, &refused_handlers, id);
    conn_write_string(conn, farewell);
    conn_close(conn);
}

/* ---- Bytes ---- */

void conn_read(struct conn *conn)
{
    if (conn->state != CONN_OPEN || conn->reading)
        return;
    conn->reading = true;
    if (conn->carriage != NULL)
        conn->carriage->class->read(conn->carriage);
    else
        effects_add(conn->machine->effects, EFFECT_READ)->read.conn = conn->id;
}

void conn_write(struct conn *conn, struct slice given)
{
    assert_that(!conn->finished);
    if (conn->state != CONN_OPEN || given.size == 0) {
        buffer_unref(given.buffer);
        return;
    }
    conn->unsent_bytes += given.size;
    if (conn->carriage != NULL) {
        conn->carriage->class->write(conn->carriage, given);
        return;
    }
    struct effect *effect = effects_add(conn->machine->effects, EFFECT_WRITE);
    effect->write.conn = conn->id;
    effect->write.slice = given;
    effect->write.is_awaited = conn->handlers->on_drained != NULL && !conn->is_patient;
}

void conn_write_bytes(struct conn *conn, const void *bytes, size_t size)
{
    if (size > 0)
        conn_write(conn, slice_copy(bytes, size));
}

void conn_write_string(struct conn *conn, const char *string)
{
    conn_write_bytes(conn, string, strlen(string));
}

void conn_write_text(struct conn *conn, struct text *text)
{
    conn_write(conn, text_take(text));
}

void conn_finish(struct conn *conn)
{
    if (conn->state != CONN_OPEN || conn->finished)
        return;
    conn->finished = true;
    if (conn->carriage != NULL)
        conn->carriage->class->finish(conn->carriage);
    else
        effects_add(conn->machine->effects, EFFECT_FINISH)->finish.conn = conn->id;
}

void conn_send_blob(struct conn *conn, struct op *op, const char *digest, op_done *done)
{
    assert_that(conn->state == CONN_OPEN);
    assert_that(conn->carriage == NULL);
    struct effect *effect = op_add_effect(conn->machine, op, EFFECT_BLOB_SEND, done);
    effect->blob_transfer.conn = conn->id;
    effect->blob_transfer.digest = effects_keep_text(conn->machine->effects, digest);
}

void conn_receive_blob(struct conn *conn, struct op *op, uint64_t size, op_done *done)
{
    assert_that(conn->state == CONN_OPEN);
    assert_that(conn->carriage == NULL);
    assert_that(!conn->reading);
    struct effect *effect = op_add_effect(conn->machine, op, EFFECT_BLOB_RECEIVE, done);
    effect->blob_transfer.conn = conn->id;
    effect->blob_transfer.digest = "";
    effect->blob_transfer.size = size;
}

/* ---- Events ---- */

static struct conn *find_conn(const struct machine *machine, struct io_conn id)
{
    assert_that(id.id < machine->conn_capacity);
    assert_that(machine->conns[id.id] != NULL);
    return machine->conns[id.id];
}

static void end_life(struct machine *machine, struct conn *conn, enum io_status status)
{
    if (conn->carriage != NULL)
        conn->carriage->conn = NULL;
    else
        drop_conn(machine, conn->id.id);
    conn->carriage = NULL;
    conn->state = CONN_CLOSED;
    conn->unsent_bytes = 0;
    conn->handlers->on_closed(conn, status);
}

static void count_written(struct conn *conn, size_t size)
{
    assert_that(size <= conn->unsent_bytes);
    conn->unsent_bytes -= size;
    if (conn->unsent_bytes == 0 && conn->state == CONN_OPEN && conn->handlers->on_drained != NULL)
        conn->handlers->on_drained(conn);
}

static void open_life(struct conn *conn)
{
    assert_that(conn->state == CONN_CONNECTING);
    conn->state = CONN_OPEN;
    conn->handlers->on_connected(conn);
}

static void take_bytes(struct conn *conn, struct slice lent)
{
    assert_that(conn->reading);
    conn->reading = false;
    conn->handlers->on_bytes(conn, lent);
}

static void take_end(struct conn *conn)
{
    assert_that(conn->reading);
    conn->reading = false;
    conn->handlers->on_end(conn);
}

static struct listener *find_listener(const struct machine *machine, struct io_listener id)
{
    struct listener *listener = NULL;
    HASH_FIND(hh, machine->listeners, &id.id, sizeof id.id, listener);
    return listener;
}

void conns_dispatch(struct machine *machine, const struct event *event)
{
    if (event->kind == EVENT_ACCEPTED) {
        struct listener *listener = find_listener(machine, event->accepted.listener);
        if (listener == NULL)
            conn_refuse(machine, event->accepted.conn, "");
        else
            listener->on_accepted(listener, event->accepted.conn, event->accepted.peer);
    } else if (event->kind == EVENT_CONNECTED) {
        open_life(find_conn(machine, event->connected.conn));
    } else if (event->kind == EVENT_BYTES) {
        if (event->bytes.written > 0)
            count_written(find_conn(machine, event->bytes.conn), event->bytes.written);
        struct conn *conn = find_conn(machine, event->bytes.conn); /* Who was told may have handed it over... */
        if (conn->state == CONN_OPEN)                              /* ...or closed it. */
            take_bytes(conn, event->bytes.slice);
    } else if (event->kind == EVENT_END) {
        take_end(find_conn(machine, event->end.conn));
    } else if (event->kind == EVENT_WRITTEN) {
        count_written(find_conn(machine, event->written.conn), event->written.size);
    } else {
        assert_that(event->kind == EVENT_CLOSED);
        end_life(machine, find_conn(machine, event->closed.conn), event->closed.status);
    }
}

/* ---- Conns within another one ---- */

void conn_carry(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers,
                struct carriage *carriage, enum conn_state state)
{
    assert_that(conn->state == CONN_CLOSED);
    assert_that(carriage->conn == NULL);
    *conn = (struct conn){.handlers = handlers, .machine = machine, .carriage = carriage, .state = state};
    carriage->conn = conn;
}

void conn_carried_connected(struct conn *conn)
{
    assert_that(conn->carriage != NULL);
    open_life(conn);
}

void conn_carried_bytes(struct conn *conn, struct slice lent)
{
    assert_that(conn->carriage != NULL);
    take_bytes(conn, lent);
}

void conn_carried_end(struct conn *conn)
{
    assert_that(conn->carriage != NULL);
    take_end(conn);
}

void conn_carried_written(struct conn *conn, size_t size)
{
    assert_that(conn->carriage != NULL);
    count_written(conn, size);
}

void conn_carried_closed(struct conn *conn, enum io_status status)
{
    assert_that(conn->carriage != NULL);
    end_life(conn->machine, conn, status);
}

void conn_hand_over(struct conn *from, struct conn *to, const struct conn_handlers *handlers)
{
    assert_that(from->state == CONN_OPEN);
    assert_that(from->carriage == NULL);
    assert_that(to->state == CONN_CLOSED);
    *to = *from;
    to->handlers = handlers;
    to->machine->conns[to->id.id] = to;
    *from = (struct conn){0};
}

/* ---- Listener ---- */

static void on_listen_done(struct op *op, const struct op_result *result)
{
    struct listener *listener = container_of(op, struct listener, op);
    listener->on_listening(listener, result->status, (uint16_t)result->number);
}

void listener_open(struct machine *machine, struct listener *listener, const char *host, uint16_t port)
{
    listener_open_tls(machine, listener, host, port, NULL);
}

void listener_open_tls(struct machine *machine, struct listener *listener, const char *host, uint16_t port,
                       const char *tls)
{
    assert_that(listener->on_accepted != NULL);
    assert_that(listener->on_listening != NULL);
    listener->machine = machine;
    listener->id.id = ++machine->last_listener;
    HASH_ADD(hh, machine->listeners, id.id, sizeof listener->id.id, listener);
    struct effect *effect = op_add_effect(machine, &listener->op, EFFECT_LISTEN, on_listen_done);
    effect->listen.listener = listener->id;
    effect->listen.host = effects_keep_text(machine->effects, host);
    effect->listen.port = port;
    effect->listen.tls = keep_optional(machine->effects, tls);
}

void listener_close(struct listener *listener)
{
    if (listener->id.id == 0)
        return;
    op_forget(&listener->op);
    effects_add(listener->machine->effects, EFFECT_UNLISTEN)->unlisten.listener = listener->id;
    HASH_DELETE(hh, listener->machine->listeners, listener);
    listener->id.id = 0;
}
