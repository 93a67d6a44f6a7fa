/* A client: asks again and again, and knows until when the lease is its. */
#include "examples/lease/lease.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/machine/conn.h"
#include "core/machine/timer.h"
#include "examples/lease/lease.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* Of an unanswered question: then the connection is taken for dead. */
static const uint64_t patience_ns = 700 * NS_PER_MS;

struct client {
    struct machine machine;
    struct conn conn;
    struct timer timer; /* The next question, or the end of patience with this one. */
    struct text line;
    char *host;
    uint16_t port;
    uint64_t pause_ns;
    uint64_t asked_at_ns;
    uint64_t mine_until_ns;
    bool is_stopping;
};

static void connect_again(struct timer *timer);
static const struct conn_handlers handlers;

static void lose_patience(struct timer *timer)
{
    conn_abort(&container_of(timer, struct client, timer)->conn);
}

static void ask(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, timer);
    client->asked_at_ns = client->machine.now_ns;
    conn_write_string(&client->conn, "LEASE\n");
    conn_read(&client->conn);
    timer_set(&client->machine, &client->timer, patience_ns, lose_patience);
}

static void on_connected(struct conn *conn)
{
    ask(&container_of(conn, struct client, conn)->timer);
}

static void take_answer(struct client *client, const char *line)
{
    /* From our question, not from this answer; and a tenth less, for our clock may run slow beside the server's. */
    if (strncmp(line, "YES ", 4) == 0)
        client->mine_until_ns = client->asked_at_ns + strtoull(line + 4, NULL, 10) * NS_PER_MS * 9 / 10;
    timer_set(&client->machine, &client->timer, client->pause_ns, ask);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct client *client = container_of(conn, struct client, conn);
    text_add(&client->line, slice_data(bytes), bytes.size);
    if (memchr(text_string(&client->line), '\n', client->line.size) == NULL) {
        conn_read(conn);
        return;
    }
    take_answer(client, text_string(&client->line));
    text_clear(&client->line);
}

static void on_end(struct conn *conn)
{
    conn_close(conn);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    struct client *client = container_of(conn, struct client, conn);
    text_clear(&client->line);
    if (client->is_stopping)
        machine_exit(&client->machine, 0, (struct io_bytes){0});
    else
        timer_set(&client->machine, &client->timer, client->pause_ns, connect_again);
}

static const struct conn_handlers handlers = {
    .on_connected = on_connected, .on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};

static void connect_again(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, timer);
    conn_connect(&client->machine, &client->conn, &handlers, client->host, client->port);
    timer_set(&client->machine, &client->timer, patience_ns, lose_patience);
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)saved;
    struct client *client = container_of(machine, struct client, machine);
    const Lease__ClientConfig *config = (const Lease__ClientConfig *)configuration;
    client->host = memory_copy_text(config->host);
    client->port = (uint16_t)config->port;
    client->pause_ns = config->pause_ms * NS_PER_MS;
    connect_again(&client->timer);
}

static void stop(struct machine *machine)
{
    struct client *client = container_of(machine, struct client, machine);
    client->is_stopping = true;
    timer_cancel(&client->machine, &client->timer);
    if (client->conn.state == CONN_CLOSED)
        machine_exit(machine, 0, (struct io_bytes){0});
    else
        conn_close(&client->conn);
}

static void destroy(struct machine *machine)
{
    struct client *client = container_of(machine, struct client, machine);
    text_free(&client->line);
    memory_free(client->host);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    const struct client *client = container_of(machine, struct client, machine);
    text_addf(ret_json, "{\"mine_until_ns\":%llu}", (unsigned long long)client->mine_until_ns);
}

bool lease_client_believes(struct machine *machine, uint64_t local_ns)
{
    return local_ns < container_of(machine, struct client, machine)->mine_until_ns;
}

const struct machine_class lease_client_class = {
    .name = "lease_client",
    .configuration = &lease__client_config__descriptor,
    .size = sizeof(struct client),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};
