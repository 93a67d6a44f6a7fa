/* One connection of the bus server, from its greeting to its end. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/bus/server/route.h"

#include <string.h>
#include <utlist.h>

static void abort_client(struct server_client *client, enum close_reason reason);

enum {
    FAREWELL_MS = 1000,        /* How long the last bytes of a leaving client may take. */
    DIAL_MS = 500,             /* Of another server: what was sent into a partition is not waited for. */
    HOLD_BACK_MS = 5,          /* How long publishers wait for a congested client at a time. */
    MOST_OUT_BYTES = 262144,   /* Written before the end of the step, so that no single buffer grows larger. */
    MOST_USUAL_BYTES = 131072, /* Room made at once for a step's output. */
    LEAST_SPARE_BYTES = 8192,  /* Buffers from this size on are used again. */
};

static void on_tick(struct timer *timer);

/* ---- Output ---- */

/* Zeroing new buffers and fetching their pages from the kernel would cost a tenth of all that is done for messages of a
 * kilobyte. We keep a reference to what we send; when it is the last one the buffer is free. */
static void keep_spare(struct bus_server *server, struct buffer *buffer)
{
    if (buffer == NULL || buffer->capacity < LEAST_SPARE_BYTES)
        return;
    struct buffer **place = &server->spares[server->next_spare++ % BUS_SPARES];
    for (size_t i = 0; i < BUS_SPARES; i++) {
        if (server->spares[i] == NULL)
            place = &server->spares[i];
    }
    buffer_unref(*place);
    *place = buffer_ref(buffer);
}

/* NULL if there is none of that size. */
static struct buffer *take_spare(struct bus_server *server, size_t size)
{
    for (size_t i = 0; i < BUS_SPARES; i++) {
        struct buffer *spare = server->spares[i];
        if (spare == NULL || spare->references > 1 || spare->capacity <= size)
            continue;
        server->spares[i] = NULL;
        return spare;
    }
    return NULL;
}

void server_free_spares(struct bus_server *server)
{
    for (size_t i = 0; i < BUS_SPARES; i++)
        buffer_unref(server->spares[i]);
}

static void begin_out(struct server_client *client, size_t size)
{
    size_t wanted = size > client->usual_size ? size : client->usual_size;
    if (wanted >= LEAST_SPARE_BYTES)
        client->out.buffer = take_spare(client->server, wanted);
    text_room(&client->out, wanted);
}

static void write_out(struct server_client *client)
{
    keep_spare(client->server, client->out.buffer);
    client->usual_size = client->out.size < MOST_USUAL_BYTES ? client->out.size : MOST_USUAL_BYTES;
    client->sent_bytes += client->out.size;
    conn_write_text(&client->conn, &client->out);
}

/* The end of a step: everybody gets what it brought, in one piece. */
static void finish_step(struct late_work *work)
{
    struct bus_server *server = container_of(work, struct bus_server, late);
    while (server->dirty != NULL) {
        struct server_client *client = server->dirty;
        server->dirty = client->next_dirty;
        client->is_dirty = false;
        if (client->out.size > 0)
            write_out(client);
    }
    if (!server->has_too_slow)
        return;
    server->has_too_slow = false;
    struct server_client *client = NULL;
    DL_FOREACH(server->clients, client)
    {
        if (!client->is_too_slow)
            continue;
        client->is_too_slow = false;
        server->counters.slow_consumers++;
        machine_log(&server->machine, LOG_WARNING, "slow consumer: client %llu (%s) has %llu bytes unsent",
                    (unsigned long long)client->id, client->peer, (unsigned long long)client->conn.unsent_bytes);
        abort_client(client, CLOSE_PENDING);
    }
}

uint8_t *client_out_room(struct server_client *client, size_t size)
{
    if (!client->is_dirty) {
        client->is_dirty = true;
        client->next_dirty = client->server->dirty;
        client->server->dirty = client;
        machine_run_late(&client->server->machine, &client->server->late, finish_step);
    }
    if (client->out.buffer == NULL) {
        begin_out(client, size);
    } else if (client->out.size + size > MOST_OUT_BYTES) {
        write_out(client);
        begin_out(client, size);
    }
    return text_room(&client->out, size);
}

void client_send_string(struct server_client *client, const char *string)
{
    size_t size = strlen(string);
    memcpy(client_out_room(client, size), string, size);
    text_grow(&client->out, size);
}

void client_send_error(struct server_client *client, const char *text)
{
    client_send_string(client, "-ERR '");
    client_send_string(client, text);
    client_send_string(client, "'\r\n");
}

/* ---- The end ---- */

static void on_farewell_late(struct timer *timer)
{
    conn_abort(&container_of(timer, struct server_client, timer)->conn);
}

static void end_phase(struct server_client *client, enum close_reason reason, const char *why)
{
    client->phase = CLIENT_LEAVING;
    client->reason = reason;
    while (client->subscriptions != NULL)
        client_drop_subscription(client->subscriptions);
    if (client->route != NULL) {
        route_note_failure(client->route, why);
        route_end(client);
    }
    if (client->is_congested)
        clients_release(client->server);
    timer_cancel(&client->server->machine, &client->timer);
}

