/* The queue of our own changes, and the entries that come by. */
#include "core/cloud_controller/state/journal.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/instances/retell.h"
#include "core/cloud_controller/instances/updates.h"
#include "core/cloud_controller/state/compactor.h"
#include "core/cloud_controller/state/events.h"

static void on_followed(struct op *op, const struct op_result *result);
static void on_appended(struct op *op, const struct op_result *result);
static void advance(struct controller *controller);

void cc_journal_open(struct controller *controller)
{
    struct journal *journal = &controller->journal;
    journal->end = &journal->first;
    struct random_stream stream = random_named(controller->machine.seed, "cloud_controller.writer");
    journal->writer = random_draw(&stream);
    op_journal_follow(&controller->machine, &journal->follow, 0, on_followed);
}

static void on_followed(struct op *op, const struct op_result *result)
{
    struct controller *controller = container_of(op, struct controller, journal.follow);
    if (result->status != IO_OK) {
        if (result->status != IO_CANCELLED)
            machine_log(&controller->machine, LOG_ERROR, "cannot follow the journal: %s",
                        io_status_name(result->status));
        return;
    }
    controller->journal.is_caught_up = true;
    controller_on_caught_up(controller);
    advance(controller);
}

void cc_journal_submit(struct controller *controller, struct change *change)
{
    struct journal *journal = &controller->journal;
    assert_that(change->prepare != NULL && change->done != NULL);
    change->controller = controller;
    change->next = NULL;
    change->number = ++journal->submitted;
    if (journal->count >= controller->config->max_pending_changes) {
        journal->failures++;
        change->done(change, CHANGE_LOST);
        return;
    }
    *journal->end = change;
    journal->end = &change->next;
    journal->count++;
    if (journal->count == 1)
        advance(controller);
}

static void finish_first(struct controller *controller, enum change_outcome outcome)
{
    struct journal *journal = &controller->journal;
    struct change *change = journal->first;
    assert_that(change != NULL);
    journal->first = change->next;
    if (journal->first == NULL)
        journal->end = &journal->first;
    journal->count--;
    text_free(&change->packed);
    change->done(change, outcome); /* It may be gone afterwards, and may have submitted another. */
}

/* Emits the append of `entry`, or, with none, the question whether what we have folded is all there is. */
static void append(struct controller *controller, struct slice entry)
{
    struct journal *journal = &controller->journal;
    journal->append_head = controller->state.head_sequence;
    journal->is_folded = false;
    journal->is_question = entry.size == 0;
    journal->confirms = journal->submitted;
    op_journal_append(&controller->machine, &journal->append, journal->append_head, entry, on_appended);
}

/* Brings the first change to its append. What is refused rests on what we have folded: before anybody is told, the
 * journal confirms that this was all there was after the change had come. */
static void advance(struct controller *controller)
{
    struct journal *journal = &controller->journal;
    while (journal->first != NULL && journal->is_caught_up && !op_is_pending(&journal->append) &&
           !journal->waits_for_entries) {
        struct change *change = journal->first;
        journal->writer_number++;
        if (!change->prepare(change)) {
            bool is_confirmed = change->number <= journal->confirmed || change->is_internal;
            if (is_confirmed || mutation_is(CC_TRUSTS_ITS_FOLD))
                finish_first(controller, CHANGE_REFUSED);
            else
                append(controller, slice_copy("", 0));
            continue;
        }
        assert_that(change->packed.size > 0);
        append(controller, text_take(&change->packed));
        journal->is_answered_early = mutation_is(CC_ANSWERS_EARLY) && !change->is_internal;
        if (journal->is_answered_early)
            finish_first(controller, CHANGE_DURABLE);
    }
}

/* Whatever the outcome says: an entry of ours that came by is durable. */
static enum change_outcome outcome_of(struct journal *journal, const struct op_result *result)
{
    if (result->status == IO_OK || journal->is_folded) {
        assert_that(journal->is_folded); /* The entry comes before the DONE. */
        journal->appended++;
        return CHANGE_DURABLE;
    }
    journal->failures++;
    return CHANGE_LOST;
}

