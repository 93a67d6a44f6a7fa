/* Leaving without a failed request: everybody hears at once that our instances are about to go, so that others start
 * them anew; ours serve until each has been replaced, or the time is up, and only then say goodbye to the routers. */
#include "core/base/duration.h"
#include "core/dea/dea.h"
#include "core/wire/json.h"

#include <string.h>

/* ---- Ending ---- */

static void on_nobody_left(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, evacuation_timer);
    machine_log(&dea->machine, LOG_INFO, "evacuated");
    bus_unsubscribe(&dea->replacements);
    dea_leave(dea);
}

/* Crashed ones need nobody: their files wait for our next life. */
static bool needs_us(const struct instance *instance)
{
    return instance->state != INSTANCE_CRASHED && instance->state != INSTANCE_GONE;
}

void dea_evacuation_check_end(struct dea *dea)
{
    if (dea->phase != DEA_EVACUATING)
        return;
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (needs_us(instance))
            return;
    }
    timer_set(&dea->machine, &dea->evacuation_timer, 0, on_nobody_left);
}

static void on_time_up(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, evacuation_timer);
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (!dea_instance_is_live(instance))
            continue;
        machine_log(&dea->machine, LOG_WARNING, "%s-%d was not replaced in time", instance->order->name,
                    instance->index);
        dea_stop_instance(instance, NULL);
    }
}

/* ---- Replacements ---- */

/* The same index of the same app, elsewhere or by a newer start. */
static bool replaces(const Cupola__RouterRegister *route, const struct instance *instance)
{
    if (!route->has_app || !route->has_index || route->app != instance->droplet || route->index != instance->index)
        return false;
    bool is_elsewhere = route->dea != NULL && strcmp(route->dea, instance->dea->monitor.uuid) != 0;
    bool is_newer = route->has_epoch && route->epoch > instance->epoch;
    bool is_older = route->has_epoch && route->epoch < instance->epoch;
    return is_newer || (is_elsewhere && !is_older);
}

static void on_registered(struct bus_subscription *subscription, const struct bus_message *message)
{
    struct dea *dea = container_of(subscription, struct dea, replacements);
    struct json_error error;
    ProtobufCMessage *parsed = json_read(&cupola__router_register__descriptor, message->payload, JSON_LENIENT, &error);
    if (parsed == NULL)
        return;
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->state == INSTANCE_RUNNING && replaces((const Cupola__RouterRegister *)parsed, instance))
            dea_stop_instance(instance, NULL);
    }
    protobuf_c_message_free_unpacked(parsed, NULL);
}

/* ---- Beginning ---- */

static void surrender(struct instance *instance)
{
    dea_heartbeat_publish_exit(instance, "DEA_EVACUATION", NULL);
    instance->is_surrendered = true;
    if (instance->state != INSTANCE_RUNNING)
        dea_stop_instance(instance, NULL); /* It serves nobody yet. */
}

void dea_evacuation_begin(struct machine *machine)
{
    struct dea *dea = container_of(machine, struct dea, machine);
    if (dea->phase != DEA_OPEN)
        return;
    if (!dea->is_recovered) { /* We know of no instance yet, and nobody knows of us. */
        dea_leave(dea);
        return;
    }
    machine_log(&dea->machine, LOG_INFO, "evacuating %u instances", dea->held_count);
    dea->phase = DEA_EVACUATING;
    bus_subscribe(&dea->bus, &dea->replacements, "router.register", NULL, on_registered);
    timer_set(&dea->machine, &dea->evacuation_timer, dea->config->evacuation_ms * NS_PER_MS, on_time_up);
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (dea_instance_is_live(instance))
            surrender(instance);
    }
    dea_evacuation_check_end(dea);
}

void dea_evacuation_on_order(struct bus_client *client, const ProtobufCMessage *parsed,
                             const struct bus_message *message)
{
    (void)parsed;
    (void)message;
    dea_evacuation_begin(&dea_of_bus(client)->machine);
}
