/* From a plan to hosts, stores and components, each with the configuration that makes it find the others. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/components.h"
#include "core/proto/journal.pb-c.h"
#include "drivers/sim/gateway/gateway.h"
#include "sim/cloud_state.h"

#include <stdio.h>

static void on_power(struct host *host, bool is_on);
static void on_storage_power(struct host *host, bool is_on);

/* ---- The plan ---- */

static const char *keep(struct cloud *cloud, const char *text)
{
    return text == NULL ? NULL : world_keep_label(cloud->world, text);
}

static void copy_plan(struct cloud *cloud, const struct cloud_plan *plan)
{
    cloud->plan = *plan;
    cloud->apps = memory_new((plan->app_count + 1) * sizeof *cloud->apps);
    for (size_t i = 0; i < plan->app_count; i++) {
        cloud->apps[i] = plan->apps[i];
        cloud->apps[i].name = keep(cloud, plan->apps[i].name);
        cloud->apps[i].host = keep(cloud, plan->apps[i].host);
        cloud->apps[i].framework = keep(cloud, plan->apps[i].framework);
        cloud->apps[i].runtime = keep(cloud, plan->apps[i].runtime);
    }
    cloud->plan.apps = cloud->apps;
    if (cloud->plan.zones == 0)
        cloud->plan.zones = 1;
}

static struct link link_of(const struct link_plan *plan)
{
    return (struct link){.latency = plan->latency, .bytes_per_s = plan->bytes_per_s, .loss_ppm = plan->loss_ppm};
}

/* ---- Hosts ---- */

static struct host *add_host(struct cloud *cloud, const char *name, uint32_t zone)
{
    char address[48];
    uint32_t number = (uint32_t)cloud->world->host_count + 1;
    if (zone == ZONE_OUTSIDE)
        snprintf(address, sizeof address, "10.255.0.%u", number);
    else
        snprintf(address, sizeof address, "10.%u.%u.%u", number >> 8, zone, number & 255);
    struct host *host = host_create(cloud->world, name, address, zone);
    host->disk.sync = cloud->plan.disk.sync;
    host->disk.read = cloud->plan.disk.read;
    if (cloud->plan.clock_offset_most_ns > 0) {
        struct random_stream stream = random_numbered(cloud->seed, "host.clock", host->number);
        uint64_t most_ns = cloud->plan.clock_offset_most_ns;
        host_step_wall(host, (int64_t)random_between(&stream, 0, most_ns) - (int64_t)(most_ns / 2));
    }
    return host;
}

static void add_components(struct cloud *cloud, enum component_role role, uint32_t count)
{
    cloud->components[role] = memory_new((count + 1) * sizeof(struct component));
    cloud->component_counts[role] = count;
    for (uint32_t i = 0; i < count; i++) {
        struct component *component = &cloud->components[role][i];
        char name[40];
        snprintf(name, sizeof name, "%s-%u", component_role_name(role), i);
        component->name = world_keep_label(cloud->world, name);
        component->role = role;
        component->index = i;
        component->host = add_host(cloud, name, i % cloud->plan.zones);
        component->host->owner = component;
        component->home_address = world_keep_label(cloud->world, component->host->address);
        component->host->on_power = on_power;
    }
}

/* ---- Configurations: what the plan says, and where everybody is ---- */

enum { MOST_BUS_SERVERS = 16, BUS_CLUSTER_PORT = 6222, NOBODYS_PORT = 4223 };

/* One user a role, with the rights of its profile. */
static const struct {
    enum component_role role;
    const char *profile;
} bus_users[] = {
    {ROLE_ROUTER, "router"},
    {ROLE_CONTROLLER, "cloud_controller"},
    {ROLE_DEA, "dea"},
    {ROLE_HEALTH_MANAGER, "health_manager"},
};

enum { BUS_USERS = sizeof bus_users / sizeof bus_users[0] };

#define BUS_PASSWORD "the bus password of a simulated cloud"

