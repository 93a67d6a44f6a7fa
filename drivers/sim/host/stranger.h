/* A program on a host that is none of ours: it listens on a port of its choice and answers every request with a line
 * that names no app of ours. Whoever takes it for an instance is found out by the answer. */
#ifndef CUPOLA_DRIVERS_SIM_HOST_STRANGER_H
#define CUPOLA_DRIVERS_SIM_HOST_STRANGER_H

#include "drivers/sim/host/host.h"

struct stranger;

/* NULL if somebody has the port. */
struct stranger *stranger_new(struct host *host, uint16_t port);
/* It listens no more. NULL is allowed. */
void stranger_free(struct stranger *stranger);

#endif
