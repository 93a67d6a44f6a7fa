#include "core/cloud_controller/state/compactor.h"

#include "core/base/assert.h"
#include "core/cloud_controller/instances/updates.h"
#include "core/cloud_controller/state/events.h"
#include "core/cloud_controller/state/snapshot.h"

static bool prepare(struct change *change);
static void on_ordered(struct change *change, enum change_outcome outcome);
static void on_stored(struct op *op, const struct op_result *result);

/* The work of a snapshot grows with the state; spread over at least as many entries it costs each the same. */
static bool is_due(const struct controller *controller)
{
    const struct state *state = &controller->state;
    uint64_t entries = controller->config->snapshot_entries;
    uint64_t things = HASH_COUNT(state->users) + HASH_COUNT(state->apps);
    return entries > 0 && state->head_sequence - state->snapshot_sequence >= (entries > things ? entries : things);
}

void cc_compactor_look(struct controller *controller)
{
    struct compactor *compactor = &controller->compactor;
    if (compactor->is_busy || controller->is_stopping || !controller->journal.is_caught_up || !is_due(controller))
        return;
    compactor->is_busy = true;
    compactor->change = (struct change){.prepare = prepare, .done = on_ordered, .is_internal = true};
    cc_journal_submit(controller, &compactor->change);
}

static bool prepare(struct change *change)
{
    if (!is_due(change->controller))
        return false; /* Another controller makes it. */
    Cupola__SnapshotOrder order = CUPOLA__SNAPSHOT_ORDER__INIT;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_ORDERED;
    entry.snapshot_ordered = &order;
    cc_change_write(change, &entry, NULL);
    return true;
}

static void on_ordered(struct change *change, enum change_outcome outcome)
{
    struct controller *controller = change->controller;
    struct compactor *compactor = &controller->compactor;
    if (outcome != CHANGE_DURABLE || controller->is_stopping) {
        compactor->is_busy = false;
        return;
    }
    struct text snapshot = {0};
    cc_snapshot_write(&controller->state, &snapshot);
    cc_events_write(controller, &snapshot);
    compactor->sequence = controller->state.head_sequence;
    compactor->size = snapshot.size;
    op_journal_snapshot(&controller->machine, &compactor->op, compactor->sequence, text_take(&snapshot), on_stored);
}

static void on_stored(struct op *op, const struct op_result *result)
{
    struct controller *controller = container_of(op, struct controller, compactor.op);
    struct compactor *compactor = &controller->compactor;
    compactor->is_busy = false;
    if (result->status == IO_OK) {
        compactor->stored++;
        machine_log(&controller->machine, LOG_INFO, "stored a snapshot of the journal at entry %llu: %zu bytes",
                    (unsigned long long)compactor->sequence, compactor->size);
    } else if (result->status != IO_CANCELLED && result->status != IO_CONFLICT) {
        machine_log(&controller->machine, LOG_WARNING, "cannot store a snapshot of the journal: %s",
                    io_status_name(result->status));
    }
}

/* ---- Loading ---- */

static void on_event(void *context, const Cupola__SnapshotEvent *event)
{
    cc_events_load(context, event);
}

static void give_up(struct controller *controller, const char *why, uint64_t sequence)
{
    machine_log(&controller->machine, LOG_ERROR, "%s (the snapshot of journal entry %llu)", why,
                (unsigned long long)sequence);
    machine_exit(&controller->machine, 1, (struct io_bytes){0});
}

/* Who has fallen behind what the journal keeps begins anew, as a new process. */
void cc_compactor_take_snapshot(struct controller *controller, uint64_t sequence, struct io_bytes snapshot)
{
    struct state *state = &controller->state;
    if (state->head_sequence > 0) {
        give_up(controller, "the journal has gone on without us; ending, to begin anew", sequence);
        return;
    }
    if (!cc_snapshot_load(state, snapshot, on_event, controller) || state->head_sequence != sequence) {
        give_up(controller, "what the journal begins with makes no sense; refusing to go on without it", sequence);
        return;
    }
    for (const struct app *app = state->apps; app != NULL; app = app->hh.next)
        cc_updates_note(controller, &(struct difference){.app_id = app->id});
}
