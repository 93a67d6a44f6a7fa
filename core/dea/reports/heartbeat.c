/* What runs here, told to the health manager: everything from time to time, one instance when it becomes ready, and
 * every end at once. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

/* A new health manager is blind until we answer; but not all of us in the same millisecond. */
enum { EARLY_JITTER_MS = 100 };

static bool is_told(const struct instance *instance)
{
    return dea_instance_state_text(instance) != NULL && !instance->is_surrendered;
}

static void fill_beat(struct instance *instance, Cupola__InstanceHeartbeat *ret_beat)
{
    cupola__instance_heartbeat__init(ret_beat);
    ret_beat->has_droplet = true;
    ret_beat->droplet = instance->droplet;
    ret_beat->version = instance->order->version;
    ret_beat->instance = instance->id;
    ret_beat->has_index = true;
    ret_beat->index = instance->index;
    ret_beat->state = (char *)dea_instance_state_text(instance);
    ret_beat->has_state_timestamp = true;
    ret_beat->state_timestamp = instance->state_timestamp_s;
    ret_beat->has_epoch = instance->epoch != 0;
    ret_beat->epoch = instance->epoch;
    ret_beat->has_crashes = instance->crashes > 0;
    ret_beat->crashes = (int32_t)instance->crashes;
    if (instance->state == INSTANCE_CRASHED && instance->crash_detail[0] != '\0')
        ret_beat->detail = (char *)(uintptr_t)instance->crash_detail;
    ret_beat->has_is_unready = ret_beat->is_unready = instance->state == INSTANCE_UNREADY;
}

/* What every heartbeat says of its sender. What is told one by one is counted: who misses a number asks for all. */
static void fill_sender(struct dea *dea, Cupola__DeaHeartbeat *heartbeat)
{
    heartbeat->dea = dea->monitor.uuid;
    if (dea->lease.port != 0)
        heartbeat->lease_address = (char *)(uintptr_t)text_string(&dea->lease.address);
    heartbeat->life = dea->life;
    heartbeat->zone = dea->config->zone;
    heartbeat->has_sequence = true;
    heartbeat->sequence = (int64_t)dea->told;
}

/* Also when there is nothing to tell: silence would mean that we are dead. While evacuating, what was surrendered is
 * not ours to vouch for any more. */
void dea_heartbeat_publish_all(struct dea *dea)
{
    size_t most = HASH_COUNT(dea->instances);
    if (mutation_is(DEA_SILENT_WHEN_EMPTY) && most == 0)
        return;
    Cupola__InstanceHeartbeat *beats = memory_new(most * sizeof *beats);
    Cupola__InstanceHeartbeat **pointers = memory_new(most * sizeof *pointers);
    Cupola__DeaHeartbeat heartbeat = CUPOLA__DEA_HEARTBEAT__INIT;
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (!is_told(instance))
            continue;
        fill_beat(instance, &beats[heartbeat.n_droplets]);
        pointers[heartbeat.n_droplets] = &beats[heartbeat.n_droplets];
        heartbeat.n_droplets++;
    }
    heartbeat.droplets = pointers;
    fill_sender(dea, &heartbeat);
    heartbeat.has_complete = true;
    heartbeat.complete = true;
    bus_publish_message(&dea->bus, "dea.heartbeat", NULL, &heartbeat.base);
    memory_free(pointers);
    memory_free(beats);
}

static void publish_news(struct dea *dea, Cupola__InstanceHeartbeat **beats, size_t count)
{
    Cupola__DeaHeartbeat heartbeat = CUPOLA__DEA_HEARTBEAT__INIT;
    heartbeat.n_droplets = count;
    heartbeat.droplets = beats;
    dea->told++;
    fill_sender(dea, &heartbeat);
    bus_publish_message(&dea->bus, "dea.heartbeat", NULL, &heartbeat.base);
}

