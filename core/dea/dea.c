#include "core/dea/dea.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/components.h"
#include "core/wire/message.h"

#include <string.h>

/* Of the protocol, not of ours. */
#define PROTOCOL_VERSION 0.99

enum {
    LEAVE_LOOK_MS = 10,   /* Between looks whether all connections have closed. */
    LEAVE_MOST_MS = 1000, /* Then peers are left alone, */
    LEAVE_DISK_MS = 4000, /* and so much later the disk. */
    EXIT_CONFIGURATION = 78,
};

/* ---- What we listen to ---- */

static const struct bus_route routes[] = {
    {.subject = "dea.status",
     .payload = &cupola__dea_status__descriptor,
     .allow_empty = true,
     .handle = dea_status_on_dea_status},
    {.subject = "droplet.status", .handle = dea_status_on_droplet_status},
    {.subject = "dea.discover", .payload = &cupola__dea_discover__descriptor, .handle = dea_placement_on_discover},
    {.subject = "dea.discover.stage",
     .payload = &cupola__stage_discover__descriptor,
     .handle = dea_staging_on_discover},
    {.subject = "dea.find.droplet",
     .payload = &cupola__dea_find_droplet__descriptor,
     .handle = dea_status_on_find_droplet},
    {.subject = "dea.exec", .payload = &cupola__dea_exec__descriptor, .handle = dea_exec_on_asked},
    {.subject = "dea.update", .payload = &cupola__dea_update__descriptor, .handle = dea_routes_on_update},
    {.subject = "dea.stop", .payload = &cupola__dea_stop__descriptor, .handle = dea_stop_on_order},
    {.subject = "router.start",
     .payload = &cupola__router_start__descriptor,
     .allow_empty = true,
     .handle = dea_routes_on_router_start},
    {.subject = "healthmanager.start", .handle = dea_heartbeat_on_health_manager_start},
};

static void name_subject(const struct dea *dea, const char *verb, char *ret_subject, size_t size)
{
    struct text subject = {0};
    text_addf(&subject, "dea.%s.%s", dea->monitor.uuid, verb);
    assert_that(subject.size < size);
    memcpy(ret_subject, text_string(&subject), subject.size + 1);
    text_free(&subject);
}

static void listen_to_own_subjects(struct dea *dea)
{
    name_subject(dea, "start", dea->start_subject, sizeof dea->start_subject);
    name_subject(dea, "evacuate", dea->evacuate_subject, sizeof dea->evacuate_subject);
    name_subject(dea, "probe", dea->probe_subject, sizeof dea->probe_subject);
    name_subject(dea, "routes", dea->routes_subject, sizeof dea->routes_subject);
    name_subject(dea, "stage", dea->stage_subject, sizeof dea->stage_subject);
    name_subject(dea, "tell", dea->tell_subject, sizeof dea->tell_subject);
    dea->own_routes[0] = (struct bus_route){
        .subject = dea->start_subject, .payload = &cupola__dea_start__descriptor, .handle = dea_start_on_order};
    dea->own_routes[1] = (struct bus_route){.subject = dea->evacuate_subject, .handle = dea_evacuation_on_order};
    dea->own_routes[2] = (struct bus_route){
        .subject = dea->probe_subject, .payload = &cupola__probe_request__descriptor, .handle = dea_witness_on_probe};
    dea->own_routes[3] = (struct bus_route){.subject = dea->tell_subject, .handle = dea_heartbeat_on_tell};
    dea->own_routes[4] = (struct bus_route){.subject = dea->routes_subject, .handle = dea_route_table_on_asked};
    dea->own_routes[5] = (struct bus_route){
        .subject = dea->stage_subject, .payload = &cupola__dea_stage__descriptor, .handle = dea_staging_on_order};
    bus_listen(&dea->bus, dea->own_routes, sizeof dea->own_routes / sizeof dea->own_routes[0]);
}

/* ---- Start ---- */

void dea_fill_hello(struct dea *dea, Cupola__DeaHello *ret_hello)
{
    cupola__dea_hello__init(ret_hello);
    ret_hello->id = dea->monitor.uuid;
    ret_hello->ip = (char *)dea->host;
    ret_hello->has_port = true;
    ret_hello->port = dea->files.server.port;
    ret_hello->has_version = true;
    ret_hello->version = PROTOCOL_VERSION;
    if (dea->lease.port != 0)
        ret_hello->lease_address = (char *)(uintptr_t)text_string(&dea->lease.address);
    ret_hello->life = dea->life;
    ret_hello->zone = dea->config->zone;
}

