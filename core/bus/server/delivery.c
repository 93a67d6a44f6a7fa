/* One publication, to all who listen. The hottest path of the bus: no allocation and no formatting for each message.
 *
 * A delivery is three pieces of bytes that exist already:
 *
 *     "MSG <subject> "     from the subject index
 *     "<sid> "             from the subscription
 *     "[<reply> ]<sizes> CRLF <body> CRLF"      as the publisher sent it
 */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/bus/server/route.h"

#include <string.h>

struct publication {
    struct bus_server *server;
    struct server_client *publisher;
    const struct nats_frame *frame;
    struct subject_match match;
    struct nats_text rest;  /* What follows the sid. */
    struct nats_text plain; /* The same without headers, for those who cannot take them; empty until needed. */
    struct text own;        /* Memory of the latter. */
    size_t deliveries;
};

/* ---- One delivery ---- */

/* "[reply ]size CRLF payload CRLF", from the parts: when the publisher's own bytes cannot be used. */
static void add_rest(struct text *text, const struct nats_frame *frame, bool with_headers)
{
    text_add(text, frame->reply.data, frame->reply.size);
    if (frame->reply.size > 0)
        text_add_char(text, ' ');
    bool has_headers = frame->verb == NATS_HPUB;
    size_t skip = has_headers && !with_headers ? frame->header_size : 0;
    if (has_headers && with_headers) {
        text_add_number(text, frame->header_size);
        text_add_char(text, ' ');
    }
    text_add_number(text, frame->body_size - skip);
    text_add_string(text, "\r\n");
    text_add(text, frame->body + skip, frame->body_size - skip);
    text_add_string(text, "\r\n");
}

static struct nats_text plain_rest(struct publication *publication)
{
    if (publication->plain.size == 0) {
        text_clear(&publication->own);
        add_rest(&publication->own, publication->frame, false);
        publication->plain = (struct nats_text){text_string(&publication->own), publication->own.size};
    }
    return publication->plain;
}

static void spend(struct bus_server *server, struct server_subscription *subscription)
{
    subscription->is_spent = true; /* Its max is reached, and not looked at again. */
    subscription->until.next_spent = server->spent;
    server->spent = subscription;
}

/* What leaves too slowly is first a reason to slow publishers down, then to let go of the client. What this step has
 * brought so far does not count: it had no chance to leave yet. */
static void look_at_pending(struct bus_server *server, struct server_client *client)
{
    size_t unsent_bytes = client->conn.unsent_bytes;
    if (unsent_bytes <= server->limits.congested_at)
        return;
    if (unsent_bytes > server->limits.max_pending) {
        client->is_too_slow = true;
        server->has_too_slow = true;
    }
    client->is_congested = true;
    server->is_congested_now = true;
}

static void deliver(struct publication *publication, struct server_subscription *subscription)
{
    struct bus_server *server = publication->server;
    struct server_client *client = subscription->client;
    if (client->is_too_slow || subscription->is_spent)
        return;
    bool has_headers = publication->frame->verb == NATS_HPUB && client->headers;
    struct nats_text rest = publication->rest;
    if (publication->frame->verb == NATS_HPUB && !has_headers)
        rest = plain_rest(publication);
    const char *line = publication->match.line + (has_headers ? 0 : 1);
    size_t line_size = publication->match.line_size - (has_headers ? 0 : 1);

    size_t size = line_size + subscription->sid_size + rest.size;
    uint8_t *at = client_out_room(client, size);
    memcpy(at, line, line_size);
    memcpy(at + line_size, subscription->sid, subscription->sid_size);
    memcpy(at + line_size + subscription->sid_size, rest.data, rest.size);
    text_grow(&client->out, size);

    client->out_messages++;
    client->out_bytes += publication->frame->body_size;
    publication->deliveries++;
    subscription->delivered++;
    if (subscription->delivered == subscription->until.max)
        spend(server, subscription);
    look_at_pending(server, client);
}

/* ---- To whom ---- */

