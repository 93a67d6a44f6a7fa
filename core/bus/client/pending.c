/* Publications of a bus client that wait: for a connection, or to be known to have arrived.
 *
 *     pending --sent--> unconfirmed --PONG--> (done), or early --settled--> pending
 *        ^                   |                              |
 *        '------- lost ------+------------------------------'
 *
 * When a bus comes back its clients do one after the other. What the first ones say then, those who should hear it
 * miss: so all of a class that is sure is said once more when everybody has had the time to return.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/bus/client/state.h"

#include <string.h>

/* ---- Lists ---- */

static void empty(struct bus_pending_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void append(struct bus_client_state *state, struct bus_pending_list *list, struct bus_pending *pending)
{
    pending->next = NULL;
    *list->end = pending;
    list->end = &pending->next;
    state->pending_size += pending->size;
}

static struct bus_pending *take_first(struct bus_client_state *state, struct bus_pending_list *list)
{
    struct bus_pending *pending = list->first;
    list->first = pending->next;
    if (list->first == NULL)
        list->end = &list->first;
    state->pending_size -= pending->size;
    return pending;
}

static void drop_first(struct bus_client_state *state, struct bus_pending_list *list)
{
    memory_free(take_first(state, list));
}

void bus_pending_open(struct bus_client_state *state, size_t limit)
{
    state->pending_limit = limit;
    empty(&state->pending);
    empty(&state->unconfirmed);
    empty(&state->early);
}

void bus_pending_forget(struct bus_client_state *state)
{
    while (state->early.first != NULL)
        drop_first(state, &state->early);
    while (state->pending.first != NULL)
        drop_first(state, &state->pending);
    while (state->unconfirmed.first != NULL)
        drop_first(state, &state->unconfirmed);
}

/* ---- Keeping ---- */

void bus_add_publication(struct text *text, const char *subject, const char *reply, struct io_bytes payload)
{
    text_add_string(text, "PUB ");
    text_add_string(text, subject);
    text_add_char(text, ' ');
    if (reply != NULL) {
        text_add_string(text, reply);
        text_add_char(text, ' ');
    }
    text_add_number(text, payload.size);
    text_add_string(text, "\r\n");
    text_add(text, payload.data, payload.size);
    text_add_string(text, "\r\n");
}

static struct bus_pending *make(const struct bus_client_state *state, const char *subject, const char *reply,
                                struct io_bytes payload)
{
    struct text text = {0};
    bus_add_publication(&text, subject, reply, payload);
    struct bus_pending *pending = memory_new(sizeof *pending + text.size);
    memcpy(pending->bytes, text.buffer->bytes, text.size);
    pending->class = message_class_of(subject);
    pending->published_ns = state->client->machine->now_ns;
    pending->size = text.size;
    pending->payload_size = payload.size;
    text_free(&text);
    return pending;
}

static bool is_expired(const struct bus_client_state *state, const struct bus_pending *pending)
{
    return state->client->machine->now_ns - pending->published_ns > pending->class->keep_ms * NS_PER_MS;
}

/* The oldest go when there is too much: those that the server has perhaps first. */
static void make_room(struct bus_client_state *state)
{
    while (state->pending_size > state->pending_limit && state->early.first != NULL)
        drop_first(state, &state->early);
    while (state->pending_size > state->pending_limit && state->unconfirmed.first != NULL)
        drop_first(state, &state->unconfirmed);
    while (state->pending_size > state->pending_limit) {
        drop_first(state, &state->pending);
        state->client->dropped_messages++;
    }
}

void bus_pending_keep(struct bus_client_state *state, const char *subject, const char *reply, struct io_bytes payload)
{
    if (mutation_is(BUS_CLIENT_LOSES_PUBLICATIONS))
        return;
    append(state, &state->pending, make(state, subject, reply, payload));
    make_room(state);
}

/* ---- Sending ---- */

/* A server that does not read is treated like none: what it leaves unread is bounded. */
static bool has_room(const struct bus_client_state *state)
{
    return state->out.size + state->conn.unsent_bytes <= state->pending_limit;
}

bool bus_pending_must_wait(const struct bus_client_state *state)
{
    return state->pending.first != NULL || !has_room(state);
}

static void await_confirmation(struct bus_client_state *state, struct bus_pending *given)
{
    given->number = ++state->sent_number;
    given->is_early = timer_is_set(&state->settle);
    append(state, &state->unconfirmed, given);
    make_room(state);
}

void bus_pending_sent(struct bus_client_state *state, const char *subject, const char *reply, struct io_bytes payload)
{
    if (message_class_of(subject)->is_sure && !mutation_is(BUS_CLIENT_LOSES_PUBLICATIONS))
        await_confirmation(state, make(state, subject, reply, payload));
}

void bus_send_pending(struct bus_client_state *state)
{
    if (state->pending.first == NULL)
        return;
    while (state->pending.first != NULL && has_room(state)) {
        struct bus_pending *pending = take_first(state, &state->pending);
        bool is_late = is_expired(state, pending);
        if (!is_late && pending->payload_size <= state->max_payload) {
            text_add(&state->out, pending->bytes, pending->size);
            state->client->sent_messages++;
            state->client->repeated_messages += pending->number > 0;
            if (pending->class->is_sure) {
                await_confirmation(state, pending);
                continue;
            }
        } else if (is_late) {
            state->client->expired_messages++;
        } else {
            state->client->dropped_messages++;
        }
        memory_free(pending);
    }
    bus_link_flush(state);
}

/* ---- Confirming ---- */

void bus_send_ping(struct bus_client_state *state)
{
    text_add_string(&state->out, "PING\r\n");
    assert_that(state->ping_count < BUS_MAX_PINGS);
    state->pings[state->ping_count++] = state->sent_number;
}

/* One question at a time: what is published meanwhile is asked for after its answer. */
void bus_pending_ask(struct bus_client_state *state)
{
    if (state->unconfirmed.first != NULL && state->ping_count == 0)
        bus_send_ping(state);
}

void bus_pending_on_pong(struct bus_client_state *state)
{
    if (state->ping_count == 0)
        return; /* Nobody asked. */
    uint64_t arrived = state->pings[0];
    state->ping_count--;
    memmove(state->pings, state->pings + 1, state->ping_count * sizeof *state->pings);
    while (state->unconfirmed.first != NULL && state->unconfirmed.first->number <= arrived) {
        struct bus_pending *pending = take_first(state, &state->unconfirmed);
        if (pending->is_early)
            append(state, timer_is_set(&state->settle) ? &state->early : &state->pending, pending);
        else
            memory_free(pending);
    }
    if (state->link != LINK_UP)
        return; /* The handshake's. */
    bus_send_pending(state);
    if (state->unconfirmed.first != NULL)
        bus_link_flush(state);
}

/* Moves all of a list before what waits. */
static void wait_again(struct bus_client_state *state, struct bus_pending_list *list)
{
    struct bus_pending_list later = state->pending;
    if (list->first == NULL)
        return;
    *list->end = later.first;
    state->pending.first = list->first;
    state->pending.end = later.first != NULL ? later.end : list->end;
    empty(list);
}

void bus_pending_on_lost(struct bus_client_state *state)
{
    state->ping_count = 0;
    timer_cancel(state->client->machine, &state->settle);
    wait_again(state, &state->unconfirmed);
    wait_again(state, &state->early);
}

static void on_settled(struct timer *timer)
{
    struct bus_client_state *state = container_of(timer, struct bus_client_state, settle);
    wait_again(state, &state->early);
    bus_send_pending(state);
}

void bus_pending_settle(struct bus_client_state *state)
{
    enum { HANDSHAKE_MS = 500 };
    timer_set(state->client->machine, &state->settle, state->reconnect_most_ns + HANDSHAKE_MS * NS_PER_MS, on_settled);
}

void bus_pending_tell(struct bus_client_state *state)
{
    const struct bus_client *client = state->client;
    uint64_t expired = client->expired_messages - state->told_expired;
    uint64_t dropped = client->dropped_messages - state->told_dropped;
    uint64_t repeated = client->repeated_messages - state->told_repeated;
    state->told_expired = client->expired_messages;
    state->told_dropped = client->dropped_messages;
    state->told_repeated = client->repeated_messages;
    if (expired + dropped + repeated == 0)
        return;
    machine_log(client->machine, dropped > 0 ? LOG_WARNING : LOG_INFO,
                "bus: of what was published without a connection, %llu messages are out of date, %llu were too much; "
                "%llu are said again",
                (unsigned long long)expired, (unsigned long long)dropped, (unsigned long long)repeated);
}
