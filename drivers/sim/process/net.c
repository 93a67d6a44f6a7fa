/* A component's listeners and connections: effects onto sockets, and what sockets say back as events.
 *
 * TLS is not simulated: connections that should have it are plain, and START_TLS succeeds at once. The wish is in the
 * trace, as all effects are. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/sim/network/messages.h"
#include "drivers/sim/process/limits.h"

#include <stdint.h>
#include <string.h>

static const struct socket_handlers conn_socket_handlers;

/* ---- The table of connections ---- */

static struct process_conn *conn_at(const struct process *process, struct io_conn id)
{
    assert_that(id.id < process->conn_capacity);
    assert_that(process->conns[id.id] != NULL);
    return process->conns[id.id];
}

static struct process_conn *add_conn(struct process *process, uint32_t id)
{
    if (id >= process->conn_capacity) {
        size_t capacity = process->conn_capacity == 0 ? 16 : process->conn_capacity;
        while (capacity <= id)
            capacity *= 2;
        process->conns = memory_grow(process->conns, process->conn_capacity * sizeof(struct process_conn *),
                                     capacity * sizeof(struct process_conn *));
        process->conn_capacity = capacity;
    }
    assert_that(process->conns[id] == NULL);
    struct process_conn *conn = memory_new(sizeof *conn);
    conn->process = process;
    conn->id.id = id;
    process->conns[id] = conn;
    return conn;
}

static void remove_conn(struct process_conn *conn)
{
    struct process *process = conn->process;
    process->conns[conn->id.id] = NULL;
    if (conn->id.id % 2 == 1 && conn->id.id < process->lowest_odd_id)
        process->lowest_odd_id = conn->id.id;
    while (conn->sends != NULL) {
        struct process_send *send = conn->sends;
        conn->sends = send->next;
        memory_free(send);
    }
    messages_forget(conn);
    text_free(&conn->received);
    memory_free(conn);
}

static uint32_t free_odd_id(struct process *process)
{
    uint32_t id = process->lowest_odd_id == 0 ? 1 : process->lowest_odd_id;
    while (id < process->conn_capacity && process->conns[id] != NULL)
        id += 2;
    process->lowest_odd_id = id;
    return id;
}

/* ---- Listening ---- */

static void on_accepted(struct port *port, struct socket *socket)
{
    struct process_listener *listener = container_of(port, struct process_listener, port);
    struct process *process = port->process;
    if (!limits_allow_descriptor(process))
        return; /* It is reset, as libuv closes what it takes with its spare descriptor. */
    struct process_conn *conn = add_conn(process, free_odd_id(process));
    conn->socket = socket;
    char peer[32];
    socket_print_peer(socket, peer, sizeof peer);
    socket_accept(socket, &conn_socket_handlers, conn, process->name);
    struct event event = {.kind = EVENT_ACCEPTED};
    event.accepted.listener = listener->id;
    event.accepted.conn = conn->id;
    event.accepted.peer = peer;
    process_step(process, &event);
}

static void do_listen(struct process *process, const struct effect *effect)
{
    struct process_listener *listener = memory_new(sizeof *listener);
    const char *host = effect->listen.host;
    listener->id = effect->listen.listener;
    listener->port.number = effect->listen.port;
    listener->port.is_local = strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0;
    listener->port.process = process;
    listener->port.on_accepted = on_accepted;
    if (!host_open_port(process->host, &listener->port)) {
        memory_free(listener);
        process_answer(process, effect->op, IO_IN_USE);
        return;
    }
    listener->next = process->listeners;
    process->listeners = listener;
    process_answer(process, effect->op, IO_OK)->number = listener->port.number;
}

static void do_unlisten(struct process *process, struct io_listener id)
{
    for (struct process_listener **at = &process->listeners; *at != NULL; at = &(*at)->next) {
        struct process_listener *listener = *at;
        if (listener->id.id != id.id)
            continue;
        *at = listener->next;
        host_close_port(process->host, &listener->port);
        memory_free(listener);
        return;
    }
}

/* ---- Blobs over connections ---- */

