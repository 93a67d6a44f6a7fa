/* What the system has too little of: descriptors that a process may have open, processes that a host can start. */
#ifndef CUPOLA_DRIVERS_SIM_PROCESS_LIMITS_H
#define CUPOLA_DRIVERS_SIM_PROCESS_LIMITS_H

#include "drivers/sim/process/process.h"

/* Whether it gets one more descriptor. What it has stays its own, above a limit too. */
bool limits_allow_descriptor(const struct process *process);
/* True if the effect needs what there is too little of: then it has been answered as full. Not for connections, which
 * are told in their own way: CONNECT by a CLOSED, and who comes is cut. */
bool limits_refuse(struct process *process, const struct effect *effect);

#endif
