/* Workloads: what WORKLOAD_START and its sisters do. Two kinds (DriverConfig.workloads):
 *
 *   process   a plain process in a session of its own, with resource limits
 *   oci       a container made by an OCI runtime: own root file system, namespaces, cgroup
 *
 * Either runs under a small supervisor process (supervisor.c) that is nobody's child, so that it outlives us, and that
 * notes how the workload ended. We watch the supervisor through a pidfd, one started by us just as one we found.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOAD_H
#define CUPOLA_DRIVERS_REAL_WORKLOAD_H

#include "core/base/map.h"
#include "drivers/real/driver.h"
#include "drivers/real/job.h"
#include "drivers/real/workload_folder.h"

/* ---- Effects, and the end ---- */

void workload_carry_out(struct real_driver *driver, const struct effect *effect);
/* Stops watching; the workloads live on. */
void workloads_forget_all(struct real_driver *driver);

/* ---- Among the files of this module ---- */

enum workload_state {
    WORKLOAD_STARTING = 1, /* A job prepares it. */
    WORKLOAD_RUNNING,      /* Its supervisor is watched. */
    WORKLOAD_DEAD,         /* Its files are still here. */
    WORKLOAD_REMOVING,     /* A job removes it. */
};

struct workload {
    char name[WORKLOAD_NAME_SIZE];
    struct real_driver *driver;
    enum workload_state state;
    struct path folder;
    struct workload_pids pids;
    bool remove_asked; /* While it was starting. */
    struct io_op remove_op;
    struct workload_watch *watch; /* NULL while not watched. */
    UT_hash_handle hh;
};

/* Everything that a start needs, copied: for the thread. */
struct workload_order {
    struct job job;
    char name[WORKLOAD_NAME_SIZE];
    struct path folder;
    char *digest;
    char *runtime;
    char **argv;
    char **envp;
    struct workload_limits limits;
    struct slice note;
    const struct workload_kind *kind;
    const char *oci_runtime;
    struct workload_pids pids; /* Result. */
};

struct workload_kind {
    const char *name;
    /* Makes ready what the kind needs beside root/. False with the job's status and reason set. Blocks. */
    bool (*prepare)(struct workload_order *order);
    /* Undoes that; must bear being called at any time, and twice. Blocks. */
    void (*clean_up)(const struct path *folder, const char *name, const char *oci_runtime);
};

/* For prepare: HOME, unless the component has set it. */
void workload_add_home(struct workload_order *order, const char *home);

extern const struct workload_kind workload_kind_process; /* workload_process.c */
extern const struct workload_kind workload_kind_oci;     /* workload_oci.c */
/* NULL for a name that nobody knows. */
const struct workload_kind *workload_kind_of(const char *name);

struct workload *workload_find(struct real_driver *driver, const char *name);
struct workload *workload_add(struct real_driver *driver, const char *name, const struct path *folder);
void workload_drop(struct workload *workload);
/* Watches its supervisor. False if that has ended already. */
bool workload_watch(struct workload *workload);
/* The same; if it has ended, EXITED is told now. */
void workload_watch_or_tell(struct workload *workload);
void workload_unwatch(struct workload *workload);

/* workload_start.c, workload_list.c, workload_remove.c, workload_measure.c, workload_files.c */
void workload_start(struct real_driver *driver, const struct effect *effect);
void workload_list(struct real_driver *driver, struct io_op op);
void workload_remove(struct real_driver *driver, struct io_op op, const char *name);
void workload_measure(struct real_driver *driver, struct io_op op, const char *name);
void workload_read_file(struct real_driver *driver, const struct effect *effect);

/* Kills and deletes, by what is on disk alone. Blocks. */
enum io_status workload_destroy(const struct path *folder, const char *name, const char *oci_runtime,
                                struct text *ret_reason);

/* workload_oci.c: removes the cgroup that held those of all containers, if it is empty. */
void workload_oci_remove_cgroups(void);

/* supervisor_spawn.c: starts the supervisor of the order; it answers when the workload runs. Blocks. */
bool supervisor_spawn(struct workload_order *order);

#endif