/* The last step of start-up: everything else about us is known by then. */
static void greet_when_ready(struct dea *dea)
{
    if (dea->has_greeted || !dea->bus.is_connected || dea->files.server.port == 0 || !dea->lease.is_tried)
        return;
    dea->has_greeted = true;
    dea_heartbeat_publish_all(dea);
    Cupola__DeaHello hello;
    dea_fill_hello(dea, &hello);
    bus_publish_message(&dea->bus, "dea.start", NULL, &hello.base);
}

/* Nobody knows what was lost while we were away: everything is told again. */
static void on_bus_connected(struct bus_client *client, bool again)
{
    struct dea *dea = dea_of_bus(client);
    dea_standing_review(dea);
    if (again) {
        dea_heartbeat_publish_soon(dea);
        dea_routes_register_soon(dea);
    }
    greet_when_ready(dea);
    dea_uris_ask(dea);
}

static void on_bus_disconnected(struct bus_client *client, const char *reason)
{
    (void)reason;
    dea_standing_on_bus_lost(dea_of_bus(client));
}

static const struct bus_client_handlers bus_handlers = {
    .on_connected = on_bus_connected,
    .on_disconnected = on_bus_disconnected,
};

void dea_on_recovered(struct dea *dea)
{
    if (dea->phase == DEA_LEAVING)
        return;
    dea->is_recovered = true;
    dea_standing_on_bus_lost(dea); /* There is none yet. */
    bus_client_open(&dea->machine, &dea->bus, dea->config->bus, "dea", &bus_handlers);
    dea->monitor.type = "DEA";
    dea->monitor.add_varz = dea_varz_add;
    monitor_open(&dea->machine, &dea->monitor, &dea->bus, dea->config->monitor, dea->saved.uuid);
    bus_listen(&dea->bus, routes, sizeof routes / sizeof routes[0]);
    listen_to_own_subjects(dea);
    dea_files_open(dea, greet_when_ready);
    dea_lease_open(dea, greet_when_ready);
    dea_recovery_finish(dea);
    dea_singleton_begin(dea);
    dea_heartbeat_begin(dea);
    dea_route_table_begin(dea);
    dea_usage_begin(dea);
}

/* NULL, or what is wrong with the configuration. */
static const char *find_fault(const Cupola__DeaConfig *config)
{
    if (config->first_port == 0 || config->last_port > UINT16_MAX || config->first_port > config->last_port)
        return "first_port and last_port: no range of ports";
    if (config->heartbeat_ms == 0 || config->monitor_ms == 0 || config->probe_ms == 0 || config->probe_most_ms == 0)
        return "heartbeat_ms, monitor_ms, probe_ms and probe_most_ms must not be 0";
    return NULL;
}

static const char *choose_host(const Cupola__DeaConfig *config)
{
    if (config->advertise_host != NULL)
        return config->advertise_host;
    bool is_usable = config->listen != NULL && strcmp(config->listen->host, "0.0.0.0") != 0;
    return is_usable ? config->listen->host : "127.0.0.1";
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    struct dea *dea = container_of(machine, struct dea, machine);
    dea->config = message_copy(configuration);
    dea->phase = DEA_OPEN;
    dea->host = choose_host(dea->config);
    dea->instance_ids = random_named(machine->seed, "dea.instance_id");
    dea->jitter = random_named(machine->seed, "dea.jitter");
    struct random_stream life = random_named(machine->seed, "dea.life");
    random_hex(&life, dea->life, (DEA_LIFE_SIZE - 1) / 2);
    const char *fault = find_fault(dea->config);
    if (fault != NULL) {
        machine_log(machine, LOG_ERROR, "configuration: %s", fault);
        machine_exit(machine, EXIT_CONFIGURATION, (struct io_bytes){(const uint8_t *)fault, strlen(fault)});
        return;
    }
    dea_saved_load(dea, saved);
    dea_ports_open(&dea->ports, (uint16_t)dea->config->first_port, (uint16_t)dea->config->last_port,
                   dea->saved.next_port);
    dea_droplets_open(&dea->droplets, dea);
    dea_saved_write(dea); /* The name, before anybody hears it. */
    dea_recovery_begin(dea);
}

