/* The message bus server as a component; server.h is the map of its files. */
#include "core/bus/server.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/components.h"

#include <string.h>
#include <utlist.h>

enum { DEFAULT_PORT = 4222, MOST_CONGESTION = 1048576 };

static void read_limits(struct bus_server_limits *limits, const Cupola__BusServerConfig *config)
{
    *limits = (struct bus_server_limits){
        .max_connections = config->max_connections,
        .max_subscriptions = config->max_subscriptions,
        .max_control_line = config->max_control_line > 0 ? config->max_control_line : 1,
        .max_payload = config->max_payload,
        .max_pending = config->max_pending,
        .congested_at = config->max_pending / 4 < MOST_CONGESTION ? config->max_pending / 4 : MOST_CONGESTION,
        .ping_ns = config->ping_ms * NS_PER_MS,
        .max_pings_out = config->max_pings_out,
        .connect_timeout_ns = config->connect_timeout_ms * NS_PER_MS,
        .write_deadline_ns = config->write_deadline_ms * NS_PER_MS,
    };
}

static void on_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    struct bus_server *server = container_of(listener, struct bus_server, listener);
    server->counters.connections++;
    if (server->is_stopping || server->client_count >= server->limits.max_connections) {
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
    server->user = memory_copy_text(config->user);
    server->password = memory_copy_text(config->password);
    server->server_id = config->server_id != NULL ? memory_copy_text(config->server_id) : draw_server_id(machine->seed);
    server->started_ns = machine->now_ns;
    subject_index_open(&server->index, random_mix(machine->seed, 1));
    server->queue_pick = random_named(machine->seed, "bus.pick_queue_member");
    server->listener.on_accepted = on_accepted;
    server->listener.on_listening = on_listening;
    listener_open(machine, &server->listener, server->host, server->port);
    server_monitor_open(server, config);
}

void server_exit_when_empty(struct bus_server *server)
{
    if (server->is_stopping && server->client_count == 0 && !server->monitor.is_open &&
        !machine_has_exited(&server->machine))
        machine_exit(&server->machine, 0, (struct io_bytes){0});
}

static void stop(struct machine *machine)
{
    struct bus_server *server = container_of(machine, struct bus_server, machine);
    if (server->is_stopping)
        return;
    machine_log(machine, LOG_INFO, "stopping, with %llu connections", (unsigned long long)server->client_count);
    server->is_stopping = true;
    listener_close(&server->listener);
    server_monitor_close(server);
    timer_cancel(machine, &server->release);
    struct server_client *client = NULL;
    DL_FOREACH(server->clients, client)
    client_leave(client, NULL);
    server_exit_when_empty(server);
}

static void destroy(struct machine *machine)
{
    struct bus_server *server = container_of(machine, struct bus_server, machine);
    if (server->host == NULL)
        return; /* Never started. */
    client_free_all(server);
    server_monitor_destroy(server);
    subject_index_free(&server->index);
    hash_table_free(&server->by_sid);
    text_free(&server->scratch);
    memory_free(server->host);
    memory_free(server->server_id);
    memory_free(server->user);
    memory_free(server->password);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    server_print_varz(container_of(machine, struct bus_server, machine), ret_json);
}

const struct machine_class bus_server_class = {
    .name = "bus_server",
    .configuration = &cupola__bus_server_config__descriptor,
    .size = sizeof(struct bus_server),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};
