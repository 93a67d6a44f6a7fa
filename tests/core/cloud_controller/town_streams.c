/* The streams of the town: those of its clients, between controllers, to the bus and to file viewers of DEAs. */
#include "tests/core/cloud_controller/town_inside.h"

#include "core/base/assert.h"

#include <string.h>

struct town_conn *town_find_conn(struct town_controller *controller, uint32_t id)
{
    for (size_t i = 0; i < TOWN_CONNS; i++)
        if (controller->conns[i].id == id)
            return &controller->conns[i];
    return NULL;
}

static struct town_conn *new_conn(struct town_controller *controller, uint32_t id, uint16_t port)
{
    struct town_conn *conn = town_find_conn(controller, 0);
    assert_that(conn != NULL);
    *conn = (struct town_conn){.id = id, .port = port, .is_open = true};
    return conn;
}

void town_free_conn(struct town_conn *conn)
{
    text_free(&conn->inbound);
    text_free(&conn->outbound);
    *conn = (struct town_conn){0};
}

static void pump(struct town_controller *controller, struct town_conn *conn)
{
    if (!conn->reads || !conn->is_open || (conn->inbound.size == 0 && !conn->peer_finished))
        return;
    conn->reads = false;
    if (conn->inbound.size == 0) {
        town_push(controller, EVENT_END)->event.end.conn.id = conn->id;
        return;
    }
    struct town_event *queued = town_push(controller, EVENT_BYTES);
    queued->event.bytes.conn.id = conn->id;
    queued->event.bytes.slice = slice_copy(text_string(&conn->inbound), conn->inbound.size);
    text_clear(&conn->inbound);
}

void town_push_bytes(struct town_controller *controller, struct town_conn *conn, const void *bytes, size_t size)
{
    text_add(&conn->inbound, bytes, size);
    pump(controller, conn);
}

static uint32_t free_odd_id(struct town_controller *controller)
{
    uint32_t id = 1;
    while (town_find_conn(controller, id) != NULL)
        id += 2;
    return id;
}

struct town_conn *town_accept_conn(struct town_controller *controller)
{
    struct town_conn *conn = new_conn(controller, free_odd_id(controller), 0);
    struct town_event *queued = town_push(controller, EVENT_ACCEPTED);
    queued->event.accepted.listener.id = controller->api_listener;
    queued->event.accepted.conn.id = conn->id;
    queued->event.accepted.peer = "127.0.0.1:50000";
    return conn;
}

static void connect_peer(struct town_controller *controller, struct town_conn *conn)
{
    for (size_t i = 0; i < controller->town->controller_count; i++) {
        struct town_controller *other = &controller->town->controllers[i];
        if (other == controller || other->machine == NULL || other->port != conn->port)
            continue;
        struct town_conn *peer = town_accept_conn(other);
        peer->is_peer = conn->is_peer = true;
        peer->peer = conn;
        peer->peer_controller = controller;
        conn->peer = peer;
        conn->peer_controller = other;
    }
}

void town_pass_on(struct town_conn *conn)
{
    if (conn->peer != NULL)
        town_push_bytes(conn->peer_controller, conn->peer, text_string(&conn->outbound), conn->outbound.size);
    text_clear(&conn->outbound);
}

static void on_connect(struct town_controller *controller, const struct effect *effect)
{
    struct town_conn *conn = new_conn(controller, effect->connect.conn.id, effect->connect.port);
    connect_peer(controller, conn);
    if (conn->port >= 9000 && conn->port < 10000 && !conn->is_peer) { /* A dead controller's. */
        struct town_event *refused = town_push(controller, EVENT_CLOSED);
        refused->event.closed.conn.id = conn->id;
        refused->event.closed.status = IO_REFUSED;
        town_free_conn(conn);
        return;
    }
    if (conn->port == controller->town->silent_port)
        return;
    town_push(controller, EVENT_CONNECTED)->event.connected.conn.id = conn->id;
    static const char info[] = "INFO {\"server_id\":\"x\",\"version\":\"1\",\"max_payload\":1048576}\r\n";
    if (conn->port == 4222)
        town_push_bytes(controller, conn, info, sizeof info - 1);
}

static void on_read(struct town_controller *controller, const struct effect *effect)
{
    struct town_conn *conn = town_find_conn(controller, effect->read.conn.id);
    assert_that(conn != NULL);
    conn->reads = true;
    pump(controller, conn);
}

static void on_write(struct town_controller *controller, struct effect *effect)
{
    struct town_conn *conn = town_find_conn(controller, effect->write.conn.id);
    struct slice slice = effect_take_slice(effect);
    assert_that(conn != NULL);
    text_add(&conn->outbound, slice_data(slice), slice.size);
    struct town_event *queued = town_push(controller, EVENT_WRITTEN);
    queued->event.written.conn.id = conn->id;
    queued->event.written.size = slice.size;
    buffer_unref(slice.buffer);
    if (conn->is_peer) {
        town_pass_on(conn);
    } else if (conn->port == 4222) {
        town_bus_take(controller, conn);
    } else if (conn->port != 0 && strstr(text_string(&conn->outbound), "\r\n\r\n") != NULL) {
        text_clear(&controller->town->viewer_request);
        text_add(&controller->town->viewer_request, text_string(&conn->outbound), conn->outbound.size);
        text_clear(&conn->outbound);
        const char *answer = controller->town->viewer_answer;
        town_push_bytes(controller, conn, answer, strlen(answer));
    }
}

static void on_close(struct town_controller *controller, struct town_conn *conn)
{
    if (conn == NULL || !conn->is_open)
        return;
    conn->is_open = false;
    town_push(controller, EVENT_CLOSED)->event.closed.conn.id = conn->id;
    if (conn->peer != NULL) {
        conn->peer->peer = NULL;
        conn->peer->peer_finished = true;
        pump(conn->peer_controller, conn->peer);
    }
    if (conn->port != 0 || conn->is_peer)
        town_free_conn(conn);
}

bool town_carry_out_stream(struct town_controller *controller, struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_CONNECT:
        on_connect(controller, effect);
        return true;
    case EFFECT_READ:
        on_read(controller, effect);
        return true;
    case EFFECT_WRITE:
        on_write(controller, effect);
        return true;
    case EFFECT_CLOSE:
        on_close(controller, town_find_conn(controller, effect->close.conn.id));
        return true;
    default:
        return false;
    }
}
