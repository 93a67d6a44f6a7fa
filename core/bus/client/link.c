/* The connection of a bus client: found, greeted, kept alive, lost and found again. */
#include "core/bus/client/state.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/proto/nats.pb-c.h"
#include "core/wire/json.h"

#include <string.h>

enum {
    MAX_LINE_BYTES = 65536,       /* Of a server: INFO lists all servers of a cluster. */
    MAX_PAYLOAD_BYTES = 67108864, /* The most that any server can be configured to. */
    MAX_PINGS_OUT = 2,
    MAX_DOUBLINGS = 20,
};

static void connect_next(struct bus_client_state *state);
static void on_retry_time(struct timer *timer);

/* ---- Losing it ---- */

/* Gives the connection up; what follows happens when it has closed. */
static void lose(struct bus_client_state *state, const char *reason)
{
    if (state->lost_reason == NULL)
        state->lost_reason = reason;
    state->client->is_connected = false;
    timer_cancel(state->client->machine, &state->timer);
    conn_abort(&state->conn);
}

/* Half of the pause is fixed and half is drawn, so that clients that lost a server together do not return together. It
 * doubles only when all servers had their turn. */
static uint64_t retry_pause_ns(struct bus_client_state *state)
{
    uint32_t rounds = state->attempts / (uint32_t)state->servers.count;
    uint64_t pause_ns = state->reconnect_first_ns << (rounds < MAX_DOUBLINGS ? rounds : MAX_DOUBLINGS);
    if (pause_ns > state->reconnect_most_ns)
        pause_ns = state->reconnect_most_ns;
    return pause_ns / 2 + random_between(&state->backoff, 0, pause_ns / 2);
}

static void on_link_closed(struct conn *conn, enum io_status status)
{
    struct bus_client_state *state = container_of(conn, struct bus_client_state, conn);
    struct bus_client *client = state->client;
    nats_parser_free(&state->parser);
    text_clear(&state->out);
    if (state->link == LINK_SHUT)
        return;
    bus_pending_on_lost(state);
    bool was_up = state->link == LINK_UP;
    const char *reason = state->lost_reason != NULL ? state->lost_reason
                         : status == IO_OK          ? "closed by the server"
                                                    : io_status_name(status);
    const struct bus_server_address *server = &state->servers.at[state->servers.current];
    if (was_up || state->attempts == 0)
        machine_log(client->machine, LOG_WARNING, "bus: no connection to %s:%u: %s", server->host,
                    (unsigned)server->port, reason);
    client->is_connected = false;
    state->link = LINK_DOWN;
    timer_set(client->machine, &state->timer, retry_pause_ns(state), on_retry_time);
    state->attempts++;
    if (mutation_is(BUS_CLIENT_GIVES_UP) && state->attempts >= 10)
        timer_cancel(client->machine, &state->timer);
    state->servers.current = (state->servers.current + 1) % state->servers.count;
    if (was_up && mutation_is(BUS_CLIENT_ENDS_WHEN_CUT))
        machine_exit(client->machine, 1, (struct io_bytes){0});
    if (was_up && client->handlers != NULL && client->handlers->on_disconnected != NULL)
        client->handlers->on_disconnected(client, reason);
}

static void on_retry_time(struct timer *timer)
{
    connect_next(container_of(timer, struct bus_client_state, timer));
}

/* ---- Handshake ---- */

static void on_handshake_late(struct timer *timer)
{
    lose(container_of(timer, struct bus_client_state, timer), "no answer in time");
}

static void on_link_connected(struct conn *conn)
{
    struct bus_client_state *state = container_of(conn, struct bus_client_state, conn);
    assert_that(state->link == LINK_CONNECTING);
    state->link = LINK_GREETING;
    conn->is_patient = true; /* What waits for room waits for bytes that had to wait themselves. */
    conn_read(conn);
}

static void add_member(struct text *json, const char *name, const char *value)
{
    text_addf(json, ",\"%s\":", name);
    json_write_string(json, value);
}

