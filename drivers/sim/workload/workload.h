/* The processes of apps on a simulated host: they boot, listen, answer, use memory, and end.
 *
 * They belong to the host, not to the DEA that started them: they go on while it is dead, and their files wait for it.
 * Each answers every request on its port with a line that names app, index, instance and version, so that an answer
 * from the wrong one is noticed.
 *
 * Fault model: a process crashes by a drawn life time, after its boot, at a loss of power or by a signal; it may never
 * listen, listen late, hang, ignore SIGTERM, or outgrow its memory and be killed for it; it may fail to start, find its
 * port taken, stay a zombie, or end with a status that tells nothing.
 */
#ifndef CUPOLA_DRIVERS_SIM_WORKLOAD_WORKLOAD_H
#define CUPOLA_DRIVERS_SIM_WORKLOAD_WORKLOAD_H

#include "drivers/sim/process/process.h"
#include "drivers/sim/workload/behaviour.pb-c.h"

/* What is wrong with every process of an app, for as long as it is in force. Owned by the fault that made it. */
struct app_trouble {
    const char *app;
    uint32_t share_ppm; /* Of its processes, each drawn by its name; 0: all. */
    uint64_t key;
    uint64_t exit_after_ns; /* 0: not. */
    bool never_binds;
    bool ignores_term;
    bool cannot_fork;   /* Starts fail. */
    bool is_port_taken; /* By a stranger, at the moment when it wants to listen. */
    bool is_unreaped;   /* Its end is told when this is over. */
    bool exits_well;    /* Whatever ended it, its status says success. */
    struct distribution boot_extra;
    uint64_t growth_bytes_per_s;
    struct app_trouble *previous, *next;
};

struct workload {
    struct host *host;
    struct process *watcher; /* The component that started it, in whatever life. */
    uint64_t watched_life;   /* Of the watcher that knows of it. */
    char name[64];
    const char *label; /* "shop/2" */
    Cupola__SimApp *app;
    int32_t index;
    char version[96];
    struct slice note; /* Kept. */
    struct workload_limits limits;
    uint64_t number; /* Counts all of the host; process id. */
    struct port port;
    bool is_running;
    bool is_listening;
    bool hangs;
    bool is_sick;            /* Answers with 503. */
    uint64_t slow_ns;        /* Answers so much later. */
    struct text environment; /* A line for each variable; empty unless its app shows it. */
    bool is_told;            /* Its end was told. */
    bool is_start_answered;
    int exit_code, signal;
    bool out_of_memory;
    uint64_t started_ns;
    uint64_t growth_bytes_per_s;

    /* Private. */
    struct wake bind, end, news;
    int planned_signal;
    bool planned_oom;
    struct random_stream random;
    struct responder *responders;
    struct command *commands;
    struct workload *previous, *next;
    UT_hash_handle hh; /* In host.workloads_by_name. */
};

/* The effects of a component. */
enum io_status workload_launch(struct process *watcher, const struct effect *effect, struct workload **ret_workload);
void workload_send_signal(struct workload *workload, int signal);
/* It ends by itself, with exit code 1. */
void workload_exit(struct workload *workload);
void workload_discard(struct workload *workload);
uint64_t workload_memory_bytes(const struct workload *workload);
struct workload *workload_lookup(const struct process *watcher, const char *name);
/* Its end may be told now, if there is one. */
void workload_tell(struct workload *workload);

void workloads_lose_power(struct host *host);
void workloads_destroy(struct host *host);
/* The watcher runs again after a pause. */
void workloads_wake_watcher(struct process *watcher);

/* Faults of an app, on every host. */
void app_trouble_begin(struct world *world, struct app_trouble *trouble);
void app_trouble_end(struct world *world, struct app_trouble *trouble);

/* responder.c */
void responders_accept(struct port *port, struct socket *socket);
void responders_drop_all(struct workload *workload);

/* command.c: a command beside it, which waits for its connection; its port, or 0. */
#define COMMAND_SECRET "0123456789abcdef0123456789abcdef"
uint16_t command_prepare(struct workload *workload, const struct effect *effect);
/* Those that somebody has come for. */
size_t commands_count(const struct workload *workload);
void commands_drop_all(struct workload *workload);

struct distribution behaviour_duration(const Cupola__SimDuration *duration);

#endif
