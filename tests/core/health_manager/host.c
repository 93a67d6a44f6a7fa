#include "tests/core/health_manager/host.h"

#include "core/base/assert.h"
#include "core/proto/config.pb-c.h"

#include <stdio.h>
#include <string.h>

static void on_bytes(struct conn *conn, struct slice bytes);
static void on_end(struct conn *conn);
static void on_closed(struct conn *conn, enum io_status status);

static const struct conn_handlers handlers = {.on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};

struct fake_host *fake_host_of(struct machine *machine)
{
    return container_of(machine, struct fake_host, machine);
}

static void answer(struct host_line *line)
{
    struct fake_host *host = line->host;
    const char *end;
    while (!host->is_stalled && (end = strchr(text_string(&line->received), '\n')) != NULL) {
        unsigned long long number, grant;
        assert_that(sscanf(text_string(&line->received), "PING %llu %llu\r\n", &number, &grant) == 2);
        host->grants += grant > 0;
        const char *word = strstr(text_string(&line->received), " unable");
        host->hears_unable = word != NULL && word < end;
        text_consume(&line->received, (size_t)(end - text_string(&line->received)) + 1);
        char pong[80];
        snprintf(pong, sizeof pong, "PONG %llu %s %d\r\n", number, host->life, host->sequence);
        conn_write_string(&line->conn, pong);
    }
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct host_line *line = container_of(conn, struct host_line, conn);
    text_add(&line->received, slice_data(bytes), bytes.size);
    answer(line);
    conn_read(conn);
}

static void on_end(struct conn *conn)
{
    conn_close(conn);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    text_free(&container_of(conn, struct host_line, conn)->received);
}

static void on_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    (void)peer;
    struct fake_host *host = container_of(listener, struct fake_host, listener);
    for (size_t i = 0; i < HOST_LINES; i++) {
        struct host_line *line = &host->lines[i];
        if (line->conn.state != CONN_CLOSED)
            continue;
        line->host = host;
        conn_accept(&host->machine, &line->conn, &handlers, id);
        conn_read(&line->conn);
        return;
    }
    conn_refuse(&host->machine, id, "");
}

static void on_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    (void)listener;
    (void)port;
    assert_that(status == IO_OK);
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)saved;
    struct fake_host *host = fake_host_of(machine);
    const Cupola__Endpoint *endpoint = (const Cupola__Endpoint *)configuration;
    snprintf(host->life, sizeof host->life, "first");
    host->listener.on_accepted = on_accepted;
    host->listener.on_listening = on_listening;
    listener_open(machine, &host->listener, "127.0.0.1", (uint16_t)endpoint->port);
}

static void stop(struct machine *machine)
{
    machine_exit(machine, 0, (struct io_bytes){0});
}

static void destroy(struct machine *machine)
{
    struct fake_host *host = fake_host_of(machine);
    for (size_t i = 0; i < HOST_LINES; i++)
        text_free(&host->lines[i].received);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    (void)machine;
    text_add_string(ret_json, "{}");
}

const struct machine_class fake_host_class = {
    .name = "fake_host",
    .configuration = &cupola__endpoint__descriptor,
    .size = sizeof(struct fake_host),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};
