/* Reading a journal from what it begins with (its first entry, or a snapshot) to its end. */
#ifndef CUPOLA_CLI_JOURNAL_WALK_H
#define CUPOLA_CLI_JOURNAL_WALK_H

#include "core/cloud_controller/state/state.h"
#include "drivers/real/journal/store.h"

enum { WALK_SNAPSHOTS_MOST = 4 }; /* There are two, three for a moment. */

struct walk_snapshot {
    uint64_t sequence;
    bool is_sound;
    struct text data;
};

/* Zeroed at first, but for the store. */
struct walk {
    struct journal_store *store;
    struct walk_snapshot snapshots[WALK_SNAPSHOTS_MOST]; /* The newest first. */
    size_t snapshot_count;
    uint64_t base; /* All begins behind this entry; not 0: with the snapshot of that one. */
    uint64_t at;   /* Sound up to here. */
    struct state state;
    struct text reason;
    /* Called for each entry that is sound; false stops. May be NULL. */
    bool (*take)(struct walk *walk, uint64_t sequence, struct io_bytes data);
    bool passes_snapshots; /* A snapshot that is no good does not end the walk. */
};

/* Prints what is wrong, and returns NULL, if it cannot be opened; *ret_status tells why. */
struct journal_store *walk_open_store(const char *place, enum io_status *ret_status);
/* A file that does not exist would be made by opening it: says so. */
bool walk_is_missing_file(const char *place);
/* Reads the snapshots and chooses what to begin with. False: that cannot be read. */
bool walk_begin(struct walk *walk);
/* Begins anew with that snapshot. False: it makes no sense. */
bool walk_from_snapshot(struct walk *walk, const struct walk_snapshot *snapshot);
/* For a repair: tries all that it could begin with, and leaves base and at where most of it is sound. False: none of it
 * is. */
bool walk_find_sound_part(struct walk *walk);
/* On to the end. False at the first entry that is missing, damaged, makes no sense or is not taken, and at the first
 * snapshot that is not what the entries come to. */
bool walk_through(struct walk *walk);
/* Is that an entry of a controller that may follow? Folds it. */
bool walk_fold(struct walk *walk, uint64_t sequence, struct io_bytes data);
void walk_free(struct walk *walk);

#endif
