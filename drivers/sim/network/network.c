#include "drivers/sim/network/network.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/sim/host/host.h"
#include "drivers/sim/world.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LOSSES = 5 };

void network_init(struct network *network, struct world *world)
{
    network->world = world;
    network->flow_key = random_named(world->seed, "network.flow").key;
    network->same_host.latency = distribution_constant(15 * NS_PER_US);
    network->same_zone.latency = distribution_lognormal(150 * NS_PER_US, 200000);
    network->other_zone.latency = distribution_lognormal(700 * NS_PER_US, 200000);
    network->outside.latency = distribution_lognormal(5 * NS_PER_MS, 300000);
}

void network_release(struct network *network)
{
    while (network->balancers != NULL) {
        struct balancer *balancer = network->balancers;
        network->balancers = balancer->next;
        memory_free(balancer->hosts);
        memory_free(balancer);
    }
}

void network_impair(struct network *network, struct impairment *impairment)
{
    impairment->previous = NULL;
    impairment->next = network->impairments;
    if (impairment->next != NULL)
        impairment->next->previous = impairment;
    network->impairments = impairment;
}

void network_repair(struct network *network, struct impairment *impairment)
{
    if (impairment->previous != NULL)
        impairment->previous->next = impairment->next;
    else
        network->impairments = impairment->next;
    if (impairment->next != NULL)
        impairment->next->previous = impairment->previous;
    impairment->previous = impairment->next = NULL;
}

static bool concerns(const struct impairment *impairment, const struct host *from, const struct host *to)
{
    if (from == to)
        return false;
    if (impairment->from[from->number] && impairment->to[to->number])
        return true;
    return !impairment->is_one_way && impairment->from[to->number] && impairment->to[from->number];
}

bool network_is_blocked(const struct network *network, const struct host *from, const struct host *to)
{
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next) {
        if (at->blocks && concerns(at, from, to))
            return true;
    }
    return false;
}

bool network_is_jammed(const struct network *network, const struct host *from, const struct host *to)
{
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next) {
        if (at->jams && concerns(at, from, to))
            return true;
    }
    return false;
}

bool network_is_shut(const struct network *network, const struct host *from, const struct host *to)
{
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next) {
        if (at->shuts_windows && concerns(at, from, to))
            return true;
    }
    return false;
}

uint64_t network_expiry_ns(const struct network *network, const struct host *from, const struct host *to)
{
    uint64_t least = UINT64_MAX;
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next) {
        if (at->expiry_ns > 0 && at->expiry_ns < least && concerns(at, from, to))
            least = at->expiry_ns;
    }
    return least;
}

bool network_draw_corruption(const struct network *network, const struct host *from, const struct host *to,
                             struct random_stream *stream)
{
    uint32_t ppm = 0;
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next)
        ppm += at->corrupt_ppm > 0 && concerns(at, from, to) ? at->corrupt_ppm : 0;
    return ppm > 0 && random_below(stream, 1000000) < ppm;
}

static const struct link *plain_link(const struct network *network, const struct host *from, const struct host *to)
{
    if (from == to)
        return &network->same_host;
    if (from->zone == ZONE_OUTSIDE || to->zone == ZONE_OUTSIDE)
        return &network->outside;
    return from->zone == to->zone ? &network->same_zone : &network->other_zone;
}

uint64_t network_draw_latency_ns(const struct network *network, const struct host *from, const struct host *to,
                                 struct random_stream *stream)
{
    const struct link *link = plain_link(network, from, to);
    uint64_t latency_ns = distribution_sample(&link->latency, stream);
    uint32_t loss_ppm = link->loss_ppm;
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next) {
        if (!concerns(at, from, to))
            continue;
        latency_ns += distribution_sample(&at->extra_latency, stream);
        loss_ppm += at->loss_ppm;
    }
    for (int lost = 0; loss_ppm > 0 && lost < MOST_LOSSES; lost++) {
        if (random_below(stream, 1000000) >= loss_ppm)
            break;
        latency_ns += FIRST_RETRANSMISSION_NS << lost;
    }
    return latency_ns;
}

uint64_t network_bytes_per_s(const struct network *network, const struct host *from, const struct host *to)
{
    uint64_t least = plain_link(network, from, to)->bytes_per_s;
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next) {
        if (at->bytes_per_s > 0 && concerns(at, from, to) && (least == 0 || at->bytes_per_s < least))
            least = at->bytes_per_s;
    }
    return least;
}

void network_add_balancer(struct network *network, const char *address, struct host *const *hosts, size_t count)
{
    struct balancer *balancer = memory_new(sizeof *balancer);
    snprintf(balancer->address, sizeof balancer->address, "%s", address);
    balancer->hosts = memory_new((count + 1) * sizeof *hosts);
    for (size_t i = 0; i < count; i++)
        balancer->hosts[i] = hosts[i];
    balancer->host_count = count;
    balancer->next = network->balancers;
    network->balancers = balancer;
}

/* Looks at the hosts from a drawn one on, and takes the first whose port is open; if there is none, the drawn one. */
static struct host *balance(const struct network *network, const struct balancer *balancer, struct host *from,
                            uint16_t port, struct random_stream *stream)
{
    if (balancer->host_count == 0)
        return NULL;
    size_t first = (size_t)random_below(stream, balancer->host_count);
    for (size_t i = 0; i < balancer->host_count; i++) {
        struct host *host = balancer->hosts[(first + i) % balancer->host_count];
        if (host->has_power && host_find_port(host, port) != NULL && !network_is_blocked(network, from, host))
            return host;
    }
    return balancer->hosts[first];
}

/* Where a name leads that is wrong, stale or not there. */
static struct host *mislead(const struct network *network, const struct host *from, struct host *meant)
{
    for (const struct impairment *at = network->impairments; at != NULL; at = at->next) {
        if (at->hides && at->from[meant->number] && at->to[from->number])
            return NULL;
        for (size_t i = 0; at->misleads && at->from[meant->number] && i < network->world->host_count; i++) {
            if (at->to[i])
                return network->world->hosts[i];
        }
    }
    return meant;
}

struct host *network_resolve(struct network *network, struct host *from, const char *address, uint16_t port,
                             struct random_stream *stream)
{
    if (strncmp(address, "127.", 4) == 0 || strcmp(address, "localhost") == 0)
        return from;
    for (struct balancer *balancer = network->balancers; balancer != NULL; balancer = balancer->next) {
        if (strcmp(balancer->address, address) == 0)
            return balance(network, balancer, from, port, stream);
    }
    struct host *host = NULL;
    HASH_FIND_STR(network->by_address, address, host);
    return host == NULL ? NULL : mislead(network, from, host);
}