static void add_bus_users(Cupola__BusServerConfig *config, const char *password, Cupola__BusUser *users,
                          Cupola__BusUser **list)
{
    for (size_t i = 0; i < BUS_USERS; i++) {
        cupola__bus_user__init(&users[i]);
        users[i].user = (char *)bus_users[i].profile;
        users[i].password = (char *)password;
        users[i].profile = (char *)bus_users[i].profile;
        list[i] = &users[i];
    }
    config->n_users = BUS_USERS;
    config->users = list;
}

static const char *bus_user_of(enum component_role role)
{
    for (size_t i = 0; i < BUS_USERS; i++) {
        if (bus_users[i].role == role)
            return bus_users[i].profile;
    }
    return NULL;
}

struct wiring {
    Cupola__Endpoint bus[MOST_BUS_SERVERS];
    Cupola__Endpoint *bus_list[MOST_BUS_SERVERS];
    Cupola__BusConfig bus_config;
    Cupola__Endpoint listen;
    Cupola__Endpoint monitor_listen;
    Cupola__MonitorConfig monitor;
};

static void set_endpoint(Cupola__Endpoint *endpoint, const char *host, uint32_t port)
{
    cupola__endpoint__init(endpoint);
    endpoint->host = (char *)host;
    endpoint->has_port = true;
    endpoint->port = port;
}

static void wire(const struct cloud *cloud, const struct component *component,
                 const struct component_settings *settings, const Cupola__BusConfig *given_bus,
                 const Cupola__MonitorConfig *given_monitor, uint32_t port, struct wiring *ret_wiring)
{
    struct wiring *wiring = ret_wiring;
    size_t servers = cloud->component_counts[ROLE_BUS_SERVER];
    assert_that(servers <= MOST_BUS_SERVERS);
    for (size_t i = 0; i < servers; i++) {
        set_endpoint(&wiring->bus[i], cloud->components[ROLE_BUS_SERVER][i].home_address,
                     settings->is_wrong ? NOBODYS_PORT : BUS_PORT);
        wiring->bus_list[i] = &wiring->bus[i];
    }
    if (given_bus != NULL)
        wiring->bus_config = *given_bus;
    else
        cupola__bus_config__init(&wiring->bus_config);
    if (wiring->bus_config.user == NULL) {
        wiring->bus_config.user = (char *)bus_user_of(component->role);
        wiring->bus_config.password = (char *)BUS_PASSWORD;
    }
    wiring->bus_config.n_servers = servers;
    wiring->bus_config.servers = wiring->bus_list;
    set_endpoint(&wiring->listen, component->host->address, port);
    if (given_monitor != NULL)
        wiring->monitor = *given_monitor;
    else
        cupola__monitor_config__init(&wiring->monitor);
    set_endpoint(&wiring->monitor_listen, component->host->address, 0);
    wiring->monitor.listen = &wiring->monitor_listen;
    wiring->monitor.has_index = true;
    wiring->monitor.index = (int32_t)component->index;
}

struct slice cloud_pack(const ProtobufCMessage *message)
{
    struct slice slice = {.size = protobuf_c_message_get_packed_size(message)};
    slice.buffer = buffer_new(slice.size);
    protobuf_c_message_pack(message, slice.buffer->bytes);
    return slice;
}

/* Several bus servers are one cluster, unless the scenario configures it otherwise. */
static struct slice configure_bus_server(const struct cloud *cloud, const struct component *component,
                                         const struct component_settings *settings)
{
    Cupola__BusServerConfig config = CUPOLA__BUS_SERVER_CONFIG__INIT;
    Cupola__BusClusterConfig cluster = CUPOLA__BUS_CLUSTER_CONFIG__INIT;
    Cupola__Endpoint listen;
    Cupola__Endpoint cluster_listen;
    Cupola__Endpoint routes[MOST_BUS_SERVERS];
    Cupola__Endpoint *list[MOST_BUS_SERVERS];
    size_t servers = cloud->component_counts[ROLE_BUS_SERVER];
    assert_that(servers <= MOST_BUS_SERVERS);
    if (settings->given != NULL)
        config = *(const Cupola__BusServerConfig *)settings->given;
    Cupola__BusUser users[BUS_USERS];
    Cupola__BusUser *user_list[BUS_USERS];
    if (config.n_users == 0)
        add_bus_users(&config, settings->is_wrong ? "another password" : BUS_PASSWORD, users, user_list);
    set_endpoint(&listen, component->host->address, BUS_PORT);
    config.listen = &listen;
    if (servers > 1) {
        if (config.cluster != NULL)
            cluster = *config.cluster;
        set_endpoint(&cluster_listen, component->host->address, BUS_CLUSTER_PORT);
        cluster.listen = &cluster_listen;
        for (size_t i = 0; i < servers; i++) {
            set_endpoint(&routes[i], cloud->components[ROLE_BUS_SERVER][i].home_address, BUS_CLUSTER_PORT);
            list[i] = &routes[i];
        }
        cluster.n_routes = servers;
        cluster.routes = list;
        config.cluster = &cluster;
    }
    return cloud_pack(&config.base);
}

