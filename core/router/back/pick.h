/* Which endpoint a request goes to. */
#ifndef CUPOLA_CORE_ROUTER_BACK_PICK_H
#define CUPOLA_CORE_ROUTER_BACK_PICK_H

#include "core/router/table/table.h"

struct pick {
    struct table *table;
    struct route *route;
    struct random_stream *stream;
    const struct tried *tried;
    uint64_t now_ns;
    uint64_t hash;       /* Of the request's header, for BALANCE_HASH. */
    uint32_t zone;       /* Of the router; 0: none. */
    uint32_t max_active; /* Requests under way that an endpoint may have. */
};

/* By the route's policy one of those that are well, not full and not among `tried`: of our own zone first. If none is
 * well, the one whose quarantine ends first. NULL: all were tried, or are full (then *ret_is_full), or there is none.
 */
struct endpoint *pick_endpoint(const struct pick *pick, bool *ret_is_full);
/* Whether the endpoint can take one more request now. */
bool pick_has_room(const struct pick *pick, const struct endpoint *endpoint);
bool pick_is_well(const struct pick *pick, const struct endpoint *endpoint);

#endif
