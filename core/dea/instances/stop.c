/* Orderly ends. First the routers forget the instance and everybody hears that it has stopped; it goes on serving for a
 * moment, for requests that are under way and routers that hear late; then its process gets SIGTERM, a while to finish
 * what it has begun, SIGKILL, and its files are deleted. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

enum {
    SIGNAL_TERMINATE = 15,
    SIGNAL_KILL = 9,
    REMOVE_RETRY_MS = 1000,
    MOST_REMOVALS = 10,
    LEASE_GRACE_MS = 9000,
    MOST_GRACE_MS = 600000
};

static void on_removed(struct op *op, const struct op_result *result);

static void remove_workload(struct instance *instance)
{
    instance->removals++;
    op_workload_remove(&instance->dea->machine, &instance->op, instance->id, on_removed);
}

static void on_remove_again(struct timer *timer)
{
    remove_workload(container_of(timer, struct instance, timer));
}

static void on_removed(struct op *op, const struct op_result *result)
{
    struct instance *instance = container_of(op, struct instance, op);
    struct dea *dea = instance->dea;
    bool is_gone = result->status == IO_OK || result->status == IO_NOT_FOUND || result->status == IO_CANCELLED;
    if (!is_gone) {
        machine_log(&dea->machine, LOG_ERROR, "cannot remove the files of %s: %s", instance->id,
                    io_status_name(result->status));
        if (instance->removals < MOST_REMOVALS) {
            timer_set(&dea->machine, &instance->timer, REMOVE_RETRY_MS * NS_PER_MS, on_remove_again);
            return;
        }
    }
    dea_instance_move(instance, INSTANCE_GONE);
    dea_saved_write(dea);
    dea_instance_bury(instance);
}

void dea_stop_remove(struct instance *instance)
{
    dea_instance_move(instance, INSTANCE_REMOVING);
    remove_workload(instance);
}

static void on_grace_over(struct timer *timer)
{
    struct instance *instance = container_of(timer, struct instance, timer);
    machine_log(&instance->dea->machine, LOG_WARNING, "%s-%d does not end by itself: killed", instance->order->name,
                instance->index);
    workload_signal(&instance->dea->machine, instance->id, SIGNAL_KILL);
    dea_stop_remove(instance);
}

static uint64_t grace_ms(const struct instance *instance)
{
    uint64_t grace_ms = instance->dea->config->stop_grace_ms;
    if (instance->order->has_grace_ms && instance->order->grace_ms >= 0)
        grace_ms = (uint64_t)instance->order->grace_ms;
    uint64_t most_ms = instance->is_lease_over ? LEASE_GRACE_MS : MOST_GRACE_MS;
    return grace_ms < most_ms ? grace_ms : most_ms;
}

void dea_stop_process(struct instance *instance)
{
    struct dea *dea = instance->dea;
    assert_that(instance->state == INSTANCE_STOPPING);
    if (instance->exit_seen) {
        dea_stop_remove(instance);
        return;
    }
    workload_signal(&dea->machine, instance->id, SIGNAL_TERMINATE);
    timer_set(&dea->machine, &instance->timer, grace_ms(instance) * NS_PER_MS, on_grace_over);
}

/* One that never had a process leaves no trace. */
static void drop_fetching(struct instance *instance, const char *reason, const char *detail)
{
    struct dea *dea = instance->dea;
    dea_droplets_unwant(&dea->droplets, instance);
    dea_probe_end(instance);
    dea_heartbeat_publish_exit(instance, reason, detail);
    dea_instance_move(instance, INSTANCE_GONE);
    dea_instance_bury(instance);
}

static void on_drained(struct timer *timer)
{
    struct instance *instance = container_of(timer, struct instance, timer);
    if (mutation_is(DEA_REGISTERS_AFTER_GOODBYE)) {
        dea_routes_register(instance);
        instance->is_registered = false;
    }
    dea_stop_process(instance);
}

/* One whose launch is under way is told as soon as it can hear. */
static void stop_launched(struct instance *instance, const char *reason, const char *detail)
{
    bool may_serve = instance->is_registered && !instance->is_lease_over;
    instance->was_ended = true;
    dea_routes_unregister(instance);
    dea_probe_end(instance);
    dea_watch_end(instance);
    dea_instance_move(instance, INSTANCE_STOPPING);
    dea_heartbeat_publish_exit(instance, reason, detail);
    dea_saved_write(instance->dea);
    struct dea *dea = instance->dea;
    if (may_serve && dea->config->drain_ms > 0)
        timer_set(&dea->machine, &instance->timer, dea->config->drain_ms * NS_PER_MS, on_drained);
    else if (!op_is_pending(&instance->op))
        dea_stop_process(instance);
}

static void stop_instance(struct instance *instance, const char *reason, const char *detail)
{
    switch (instance->state) {
    case INSTANCE_FETCHING:
        drop_fetching(instance, reason, detail);
        break;
    case INSTANCE_LAUNCHING:
    case INSTANCE_PROBING:
    case INSTANCE_RUNNING:
    case INSTANCE_UNREADY:
        stop_launched(instance, reason, detail);
        break;
    case INSTANCE_CRASHED: /* Its end was told already. */
        dea_stop_remove(instance);
        dea_saved_write(instance->dea);
        break;
    case INSTANCE_STOPPING:
    case INSTANCE_REMOVING:
    case INSTANCE_GONE:
        break;
    }
}

void dea_stop_instance(struct instance *instance, const char *detail)
{
    stop_instance(instance, "STOPPED", detail);
}

void dea_stop_without_lease(struct instance *instance)
{
    instance->is_lease_over = true;
    stop_instance(instance, "DEA_SHUTDOWN", "no health manager has renewed its lease");
}

void dea_stop_on_order(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct dea *dea = dea_of_bus(client);
    const Cupola__DeaStop *stop = (const Cupola__DeaStop *)parsed;
    if (!stop->has_droplet)
        return;
    dea_fences_add(&dea->fences, stop);
    struct instance_filter filter = {
        .droplet = stop->droplet,
        .version = stop->version,
        .instances = stop->instances,
        .instance_count = stop->n_instances,
        .indices = stop->indices,
        .index_count = stop->n_indices,
        .states = stop->states,
        .state_count = stop->n_states,
        .epoch = stop->epoch,
        .wanted_epochs = stop->wanted_epochs,
        .wanted_count = stop->n_wanted_epochs,
    };
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (dea_instance_matches(instance, &filter))
            dea_stop_instance(instance, NULL);
    }
}
