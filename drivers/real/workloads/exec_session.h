/* `cupola exec`: a process of its own (`cupola workload-exec`) stands between one connection and one command that runs
 * beside the processes of a workload.
 *
 *   agent                                           session
 *     |-- started, with the workload's folder ------->|  looks whether it can enter; listens on the loopback
 *     |<-- "ok PORT SECRET" or "error TEXT" ----------|
 *     |-- connects, says the secret ----------------->|  runs the command (exec_enter.c)
 *     |<== frames of core/wire/exec_frame.h =========>|  (exec_loop.c), until either ends
 *
 * The command has what the workload has: its user, its namespaces, its control group, its limits and its environment.
 * The end of the connection ends the command: SIGHUP, and SIGKILL two seconds later.
 */
#ifndef CUPOLA_DRIVERS_REAL_EXEC_SESSION_H
#define CUPOLA_DRIVERS_REAL_EXEC_SESSION_H

#include "drivers/real/workloads/kind.h"

struct exec_order {
    const struct workload_kind *kind;
    struct path folder;
    const char *oci_runtime;
    struct workload_pids pids;
    pid_t target;           /* A process of the workload: whose namespaces, limits and environment the command gets. */
    unsigned rows, columns; /* 0: no terminal. */
    char **argv;
};

/* ---- exec_enter.c ---- */

/* Finds the process to stand beside. False with a reason: the workload has ended, or its kind does not allow it here.
 */
bool exec_find_target(struct exec_order *order, struct text *ret_why_not);
/* In a child, with standard input and outputs in place: becomes the command. Returns the place that failed, with errno.
 */
const char *exec_enter(const struct exec_order *order);

/* ---- exec_loop.c ---- */

/* Runs the command for the connection, to its end. */
void exec_run(const struct exec_order *order, int connection);

#endif
