/* Subscriptions and publications of a bus client, whether there is a connection or not. */
#include "core/bus/client/state.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"

#include <string.h>

/* ---- Life ---- */

static uint64_t ms_or(uint32_t configured_ms, uint32_t default_ms)
{
    return (configured_ms > 0 ? configured_ms : default_ms) * NS_PER_MS;
}

void bus_client_open(struct machine *machine, struct bus_client *client, const Cupola__BusConfig *config,
                     const char *name, const struct bus_client_handlers *handlers)
{
    static const Cupola__BusConfig defaults = CUPOLA__BUS_CONFIG__INIT;
    if (config == NULL)
        config = &defaults;
    assert_that(client->state == NULL);
    struct bus_client_state *state = memory_new(sizeof *state);
    client->machine = machine;
    client->handlers = handlers;
    client->state = state;
    state->client = client;
    state->name = memory_copy_text(name);
    state->user = memory_copy_text(config->user);
    state->password = memory_copy_text(config->password);
    state->tls = config->tls != NULL && config->tls[0] != 0 ? memory_copy_text(config->tls) : NULL;
    state->ping_ns = ms_or(config->ping_ms, 5000);
    state->reconnect_first_ns = ms_or(config->reconnect_first_ms, 50);
    state->reconnect_most_ns = ms_or(config->reconnect_most_ms, 2000);
    bus_pending_open(state, config->pending_bytes);
    state->max_payload = SIZE_MAX;
    uint64_t seed = random_hash(machine->seed, name, strlen(name));
    state->backoff = random_named(seed, "bus_client.retry_pause");
    if (mutation_is(BUS_CLIENT_READS_AN_UNSET_BYTE))
        state->backoff.drawn = memory_unset_byte();
    state->inbox = random_named(seed, "bus_client.inbox");
    bus_servers_open(&state->servers, config, seed);
    bus_link_open(state);
}

static void forget_subscription(struct bus_client_state *state, struct bus_subscription *subscription)
{
    HASH_DELETE(hh, state->subscriptions, subscription);
    memory_free(subscription->subject);
    memory_free(subscription->queue);
    subscription->subject = NULL;
    subscription->queue = NULL;
    subscription->client = NULL;
}

static void forget_all(struct bus_client_state *state)
{
    while (state->subscriptions != NULL) {
        bus_request_abandon(state->subscriptions);
        forget_subscription(state, state->subscriptions);
    }
    bus_pending_forget(state);
}

void bus_client_close(struct bus_client *client)
{
    struct bus_client_state *state = client->state;
    if (state == NULL || state->link == LINK_SHUT)
        return;
    bus_link_close(state);
    forget_all(state);
}

void bus_client_destroy(struct bus_client *client)
{
    struct bus_client_state *state = client->state;
    if (state == NULL)
        return;
    forget_all(state);
    while (state->listenings != NULL) {
        struct bus_listening *next = state->listenings->next;
        memory_free(state->listenings);
        state->listenings = next;
    }
    bus_servers_free(&state->servers);
    nats_parser_free(&state->parser);
    text_free(&state->out);
    text_free(&state->scratch);
    memory_free(state->name);
    memory_free(state->user);
    memory_free(state->password);
    memory_free(state->tls);
    memory_free(state);
    client->state = NULL;
    client->is_connected = false;
}

/* ---- Subscriptions ---- */

void bus_send_subscription(struct bus_client_state *state, const struct bus_subscription *subscription)
{
    struct text *out = &state->out;
    text_add_string(out, "SUB ");
    text_add_string(out, subscription->subject);
    text_add_char(out, ' ');
    if (subscription->queue != NULL && !(state->was_connected && mutation_is(BUS_CLIENT_FORGETS_QUEUES))) {
        text_add_string(out, subscription->queue);
        text_add_char(out, ' ');
    }
    text_add_number(out, subscription->id);
    text_add_string(out, "\r\n");
}

