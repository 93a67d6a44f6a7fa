/* One publication to the other servers where somebody listens: once to each, whatever many listen there.
 *
 * A queue group is served here if somebody here is in it; else at one other server, drawn in proportion to the members
 * there. That server picks the member.
 */
#include "core/base/assert.h"
#include "core/bus/server/route.h"

#include <string.h>

static struct route_interest *interest_of(struct subscriber *subscriber)
{
    return container_of(subscriber, struct route_interest, subscriber);
}

static void want(struct server_cluster *cluster, struct server_route *route)
{
    if (route->is_wanted)
        return;
    route->is_wanted = true;
    route->next_wanted = cluster->wanted;
    cluster->wanted = route;
}

/* The group of the same name at another matching node, or NULL. */
static const struct subject_group *find_group(const struct server_cluster *cluster, const struct subject_match *match,
                                              size_t node_index, struct nats_text name)
{
    return subject_index_find_group(&cluster->index, match->nodes[node_index], name);
}

static uint64_t count_members(const struct subject_group *group)
{
    uint64_t count = 0;
    for (uint32_t i = 0; group != NULL && i < group->members.count; i++)
        count += interest_of(subscriber_set_at(&group->members, i))->members;
    return count;
}

/* The server of the member number `pick` of all groups of that name, from that node on. */
static struct server_route *route_at(const struct server_cluster *cluster, const struct subject_match *match,
                                     size_t node_index, struct nats_text name, uint64_t pick)
{
    for (size_t i = node_index; i < match->count; i++) {
        const struct subject_group *group = find_group(cluster, match, i, name);
        for (uint32_t k = 0; group != NULL && k < group->members.count; k++) {
            const struct route_interest *interest = interest_of(subscriber_set_at(&group->members, k));
            if (pick < interest->members)
                return interest->route;
            pick -= interest->members;
        }
    }
    assert_unreachable();
}

static void choose_for_group(struct server_cluster *cluster, const struct subject_match *match, size_t node_index,
                             const struct subject_group *group)
{
    struct nats_text name = {group->name, group->name_size};
    for (size_t i = 0; i < node_index; i++) {
        if (find_group(cluster, match, i, name) != NULL)
            return; /* Chosen there. */
    }
    uint64_t members = 0;
    for (size_t i = node_index; i < match->count; i++)
        members += count_members(find_group(cluster, match, i, name));
    struct server_route *route = route_at(cluster, match, node_index, name, random_below(&cluster->pick, members));
    want(cluster, route);
    text_add_char(&route->queues, ' ');
    text_add(&route->queues, name.data, name.size);
}

void forward_choose(struct bus_server *server, struct server_client *publisher, const struct nats_frame *frame,
                    const struct subject_match *local)
{
    struct server_cluster *cluster = server->cluster;
    struct subject_match match;
    assert_that(cluster->wanted == NULL);
    if (!subject_index_match(&cluster->index, frame->subject, &match))
        return;
    for (size_t i = 0; i < match.count; i++) {
        const struct subject_node *node = match.nodes[i];
        for (uint32_t k = 0; k < node->subscribers.count; k++)
            want(cluster, interest_of(subscriber_set_at(&node->subscribers, k))->route);
        for (const struct subject_group *group = node->groups; group != NULL; group = group->next) {
            if (!server_group_is_served(server, publisher, local, (struct nats_text){group->name, group->name_size}))
                choose_for_group(cluster, &match, i, group);
        }
    }
}

/* "RMSG $G subject [reply | + reply queues | '|' queues] sizes CRLF body CRLF" */
static void print_publication(const struct server_route *route, const struct nats_frame *frame, struct text *text)
{
    bool has_headers = frame->verb == NATS_HPUB;
    text_add_string(text, has_headers ? "HMSG $G " : "RMSG $G ");
    text_add(text, frame->subject.data, frame->subject.size);
    if (route->queues.size > 0)
        text_add_string(text, frame->reply.size > 0 ? " +" : " |");
    if (frame->reply.size > 0) {
        text_add_char(text, ' ');
        text_add(text, frame->reply.data, frame->reply.size);
    }
    text_add(text, text_string(&route->queues), route->queues.size);
    if (has_headers) {
        text_add_char(text, ' ');
        text_add_number(text, frame->header_size);
    }
    text_add_char(text, ' ');
    text_add_number(text, frame->body_size);
    text_add_string(text, "\r\n");
    text_add(text, frame->body, frame->body_size);
    text_add_string(text, "\r\n");
}

/* What leaves too slowly is treated as with clients: publishers wait, then the connection ends. */
static void look_at_pending(struct server_client *client)
{
    struct bus_server *server = client->server;
    size_t most = server->cluster->max_pending;
    if (client->conn.unsent_bytes <= most / 4)
        return;
    if (client->conn.unsent_bytes > most) {
        client->is_too_slow = true;
        server->has_too_slow = true;
    }
    client->is_congested = true;
    server->is_congested_now = true;
}

size_t forward_send(struct bus_server *server, const struct nats_frame *frame)
{
    struct server_cluster *cluster = server->cluster;
    size_t count = 0;
    while (cluster->wanted != NULL) {
        struct server_route *route = cluster->wanted;
        struct server_client *client = route->client;
        cluster->wanted = route->next_wanted;
        route->is_wanted = false;
        if (!client->is_too_slow) {
            text_clear(&cluster->scratch);
            print_publication(route, frame, &cluster->scratch);
            memcpy(client_out_room(client, cluster->scratch.size), text_string(&cluster->scratch),
                   cluster->scratch.size);
            text_grow(&client->out, cluster->scratch.size);
            client->out_messages++;
            client->out_bytes += frame->body_size;
            count++;
            look_at_pending(client);
        }
        text_clear(&route->queues);
    }
    server->counters.forwarded_messages += count;
    return count;
}
