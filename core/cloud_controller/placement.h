/* Finding a DEA for each instance that was ordered, and telling it to start.
 *
 *   QUEUED --a question is free--> ASKING --first answer--> told the DEA: gone
 *     ^                              |
 *     '---- start_retry_ms ---- PAUSED (nobody answered: "pending", with a reason)
 *
 * A placement carries the epoch of the entry that ordered it. It is dropped as soon as the folded state has no such
 * order any more: the app was stopped, scaled down, deleted, or the start was ordered anew, perhaps by another
 * controller.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_PLACEMENT_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_PLACEMENT_H

#include "core/cloud_controller/controller.h"

/* Starts the index under the epoch that the folded state has for it. */
void cc_placement_start(struct controller *controller, const struct app *app, int32_t index);
/* Whether this controller is looking for a place for it. */
bool cc_placement_is_pending(const struct controller *controller, int64_t app_id, int32_t index);
/* Why it has no place yet, or NULL. Static. */
const char *cc_placement_reason(const struct controller *controller, int64_t app_id, int32_t index);
size_t cc_placement_count(const struct controller *controller);
void cc_placement_destroy(struct controller *controller);

#endif
