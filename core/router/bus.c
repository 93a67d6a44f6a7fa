/* The router on the bus: it asks everyone to register at its start and every start_interval, and keeps the table. While
 * the bus is away routes stay as they are: nobody could refresh them. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/router/back/backend.h"

/* As v1's last router called itself. */
#define ROUTER_VERSION 0.98

enum { LONELY_PERIODS = 10, SWEEP_BUDGET = 10000, SWEEP_PAUSE_MS = 10, NEWS_PAUSE_MS = 100 };

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
        if (endpoint->contact == NULL || endpoint->contact->backend_count == 0)
            endpoint_end(router, endpoint);
        else
            endpoint_stop_probing(router, endpoint);
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
    router_put_off_settling(router);
    tell_refused(router, table_register(&router->table, registration, router->machine.now_ns), registration);
    router_note_change(router, registration);
    router_release_retired(router);
}

static void on_unregister(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct router *router = router_of(client);
    const Cupola__RouterRegister *registration = (const Cupola__RouterRegister *)parsed;
    tell_refused(router, table_unregister(&router->table, registration, router->machine.now_ns), registration);
    router_note_change(router, registration);
    router_release_retired(router);
}

static const struct bus_route routes[] = {
    {.subject = "router.register", .payload = &cupola__router_register__descriptor, .handle = on_register},
    {.subject = "router.unregister", .payload = &cupola__router_register__descriptor, .handle = on_unregister},
};

/* ---- router.start and pruning ---- */

/* One of 2011 registers again only when it is asked; those of ours need to be asked only by a router that is new or was
 * cut off. So the question is asked in each period while the table knows anybody of 2011, and in every tenth otherwise.
 */
static void ask(struct router *router, bool is_new)
{
    Cupola__RouterStart message = CUPOLA__ROUTER_START__INIT;
    bool is_wanted = is_new || router->table.v1_count > 0 || router->starts_sent % LONELY_PERIODS == 0;
    router->starts_sent++;
    if (!is_wanted || !router->bus.is_connected)
        return;
    message.id = router->id;
    message.has_version = true;
    message.version = ROUTER_VERSION;
    message.has_wants_table = true;
    message.wants_table = true;
    bus_publish_message(&router->bus, "router.start", is_new ? router->inbox_subject : NULL, &message.base);
}

static void on_start_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, start_timer);
    ask(router, false);
    timer_set(&router->machine, timer, router->settings.start_interval_ns, on_start_timer);
}

/* What is left after the budget of one step follows in the next ones: requests come in between. */
static void on_sweep_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, sweep_timer);
    bool is_done = true;
    bool may_prune = router->bus.is_connected || mutation_is(ROUTER_PRUNES_WITHOUT_BUS);
    if (may_prune && !mutation_is(ROUTER_NEVER_PRUNES)) {
        is_done = table_prune(&router->table, router->machine.now_ns, SWEEP_BUDGET);
        router_release_retired(router);
    }
    uint64_t pause_ns = is_done ? router->settings.sweep_interval_ns : SWEEP_PAUSE_MS * NS_PER_MS;
    timer_set(&router->machine, timer, pause_ns, on_sweep_timer);
}

/* Also after an outage the table is behind: what came meanwhile is not known. */
static void on_connected(struct bus_client *client, bool again)
{
    struct router *router = router_of(client);
    (void)again;
    uint64_t now_ns = router->machine.now_ns;
    if (!mutation_is(ROUTER_SERVES_AT_ONCE)) {
        router->settled_at_ns = now_ns + router->settings.settle_ns;
        router->settled_by_ns = now_ns + router->settings.settle_most_ns;
    }
    table_restart_clocks(&router->table, now_ns);
    ask(router, true);
    timer_set(&router->machine, &router->start_timer, router->settings.start_interval_ns, on_start_timer);
}

static void on_news_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, news_timer);
    if (!mutation_is(ROUTER_MISSES_GAPS))
        ask(router, true);
}

/* Servers that were cut off from each other are together again, perhaps: a DEA on the other side has said things that
 * did not come here. They still tell each other who listens to what. */
static void on_news(struct bus_client *client)
{
    struct router *router = router_of(client);
    uint64_t pause_ns = (NEWS_PAUSE_MS + random_below(&router->pick_stream, NEWS_PAUSE_MS)) * NS_PER_MS;
    timer_set(&router->machine, &router->news_timer, pause_ns, on_news_timer);
}

static const struct bus_client_handlers handlers = {.on_connected = on_connected, .on_news = on_news};

bool router_is_settling(const struct router *router)
{
    uint64_t now_ns = router->machine.now_ns;
    if (mutation_is(ROUTER_SERVES_AT_ONCE))
        return false;
    return now_ns < router->settled_at_ns || (router->pull_count > 0 && now_ns < router->settled_by_ns);
}

void router_open_bus(struct router *router, const Cupola__BusConfig *config)
{
    router->settled_at_ns = NEVER_NS;
    bus_client_open(&router->machine, &router->bus, config, "router", &handlers);
    bus_listen(&router->bus, routes, sizeof routes / sizeof routes[0]);
    digests_open(router);
    lonely_open(router);
    timer_set(&router->machine, &router->sweep_timer, router->settings.sweep_interval_ns, on_sweep_timer);
}
