#include "cli/journal/walk.h"

#include "cli/terminal.h"
#include "core/cloud_controller/state/snapshot.h"

#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

struct journal_store *walk_open_store(const char *place, enum io_status *ret_status)
{
    struct text reason = {0};
    struct journal_store *store = NULL;
    *ret_status = journal_store_class_of(place)->open(place, BUSY_MS, &store, &reason);
    if (*ret_status != IO_OK)
        terminal_error("%s", text_string(&reason));
    text_free(&reason);
    return *ret_status == IO_OK ? store : NULL;
}

bool walk_is_missing_file(const char *place)
{
    if (journal_store_class_of(place) != &journal_sqlite_class || access(place, F_OK) == 0)
        return false;
    terminal_error("there is no journal at %s", place);
    return true;
}

/* ---- Where it begins ---- */

static bool read_snapshots(struct walk *walk)
{
    uint64_t before = UINT64_MAX;
    while (walk->snapshot_count < WALK_SNAPSHOTS_MOST) {
        struct walk_snapshot *snapshot = &walk->snapshots[walk->snapshot_count];
        enum io_status status =
            walk->store->class->read_snapshot(walk->store, before, &snapshot->sequence, &snapshot->data, &walk->reason);
        if (status != IO_OK && status != IO_CORRUPT)
            return false;
        if (snapshot->sequence == 0)
            break;
        snapshot->is_sound = status == IO_OK;
        before = snapshot->sequence;
        walk->snapshot_count++;
    }
    return true;
}

static bool has_first_entry(struct walk *walk)
{
    static struct journal_entries entries;
    walk->store->class->read(walk->store, 0, &entries, &walk->reason);
    bool is_there = entries.count > 0;
    journal_entries_free(&entries);
    return is_there;
}

bool walk_from_snapshot(struct walk *walk, const struct walk_snapshot *snapshot)
{
    struct io_bytes bytes = {(const uint8_t *)text_string(&snapshot->data), snapshot->data.size};
    cc_state_free(&walk->state);
    bool ok = snapshot->is_sound && cc_snapshot_load(&walk->state, bytes, NULL, NULL) &&
              walk->state.head_sequence == snapshot->sequence;
    walk->base = walk->at = snapshot->sequence;
    text_clear(&walk->reason);
    if (!ok)
        text_addf(&walk->reason, "journal: the snapshot of entry %llu %s", (unsigned long long)snapshot->sequence,
                  snapshot->is_sound ? "makes no sense" : "is damaged");
    return ok;
}

bool walk_begin(struct walk *walk)
{
    if (!read_snapshots(walk))
        return false;
    if (walk->snapshot_count == 0 || has_first_entry(walk))
        return true;
    return walk_from_snapshot(walk, &walk->snapshots[walk->snapshot_count - 1]);
}

/* ---- Going through it ---- */

bool walk_fold(struct walk *walk, uint64_t sequence, struct io_bytes data)
{
    Cupola__JournalEntry *entry = cupola__journal_entry__unpack(NULL, data.size, data.data);
    struct difference difference;
    bool ok = entry != NULL && cc_state_fold(&walk->state, sequence, entry, 0, &difference) == FOLD_OK;
    cupola__journal_entry__free_unpacked(entry, NULL);
    text_clear(&walk->reason);
    if (!ok)
        text_addf(&walk->reason, "journal: entry %llu is no entry of a controller", (unsigned long long)sequence);
    return ok;
}

/* What the entries come to stands at the beginning of the snapshot. */
static bool is_what_entries_say(struct walk *walk, const struct walk_snapshot *snapshot)
{
    struct text known = {0};
    cc_snapshot_write(&walk->state, &known);
    bool ok =
        known.size <= snapshot->data.size && memcmp(text_string(&known), text_string(&snapshot->data), known.size) == 0;
    text_free(&known);
    return ok;
}

/* Of a damaged one nothing depends: the entries are there. */
static bool compare_snapshot(struct walk *walk)
{
    for (size_t i = 0; i < walk->snapshot_count; i++) {
        const struct walk_snapshot *snapshot = &walk->snapshots[i];
        if (snapshot->sequence != walk->at || (snapshot->is_sound && is_what_entries_say(walk, snapshot)))
            continue;
        text_clear(&walk->reason);
        text_addf(&walk->reason, "journal: the snapshot of entry %llu is %s", (unsigned long long)walk->at,
                  snapshot->is_sound ? "not what the entries come to" : "damaged");
        walk->snapshots[i].is_sound = false;
        return walk->passes_snapshots;
    }
    return true;
}

static bool take_one(struct walk *walk, struct io_bytes data)
{
    if (!walk_fold(walk, walk->at + 1, data) || (walk->take != NULL && !walk->take(walk, walk->at + 1, data)))
        return false;
    walk->at++;
    return compare_snapshot(walk);
}

bool walk_through(struct walk *walk)
{
    static struct journal_entries entries;
    bool ok = true;
    do {
        ok = walk->store->class->read(walk->store, walk->at, &entries, &walk->reason) == IO_OK;
        struct text reason = {0};
        text_add(&reason, text_string(&walk->reason), walk->reason.size);
        bool is_taken = true;
        for (size_t i = 0; i < entries.count && is_taken; i++)
            is_taken = take_one(walk, journal_entries_at(&entries, i));
        if (is_taken && !ok) { /* The reading ended first, not the taking. */
            text_clear(&walk->reason);
            text_add(&walk->reason, text_string(&reason), reason.size);
        }
        text_free(&reason);
        ok = ok && is_taken;
    } while (ok && entries.count > 0);
    journal_entries_free(&entries);
    return ok;
}

bool walk_find_sound_part(struct walk *walk)
{
    uint64_t best_base = 0, best_at = 0;
    bool is_found = has_first_entry(walk) || walk->snapshot_count == 0;
    walk->passes_snapshots = true;
    if (is_found) {
        cc_state_free(&walk->state);
        walk->base = walk->at = 0;
        walk_through(walk);
        best_at = walk->at;
    }
    for (size_t i = walk->snapshot_count; i > 0; i--) { /* The oldest first: it leaves most to look at. */
        if (!walk_from_snapshot(walk, &walk->snapshots[i - 1]))
            continue;
        walk_through(walk);
        if (is_found && walk->at <= best_at)
            continue;
        is_found = true;
        best_base = walk->base;
        best_at = walk->at;
    }
    walk->base = best_base;
    walk->at = best_at;
    return is_found;
}

void walk_free(struct walk *walk)
{
    if (walk->store != NULL)
        walk->store->class->close(walk->store);
    for (size_t i = 0; i < WALK_SNAPSHOTS_MOST; i++)
        text_free(&walk->snapshots[i].data);
    cc_state_free(&walk->state);
    text_free(&walk->reason);
}
