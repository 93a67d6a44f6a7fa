/* A simulated service gateway: it offers one service to the controllers and makes, binds, unbinds and deletes it by the
 * gateway protocol of 2011 (docs/protocol.md, Services).
 *
 * What it has made outlives it, as databases outlive the program that made them. What it knows of that does not, unless
 * it `remembers`: like a gateway of 2011 it then learns from the controllers' handles what there is, and says 404 to
 * everything before it has.
 *
 * Fault model: it dies like any process, at any effect; it is slow; it refuses; it does what it was ordered and says
 * that it failed, or says nothing; it makes two of what it was ordered and tells of one. Without `reap_ms` it never
 * looks for what nobody knows of.
 */
#ifndef CUPOLA_DRIVERS_SIM_GATEWAY_GATEWAY_H
#define CUPOLA_DRIVERS_SIM_GATEWAY_GATEWAY_H

#include "core/machine/machine.h"
#include "drivers/sim/gateway/gateway.pb-c.h"

extern const struct machine_class sim_gateway_class;

/* Something that it has made. Lent until the next step. */
struct gateway_thing_view {
    const char *id;
    const char *service; /* "": it is a service itself. */
    bool is_known;       /* To the gateway; what there is and it does not know, nobody can unbind. */
};

/* "redis-1.0" */
const char *gateway_view_label(const struct machine *machine);
/* The next one in the order of making; `at` is NULL at first. False after the last. */
bool gateway_view_next(const struct machine *machine, const void **at, struct gateway_thing_view *ret_view);

#endif
