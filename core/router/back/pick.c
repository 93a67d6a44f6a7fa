#include "core/router/back/pick.h"

#include <string.h>

bool endpoint_was_tried(const struct endpoint *endpoint, const struct tried *tried)
{
    for (uint32_t i = 0; i < tried->count; i++) {
        if (tried->ids[i] == endpoint->id)
            return true;
    }
    return false;
}

bool pick_has_room(const struct pick *pick, const struct endpoint *endpoint)
{
    return endpoint->contact == NULL || endpoint->contact->active < pick->max_active;
}

bool pick_is_well(const struct pick *pick, const struct endpoint *endpoint)
{
    return endpoint_quarantined_until(endpoint) <= pick->now_ns;
}

static bool is_eligible(const struct pick *pick, const struct endpoint *endpoint, bool in_zone)
{
    if (in_zone && endpoint_zone(pick->table, endpoint) != pick->zone)
        return false;
    return pick_is_well(pick, endpoint) && pick_has_room(pick, endpoint) && !endpoint_was_tried(endpoint, pick->tried);
}

static struct endpoint *at(const struct pick *pick, uint32_t place)
{
    return route_endpoint(pick->table, pick->route, place);
}

/* ---- The policies: one among the eligible, NULL if there is none ---- */

/* Nearly always the first draw will do; otherwise the eligible are counted and one of them is drawn. Either way each
 * has the same chance. */
static struct endpoint *pick_random(const struct pick *pick, bool in_zone)
{
    uint32_t count = pick->route->count, eligible = 0;
    struct endpoint *first = at(pick, (uint32_t)random_below(pick->stream, count));
    if (is_eligible(pick, first, in_zone))
        return first;
    for (uint32_t i = 0; i < count; i++)
        eligible += is_eligible(pick, at(pick, i), in_zone);
    if (eligible == 0)
        return NULL;
    uint64_t skip = random_below(pick->stream, eligible);
    for (uint32_t i = 0;; i++) {
        struct endpoint *endpoint = at(pick, i);
        if (is_eligible(pick, endpoint, in_zone) && skip-- == 0)
            return endpoint;
    }
}

static struct endpoint *pick_in_turn(const struct pick *pick, struct policy *policy, bool in_zone)
{
    uint32_t count = pick->route->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = (policy->turn + i) % count;
        if (!is_eligible(pick, at(pick, place), in_zone))
            continue;
        policy->turn = place + 1;
        return at(pick, place);
    }
    return NULL;
}

static uint32_t active_of(const struct endpoint *endpoint)
{
    return endpoint->contact == NULL ? 0 : endpoint->contact->active;
}

/* Among equals the first one behind a random place: else all new requests went to the same. */
static struct endpoint *pick_least(const struct pick *pick, bool in_zone)
{
    uint32_t count = pick->route->count;
    uint32_t start = (uint32_t)random_below(pick->stream, count);
    struct endpoint *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct endpoint *endpoint = at(pick, (start + i) % count);
        if (is_eligible(pick, endpoint, in_zone) && (best == NULL || active_of(endpoint) < active_of(best)))
            best = endpoint;
    }
    return best;
}

/* Rendezvous hashing: whoever has the highest hash together with the header's value. All routers agree, and an endpoint
 * that comes or goes moves only its own share. */
static struct endpoint *pick_hashed(const struct pick *pick, bool in_zone)
{
    struct endpoint *best = NULL;
    uint64_t highest = 0;
    for (uint32_t i = 0; i < pick->route->count; i++) {
        struct endpoint *endpoint = at(pick, i);
        if (!is_eligible(pick, endpoint, in_zone))
            continue;
        const char *host = endpoint_host(pick->table, endpoint);
        uint64_t weight = random_mix(random_hash(pick->hash, host, strlen(host)), endpoint->port);
        if (best == NULL || weight > highest) {
            best = endpoint;
            highest = weight;
        }
    }
    return best;
}

static struct endpoint *pick_by_policy(const struct pick *pick, bool in_zone)
{
    if (pick->route->policy == 0)
        return pick_random(pick, in_zone);
    struct policy *policy = slab_at(&pick->table->policies, pick->route->policy);
    switch (policy->balance) {
    case BALANCE_RANDOM:
        return pick_random(pick, in_zone);
    case BALANCE_ROUND_ROBIN:
        return pick_in_turn(pick, policy, in_zone);
    case BALANCE_LEAST_CONNECTION:
        return pick_least(pick, in_zone);
    case BALANCE_HASH:
        return pick_hashed(pick, in_zone);
    }
    assert_unreachable();
}

/* ---- The choice ---- */

/* A quarantined endpoint is better than no answer: the one that may be well again soonest. */
static struct endpoint *least_quarantined(const struct pick *pick, bool *ret_is_full)
{
    struct endpoint *best = NULL;
    for (uint32_t i = 0; i < pick->route->count; i++) {
        struct endpoint *endpoint = at(pick, i);
        if (endpoint_was_tried(endpoint, pick->tried))
            continue;
        if (!pick_has_room(pick, endpoint)) {
            *ret_is_full |= pick_is_well(pick, endpoint);
            continue;
        }
        if (best == NULL || endpoint_quarantined_until(endpoint) < endpoint_quarantined_until(best))
            best = endpoint;
    }
    return *ret_is_full ? NULL : best;
}

struct endpoint *pick_endpoint(const struct pick *pick, bool *ret_is_full)
{
    *ret_is_full = false;
    if (pick->route->count == 0)
        return NULL;
    struct endpoint *endpoint = pick->zone != 0 ? pick_by_policy(pick, true) : NULL;
    if (endpoint == NULL)
        endpoint = pick_by_policy(pick, false);
    return endpoint != NULL ? endpoint : least_quarantined(pick, ret_is_full);
}
