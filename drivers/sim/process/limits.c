#include "drivers/sim/process/limits.h"

bool limits_allow_descriptor(const struct process *process)
{
    if (!process->is_limited)
        return true;
    uint32_t open = 0;
    for (size_t i = 0; i < process->conn_capacity; i++)
        open += process->conns[i] != NULL;
    for (const struct process_listener *at = process->listeners; at != NULL; at = at->next)
        open++;
    return open < process->most_descriptors;
}

/* Those that open a file or a directory, or a socket to listen at, as the real driver does it. The journal's file is
 * open all the time. */
static bool needs_descriptor(enum effect_kind kind)
{
    switch ((int)kind) {
    case EFFECT_LISTEN:
    case EFFECT_SAVE:
    case EFFECT_BLOB_COMMIT:
    case EFFECT_BLOB_SEND:
    case EFFECT_BLOB_RECEIVE:
    case EFFECT_BLOB_LIST:
    case EFFECT_STAGE:
    case EFFECT_POOL_FIND:
    case EFFECT_ASSEMBLE:
    case EFFECT_WORKLOAD_LIST:
    case EFFECT_WORKLOAD_START:
    case EFFECT_WORKLOAD_MEASURE:
    case EFFECT_WORKLOAD_READ_FILE:
    case EFFECT_WORKLOAD_EXEC:
        return true;
    default:
        return false;
    }
}

static bool needs_process(enum effect_kind kind)
{
    return kind == EFFECT_STAGE || kind == EFFECT_WORKLOAD_START || kind == EFFECT_WORKLOAD_EXEC;
}

bool limits_refuse(struct process *process, const struct effect *effect)
{
    bool lacks_process = process->host->cannot_fork > 0 && needs_process(effect->kind);
    if (!lacks_process && (!needs_descriptor(effect->kind) || limits_allow_descriptor(process)))
        return false;
    if (effect->kind == EFFECT_BLOB_COMMIT) {
        struct effect discard = {.kind = EFFECT_BLOB_DISCARD, .blob = effect->blob};
        process_do_storage(process, &discard);
    }
    process_answer(process, effect->op, IO_FULL);
    return true;
}
