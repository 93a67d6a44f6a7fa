/* The other servers of the cluster: found, greeted, told apart, lost and found again. route.h describes it. */
#include "core/bus/server/route.h"
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <string.h>
#include <utlist.h>

enum { MAX_HOST_SIZE = 253 };

/* ---- One route ---- */

struct server_route *route_open(struct server_cluster *cluster, struct server_client *client)
{
    struct server_route *route = memory_new(sizeof *route);
    route->client = client;
    route->phase = ROUTE_GREETED;
    client->route = route;
    DL_APPEND(cluster->routes, route);
    cluster->route_count++;
    return route;
}

static void on_route_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    struct server_cluster *cluster = container_of(listener, struct server_cluster, listener);
    if (cluster->server->is_stopping || cluster->route_count >= cluster->max_routes) {
        cluster->server->counters.refused_connections++;
        conn_refuse(&cluster->server->machine, id, "-ERR 'maximum connections exceeded'\r\n");
        return;
    }
    struct server_client *client = client_open_route(cluster->server, id, peer);
    route_open(cluster, client);
    route_greet(client);
}

static void add_member(struct text *json, const char *name, const char *value)
{
    if (value == NULL || value[0] == 0)
        return;
    text_addf(json, ",\"%s\":", name);
    json_write_string(json, value);
}

static void add_cluster_addresses(const struct server_cluster *cluster, struct text *json)
{
    text_add_string(json, ",\"route_urls\":[");
    bool is_first = true;
    const struct server_route *route = NULL;
    DL_FOREACH(cluster->routes, route)
    {
        if (route->phase != ROUTE_REGISTERED || route->peer_address == NULL)
            continue;
        if (!is_first)
            text_add_char(json, ',');
        json_write_string(json, route->peer_address);
        is_first = false;
    }
    text_add_char(json, ']');
}

void route_greet(struct server_client *client)
{
    struct bus_server *server = client->server;
    struct server_cluster *cluster = server->cluster;
    struct text *info = &cluster->scratch;
    struct text url = {0};
    server_print_url(server, &url);
    text_clear(info);
    text_add_string(info, "INFO {\"version\":\"0.2.0\",\"headers\":true");
    add_member(info, "server_id", server->server_id);
    add_member(info, "server_name", server->server_id);
    add_member(info, "host", cluster->advertise != NULL ? cluster->advertise : cluster->host);
    text_addf(info, ",\"port\":%u", (unsigned)cluster->port);
    if (cluster->user != NULL || cluster->password != NULL)
        text_add_string(info, ",\"auth_required\":true");
    if (server->is_stopping)
        text_add_string(info, ",\"ldm\":true");
    if (url.size > 0 && server->port != 0) {
        text_add_string(info, ",\"connect_urls\":[");
        json_write_string(info, text_string(&url));
        text_add_char(info, ']');
    }
    add_cluster_addresses(cluster, info);
    text_add_string(info, "}\r\n");
    client_send_string(client, text_string(info));
    text_free(&url);
}

void cluster_send_news(struct bus_server *server)
{
    struct server_route *route = NULL;
    DL_FOREACH(server->cluster->routes, route)
    {
        if (route->phase == ROUTE_REGISTERED)
            route_greet(route->client);
    }
}

/* At powers of two: it is called again and again. */
void route_note_failure(const struct server_route *route, const char *why)
{
    if (route->target == NULL || route->phase != ROUTE_GREETED || route->target->is_ourselves)
        return;
    uint32_t attempts = route->target->attempts + 1;
    if ((attempts & (attempts - 1)) == 0)
        machine_log(&route->client->server->machine, LOG_INFO, "cluster: no connection to %s: %s (attempt %u)",
                    route->client->peer, why, (unsigned)attempts);
}

void route_end(struct server_client *client)
{
    struct server_route *route = client->route;
    struct bus_server *server = client->server;
    struct server_cluster *cluster = server->cluster;
    bool was_registered = route->phase == ROUTE_REGISTERED;
    interest_forget_all(route);
    DL_DELETE(cluster->routes, route);
    cluster->route_count--;
    client->route = NULL;
    if (route->target != NULL) {
        route->target->client = NULL;
        if (server->machine.effects != NULL && !server->is_stopping)
            target_dial_later(route->target);
    }
    if (was_registered) {
        cluster->registered_count--;
        if (server->machine.effects != NULL) {
            machine_log(&server->machine, LOG_WARNING, "cluster: no connection to server %s any more", route->peer_id);
            server_send_news(server);
        }
    }
    assert_that(!route->is_wanted);
    text_free(&route->queues);
    memory_free(route->peer_url);
    memory_free(route->peer_address);
    memory_free(route);
}

