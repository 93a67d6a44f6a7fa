/* What is kept on disk for each workload, in <data_dir>/workloads/<name>/:
 *
 *   root/      its directory: the unpacked droplet, what READ_FILE sees
 *   record     kind and note, written durably before the process exists
 *   pids       supervisor and main process, written by the supervisor before it lets the workload run
 *   status     how it ended, written by the supervisor
 *   bundle/    of the OCI kind
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOAD_FOLDER_H
#define CUPOLA_DRIVERS_REAL_WORKLOAD_FOLDER_H

#include "core/base/text.h"
#include "core/io.h"
#include "drivers/real/files.h"
#include "drivers/real/process_tree.h"

enum { WORKLOAD_NAME_SIZE = 65 };

/* How a workload ended. */
struct workload_status {
    int exit_code; /* -1 if killed by a signal. */
    int signal;
    bool out_of_memory;
};

struct workload_pids {
    struct process_id supervisor;
    struct process_id main;
};

/* False for names that cannot be a folder's. */
bool workload_folder(const char *data_dir, const char *workload, struct path *ret_folder);

enum io_status workload_write_record(const struct path *folder, const char *kind, struct io_bytes note,
                                     struct text *ret_reason);
/* IO_NOT_FOUND or IO_CORRUPT: no start was ever completed there. */
enum io_status workload_read_record(const struct path *folder, char ret_kind[16], struct text *ret_note);

bool workload_write_pids(const struct path *folder, const struct workload_pids *pids);
/* False if there are none, or of another boot. */
bool workload_read_pids(const struct path *folder, struct workload_pids *ret_pids);

bool workload_write_status(const struct path *folder, const struct workload_status *status);
bool workload_read_status(const struct path *folder, struct workload_status *ret_status);

#endif