/* The PING behind it is how we learn whether we were let in: a server that minds answers -ERR instead. */
static void send_connect(struct bus_client_state *state)
{
    struct text *out = &state->out;
    text_add_string(
        out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":\"0.2.0\",\"protocol\":1");
    add_member(out, "name", state->name);
    if (state->user != NULL)
        add_member(out, "user", state->user);
    if (state->password != NULL)
        add_member(out, "pass", state->password);
    text_add_string(out, "}\r\n");
    bus_send_ping(state);
    bus_link_flush(state);
    state->link = LINK_CHECKING;
}

static void on_secured(struct op *op, const struct op_result *result)
{
    struct bus_client_state *state = container_of(op, struct bus_client_state, tls_op);
    if (result->status != IO_OK && result->status != IO_CANCELLED)
        state->lost_reason = "the TLS handshake failed"; /* The end of the connection follows. */
}

/* What is written from now on waits for the handshake. False if the two sides do not want the same. */
static bool secure(struct bus_client_state *state, bool is_required)
{
    if (is_required != (state->tls != NULL)) {
        lose(state, is_required ? "the server requires TLS" : "the server has no TLS");
        return false;
    }
    if (!is_required)
        return true;
    const struct bus_server_address *server = &state->servers.at[state->servers.current];
    conn_start_tls(&state->conn, &state->tls_op, state->tls, server->host, on_secured);
    state->is_secured = true;
    return true;
}

/* At any time: servers of a cluster tell of new members. */
static void on_info(struct bus_client_state *state, struct nats_text json)
{
    struct json_error error;
    ProtobufCMessage *message = json_read(
        &cupola__nats_info__descriptor, (struct io_bytes){(const uint8_t *)json.data, json.size}, JSON_LENIENT, &error);
    if (message == NULL) {
        machine_log(state->client->machine, LOG_WARNING, "bus: INFO: %s", error.text);
        lose(state, "malformed INFO");
        return;
    }
    const Cupola__NatsInfo *info = (const Cupola__NatsInfo *)(const void *)message;
    state->max_payload = info->has_max_payload && info->max_payload > 0 ? (size_t)info->max_payload : SIZE_MAX;
    if (info->n_connect_urls > 0)
        bus_servers_learn(&state->servers, info->connect_urls, info->n_connect_urls);
    bool is_required = info->has_tls_required && info->tls_required;
    protobuf_c_message_free_unpacked(message, NULL);
    if (state->link == LINK_GREETING && secure(state, is_required))
        send_connect(state);
    else if (state->client->is_connected && state->client->handlers->on_news != NULL)
        state->client->handlers->on_news(state->client);
}

/* ---- Up ---- */

static void on_ping_time(struct timer *timer)
{
    struct bus_client_state *state = container_of(timer, struct bus_client_state, timer);
    if (mutation_is(BUS_NEVER_PINGS))
        return;
    if (state->pings_out >= MAX_PINGS_OUT || state->ping_count == BUS_MAX_PINGS) {
        lose(state, "silent server");
        return;
    }
    state->pings_out++;
    bus_send_ping(state);
    bus_link_flush(state);
    timer_set(state->client->machine, &state->timer, state->ping_ns, on_ping_time);
}

static void come_up(struct bus_client_state *state)
{
    struct bus_client *client = state->client;
    const struct bus_server_address *server = &state->servers.at[state->servers.current];
    machine_log(client->machine, LOG_INFO, "bus: connected to %s:%u", server->host, (unsigned)server->port);
    state->link = LINK_UP;
    state->attempts = 0;
    state->pings_out = 0;
    client->is_connected = true;
    timer_set(client->machine, &state->timer, state->ping_ns, on_ping_time);
    struct bus_subscription *subscription = NULL;
    struct bus_subscription *next = NULL;
    HASH_ITER (hh, state->subscriptions, subscription, next) {
        if (!state->was_connected || !mutation_is(BUS_CLIENT_FORGETS_SUBSCRIPTIONS))
            bus_send_subscription(state, subscription);
    }
    if (state->was_connected)
        bus_pending_settle(state);
    bus_send_pending(state);
    bus_pending_tell(state);
    bus_link_flush(state);
    bool again = state->was_connected;
    state->was_connected = true;
    if (client->handlers != NULL && client->handlers->on_connected != NULL)
        client->handlers->on_connected(client, again);
}

static void on_error(struct bus_client_state *state, struct nats_text text)
{
    int size = text.size < 200 ? (int)text.size : 200;
    machine_log(state->client->machine, LOG_WARNING, "bus: the server says '%.*s'", size, text.data);
    if (state->link != LINK_UP)
        lose(state, "refused by the server");
}

