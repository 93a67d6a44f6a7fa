/* Ends that nobody asked for: the process ended, never became ready, or took more than its share. The world hears of it
 * at once; the files stay for a while, for those who want to know why. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/dea/dea.h"

#include <stdio.h>

enum { SIGNAL_KILL = 9, SIGNAL_TERMINATE = 15 };

static void on_kept_long_enough(struct timer *timer)
{
    struct instance *instance = container_of(timer, struct instance, timer);
    dea_stop_remove(instance);
    dea_saved_write(instance->dea);
}

/* A crash loop leaves many behind: the oldest make room. */
static void reap_beyond_limit(struct dea *dea)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (dea->crashed_count <= dea->config->max_crashed)
            return;
        if (instance->state == INSTANCE_CRASHED)
            dea_stop_remove(instance);
    }
}

void dea_crash_keep_files(struct instance *instance)
{
    struct dea *dea = instance->dea;
    assert_that(instance->state == INSTANCE_CRASHED);
    timer_set(&dea->machine, &instance->timer, dea->config->crash_keep_ms * NS_PER_MS, on_kept_long_enough);
    reap_beyond_limit(dea);
}

void dea_crash_instance(struct instance *instance, const char *detail)
{
    struct dea *dea = instance->dea;
    machine_log(&dea->machine, LOG_WARNING, "%s-%d-%s crashed: %s", instance->order->name, instance->index,
                instance->id, detail);
    dea_routes_unregister(instance);
    dea_probe_end(instance);
    dea_watch_end(instance);
    dea_instance_move(instance, INSTANCE_CRASHED);
    snprintf(instance->crash_detail, sizeof instance->crash_detail, "%s", detail);
    instance->is_exit_untold = dea_standing_holds_back_exit(dea);
    if (!instance->is_exit_untold)
        dea_heartbeat_publish_exit(instance, "CRASHED", detail);
    if (instance->exit_seen)
        dea_instance_release_resources(instance);
    else
        workload_signal(&dea->machine, instance->id, SIGNAL_KILL); /* Its memory is free when EXITED comes. */
    dea_standing_note_crash(instance);
    dea_crash_keep_files(instance);
    dea_saved_write(dea);
    dea_evacuation_check_end(dea);
}

static const char *breach_text(enum workload_breach breach)
{
    switch (breach) {
    case BREACH_MEMORY:
        return "out of memory";
    case BREACH_DISK:
        return "its files outgrew its disk quota";
    case BREACH_PROCESSES:
        return "too many processes";
    case BREACH_NONE:
        break;
    }
    return "no limit";
}

void dea_crash_on_exited(struct machine *machine, const char *workload, int exit_code, int signal,
                         enum workload_breach breach)
{
    struct dea *dea = container_of(machine, struct dea, machine);
    struct instance *instance = dea_instance_find(dea, workload);
    if (instance == NULL)
        return; /* It was being removed while this was on its way. */
    if (dea->phase == DEA_LEAVING)
        return; /* Our next life will find it dead, and can still tell somebody. */
    instance->exit_seen = instance->has_ended = true;
    instance->exit_code = exit_code;
    instance->signal = signal;
    instance->was_ended = breach == BREACH_NONE && (signal == SIGNAL_KILL || signal == SIGNAL_TERMINATE);
    char detail[80];
    if (breach != BREACH_NONE)
        snprintf(detail, sizeof detail, "killed: %s", breach_text(breach));
    else if (signal != 0)
        snprintf(detail, sizeof detail, "ended by signal %d", signal);
    else
        snprintf(detail, sizeof detail, "ended with exit code %d", exit_code);

    switch (instance->state) {
    case INSTANCE_PROBING:
    case INSTANCE_RUNNING:
    case INSTANCE_UNREADY:
        dea_crash_instance(instance, detail);
        break;
    case INSTANCE_STOPPING:
        dea_instance_release_resources(instance);
        if (!op_is_pending(&instance->op))
            dea_stop_remove(instance);
        break;
    case INSTANCE_CRASHED:
        dea_instance_release_resources(instance);
        dea_standing_review(dea);
        break;
    case INSTANCE_LAUNCHING: /* The answer to the launch will see it. */
    case INSTANCE_FETCHING:
    case INSTANCE_REMOVING:
    case INSTANCE_GONE:
        break;
    }
}