uint64_t dea_jitter_ns(struct dea *dea, uint64_t most_ns)
{
    return most_ns == 0 ? 0 : random_below(&dea->jitter, most_ns);
}

/* ---- End ---- */

/* What has no process yet would be lost without a word. */
static void give_back_unborn(struct dea *dea)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        dea_watch_end(instance);
        if (mutation_is(DEA_TAKES_APPS_ALONG))
            workload_signal(&dea->machine, instance->id, 9);
        if (instance->state == INSTANCE_FETCHING)
            dea_start_give_up(instance, "the agent ends");
        else if (instance->state == INSTANCE_PROBING)
            dea_probe_end(instance);
    }
}

static void end_when_quiet(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, leave_timer);
    /* Peers may be slow to close; a slow disk is waited for longer, for what is half done would have to be cleared up.
     */
    bool is_over = dea->machine.now_ns >= dea->leave_until_ns;
    bool has_said_all = machine_open_conns(&dea->machine) == 0 || is_over;
    bool has_done_all =
        machine_open_ops(&dea->machine) == 0 || dea->machine.now_ns >= dea->leave_until_ns + LEAVE_DISK_MS * NS_PER_MS;
    if (has_said_all && has_done_all)
        machine_exit(&dea->machine, 0, (struct io_bytes){0});
    else
        timer_set(&dea->machine, &dea->leave_timer, LEAVE_LOOK_MS * NS_PER_MS, end_when_quiet);
}

void dea_leave(struct dea *dea)
{
    struct machine *machine = &dea->machine;
    if (dea->phase == DEA_LEAVING)
        return;
    dea->phase = DEA_LEAVING;
    timer_cancel(machine, &dea->heartbeat_timer);
    timer_cancel(machine, &dea->early_heartbeat_timer);
    timer_cancel(machine, &dea->register_timer);
    timer_cancel(machine, &dea->digest_timer);
    timer_cancel(machine, &dea->usage_timer);
    timer_cancel(machine, &dea->evacuation_timer);
    timer_cancel(machine, &dea->standing.timer);
    timer_cancel(machine, &dea->singleton.timer);
    dea_uris_close(&dea->uris, machine);
    if (dea->is_recovered) {
        give_back_unborn(dea);
        dea_droplets_cancel(&dea->droplets);
        dea_staging_leave(dea);
        dea_witness_close(&dea->witness);
        dea_lease_close(&dea->lease);
        dea_exec_end_all(dea);
        http_server_drain(&dea->files.server);
        http_server_drain(&dea->monitor.server);
        bus_client_close(&dea->bus);
    }
    dea->leave_until_ns = machine->now_ns + LEAVE_MOST_MS * NS_PER_MS;
    timer_set(machine, &dea->leave_timer, 0, end_when_quiet);
}

static void stop(struct machine *machine)
{
    dea_leave(container_of(machine, struct dea, machine));
}

static void destroy(struct machine *machine)
{
    struct dea *dea = container_of(machine, struct dea, machine);
    if (dea->config == NULL)
        return;
    dea_instances_destroy(dea);
    dea_staging_destroy(dea);
    dea_droplets_destroy(&dea->droplets);
    dea_placement_destroy(dea);
    dea_fences_destroy(&dea->fences);
    dea_exec_destroy(dea);
    dea_files_destroy(dea);
    dea_lease_destroy(&dea->lease);
    dea_witness_destroy(dea);
    bus_client_destroy(&dea->bus); /* Before those who subscribed: nothing can be sent any more. */
    monitor_destroy(&dea->monitor);
    dea_ports_close(&dea->ports);
    dea_saved_destroy(dea);
    cupola__dea_config__free_unpacked(dea->config, NULL);
}

const struct machine_class dea_class = {
    .name = "dea",
    .configuration = &cupola__dea_config__descriptor,
    .size = sizeof(struct dea),
    .start = start,
    .stop = stop,
    .evacuate = dea_evacuation_begin,
    .destroy = destroy,
    .inspect = dea_varz_inspect,
    .workload_found = dea_recovery_on_found,
    .workload_exited = dea_crash_on_exited,
};
