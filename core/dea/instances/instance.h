/* One instance of an app on this DEA, from the order to start it until its files are gone.
 *
 *   FETCHING --droplet is here, port is free--> LAUNCHING --process runs--> PROBING --startup check is good--> RUNNING
 *   PROBING --the same, with a readiness check--> UNREADY --it is good--> RUNNING --it is bad--> UNREADY
 *   LAUNCHING --droplet vanished--> FETCHING
 *   FETCHING --stopped, or no droplet or port to be had--> GONE
 *   LAUNCHING --could not be launched--> REMOVING
 *   LAUNCHING, PROBING, RUNNING, UNREADY --told to stop--> STOPPING --process ended, or grace over--> REMOVING
 *   PROBING, RUNNING, UNREADY --process ended, never up, not alive, over its quota--> CRASHED
 *   CRASHED --stopped or too old--> REMOVING
 *   REMOVING --files are gone--> GONE
 *
 * A survivor of a restart begins in PROBING; one that died meanwhile, in CRASHED; one that was being stopped, in
 * STOPPING.
 * On the bus FETCHING, LAUNCHING and PROBING are "STARTING", and UNREADY is "RUNNING" with is_unready; STOPPING,
 * REMOVING and GONE are not spoken of.
 *
 * Invariants: memory and port are held from the first state until the process is known to be gone (or never to have
 * been); only RUNNING instances are registered with the routers.
 */
#ifndef CUPOLA_CORE_DEA_INSTANCES_INSTANCE_H
#define CUPOLA_CORE_DEA_INSTANCES_INSTANCE_H

#include "core/base/map.h"
#include "core/dea/checks/checkup.h"
#include "core/machine/conn.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"
#include "core/proto/bus.pb-c.h"
#include "core/proto/workload.pb-c.h"

struct dea;

enum { INSTANCE_DETAIL_SIZE = 160 };
enum { INSTANCE_ID_SIZE = 33 }; /* 32 hex digits and a NUL. */

enum instance_state {
    INSTANCE_FETCHING = 1, /* Waits for its droplet, and for a port that nobody listens on. */
    INSTANCE_LAUNCHING,    /* The driver unpacks it and starts its process. */
    INSTANCE_PROBING,      /* The process runs; its startup check (its port accepts) is not good yet. */
    INSTANCE_RUNNING,      /* Ready: registered and heartbeated as such. */
    INSTANCE_UNREADY,      /* It is up, but its readiness check takes it off its routes. */
    INSTANCE_STOPPING,     /* Reported as stopped; its process may still be ending. */
    INSTANCE_CRASHED,      /* Reported as crashed; its files are kept for the curious. */
    INSTANCE_REMOVING,     /* Its files are being deleted. */
    INSTANCE_GONE,         /* Freed as soon as nothing refers to it any more. */
};

/* The last measurement, and what it was compared with. */
struct instance_usage {
    uint64_t measured_ns; /* 0: never. */
    int64_t wall_s;
    uint64_t memory_bytes;
    uint64_t disk_bytes;
    uint64_t cpu_ns;
    uint32_t cpu_permille; /* Of one core, between the last two measurements. */
    uint32_t breaches;     /* Measurements in a row that found more than its share. */
};

/* A check that is repeated (watch.c). */
struct watch {
    struct checkup checkup;
    struct timer timer;
    uint32_t failures; /* In a row. */
};