static void on_frame(struct bus_client_state *state, const struct nats_frame *frame)
{
    state->pings_out = 0;
    switch (frame->verb) {
    case NATS_INFO:
        on_info(state, frame->argument);
        break;
    case NATS_MSG:
    case NATS_HMSG:
        if (state->link == LINK_UP)
            bus_deliver(state, frame);
        break;
    case NATS_PING:
        text_add_string(&state->out, "PONG\r\n");
        bus_link_flush(state);
        break;
    case NATS_PONG:
        bus_pending_on_pong(state);
        if (state->link == LINK_CHECKING)
            come_up(state);
        break;
    case NATS_ERR:
        on_error(state, frame->argument);
        break;
    case NATS_OK:
        break;
    case NATS_CONNECT:
    case NATS_PUB:
    case NATS_HPUB:
    case NATS_SUB:
    case NATS_UNSUB:
    case NATS_RS_ADD:
    case NATS_RS_DROP:
    case NATS_RMSG:
    case NATS_RHMSG:
        assert_unreachable(); /* The parser knows the direction. */
    }
}

static void on_link_bytes(struct conn *conn, struct slice bytes)
{
    struct bus_client_state *state = container_of(conn, struct bus_client_state, conn);
    const uint8_t *at = slice_data(bytes);
    size_t left = bytes.size;
    while (conn->state == CONN_OPEN) { /* A handler may have closed it. */
        struct nats_frame frame;
        size_t used = 0;
        enum nats_result result = nats_parse(&state->parser, at, left, &used, &frame);
        at += used;
        left -= used;
        if (result == NATS_INCOMPLETE)
            break;
        if (result != NATS_FRAME) {
            lose(state, nats_result_text(result));
            return;
        }
        bool was_secured = state->is_secured;
        on_frame(state, &frame);
        if (state->is_secured && !was_secured && left > 0) {
            lose(state, "plain bytes behind an INFO that requires TLS");
            return;
        }
    }
    conn_read(conn);
}

static void on_link_end(struct conn *conn)
{
    lose(container_of(conn, struct bus_client_state, conn), "closed by the server");
}

static void on_link_drained(struct conn *conn)
{
    struct bus_client_state *state = container_of(conn, struct bus_client_state, conn);
    if (state->link == LINK_UP)
        bus_send_pending(state);
}

/* ---- Opening, closing, writing ---- */

static void connect_next(struct bus_client_state *state)
{
    static const struct conn_handlers handlers = {
        .on_connected = on_link_connected,
        .on_bytes = on_link_bytes,
        .on_end = on_link_end,
        .on_drained = on_link_drained,
        .on_closed = on_link_closed,
    };
    struct machine *machine = state->client->machine;
    const struct bus_server_address *server = &state->servers.at[state->servers.current];
    state->link = LINK_CONNECTING;
    state->lost_reason = NULL;
    state->is_secured = false;
    state->pings_out = 0;
    nats_parser_init(&state->parser, NATS_FROM_SERVER, MAX_LINE_BYTES, MAX_PAYLOAD_BYTES);
    conn_connect(machine, &state->conn, &handlers, server->host, server->port);
    timer_set(machine, &state->timer, state->ping_ns, on_handshake_late);
}

void bus_link_open(struct bus_client_state *state)
{
    connect_next(state);
}

static void write_out(struct late_work *work)
{
    struct bus_client_state *state = container_of(work, struct bus_client_state, flush);
    if (state->link == LINK_UP)
        bus_pending_ask(state);
    if (state->out.size > 0)
        conn_write_text(&state->conn, &state->out);
}

void bus_link_flush(struct bus_client_state *state)
{
    if (state->client->machine->effects == NULL)
        return; /* The component is being destroyed, part by part. */
    machine_run_late(state->client->machine, &state->flush, write_out);
}

void bus_link_close(struct bus_client_state *state)
{
    write_out(&state->flush);
    timer_cancel(state->client->machine, &state->timer);
    timer_cancel(state->client->machine, &state->settle);
    state->link = LINK_SHUT;
    state->client->is_connected = false;
    conn_close(&state->conn);
}
