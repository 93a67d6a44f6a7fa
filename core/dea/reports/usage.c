/* What each instance takes of memory, disk and CPU, measured from time to time; more than its share ends it. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/base/wall_time.h"
#include "core/dea/dea.h"

#include <stdio.h>

/* v1 granted an eighth beyond the quota, because shared pages are counted for each process. The driver holds limits
 * itself, sooner than we look, and its log says why: only what it let pass is ours. */
enum { GRANTED_EIGHTHS = 9, BREACHES_MOST = 1 };

static void judge(struct instance *instance)
{
    if (mutation_is(DEA_SETS_NO_LIMITS))
        return;
    const Cupola__DeaLimits *limits = instance->order->limits;
    uint64_t most_bytes = ((uint64_t)limits->mem << 20) / 8 * GRANTED_EIGHTHS;
    uint64_t most_disk_bytes = (uint64_t)limits->disk << 20;
    char detail[80];
    if (instance->usage.memory_bytes > most_bytes)
        snprintf(detail, sizeof detail, "memory quota exceeded: %llu KB of %d MB",
                 (unsigned long long)(instance->usage.memory_bytes >> 10), limits->mem);
    else if (instance->usage.disk_bytes > most_disk_bytes)
        snprintf(detail, sizeof detail, "disk quota exceeded: %llu KB of %d MB",
                 (unsigned long long)(instance->usage.disk_bytes >> 10), limits->disk);
    else {
        instance->usage.breaches = 0;
        return;
    }
    if (instance->usage.breaches++ >= BREACHES_MOST)
        dea_crash_instance(instance, detail);
}

static void take(struct instance *instance, const Cupola__WorkloadUsage *measured)
{
    struct instance_usage *usage = &instance->usage;
    const struct machine *machine = &instance->dea->machine;
    uint64_t passed_ns = machine->now_ns - usage->measured_ns;
    bool is_comparable = usage->measured_ns != 0 && passed_ns > 0 && measured->cpu_ns >= usage->cpu_ns;
    if (is_comparable)
        usage->cpu_permille = (uint32_t)(((measured->cpu_ns - usage->cpu_ns) * 1000 + passed_ns / 2) / passed_ns);
    usage->measured_ns = machine->now_ns;
    usage->wall_s = machine_wall_seconds(machine);
    usage->memory_bytes = measured->memory_bytes;
    usage->disk_bytes = measured->disk_bytes;
    usage->cpu_ns = measured->cpu_ns;
    if (instance->state == INSTANCE_PROBING || dea_instance_is_up(instance))
        judge(instance);
}

static void on_measured(struct op *op, const struct op_result *result)
{
    struct dea *dea = container_of(op, struct dea, usage_op);
    if (result->status != IO_OK || dea->phase == DEA_LEAVING)
        return;
    Cupola__WorkloadUsages *measured = cupola__workload_usages__unpack(NULL, result->data.size, result->data.data);
    if (measured == NULL)
        return;
    for (size_t i = 0; i < measured->n_usages; i++) {
        const Cupola__WorkloadUsage *one = measured->usages[i];
        struct instance *instance = one->workload == NULL ? NULL : dea_instance_find(dea, one->workload);
        if (instance != NULL)
            take(instance, one);
    }
    cupola__workload_usages__free_unpacked(measured, NULL);
}

/* One question and one answer, however many there are. */
static void on_usage_due(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, usage_timer);
    if (!op_is_pending(&dea->usage_op))
        op_workload_measure(&dea->machine, &dea->usage_op, on_measured);
    dea_usage_begin(dea);
}

void dea_usage_begin(struct dea *dea)
{
    if (HASH_COUNT(dea->instances) > 0 && dea->phase != DEA_LEAVING && !timer_is_set(&dea->usage_timer))
        timer_set(&dea->machine, &dea->usage_timer, dea->config->monitor_ms * NS_PER_MS, on_usage_due);
}

/* ---- For those who ask ---- */

void dea_usage_fill_stats(struct instance *instance, struct usage_stats *ret_stats)
{
    const Cupola__DeaStart *order = instance->order;
    cupola__instance_stats__init(&ret_stats->stats);
    Cupola__InstanceStats *stats = &ret_stats->stats;
    stats->name = order->name;
    stats->host = (char *)instance->dea->host;
    stats->has_port = true;
    stats->port = instance->port;
    stats->n_uris = order->n_uris;
    stats->uris = order->uris;
    stats->has_uptime = true;
    uint64_t uptime_ms = instance->ready_ns == 0 ? 0 : (instance->dea->machine.now_ns - instance->ready_ns) / NS_PER_MS;
    stats->uptime = (double)uptime_ms / 1000;
    stats->has_mem_quota = stats->has_disk_quota = stats->has_fds_quota = stats->has_cores = true;
    stats->mem_quota = (int64_t)order->limits->mem << 20;
    stats->disk_quota = (int64_t)order->limits->disk << 20;
    stats->fds_quota = order->limits->fds;
    stats->cores = 1;
    ret_stats->time = (struct text){0};
    if (instance->usage.measured_ns == 0)
        return;

    cupola__instance_usage__init(&ret_stats->usage);
    Cupola__InstanceUsage *usage = &ret_stats->usage;
    wall_time_add(&ret_stats->time, instance->usage.wall_s);
    usage->time = (char *)text_string(&ret_stats->time);
    usage->has_cpu = usage->has_mem = usage->has_disk = true;
    usage->cpu = (double)instance->usage.cpu_permille / 10;
    usage->mem = (double)(instance->usage.memory_bytes >> 10);
    usage->disk = (int64_t)instance->usage.disk_bytes;
    stats->usage = usage;
}

void dea_usage_free_stats(struct usage_stats *stats)
{
    text_free(&stats->time);
}
