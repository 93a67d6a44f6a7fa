#include "tests/core/router/rig.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/components.h"

#include <stdio.h>

struct rig_event {
    struct event event;
    struct rig_event *next;
};

static void queue(struct rig *rig, struct event event)
{
    struct rig_event *queued = memory_new(sizeof *queued);
    queued->event = event;
    *rig->end = queued;
    rig->end = &queued->next;
}

/* ---- Effects ---- */

static void open_conn(struct rig *rig, uint32_t id, uint16_t port, bool connecting)
{
    assert_in_range(id, 1, RIG_CONNS - 1);
    struct rig_conn *conn = &rig->conns[id];
    assert_false(conn->is_open);
    text_free(&conn->inbound);
    text_free(&conn->outbound);
    *conn = (struct rig_conn){.id = id, .port = port, .is_open = true, .connecting = connecting};
}

static void on_connect(struct rig *rig, const struct effect *effect)
{
    uint32_t id = effect->connect.conn.id;
    uint16_t port = effect->connect.port;
    open_conn(rig, id, port, true);
    enum rig_port mode = PORT_LISTENS;
    if (port >= RIG_FIRST_PORT && port < RIG_FIRST_PORT + RIG_PORTS) {
        mode = rig->ports[port - RIG_FIRST_PORT];
        rig->connects[port - RIG_FIRST_PORT]++;
    }
    if (port == RIG_BUS_PORT && rig->bus_is_down)
        mode = PORT_REFUSES;
    if (mode == PORT_LISTENS) {
        queue(rig, (struct event){.kind = EVENT_CONNECTED, .connected.conn.id = id});
        if (port == RIG_BUS_PORT)
            text_add_string(&rig->conns[id].inbound, "INFO {\"server_id\":\"rig\",\"max_payload\":1048576}\r\n");
    } else if (mode == PORT_REFUSES) {
        rig->conns[id].closing = true;
        queue(rig, (struct event){.kind = EVENT_CLOSED, .closed = {{id}, IO_REFUSED}});
    }
}

static void on_write(struct rig *rig, struct effect *effect)
{
    struct slice slice = effect_take_slice(effect);
    struct rig_conn *conn = &rig->conns[effect->write.conn.id];
    assert_true(conn->is_open && !conn->connecting && !conn->finished);
    text_add(&conn->outbound, slice_data(slice), slice.size);
    if (conn->port == RIG_BUS_PORT && strstr(text_string(&conn->outbound), "PING\r\n") != NULL)
        text_add_string(&conn->inbound, "PONG\r\n");
    if (conn->holds)
        conn->held_bytes += slice.size;
    else
        queue(rig, (struct event){.kind = EVENT_WRITTEN, .written = {effect->write.conn, slice.size}});
    buffer_unref(slice.buffer);
}

static void carry_out(struct rig *rig, struct effect *effect)
{
    struct rig_conn *conn;
    switch (effect->kind) {
    case EFFECT_LISTEN:
        if (!rig->is_listening)
            rig->listener = effect->listen.listener.id;
        else
            rig->monitor = effect->listen.listener.id;
        rig->is_listening = true;
        queue(rig, (struct event){.kind = EVENT_DONE, .done = {.op = effect->op, .number = 8080}});
        break;
    case EFFECT_UNLISTEN:
        rig->is_listening = rig->is_listening && effect->unlisten.listener.id != rig->listener;
        break;
    case EFFECT_CONNECT:
        on_connect(rig, effect);
        break;
    case EFFECT_READ:
        assert_true(rig->conns[effect->read.conn.id].is_open);
        rig->conns[effect->read.conn.id].reads = true;
        break;
    case EFFECT_WRITE:
        on_write(rig, effect);
        break;
    case EFFECT_FINISH:
        rig->conns[effect->finish.conn.id].finished = true;
        break;
    case EFFECT_CLOSE:
        conn = &rig->conns[effect->close.conn.id];
        assert_true(conn->is_open);
        conn->aborted = effect->close.abort;
        if (!conn->closing)
            queue(rig, (struct event){.kind = EVENT_CLOSED, .closed = {effect->close.conn, IO_OK}});
        conn->closing = true;
        break;
    case EFFECT_DEADLINE:
        rig->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_LOG:
        text_addf(&rig->log, "%s\n", effect->log.text);
        break;
    case EFFECT_EXIT:
        rig->has_exited = true;
        rig->exit_status = effect->exit.status;
        break;
    default:
        fail_msg("the router asked for effect %d", (int)effect->kind);
    }
}