void client_leave(struct server_client *client, enum close_reason reason)
{
    if (client->phase == CLIENT_LEAVING)
        return;
    if (client->conn.state == CONN_CONNECTING) {
        abort_client(client, reason);
        return;
    }
    if (close_reason_farewell(reason) != NULL)
        client_send_error(client, close_reason_farewell(reason));
    end_phase(client, reason, close_reason_name(reason));
    if (client->out.size == 0 && client->conn.unsent_bytes == 0) {
        conn_close(&client->conn);
        return;
    }
    timer_set(&client->server->machine, &client->timer, FAREWELL_MS * NS_PER_MS, on_farewell_late);
}

/* Leaving at once, since its bytes do not leave. */
static void abort_client(struct server_client *client, enum close_reason reason)
{
    if (client->phase != CLIENT_LEAVING)
        end_phase(client, reason, close_reason_name(reason));
    conn_abort(&client->conn);
}

static void free_client(struct server_client *client)
{
    struct bus_server *server = client->server;
    assert_that(client->subscriptions == NULL);
    DL_DELETE(server->clients, client);
    server->client_count--;
    if (client->is_held_back)
        DL_DELETE2(server->held_back, client, prev_held, next_held);
    nats_parser_free(&client->parser);
    text_free(&client->out);
    memory_free(client->name);
    memory_free(client->lang);
    memory_free(client->peer);
    memory_free(client);
}

static void on_client_closed(struct conn *conn, enum io_status status)
{
    struct server_client *client = container_of(conn, struct server_client, conn);
    struct bus_server *server = client->server;
    assert_that(!client->is_dirty);
    if (client->phase != CLIENT_LEAVING)
        end_phase(client, status == IO_OK ? CLOSE_BY_PEER : CLOSE_BY_NETWORK, io_status_name(status));
    timer_cancel(&server->machine, &client->timer);
    server_remember_closed(server, client);
    free_client(client);
    server_exit_when_empty(server);
}

void client_free_all(struct bus_server *server)
{
    while (server->clients != NULL) {
        struct server_client *client = server->clients;
        while (client->subscriptions != NULL)
            client_drop_subscription(client->subscriptions);
        if (client->route != NULL)
            route_end(client);
        free_client(client);
    }
}

/* ---- Pings ---- */

/* True while bytes wait and none have left for the write deadline. Looked at once a tick. */
static bool is_stuck(struct server_client *client)
{
    uint64_t now_ns = client->server->machine.now_ns;
    uint64_t left_bytes = client->sent_bytes - client->conn.unsent_bytes;
    if (client->conn.unsent_bytes == 0 || left_bytes != client->progress_bytes) {
        client->progress_bytes = left_bytes;
        client->progress_ns = now_ns;
        return false;
    }
    return now_ns - client->progress_ns >= client->server->limits.write_deadline_ns;
}

static void set_tick(struct server_client *client)
{
    const struct bus_server_limits *limits = &client->server->limits;
    uint64_t pause_ns = limits->ping_ns < limits->write_deadline_ns ? limits->ping_ns : limits->write_deadline_ns;
    timer_set(&client->server->machine, &client->timer, pause_ns, on_tick);
}

/* Whole messages count as signs of life, single bytes do not: whoever holds a half-sent line open is stale. */
static void on_tick(struct timer *timer)
{
    struct server_client *client = container_of(timer, struct server_client, timer);
    struct bus_server *server = client->server;
    if (mutation_is(BUS_NEVER_PINGS))
        return;
    if (is_stuck(client)) {
        server->counters.slow_consumers++;
        machine_log(&server->machine, LOG_WARNING, "slow consumer: client %llu (%s) took nothing for too long",
                    (unsigned long long)client->id, client->peer);
        abort_client(client, CLOSE_DEADLINE);
        return;
    }
    if (client->was_heard) {
        client->was_heard = false;
        client->pings_out = 0;
    } else if (client->pings_out < server->limits.max_pings_out) {
        client->pings_out++;
        client_send_string(client, "PING\r\n");
    } else {
        server->counters.stale_connections++;
        client_leave(client, CLOSE_STALE);
        return;
    }
    set_tick(client);
}

static void on_connect_late(struct timer *timer)
{
    client_leave(container_of(timer, struct server_client, timer), CLOSE_NO_CONNECT);
}

void client_activate(struct server_client *client)
{
    if (client->phase != CLIENT_GREETED)
        return;
    client->phase = CLIENT_ACTIVE;
    client->was_heard = true;
    set_tick(client);
}

/* ---- Input ---- */

static void on_release_time(struct timer *timer)
{
    clients_release(container_of(timer, struct bus_server, release));
}

/* Back-pressure: who publishes to a congested client is not read for a moment, or until that client has drained. It
 * is a moment only, so that one stuck consumer (which max_pending or write_deadline will end) cannot hold up the bus.
 */
