/* Workloads: what WORKLOAD_START and its sisters do. What differs between kinds is behind kind.h.
 *
 * Each runs under a supervisor process (supervisor.h) that is nobody's child, so that it outlives us, and that notes
 * how the workload ended. We watch the supervisor through a pidfd, one started by us just as one we found.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_WORKLOAD_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_WORKLOAD_H

#include "core/base/map.h"
#include "drivers/real/driver.h"
#include "drivers/real/job.h"
#include "drivers/real/workloads/kind.h"
#include "drivers/real/workloads/user.h"

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
    const struct workload_kind *kind; /* NULL: one that a later version of us knew. */
    struct workload_pids pids;
    bool remove_asked; /* While it was starting. */
    struct io_op remove_op;
    struct workload_watch *watch; /* NULL while not watched. */
    UT_hash_handle hh;
};

/* A supervisor in stock, and perhaps a container that waits for a command. */
struct spare {
    int connection;     /* To the supervisor; -1: there is none. */
    struct path folder; /* Its root/ is what the container will see as its home; "": there is no container. */
    uint32_t uid;       /* Whose container it is. */
    struct path prefix; /* Of the runtime that can be seen in it. */
};

/* Everything that a start needs, copied: for the thread. Without a command: a container ahead of its order. */
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
    uint32_t uid;           /* 0: it runs as we do. */
    struct path spare_root; /* The droplet, unpacked already; "": not so. */
    struct spare spare;
    bool is_contained;         /* The spare's container is its own now. */
    bool runs_as_us;           /* Result: although we are root. */
    struct workload_pids pids; /* Result. */
};

char **workload_copy_list(const char *const *list);
/* With its spare, if it still has one. */
void workload_order_free(struct workload_order *order);

struct workload *workload_find(struct real_driver *driver, const char *name);
struct workload *workload_add(struct real_driver *driver, const char *name, const struct path *folder);
void workload_drop(struct workload *workload);
/* Watches its supervisor. False if that has ended already. */
bool workload_watch(struct workload *workload);
/* The same; if it has ended, EXITED is told now. */
void workload_watch_or_tell(struct workload *workload);
void workload_unwatch(struct workload *workload);

/* start.c, list.c, remove.c, measure.c, files.c, exec.c */
void workload_start(struct real_driver *driver, const struct effect *effect);
void workload_list(struct real_driver *driver, struct io_op op);
void workload_remove(struct real_driver *driver, struct io_op op, const char *name);
void workloads_measure(struct real_driver *driver, struct io_op op);
void workload_read_file(struct real_driver *driver, const struct effect *effect);
void workload_exec(struct real_driver *driver, const struct effect *effect);

/* Kills and deletes, by what is on disk alone. Blocks. */
enum io_status workload_destroy(const struct path *folder, const char *name, const char *oci_runtime,
                                struct text *ret_reason);

/* supervisor_spare.c: supervisors in stock. One of them (given), with a container if there is one. */
struct spare spares_take(struct real_driver *driver);
/* Starts as many as the configuration wants. Their containers are made when nothing has started for a while, with what
 * this runtime needs (NULL: the one before). */
void spares_fill(struct real_driver *driver, const char *runtime);
/* Whether the next start will find a container. */
bool spares_have_container(const struct real_driver *driver);
/* Sends them away. */
void spares_dismiss(struct real_driver *driver);

/* container_spare.c; all on a thread, and they block. */
/* Has the order's spare, a supervisor, make a container for whatever comes. Without it the supervisor remains. */
void spare_container_make(struct workload_order *order);
/* The container of the order's spare becomes the workload's: its folder is root/ now, and its user the order's. False:
 * there is none that could; then there is no spare any more either. */
bool spare_container_use(struct workload_order *order);
/* Sends it away, and removes its folder. */
void spare_drop(struct spare *spare);
/* What our last life has left. */
void spare_containers_sweep(const char *data_dir);

/* root_spare.c: unpacked droplets in stock, of what was started lately. */
struct path spare_roots_folder(const char *data_dir);
/* A folder with the content of that droplet, for the caller to move away; false if there is none that is surely not
 * larger. */
bool spare_roots_take(struct real_driver *driver, const char *digest, uint64_t bytes_most, struct path *ret_folder);
/* It was started, and may be so large: soon there shall be one. */
void spare_roots_want(struct real_driver *driver, const char *digest, uint64_t bytes_most);
/* Its blob goes. */
void spare_roots_forget(struct real_driver *driver, const char *digest);
/* They stay on disk until our next life. */
void spare_roots_dismiss(struct real_driver *driver);

#endif
