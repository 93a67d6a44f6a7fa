/* One wanted index of an app, as the health manager sees it, and instances that fill no index.
 *
 *   UNKNOWN --nothing heard while all could speak--> DOWN          (after our own start: silence says nothing yet)
 *   DOWN --start asked for--> STARTING;            FLAPPING --its pause is over, start asked for--> STARTING
 *   UNKNOWN, DOWN, FLAPPING --heartbeat--> STARTING, RUNNING;      STARTING --heartbeat--> RUNNING
 *   RUNNING --a newer start's heartbeat--> STARTING
 *   STARTING, RUNNING --silence, no longer listed, exited--> DOWN;  STARTING --nothing came of it--> DOWN
 *   UNKNOWN --exited--> DOWN;                      UNKNOWN, STARTING, RUNNING --crashed too often--> FLAPPING
 *
 * Invariants: `id` is empty exactly while nothing was heard from an instance that could fill the index; RUNNING has
 * one.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_STATE_INSTANCE_H
#define CUPOLA_CORE_HEALTH_MANAGER_STATE_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INSTANCE_ID_SIZE = 33, /* 32 hex digits and a NUL. */
    VERSION_SIZE = 64,     /* "<sha1>-<run count>" */
};

enum instance_state {
    INSTANCE_UNKNOWN = 1,
    INSTANCE_DOWN,
    INSTANCE_STARTING, /* Asked for or heard of. */
    INSTANCE_RUNNING,
    INSTANCE_FLAPPING, /* Crashed too often; started again after a growing pause. */
};

/* Why an index is down. */
enum instance_cause {
    CAUSE_NEVER_SEEN = 0,
    CAUSE_CRASHED,
    CAUSE_DEA_SHUTDOWN,
    CAUSE_DEA_EVACUATION,
    CAUSE_REFUSED, /* Its DEA gave the start back before it ran. */
    CAUSE_STOPPED,
    CAUSE_SILENT,
    CAUSE_NOT_LISTED,
    CAUSE_DEA_RESTARTED,
    CAUSE_NOTHING_CAME, /* A start was asked for, and nothing was heard of it. */
    CAUSE_HOST_LOST,    /* Its host does not answer anybody. */
    CAUSE_OUTDATED,     /* A newer one ran meanwhile, and ended: the routers know that, and turn it away. */
};

/* What identifies a running instance and decides between two that claim one index. */
struct claim {
    char id[INSTANCE_ID_SIZE];
    bool is_running; /* Otherwise it is starting. */
    uint32_t dea;    /* Place in the table of DEAs, from 1; 0: the heartbeat named none. */
    uint32_t beat;   /* The DEA's count of complete heartbeats when it was last named. */
    int64_t epoch;   /* 0: none. */
    int64_t state_timestamp;
    uint64_t heard_at_ns;
};

struct instance {
    struct claim claim;
    enum instance_state state;
    enum instance_cause cause;
    uint64_t asked_at_ns;   /* When its start was last asked for, or may be supposed to have been. */
    uint64_t restart_at_ns; /* DOWN, FLAPPING: not asked for before. */
    uint64_t changed_at_ns; /* Of the state. */
    uint64_t crashed_at_ns;
    uint32_t crashes;                /* In a row. */
    uint32_t refusals;               /* In a row. */
    uint32_t asks;                   /* For its start, of which nothing was seen yet. */
    int64_t flapping_since_s;        /* Wall clock. */
    int64_t ended_epoch;             /* Of the last one that is known to be gone. */
    int64_t ran_epoch;               /* The newest that ran: routers take no older one any more. */
    char ended_id[INSTANCE_ID_SIZE]; /* The last one whose end was told: what is heard of it later is old. */
};

/* A live instance that fills no wanted index. */
enum stray_reason {
    STRAY_IS_FINE = 0, /* Or not to be judged yet. */
    STRAY_UNKNOWN_APP,
    STRAY_DELETED_APP,
    STRAY_STOPPED_APP,
    STRAY_WRONG_VERSION,
    STRAY_EXTRA_INDEX,
    STRAY_DUPLICATE,
};

struct stray {
    struct claim claim;
    int32_t index;
    char version[VERSION_SIZE];
    uint64_t since_ns;         /* When it became one. */
    uint64_t stop_asked_at_ns; /* 0: not yet. */
};

/* The only way to change the state: asserts that the table above allows it. */
void hm_instance_move_to(struct instance *instance, enum instance_state state, uint64_t now_ns);
/* Whether `a` keeps an index that `b` claims too: the newer epoch, else the one that runs, else the one that is longer
 * in its state, else the smaller id. A total order: every health manager decides alike. */
bool hm_claim_wins(const struct claim *a, const struct claim *b);
/* Whether a newer one than this has run: no router would send it anything. */
bool hm_claim_is_outdated(const struct instance *instance, const struct claim *claim);

/* Words for complaints and logs. Static. */
const char *hm_instance_state_name(enum instance_state state);
const char *hm_instance_cause_text(enum instance_cause cause);
const char *hm_stray_reason_text(enum stray_reason reason);

#endif
