/* What the journal says: users and apps, folded entry by entry.
 *
 * Nothing else is authoritative. Several controllers fold the same journal and therefore hold the same users and apps
 * at the same sequence number; what is marked "cache" is this controller's own and may be lost at any time.
 *
 * Invariants: apps iterate in the order of their ids; every app's owner is a user; `index_count` is the number of
 * wanted instances (with the extra ones of an update) exactly while the app's run is live, and 0 otherwise.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_STATE_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_STATE_H

#include "core/base/map.h"
#include "core/base/text.h"
#include "core/cloud_controller/state/app_lists.h"
#include "core/cloud_controller/state/blob_refs.h"
#include "core/cloud_controller/state/services.h"
#include "core/io.h"
#include "core/proto/journal.pb-c.h"

enum {
    VERSION_CAPACITY = 80, /* "<40 hex digits>-<run count>" and its NUL. */
};

struct user {
    Cupola__JournalUser *value;
    size_t app_count;
    struct app *first_app, *last_app;
    uint64_t bucket_from_ns;  /* Cache: requests (limits.h), */
    uint32_t login_failures;  /* wrong passwords in a row, */
    uint64_t locked_until_ns; /* and until when none is looked at. */
    UT_hash_handle hh;
};

/* Which version is wanted on which index. All zero: nothing is. */
struct layout {
    int32_t count;              /* Indices from 0 on. */
    int32_t old_first, old_end; /* Those that an update has not come to yet, or has still to take back. */
    char version[VERSION_CAPACITY];
    char old_version[VERSION_CAPACITY];
};

/* One wanted instance of a live run. */
struct app_index {
    uint64_t epoch;         /* Sequence number of the entry that ordered its last start. */
    uint64_t ordered_at_ns; /* Cache: when we saw that start being ordered; 0: long ago, or it has ended since. */
};

struct app {
    int64_t id;
    Cupola__JournalApp *value;
    uint64_t changed_sequence;
    uint64_t uris_sequence; /* Cache: of the last change of its hosts, or later. */
    struct app_index *indices;
    size_t index_count;
    uint64_t seen_at_ns;    /* Cache: when we folded its last change. */
    int32_t healthy;        /* Cache: running instances as the health manager told us last; -1: never. */
    uint64_t healthy_at_ns; /* Cache: when it did. */
    struct app_links links;
    char *path;             /* "owner name": the key of apps_by_path. */
    UT_hash_handle hh;      /* In state.apps, by id. */
    UT_hash_handle hh_path; /* In state.apps_by_path. */
};

struct state {
    uint64_t head_sequence;     /* Of the last folded entry. */
    uint64_t app_sequence;      /* Of the last folded entry that changed an app. */
    uint64_t snapshot_sequence; /* Of the last one that ordered a snapshot. */
    int64_t last_app_id;        /* The highest ever given. */
    struct user *users;
    struct app *apps;
    struct app *apps_by_path;
    struct app *first_shared; /* Those with collaborators. */
    struct host_use *hosts;
    struct blob_refs refs;
    struct services services;
};

/* What one entry changed about apps: what has to be told or done when it is durable. */
struct difference {
    uint64_t sequence;
    uint64_t previous; /* The app-changing entry before it. */
    int64_t app_id;    /* 0: no app's desired state has changed. */
    bool deleted;
    bool uris_changed;
    struct layout before, after;
};

enum fold_result { FOLD_OK = 0, FOLD_MALFORMED };

/* Folds the entry with the next sequence number. `now_ns` dates the caches. */
enum fold_result cc_state_fold(struct state *state, uint64_t sequence, const Cupola__JournalEntry *entry,
                               uint64_t now_ns, struct difference *ret_difference);
/* One entry of a snapshot, into a state that began empty; its head comes first. */
enum fold_result cc_state_load(struct state *state, const Cupola__JournalEntry *entry);
/* Afterwards it is as empty as a zeroed one. */
void cc_state_free(struct state *state);

/* NULL if there is none. */
struct user *cc_state_find_user(const struct state *state, const char *email);
struct app *cc_state_find_app(const struct state *state, int64_t id);
/* By name, among the apps of one owner, and then among those that others have let in. */
struct app *cc_state_find_app_for(const struct state *state, const char *email, const char *name);
bool cc_state_may_see(const struct app *app, const char *email);
/* By name, among the apps of one owner. */
struct app *cc_state_find_owned(const struct state *state, const char *owner, const char *name);

/* ---- Apps ---- */

/* What the user wants and what was ordered. */
enum run_state {
    RUN_STOPPED = 1, /* The user wants nothing to run. */
    RUN_WAITING,     /* Wanted, but there is no staged droplet yet. */
    RUN_LIVE,        /* A run of the current droplet was ordered. */
};
enum run_state cc_app_run_state(const Cupola__JournalApp *value);
/* Asserts that an app may go from one value to the other: its package and its run by their tables in app.c. */
void cc_app_assert_moves(const Cupola__JournalApp *from, const Cupola__JournalApp *to);
/* "<droplet, else package, else nonce>-<run count>" */
void cc_app_version(const Cupola__JournalApp *value, char ret_version[VERSION_CAPACITY]);
bool cc_app_has_version(const Cupola__JournalApp *value, const char *version);
/* There are bits that were not staged yet, or not with success. */
bool cc_app_needs_staging(const Cupola__JournalApp *value);
const char *cc_app_package_name(const Cupola__JournalApp *value);
const char *cc_app_state_name(const Cupola__JournalApp *value);
/* The version that the layout wants on an index, or NULL. Lent. */
const char *cc_layout_version(const struct layout *layout, int32_t index);
void cc_app_layout(const Cupola__JournalApp *value, struct layout *ret_layout);

/* For state.c. */
struct app *cc_app_new(const Cupola__JournalApp *value);
void cc_app_replace_value(struct app *app, const Cupola__JournalApp *value);
void cc_app_free(struct app *app);
void cc_app_order_indices(struct app *app, const struct difference *difference, uint64_t now_ns);

#endif