static struct slice configure_router(const struct cloud *cloud, const struct component *component,
                                     const struct component_settings *settings)
{
    Cupola__RouterConfig config = CUPOLA__ROUTER_CONFIG__INIT;
    if (settings->given != NULL)
        config = *(const Cupola__RouterConfig *)settings->given;
    struct wiring wiring;
    wire(cloud, component, settings, config.bus, config.monitor, ROUTER_PORT, &wiring);
    config.bus = &wiring.bus_config;
    config.listen = &wiring.listen;
    config.monitor = &wiring.monitor;
    return cloud_pack(&config.base);
}

/* The operator is an admin, so that no quota of a user stands in the way of a large cloud. */
static struct slice configure_controller(const struct cloud *cloud, const struct component *component,
                                         const struct component_settings *settings)
{
    Cupola__CloudControllerConfig config = CUPOLA__CLOUD_CONTROLLER_CONFIG__INIT;
    if (settings->given != NULL)
        config = *(const Cupola__CloudControllerConfig *)settings->given;
    struct wiring wiring;
    wire(cloud, component, settings, config.bus, config.monitor, CONTROLLER_PORT, &wiring);
    config.bus = &wiring.bus_config;
    config.listen = &wiring.listen;
    config.monitor = &wiring.monitor;
    config.advertise_host = component->host->address;
    if (config.token_key == NULL || config.token_key[0] == 0)
        config.token_key = (char *)"the key of a simulated cloud";
    char *admins[] = {(char *)"operator@cupola.test"};
    if (config.n_admins == 0) {
        config.n_admins = 1;
        config.admins = admins;
    }
    struct gateway_permits permits;
    gateways_permit(cloud, &config, &permits);
    if (settings->given == NULL || !config.has_max_memory_mb) {
        config.has_max_memory_mb = true;
        config.max_memory_mb = 1 << 30;
    }
    if (settings->given == NULL || !config.has_max_apps) {
        config.has_max_apps = true;
        config.max_apps = 1000000;
    }
    return cloud_pack(&config.base);
}

static struct slice configure_dea(const struct cloud *cloud, const struct component *component,
                                  const struct component_settings *settings)
{
    Cupola__DeaConfig config = CUPOLA__DEA_CONFIG__INIT;
    if (settings->given != NULL)
        config = *(const Cupola__DeaConfig *)settings->given;
    struct wiring wiring;
    wire(cloud, component, settings, config.bus, config.monitor, VIEWER_PORT, &wiring);
    config.bus = &wiring.bus_config;
    config.listen = &wiring.listen;
    config.monitor = &wiring.monitor;
    config.advertise_host = component->host->address;
    char zone[32];
    snprintf(zone, sizeof zone, "zone-%u", component->host->zone);
    if (config.zone == NULL && cloud->plan.zones > 1)
        config.zone = zone;
    config.has_max_memory_mb = true;
    config.max_memory_mb = cloud->plan.dea_memory_mb;
    static const char *const names[] = {"node", "python", "ruby18", "ruby19", "java"};
    enum { RUNTIMES = sizeof names / sizeof *names };
    Cupola__RuntimeConfig runtimes[RUNTIMES];
    Cupola__RuntimeConfig *list[RUNTIMES];
    for (size_t i = 0; i < RUNTIMES; i++) {
        cupola__runtime_config__init(&runtimes[i]);
        runtimes[i].name = (char *)names[i];
        runtimes[i].executable = (char *)names[i];
        list[i] = &runtimes[i];
    }
    if (config.n_runtimes == 0) {
        config.n_runtimes = RUNTIMES;
        config.runtimes = list;
    }
    return cloud_pack(&config.base);
}

