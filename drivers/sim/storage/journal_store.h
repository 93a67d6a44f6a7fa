/* The journal that controllers share: an ordered, durable log with compare-and-append, on a host of its own.
 *
 * Fault model: appends are taken one at a time; an entry is seen by followers and acknowledged when it is synced, and a
 * loss of power loses what was not. While the store cannot be reached (outage, no power, blocked path) appends fail and
 * followers hear nothing; followers catch up afterwards. An append that fails so has not happened. One whose answer is
 * lost because its component died may have, and so may one whose server says that it failed (`unsure_ppm`).
 *
 * A snapshot is stored by one sync; entries that it makes superfluous go by the next one, and a loss of power in
 * between leaves both. While the disk lies, nothing goes: what only seems to be stored must not be all there is.
 */
#ifndef CUPOLA_DRIVERS_SIM_STORAGE_JOURNAL_STORE_H
#define CUPOLA_DRIVERS_SIM_STORAGE_JOURNAL_STORE_H

#include "drivers/sim/host/host.h"

struct journal_entry {
    struct slice slice;  /* Kept. */
    uint64_t durable_ns; /* When it was. */
};

struct journal_snapshot {
    uint64_t sequence;  /* 0: none. */
    struct slice slice; /* Kept. */
};

/* A component that follows. It outlives no life of that component. */
struct journal_follower {
    struct process *process;
    uint64_t sequence;     /* Delivered so far. */
    uint64_t caught_up_op; /* The operation of its FOLLOW, until it is answered. */
    uint64_t last_visible_ns;
    struct wake wake;
    struct journal_follower *next;
};

struct journal_store {
    struct host *host;
    struct journal_entry *entries; /* Entry i has sequence i + 1. Those that have gone have no data. */
    uint64_t count;
    uint64_t gone;                        /* So many first entries. */
    struct journal_snapshot snapshots[2]; /* The older one, the newer one. */
    uint64_t kept; /* So many survive a loss of power: more than these were written while the disk lied. */
    size_t capacity;
    struct journal_follower *followers;
    struct random_stream random;
    struct distribution extra; /* Of a fault: on top of every append. */
    uint32_t outages;
    uint32_t conflict_ppm;
    uint32_t short_ppm;   /* Appends are written in part and taken back: they fail. */
    uint32_t unsure_ppm;  /* They are kept, and said to have failed. */
    uint32_t torn_ppm;    /* Entries are read cut short. */
    struct slice foreign; /* An entry that changes nothing: what another writer slips in. Kept. */
};

struct journal_store *journal_store_create(struct host *host);
void journal_store_destroy(struct journal_store *store);

/* The effects of a component. */
void journal_store_follow(struct journal_store *store, struct process *process, struct io_op op, uint64_t sequence);
void journal_store_append(struct journal_store *store, struct process *process, struct io_op op, uint64_t sequence,
                          struct slice given);
void journal_store_snapshot(struct journal_store *store, struct process *process, struct io_op op, uint64_t sequence,
                            struct slice given);
/* The component's life is over. */
void journal_store_forget(struct journal_store *store, const struct process *process);
void journal_store_wake(struct journal_store *store, const struct process *process);
/* What was not durable yet is gone. */
void journal_store_lose_power(struct journal_store *store);

#endif