static void do_blob_send(struct process *process, const struct effect *effect)
{
    struct process_conn *conn = conn_at(process, effect->blob_transfer.conn);
    const struct blob *blob = blob_store_find(process->blobs, effect->blob_transfer.digest);
    if (blob == NULL || blob->slice.size == 0) {
        process_answer(process, effect->op, blob == NULL ? IO_NOT_FOUND : IO_OK);
        return;
    }
    struct process_send *send = memory_new(sizeof *send);
    send->op = effect->op;
    send->size = blob->slice.size;
    struct process_send **end = &conn->sends;
    while (*end != NULL)
        end = &(*end)->next;
    *end = send;
    socket_send(conn->socket, blob_store_read(process->blobs, blob), effect->op.id);
}

static void step_done(struct process *process, struct io_op op, enum io_status status, uint64_t number)
{
    struct event event = {.kind = EVENT_DONE};
    event.done.op = op;
    event.done.status = status;
    event.done.number = number;
    event.done.data = (struct io_bytes){.data = (const uint8_t *)"", .size = 0};
    process_step(process, &event);
}

static void on_sent(struct socket *socket, uint64_t tag)
{
    struct process_conn *conn = socket->owner;
    struct process_send *send = conn->sends;
    assert_that(send != NULL);
    assert_that(send->op.id == tag);
    conn->sends = send->next;
    uint64_t size = send->size;
    memory_free(send);
    step_done(conn->process, (struct io_op){tag}, IO_OK, size);
}

/* The last byte has come: it is committed like any other blob. */
static void commit_received(struct pending *pending)
{
    char digest[BLOB_DIGEST_SIZE];
    struct slice given = pending->given;
    pending->given = (struct slice){0};
    if (pending->status != IO_OK) {
        buffer_unref(given.buffer);
        return;
    }
    pending->number = given.size;
    blob_store_put(pending->process->blobs, given, digest);
    pending->data = slice_copy(digest, sizeof digest - 1);
}

static void end_receiving(struct process_conn *conn, enum io_status status)
{
    struct process *process = conn->process;
    uint64_t done_ns = process->world->now_ns;
    if (status == IO_OK)
        status = disk_plan_sync(&process->blobs->host->disk, &done_ns);
    struct pending *pending = process_add_pending(process, conn->receiving, done_ns, status);
    pending->given = text_take(&conn->received);
    if (pending->given.buffer == NULL)
        pending->given = slice_copy("", 0);
    pending->complete = commit_received;
    conn->receiving.id = 0;
}

static void do_blob_receive(struct process *process, const struct effect *effect)
{
    struct process_conn *conn = conn_at(process, effect->blob_transfer.conn);
    assert_that(conn->receiving.id == 0);
    conn->receiving = effect->op;
    conn->receive_left = effect->blob_transfer.size;
    if (conn->receive_left == 0)
        end_receiving(conn, IO_OK);
    else
        socket_read(conn->socket, conn->receive_left);
}

static void receive(struct process_conn *conn, struct slice slice)
{
    assert_that(slice.size <= conn->receive_left);
    text_add(&conn->received, slice_data(slice), slice.size);
    conn->receive_left -= slice.size;
    if (conn->receive_left == 0)
        end_receiving(conn, IO_OK);
    else
        socket_read(conn->socket, conn->receive_left);
}

/* ---- What sockets say ---- */

static void on_connected(struct socket *socket)
{
    struct process_conn *conn = socket->owner;
    struct event event = {.kind = EVENT_CONNECTED};
    event.connected.conn = conn->id;
    process_step(conn->process, &event);
}

static void on_bytes(struct socket *socket, struct slice lent)
{
    struct process_conn *conn = socket->owner;
    if (conn->receiving.id != 0) {
        receive(conn, lent);
        return;
    }
    struct event event = {.kind = EVENT_BYTES};
    event.bytes.conn = conn->id;
    event.bytes.slice = lent;
    event.bytes.written = messages_tell(conn, socket_take_untold(socket));
    process_step(conn->process, &event);
}

static void on_end(struct socket *socket)
{
    struct process_conn *conn = socket->owner;
    if (conn->receiving.id != 0) {
        end_receiving(conn, IO_RESET);
        return;
    }
    struct event event = {.kind = EVENT_END};
    event.end.conn = conn->id;
    process_step(conn->process, &event);
}

