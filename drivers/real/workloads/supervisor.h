/* The supervisor of one workload: a process of its own (`cupola workload-run`), no child of the agent, so that it
 * outlives it. It launches the workload, writes its log files, reaps every descendant, ends it when it breaks a limit,
 * kills what the main process leaves behind, and then notes how it ended.
 *
 *   agent                                         supervisor
 *     |-- born, often long before it is needed ----->|  enters a cgroup of its own
 *     |-- perhaps an order without a command ------->|  makes a container, which waits
 *     |<-- "!" --------------------------------------|  it is whole: its home may be moved
 *     |-- the order (supervisor_order.c) ----------->|  limits the group, launches
 *     |<-- "ok PID" or "error ERRNO WHAT" -----------|  leaves the group, which is the workload's now
 *     |   (the connection ends here)                 |  looks after it until it ends
 *
 * Whose connection ends without an order goes, its container with it, and leaves nothing behind. A supervisor in stock
 * (supervisor_spare.c) saves the time that the kernel takes to move a process into a group.
 *
 * To start our program anew for each would cost it some milliseconds of CPU, just when the workload begins, and some
 * megabytes that all have the same of. So the agent starts the program once: the nursery, which forks a supervisor for
 * each connection that it is sent, and ends with the agent. Its children live on.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_SUPERVISOR_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_SUPERVISOR_H

#include "drivers/real/workloads/kind.h"

struct workload_order;

/* The descriptor under which a supervisor finds its connection, and the nursery its own. */
enum { SUPERVISOR_CONNECTION = 3 };

/* ---- supervisor_order.c ---- */

/* Sends the order. False with errno. */
bool supervisor_order_send(int connection, const struct workload_order *order);
/* Reads it; the memory stays for ever. False if there will be none. */
bool supervisor_order_read(int connection, struct supervised *ret_supervised);

/* ---- supervisor_watch.c ---- */

/* Looks after the workload until its main process has ended or it had to be ended. `outputs` are the reading ends of
 * its pipes. On return all its processes are gone, and its files are written. */
struct workload_status supervisor_watch(const struct supervised *supervised, pid_t main,
                                        const int outputs[LOG_STREAMS]);

/* ---- The agent's side; blocks ---- */

/* supervisor_nursery.c: has a supervisor born. Returns our end of the connection, or -1 with errno. */
int supervisor_start(void);
/* Runs another sub-command of ours, which leaves its first process at once; the same result. */
int supervisor_start_as(char *const argv[]);
/* supervisor_spawn.c: gives the order to the order's supervisor, a new one if it has none, and waits for the answer.
 * False with the job's status and reason. */
bool supervisor_spawn(struct workload_order *order);

#endif
