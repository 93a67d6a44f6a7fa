/* From packages to droplets.
 *
 *   QUEUED --place free--> FETCHING --bits are here--> RUNNING --staged or failed--> RECORDING --durable--> gone
 *
 * One job an app, a limited number at once, first come first served. What a job was made for may change under it: its
 * result is recorded only if the app still has that package and still needs it. A job dies with its controller; the
 * package stays pending in the journal, and whichever controller sees it so for too long begins again.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_STAGING_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_STAGING_H

#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/errors.h"

/* Somebody who waits for an app's staging. Embed it, zeroed. */
struct stage_waiter {
    /* The last call. `failure` is NULL if the app is staged, or the wait was too long and staging goes on. */
    void (*done)(struct stage_waiter *waiter, const struct refusal *failure);

    /* Private. */
    struct stage_job *job;
    struct stage_waiter *next;
    struct timer timer;
};

/* Makes sure that the app's package is being staged. */
void cc_staging_request(struct controller *controller, struct app *app);
/* The same, and waits for its end for a limited time. `done` may be called at once. */
void cc_staging_wait(struct controller *controller, struct app *app, struct stage_waiter *waiter,
                     void (*done)(struct stage_waiter *waiter, const struct refusal *failure));
/* Begins to look for packages that others left pending. */
void cc_staging_open(struct controller *controller);
void cc_staging_destroy(struct controller *controller);

#endif