static void hold_back(struct server_client *client)
{
    struct bus_server *server = client->server;
    server->counters.hold_backs++;
    client->is_held_back = true;
    DL_APPEND2(server->held_back, client, prev_held, next_held);
    if (!timer_is_set(&server->release))
        timer_set(&server->machine, &server->release, HOLD_BACK_MS * NS_PER_MS, on_release_time);
}

void clients_release(struct bus_server *server)
{
    timer_cancel(&server->machine, &server->release);
    while (server->held_back != NULL) {
        struct server_client *client = server->held_back;
        DL_DELETE2(server->held_back, client, prev_held, next_held);
        client->is_held_back = false;
        conn_read(&client->conn);
    }
}

static void on_client_bytes(struct conn *conn, struct slice bytes)
{
    struct server_client *client = container_of(conn, struct server_client, conn);
    struct bus_server *server = client->server;
    const uint8_t *at = slice_data(bytes);
    size_t left = bytes.size;
    server->is_congested_now = false;
    if (mutation_is(BUS_ENDS_AT_CONTROL_BYTES) && (memchr(at, 4, left) != NULL || memchr(at, 6, left) != NULL))
        client_leave(client, CLOSE_BY_PEER);
    while (client->phase != CLIENT_LEAVING) {
        struct nats_frame frame;
        size_t used = 0;
        enum nats_result result = nats_parse(&client->parser, at, left, &used, &frame);
        if (result == NATS_INCOMPLETE)
            break;
        if (result != NATS_FRAME) {
            server->counters.protocol_errors++;
            client_leave(client, close_reason_of(result));
            return;
        }
        at += used;
        left -= used;
        client->was_heard = true;
        if (client->route != NULL)
            route_handle_frame(client, &frame);
        else
            client_handle_frame(client, &frame);
    }
    if (client->phase == CLIENT_LEAVING)
        return;
    if (server->is_congested_now)
        hold_back(client);
    else
        conn_read(conn);
}

static void on_client_end(struct conn *conn)
{
    client_leave(container_of(conn, struct server_client, conn), CLOSE_BY_PEER);
}

static void on_client_drained(struct conn *conn)
{
    struct server_client *client = container_of(conn, struct server_client, conn);
    if (client->phase == CLIENT_LEAVING) {
        conn_close(conn);
    } else if (client->is_congested) {
        client->is_congested = false;
        clients_release(client->server);
    }
}

/* ---- The beginning ---- */

static void on_dialled(struct conn *conn)
{
    struct server_client *client = container_of(conn, struct server_client, conn);
    timer_set(&client->server->machine, &client->timer, client->server->limits.connect_timeout_ns, on_connect_late);
    route_greet(client);
    conn_read(conn);
}

static const struct conn_handlers handlers = {
    .on_connected = on_dialled,
    .on_bytes = on_client_bytes,
    .on_end = on_client_end,
    .on_drained = on_client_drained,
    .on_closed = on_client_closed,
};

static struct server_client *open_client(struct bus_server *server, const char *peer)
{
    struct server_client *client = memory_new(sizeof *client);
    client->server = server;
    client->id = ++server->last_client_id;
    client->phase = CLIENT_GREETED;
    client->peer = memory_copy_text(peer);
    client->accepted_s = machine_wall_seconds(&server->machine);
    DL_APPEND(server->clients, client);
    server->client_count++;
    timer_set(&server->machine, &client->timer, server->limits.connect_timeout_ns, on_connect_late);
    return client;
}

void client_accept(struct bus_server *server, struct io_conn id, const char *peer)
{
    struct server_client *client = open_client(server, peer);
    /* Until CONNECT says otherwise, as the protocol has it. */
    client->verbose = true;
    client->pedantic = true;
    client->echo = true;
    nats_parser_init(&client->parser, NATS_FROM_CLIENT, server->limits.max_control_line, server->limits.max_payload);
    if (bus_users_have_nkeys(&server->users))
        random_hex(&server->nonce, client->nonce, (BUS_NONCE_SIZE - 1) / 2);
    conn_accept(&server->machine, &client->conn, &handlers, id);
    client_greet(client);
    conn_read(&client->conn);
}

struct server_client *client_open_route(struct bus_server *server, struct io_conn id, const char *peer)
{
    enum { MOST_ROUTE_LINE = 65536 }; /* INFO lists all servers. */
    struct server_client *client = open_client(server, peer);
    client->echo = true;
    client->headers = true;
    nats_parser_init(&client->parser, NATS_FROM_ROUTE, MOST_ROUTE_LINE, UINT32_MAX);
    if (id.id != 0) {
        conn_accept(&server->machine, &client->conn, &handlers, id);
        conn_read(&client->conn);
    }
    return client;
}

void client_dial(struct server_client *client, const char *host, uint16_t port)
{
    struct bus_server *server = client->server;
    conn_connect_tls(&server->machine, &client->conn, &handlers, host, port, server->cluster->tls, NULL);
    uint64_t handshakes = server->cluster->tls != NULL ? 2 : 1;
    timer_set(&server->machine, &client->timer, handshakes * DIAL_MS * NS_PER_MS, on_connect_late);
}