static struct slice configure_health_manager(const struct cloud *cloud, const struct component *component,
                                             const struct component_settings *settings)
{
    Cupola__HealthManagerConfig config = CUPOLA__HEALTH_MANAGER_CONFIG__INIT;
    if (settings->given != NULL)
        config = *(const Cupola__HealthManagerConfig *)settings->given;
    struct wiring wiring;
    wire(cloud, component, settings, config.bus, config.monitor, 0, &wiring);
    config.bus = &wiring.bus_config;
    config.monitor = &wiring.monitor;
    return cloud_pack(&config.base);
}

/* By role: the machine, and what it is told. */
static const struct {
    const struct machine_class *class;
    struct slice (*configure)(const struct cloud *cloud, const struct component *component,
                              const struct component_settings *settings);
    const ProtobufCMessageDescriptor *config;
} roles[ROLE_COUNT] = {
    [ROLE_BUS_SERVER] = {&bus_server_class, configure_bus_server, &cupola__bus_server_config__descriptor},
    [ROLE_ROUTER] = {&router_class, configure_router, &cupola__router_config__descriptor},
    [ROLE_CONTROLLER] = {&cloud_controller_class, configure_controller, &cupola__cloud_controller_config__descriptor},
    [ROLE_HEALTH_MANAGER] = {&health_manager_class, configure_health_manager,
                             &cupola__health_manager_config__descriptor},
    [ROLE_DEA] = {&dea_class, configure_dea, &cupola__dea_config__descriptor},
    [ROLE_GATEWAY] = {&sim_gateway_class, gateway_configure, &cupola__sim_gateway_config__descriptor},
};

const ProtobufCMessageDescriptor *component_config_descriptor(enum component_role role)
{
    return roles[role].config;
}

static const ProtobufCMessage *planned_config(const struct cloud *cloud, enum component_role role)
{
    const void *const configs[ROLE_COUNT] = {
        [ROLE_BUS_SERVER] = cloud->plan.bus_server,         [ROLE_ROUTER] = cloud->plan.router,
        [ROLE_CONTROLLER] = cloud->plan.controller,         [ROLE_DEA] = cloud->plan.dea,
        [ROLE_HEALTH_MANAGER] = cloud->plan.health_manager, [ROLE_GATEWAY] = cloud->plan.gateway,
    };
    return configs[role];
}

/* Packed messages behind each other are one message in which the later one's fields count. */
struct slice component_configure(const struct cloud *cloud, const struct component *component,
                                 const struct component_settings *settings)
{
    const ProtobufCMessage *planned = planned_config(cloud, component->role);
    struct component_settings all = {.given = planned, .is_wrong = settings->is_wrong};
    struct text packed = {0};
    ProtobufCMessage *joined = NULL;
    if (settings->given != NULL) {
        struct slice first = planned == NULL ? (struct slice){0} : cloud_pack(planned);
        struct slice second = cloud_pack(settings->given);
        if (first.size > 0)
            text_add(&packed, slice_data(first), first.size);
        text_add(&packed, slice_data(second), second.size);
        buffer_unref(first.buffer);
        buffer_unref(second.buffer);
        joined = protobuf_c_message_unpack(roles[component->role].config, NULL, packed.size,
                                           (const uint8_t *)text_string(&packed));
        assert_that(joined != NULL);
        all.given = joined;
    }
    struct slice config = roles[component->role].configure(cloud, component, &all);
    if (joined != NULL)
        protobuf_c_message_free_unpacked(joined, NULL);
    text_free(&packed);
    return config;
}