static struct server_subscription *subscription_of(struct subscriber *subscriber)
{
    return container_of(subscriber, struct server_subscription, subscriber);
}

static bool is_own_echo(const struct publication *publication, const struct server_subscription *subscription)
{
    return subscription->client == publication->publisher && !publication->publisher->echo;
}

static void deliver_to_all(struct publication *publication, const struct subject_node *node)
{
    for (uint32_t i = 0; i < node->subscribers.count; i++) {
        struct server_subscription *subscription = subscription_of(subscriber_set_at(&node->subscribers, i));
        if (!is_own_echo(publication, subscription))
            deliver(publication, subscription);
    }
}

/* The group of the same name at another node, or NULL. */
static struct subject_group *find_group(const struct publication *publication, size_t node_index,
                                        const struct subject_group *like)
{
    return subject_index_find_group(&publication->server->index, publication->match.nodes[node_index],
                                    (struct nats_text){like->name, like->name_size});
}

/* The member number `pick` of all groups of that name, from the group's node on. */
static struct server_subscription *member_at(const struct publication *publication, size_t node_index,
                                             const struct subject_group *group, uint64_t pick)
{
    for (size_t i = node_index; i < publication->match.count; i++) {
        const struct subject_group *same = i == node_index ? group : find_group(publication, i, group);
        if (same == NULL)
            continue;
        if (pick < same->members.count)
            return subscription_of(subscriber_set_at(&same->members, pick));
        pick -= same->members.count;
    }
    assert_unreachable();
}

static bool can_take(const struct publication *publication, const struct server_subscription *subscription)
{
    return !subscription->is_spent && !subscription->client->is_too_slow && !is_own_echo(publication, subscription);
}

/* Another server has chosen the groups that are served here. */
static bool is_asked_for(const struct publication *publication, const struct subject_group *group)
{
    struct nats_text list = publication->frame->queue;
    struct nats_text name;
    while (nats_text_next(&list, &name)) {
        if (nats_text_equals(name, (struct nats_text){group->name, group->name_size}))
            return true;
    }
    return false;
}

/* One member of the group gets the message. Groups of one name are one group, whatever patterns they came by. */
static void deliver_to_group(struct publication *publication, size_t node_index, const struct subject_group *group)
{
    uint64_t count = group->members.count;
    if (publication->publisher->route != NULL && !is_asked_for(publication, group))
        return;
    for (size_t i = 0; i < node_index; i++) {
        if (find_group(publication, i, group) != NULL)
            return; /* Served there. */
    }
    for (size_t i = node_index + 1; i < publication->match.count; i++) {
        const struct subject_group *same = find_group(publication, i, group);
        count += same != NULL ? same->members.count : 0;
    }
    uint64_t pick = count == 1 ? 0 : random_below(&publication->server->queue_pick, count);
    for (uint64_t tried = 0; tried < count; tried++) {
        struct server_subscription *subscription = member_at(publication, node_index, group, (pick + tried) % count);
        if (can_take(publication, subscription)) {
            deliver(publication, subscription);
            return;
        }
    }
}

bool server_group_is_served(struct bus_server *server, const struct server_client *publisher,
                            const struct subject_match *match, struct nats_text group)
{
    for (size_t i = 0; i < match->count; i++) {
        const struct subject_group *found = subject_index_find_group(&server->index, match->nodes[i], group);
        for (uint32_t k = 0; found != NULL && k < found->members.count; k++) {
            const struct server_subscription *subscription = subscription_of(subscriber_set_at(&found->members, k));
            bool is_echo = subscription->client == publisher && !publisher->echo;
            if (!subscription->client->is_too_slow && !is_echo)
                return true;
        }
    }
    return false;
}

static void deliver_to_listeners(struct publication *publication)
{
    for (size_t i = 0; i < publication->match.count; i++) {
        const struct subject_node *node = publication->match.nodes[i];
        deliver_to_all(publication, node);
        for (const struct subject_group *group = node->groups; group != NULL; group = group->next)
            deliver_to_group(publication, i, group);
    }
}

/* ---- A publication ---- */

