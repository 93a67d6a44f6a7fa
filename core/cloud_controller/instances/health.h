/* Questions to the health manager. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_HEALTH_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_HEALTH_H

#include "core/cloud_controller/controller.h"

/* How many instances run: asked for some apps at once, answered into the apps' caches. Embed it, zeroed. */
struct health_query {
    void (*done)(struct health_query *query);

    /* Private. */
    struct controller *controller;
    struct bus_request request;
    struct timer soon;
    const char *owner, *name;
    uint64_t asked_at_ns;
    bool is_silent; /* The health manager does not answer: what it said a moment ago has to do. */
};

/* Asks for all started apps of `owner`, or for one of them (`name` is not NULL). The texts stay valid until `done`,
 * which may be called at once. */
void cc_health_ask(struct controller *controller, struct health_query *query, const char *owner, const char *name,
                   void (*done)(struct health_query *query));
/* What came of it: -1 if the health manager did not say. */
int32_t cc_health_of(const struct health_query *query, const struct app *app);
/* How old that is, in seconds; -1: it was told just now. */
int64_t cc_health_age_s(const struct health_query *query, const struct app *app);

#endif
