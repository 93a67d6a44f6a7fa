/* Which endpoint a request goes to. */
#include "core/router/table.h"

bool endpoint_was_tried(const struct endpoint *endpoint, const struct tried *tried)
{
    for (uint32_t i = 0; i < tried->count; i++) {
        if (tried->serials[i] == endpoint->serial)
            return true;
    }
    return false;
}

static bool is_usable(const struct endpoint *endpoint, uint64_t now_ns, const struct tried *tried)
{
    return endpoint->quarantined_until_ns <= now_ns && !endpoint_was_tried(endpoint, tried);
}

/* The usable endpoint behind `skip` other usable ones. */
static struct endpoint *usable_at(const struct route *route, uint64_t skip, uint64_t now_ns, const struct tried *tried)
{
    for (uint32_t i = 0; i < route->link_count; i++) {
        struct endpoint *endpoint = route->links[i]->endpoint;
        if (is_usable(endpoint, now_ns, tried) && skip-- == 0)
            return endpoint;
    }
    assert_unreachable();
}

/* A quarantined endpoint is better than no answer: the one that may be well again soonest. */
static struct endpoint *least_quarantined(const struct route *route, const struct tried *tried)
{
    struct endpoint *best = NULL;
    for (uint32_t i = 0; i < route->link_count; i++) {
        struct endpoint *endpoint = route->links[i]->endpoint;
        if (endpoint_was_tried(endpoint, tried))
            continue;
        if (best == NULL || endpoint->quarantined_until_ns < best->quarantined_until_ns)
            best = endpoint;
    }
    return best;
}

/* Nearly always the first draw is usable; otherwise the usable ones are counted and one of them is drawn. Either way
 * each usable endpoint has the same chance. */
struct endpoint *route_pick_endpoint(const struct route *route, struct random_stream *stream, uint64_t now_ns,
                                     const struct tried *tried)
{
    if (route->link_count == 0)
        return NULL;
    struct endpoint *first = route->links[random_below(stream, route->link_count)]->endpoint;
    if (is_usable(first, now_ns, tried))
        return first;
    uint64_t usable = 0;
    for (uint32_t i = 0; i < route->link_count; i++)
        usable += is_usable(route->links[i]->endpoint, now_ns, tried);
    if (usable > 0)
        return usable_at(route, random_below(stream, usable), now_ns, tried);
    return least_quarantined(route, tried);
}