/* ---- Events ---- */

static void step(struct rig *rig, struct event event)
{
    if (rig->has_exited)
        return;
    event.now_ns = rig->now_ns;
    event.wall_ns = 1795376065 * (int64_t)NS_PER_S + (int64_t)rig->now_ns;
    machine_step(rig->machine, &event, rig->effects);
    for (size_t i = 0; i < effects_count(rig->effects); i++)
        carry_out(rig, effects_at(rig->effects, i));
    effects_reset(rig->effects);
}

/* CLOSED is the last word, and nothing but it follows a CLOSE. */
static bool is_deliverable(struct rig *rig, const struct event *event)
{
    if (event->kind == EVENT_CLOSED) {
        rig->conns[event->closed.conn.id].is_open = false;
        return true;
    }
    if (event->kind == EVENT_CONNECTED) {
        rig->conns[event->connected.conn.id].connecting = false;
        return !rig->conns[event->connected.conn.id].closing;
    }
    if (event->kind == EVENT_WRITTEN)
        return rig->conns[event->written.conn.id].is_open && !rig->conns[event->written.conn.id].closing;
    return true;
}

static bool deliver_queued(struct rig *rig)
{
    struct rig_event *queued = rig->first;
    if (queued == NULL)
        return false;
    rig->first = queued->next;
    if (rig->first == NULL)
        rig->end = &rig->first;
    if (is_deliverable(rig, &queued->event))
        step(rig, queued->event);
    memory_free(queued);
    return true;
}

static bool deliver_bytes(struct rig *rig, struct rig_conn *conn)
{
    if (!conn->is_open || conn->connecting || conn->closing || !conn->reads)
        return false;
    if (conn->inbound.size > 0) {
        size_t size = conn->inbound.size;
        if (rig->segment > 0 && size > rig->segment)
            size = rig->segment;
        struct slice slice = slice_copy(text_string(&conn->inbound), size);
        text_consume(&conn->inbound, size);
        conn->reads = false;
        step(rig, (struct event){.kind = EVENT_BYTES, .bytes = {.conn = {conn->id}, .slice = slice}});
        buffer_unref(slice.buffer);
        return true;
    }
    if (conn->ends) {
        conn->ends = false;
        conn->reads = false;
        step(rig, (struct event){.kind = EVENT_END, .end.conn.id = conn->id});
        return true;
    }
    return false;
}

void rig_run(struct rig *rig)
{
    bool again = true;
    while (again && !rig->has_exited) {
        again = deliver_queued(rig);
        for (size_t i = 1; i < RIG_CONNS && !again; i++)
            again = deliver_bytes(rig, &rig->conns[i]);
    }
}

void rig_pass(struct rig *rig, uint64_t duration_ns)
{
    uint64_t until_ns = rig->now_ns + duration_ns;
    rig_run(rig);
    while (rig->deadline_ns <= until_ns && !rig->has_exited) {
        if (rig->deadline_ns > rig->now_ns)
            rig->now_ns = rig->deadline_ns;
        rig->deadline_ns = NEVER_NS;
        step(rig, (struct event){.kind = EVENT_DEADLINE});
        rig_run(rig);
    }
    rig->now_ns = until_ns;
}

void rig_stop(struct rig *rig)
{
    step(rig, (struct event){.kind = EVENT_STOP});
    rig_run(rig);
}

/* ---- Life ---- */