static void create_process(struct cloud *cloud, struct component *component)
{
    struct slice config = component_configure(cloud, component, &(struct component_settings){0});
    bool is_controller = component->role == ROLE_CONTROLLER;
    struct process_options options = {
        .name = component->name,
        .class = roles[component->role].class,
        .config = {slice_data(config), config.size},
        .host = component->host,
        .blobs = is_controller ? cloud->blobs : NULL,
        .journal = is_controller ? cloud->journal : NULL,
        .restart_delay_ns = cloud->plan.restart_delay_ns,
        .carries_messages = component->role == ROLE_BUS_SERVER,
        .hash = cloud->plan.password_hash,
        .staging = cloud->plan.staging,
        .keeps_traces = cloud->plan.keep_traces,
    };
    component->process = process_create(cloud->world, &options);
    component->process->owner = cloud;
    if (component->role == ROLE_DEA && component->index + cloud->plan.old_deas >= cloud->plan.deas) {
        component->process->old_builds = 1;
        cloud->world->old_processes++;
    }
    buffer_unref(config.buffer);
}

/* ---- Building ---- */

/* What another writer appends in a storm of conflicts: start orders for nobody. */
static struct slice pack_foreign_entry(void)
{
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    Cupola__StartOrders nobody = CUPOLA__START_ORDERS__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_STARTS_ORDERED;
    entry.starts_ordered = &nobody;
    return cloud_pack(&entry.base);
}

static void add_balancer(struct cloud *cloud)
{
    size_t count = cloud->component_counts[ROLE_ROUTER];
    struct host **hosts = memory_new((count + 1) * sizeof(struct host *));
    for (size_t i = 0; i < count; i++)
        hosts[i] = cloud->components[ROLE_ROUTER][i].host;
    network_add_balancer(&cloud->world->network, BALANCER_ADDRESS, hosts, count);
    memory_free(hosts);
}

void cloud_build(struct cloud *cloud, const struct cloud_plan *plan)
{
    copy_plan(cloud, plan);
    struct network *network = &cloud->world->network;
    network->same_zone = link_of(&plan->link_same_zone);
    network->other_zone = link_of(&plan->link_other_zone);
    network->outside = link_of(&plan->link_outside);
    add_components(cloud, ROLE_BUS_SERVER, plan->bus_servers);
    add_components(cloud, ROLE_ROUTER, plan->routers);
    add_components(cloud, ROLE_CONTROLLER, plan->controllers);
    add_components(cloud, ROLE_HEALTH_MANAGER, plan->health_managers);
    add_components(cloud, ROLE_DEA, plan->deas);
    add_components(cloud, ROLE_GATEWAY, plan->gateways);
    cloud->storage = add_host(cloud, "storage", 0);
    cloud->storage->owner = cloud;
    cloud->storage->on_power = on_storage_power;
    cloud->outside = add_host(cloud, "outside", ZONE_OUTSIDE);
    cloud->journal = journal_store_create(cloud->storage);
    cloud->journal->foreign = pack_foreign_entry();
    cloud->blobs = blob_store_create(cloud->storage);
    cloud->client_blobs = blob_store_create(cloud->outside);
    add_balancer(cloud);
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud->component_counts[role]; i++)
            create_process(cloud, &cloud->components[role][i]);
    }
}

/* Machines of one rack do not start in the same nanosecond. */
void cloud_start_components(struct cloud *cloud)
{
    struct random_stream stream = random_named(cloud->seed, "cloud.start");
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud->component_counts[role]; i++)
            process_start(cloud->components[role][i].process, random_below(&stream, 100 * NS_PER_MS));
    }
}

/* At power on, what was wanted before is started again once the host has booted. */
static void on_power(struct host *host, bool is_on)
{
    const struct component *component = host->owner;
    if (!is_on || component == NULL || !component->process->is_wanted)
        return;
    const struct cloud *cloud = component->process->owner;
    struct random_stream stream = random_numbered(cloud->seed, "host.boot", cloud->world->now_ns ^ host->number);
    process_start(component->process, cloud->plan.boot_ns + random_below(&stream, NS_PER_S));
}

static void on_storage_power(struct host *host, bool is_on)
{
    struct cloud *cloud = host->owner;
    if (is_on)
        return;
    journal_store_lose_power(cloud->journal);
    blob_store_lose_power(cloud->blobs);
}
