#include "core/dea/healing/witness.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/dea/dea.h"

#include <string.h>

enum { MOST_LOOKS = 64, DEFAULT_TIMEOUT_MS = 500, MOST_TIMEOUT_MS = 5000, HOST_SIZE = 64 };

struct look {
    struct dea *dea;
    struct look *next;
    struct conn conn;
    struct timer timer;
    const char *verdict; /* NULL: none yet. */
    char *reply;
};

static void on_connected(struct conn *conn)
{
    container_of(conn, struct look, conn)->verdict = "accepted";
    conn_close(conn);
}

static void on_too_slow(struct timer *timer)
{
    struct look *look = container_of(timer, struct look, timer);
    look->verdict = "silent";
    conn_abort(&look->conn);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    (void)conn;
    (void)bytes;
    assert_unreachable(); /* A look never reads. */
}

static void on_end(struct conn *conn)
{
    (void)conn;
    assert_unreachable();
}

static void free_look(struct look *look)
{
    struct dea *dea = look->dea;
    struct look **place = &dea->witness.looks;
    while (*place != look)
        place = &(*place)->next;
    *place = look->next;
    assert_that(dea->witness.count > 0);
    dea->witness.count--;
    timer_cancel(&dea->machine, &look->timer);
    memory_free(look->reply);
    memory_free(look);
}

/* A refusal and a reset come from a kernel that lives; unreachable is what the network says in its place. Without a
 * descriptor we did not look. */
static void on_closed(struct conn *conn, enum io_status status)
{
    struct look *look = container_of(conn, struct look, conn);
    struct dea *dea = look->dea;
    if (look->verdict == NULL && status != IO_FULL)
        look->verdict = status == IO_REFUSED || status == IO_RESET ? "refused" : "silent";
    if (dea->phase != DEA_LEAVING && look->verdict != NULL) {
        Cupola__ProbeReply reply = CUPOLA__PROBE_REPLY__INIT;
        reply.dea = dea->monitor.uuid;
        reply.verdict = (char *)(uintptr_t)look->verdict;
        bus_publish_message(&dea->bus, look->reply, NULL, &reply.base);
    }
    free_look(look);
}

/* "ip:port" in its parts. */
static bool split_address(const char *address, char ret_host[HOST_SIZE], uint16_t *ret_port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || (size_t)(colon - address) >= HOST_SIZE)
        return false;
    uint32_t port = 0;
    for (const char *at = colon + 1; *at != 0; at++) {
        if (*at < '0' || *at > '9' || port > UINT16_MAX)
            return false;
        port = port * 10 + (uint32_t)(*at - '0');
    }
    if (port == 0 || port > UINT16_MAX)
        return false;
    memcpy(ret_host, address, (size_t)(colon - address));
    ret_host[colon - address] = 0;
    *ret_port = (uint16_t)port;
    return true;
}

static uint64_t timeout_ms(const Cupola__ProbeRequest *request)
{
    if (!request->has_timeout_ms || request->timeout_ms <= 0)
        return DEFAULT_TIMEOUT_MS;
    return request->timeout_ms < MOST_TIMEOUT_MS ? (uint64_t)request->timeout_ms : MOST_TIMEOUT_MS;
}

void dea_witness_on_probe(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    static const struct conn_handlers handlers = {
        .on_connected = on_connected,
        .on_bytes = on_bytes,
        .on_end = on_end,
        .on_closed = on_closed,
    };
    struct dea *dea = dea_of_bus(client);
    const Cupola__ProbeRequest *request = (const Cupola__ProbeRequest *)parsed;
    char host[HOST_SIZE];
    uint16_t port;
    if (message->reply == NULL || request->address == NULL || dea->witness.count >= MOST_LOOKS ||
        dea->phase == DEA_LEAVING || !split_address(request->address, host, &port))
        return;
    struct look *look = memory_new(sizeof *look);
    look->dea = dea;
    look->reply = memory_copy_text(message->reply);
    look->next = dea->witness.looks;
    dea->witness.looks = look;
    dea->witness.count++;
    timer_set(&dea->machine, &look->timer, timeout_ms(request) * NS_PER_MS, on_too_slow);
    conn_connect(&dea->machine, &look->conn, &handlers, host, port);
}

void dea_witness_close(struct witness *witness)
{
    for (struct look *look = witness->looks; look != NULL; look = look->next)
        conn_abort(&look->conn);
}

void dea_witness_destroy(struct dea *dea)
{
    while (dea->witness.looks != NULL)
        free_look(dea->witness.looks);
}