struct rig *rig_prepare(void)
{
    struct rig *rig = memory_new(sizeof *rig);
    rig->end = &rig->first;
    rig->now_ns = 1000 * NS_PER_S;
    rig->deadline_ns = NEVER_NS;
    rig->config = (Cupola__RouterConfig)CUPOLA__ROUTER_CONFIG__INIT;
    rig->effects = effects_new();
    rig->machine = machine_create(&router_class);
    return rig;
}

void rig_start(struct rig *rig)
{
    static Cupola__Endpoint server = CUPOLA__ENDPOINT__INIT;
    static Cupola__BusConfig bus = CUPOLA__BUS_CONFIG__INIT;
    Cupola__Endpoint *servers[] = {&server};
    server.host = "127.0.0.1";
    server.has_port = true;
    server.port = RIG_BUS_PORT;
    bus.n_servers = 1;
    bus.servers = servers;
    rig->config.bus = &bus;
    uint8_t packed[1024];
    assert_in_range(cupola__router_config__get_packed_size(&rig->config), 0, sizeof packed);
    size_t size = cupola__router_config__pack(&rig->config, packed);
    step(rig,
         (struct event){.kind = EVENT_START, .start = {.config = {packed, size}, .saved = {NULL, 0}, .seed = {1, 2}}});
    rig_run(rig);
}

struct rig *rig_new(void)
{
    struct rig *rig = rig_prepare();
    rig_start(rig);
    rig_pass(rig, 2 * NS_PER_S);
    return rig;
}

void rig_free(struct rig *rig)
{
    machine_destroy(rig->machine);
    while (rig->first != NULL) {
        struct rig_event *next = rig->first->next;
        memory_free(rig->first);
        rig->first = next;
    }
    for (size_t i = 0; i < RIG_CONNS; i++) {
        text_free(&rig->conns[i].inbound);
        text_free(&rig->conns[i].outbound);
    }
    text_free(&rig->log);
    effects_free(rig->effects);
    memory_free(rig);
}

/* ---- The bus ---- */

static struct rig_conn *bus_conn(struct rig *rig)
{
    for (size_t i = 1; i < RIG_CONNS; i++) {
        if (rig->conns[i].is_open && rig->conns[i].port == RIG_BUS_PORT)
            return &rig->conns[i];
    }
    return NULL;
}

const char *rig_bus_said(struct rig *rig)
{
    struct rig_conn *conn = bus_conn(rig);
    return conn == NULL ? "" : text_string(&conn->outbound);
}

/* "SUB subject sid" or "SUB subject queue sid". */
static unsigned subscription_of(const char *said, const char *subject)
{
    char line[128];
    snprintf(line, sizeof line, "SUB %s ", subject);
    const char *found = strstr(said, line);
    assert_non_null(found);
    const char *end = strstr(found, "\r\n");
    while (end[-1] != ' ')
        end--;
    unsigned id = 0;
    for (; *end >= '0' && *end <= '9'; end++)
        id = id * 10 + (unsigned)(*end - '0');
    return id;
}

void rig_ask(struct rig *rig, const char *subject, const char *reply, const char *payload)
{
    struct rig_conn *conn = bus_conn(rig);
    assert_non_null(conn);
    unsigned id = subscription_of(text_string(&conn->outbound), subject);
    text_addf(&conn->inbound, "MSG %s %u %s %zu\r\n%s\r\n", subject, id, reply, strlen(payload), payload);
    rig_run(rig);
}

void rig_publish(struct rig *rig, const char *subject, const char *payload)
{
    rig_ask(rig, subject, "", payload);
}

void rig_bus_says(struct rig *rig, const char *text)
{
    rig_send(rig, bus_conn(rig), text);
}

void rig_register(struct rig *rig, const char *host, int n)
{
    char payload[300];
    snprintf(payload, sizeof payload,
             "{\"dea\":\"d\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"%s\"],\"app\":%d,\"index\":0,"
             "\"private_instance_id\":\"i%d\",\"epoch\":1}",
             RIG_FIRST_PORT + n, host, n, n);
    rig_publish(rig, "router.register", payload);
}