void dea_heartbeat_publish_one(struct instance *instance)
{
    assert_that(dea_instance_state_text(instance) != NULL);
    if (instance->is_surrendered)
        return;
    Cupola__InstanceHeartbeat beat, *pointer = &beat;
    fill_beat(instance, &beat);
    publish_news(instance->dea, &pointer, 1);
}

void dea_heartbeat_publish_healed(struct instance *crashed, struct instance *successor)
{
    assert_that(crashed->state == INSTANCE_CRASHED && dea_instance_is_live(successor));
    Cupola__InstanceHeartbeat beats[2], *pointers[] = {&beats[0], &beats[1]};
    fill_beat(crashed, &beats[0]);
    fill_beat(successor, &beats[1]);
    publish_news(successor->dea, pointers, 2);
}

void dea_heartbeat_sign_exit(struct dea *dea, Cupola__DropletExited *exited)
{
    exited->dea = dea->monitor.uuid;
    exited->life = dea->life;
    exited->has_sequence = true;
    exited->sequence = (int64_t)++dea->told;
}

void dea_heartbeat_publish_exit(struct instance *instance, const char *reason, const char *detail)
{
    if (instance->is_surrendered)
        return; /* Its end was told when we began to evacuate. */
    Cupola__DropletExited exited = CUPOLA__DROPLET_EXITED__INIT;
    exited.has_droplet = true;
    exited.droplet = instance->droplet;
    exited.version = instance->order->version;
    exited.instance = instance->id;
    exited.has_index = true;
    exited.index = instance->index;
    exited.reason = (char *)reason;
    exited.has_crash_timestamp = instance->state == INSTANCE_CRASHED;
    exited.crash_timestamp = instance->state_timestamp_s;
    exited.has_epoch = instance->epoch != 0;
    exited.epoch = instance->epoch;
    exited.detail = (char *)detail;
    if (instance->state == INSTANCE_CRASHED && instance->has_ended) {
        exited.has_exit_code = instance->signal == 0;
        exited.exit_code = instance->exit_code;
        exited.has_signal = instance->signal != 0;
        exited.signal = instance->signal;
    }
    dea_heartbeat_sign_exit(instance->dea, &exited);
    bus_publish_message(&instance->dea->bus, "droplet.exited", NULL, &exited.base);
}

/* ---- When ---- */

static void on_heartbeat_due(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, heartbeat_timer);
    if (dea->bus.is_connected)
        dea_heartbeat_publish_all(dea); /* Beats that nobody can hear are not kept: the next one tells more. */
    timer_set(&dea->machine, timer, dea->config->heartbeat_ms * NS_PER_MS, on_heartbeat_due);
}

/* The first pause is shorter by chance, so that DEAs that were started together do not beat together for ever. */
void dea_heartbeat_begin(struct dea *dea)
{
    uint64_t pause_ns = dea->config->heartbeat_ms * NS_PER_MS;
    timer_set(&dea->machine, &dea->heartbeat_timer, pause_ns - dea_jitter_ns(dea, pause_ns / 2), on_heartbeat_due);
}

static void on_early_due(struct timer *timer)
{
    dea_heartbeat_publish_all(container_of(timer, struct dea, early_heartbeat_timer));
}

void dea_heartbeat_publish_soon(struct dea *dea)
{
    if (!timer_is_set(&dea->early_heartbeat_timer))
        timer_set(&dea->machine, &dea->early_heartbeat_timer, dea_jitter_ns(dea, EARLY_JITTER_MS * NS_PER_MS),
                  on_early_due);
}

void dea_heartbeat_on_tell(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)parsed;
    (void)message;
    dea_heartbeat_publish_all(dea_of_bus(client));
}

void dea_heartbeat_on_health_manager_start(struct bus_client *client, const ProtobufCMessage *parsed,
                                           const struct bus_message *message)
{
    (void)parsed;
    (void)message;
    dea_heartbeat_publish_soon(dea_of_bus(client));
}
