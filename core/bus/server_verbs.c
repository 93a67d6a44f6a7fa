/* What clients of the bus server say, apart from what they publish. */
#include "core/bus/server.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/proto/nats.pb-c.h"
#include "core/wire/json.h"

#include <string.h>
#include <utlist.h>

/* ---- CONNECT ---- */

/* Takes as long for a wrong text as for the right one, whatever its first difference is. */
static bool is_secret(const char *given, const char *wanted)
{
    if (wanted == NULL)
        return true;
    if (given == NULL)
        return false;
    size_t given_size = strlen(given);
    size_t wanted_size = strlen(wanted);
    unsigned difference = given_size != wanted_size;
    for (size_t i = 0; i < given_size; i++)
        difference |= (unsigned)(given[i] ^ wanted[wanted_size > 0 ? i % wanted_size : 0]);
    return difference == 0;
}

static bool needs_secrets(const struct bus_server *server)
{
    return server->user != NULL || server->password != NULL;
}

static void refuse(struct server_client *client)
{
    struct bus_server *server = client->server;
    server->counters.auth_failures++;
    machine_log(&server->machine, LOG_WARNING, "client %llu (%s) is not allowed in", (unsigned long long)client->id,
                client->peer);
    client_leave(client, "Authorization Violation");
}

/* For people who look at the list of connections: cut, since strangers choose it. */
static void keep_label(char **label, const char *text)
{
    memory_free(*label);
    size_t size = text == NULL ? 0 : strnlen(text, BUS_MAX_NAME);
    while (size > 0 && size == BUS_MAX_NAME && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--; /* Not within a UTF-8 sequence. */
    *label = text == NULL ? NULL : memory_copy_bytes(text, size);
}

static void apply_options(struct server_client *client, const Cupola__NatsConnect *options)
{
    client->verbose = !options->has_verbose || options->verbose;
    client->pedantic = !options->has_pedantic || options->pedantic;
    client->echo = !options->has_echo || options->echo;
    client->headers = options->headers;
    client->no_responders = options->no_responders;
    keep_label(&client->name, options->name);
    keep_label(&client->lang, options->lang);
}

static bool handle_connect(struct server_client *client, struct nats_text json)
{
    struct bus_server *server = client->server;
    struct json_error error;
    ProtobufCMessage *message =
        json_read(&cupola__nats_connect__descriptor, (struct io_bytes){(const uint8_t *)json.data, json.size},
                  JSON_LENIENT, &error);
    if (message == NULL) {
        server->counters.protocol_errors++;
        client_leave(client, nats_result_text(NATS_MALFORMED));
        return false;
    }
    const Cupola__NatsConnect *options = (const Cupola__NatsConnect *)(const void *)message;
    bool is_allowed = is_secret(options->user, server->user) && is_secret(options->pass, server->password);
    bool is_sensible = options->headers || !options->no_responders;
    if (!is_allowed) {
        refuse(client);
    } else if (!is_sensible) {
        client_leave(client, "no responders requires headers support");
    } else {
        apply_options(client, options);
        client_activate(client);
    }
    protobuf_c_message_free_unpacked(message, NULL);
    return is_allowed && is_sensible;
}

/* ---- SUB and UNSUB ---- */

static uint64_t hash_sid(const struct server_client *client, struct nats_text sid)
{
    return random_hash(client->id, sid.data, sid.size);
}

static struct server_subscription *find_subscription(const struct server_client *client, struct nats_text sid)
{
    const struct hash_table *table = &client->server->by_sid;
    uint64_t hash = hash_sid(client, sid);
    size_t cursor = 0;
    struct hashed *item = hash_table_first(table, hash, &cursor);
    for (; item != NULL; item = hash_table_next(table, hash, &cursor)) {
        struct server_subscription *found = container_of(item, struct server_subscription, by_sid);
        if (found->client == client && found->sid_size == sid.size + 1 && memcmp(found->sid, sid.data, sid.size) == 0)
            return found;
    }
    return NULL;
}

static void add_subscription(struct server_client *client, const struct nats_frame *frame)
{
    struct bus_server *server = client->server;
    struct server_subscription *subscription = memory_new(sizeof *subscription + frame->sid.size + 1);
    subscription->client = client;
    subscription->sid_size = (uint8_t)(frame->sid.size + 1);
    memcpy(subscription->sid, frame->sid.data, frame->sid.size);
    subscription->sid[frame->sid.size] = ' ';
    subscription->by_sid.hash = hash_sid(client, frame->sid);
    hash_table_add(&server->by_sid, &subscription->by_sid);
    subject_index_add(&server->index, &subscription->subscriber, frame->subject, frame->queue);
    DL_APPEND(client->subscriptions, subscription);
    client->subscription_count++;
    server->subscription_count++;
}

void client_drop_subscription(struct server_subscription *subscription)
{
    struct server_client *client = subscription->client;
    struct bus_server *server = client->server;
    assert_that(!subscription->is_spent);
    hash_table_remove(&server->by_sid, &subscription->by_sid);
    subject_index_remove(&server->index, &subscription->subscriber);
    DL_DELETE(client->subscriptions, subscription);
    client->subscription_count--;
    server->subscription_count--;
    memory_free(subscription);
}

/* False if the connection ends. */
static bool handle_sub(struct server_client *client, const struct nats_frame *frame)
{
    struct bus_server *server = client->server;
    if (frame->sid.size > BUS_MAX_SID) {
        server->counters.protocol_errors++;
        client_leave(client, nats_result_text(NATS_MALFORMED));
        return false;
    }
    if (!nats_subject_is_valid(frame->subject)) {
        server->counters.invalid_subjects++;
        client_send_error(client, "Invalid Subject");
        return true;
    }
    if (find_subscription(client, frame->sid) != NULL)
        return true; /* The first one stays, as with other servers. */
    if (server->subscription_count >= server->limits.max_subscriptions) {
        client_send_error(client, "maximum subscriptions exceeded");
        return true;
    }
    add_subscription(client, frame);
    return true;
}

static void handle_unsub(struct server_client *client, const struct nats_frame *frame)
{
    struct server_subscription *subscription = find_subscription(client, frame->sid);
    if (subscription == NULL)
        return; /* It may have ended by itself just now. */
    if (frame->max_messages > subscription->delivered)
        subscription->max = frame->max_messages;
    else
        client_drop_subscription(subscription);
}

/* ---- All verbs ---- */

static bool may_speak(struct server_client *client, enum nats_verb verb)
{
    return client->phase == CLIENT_ACTIVE || !needs_secrets(client->server) || verb == NATS_CONNECT ||
           verb == NATS_PING || verb == NATS_PONG;
}

void client_handle_frame(struct server_client *client, const struct nats_frame *frame)
{
    if (!may_speak(client, frame->verb)) {
        refuse(client);
        return;
    }
    bool is_done = true; /* And to be confirmed to verbose clients. */
    switch (frame->verb) {
    case NATS_PUB:
    case NATS_HPUB:
        server_publish(client, frame);
        break;
    case NATS_CONNECT:
        is_done = handle_connect(client, frame->argument);
        break;
    case NATS_SUB:
        is_done = handle_sub(client, frame);
        break;
    case NATS_UNSUB:
        handle_unsub(client, frame);
        break;
    case NATS_PING:
        client_send_string(client, "PONG\r\n");
        return;
    case NATS_PONG:
        return;
    case NATS_INFO:
    case NATS_MSG:
    case NATS_HMSG:
    case NATS_OK:
    case NATS_ERR:
    case NATS_RS_ADD:
    case NATS_RS_DROP:
    case NATS_RMSG:
    case NATS_RHMSG:
        assert_unreachable(); /* The parser knows the direction. */
    }
    if (client->verbose && is_done && client->phase != CLIENT_LEAVING)
        client_send_string(client, "+OK\r\n");
}
