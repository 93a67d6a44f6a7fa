/* Faults: what breaks, when, and its undo.
 *
 * A fault is a scoped object: fault_begin breaks something, fault_end (or its duration) mends it, and the mended world
 * is compared with the one before. Faults that happen in an instant (a reset, a killed process) have nothing to mend:
 * they are over at once. Overlapping faults on one target add up and end independently.
 *
 * A target is a text, the same in scenarios, plans and reports:
 *     "dea-3"          a component            "dea"        every component of that role
 *     "host:dea-3"     the host it runs on    "zone:1"     every host of a zone
 *     "shop/2"         an app's instance      "shop"       every instance of an app
 *     "journal"        the controllers' store "outside"    the clients' host
 *     "all"            every host             "dea-1,dea-2" a list of any of them
 * Of what a target means a fault may hit a share, drawn from the seed.
 * Network and disk faults act on the hosts of what is named; process faults on its components.
 */
#ifndef CUPOLA_SIM_FAULTS_FAULT_H
#define CUPOLA_SIM_FAULTS_FAULT_H

#include "sim/cloud.h"

enum fault_family {
    FAULT_FAMILY_PROCESS = 1,
    FAULT_FAMILY_HOST,
    FAULT_FAMILY_CLOCK,
    FAULT_FAMILY_NETWORK,
    FAULT_FAMILY_DISK,
    FAULT_FAMILY_STORE,
    FAULT_FAMILY_WORKLOAD,
    FAULT_FAMILY_LOAD,
    FAULT_FAMILY_MESSAGE,
};

/* Beside each: its name in scenarios; what `amount`, `delay` and `peer` mean to it. */
enum fault_kind {
    /* Process: target = components. */
    FAULT_KILL = 1,       /* "kill": SIGKILL, an instant; init starts it again if the plan says so. */
    FAULT_KEEP_DOWN,      /* "keep_down": SIGKILL, and not started before the fault ends. */
    FAULT_PAUSE,          /* "pause": SIGSTOP until the end. */
    FAULT_SLOW_PROCESS,   /* "slow_process": every step takes `delay` of CPU time. */
    FAULT_KILL_AT_EFFECT, /* "kill_at_effect": SIGKILL after `amount` more effects (system calls), an instant. */
    FAULT_CRASH_LOOP,     /* "crash_loop": SIGKILL every `delay`, started again each time. */
    FAULT_RESTART,        /* "restart": SIGTERM, and started again when it has ended, an instant. */
    FAULT_EVACUATE,       /* "evacuate": it hands over what runs there and ends; started again at the end. */
    FAULT_SLOW_START,     /* "slow_start": whatever starts it takes `delay` longer. */
    FAULT_OLD_VERSION, /* "old_version": restarted as a build of 2011 on the wire (drivers/sim/network/old_wire.h); back
                          at the end. DEAs that are so for the whole run: plan.old_deas. */
    FAULT_BAD_CONFIG,  /* "bad_config": restarted with the keys of `config`; without any it looks for the bus where none
                          is (a bus server: knows other passwords). Rolled back at the end. */
    FAULT_FEW_DESCRIPTORS, /* "few_descriptors": it may have `amount` files and connections open, no more; what it has
                              stays. */

    /* Host: target = hosts. */
    FAULT_POWER_OFF,       /* "power_off": everything unsynced is lost; power on at the end. */
    FAULT_REBOOT,          /* "reboot": power off, and on again after `delay`; over then. */
    FAULT_MEMORY_PRESSURE, /* "memory_pressure": every `delay` the kernel kills its largest process of an app. */
    FAULT_SLOW_HOST,   /* "slow_host": others take its CPU: every step of a component, every boot and answer of an app
                          there takes `delay` longer. */
    FAULT_NEW_ADDRESS, /* "new_address": it loses power and comes back with its disk and another address; at the end the
                          same, with its former address. */
    FAULT_NO_FORKS,    /* "no_forks": its hosts have no room for one more process: no app, staging, command or component
                          starts. */
    FAULT_STRANGER,    /* "stranger": a program that is none of ours listens on port `amount`, if nobody else does. */

    /* Clock: target = hosts. */
    FAULT_CLOCK_STEP,   /* "clock_step": the wall clock jumps by `amount` ns (may be negative); back at the end. */
    FAULT_CLOCK_DRIFT,  /* "clock_drift": both clocks run fast by `amount` parts in a million (or slow). */
    FAULT_CLOCK_FREEZE, /* "clock_freeze": the wall clock stands still. */
    FAULT_CLOCK_LEAP,   /* "clock_leap": a leap second that others have not had: the last second comes twice; at the end
                           the others have had it, too. */

