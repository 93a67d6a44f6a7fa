#include "core/dea/healing/lease.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

#include <string.h>

enum {
    MOST_CLIENTS = 64,
    LINE_MOST = 96,         /* "PING", a number of 20 digits, one of 10, blanks, a few words. */
    MOST_GRANT_MS = 600000, /* A mistyped grant shall not last for ever. */
    MOST_UNSENT = 4096,     /* Who does not read its answers gets no more. */
};

struct lease_client {
    struct lease *lease;
    struct lease_client *next;
    struct conn conn;
    char line[LINE_MOST]; /* What has come of the next one. */
    size_t size;
    uint64_t heard_ns;
    uint64_t ponged_number; /* Our last answer here, */
    uint64_t ponged_ns;     /* and when; 0: none yet. */
};

/* ---- Lines ---- */

/* Decimal digits up to `most`; returns what follows them, or NULL. */
static const char *read_number(const char *at, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *first = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (most - digit) / 10)
            return NULL;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return at == first ? NULL : at;
}

/* Words of small letters that follow: those that we do not know are of a later time. */
static bool read_words(const char *at, bool *ret_is_unable)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    static const char unable[] = "unable";
    *ret_is_unable = false;
    while (*at == ' ') {
        size_t size = strspn(++at, letters);
        if (size == 0)
            return false;
        if (size == sizeof unable - 1 && memcmp(at, unable, size) == 0)
            *ret_is_unable = true;
        at += size;
    }
    return *at == 0;
}

/* Whether the line is a PING. `line` ends with a NUL, without its CR LF. */
static bool read_ping(const char *line, uint64_t *ret_number, uint64_t *ret_grant_ms, bool *ret_is_unable)
{
    static const char verb[] = "PING ";
    if (strncmp(line, verb, sizeof verb - 1) != 0)
        return false;
    const char *at = read_number(line + sizeof verb - 1, UINT64_MAX / 2, ret_number);
    if (at == NULL || *at != ' ')
        return false;
    at = read_number(at + 1, MOST_GRANT_MS, ret_grant_ms);
    return at != NULL && read_words(at, ret_is_unable);
}

static void take_grant(struct lease_client *client, uint64_t number, uint64_t grant_ms)
{
    struct lease *lease = client->lease;
    if (grant_ms == 0 || client->ponged_ns == 0 || number != client->ponged_number + 1)
        return;
    uint64_t until_ns = client->ponged_ns + grant_ms * NS_PER_MS;
    if (until_ns <= lease->granted_until_ns)
        return;
    lease->granted_until_ns = until_ns;
    dea_singleton_on_grant(lease->dea);
}

/* For a planted bug. */
static bool is_starting(const struct dea *dea)
{
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->state == INSTANCE_FETCHING || instance->state == INSTANCE_LAUNCHING)
            return true;
    }
    return false;
}

static bool take_line(struct lease_client *client, const char *line)
{
    struct lease *lease = client->lease;
    struct dea *dea = lease->dea;
    uint64_t number, grant_ms;
    bool is_unable;
    if (!read_ping(line, &number, &grant_ms, &is_unable) || client->conn.unsent_bytes > MOST_UNSENT)
        return false;
    if (mutation_is(DEA_WAITS_FOR_STARTS) && is_starting(dea))
        return true;
    take_grant(client, number, grant_ms);
    client->heard_ns = client->ponged_ns = dea->machine.now_ns;
    if (!is_unable)
        lease->healer_ns = dea->machine.now_ns;
    client->ponged_number = number;
    dea_standing_on_ping(dea);
    struct text pong = {0};
    text_add_string(&pong, "PONG ");
    text_add_number(&pong, number);
    text_add_char(&pong, ' ');
    text_add_string(&pong, dea->life);
    text_add_char(&pong, ' ');
    text_add_number(&pong, dea->told);
    text_add_string(&pong, "\r\n");
    conn_write_text(&client->conn, &pong);
    text_free(&pong);
    return true;
}

/* ---- Connections ---- */

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct lease_client *client = container_of(conn, struct lease_client, conn);
    const char *data = (const char *)slice_data(bytes);
    for (size_t i = 0; i < bytes.size; i++) {
        if (client->size == sizeof client->line) {
            conn_abort(conn);
            return;
        }
        client->line[client->size++] = data[i];
        if (data[i] != '\n')
            continue;
        bool is_ended = client->size >= 2 && client->line[client->size - 2] == '\r';
        client->line[is_ended ? client->size - 2 : 0] = 0;
        client->size = 0;
        if (!is_ended || !take_line(client, client->line)) {
            conn_abort(conn);
            return;
        }
    }
    conn_read(conn);
}

