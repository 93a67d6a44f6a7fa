/* The connections of the DEA: to the bus, the controller and its workloads; and those of its visitors. */
#include "tests/core/dea/stage_inside.h"

#include "core/base/assert.h"

#include <stdlib.h>
#include <string.h>

void stage_feed(struct stage *stage, uint32_t id)
{
    struct stage_conn *conn = &stage->conns[id];
    if (!conn->reads || conn->inbound.size == 0 || conn->closing)
        return;
    conn->reads = false;
    const struct workload *workload = stage_listener_on(stage, conn->port);
    size_t size = workload != NULL && workload->answers_slowly ? 1 : conn->inbound.size;
    struct event *event = stage_queue(stage, EVENT_BYTES);
    event->bytes.conn.id = id;
    event->bytes.slice = slice_copy(text_string(&conn->inbound), size);
    text_consume(&conn->inbound, size);
}

static bool is_reachable(struct stage *stage, uint16_t port)
{
    if (port == STAGE_PORT_BUS)
        return !stage->bus_is_down;
    if (port == STAGE_PORT_CC)
        return !stage->controller_is_down;
    if (port == STAGE_PORT_COMMAND)
        return stage->command[0] != 0;
    return port == stage->stranger_port || stage_listener_on(stage, port) != NULL;
}

static void connect_to(struct stage *stage, uint32_t id, uint16_t port)
{
    assert_that(id < STAGE_CONNS);
    struct stage_conn *conn = &stage->conns[id];
    assert_that(conn->port == 0);
    conn->port = port;
    if (port != 0 && port == stage->silent_port)
        return;
    if (stage->lacks_descriptors || !is_reachable(stage, port)) {
        stage_queue_closed(stage, id, stage->lacks_descriptors ? IO_FULL : IO_REFUSED);
        return;
    }
    conn->is_open = true;
    stage_queue(stage, EVENT_CONNECTED)->connected.conn.id = id;
    if (port == STAGE_PORT_BUS) {
        stage->subscription_count = 0;
        text_add_string(&conn->inbound, "INFO {\"server_id\":\"stage\",\"max_payload\":1048576}\r\n");
    }
}

static void hear(struct stage *stage, uint32_t id)
{
    struct stage_conn *conn = &stage->conns[id];
    if (conn->port == STAGE_PORT_BUS) {
        stage_bus_hear(stage, id);
    } else if (stage_listener_on(stage, conn->port) != NULL) {
        struct workload *workload = stage_listener_on(stage, conn->port);
        bool is_whole = strstr(text_string(&conn->outbound), "\r\n\r\n") != NULL;
        workload->gets += is_whole;
        if (is_whole && workload->http_status != 0)
            text_addf(&conn->inbound, "HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n", workload->http_status);
        stage_feed(stage, id);
    } else if (conn->port == STAGE_PORT_COMMAND && strcmp(text_string(&conn->outbound), "SECRET\n") == 0) {
        text_addf(&conn->inbound, "%s\n", stage->command);
        stage_feed(stage, id);
    } else if (strncmp(text_string(&conn->outbound), "PUT ", 4) == 0) {
        text_clear(&conn->outbound); /* Answered when its blob has come. */
    } else if (conn->port == STAGE_PORT_CC && strstr(text_string(&conn->outbound), "\r\n\r\n") != NULL) {
        stage->downloads++;
        text_clear(&conn->outbound);
        text_add_string(&conn->inbound, stage->served_digest == NULL
                                            ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
                                            : "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n");
        stage_feed(stage, id);
    }
}

static void take_upload(struct stage *stage, const struct effect *effect)
{
    uint32_t id = effect->blob_transfer.conn.id;
    assert_that(strcmp(effect->blob_transfer.digest, STAGE_DROPLET) == 0);
    stage->uploads++;
    stage_queue_done(stage, effect->op, IO_OK)->done.number = 8192;
    text_addf(&stage->conns[id].inbound, "HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n", stage->upload_status);
    stage_feed(stage, id);
}

