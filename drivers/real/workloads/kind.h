/* The kinds of workloads (DriverConfig.workloads) behind one table of functions:
 *
 *   process      a plain process, with a Unix user of its own where we are root
 *   bubblewrap   a container made by bwrap and our own writes to cgroups: the fast path
 *   oci          a container made by an OCI runtime: runc, crun, or any with their command line
 *
 * The driver (on a thread of its pool) prepares a workload's folder and hands the order to a supervisor process, which
 * launches the main process and looks after it: supervisor.h.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_KIND_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_KIND_H

#include "core/proto/config.pb-c.h"
#include "drivers/contained/contained.h"
#include "drivers/real/workloads/folder.h"
#include "drivers/real/workloads/supervisor_log.h"

struct workload_order;

/* One that waits to hear what shall run in it (drivers/contained). */
struct container {
    pid_t main;     /* 0: there is none. */
    int connection; /* Ours to what waits. */
    bool is_whole;  /* It has said so, and that was read. */
};

/* One workload, as its supervisor knows it. */
struct supervised {
    const struct workload_kind *kind;
    struct container container;
    struct path folder;
    struct workload_limits limits;
    struct log_settings logs;
    uint32_t cpu_percent; /* Of one core; 0: no cap. */
    uint32_t uid;         /* 0: it runs as we do. */
    bool private_network;
    const char *runtime;     /* Executable of the app's runtime, or "". */
    const char *oci_runtime; /* Command. */
    const char *bubblewrap;  /* Command. */
    char **argv;             /* Of a container that is made ahead: nothing yet. */
    char **envp;
    char group[CGROUP_NAME_SIZE];       /* The cgroup in which we begin; "": none. */
    char final_group[CGROUP_NAME_SIZE]; /* That of the workload: the same, unless its kind makes its own. */
};

struct workload_kind {
    const char *name;
    const char *home; /* Its directory as it sees it; NULL: as we do. */
    /* Its group is made by the OCI runtime: workload_oci_group. */
    bool makes_own_group;
    /* Signals go to the descendants of its main process, which is no part of it, instead of the supervisor's. */
    bool main_is_a_guard;

    /* Can this machine do it? If not, appends what to do about it. May run a program: blocks. */
    bool (*is_possible)(const Cupola__DriverConfig *config, struct text *ret_why_not);
    /* Makes ready what the kind needs beside root/. False with the job's status and reason set. Blocks. */
    bool (*prepare)(struct workload_order *order);
    /* In the supervisor: makes the container ahead of the start, with these as its output. NULL: there is none, or none
     * that could be made without knowing what runs in it. False with errno, or with EIO and a reason. */
    bool (*make)(struct supervised *supervised, const int outputs[LOG_STREAMS], struct text *ret_reason);
    /* In the supervisor, after `make`: starts the main process, our child, with these as its output, and notes it down
     * before it runs. -1 with errno, or with EIO and a reason. */
    pid_t (*launch)(const struct supervised *supervised, const int outputs[LOG_STREAMS], struct text *ret_reason);
    /* In the supervisor: the main process and all others have ended. */
    void (*ended)(const struct supervised *supervised);
    /* Undoes prepare and launch; must bear being called at any time, and twice. Blocks. */
    void (*clean_up)(const struct path *folder, const char *name, const char *oci_runtime);
};

extern const struct workload_kind workload_kind_process;    /* process.c */
extern const struct workload_kind workload_kind_bubblewrap; /* bubblewrap.c */
extern const struct workload_kind workload_kind_oci;        /* oci.c */

/* The name of the group that an OCI runtime makes: that of the workload with its user's number, since another agent on
 * this machine may have one of the same name. */
void workload_oci_group(const char *name, uint32_t uid, char ret_group[CGROUP_NAME_SIZE]);

/* NULL for a name that nobody knows. */
const struct workload_kind *workload_kind_of(const char *name);
/* The kind for this configuration, which may say "auto": bubblewrap where it works, else process. */
const struct workload_kind *workload_kind_chosen(const Cupola__DriverConfig *config);

/* Where a program is, by its path or in the usual folders. False if it is not there. */
bool workload_find_program(const char *name, struct path *ret_path);

/* ---- supervisor_launch.c: for `launch` ---- */

/* Forks the main process: it waits until it is noted down, gets its outputs and limits, and calls `execute`, which
 * returns only when that fails (errno). */
pid_t supervised_fork(const struct supervised *supervised, const int outputs[LOG_STREAMS],
                      void (*execute)(const struct supervised *supervised));
/* Forks the guard of a container, which calls `execute` at once. `connection` is its end of that to the container,
 * where it tells an errno, as an int, if `execute` returns. */
pid_t supervised_fork_guard(const struct supervised *supervised, const int outputs[LOG_STREAMS], int connection,
                            void (*execute)(const struct supervised *supervised, int connection));
/* What a single process of the workload is granted. */
void supervised_list_limits(const struct supervised *supervised, struct contained_limit ret_limits[CONTAINED_LIMITS]);
/* Reads what the container tells next. False with the errno that it told, or with EIO if it has ended. */
bool supervised_hear(const struct container *container);
/* Writes the pids of the workload down: the supervisor is us, the main process perhaps still to come (0). */
bool supervised_note(const struct supervised *supervised, pid_t main);
/* In a child: the kernel may choose it when it is out of memory, as any other. */
void supervised_become_killable(void);
/* In a child: becomes the workload's user for good, with no way back to more rights. False with errno. */
bool supervised_become_user(const struct supervised *supervised);

#endif
