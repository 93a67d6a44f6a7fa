/* The router on the bus: it asks everyone to register at its start and every start_interval, and keeps the table. While
 * the bus is away routes stay as they are: nobody could refresh them. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/router/backend.h"

/* As v1's last router called itself. */
#define ROUTER_VERSION 0.98

static struct router *router_of(struct bus_client *client)
{
    return container_of(client, struct router, bus);
}

/* ---- Retired endpoints ---- */

void router_release_retired(struct router *router)
{
    struct endpoint *endpoint;
    while ((endpoint = table_take_retired(&router->table)) != NULL) {
        pool_flush(endpoint);
        if (endpoint->backend_count == 0)
            endpoint_free(endpoint);
    }
}

/* ---- Messages ---- */

static void tell_refused(struct router *router, enum table_result result, const Cupola__RouterRegister *message)
{
    const char *host = message->host == NULL ? "" : message->host;
    if (result == TABLE_FULL)
        machine_log(&router->machine, LOG_WARNING, "the routing table is full: %.64s:%d was not taken", host,
                    message->port);
    else if (result == TABLE_MALFORMED)
        machine_log(&router->machine, LOG_DEBUG, "a registration of %.64s:%d is malformed", host, message->port);
    else if (result == TABLE_OUTDATED)
        machine_log(&router->machine, LOG_DEBUG, "a registration of %.64s:%d is outdated", host, message->port);
}

static void on_register(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct router *router = router_of(client);
    const Cupola__RouterRegister *registration = (const Cupola__RouterRegister *)parsed;
    tell_refused(router, table_register(&router->table, registration, router->machine.now_ns), registration);
    router_release_retired(router);
}

static void on_unregister(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct router *router = router_of(client);
    const Cupola__RouterRegister *registration = (const Cupola__RouterRegister *)parsed;
    tell_refused(router, table_unregister(&router->table, registration, router->machine.now_ns), registration);
    router_release_retired(router);
}

static const struct bus_route routes[] = {
    {.subject = "router.register", .payload = &cupola__router_register__descriptor, .handle = on_register},
    {.subject = "router.unregister", .payload = &cupola__router_register__descriptor, .handle = on_unregister},
};

/* ---- router.start and pruning ---- */

static void on_start_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, start_timer);
    if (router->bus.is_connected) {
        Cupola__RouterStart message = CUPOLA__ROUTER_START__INIT;
        message.id = router->id;
        message.has_version = true;
        message.version = ROUTER_VERSION;
        bus_publish_message(&router->bus, "router.start", NULL, &message.base);
    }
    timer_set(&router->machine, timer, router->settings.start_interval_ns, on_start_timer);
}

static void on_sweep_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, sweep_timer);
    if (router->bus.is_connected && !mutation_is(ROUTER_NEVER_PRUNES)) {
        table_prune(&router->table, router->machine.now_ns);
        router_release_retired(router);
    }
    timer_set(&router->machine, timer, router->settings.sweep_interval_ns, on_sweep_timer);
}

static void on_connected(struct bus_client *client, bool again)
{
    struct router *router = router_of(client);
    if (!again)
        router->settled_at_ns = router->machine.now_ns + router->settings.settle_ns;
    table_restart_clocks(&router->table, router->machine.now_ns);
    on_start_timer(&router->start_timer);
}

static const struct bus_client_handlers handlers = {.on_connected = on_connected};

bool router_is_settling(const struct router *router)
{
    return router->machine.now_ns < router->settled_at_ns;
}

void router_open_bus(struct router *router, const Cupola__BusConfig *config)
{
    router->settled_at_ns = NEVER_NS;
    bus_client_open(&router->machine, &router->bus, config, "router", &handlers);
    bus_listen(&router->bus, routes, sizeof routes / sizeof routes[0]);
    timer_set(&router->machine, &router->sweep_timer, router->settings.sweep_interval_ns, on_sweep_timer);
}