static void on_end(struct conn *conn)
{
    conn_close(conn);
}

static void free_client(struct lease_client *client)
{
    struct lease *lease = client->lease;
    struct lease_client **place = &lease->clients;
    while (*place != client)
        place = &(*place)->next;
    *place = client->next;
    assert_that(lease->client_count > 0);
    lease->client_count--;
    memory_free(client);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    free_client(container_of(conn, struct lease_client, conn));
}

/* Strangers who say nothing cannot keep a health manager out. */
static void make_room(struct lease *lease)
{
    struct lease_client *silent = NULL;
    uint32_t open = 0;
    for (struct lease_client *at = lease->clients; at != NULL; at = at->next) {
        if (at->conn.state != CONN_OPEN)
            continue;
        open++;
        if (silent == NULL || at->heard_ns < silent->heard_ns)
            silent = at;
    }
    if (open >= MOST_CLIENTS)
        conn_abort(&silent->conn);
}

static void on_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    (void)peer;
    static const struct conn_handlers handlers = {.on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};
    struct lease *lease = container_of(listener, struct lease, listener);
    if (lease->client_count >= 2 * MOST_CLIENTS) { /* As many as that are still closing. */
        conn_refuse(&lease->dea->machine, id, "");
        return;
    }
    make_room(lease);
    struct lease_client *client = memory_new(sizeof *client);
    client->lease = lease;
    client->heard_ns = lease->dea->machine.now_ns;
    client->next = lease->clients;
    lease->clients = client;
    lease->client_count++;
    conn_accept(&lease->dea->machine, &client->conn, &handlers, id);
    conn_read(&client->conn);
}

/* ---- The listener ---- */

static void listen_on(struct lease *lease, uint16_t port)
{
    const Cupola__DeaConfig *config = lease->dea->config;
    const char *host = config->lease_listen != NULL ? config->lease_listen->host
                       : config->listen != NULL     ? config->listen->host
                                                    : lease->dea->host;
    listener_open(&lease->dea->machine, &lease->listener, host, port);
}

static void on_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct lease *lease = container_of(listener, struct lease, listener);
    struct dea *dea = lease->dea;
    if (dea->phase == DEA_LEAVING)
        return;
    bool is_given = dea->config->lease_listen != NULL && dea->config->lease_listen->port != 0;
    if (status != IO_OK && !is_given && dea->saved.lease_port != 0) { /* Somebody else has it by now. */
        dea->saved.lease_port = 0;
        listen_on(lease, 0);
        return;
    }
    if (status != IO_OK) {
        machine_log(&dea->machine, LOG_ERROR, "no lease port (%s): health managers judge us by our heartbeats",
                    io_status_name(status));
    } else {
        lease->is_open = true;
        lease->port = port;
        text_addf(&lease->address, "%s:%u", dea->host, port);
        if (!is_given && dea->saved.lease_port != port) {
            dea->saved.lease_port = port;
            dea_saved_write(dea);
        }
    }
    lease->healer_ns = dea->machine.now_ns;
    lease->is_tried = true;
    lease->on_open(dea);
}

void dea_lease_open(struct dea *dea, void (*on_open)(struct dea *dea))
{
    struct lease *lease = &dea->lease;
    lease->dea = dea;
    lease->on_open = on_open;
    lease->listener.on_accepted = on_accepted;
    lease->listener.on_listening = on_listening;
    bool is_given = dea->config->lease_listen != NULL && dea->config->lease_listen->port != 0;
    listen_on(lease, is_given ? (uint16_t)dea->config->lease_listen->port : dea->saved.lease_port);
}

void dea_lease_close(struct lease *lease)
{
    if (lease->is_open)
        listener_close(&lease->listener);
    lease->is_open = false;
    for (struct lease_client *client = lease->clients; client != NULL; client = client->next)
        conn_close(&client->conn);
}

void dea_lease_destroy(struct lease *lease)
{
    while (lease->clients != NULL)
        free_client(lease->clients);
    op_forget(&lease->listener.op);
    text_free(&lease->address);
}