void rig_lose_bus(struct rig *rig)
{
    rig->bus_is_down = true;
    rig_cut(rig, bus_conn(rig), IO_RESET);
}

/* ---- Connections ---- */

static struct rig_conn *accept_client(struct rig *rig, uint32_t listener)
{
    assert_true(rig->is_listening);
    uint32_t id = 1;
    while (rig->conns[id].is_open)
        id += 2;
    open_conn(rig, id, 0, false);
    step(rig, (struct event){.kind = EVENT_ACCEPTED,
                             .accepted = {.listener.id = listener, .conn.id = id, .peer = "192.0.2.1:51324"}});
    rig_run(rig);
    return &rig->conns[id];
}

struct rig_conn *rig_client(struct rig *rig)
{
    return accept_client(rig, rig->listener);
}

struct rig_conn *rig_monitor_client(struct rig *rig)
{
    return accept_client(rig, rig->monitor);
}

struct rig_conn *rig_backend(struct rig *rig, int n)
{
    struct rig_conn *found = NULL;
    for (size_t i = 1; i < RIG_CONNS; i++) {
        if (rig->conns[i].is_open && rig->conns[i].port == RIG_FIRST_PORT + n)
            found = &rig->conns[i];
    }
    return found;
}

size_t rig_open_backends(const struct rig *rig)
{
    size_t count = 0;
    for (size_t i = 1; i < RIG_CONNS; i++)
        count += rig->conns[i].is_open && rig->conns[i].port >= RIG_FIRST_PORT;
    return count;
}

void rig_send(struct rig *rig, struct rig_conn *conn, const char *text)
{
    assert_non_null(conn);
    assert_true(conn->is_open);
    text_add_string(&conn->inbound, text);
    rig_run(rig);
}

void rig_end(struct rig *rig, struct rig_conn *conn)
{
    conn->ends = conn->has_ended = true;
    rig_run(rig);
}

void rig_cut(struct rig *rig, struct rig_conn *conn, enum io_status status)
{
    assert_true(conn->is_open && !conn->closing);
    conn->closing = true;
    queue(rig, (struct event){.kind = EVENT_CLOSED, .closed = {{conn->id}, status}});
    rig_run(rig);
}

void rig_release(struct rig *rig, struct rig_conn *conn)
{
    conn->holds = false;
    if (conn->held_bytes > 0)
        queue(rig, (struct event){.kind = EVENT_WRITTEN, .written = {{conn->id}, conn->held_bytes}});
    conn->held_bytes = 0;
    rig_run(rig);
}

const char *rig_sent(struct rig_conn *conn)
{
    return text_string(&conn->outbound);
}

void rig_forget(struct rig_conn *conn)
{
    text_clear(&conn->outbound);
}

void rig_expect_start(struct rig_conn *conn, const char *start)
{
    assert_non_null(conn);
    if (strncmp(rig_sent(conn), start, strlen(start)) != 0)
        fail_msg("expected to start with \"%s\":\n%s", start, rig_sent(conn));
}

void rig_expect_contains(struct rig_conn *conn, const char *part)
{
    assert_non_null(conn);
    if (strstr(rig_sent(conn), part) == NULL)
        fail_msg("expected to contain \"%s\":\n%s", part, rig_sent(conn));
}

void rig_expect_lacks(struct rig_conn *conn, const char *part)
{
    assert_non_null(conn);
    if (strstr(rig_sent(conn), part) != NULL)
        fail_msg("expected not to contain \"%s\":\n%s", part, rig_sent(conn));
}

void rig_get(struct rig *rig, struct rig_conn *client, const char *host)
{
    char request[300];
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    rig_send(rig, client, request);
}

void rig_answer(struct rig *rig, struct rig_conn *backend, const char *body)
{
    char response[600];
    snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    rig_send(rig, backend, response);
}