/* ---- Handshake ---- */

/* Ids differ, and both sides see the same two. */
static bool we_decide(const struct server_route *route)
{
    return strcmp(route->client->server->server_id, route->peer_id) < 0;
}

static struct server_route *find_other(const struct server_route *route, enum route_phase least)
{
    struct server_route *other = NULL;
    DL_FOREACH(route->client->server->cluster->routes, other)
    {
        if (other != route && other->phase >= least && strcmp(other->peer_id, route->peer_id) == 0)
            return other;
    }
    return NULL;
}

/* Who was called does not say the password: whoever connects could hear it. */
static void add_credentials(const struct server_route *route, struct text *json)
{
    const struct server_cluster *cluster = route->client->server->cluster;
    const struct route_target *target = route->target;
    if (target == NULL)
        return;
    bool is_own = target->user != NULL;
    add_member(json, "user", is_own ? target->user : cluster->user);
    add_member(json, "pass", is_own ? target->password : cluster->password);
}

static void send_connect(struct server_route *route)
{
    struct text connect = {0};
    text_add_string(&connect, "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"lang\":\"c\"");
    add_member(&connect, "name", route->client->server->server_id);
    add_credentials(route, &connect);
    bool has_route = find_other(route, ROUTE_PETITIONED) != NULL;
    text_add_string(&connect, has_route ? ",\"has_route\":true}\r\n" : ",\"has_route\":false}\r\n");
    client_send_string(route->client, text_string(&connect));
    text_free(&connect);
    route->phase = ROUTE_PETITIONED;
}

/* Both sides have agreed on this connection. */
static void register_route(struct server_route *route)
{
    struct server_client *client = route->client;
    struct bus_server *server = client->server;
    struct server_route *other = find_other(route, ROUTE_REGISTERED);
    if (other != NULL)
        client_leave(other->client, CLOSE_DUPLICATE_ROUTE); /* Its other side has lost it already. */
    route->phase = ROUTE_REGISTERED;
    server->cluster->registered_count++;
    if (route->target != NULL)
        route->target->attempts = 0;
    client_activate(client);
    machine_log(&server->machine, LOG_INFO, "cluster: connected to server %s at %s", route->peer_id, client->peer);
    interest_announce_all(route);
    cluster_send_news(server);
    server_send_news(server);
}

static void keep_text(char **kept, const char *text)
{
    memory_free(*kept);
    *kept = memory_copy_text(text);
}

/* Where clients and servers reach the peer. A peer that listens everywhere does not know by which name: we do, if we
 * called it. */
static void keep_addresses(struct server_route *route, const Cupola__NatsInfo *info)
{
    keep_text(&route->peer_url, info->n_connect_urls > 0 ? info->connect_urls[0] : NULL);
    memory_free(route->peer_address);
    route->peer_address = NULL;
    bool is_named =
        info->host != NULL && info->host[0] != 0 && strcmp(info->host, "0.0.0.0") != 0 && strcmp(info->host, "::") != 0;
    if (is_named && info->port > 0 && info->port <= UINT16_MAX && strlen(info->host) <= MAX_HOST_SIZE) {
        struct text address = {0};
        text_addf(&address, strchr(info->host, ':') != NULL ? "[%s]:%u" : "%s:%u", info->host, (unsigned)info->port);
        keep_text(&route->peer_address, text_string(&address));
        text_free(&address);
    } else if (route->target != NULL) {
        keep_text(&route->peer_address, route->client->peer);
    }
}

static void meet(struct server_route *route, const char *peer_id)
{
    struct server_client *client = route->client;
    if (strcmp(client->server->server_id, peer_id) == 0) {
        if (route->target != NULL)
            route->target->is_ourselves = true;
        client_leave(client, CLOSE_DUPLICATE_ROUTE);
        return;
    }
    memcpy(route->peer_id, peer_id, strlen(peer_id) + 1);
    client->name = memory_copy_text(peer_id);
    if (route->target != NULL)
        memcpy(route->target->peer_id, peer_id, strlen(peer_id) + 1);
    send_connect(route);
}

