/* An example of other people's state machines in a simulated world: a server lends one lease to one client at a time.
 *
 *   client -> server    LEASE\n
 *   server -> client    YES <ms>\n        it is yours for so long, counted from your question
 *                       NO\n              somebody else has it
 *
 * The promise: no two clients ever believe at the same time that they have it, whatever becomes of server, network and
 * clocks. A client counts from the moment of its question, less a tenth for a clock that runs slow; a server that was
 * restarted does not know what its former life has granted, and so grants nothing for the length of one lease.
 */
#ifndef CUPOLA_EXAMPLES_LEASE_LEASE_H
#define CUPOLA_EXAMPLES_LEASE_LEASE_H

#include "core/machine/machine.h"

extern const struct machine_class lease_server_class;
extern const struct machine_class lease_client_class;

/* Whether a client believes, by its own clock at `local_ns`, that the lease is its. */
bool lease_client_believes(struct machine *machine, uint64_t local_ns);

#endif