    /* Network: target and peer = hosts; no peer means everybody else, of "all": everybody. */
    FAULT_PARTITION,  /* "partition": nothing passes between target and peer; with one_way from target to peer. */
    FAULT_FLAPPING,   /* "flapping": a partition that comes and goes every `delay`. */
    FAULT_LATENCY,    /* "latency": `delay` on top of every segment. */
    FAULT_LOSS,       /* "loss": `amount` in a million of the segments must be sent again. */
    FAULT_BANDWIDTH,  /* "bandwidth": at most `amount` bytes a second. */
    FAULT_RESET,      /* "reset": every connection between them is reset, an instant. */
    FAULT_HALF_OPEN,  /* "half_open": the network forgets their connections: nothing passes, nobody is told; an instant.
                       */
    FAULT_REFUSE,     /* "refuse": new connections to the target are refused. */
    FAULT_BLACK_HOLE, /* "black_hole": new connections to the target get no answer. */
    FAULT_TABLE_FULL, /* "table_full": its host has no port left, and no place in its table: no new connections from it
                         or to it. */
    FAULT_JAM,        /* "jam": what is under way between them waits, and comes all at once at the end. */
    FAULT_FINISH,     /* "finish": something between them ends every connection in good order, an instant. */
    FAULT_ZERO_WINDOW, /* "zero_window": the target's hosts take no bytes from the peers; nobody is told. */
    FAULT_IDLE_EXPIRY, /* "idle_expiry": connections that were silent for `delay` are forgotten, as "half_open" does. */
    FAULT_CORRUPT,     /* "corrupt": one bit of `amount` in a million of the segments is turned, past all checksums. */
    FAULT_WRONG_NAME,  /* "wrong_name": who connects to the target comes to the peer. */
    FAULT_NO_NAME, /* "no_name": the peers do not find the address of the target; connections that there are stay. */

    /* Disk: target = hosts. */
    FAULT_DISK_SLOW,        /* "disk_slow": `delay` on top of every sync and read. */
    FAULT_DISK_FULL,        /* "disk_full": writes end as full. */
    FAULT_DISK_ERROR,       /* "disk_error": `amount` in a million of the writes and reads fail. */
    FAULT_DISK_READ_ERROR,  /* "disk_read_error": `amount` in a million of the reads fail. */
    FAULT_DISK_WRITE_ERROR, /* "disk_write_error": `amount` in a million of the writes and syncs fail. */
    FAULT_DISK_READ_ONLY,   /* "disk_read_only": writes end as denied. */
    FAULT_DISK_BIT_ROT,     /* "disk_bit_rot": one bit of each saved state that a start reads is turned. */
    FAULT_DISK_TORN_STATE,  /* "disk_torn_state": saved states that a start reads end early. */
    FAULT_DISK_OLD_IMAGE,   /* "disk_old_image": starts read the first states that were ever saved. */
    FAULT_DISK_WIPED,       /* "disk_wiped": starts find an empty disk. */
    FAULT_DISK_SWAPPED,     /* "disk_swapped": starts read the state of the next component of that role. */
    FAULT_DISK_LYING_SYNC,  /* "disk_lying_sync": a sync says yes and keeps nothing until the next honest one. */

    /* Store: the journal and blobs of the controllers; no target. */
    FAULT_JOURNAL_OUTAGE,    /* "journal_outage": appends fail, followers hear nothing. */
    FAULT_JOURNAL_SLOW,      /* "journal_slow": `delay` on top of every append. */
    FAULT_JOURNAL_CONFLICTS, /* "journal_conflicts": `amount` in a million of the appends meet a foreign entry. */
    FAULT_JOURNAL_SHORT, /* "journal_short": `amount` in a million of the appends are written in part and taken back. */
    FAULT_JOURNAL_UNSURE, /* "journal_unsure": `amount` in a million of them are kept, and said to have failed. */
    FAULT_JOURNAL_TORN,   /* "journal_torn": `amount` in a million of the entries are read cut short. */
    FAULT_BLOBS_MISSING,  /* "blobs_missing": reading blobs ends as not found. */
    FAULT_BLOBS_DAMAGED,  /* "blobs_damaged": one bit of each blob that is sent to somebody is turned. */

    /* Workload: target = instances ("shop/2", "shop"). The latter kinds hold for processes started meanwhile, too. */
    FAULT_KILL_INSTANCE,    /* "kill_instance": SIGKILL, an instant. */
    FAULT_HANG_INSTANCE,    /* "hang_instance": it accepts and never answers. */
    FAULT_SICK_INSTANCE,    /* "sick_instance": it answers every request with 503. */
    FAULT_SLOW_INSTANCE,    /* "slow_instance": it answers `delay` later. */
    FAULT_APP_CRASHES,      /* "app_crashes": every process of it exits `delay` after its start. */
    FAULT_APP_NEVER_BINDS,  /* "app_never_binds": new processes run and never listen. */
    FAULT_APP_SLOW_BOOT,    /* "app_slow_boot": boot takes `delay` longer. */
    FAULT_APP_IGNORES_TERM, /* "app_ignores_term": only SIGKILL ends it. */
    FAULT_APP_CANNOT_FORK,  /* "app_cannot_fork": its starts fail. */
    FAULT_APP_PORT_TAKEN,   /* "app_port_taken": whoever wants to listen finds its port taken, and exits. */
    FAULT_APP_ZOMBIE,       /* "app_zombie": the end of a process is told when the fault ends. */
    FAULT_APP_EXITS_WELL,   /* "app_exits_well": whatever ended a process, its status says success. */
    FAULT_APP_LEAKS,        /* "app_leaks": memory grows by `amount` bytes a second. */

