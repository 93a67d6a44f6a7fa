/* One component in a simulated world: its machine, and the driver that carries out its effects.
 *
 * A process exists for as long as the world; its lives come and go (start, exit, kill, loss of power). What outlives a
 * life is what was durable: saved state, blobs, journal, and the workloads, which only die with their host. Every step
 * goes into the hash of the process and of the world.
 *
 * Fault model: killed at any moment, also between two effects of one step, paused (the system goes on for it), slowed
 * down (each step takes CPU time), started again by the init of its host or not.
 */
#ifndef CUPOLA_DRIVERS_SIM_PROCESS_PROCESS_H
#define CUPOLA_DRIVERS_SIM_PROCESS_PROCESS_H

#include "core/machine/machine.h"
#include "drivers/sim/host/host.h"
#include "drivers/sim/storage/blob_store.h"
#include "drivers/sim/storage/journal_store.h"

/* All lent, copied where they are texts or bytes; the stores are kept. */
struct process_options {
    const char *name;
    const struct machine_class *class;
    struct io_bytes config; /* Packed. */
    struct host *host;
    struct blob_store *blobs;      /* NULL: one of its own on its host. */
    struct journal_store *journal; /* NULL: none. */
    uint64_t restart_delay_ns;     /* 0: it is not started again when it ends without being asked to. */
    struct distribution hash;      /* How long a password hash takes. */
    struct distribution staging;
    bool keeps_traces;
    bool carries_messages; /* A bus server: what it writes to clients can suffer the troubles of messages.h. */
};

/* An operation under way: one DONE to come. */
struct pending {
    struct wake wake;
    struct process *process;
    struct pending *previous, *next;
    struct io_op op;
    enum io_status status;
    uint64_t number;
    struct slice data; /* Kept. */
    /* What becomes true at its end, before the component is told. May be NULL. */
    void (*complete)(struct pending *pending);
    /* For `complete`. */
    struct slice given;
    char name[64];
    uint64_t expected;
};

/* A connection of the component. */
struct process_conn {
    struct process *process;
    struct socket *socket;
    struct io_conn id;
    /* A transfer to a blob that is under way. */
    struct io_op receiving;
    uint64_t receive_left;
    struct text received;
    struct process_send *sends; /* Blobs under way to the peer, the oldest first. */
    /* messages.c: */
    struct held_message *held_messages;
    size_t surplus_bytes; /* Leave though the component did not write them. */
};

struct process_send {
    struct io_op op;
    uint64_t size;
    struct process_send *next;
};

struct process_listener {
    struct port port;
    struct io_listener id;
    struct process_listener *next;
};

struct process_blob {
    struct io_blob id;
    struct text content;
    struct process_blob *next;
};

/* One life's trace. */
struct process_trace {
    struct text text;
    uint64_t steps;
};

enum process_end {
    PROCESS_NEVER_RAN = 0,
    PROCESS_RUNS,
    PROCESS_EXITED,
    PROCESS_KILLED,
    PROCESS_LOST_POWER,
};

struct process {
    struct world *world;
    struct host *host;
    const struct machine_class *class;
    struct machine *machine; /* NULL while it does not run. */
    const char *name;
    uint32_t number; /* In the world. */
    enum process_end end;
    int exit_status;
    struct text exit_data;                   /* Of its last exit. */
    void (*on_end)(struct process *process); /* After any end of a life. May be NULL. */
    void *owner;

    uint64_t restart_delay_ns;
    bool is_wanted;          /* Init starts it again. */
    uint32_t held_down;      /* Faults that keep it from being started. */
    uint64_t start_extra_ns; /* Of faults: so much later it starts, whoever starts it. */
    uint32_t old_builds;     /* Faults that have a build of 2011 installed. */
    bool is_old;             /* Its present life is of one. */
    bool is_limited;         /* By a fault: */
    uint32_t most_descriptors;
    uint64_t step_cost_ns;
    uint64_t effects_to_live; /* It is killed after so many more, in the midst of a step. 0: not. */
    bool is_paused;
    bool was_asked_to_stop;
    size_t leftover_ops, leftover_conns; /* At an exit that was asked for. */

    uint64_t life_count;
    uint64_t step_count; /* Of all lives. */
    uint64_t hash;
    struct blob_store *blobs;
    struct journal_store *journal;
    bool owns_blobs;
    bool keeps_traces;
    bool carries_messages;
    struct process_trace *traces; /* One a life. */

    /* Private. */
    struct buffer *config;
    size_t config_size;
    struct distribution hash_time, staging_time;
    struct random_stream random;
    struct wake deadline;
    struct wake life;     /* The next start. */
    struct wake orders;   /* STOP or EVACUATE is to be told. */
    uint32_t ordered;     /* Bits: 1 evacuate, 2 stop. */
    uint64_t deadline_ns; /* In its host's local time. */
    uint64_t busy_until_ns;
    struct process_conn **conns;
    size_t conn_capacity;
    uint32_t lowest_odd_id; /* No odd id below it is free. */
    struct process_listener *listeners;
    struct process_blob *open_blobs;
    struct pending *pendings;
    uint64_t pending_count;  /* Ever. */
    uint64_t last_append_ns; /* When its last append comes to the journal: they come in their order. */
};

struct process *process_create(struct world *world, const struct process_options *options);
void process_destroy(struct process *process);

/* Begins a life, `delay_ns` from now. Nothing if it runs. */
void process_start(struct process *process, uint64_t delay_ns);
/* Another configuration, for lives to come. Packed, copied. */
void process_set_config(struct process *process, struct io_bytes config);
/* SIGTERM and SIGUSR2: it ends by itself, and is not started again. */
void process_stop(struct process *process);
void process_evacuate(struct process *process);
/* SIGKILL; init starts it again if it is wanted. */
void process_kill(struct process *process);
void process_pause(struct process *process);
void process_resume(struct process *process);
void process_lose_power(struct process *process);
static inline bool process_runs(const struct process *process)
{
    return process->machine != NULL;
}

/* ---- For the files of this driver ---- */

/* Whether it may be stepped now; if not, the wake happens again when it may. */
bool process_may_step(struct process *process, struct wake *wake);
/* One event in; its effects are carried out. `event` needs its kind and content only. */
void process_step(struct process *process, struct event *event);
/* Its deadline again, after its host's clock changed. */
void process_rearm(struct process *process);
/* Adds an operation that will be done at `done_ns`. */
struct pending *process_add_pending(struct process *process, struct io_op op, uint64_t done_ns, enum io_status status);
/* Done at once: in a wake of its own. */
struct pending *process_answer(struct process *process, struct io_op op, enum io_status status);
void process_free_pending(struct pending *pending);
/* A pending's wake: completes it as soon as the process may be stepped. */
void process_on_pending(struct wake *wake);
/* Tells it now: the process may be stepped. */
void process_finish_pending(struct pending *pending);
/* net.c, store.c, work.c: each takes the effects it knows. */
void process_do_network(struct process *process, struct effect *effect);
void process_do_storage(struct process *process, struct effect *effect);
void process_do_workload(struct process *process, struct effect *effect);
void process_drop_network(struct process *process);
void process_drop_storage(struct process *process);

#endif