static void on_written(struct socket *socket, size_t size)
{
    struct process_conn *conn = socket->owner;
    size = messages_tell(conn, size);
    if (size == 0)
        return;
    struct event event = {.kind = EVENT_WRITTEN};
    event.written.conn = conn->id;
    event.written.size = size;
    process_step(conn->process, &event);
}

/* The transfers on it are cancelled first; then comes the last word. Each of these steps may end the process. */
static void on_closed(struct socket *socket, enum io_status status)
{
    struct process_conn *conn = socket->owner;
    struct process *process = conn->process;
    uint64_t life = process->life_count;
    conn->socket = NULL;
    while (conn->sends != NULL) {
        struct process_send *send = conn->sends;
        conn->sends = send->next;
        struct io_op op = send->op;
        memory_free(send);
        step_done(process, op, IO_CANCELLED, 0);
        if (!process_runs(process) || process->life_count != life)
            return;
    }
    if (conn->receiving.id != 0) {
        struct io_op op = conn->receiving;
        conn->receiving.id = 0;
        step_done(process, op, IO_CANCELLED, 0);
        if (!process_runs(process) || process->life_count != life)
            return;
    }
    struct event event = {.kind = EVENT_CLOSED};
    event.closed.conn = conn->id;
    event.closed.status = status;
    remove_conn(conn);
    process_step(process, &event);
}

static const struct socket_handlers conn_socket_handlers = {
    .on_connected = on_connected,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_written = on_written,
    .on_sent = on_sent,
    .on_closed = on_closed,
};

/* ---- Effects ---- */

static void do_connect(struct process *process, const struct effect *effect)
{
    struct process_conn *conn = add_conn(process, effect->connect.conn.id);
    conn->socket = socket_connect(process->host, &conn_socket_handlers, conn, process, process->name,
                                  effect->connect.host, effect->connect.port);
}

/* A connection whose CLOSED is being told takes nothing any more. */
static struct socket *socket_of(const struct process *process, struct io_conn id)
{
    return conn_at(process, id)->socket;
}

static void do_write(struct process *process, struct effect *effect)
{
    struct socket *socket = socket_of(process, effect->write.conn);
    struct slice given = effect_take_slice(effect);
    if (socket == NULL)
        buffer_unref(given.buffer);
    else
        messages_write(conn_at(process, effect->write.conn), given, effect->write.is_awaited);
}

void process_do_network(struct process *process, struct effect *effect)
{
    struct socket *socket;
    if (effect->kind == EFFECT_LISTEN) {
        do_listen(process, effect);
    } else if (effect->kind == EFFECT_UNLISTEN) {
        do_unlisten(process, effect->unlisten.listener);
    } else if (effect->kind == EFFECT_CONNECT) {
        do_connect(process, effect);
    } else if (effect->kind == EFFECT_READ) {
        socket = socket_of(process, effect->read.conn);
        if (socket != NULL)
            socket_read(socket, SIZE_MAX);
    } else if (effect->kind == EFFECT_WRITE) {
        do_write(process, effect);
    } else if (effect->kind == EFFECT_FINISH) {
        socket = socket_of(process, effect->finish.conn);
        if (socket != NULL)
            socket_finish(socket);
    } else if (effect->kind == EFFECT_CLOSE) {
        socket = socket_of(process, effect->close.conn);
        if (socket != NULL)
            socket_close(socket, effect->close.abort);
    } else if (effect->kind == EFFECT_START_TLS) {
        process_answer(process, effect->op, IO_OK);
    } else if (effect->kind == EFFECT_BLOB_SEND) {
        do_blob_send(process, effect);
    } else {
        assert_that(effect->kind == EFFECT_BLOB_RECEIVE);
        do_blob_receive(process, effect);
    }
}

void process_drop_network(struct process *process)
{
    while (process->listeners != NULL)
        do_unlisten(process, process->listeners->id);
    for (size_t i = 0; i < process->conn_capacity; i++) {
        struct process_conn *conn = process->conns[i];
        if (conn == NULL)
            continue;
        if (conn->socket != NULL)
            socket_drop(conn->socket);
        remove_conn(conn);
    }
}
