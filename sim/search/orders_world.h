/* The orders of a simulated cloud: which of the segments that are under way to components arrives next, and whether the
 * component that it would reach is killed first.
 *
 * A segment can overtake those of other connections that would arrive up to `window_ns` before it: it then arrives when
 * the first of them would have. Bytes of one connection keep their order. Arrivals at one host depend on each other,
 * and so do those at all controllers, which share the journal; others are independent.
 */
#ifndef CUPOLA_SIM_SEARCH_ORDERS_WORLD_H
#define CUPOLA_SIM_SEARCH_ORDERS_WORLD_H

#include "sim/cloud.h"
#include "sim/search/orders.h"

struct orders_world {
    struct orders *orders;
    struct cloud *cloud;
    uint64_t window_ns;
    uint64_t from_ns; /* Choices begin then, or when the scenario first tells something or breaks something. */
    uint32_t crashes; /* Components may be killed so often. */
    bool has_begun;
};

/* Kept by the cloud. */
void orders_watch(struct orders_world *watch, struct cloud *cloud);

#endif
