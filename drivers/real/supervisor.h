/* The supervisor of one workload: started by supervisor_spawn.c, run by supervisor.c in a process of its own.
 *
 *   cupola workload-run KIND FOLDER MEMORY DISK DESCRIPTORS RUNTIME -- ARGV...
 *
 * Its environment is the workload's. On descriptor SUPERVISOR_ANSWER it writes one line, "ok PID" or "error ERRNO
 * WHAT", when the workload runs or cannot. It belongs to init, reaps every descendant of the workload, kills what the
 * main process leaves behind, and then writes FOLDER/status.
 */
#ifndef CUPOLA_DRIVERS_REAL_SUPERVISOR_H
#define CUPOLA_DRIVERS_REAL_SUPERVISOR_H

#include "drivers/real/workload_folder.h"

enum { SUPERVISOR_ANSWER = 3 };

struct supervised {
    const char *kind;
    struct path folder;
    struct workload_limits limits;
    const char *oci_runtime; /* "" for the process kind. */
    char **argv;
};

/* Starts the main process as our child and returns its pid, or -1 with errno; it waits for a byte from `go`. */
pid_t supervised_process_fork(const struct supervised *supervised, int go, int exec_failed);
/* supervisor_oci.c: has the OCI runtime create the container; its main process becomes our child. */
pid_t supervised_oci_create(const struct supervised *supervised, struct text *ret_reason);
bool supervised_oci_start(const struct supervised *supervised);
bool supervised_oci_is_out_of_memory(const struct supervised *supervised);
void supervised_oci_delete(const struct supervised *supervised);

#endif