    /* Load: target = app host ("shop.cupola.test") or none for all. */
    FAULT_SURGE,       /* "surge": `amount` times the planned rate. */
    FAULT_SLOW_LORIS,  /* "slow_loris": `amount` clients send a request's head, a byte every `delay`, and never its end.
                        */
    FAULT_BAD_CLIENTS, /* "bad_clients": every `delay` a client comes with a request that is none, or far too large. */

    /* Message: single messages of the bus, above TCP; target = hosts that they are sent to, `subject` a pattern ("*" a
     * token, ">" the rest; none: all), `amount` the share in a million of them. */
    FAULT_MESSAGE_LOSS,       /* "message_loss": they never come. */
    FAULT_MESSAGE_DUPLICATES, /* "message_duplicates": they come twice. */
    FAULT_MESSAGE_DELAY,      /* "message_delay": they come `delay` later; others overtake them. */
    FAULT_MESSAGE_DAMAGE,     /* "message_damage": one bit of their payload is turned. */
    FAULT_KIND_END,
};

/* The kind as scenarios write it. Static. */
const char *fault_kind_name(enum fault_kind kind);
/* 0 if no kind has that name. */
enum fault_kind fault_kind_find(const char *name);
enum fault_family fault_kind_family(enum fault_kind kind);
/* An instant: there is nothing to end. */
bool fault_kind_is_instant(enum fault_kind kind);
/* `amount` is a share, 1 to 1000000 in a million. */
bool fault_kind_takes_share(enum fault_kind kind);
/* It makes no sense without a delay. */
bool fault_kind_needs_delay(enum fault_kind kind);
/* What says yes and does no, or damages what nobody can check: no promise of a cloud covers it, random plans leave it
 * out. */
bool fault_kind_lies(enum fault_kind kind);
/* It hurts instances that run ("shop/2", or all of "shop"), not the app. */
bool fault_kind_takes_instances(enum fault_kind kind);

enum { FAULT_MOST_NUMBERS = 32 };

/* Plain data: what a scenario is compiled to, what is hashed, stored, shrunk and replayed. */
struct fault_spec {
    enum fault_kind kind;
    const char *target; /* Lent, copied. */
    const char *peer;   /* Network; NULL: everybody else. */
    struct distribution delay;
    int64_t amount;
    uint32_t share_ppm; /* Of what the target means so many in a million are hit, drawn, one at least; 0: all. */
    bool one_way;
    const char *subject;               /* Messages; NULL: all. Lent, copied. */
    uint32_t only[FAULT_MOST_NUMBERS]; /* Messages: instead of a share, these of those that it meets, from 1. */
    size_t only_count;
    const char *config;   /* BAD_CONFIG: keys of the component's configuration as JSON; NULL: none. Lent, copied. */
    uint64_t duration_ns; /* Ends by itself after this; 0: with fault_end, or the cloud. */
};

struct fault;

/* Whether the spec makes sense for this cloud; if not, says why in `ret_why`. */
bool fault_spec_is_valid(struct cloud *cloud, const struct fault_spec *spec, struct text *ret_why);
/* Breaks it. The spec must be valid. The fault lives as long as the cloud. */
struct fault *fault_begin(struct cloud *cloud, const struct fault_spec *spec);
/* Begins it at a moment to come. */
struct fault *fault_begin_at(struct cloud *cloud, const struct fault_spec *spec, uint64_t at_ns);
/* Mends it. Nothing if it is over. */
void fault_end(struct fault *fault);
void faults_end_all(struct cloud *cloud);

enum fault_state { FAULT_PLANNED = 0, FAULT_ACTIVE, FAULT_OVER };
enum fault_state fault_state(const struct fault *fault);
const struct fault_spec *fault_spec_of(const struct fault *fault);
uint64_t fault_began_ns(const struct fault *fault);
uint64_t fault_ended_ns(const struct fault *fault); /* UINT64_MAX while it is not over. */
/* "power_off host:dea-3 for 20s". Appended. */
void fault_describe(const struct fault_spec *spec, struct text *ret_text);

/* All faults of the run in the order in which they were asked for. */
size_t cloud_fault_count(const struct cloud *cloud);
const struct fault *cloud_fault(const struct cloud *cloud, size_t index);

#endif
