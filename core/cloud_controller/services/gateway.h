/* What gateways are asked to do: to make services and bindings, and to delete what is left over (leftovers.c).
 *
 *   ordered --answer in time--> told the waiter
 *       `----patience over--> told the waiter that it takes too long --answer after all--> made for nobody: a leftover
 *
 *   leftover --DELETE, until the gateway says 200, or has said 404 for long enough--> gone
 *
 * A gateway of 2011 that was started anew says 404 to everything until it has read its handles (GET
 * /services/v1/offerings/LABEL/handles). So those name leftovers too: after that it can delete them.
 *
 * What a gateway makes while this controller dies is known to the gateway alone: it compares what it has with the
 * handles.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_SERVICES_GATEWAY_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_SERVICES_GATEWAY_H

#include "core/cloud_controller/controller.h"
#include "core/http/client.h"

/* What a gateway has made; texts are lent for the call. */
struct made {
    const char *id; /* Of the service or the binding. */
    const char *configuration;
    const char *credentials;
};

/* Embed it; it must stay until `done`, which is the last call. `made` is NULL if nothing was. */
struct gateway_waiter {
    void (*done)(struct gateway_waiter *waiter, const struct made *made);
};

/* A service: `service_id` is NULL. A binding of a service: its id. `body` is JSON, lent. */
void cc_gateway_make(struct controller *controller, const char *label, const char *service_id, const char *body,
                     struct gateway_waiter *waiter);
/* One call; false: the gateway is not known, or cannot be. */
bool cc_gateway_call(struct controller *controller, struct http_call *call, const char *label, const char *method,
                     const struct text *path, const char *body, uint64_t timeout_ns,
                     const struct http_call_handlers *handlers);
void cc_gateway_destroy(struct controller *controller);

/* ---- leftovers.c ---- */

/* What was made, and shall not be kept after all; nothing if the journal has it all the same, or has it now. */
void cc_gateway_leave(struct controller *controller, const struct made_thing *thing);
/* Looks at the leftovers now. */
void cc_gateway_clean_up(struct controller *controller);
void cc_leftovers_stop(struct controller *controller);
void cc_leftovers_destroy(struct controller *controller);

#endif
