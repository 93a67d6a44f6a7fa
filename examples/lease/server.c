/* The server: one holder at a time, named by its connection's peer host. */
#include "examples/lease/lease.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/machine/conn.h"
#include "examples/lease/lease.pb-c.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum { MOST_LINE = 64 };

struct visitor {
    struct server *server;
    struct conn conn;
    struct text line;
    char name[32]; /* Its host: a client that connects anew is the same one. */
    struct visitor *prev, *next;
};

struct server {
    struct machine machine;
    struct listener listener;
    struct visitor *visitors;
    uint64_t lease_ns;
    char holder[32];
    uint64_t lent_until_ns; /* Also the end of the wait after a start, when the holder is not known. */
};

static void answer(struct visitor *visitor)
{
    struct server *server = visitor->server;
    uint64_t now_ns = server->machine.now_ns;
    bool is_lent = now_ns < server->lent_until_ns;
    if (is_lent && strcmp(server->holder, visitor->name) != 0) {
        conn_write_string(&visitor->conn, "NO\n");
        return;
    }
    memcpy(server->holder, visitor->name, sizeof server->holder);
    server->lent_until_ns = now_ns + server->lease_ns;
    char line[32];
    snprintf(line, sizeof line, "YES %llu\n", (unsigned long long)(server->lease_ns / NS_PER_MS));
    conn_write_string(&visitor->conn, line);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct visitor *visitor = container_of(conn, struct visitor, conn);
    text_add(&visitor->line, slice_data(bytes), bytes.size);
    const char *end;
    while ((end = memchr(text_string(&visitor->line), '\n', visitor->line.size)) != NULL) {
        size_t size = (size_t)(end - text_string(&visitor->line)) + 1;
        if (size == 6 && memcmp(text_string(&visitor->line), "LEASE", 5) == 0)
            answer(visitor);
        text_consume(&visitor->line, size);
    }
    if (visitor->line.size > MOST_LINE)
        conn_abort(conn); /* No client of ours. */
    else
        conn_read(conn);
}

static void on_end(struct conn *conn)
{
    conn_close(conn);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    struct visitor *visitor = container_of(conn, struct visitor, conn);
    DL_DELETE(visitor->server->visitors, visitor);
    text_free(&visitor->line);
    memory_free(visitor);
}

static void on_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    static const struct conn_handlers handlers = {.on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};
    struct server *server = container_of(listener, struct server, listener);
    struct visitor *visitor = memory_new(sizeof *visitor);
    visitor->server = server;
    snprintf(visitor->name, sizeof visitor->name, "%.*s", (int)strcspn(peer, ":"), peer);
    DL_APPEND(server->visitors, visitor);
    conn_accept(&server->machine, &visitor->conn, &handlers, id);
    conn_read(&visitor->conn);
}

static void on_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct server *server = container_of(listener, struct server, listener);
    if (status != IO_OK)
        machine_log(&server->machine, LOG_ERROR, "cannot listen on port %u: %s", port, io_status_name(status));
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)saved; /* Nothing is kept on disk: waiting is enough. */
    struct server *server = container_of(machine, struct server, machine);
    const Lease__ServerConfig *config = (const Lease__ServerConfig *)configuration;
    server->lease_ns = config->lease_ms * NS_PER_MS;
    server->lent_until_ns = config->is_hasty ? 0 : machine->now_ns + server->lease_ns;
    server->listener.on_accepted = on_accepted;
    server->listener.on_listening = on_listening;
    listener_open(machine, &server->listener, "0.0.0.0", (uint16_t)config->port);
}

static void stop(struct machine *machine)
{
    struct server *server = container_of(machine, struct server, machine);
    struct visitor *visitor;
    DL_FOREACH(server->visitors, visitor)
    conn_close(&visitor->conn);
    listener_close(&server->listener);
    machine_exit(machine, 0, (struct io_bytes){0});
}

static void destroy(struct machine *machine)
{
    struct server *server = container_of(machine, struct server, machine);
    while (server->visitors != NULL)
        on_closed(&server->visitors->conn, IO_CANCELLED);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    const struct server *server = container_of(machine, struct server, machine);
    text_addf(ret_json, "{\"holder\":\"%s\"}", server->holder);
}

const struct machine_class lease_server_class = {
    .name = "lease_server",
    .configuration = &lease__server_config__descriptor,
    .size = sizeof(struct server),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};
