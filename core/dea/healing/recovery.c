/* The DEA's own restart harms no instance: workloads live on without us and carry notes, from which we know them again.
 *
 *   running                     probed again, and registered as soon as the port accepts
 *   dead, and nobody knows      unregistered, reported as crashed, files kept
 *   dead, reported before       files kept, no word
 *   told to stop before         stopped, no word
 *   note unreadable             not ours, or damaged: removed
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

#include <stdio.h>
#include <string.h>

enum { SIGNAL_KILL = 9, LIST_AGAIN_MS = 1000 };

static bool is_note_usable(const Cupola__DeaInstance *note, const char *workload)
{
    return note != NULL && note->instance != NULL && strcmp(note->instance, workload) == 0 &&
           strlen(workload) == INSTANCE_ID_SIZE - 1 && note->port > 0 && note->port <= UINT16_MAX &&
           note->start != NULL && note->start->name != NULL && note->start->version != NULL &&
           note->start->runtime != NULL && note->start->sha1 != NULL && note->start->executableuri != NULL;
}

/* ---- One survivor ---- */

static void on_stranger_removed(struct op *op, const struct op_result *result)
{
    (void)result;
    memory_free(op);
}

static void remove_stranger(struct dea *dea, const char *workload)
{
    machine_log(&dea->machine, LOG_WARNING, "workload %s has no readable note: removed", workload);
    struct op *op = memory_new(sizeof *op);
    op_workload_remove(&dea->machine, op, workload, on_stranger_removed);
}

static enum instance_state state_after(const Cupola__DeaInstanceChange *change, bool running)
{
    if (change != NULL && change->stopping)
        return INSTANCE_STOPPING;
    if (change != NULL && change->crashed)
        return INSTANCE_CRASHED;
    return running ? INSTANCE_PROBING : INSTANCE_CRASHED;
}

static void adopt(struct dea *dea, const Cupola__DeaInstance *note, bool running)
{
    const Cupola__DeaInstanceChange *change = dea_saved_find_change(dea, note->instance);
    enum instance_state state = state_after(change, running);
    uint16_t port = (uint16_t)note->port;
    if (state != INSTANCE_CRASHED && !dea_ports_claim(&dea->ports, port)) {
        remove_stranger(dea, note->instance); /* Two cannot listen on one port. */
        return;
    }
    struct instance *instance = dea_instance_new(dea, note->instance, note->start, port, state);
    instance->exit_seen = !running;
    instance->state_timestamp_s = note->started;
    if (change != NULL)
        instance->crashes = (uint32_t)change->crashes;
    if (change != NULL && change->uris_changed)
        dea_instance_set_uris(instance, change->uris, change->n_uris);
    if (state == INSTANCE_CRASHED) {
        instance->is_reported = change != NULL && change->crashed;
        instance->is_unhealed = change == NULL || !change->crashed || change->unhealed;
        instance->is_exit_untold = change != NULL && change->untold;
        if (instance->is_reported && change->detail != NULL)
            snprintf(instance->crash_detail, sizeof instance->crash_detail, "%s", change->detail);
        instance->state_timestamp_s = instance->is_reported ? change->since : machine_wall_seconds(&dea->machine);
        if (running)
            workload_signal(&dea->machine, instance->id, SIGNAL_KILL);
    }
}

static bool was_ending(struct dea *dea, const char *workload)
{
    const Cupola__DeaInstanceChange *change = dea_saved_find_change(dea, workload);
    return change != NULL && change->stopping;
}

void dea_recovery_on_found(struct machine *machine, const char *workload, bool running, struct io_bytes note)
{
    struct dea *dea = container_of(machine, struct dea, machine);
    Cupola__DeaInstance *read = cupola__dea_instance__unpack(NULL, note.size, note.data);
    if (mutation_is(DEA_FORGETS_SURVIVORS))
        ; /* They run on, unknown to us. */
    else if (mutation_is(DEA_FORGETS_WHAT_WAS_ENDING) && was_ending(dea, workload))
        ; /* It has had its signal; what does not heed it runs on. */
    else if (!is_note_usable(read, workload))
        remove_stranger(dea, workload);
    else if (dea_instance_find(dea, workload) == NULL)
        adopt(dea, read, running);
    if (read != NULL)
        cupola__dea_instance__free_unpacked(read, NULL);
}

/* ---- All of them ---- */

static void on_list_again(struct timer *timer)
{
    dea_recovery_begin(container_of(timer, struct dea, list_timer));
}

/* A DEA that does not know what runs on its host must not promise memory, nor leave the unknown running for ever. */
static void on_listed(struct op *op, const struct op_result *result)
{
    struct dea *dea = container_of(op, struct dea, list_op);
    if (result->status != IO_OK) {
        machine_log(&dea->machine, LOG_ERROR, "cannot look for survivors: %s; trying again",
                    io_status_name(result->status));
        timer_set(&dea->machine, &dea->list_timer, LIST_AGAIN_MS * NS_PER_MS, on_list_again);
        return;
    }
    dea_saved_forget_former(dea);
    dea_on_recovered(dea);
}

void dea_recovery_begin(struct dea *dea)
{
    op_workload_list(&dea->machine, &dea->list_op, on_listed);
}

/* The bus is still to come: its end is told then. */
static void report_dead(struct instance *instance)
{
    static const char detail[] = "it ended while its agent was away";
    instance->is_registered = true; /* As far as the routers know. */
    dea_routes_unregister(instance);
    memcpy(instance->crash_detail, detail, sizeof detail);
    instance->is_exit_untold = dea_standing_holds_back_exit(instance->dea);
    if (!instance->is_exit_untold)
        dea_heartbeat_publish_exit(instance, "CRASHED", detail);
}

void dea_recovery_finish(struct dea *dea)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->state == INSTANCE_CRASHED && !instance->is_reported)
            report_dead(instance);
        if (instance->state == INSTANCE_CRASHED && instance->is_unhealed)
            dea_standing_note_crash(instance);
        if (instance->state == INSTANCE_CRASHED)
            dea_crash_keep_files(instance);
        else if (instance->state == INSTANCE_STOPPING)
            dea_stop_process(instance);
        else if (instance->state == INSTANCE_PROBING)
            dea_start_await_ready(instance);
    }
    if (dea->instances != NULL)
        dea_saved_write(dea);
}