/* Subscriptions that got their last message; they could not go while their sets were looked through. */
static void drop_spent(struct bus_server *server)
{
    while (server->spent != NULL) {
        struct server_subscription *subscription = server->spent;
        server->spent = subscription->until.next_spent;
        subscription->is_spent = false;
        client_drop_subscription(subscription);
    }
}

/* Nobody listens: a requester that wants to know gets an empty message with status 503 at once. */
static void tell_no_responders(struct server_client *client, const struct nats_frame *request)
{
    static const struct nats_frame template = {
        .verb = NATS_HPUB,
        .body = (const uint8_t *)"NATS/1.0 503\r\n\r\n",
        .header_size = 16,
        .body_size = 16,
        .rest = {"16 16\r\nNATS/1.0 503\r\n\r\n\r\n", 25},
    };
    struct bus_server *server = client->server;
    struct nats_frame frame = template;
    struct publication publication = {.server = server, .publisher = client, .frame = &frame, .rest = frame.rest};
    if (!subject_index_match(&server->index, request->reply, &publication.match))
        return;
    for (size_t i = 0; i < publication.match.count; i++) {
        const struct subscriber_set *set = &publication.match.nodes[i]->subscribers;
        for (uint32_t k = 0; k < set->count; k++) {
            struct server_subscription *subscription = subscription_of(subscriber_set_at(set, k));
            if (subscription->client != client)
                continue;
            deliver(&publication, subscription);
            drop_spent(server);
            return;
        }
    }
}

static void count_publication(struct server_client *publisher, const struct nats_frame *frame, size_t deliveries)
{
    struct bus_server_counters *counters = &publisher->server->counters;
    publisher->in_messages++;
    publisher->in_bytes += frame->body_size;
    counters->in_messages++;
    counters->in_bytes += frame->body_size;
    counters->out_messages += deliveries;
    counters->out_bytes += deliveries * frame->body_size;
}

/* Payload and subject were looked at; what is left to be found out is who gets it. */
static size_t deliver_everywhere(struct publication *publication)
{
    struct bus_server *server = publication->server;
    const struct nats_frame *frame = publication->frame;
    bool is_local = publication->publisher->route == NULL;
    bool is_clustered = is_local && server->cluster != NULL && server->cluster->registered_count > 0;
    if (is_clustered)
        forward_choose(server, publication->publisher, frame, &publication->match);
    if (publication->match.count > 0) {
        if (publication->rest.size == 0) {
            text_clear(&server->scratch);
            add_rest(&server->scratch, frame, true);
            publication->rest = (struct nats_text){text_string(&server->scratch), server->scratch.size};
        }
        deliver_to_listeners(publication);
        drop_spent(server);
        text_free(&publication->own);
    }
    if (!is_local && frame->queue.size > 0 && publication->deliveries == 0)
        server->counters.undelivered_messages++;
    return publication->deliveries + (is_clustered ? forward_send(server, frame) : 0);
}

void server_publish(struct server_client *publisher, const struct nats_frame *frame)
{
    struct bus_server *server = publisher->server;
    if (frame->verb == NATS_HPUB && !publisher->headers) {
        server->counters.protocol_errors++;
        client_leave(publisher, CLOSE_NO_HEADERS);
        return;
    }
    if (!bus_user_may_publish(&server->users, publisher->user, frame->subject, frame->reply)) {
        client_deny(publisher, "Publish to", frame->subject);
        return;
    }
    struct publication publication = {.server = server, .publisher = publisher, .frame = frame, .rest = frame->rest};
    if (!subject_index_match(&server->index, frame->subject, &publication.match)) {
        server->counters.invalid_subjects++;
        if (publisher->pedantic)
            client_send_error(publisher, "Invalid Publish Subject");
        return;
    }
    size_t receivers = deliver_everywhere(&publication);
    count_publication(publisher, frame, publication.deliveries);
    if (receivers == 0 && frame->reply.size > 0 && publisher->no_responders)
        tell_no_responders(publisher, frame);
}
