/* Who listens where: what clients here listen to is told to the other servers, and what they tell us is kept. One line
 * a pattern and queue group, however many clients there are; for a group also how many. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/bus/server/route.h"

#include <string.h>
#include <utlist.h>

/* ---- Ours ---- */

/* `members` 0: nobody any more. */
static void print_interest(const struct server_subscription *subscription, uint32_t members, struct text *text)
{
    const struct subject_group *group = subscriber_group(&subscription->subscriber);
    text_add_string(text, members > 0 ? "RS+ $G " : "RS- $G ");
    subject_index_print(&subscription->subscriber, text);
    if (group != NULL) {
        text_add_char(text, ' ');
        text_add(text, group->name, group->name_size);
        if (members > 0) {
            text_add_char(text, ' ');
            text_add_number(text, members);
        }
    }
    text_add_string(text, "\r\n");
}

static void send_interest(struct bus_server *server, const struct server_subscription *subscription, uint32_t members)
{
    struct text *line = &server->cluster->scratch;
    text_clear(line);
    print_interest(subscription, members, line);
    struct server_route *route = NULL;
    DL_FOREACH(server->cluster->routes, route)
    {
        if (route->phase == ROUTE_REGISTERED)
            client_send_string(route->client, text_string(line));
    }
}

/* Nobody is told anything while the component is destroyed, part by part. */
static bool has_listeners(const struct bus_server *server)
{
    return server->machine.effects != NULL && server->cluster != NULL && server->cluster->registered_count > 0;
}

void interest_announce(struct bus_server *server, const struct server_subscription *subscription)
{
    if (!has_listeners(server))
        return;
    uint32_t members = subscriber_set_of(&subscription->subscriber)->count;
    if (members == 1 || subscription->subscriber.is_in_group)
        send_interest(server, subscription, members);
}

void interest_withdraw(struct bus_server *server, const struct server_subscription *subscription)
{
    if (!has_listeners(server))
        return;
    uint32_t members = subscriber_set_of(&subscription->subscriber)->count - 1;
    if (members == 0 || subscription->subscriber.is_in_group)
        send_interest(server, subscription, members);
}

/* Of each set the member in the first place speaks for all. */
void interest_announce_all(struct server_route *route)
{
    struct bus_server *server = route->client->server;
    struct text *line = &server->cluster->scratch;
    const struct server_client *client = NULL;
    DL_FOREACH(server->clients, client)
    {
        const struct server_subscription *subscription = NULL;
        DL_FOREACH(client->subscriptions, subscription)
        {
            if (subscription->subscriber.place != 0)
                continue;
            text_clear(line);
            print_interest(subscription, subscriber_set_of(&subscription->subscriber)->count, line);
            client_send_string(route->client, text_string(line));
        }
    }
}

/* ---- Theirs ---- */

static uint64_t hash_interest(const struct server_route *route, const struct nats_frame *frame)
{
    uint64_t seed = random_mix(route->client->server->sid_seed, route->client->id);
    uint64_t hash = hash_text(seed, frame->subject.data, frame->subject.size);
    return hash_text(hash, frame->queue.data, frame->queue.size);
}

static bool is_of(const struct route_interest *interest, const struct server_route *route,
                  const struct nats_frame *frame)
{
    return interest->route == route && interest->subject_size == frame->subject.size &&
           interest->queue_size == frame->queue.size &&
           memcmp(interest->text, frame->subject.data, frame->subject.size) == 0 &&
           (frame->queue.size == 0 ||
            memcmp(interest->text + interest->subject_size, frame->queue.data, frame->queue.size) == 0);
}

static struct route_interest *find_interest(const struct server_route *route, const struct nats_frame *frame)
{
    const struct hash_table *table = &route->client->server->cluster->interests;
    uint64_t hash = hash_interest(route, frame);
    size_t cursor = 0;
    struct hashed *item = hash_table_first(table, hash, &cursor);
    for (; item != NULL; item = hash_table_next(table, hash, &cursor)) {
        struct route_interest *interest = container_of(item, struct route_interest, hashed);
        if (is_of(interest, route, frame))
            return interest;
    }
    return NULL;
}

void interest_add(struct server_route *route, const struct nats_frame *frame)
{
    struct bus_server *server = route->client->server;
    struct server_cluster *cluster = server->cluster;
    uint64_t members = frame->max_messages > 0 ? frame->max_messages : 1;
    struct route_interest *interest = find_interest(route, frame);
    if (interest != NULL) {
        interest->members = members;
        return;
    }
    if (!nats_subject_is_valid(frame->subject)) {
        server->counters.invalid_subjects++;
        return;
    }
    if (route->interest_count >= server->limits.max_subscriptions) {
        server->counters.refused_subscriptions++;
        return;
    }
    interest = memory_new(sizeof *interest + frame->subject.size + frame->queue.size);
    interest->route = route;
    interest->members = members;
    interest->subject_size = (uint32_t)frame->subject.size;
    interest->queue_size = (uint32_t)frame->queue.size;
    memcpy(interest->text, frame->subject.data, frame->subject.size);
    if (frame->queue.size > 0)
        memcpy(interest->text + frame->subject.size, frame->queue.data, frame->queue.size);
    interest->hashed.hash = hash_interest(route, frame);
    hash_table_add(&cluster->interests, &interest->hashed);
    subject_index_add(&cluster->index, &interest->subscriber, frame->subject, frame->queue);
    DL_APPEND(route->interests, interest);
    route->interest_count++;
}

static void forget(struct route_interest *interest)
{
    struct server_route *route = interest->route;
    struct server_cluster *cluster = route->client->server->cluster;
    hash_table_remove(&cluster->interests, &interest->hashed);
    subject_index_remove(&cluster->index, &interest->subscriber);
    DL_DELETE(route->interests, interest);
    route->interest_count--;
    memory_free(interest);
}

void interest_drop(struct server_route *route, const struct nats_frame *frame)
{
    struct route_interest *interest = find_interest(route, frame);
    if (interest != NULL)
        forget(interest);
}

void interest_forget_all(struct server_route *route)
{
    while (route->interests != NULL)
        forget(route->interests);
}
