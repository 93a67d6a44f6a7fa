/* What is kept on disk for each workload, in <data_dir>/workloads/<name>/:
 *
 *   root/      its directory: the unpacked droplet, what READ_FILE sees
 *   record     kind and note, written before the process exists
 *   pids       supervisor, main process and cgroup, written by the supervisor before it lets the workload run
 *   status     how it ended, written by the supervisor
 *   bundle/    of the OCI kind
 *
 * Each file is replaced as a whole, but not waited for until it is on disk: it tells of processes, and none of them
 * outlives what loses it.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_FOLDER_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_FOLDER_H

#include "core/base/text.h"
#include "core/io.h"
#include "drivers/real/files.h"
#include "drivers/real/workloads/cgroup.h"
#include "drivers/real/workloads/process_tree.h"

enum { WORKLOAD_NAME_SIZE = 65 };

/* How a workload ended. */
struct workload_status {
    int exit_code; /* -1 if killed by a signal. */
    int signal;
    enum workload_breach breach;
};

struct workload_pids {
    struct process_id supervisor;
    struct process_id main;
    char group[CGROUP_NAME_SIZE]; /* Its cgroup; "": none. */
};

/* False for names that cannot be a folder's. */
bool workload_folder(const char *data_dir, const char *workload, struct path *ret_folder);

enum io_status workload_write_record(const struct path *folder, const char *kind, struct io_bytes note,
                                     struct text *ret_reason);
/* IO_NOT_FOUND or IO_CORRUPT: no start was ever completed there. */
enum io_status workload_read_record(const struct path *folder, char ret_kind[16], struct text *ret_note);

/* Replaces a file below the folder. */
enum io_status workload_write_file(const struct path *folder, const char *name, struct io_bytes content,
                                   struct text *ret_reason);

bool workload_write_pids(const struct path *folder, const struct workload_pids *pids);
/* False if there are none, or of another boot. */
bool workload_read_pids(const struct path *folder, struct workload_pids *ret_pids);

bool workload_write_status(const struct path *folder, const struct workload_status *status);
bool workload_read_status(const struct path *folder, struct workload_status *ret_status);

#endif
