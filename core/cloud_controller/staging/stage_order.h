/* One staging that DEAs do for us: whoever offers the best place gets the order; if he falls silent or refuses, the
 * next one does.
 *
 *   ASKING --an offer--> ORDERED --staged, and its droplet is here; or failed--> done
 *      |  ^                 |
 *      |  `--silent, refused'
 *      `--nobody, or too many tried--> done: NOWHERE
 *
 * Each order has an id of its own, so that a droplet which a DEA sends after we gave it up is not taken.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_STAGE_ORDER_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_STAGE_ORDER_H

#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/instances/offers.h"

enum { STAGE_ORDER_ID_SIZE = 33, STAGE_ORDERS_MOST = 3 };

enum stage_verdict {
    STAGE_NONE = 0,
    STAGE_STAGED,  /* `droplet` and `droplet_bytes` say as what; it is on our disk. */
    STAGE_FAILED,  /* It cannot be staged: `log` says why. */
    STAGE_NOWHERE, /* No DEA does it. */
};

/* Embed it, zeroed. */
struct stage_order {
    /* The last call. The order may be released or begun again from there. */
    void (*done)(struct stage_order *order, enum stage_verdict verdict);
    char droplet[41];
    uint64_t droplet_bytes;
    struct text log;

    /* Private. */
    struct controller *controller;
    int64_t app_id;
    char package_sha1[41];
    char id[STAGE_ORDER_ID_SIZE];
    char tried[STAGE_ORDERS_MOST][OFFER_DEA_SIZE];
    size_t tried_count;
    struct bus_request request;
    struct timer timer; /* ASKING: for better offers. ORDERED: until it is silent for too long. */
    struct offers offers;
    enum stage_verdict verdict;
    struct stage_order *next;
};

/* `done` is called in a later step. */
void cc_stage_order_begin(struct controller *controller, struct stage_order *order, const struct app *app,
                          const char *package_sha1,
                          void (*done)(struct stage_order *order, enum stage_verdict verdict));
/* Ends it without `done`. Nothing if it is not under way. */
void cc_stage_order_release(struct stage_order *order);
/* The order that waits for that droplet, or NULL. */
struct stage_order *cc_stage_order_find(const struct controller *controller, int64_t app_id, const char *id);
/* Its droplet has come, and lies on our disk. */
void cc_stage_order_take(struct stage_order *order, const char *digest, uint64_t bytes);

#endif
