/* Faults of the apps' processes: of those that run, and of all that an app starts meanwhile. */
#include "core/base/memory.h"
#include "sim/faults/state.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- Instances ---- */

/* A number that is its own to each process and fault. */
static uint64_t lot_of(const struct fault *fault, const struct workload *workload)
{
    return random_hash(fault->random.key, workload->name, strlen(workload->name));
}

static int compare_lots(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static bool is_hit(const struct fault *fault, const struct workload *workload)
{
    return workload->is_running && fault_means_workload(fault, workload) && fault->began_ns >= workload->started_ns &&
           lot_of(fault, workload) <= fault->highest_lot;
}

/* Of those that run now the share with the lowest lots; one at least. */
static void draw_lots(struct fault *fault)
{
    uint64_t *lots = NULL;
    size_t count = 0, capacity = 0;
    fault->highest_lot = UINT64_MAX;
    if (fault->spec.share_ppm == 0)
        return;
    for (size_t i = 0; i < fault->cloud->world->host_count; i++) {
        for (struct workload *at = fault->cloud->world->hosts[i]->workloads; at != NULL; at = at->next) {
            if (!is_hit(fault, at))
                continue;
            lots = memory_room(lots, count, &capacity, sizeof *lots);
            lots[count++] = lot_of(fault, at);
        }
    }
    if (count > 0) {
        qsort(lots, count, sizeof *lots, compare_lots);
        fault->highest_lot = lots[fault_share_of(&fault->spec, count) - 1];
    }
    memory_free(lots);
}

/* What all such faults that are active make of it. */
static void refresh(const struct cloud *cloud, struct workload *workload)
{
    workload->hangs = workload->is_sick = false;
    workload->slow_ns = 0;
    for (size_t i = 0; i < cloud->fault_count; i++) {
        const struct fault *fault = cloud->faults[i];
        if (fault->state != FAULT_ACTIVE || !fault_kind_takes_instances(fault->spec.kind) || !is_hit(fault, workload))
            continue;
        workload->hangs = workload->hangs || fault->spec.kind == FAULT_HANG_INSTANCE;
        workload->is_sick = workload->is_sick || fault->spec.kind == FAULT_SICK_INSTANCE;
        workload->slow_ns += fault->spec.kind == FAULT_SLOW_INSTANCE ? fault->step_cost_ns : 0;
    }
}

static void change_instances(struct fault *fault)
{
    for (size_t i = 0; i < fault->cloud->world->host_count; i++) {
        for (struct workload *at = fault->cloud->world->hosts[i]->workloads; at != NULL; at = at->next) {
            if (fault->spec.kind != FAULT_KILL_INSTANCE)
                refresh(fault->cloud, at);
            else if (is_hit(fault, at))
                workload_send_signal(at, SIGKILL);
        }
    }
}

/* ---- Apps ---- */

static void apply_to_app(struct fault *fault)
{
    struct app_trouble *trouble = &fault->app_trouble;
    trouble->app = fault->spec.target;
    trouble->share_ppm = fault->spec.share_ppm;
    trouble->key = fault->random.key;
    trouble->never_binds = fault->spec.kind == FAULT_APP_NEVER_BINDS;
    trouble->ignores_term = fault->spec.kind == FAULT_APP_IGNORES_TERM;
    trouble->cannot_fork = fault->spec.kind == FAULT_APP_CANNOT_FORK;
    trouble->is_port_taken = fault->spec.kind == FAULT_APP_PORT_TAKEN;
    trouble->is_unreaped = fault->spec.kind == FAULT_APP_ZOMBIE;
    trouble->exits_well = fault->spec.kind == FAULT_APP_EXITS_WELL;
    if (fault->spec.kind == FAULT_APP_CRASHES)
        trouble->exit_after_ns = distribution_sample(&fault->spec.delay, &fault->random);
    else if (fault->spec.kind == FAULT_APP_SLOW_BOOT)
        trouble->boot_extra = fault->spec.delay;
    else if (fault->spec.kind == FAULT_APP_LEAKS)
        trouble->growth_bytes_per_s = (uint64_t)fault->spec.amount;
    app_trouble_begin(fault->cloud->world, trouble);
}

/* ---- Both ---- */

void fault_apply_to_workloads(struct fault *fault)
{
    if (!fault_kind_takes_instances(fault->spec.kind)) {
        apply_to_app(fault);
        return;
    }
    if (fault->spec.kind == FAULT_SLOW_INSTANCE)
        fault->step_cost_ns = distribution_sample(&fault->spec.delay, &fault->random);
    draw_lots(fault);
    change_instances(fault);
}

void fault_undo_on_workloads(struct fault *fault)
{
    if (fault_kind_takes_instances(fault->spec.kind))
        change_instances(fault);
    else
        app_trouble_end(fault->cloud->world, &fault->app_trouble);
}
