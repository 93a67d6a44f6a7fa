/* The one journal of the town, which all its controllers follow and append to. */
#include "tests/core/cloud_controller/town_inside.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

void town_deliver_entries(struct town_controller *controller)
{
    struct town *town = controller->town;
    while (controller->follows && !controller->lags && controller->delivered < town->entry_count) {
        struct town_event *queued = town_push(controller, EVENT_JOURNAL_ENTRY);
        const struct text *entry = &town->entries[controller->delivered++];
        text_add(&queued->data, text_string(entry), entry->size);
        queued->event.journal_entry.sequence = controller->delivered;
    }
}

static void push_snapshot(struct town_controller *controller, uint64_t sequence, const char *bytes, size_t size)
{
    struct town_event *queued = town_push(controller, EVENT_JOURNAL_SNAPSHOT);
    text_add(&queued->data, bytes, size);
    queued->event.journal_entry.sequence = sequence;
}

void town_bring_snapshot(struct town_controller *controller, uint64_t sequence, const char *bytes, size_t size)
{
    push_snapshot(controller, sequence, bytes, size);
    town_settle(controller->town);
}

static void follow(struct town_controller *controller, uint64_t op)
{
    struct town *town = controller->town;
    controller->follows = true;
    if (town->snapshot_sequence > 0) {
        push_snapshot(controller, town->snapshot_sequence, text_string(&town->snapshot), town->snapshot.size);
        controller->delivered = town->snapshot_sequence;
    }
    town_deliver_entries(controller);
    town_push_done(controller, op, IO_OK, 0, "");
}

static void on_snapshot(struct town_controller *controller, struct effect *effect)
{
    struct town *town = controller->town;
    struct slice slice = effect_take_slice(effect);
    bool fails = town->journal_mode == JOURNAL_FAILS || town->snapshots_fail;
    if (!fails) {
        text_clear(&town->snapshot);
        text_add(&town->snapshot, slice_data(slice), slice.size);
        town->snapshot_sequence = effect->journal_snapshot.sequence;
        town->snapshots++;
    }
    buffer_unref(slice.buffer);
    town_push_done(controller, effect->op.id, fails ? IO_FAILED : IO_OK, 0, "");
}

static void append(struct town_controller *controller, uint64_t op, uint64_t sequence, const struct text *entry)
{
    struct town *town = controller->town;
    if (town->journal_mode == JOURNAL_FAILS) {
        town_push_done(controller, op, IO_FAILED, 0, "the disk is gone");
        return;
    }
    if (sequence != town->entry_count) {
        bool lagged = controller->lags;
        controller->lags = false;
        town_deliver_entries(controller); /* What it ran into. */
        controller->lags = lagged;
        town_push_done(controller, op, IO_CONFLICT, 0, "");
        return;
    }
    if (entry->size == 0) { /* Only a question. */
        town_push_done(controller, op, IO_OK, sequence, "");
        return;
    }
    town->entries = memory_grow(town->entries, town->entry_count * sizeof *town->entries,
                                (town->entry_count + 1) * sizeof *town->entries);
    text_add(&town->entries[town->entry_count++], text_string(entry), entry->size);
    bool lagged = controller->lags;
    controller->lags = false;
    town_deliver_entries(controller);
    controller->lags = lagged;
    bool fails = town->journal_mode == JOURNAL_FAILS_LATE;
    town_push_done(controller, op, fails ? IO_FAILED : IO_OK, town->entry_count, fails ? "the answer is gone" : "");
    for (size_t i = 0; i < town->controller_count; i++)
        town_deliver_entries(&town->controllers[i]);
}

static void on_append(struct town_controller *controller, struct effect *effect)
{
    struct slice slice = effect_take_slice(effect);
    text_clear(&controller->held_entry);
    text_add(&controller->held_entry, slice_data(slice), slice.size);
    buffer_unref(slice.buffer);
    controller->held_op = effect->op.id;
    controller->held_sequence = effect->journal_append.sequence;
    if (controller->town->journal_mode == JOURNAL_HOLDS)
        return;
    controller->held_op = 0;
    append(controller, effect->op.id, effect->journal_append.sequence, &controller->held_entry);
}

void town_release_held(struct town *town)
{
    for (size_t i = 0; i < town->controller_count; i++) {
        struct town_controller *controller = &town->controllers[i];
        uint64_t op = controller->held_op;
        controller->held_op = 0;
        if (op != 0 && controller->machine != NULL)
            append(controller, op, controller->held_sequence, &controller->held_entry);
    }
    town_settle(town);
}

void town_release_journal(struct town *town)
{
    town->journal_mode = JOURNAL_WORKS;
    town_release_held(town);
}

void town_append_held_of_dying(struct town_controller *controller)
{
    struct town *town = controller->town;
    while (controller->held_op != 0 && controller->held_entry.size == 0)
        town_release_held(town); /* Only a question. */
    assert_that(controller->held_op != 0);
    town->entries = memory_grow(town->entries, town->entry_count * sizeof *town->entries,
                                (town->entry_count + 1) * sizeof *town->entries);
    text_add(&town->entries[town->entry_count++], text_string(&controller->held_entry), controller->held_entry.size);
    town_kill(controller);
    for (size_t i = 0; i < town->controller_count; i++)
        town_deliver_entries(&town->controllers[i]);
    town_settle(town);
}

bool town_carry_out_journal(struct town_controller *controller, struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_JOURNAL_FOLLOW:
        follow(controller, effect->op.id);
        return true;
    case EFFECT_JOURNAL_SNAPSHOT:
        on_snapshot(controller, effect);
        return true;
    case EFFECT_JOURNAL_APPEND:
        on_append(controller, effect);
        return true;
    default:
        return false;
    }
}
