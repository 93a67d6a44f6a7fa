/* What gateways are asked to do: to make services and bindings, and to delete what is left over.
 *
 *   ordered --answer in time--> told the waiter
 *       `----patience over--> told the waiter that it takes too long --answer after all--> made for nobody: a leftover
 *
 *   leftover --DELETE, until the gateway says 200 or 404--> gone
 *
 * What a gateway makes while this controller dies is known to the gateway alone: it compares what it has with the
 * handles that it can ask for (GET /services/v1/offerings/LABEL/handles).
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
/* What was made, and shall not be kept after all. */
void cc_gateway_leave(struct controller *controller, const char *label, const char *service_id, const char *handle);
/* Looks at the leftovers now. */
void cc_gateway_clean_up(struct controller *controller);
void cc_gateway_open(struct controller *controller);
void cc_gateway_stop(struct controller *controller);
void cc_gateway_destroy(struct controller *controller);

#endif
