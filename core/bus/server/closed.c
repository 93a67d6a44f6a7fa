/* Why connections ended: the texts, and the connections that /connz?state=closed remembers. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/bus/server/server.h"
#include "core/wire/json.h"

struct closed_client {
    uint64_t id;
    char *peer, *name, *user;
    enum close_reason reason;
    int64_t accepted_s, closed_s;
    uint64_t in_messages, in_bytes, out_messages, out_bytes;
};

/* The words of nats-server, which clients and operators know. */
static const struct {
    const char *farewell; /* Said in -ERR; NULL: nothing. */
    const char *name;
} reasons[] = {
    [CLOSE_BY_PEER] = {NULL, "Client Closed"},
    [CLOSE_BY_NETWORK] = {NULL, "Read Error"},
    [CLOSE_SHUTDOWN] = {NULL, "Server Shutdown"},
    [CLOSE_LAME_DUCK] = {NULL, "Server Shutdown (Lame Duck)"},
    [CLOSE_STALE] = {"Stale Connection", "Stale Connection"},
    [CLOSE_PENDING] = {NULL, "Slow Consumer (Pending Bytes)"},
    [CLOSE_DEADLINE] = {NULL, "Slow Consumer (Write Deadline)"},
    [CLOSE_DENIED] = {"Authorization Violation", "Authentication Failure"},
    [CLOSE_NO_CONNECT] = {"Authentication Timeout", "Authentication Timeout"},
    [CLOSE_LINE_TOO_LONG] = {"Maximum Control Line Exceeded", "Maximum Control Line Exceeded"},
    [CLOSE_PAYLOAD_TOO_LARGE] = {"Maximum Payload Violation", "Maximum Message Payload Exceeded"},
    [CLOSE_UNKNOWN_VERB] = {"Unknown Protocol Operation", "Protocol Violation"},
    [CLOSE_MALFORMED] = {"Parser Error", "Protocol Violation"},
    [CLOSE_NO_HEADERS] = {"message headers not supported", "Message Headers Not Supported"},
    [CLOSE_SENSELESS_CONNECT] = {"no responders requires headers support", "No Responders Requires Headers"},
    [CLOSE_TOO_MANY] = {"maximum connections exceeded", "Maximum Connections Exceeded"},
    [CLOSE_DUPLICATE_ROUTE] = {"Duplicate Route", "Duplicate Route"},
};

const char *close_reason_farewell(enum close_reason reason)
{
    return reasons[reason].farewell;
}

const char *close_reason_name(enum close_reason reason)
{
    return reasons[reason].name;
}

enum close_reason close_reason_of(enum nats_result result)
{
    switch (result) {
    case NATS_LINE_TOO_LONG:
        return CLOSE_LINE_TOO_LONG;
    case NATS_PAYLOAD_TOO_LARGE:
        return CLOSE_PAYLOAD_TOO_LARGE;
    case NATS_UNKNOWN_VERB:
        return CLOSE_UNKNOWN_VERB;
    case NATS_MALFORMED:
        return CLOSE_MALFORMED;
    case NATS_FRAME:
    case NATS_INCOMPLETE:
        break;
    }
    assert_unreachable(); /* These are no errors. */
}

static void free_entry(struct closed_client *entry)
{
    memory_free(entry->peer);
    memory_free(entry->name);
    memory_free(entry->user);
}

void server_remember_closed(struct bus_server *server, const struct server_client *client)
{
    struct closed_clients *closed = &server->closed;
    if (closed->capacity == 0)
        return;
    if (closed->at == NULL)
        closed->at = memory_new(closed->capacity * sizeof *closed->at);
    struct closed_client *entry = &closed->at[closed->count++ % closed->capacity];
    free_entry(entry);
    *entry = (struct closed_client){
        .id = client->id,
        .peer = memory_copy_text(client->peer),
        .name = memory_copy_text(client->name),
        .user = memory_copy_text(client->user != NULL ? client->user->name : NULL),
        .reason = client->reason,
        .accepted_s = client->accepted_s,
        .closed_s = machine_wall_seconds(&server->machine),
        .in_messages = client->in_messages,
        .in_bytes = client->in_bytes,
        .out_messages = client->out_messages,
        .out_bytes = client->out_bytes,
    };
}

static void add_label(struct text *json, const char *name, const char *value)
{
    if (value == NULL)
        return;
    text_addf(json, ",\"%s\":", name);
    json_write_string(json, value);
}

static void add_time(struct text *json, const char *name, int64_t seconds)
{
    text_addf(json, ",\"%s\":%lld", name, (long long)seconds);
}

static void print_entry(const struct closed_client *entry, struct text *json)
{
    text_addf(json, "{\"cid\":%llu,\"ip\":", (unsigned long long)entry->id);
    json_write_string(json, entry->peer);
    add_label(json, "name", entry->name);
    add_label(json, "authorized_user", entry->user);
    add_label(json, "reason", close_reason_name(entry->reason));
    add_time(json, "start", entry->accepted_s);
    add_time(json, "stop", entry->closed_s);
    text_addf(json, ",\"in_msgs\":%llu,\"in_bytes\":%llu,\"out_msgs\":%llu,\"out_bytes\":%llu}",
              (unsigned long long)entry->in_messages, (unsigned long long)entry->in_bytes,
              (unsigned long long)entry->out_messages, (unsigned long long)entry->out_bytes);
}

/* The newest first. */
void server_print_closed(const struct bus_server *server, struct text *json)
{
    const struct closed_clients *closed = &server->closed;
    uint64_t kept = closed->count < closed->capacity ? closed->count : closed->capacity;
    text_addf(json, "{\"total\":%llu,\"limit\":%llu,\"connections\":[", (unsigned long long)closed->count,
              (unsigned long long)closed->capacity);
    for (uint64_t i = 0; i < kept; i++) {
        if (i > 0)
            text_add_char(json, ',');
        print_entry(&closed->at[(closed->count - 1 - i) % closed->capacity], json);
    }
    text_add_string(json, "]}");
}

void server_closed_free(struct bus_server *server)
{
    for (size_t i = 0; server->closed.at != NULL && i < server->closed.capacity; i++)
        free_entry(&server->closed.at[i]);
    memory_free(server->closed.at);
}