static void on_info(struct server_route *route, const Cupola__NatsInfo *info)
{
    struct server_client *client = route->client;
    struct bus_server *server = client->server;
    if (info->server_id == NULL || info->server_id[0] == 0 || strlen(info->server_id) > BUS_MAX_SERVER_ID) {
        client_leave(client, CLOSE_MALFORMED);
        return;
    }
    bool was_lame = route->peer_is_lame;
    char *old_url = memory_copy_text(route->peer_url);
    keep_addresses(route, info);
    route->peer_is_lame = info->ldm;
    bool is_new = (old_url == NULL) != (route->peer_url == NULL) ||
                  (old_url != NULL && strcmp(old_url, route->peer_url) != 0) || was_lame != route->peer_is_lame;
    memory_free(old_url);
    if (route->phase == ROUTE_GREETED) {
        meet(route, info->server_id);
        return;
    }
    if (route->phase != ROUTE_REGISTERED)
        return; /* It has yet to show that it is one of us. */
    for (size_t i = 0; i < info->n_route_urls; i++)
        target_learn(server->cluster, info->route_urls[i]);
    if (is_new)
        server_send_news(server);
}

/* At powers of two, so that nobody can fill the log. */
static void refuse_route(struct server_route *route, const char *why)
{
    struct bus_server *server = route->client->server;
    struct server_cluster *cluster = server->cluster;
    server->counters.auth_failures++;
    cluster->refusals++;
    if ((cluster->refusals & (cluster->refusals - 1)) == 0)
        machine_log(&server->machine, LOG_WARNING,
                    "cluster: server %s at %s is not allowed in: %s (refusal number %llu)", route->peer_id,
                    route->client->peer, why, (unsigned long long)cluster->refusals);
    client_leave(route->client, CLOSE_DENIED);
}

/* Whom we have called is who was asked for; who calls us must show that it is one of us. */
static bool is_one_of_us(const struct server_route *route, const Cupola__NatsConnect *connect)
{
    const struct server_cluster *cluster = route->client->server->cluster;
    return route->target != NULL ||
           (bus_secret_is(connect->user, cluster->user) && bus_secret_is(connect->pass, cluster->password));
}

static void on_connect(struct server_route *route, const Cupola__NatsConnect *connect)
{
    struct server_client *client = route->client;
    if (!is_one_of_us(route, connect)) {
        refuse_route(route, "wrong user or password");
        return;
    }
    route->is_admitted = true;
    if (!we_decide(route) || route->phase != ROUTE_PETITIONED)
        return;
    if (connect->has_route && find_other(route, ROUTE_REGISTERED) != NULL) {
        client_leave(client, CLOSE_DUPLICATE_ROUTE);
        return;
    }
    client_send_string(client, "+OK\r\n");
    register_route(route);
}

/* ---- All that is said ---- */

/* The JSON of INFO or CONNECT, given; NULL and the end of the connection if it is none. */
static ProtobufCMessage *read_argument(struct server_client *client, const ProtobufCMessageDescriptor *descriptor,
                                       struct nats_text json)
{
    struct json_error error;
    ProtobufCMessage *message =
        json_read(descriptor, (struct io_bytes){(const uint8_t *)json.data, json.size}, JSON_LENIENT, &error);
    if (message == NULL) {
        client->server->counters.protocol_errors++;
        client_leave(client, CLOSE_MALFORMED);
    }
    return message;
}

static void handle_argument(struct server_client *client, const struct nats_frame *frame)
{
    bool is_info = frame->verb == NATS_INFO;
    ProtobufCMessage *message = read_argument(
        client, is_info ? &cupola__nats_info__descriptor : &cupola__nats_connect__descriptor, frame->argument);
    if (message == NULL)
        return;
    if (is_info)
        on_info(client->route, (const Cupola__NatsInfo *)(const void *)message);
    else
        on_connect(client->route, (const Cupola__NatsConnect *)(const void *)message);
    protobuf_c_message_free_unpacked(message, NULL);
}

/* The handshake; true if the frame belonged to it. */
static bool handle_handshake(struct server_client *client, const struct nats_frame *frame)
{
    struct server_route *route = client->route;
    switch ((int)frame->verb) {
    case NATS_INFO:
    case NATS_CONNECT:
        handle_argument(client, frame);
        return true;
    case NATS_OK:
        if (route->phase != ROUTE_PETITIONED || we_decide(route))
            return true;
        if (route->is_admitted)
            register_route(route);
        else
            refuse_route(route, "no user and password");
        return true;
    case NATS_ERR:
        machine_log(&client->server->machine, LOG_WARNING, "cluster: server at %s says '%.*s'", client->peer,
                    frame->argument.size < 200 ? (int)frame->argument.size : 200, frame->argument.data);
        return true;
    case NATS_PING:
        client_send_string(client, "PONG\r\n");
        return true;
    case NATS_PONG:
        return true;
    default:
        return false;
    }
}

