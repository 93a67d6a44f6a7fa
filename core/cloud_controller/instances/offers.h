/* What DEAs offer for one app, and which offer is the best: fewest instances of the same app, then least loaded, then
 * by chance (the deck's taints, applied by whoever knows all answers). Each instance that is placed counts at once, so
 * that a burst of any size is spread within one instance over those who have room.
 *
 * A binary heap of what the order depends on: one decision costs log2 of the number of DEAs, in moves of 24 bytes.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_OFFERS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_OFFERS_H

#include "core/proto/bus.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OFFER_DEA_SIZE = 80, OFFERS_MOST = 16384 };

struct dea_offer {
    char dea[OFFER_DEA_SIZE];
    uint32_t siblings;      /* Instances of the app there. */
    uint32_t load_permille; /* Its memory and CPU. */
    uint32_t room;          /* So many more of them fit. */
    bool replies;           /* It answers an order. (v1's do not.) */
    uint64_t chance;        /* Drawn: breaks ties. */
};

struct offer_rank {
    uint64_t burden; /* Siblings, then load. */
    uint64_t chance;
    uint32_t offer; /* Its place among all. */
};

struct offers {
    struct dea_offer *all;
    size_t count, capacity;
    struct offer_rank *heap; /* Of those who have room, the best first. */
    size_t waiting, heap_capacity;
};

/* What a DEA has answered; one of v1 tells no figures: it takes one at a time. false: its id is none. */
bool cc_offer_of_hello(const Cupola__DeaHello *hello, uint64_t chance, struct dea_offer *ret_offer);
/* Copied. Nothing if it has no room, or there are OFFERS_MOST. */
void cc_offers_add(struct offers *offers, const struct dea_offer *offer);
/* The best one, which now counts one instance more; false if nobody has room. */
bool cc_offers_take(struct offers *offers, struct dea_offer *ret_offer);
void cc_offers_free(struct offers *offers);

#endif
