/* What clients of the bus server say, apart from what they publish. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/bus/server/route.h"
#include "core/proto/nats.pb-c.h"
#include "core/wire/json.h"

#include <string.h>
#include <utlist.h>

/* ---- CONNECT ---- */

static void refuse(struct server_client *client)
{
    struct bus_server *server = client->server;
    server->counters.auth_failures++;
    machine_log(&server->machine, LOG_WARNING, "client %llu (%s) is not allowed in", (unsigned long long)client->id,
                client->peer);
    client_leave(client, CLOSE_DENIED);
}

void client_deny(struct server_client *client, const char *act, struct nats_text subject)
{
    struct bus_server *server = client->server;
    server->counters.permission_violations++;
    client->violations++;
    struct text complaint = {0};
    text_addf(&complaint, "Permissions Violation for %s \"", act);
    text_add(&complaint, subject.data, subject.size);
    text_add_char(&complaint, '"');
    client_send_error(client, text_string(&complaint));
    /* Told at powers of two, so that nobody can fill the log. */
    if ((client->violations & (client->violations - 1)) == 0)
        machine_log(&server->machine, LOG_WARNING, "client %llu (%s, %s): %s", (unsigned long long)client->id,
                    client->peer, client->user->name != NULL ? client->user->name : "nkey", text_string(&complaint));
    text_free(&complaint);
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
    client->takes_news = options->protocol >= 1;
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
        client_leave(client, CLOSE_MALFORMED);
        return false;
    }
    const Cupola__NatsConnect *options = (const Cupola__NatsConnect *)(const void *)message;
    struct bus_user *user = NULL;
    bool is_allowed = bus_users_admit(&server->users, options, client->nonce, &user);
    bool is_sensible = options->headers || !options->no_responders;
    if (!is_allowed) {
        refuse(client);
    } else if (!is_sensible) {
        client_leave(client, CLOSE_SENSELESS_CONNECT);
    } else {
        apply_options(client, options);
        client->user = user;
        client_activate(client);
    }
    protobuf_c_message_free_unpacked(message, NULL);
    return is_allowed && is_sensible;
}

/* ---- SUB and UNSUB ---- */

static uint64_t hash_sid(const struct server_client *client, struct nats_text sid)
{
    return hash_text(random_mix(client->server->sid_seed, client->id), sid.data, sid.size);
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
    struct server_subscription *subscription =
        memory_new(offsetof(struct server_subscription, sid) + frame->sid.size + 1);
    subscription->client = client;
    subscription->sid_size = (uint8_t)(frame->sid.size + 1);
    memcpy(subscription->sid, frame->sid.data, frame->sid.size);
    subscription->sid[frame->sid.size] = ' ';
    subscription->by_sid.hash = hash_sid(client, frame->sid);
    hash_table_add(&server->by_sid, &subscription->by_sid);
    subject_index_add(&server->index, &subscription->subscriber, frame->subject, frame->queue);
    interest_announce(server, subscription);
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
    interest_withdraw(server, subscription);
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
        client_leave(client, CLOSE_MALFORMED);
        return false;
    }
    if (!nats_subject_is_valid(frame->subject)) {
        server->counters.invalid_subjects++;
        client_send_error(client, "Invalid Subject");
        return true;
    }
    if (find_subscription(client, frame->sid) != NULL)
        return true; /* The first one stays, as with other servers. */
    if (!bus_user_may_subscribe(client->user, frame->subject)) {
        client_deny(client, "Subscription to", frame->subject);
        return true;
    }
    if (server->subscription_count >= server->limits.max_subscriptions ||
        client->subscription_count >= server->limits.max_client_subscriptions) {
        server->counters.refused_subscriptions++;
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
        subscription->until.max = frame->max_messages;
    else
        client_drop_subscription(subscription);
}

/* ---- All verbs ---- */

static bool may_speak(struct server_client *client, enum nats_verb verb)
{
    return client->phase == CLIENT_ACTIVE || !bus_users_are_needed(&client->server->users) || verb == NATS_CONNECT ||
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