void route_handle_frame(struct server_client *client, const struct nats_frame *frame)
{
    struct server_route *route = client->route;
    if (handle_handshake(client, frame))
        return;
    if (route->phase != ROUTE_REGISTERED) {
        client->server->counters.protocol_errors++;
        client_leave(client, CLOSE_MALFORMED);
        return;
    }
    if (!nats_text_equals(frame->account, nats_text_of("$G")))
        return; /* Of a world that we know nothing of. */
    if (frame->verb == NATS_RS_ADD) {
        interest_add(route, frame);
    } else if (frame->verb == NATS_RS_DROP) {
        interest_drop(route, frame);
    } else {
        struct nats_frame publication = *frame;
        publication.verb = frame->verb == NATS_RHMSG ? NATS_HPUB : NATS_PUB;
        server_publish(client, &publication);
    }
}

/* ---- The cluster ---- */

static void on_route_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct server_cluster *cluster = container_of(listener, struct server_cluster, listener);
    struct machine *machine = &cluster->server->machine;
    if (status != IO_OK) {
        machine_log(machine, LOG_ERROR, "cluster: cannot listen on %s:%u: %s", cluster->host, (unsigned)cluster->port,
                    io_status_name(status));
        machine_exit(machine, 1, (struct io_bytes){0});
        return;
    }
    cluster->port = port;
    machine_log(machine, LOG_INFO, "cluster: listening on %s:%u", cluster->host, (unsigned)port);
}

bool cluster_is_sensible(struct machine *machine, const Cupola__BusClusterConfig *config)
{
    for (size_t i = 0; config != NULL && i < config->n_urls; i++) {
        if (!target_url_is_valid(config->urls[i])) {
            machine_log(machine, LOG_ERROR, "bus_server.cluster.urls[%d]: not like nats://user:password@host:port",
                        (int)i);
            return false;
        }
    }
    return true;
}

void cluster_open(struct bus_server *server, const Cupola__BusClusterConfig *config)
{
    struct server_cluster *cluster = memory_new(sizeof *cluster);
    struct machine *machine = &server->machine;
    server->cluster = cluster;
    cluster->server = server;
    cluster->host = memory_copy_text(config->listen != NULL ? config->listen->host : "127.0.0.1");
    cluster->port = (uint16_t)(config->listen != NULL ? config->listen->port : 0);
    cluster->advertise = memory_copy_text(config->advertise);
    cluster->user = memory_copy_text(config->user);
    cluster->password = memory_copy_text(config->password);
    cluster->tls = config->tls != NULL && config->tls[0] != 0 ? memory_copy_text(config->tls) : NULL;
    cluster->reconnect_first_ns = config->reconnect_first_ms * NS_PER_MS;
    cluster->reconnect_most_ns = config->reconnect_most_ms * NS_PER_MS;
    cluster->max_pending = config->max_pending;
    cluster->max_routes = config->max_routes;
    cluster->backoff = random_named(machine->seed, "bus.redial_pause");
    cluster->pick = random_named(machine->seed, "bus.pick_queue_server");
    subject_index_open(&cluster->index, random_mix(machine->seed, 3));
    cluster->listener.on_accepted = on_route_accepted;
    cluster->listener.on_listening = on_route_listening;
    listener_open_tls(machine, &cluster->listener, cluster->host, cluster->port, cluster->tls);
    for (size_t i = 0; i < config->n_routes; i++)
        target_add(cluster, config->routes[i]->host, (uint16_t)config->routes[i]->port, false);
    for (size_t i = 0; i < config->n_urls; i++)
        target_add_url(cluster, config->urls[i]);
}

void cluster_close(struct bus_server *server)
{
    struct route_target *target = NULL;
    listener_close(&server->cluster->listener);
    DL_FOREACH(server->cluster->targets, target)
    timer_cancel(&server->machine, &target->timer);
}

void cluster_free(struct bus_server *server)
{
    struct server_cluster *cluster = server->cluster;
    if (cluster == NULL)
        return;
    assert_that(cluster->routes == NULL);
    while (cluster->targets != NULL)
        target_free(cluster->targets);
    subject_index_free(&cluster->index);
    hash_table_free(&cluster->interests);
    text_free(&cluster->scratch);
    memory_free(cluster->host);
    memory_free(cluster->advertise);
    memory_free(cluster->user);
    memory_free(cluster->password);
    memory_free(cluster->tls);
    memory_free(cluster);
    server->cluster = NULL;
}
