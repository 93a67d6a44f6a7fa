/* The message bus server as a component; server.h is the map of its files. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/bus/server/route.h"
#include "core/components.h"

#include <string.h>
#include <utlist.h>

enum { DEFAULT_PORT = 4222, MOST_CONGESTION = 1048576, LAME_DUCK_STEPS = 20 };

static void read_limits(struct bus_server_limits *limits, const Cupola__BusServerConfig *config)
{
    *limits = (struct bus_server_limits){
        .max_connections = config->max_connections,
        .max_address_connections = config->max_address_connections,
        .max_subscriptions = config->max_subscriptions,
        .max_client_subscriptions = config->max_client_subscriptions,
        .max_control_line = config->max_control_line > 0 ? config->max_control_line : 1,
        .max_payload = config->max_payload,
        .max_pending = config->max_pending,
        .congested_at = config->max_pending / 4 < MOST_CONGESTION ? config->max_pending / 4 : MOST_CONGESTION,
        .ping_ns = config->ping_ms * NS_PER_MS,
        .max_pings_out = config->max_pings_out,
        .connect_timeout_ns = config->connect_timeout_ms * NS_PER_MS,
        .write_deadline_ns = config->write_deadline_ms * NS_PER_MS,
        .lame_duck_ns = config->lame_duck_ms * NS_PER_MS,
    };
}

static size_t address_size(const char *peer)
{
    const char *colon = strrchr(peer, ':');
    return colon == NULL ? strlen(peer) : (size_t)(colon - peer);
}

/* Looked through one by one: only who sets the limit pays for it, and connections are not made that often. */
static bool is_address_full(const struct bus_server *server, const char *peer)
{
    size_t most = server->limits.max_address_connections;
    size_t size = address_size(peer);
    size_t count = 0;
    const struct server_client *client = NULL;
    if (most == 0)
        return false;
    DL_FOREACH(server->clients, client)
    {
        if (client->route == NULL && address_size(client->peer) == size && memcmp(client->peer, peer, size) == 0)
            count++;
    }
    return count >= most;
}

static void on_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    struct bus_server *server = container_of(listener, struct bus_server, listener);
    size_t routes = server->cluster != NULL ? server->cluster->route_count : 0;
    server->counters.connections++;
    if (server->is_stopping || server->client_count - routes >= server->limits.max_connections ||
        is_address_full(server, peer)) {
        server->counters.refused_connections++;
        conn_refuse(&server->machine, id, "-ERR 'maximum connections exceeded'\r\n");
        return;
    }
    client_accept(server, id, peer);
}

static void on_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct bus_server *server = container_of(listener, struct bus_server, listener);
    if (status != IO_OK) {
        machine_log(&server->machine, LOG_ERROR, "cannot listen on %s:%u: %s", server->host, (unsigned)server->port,
                    io_status_name(status));
        machine_exit(&server->machine, 1, (struct io_bytes){0});
        return;
    }
    server->port = port;
    machine_log(&server->machine, LOG_INFO, "listening on %s:%u", server->host, (unsigned)port);
    if (server->cluster != NULL)
        cluster_send_news(server); /* Now it is known where clients reach us. */
}

/* "N" and 32 hex digits; only to tell one server from another. */
static char *draw_server_id(uint64_t seed)
{
    struct random_stream stream = random_named(seed, "bus.server_id");
    char id[34] = "N";
    random_hex(&stream, id + 1, 16);
    return memory_copy_text(id);
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    struct bus_server *server = container_of(machine, struct bus_server, machine);
    const Cupola__BusServerConfig *config = (const Cupola__BusServerConfig *)(const void *)configuration;
    (void)saved; /* A bus remembers nothing. */
    read_limits(&server->limits, config);
    const Cupola__Endpoint *listen = config->listen;
    server->host = memory_copy_text(listen != NULL ? listen->host : "127.0.0.1");
    server->port = (uint16_t)(listen != NULL ? listen->port : DEFAULT_PORT);
    server->advertise = memory_copy_text(config->advertise);
    server->tls = config->tls != NULL && config->tls[0] != 0 ? memory_copy_text(config->tls) : NULL;
    server->closed.capacity = config->max_closed;
    server->nonce = random_named(machine->seed, "bus.nonce");
    if (!bus_users_open(&server->users, machine, config) || !cluster_is_sensible(machine, config->cluster)) {
        machine_exit(machine, 1, (struct io_bytes){0});
        return;
    }
    server->server_id = config->server_id != NULL ? memory_copy_text(config->server_id) : draw_server_id(machine->seed);
    server->started_ns = machine->now_ns;
    subject_index_open(&server->index, random_mix(machine->seed, 1));
    server->sid_seed = random_mix(machine->seed, 4);
    server->queue_pick = random_named(machine->seed, "bus.pick_queue_member");
    server->listener.on_accepted = on_accepted;
    server->listener.on_listening = on_listening;
    listener_open(machine, &server->listener, server->host, server->port);
    server_monitor_open(server, config);
    if (config->cluster != NULL)
        cluster_open(server, config->cluster);
}