void bus_subscribe(struct bus_client *client, struct bus_subscription *subscription, const char *subject,
                   const char *queue, bus_on_message *on_message)
{
    struct bus_client_state *state = client->state;
    assert_that(subscription->client == NULL);
    if (state->link == LINK_SHUT)
        return;
    if (!nats_subject_is_valid(nats_text_of(subject)) ||
        (queue != NULL && !nats_subject_is_literal(nats_text_of(queue)))) {
        machine_log(client->machine, LOG_ERROR, "bus: cannot subscribe to '%s'", subject);
        return;
    }
    *subscription = (struct bus_subscription){
        .on_message = on_message,
        .client = client,
        .subject = memory_copy_text(subject),
        .queue = memory_copy_text(queue),
        .id = ++state->last_subscription,
    };
    HASH_ADD(hh, state->subscriptions, id, sizeof subscription->id, subscription);
    if (client->is_connected) {
        bus_send_subscription(state, subscription);
        bus_link_flush(state);
    }
}

void bus_unsubscribe(struct bus_subscription *subscription)
{
    struct bus_client *client = subscription->client;
    if (client == NULL)
        return;
    if (client->is_connected) {
        text_addf(&client->state->out, "UNSUB %llu\r\n", (unsigned long long)subscription->id);
        bus_link_flush(client->state);
    }
    forget_subscription(client->state, subscription);
}

/* ---- Publications ---- */

/* Subjects and replies may be made of what peers sent us: one that is not well-formed must not reach the wire, where a
 * blank or a line end in it would be a command of its own. */
static bool is_publishable(const char *subject, const char *reply)
{
    return nats_subject_is_literal(nats_text_of(subject)) &&
           (reply == NULL || nats_subject_is_literal(nats_text_of(reply)));
}

void bus_publish(struct bus_client *client, const char *subject, const char *reply, struct io_bytes payload)
{
    struct bus_client_state *state = client->state;
    if (state->link == LINK_SHUT)
        return;
    if (!is_publishable(subject, reply)) {
        client->malformed_messages++;
        return;
    }
    if (!client->is_connected || bus_pending_must_wait(state)) {
        bus_pending_keep(state, subject, reply, payload);
        return;
    }
    if (payload.size > state->max_payload) {
        client->dropped_messages++;
        return;
    }
    bus_add_publication(&state->out, subject, reply, payload);
    bus_pending_sent(state, subject, reply, payload);
    client->sent_messages++;
    bus_link_flush(state);
}

/* ---- Deliveries ---- */

static bool read_id(struct nats_text sid, uint64_t *ret_id)
{
    uint64_t id = 0;
    for (size_t i = 0; i < sid.size; i++) {
        if (sid.data[i] < '0' || sid.data[i] > '9' || i > 18)
            return false;
        id = id * 10 + (uint64_t)(sid.data[i] - '0');
    }
    *ret_id = id;
    return true;
}

void bus_deliver(struct bus_client_state *state, const struct nats_frame *frame)
{
    uint64_t id = 0;
    struct bus_subscription *subscription = NULL;
    if (read_id(frame->sid, &id))
        HASH_FIND(hh, state->subscriptions, &id, sizeof id, subscription);
    if (subscription == NULL)
        return; /* Sent before the server had our UNSUB. */
    state->client->received_messages++;
    struct text *scratch = &state->scratch;
    text_clear(scratch);
    text_add(scratch, frame->subject.data, frame->subject.size);
    text_add_char(scratch, 0);
    text_add(scratch, frame->reply.data, frame->reply.size);
    const char *texts = text_string(scratch);
    struct bus_message message = {
        .subject = texts,
        .reply = frame->reply.size > 0 ? texts + frame->subject.size + 1 : NULL,
        .payload = {frame->body + frame->header_size, frame->body_size - frame->header_size},
    };
    subscription->on_message(subscription, &message);
}
