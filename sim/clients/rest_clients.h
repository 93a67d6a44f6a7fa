/* Clients of the REST API that read and change one app at the same time, each by one call after the other, at any of
 * the controllers; what they asked and were told is their history.
 *
 * A controller that says that its answer may be old ("stale") has told nothing. Calls that failed in a way that leaves
 * open what happened count as unknown.
 */
#ifndef CUPOLA_SIM_CLIENTS_REST_CLIENTS_H
#define CUPOLA_SIM_CLIENTS_REST_CLIENTS_H

#include "sim/cloud.h"

struct rest_plan {
    const char *app; /* Pushed by the plan's operator, with no change under way. */
    uint32_t clients;
    uint32_t calls;    /* Of all together; at most HISTORY_CALLS_MOST. */
    uint64_t pause_ns; /* Between two calls of one client, on average. */
    uint64_t timeout_ns;
    bool deletes; /* One of the last calls deletes the app. */
};

/* They begin at once. One group for an app. */
void rest_clients_open(struct cloud *cloud, const struct rest_plan *plan);
/* For cloud_wait_until: all calls are over. No context. */
bool rest_clients_idle(struct cloud *cloud, void *context, struct text *ret_why);

#endif