void server_exit_when_empty(struct bus_server *server)
{
    if (server->is_stopping && server->client_count == 0 && !server->monitor.is_open &&
        !machine_has_exited(&server->machine))
        machine_exit(&server->machine, 0, (struct io_bytes){0});
}

static void leave_all(struct bus_server *server)
{
    struct server_client *client = NULL;
    struct server_client *next = NULL;
    timer_cancel(&server->machine, &server->lame_duck);
    DL_FOREACH_SAFE(server->clients, client, next)
    client_leave(client, CLOSE_SHUTDOWN);
    server_exit_when_empty(server);
}

static void on_lame_duck_time(struct timer *timer);

static void set_lame_duck_time(struct bus_server *server)
{
    timer_set(&server->machine, &server->lame_duck, server->limits.lame_duck_ns / LAME_DUCK_STEPS, on_lame_duck_time);
}

/* The next clients go: as many as it takes to be alone when the time is over. */
static void on_lame_duck_time(struct timer *timer)
{
    struct bus_server *server = container_of(timer, struct bus_server, lame_duck);
    uint64_t step_ns = server->limits.lame_duck_ns / LAME_DUCK_STEPS;
    uint64_t now_ns = server->machine.now_ns;
    uint64_t steps = now_ns >= server->lame_duck_end_ns ? 0 : (server->lame_duck_end_ns - now_ns) / (step_ns + 1);
    size_t clients = server->client_count - server->cluster->route_count;
    if (clients == 0 || steps == 0) {
        leave_all(server);
        return;
    }
    size_t share = clients / (size_t)steps + 1;
    struct server_client *client = NULL;
    struct server_client *next = NULL;
    DL_FOREACH_SAFE(server->clients, client, next)
    {
        if (client->route != NULL || share == 0)
            continue;
        client_leave(client, CLOSE_LAME_DUCK);
        share--;
    }
    set_lame_duck_time(server);
}

/* With other servers to go to, clients are asked to, and are sent away a few at a time: the others need not take all of
 * them at once. Without, or when asked a second time, all is over at once. */
static void stop(struct machine *machine)
{
    struct bus_server *server = container_of(machine, struct bus_server, machine);
    if (server->is_stopping) {
        if (timer_is_set(&server->lame_duck))
            leave_all(server);
        return;
    }
    machine_log(machine, LOG_INFO, "stopping, with %llu connections", (unsigned long long)server->client_count);
    server->is_stopping = true;
    listener_close(&server->listener);
    server_monitor_close(server);
    timer_cancel(machine, &server->release);
    clients_release(server);
    bool is_alone = server->cluster == NULL || server->cluster->registered_count == 0;
    if (server->cluster != NULL) {
        cluster_close(server);
        cluster_send_news(server);
    }
    server_send_news(server);
    if (is_alone || server->limits.lame_duck_ns < LAME_DUCK_STEPS ||
        server->client_count == server->cluster->route_count) {
        leave_all(server);
        return;
    }
    server->lame_duck_end_ns = machine->now_ns + server->limits.lame_duck_ns;
    set_lame_duck_time(server);
}

static void destroy(struct machine *machine)
{
    struct bus_server *server = container_of(machine, struct bus_server, machine);
    if (server->host == NULL)
        return; /* Never started. */
    client_free_all(server);
    cluster_free(server);
    server_closed_free(server);
    server_monitor_destroy(server);
    subject_index_free(&server->index);
    hash_table_free(&server->by_sid);
    text_free(&server->scratch);
    server_free_spares(server);
    memory_free(server->host);
    memory_free(server->server_id);
    memory_free(server->advertise);
    memory_free(server->tls);
    bus_users_free(&server->users);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    server_print_varz(container_of(machine, struct bus_server, machine), ret_json);
}

const struct machine_class bus_server_class = {
    .name = "bus_server",
    .configuration = &cupola__bus_server_config__descriptor,
    .size = sizeof(struct bus_server),
    .passes_on = true,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};