static void cut(struct stage *stage, uint32_t id)
{
    struct stage_conn *conn = &stage->conns[id];
    conn->closing = true;
    stage_queue_closed(stage, id, IO_RESET);
}

void stage_drop_bus(struct stage *stage)
{
    stage->bus_is_down = true;
    for (uint32_t id = 0; id < STAGE_CONNS; id++)
        if (stage->conns[id].port == STAGE_PORT_BUS && stage->conns[id].is_open)
            cut(stage, id);
    stage_settle(stage);
}

static void on_write(struct stage *stage, struct effect *effect)
{
    uint32_t id = effect->write.conn.id;
    struct slice slice = effect_take_slice(effect);
    text_add(&stage->conns[id].outbound, slice_data(slice), slice.size);
    struct event *event = stage_queue(stage, EVENT_WRITTEN);
    event->written.conn.id = id;
    event->written.size = slice.size;
    buffer_unref(slice.buffer);
    hear(stage, id);
}

static void on_close(struct stage *stage, uint32_t id)
{
    if (!stage->conns[id].closing)
        stage_queue_closed(stage, id, IO_OK);
    stage->conns[id].closing = true;
}

bool stage_carry_out_conn(struct stage *stage, struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_CONNECT:
        connect_to(stage, effect->connect.conn.id, effect->connect.port);
        return true;
    case EFFECT_READ:
        stage->conns[effect->read.conn.id].reads = true;
        stage_feed(stage, effect->read.conn.id);
        return true;
    case EFFECT_WRITE:
        on_write(stage, effect);
        return true;
    case EFFECT_CLOSE:
        on_close(stage, effect->close.conn.id);
        return true;
    case EFFECT_BLOB_SEND:
        take_upload(stage, effect);
        return true;
    default:
        return false;
    }
}

/* ---- Visitors ---- */

/* An accepted connection, with the next free odd id: that of a visitor who has left is used last. */
uint32_t stage_visit(struct stage *stage, uint16_t port)
{
    do
        stage->last_visitor = stage->last_visitor + 2 < STAGE_CONNS ? (stage->last_visitor + 2) | 1 : 1;
    while (stage->conns[stage->last_visitor].is_open);
    uint32_t id = stage->last_visitor;
    uint32_t listener = 1;
    while (stage->ports[listener] != port)
        listener++;
    struct stage_conn *conn = &stage->conns[id];
    text_free(&conn->outbound);
    *conn = (struct stage_conn){.port = 1, .is_open = true};
    struct event *event = stage_queue(stage, EVENT_ACCEPTED);
    event->accepted.listener.id = listener;
    event->accepted.conn.id = id;
    event->accepted.peer = "127.0.0.1:50000";
    stage_settle(stage);
    return id;
}

const char *stage_say(struct stage *stage, uint32_t visitor, const char *text)
{
    struct stage_conn *conn = &stage->conns[visitor];
    text_clear(&conn->outbound);
    text_add_string(&conn->inbound, text);
    stage_feed(stage, visitor);
    stage_settle(stage);
    return text_string(&conn->outbound);
}

bool stage_is_visiting(const struct stage *stage, uint32_t visitor)
{
    return stage->conns[visitor].is_open;
}

uint16_t stage_lease_port(const struct stage *stage)
{
    const char *found = strstr(text_string(&stage->said), "\"lease_address\":\"127.0.0.1:");
    assert_that(found != NULL);
    return (uint16_t)strtoul(found + strlen("\"lease_address\":\"127.0.0.1:"), NULL, 10);
}

const char *stage_get(struct stage *stage, const char *path, const char *authorization)
{
    uint32_t visitor = stage_visit(stage, 24345);
    struct text request = {0};
    text_addf(&request, "GET %s HTTP/1.1\r\nHost: dea\r\nConnection: close\r\n%s\r\n", path, authorization);
    const char *answer = stage_say(stage, visitor, text_string(&request));
    text_free(&request);
    return answer;
}