struct instance {
    struct dea *dea;
    char id[INSTANCE_ID_SIZE];
    enum instance_state state;
    int64_t state_timestamp_s; /* Wall clock, as v1 messages carry it. */
    Cupola__DeaStart *order;   /* The start message, with defaults filled in and its URIs kept up to date. */
    int64_t droplet;
    int32_t index;
    int64_t epoch;         /* 0: none was given. */
    int64_t uris_sequence; /* Of the update that brought its addresses; 0: none has, or it gave no number. */
    uint16_t port;
    uint32_t memory_mb;
    bool holds_resources; /* Its memory and its port. */
    bool is_registered;
    bool is_surrendered;  /* Reported as evacuated: not heartbeated, and stopped without a further word. */
    bool is_reported;     /* Its crash was dealt with by a former life of ours, */
    bool is_unhealed;     /* but not to the end. */
    bool uris_changed;    /* Its note tells older ones. */
    bool droplet_is_here; /* FETCHING: ready to be launched when both hold. */
    bool port_is_clear;
    bool port_is_taken;                      /* Somebody else listens there. */
    bool exit_seen;                          /* EXITED came before the answer to the launch. */
    char crash_detail[INSTANCE_DETAIL_SIZE]; /* CRASHED: why, for people. */
    bool is_exit_untold;                     /* CRASHED: nobody could hear of it yet. */
    bool is_lease_over;                      /* STOPPING: a singleton that must be quick. */
    bool was_ended;                          /* By an order or a signal from outside: no request did that. */
    bool has_ended;                          /* Its process, so: */
    int exit_code, signal;
    uint32_t crashes;    /* Of this order here, in a row, before this instance: healed under the standing order. */
    uint64_t crashed_ns; /* CRASHED: when, */
    uint64_t heal_ns;    /* and from when on the standing order may start it anew. 0: that is not ours. */
    uint32_t heal_failures;
    uint64_t ready_ns; /* When it came up; 0 before. */

    struct op op;           /* Launch or removal. */
    struct timer timer;     /* Of the state: start deadline, stop grace, crash files' end, next try to remove. */
    struct conn probe;      /* Of its port, before the launch. */
    struct checkup startup; /* PROBING */
    struct timer probe_timer;
    uint64_t probed_since_ns;
    struct watch liveness, readiness; /* RUNNING, UNREADY */
    uint32_t strangers;               /* Met on ports so far. */
    uint32_t launches;                /* Tried so far. */
    uint32_t removals;
    struct instance_usage usage;
    struct instance *next_waiting; /* For the same droplet (droplets.c). */
    UT_hash_handle hh;
};

/* Adds an instance in its first state, holding its memory and its port (taken or claimed already) unless it begins
 * dead. `order` is copied; limits that it lacks are filled in. */
struct instance *dea_instance_new(struct dea *dea, const char *id, const Cupola__DeaStart *order, uint16_t port,
                                  enum instance_state first);
/* Frees all, without a word to anybody. For destroy. */
void dea_instances_destroy(struct dea *dea);

/* The only way to change the state. Asserts that the move is in the diagram. */
void dea_instance_move(struct instance *instance, enum instance_state next);
/* Its process is gone: gives back memory and port. Nothing if it holds none. */
void dea_instance_release_resources(struct instance *instance);
/* Frees a GONE instance once its checks and its operations have ended. Call after each such end. */
void dea_instance_bury(struct instance *instance);

struct instance *dea_instance_find(struct dea *dea, const char *id);
/* Replaces the URIs of the order. */
void dea_instance_set_uris(struct instance *instance, char *const *uris, size_t count);

/* STARTING, RUNNING, CRASHED, or NULL for those that are not spoken of. */
const char *dea_instance_state_text(const struct instance *instance);
/* "FETCHING": for people and checks. */
const char *dea_instance_state_name(enum instance_state state);
/* Has come up: RUNNING or UNREADY. */
bool dea_instance_is_up(const struct instance *instance);
/* Its process runs, as far as we know: PROBING, RUNNING, UNREADY. */
bool dea_instance_has_process(const struct instance *instance);
/* Holds or will hold a process that serves: FETCHING to UNREADY. */
bool dea_instance_is_live(const struct instance *instance);

/* What dea.stop and dea.find.droplet ask for. All that is given must match. */
struct instance_filter {
    int64_t droplet;
    const char *version; /* NULL: any. */
    char *const *instances;
    size_t instance_count;
    const int32_t *indices;
    size_t index_count;
    char *const *states;
    size_t state_count;
    int64_t epoch;                /* Nothing newer than this; 0: any. */
    const int64_t *wanted_epochs; /* By index: what bears this epoch is spared. */
    size_t wanted_count;
};
bool dea_instance_matches(const struct instance *instance, const struct instance_filter *filter);

#endif
