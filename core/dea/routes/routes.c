/* What the routers are told: an instance is registered while it is RUNNING, and unregistered before anything else is
 * said of its end. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

#include <string.h>

/* Routers want their table back at once, but not from everybody in the same millisecond. */
enum { REGISTER_JITTER_MS = 100 };

void dea_routes_fill(struct instance *instance, Cupola__RouterRegister *ret_route)
{
    const Cupola__DeaStart *order = instance->order;
    cupola__router_register__init(ret_route);
    ret_route->dea = instance->dea->monitor.uuid;
    ret_route->host = (char *)instance->dea->host;
    ret_route->has_port = true;
    ret_route->port = instance->port;
    ret_route->n_uris = instance->order->n_uris;
    ret_route->uris = instance->order->uris;
    ret_route->has_app = true;
    ret_route->app = instance->droplet;
    ret_route->private_instance_id = instance->id;
    ret_route->has_index = true;
    ret_route->index = instance->index;
    ret_route->version = instance->order->version;
    ret_route->has_epoch = instance->epoch != 0;
    ret_route->epoch = instance->epoch;
    ret_route->zone = instance->dea->config->zone;
    ret_route->balance = order->balance;
    ret_route->balance_header = order->balance_header;
    ret_route->protocol = order->protocol;
    ret_route->life = mutation_is(DEA_KNOWS_NO_TABLES) ? NULL : instance->dea->life;
    ret_route->has_sequence = true;
    ret_route->sequence = (int64_t)instance->dea->route_changes;
}

/* Routers know by the number which of two messages is the later one. */
static void count_change(struct instance *instance)
{
    instance->dea->route_changes++;
    dea_route_table_tell_soon(instance->dea);
}

/* Also an instance without URIs registers: those who evacuate wait for the sight of its replacement. */
void dea_routes_register(struct instance *instance)
{
    const Cupola__DeaStart *order = instance->order;
    Cupola__RouterRegister__TagsEntry tags[2];
    Cupola__RouterRegister__TagsEntry *tag_list[2];
    Cupola__RouterRegister route;
    if (!instance->is_registered)
        count_change(instance);
    dea_routes_fill(instance, &route);
    const char *names[2] = {"framework", "runtime"};
    char *values[2] = {order->framework, order->runtime};
    for (size_t i = 0; i < 2; i++) {
        if (values[i] == NULL)
            continue;
        cupola__router_register__tags_entry__init(&tags[route.n_tags]);
        tags[route.n_tags].key = (char *)names[i];
        tags[route.n_tags].value = values[i];
        tag_list[route.n_tags] = &tags[route.n_tags];
        route.n_tags++;
    }
    route.tags = tag_list;
    instance->is_registered = true;
    bus_publish_message(&instance->dea->bus, "router.register", NULL, &route.base);
}

void dea_routes_unregister(struct instance *instance)
{
    if (!instance->is_registered)
        return;
    instance->is_registered = false;
    if (mutation_is(DEA_FORGETS_UNREGISTER))
        return;
    Cupola__RouterRegister route;
    count_change(instance);
    dea_routes_fill(instance, &route);
    route.has_was_ended = instance->was_ended;
    route.was_ended = instance->was_ended;
    if (instance->was_ended)
        dea_route_table_note_ended(instance);
    bus_publish_message(&instance->dea->bus, "router.unregister", NULL, &route.base);
}

/* Nothing registers after its goodbye: only what is registered now is told again. */
static void register_all(struct dea *dea)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->is_registered)
            dea_routes_register(instance);
    }
}

/* The digest behind it tells of what was lost and is not registered any more. */
static void on_register_due(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, register_timer);
    register_all(dea);
    dea_route_table_publish_digest(dea);
}

void dea_routes_register_soon(struct dea *dea)
{
    if (!timer_is_set(&dea->register_timer))
        timer_set(&dea->machine, &dea->register_timer, dea_jitter_ns(dea, REGISTER_JITTER_MS * NS_PER_MS),
                  on_register_due);
}

/* A router of ours compares digests, and only a new one asks for one; one of 2011 wants everything each time. */
void dea_routes_on_router_start(struct bus_client *client, const ProtobufCMessage *parsed,
                                const struct bus_message *message)
{
    const Cupola__RouterStart *start = (const Cupola__RouterStart *)parsed;
    struct dea *dea = dea_of_bus(client);
    if (!start->wants_table || mutation_is(DEA_KNOWS_NO_TABLES))
        dea_routes_register_soon(dea);
    else if (message->reply != NULL)
        dea_route_table_answer_digest(dea, message);
}

/* ---- dea.update: an app's URIs have changed ---- */

static bool is_among(const char *uri, char *const *uris, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(uris[i], uri) == 0)
            return true;
    return false;
}

static void unregister_removed(struct instance *instance, const Cupola__DeaUpdate *update)
{
    Cupola__RouterRegister route;
    dea_routes_fill(instance, &route);
    char **removed = memory_new(route.n_uris * sizeof *removed);
    size_t count = 0;
    for (size_t i = 0; i < route.n_uris; i++)
        if (!is_among(route.uris[i], update->uris, update->n_uris))
            removed[count++] = route.uris[i];
    route.uris = removed;
    route.n_uris = count;
    if (count > 0) {
        count_change(instance);
        route.sequence = (int64_t)instance->dea->route_changes;
        bus_publish_message(&instance->dea->bus, "router.unregister", NULL, &route.base);
    }
    memory_free(removed);
}

/* Updates can come twice, and overtake each other: two controllers tell them, and what was said before a reconnect is
 * said again. */
static bool is_outdated(const struct instance *instance, const Cupola__DeaUpdate *update)
{
    return update->has_sequence && (update->sequence < instance->uris_sequence || update->sequence < instance->epoch);
}

void dea_routes_on_update(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct dea *dea = dea_of_bus(client);
    const Cupola__DeaUpdate *update = (const Cupola__DeaUpdate *)parsed;
    bool is_changed = false;
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->droplet != update->droplet || !dea_instance_is_live(instance) || is_outdated(instance, update))
            continue;
        instance->uris_sequence = update->sequence;
        if (instance->is_registered)
            unregister_removed(instance, update);
        dea_instance_set_uris(instance, update->uris, update->n_uris);
        if (instance->is_registered)
            count_change(instance);
        if (instance->is_registered || mutation_is(DEA_MAPS_WHAT_STARTS))
            dea_routes_register(instance);
        is_changed = true;
    }
    if (is_changed)
        dea_saved_write(dea);
}
