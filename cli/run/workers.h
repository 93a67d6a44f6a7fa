/* `cupola run ROLE --workers N`: processes of one role that share its ports. */
#ifndef CUPOLA_CLI_RUN_WORKERS_H
#define CUPOLA_CLI_RUN_WORKERS_H

#include "cli/run/config.h"

enum { RUN_WORKERS_MOST = 64 };

/* Starts the workers and stays until they have ended; signals go to all of them, one that dies is started again. Each
 * has a folder of its own below data_dir. In a worker it returns true, with the configuration changed for it; in the
 * process that watches them false, with *ret_status. */
bool run_workers(Cupola__ProcessConfig *config, const struct run_role *role, unsigned count, int *ret_status);

#endif
