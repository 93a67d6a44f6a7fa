/* The routing table as others may see it: read-only, for checks that compare routes with what really runs. */
#ifndef CUPOLA_CORE_ROUTER_VIEW_H
#define CUPOLA_CORE_ROUTER_VIEW_H

#include "core/machine/machine.h"

/* One endpoint behind one host. Lent until the next step. */
struct route_view {
    const char *host;
    const char *endpoint_host;
    uint16_t endpoint_port;
    char instance[80]; /* "" if the registration named none. */
    const char *dea;
    bool has_app, has_index, has_epoch;
    int64_t app;
    int32_t index;
    int64_t epoch;
    bool is_quarantined;
    uint64_t updated_ns; /* Of the last registration. */
};

/* Where the next look begins. Zero it first. */
struct route_cursor {
    uint32_t route, place;
};

/* Hosts with at least one endpoint; `machine` is a router. */
size_t router_route_count(const struct machine *machine);
/* Pairs of host and endpoint. */
size_t router_endpoint_count(const struct machine *machine);
/* The next pair, host by host in an order that is the same for the same history. False after the last. No step may come
 * between two calls with the same cursor. */
bool router_next_route(const struct machine *machine, struct route_cursor *cursor, struct route_view *ret_view);
/* Client connections now. */
size_t router_session_count(const struct machine *machine);

#endif