static void on_appended(struct op *op, const struct op_result *result)
{
    struct controller *controller = container_of(op, struct controller, journal.append);
    struct journal *journal = &controller->journal;
    if (journal->is_answered_early) {
        advance(controller);
        return;
    }
    if (result->status == IO_CONFLICT && !journal->is_folded) {
        journal->conflicts++;
        journal->waits_for_entries = controller->state.head_sequence == journal->append_head;
        advance(controller);
        return;
    }
    if (result->status == IO_OK)
        journal->confirmed = journal->confirms;
    else if (result->status != IO_CANCELLED)
        machine_log(&controller->machine, LOG_ERROR, "the journal did not %s: %s",
                    journal->is_question ? "confirm what we know" : "take a change", io_status_name(result->status));
    if (!journal->is_question)
        finish_first(controller, outcome_of(journal, result));
    else if (result->status != IO_OK)
        finish_first(controller, CHANGE_LOST);
    advance(controller);
}

/* ---- Entries ---- */

void cc_journal_take_entry(struct controller *controller, uint64_t sequence, struct io_bytes bytes)
{
    struct journal *journal = &controller->journal;
    Cupola__JournalEntry *entry = cupola__journal_entry__unpack(NULL, bytes.size, bytes.data);
    struct difference difference;
    /* What we saw happen long ago is not in flight any more: only entries after the first catch-up date the caches. */
    if (entry != NULL)
        cc_events_note_entry(controller, sequence, entry);
    uint64_t now_ns = journal->is_caught_up ? controller->machine.now_ns : 0;
    if (entry == NULL || cc_state_fold(&controller->state, sequence, entry, now_ns, &difference) != FOLD_OK) {
        machine_log(&controller->machine, LOG_ERROR, "journal entry %llu makes no sense; refusing to go on without it",
                    (unsigned long long)sequence);
        cupola__journal_entry__free_unpacked(entry, NULL);
        machine_exit(&controller->machine, 1, (struct io_bytes){0});
        return;
    }
    bool is_own = op_is_pending(&journal->append) && !journal->is_question && entry->writer == journal->writer &&
                  entry->writer_number == journal->writer_number;
    cupola__journal_entry__free_unpacked(entry, NULL);
    if (difference.app_id != 0)
        cc_updates_note(controller, &difference);
    if (is_own && journal->is_answered_early) {
        cc_follow_up(controller, &difference);
    } else if (is_own) {
        journal->is_folded = true;
        journal->first->difference = difference;
    }
    if (!is_own)
        cc_retell_note(controller, &difference);
    if (journal->waits_for_entries) {
        journal->waits_for_entries = false;
        advance(controller);
    }
    cc_compactor_look(controller);
}

/* ---- Reading ---- */

static bool change_nothing(struct change *change)
{
    (void)change;
    return false;
}

void cc_journal_confirm(struct controller *controller, struct change *change,
                        void (*done)(struct change *change, enum change_outcome outcome))
{
    change->prepare = change_nothing;
    change->done = done;
    cc_journal_submit(controller, change);
}

/* ---- For prepare ---- */

void cc_change_write(struct change *change, Cupola__JournalEntry *entry, const char *actor)
{
    struct controller *controller = change->controller;
    entry->has_at_s = true;
    entry->at_s = machine_wall_seconds(&controller->machine);
    entry->actor = (char *)(uintptr_t)actor;
    entry->has_writer = entry->has_writer_number = true;
    entry->writer = controller->journal.writer;
    entry->writer_number = controller->journal.writer_number;
    size_t size = cupola__journal_entry__get_packed_size(entry);
    text_clear(&change->packed);
    size_t written = cupola__journal_entry__pack(entry, text_room(&change->packed, size));
    assert_that(written == size);
    text_grow(&change->packed, size);
}

void cc_change_write_app(struct change *change, Cupola__AppChangeKind kind, const Cupola__JournalApp *old,
                         Cupola__JournalApp *new, const char *actor)
{
    if (old != NULL)
        cc_app_assert_moves(old, new);
    new->has_changed_s = true;
    new->changed_s = machine_wall_seconds(&change->controller->machine);
    Cupola__AppChange app_change = CUPOLA__APP_CHANGE__INIT;
    app_change.has_kind = true;
    app_change.kind = kind;
    app_change.app = new;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_APP_PUT;
    entry.app_put = &app_change;
    cc_change_write(change, &entry, actor);
}

void cc_journal_destroy(struct controller *controller)
{
    struct journal *journal = &controller->journal;
    for (struct change *change = journal->first; change != NULL; change = change->next)
        text_free(&change->packed);
    journal->first = NULL;
    journal->end = &journal->first;
    journal->count = 0;
}
