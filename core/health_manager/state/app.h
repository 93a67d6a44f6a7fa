/* The apps that the health manager knows: what each should be, and what is heard of it.
 *
 * An app is known while it is desired or something of it runs. Its wanted instances are one flat array (an analysis
 * walks them in order); instances that fill no index are strays. Apps iterate in the order in which they became known.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_STATE_APP_H
#define CUPOLA_CORE_HEALTH_MANAGER_STATE_APP_H

#include "core/base/map.h"
#include "core/health_manager/state/instance.h"
#include "core/proto/bus.pb-c.h"

enum {
    MAX_APPS = 1000000,
    MAX_INDICES = 10000, /* Of one app. */
    MAX_STRAYS = 4096,   /* Of one app. */
    MAX_CRASHES = 64,    /* Remembered of one app, for healthmanager.status. */
    MAX_NAME = 64,       /* Of a framework or a runtime. */
    CRASH_REASON_SIZE = 96,
};

/* A crashed instance whose DEA still has its files. */
struct crash {
    char id[INSTANCE_ID_SIZE];
    char reason[CRASH_REASON_SIZE]; /* For people; "" where nobody told. */
    int64_t since_s;
    uint64_t heard_at_ns;
};

struct app {
    int64_t id;

    /* What should be. */
    bool is_desired;
    bool was_deleted; /* A controller said so: its instances need no long wait. */
    bool is_started;  /* And has something that can be started. */
    bool is_settling; /* Started, but its droplet is being made: nothing is missing, and nothing too much. */
    char version[VERSION_SIZE];
    /* During a rolling update, indices from old_first up to old_end still are wanted in the old version. */
    char old_version[VERSION_SIZE];
    int32_t old_first, old_end;
    int64_t last_updated;
    int64_t sequence; /* Of the change that this is the state after; 0: unknown. */
    uint64_t scan;    /* The number of the scan that saw it last. */
    uint64_t undesired_since_ns;
    bool is_singleton; /* Never two at a time, rather none. */
    bool is_looping;   /* Every index crashes again and again; as of the last look. */
    int32_t memory_mb;
    char framework[MAX_NAME];
    char runtime[MAX_NAME];

    /* What is. */
    struct instance *instances; /* One a wanted index; none unless is_started. */
    size_t instance_count;
    size_t instance_capacity;
    struct stray *strays;
    size_t stray_count;
    size_t stray_capacity;
    struct crash *crashes;
    size_t crash_count;
    size_t crash_capacity;

    /* To be looked at before the step ends. */
    struct app *next_dirty;
    bool is_dirty;
    UT_hash_handle hh;
};

struct app_table {
    struct app *apps;
};

struct app *hm_app_find(const struct app_table *table, int64_t id);
/* NULL when the table is full. */
struct app *hm_app_find_or_add(struct app_table *table, int64_t id, uint64_t now_ns);
/* Forgets an app of which nothing is left. It must not be dirty. */
void hm_app_remove(struct app_table *table, struct app *app);
void hm_app_table_free(struct app_table *table);

/* Takes over what should be. Indices that are new or have a new version count as STARTING: whoever changed the app
 * starts them; with `is_first_sight` they are UNKNOWN. What runs is sorted anew into indices and strays. */
void hm_app_desire(struct app *app, const Cupola__DesiredApp *desired, bool is_first_sight, uint64_t now_ns);
/* No controller wants it any more. */
void hm_app_undesire(struct app *app, bool was_deleted, uint64_t now_ns);

/* The version in which an index is wanted. */
const char *hm_app_version_of(const struct app *app, size_t index);
/* The wanted index that such an instance would fill, or NULL. */
struct instance *hm_app_index_for(struct app *app, const char *version, int32_t index);
size_t hm_app_count_state(const struct app *app, enum instance_state state);

/* Starts and stops that were noted since then, and of which nothing is seen yet, count as never asked for. Whether
 * there were any. */
bool hm_app_unsay(struct app *app, uint64_t since_ns, uint64_t now_ns);

struct stray *hm_app_find_stray(struct app *app, const char *id);
/* Adds or refreshes it; dropped when there are too many. */
void hm_app_add_stray(struct app *app, const struct claim *claim, const char *version, int32_t index, uint64_t now_ns);
void hm_app_remove_stray(struct app *app, struct stray *stray);

/* Remembers a crash, or that its files are still there. The reason may be NULL. */
void hm_app_note_crash(struct app *app, const char *id, const char *reason, int64_t since_s, uint64_t now_ns);
/* Forgets those of which nothing was heard since then. */
void hm_app_forget_crashes_before(struct app *app, uint64_t heard_before_ns);

/* Bounded copies of what came over the bus; false if it does not fit. */
bool hm_copy_id(char ret_id[INSTANCE_ID_SIZE], const char *text);
bool hm_copy_version(char ret_version[VERSION_SIZE], const char *text);

#endif
