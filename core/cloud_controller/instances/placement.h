/* Finding a DEA for each instance that was ordered, and telling it to start.
 *
 *   QUEUED --a question is free--> ASKING --a place was offered--> STARTING --accepted--> gone
 *     ^ ^                            |                              |    |
 *     | '---- start_retry_ms ---- PAUSED <------ refused too often -'    | silence for start_reply_ms
 *     |                              (unplaced, with a reason)           v
 *     '------------------------ ordered anew, newer epoch ---------- REORDERING
 *
 * One instance: the first answer wins, and a DEA answers the later the less it is suited (v1). Several of one app: one
 * question for all, which DEAs answer at once with their figures; offers.c chooses among what has come offer_window_ms
 * after the first answer (0: the first answer wins here too). Who is left over is asked for again.
 *
 * Answers that come too late find those who pause meanwhile, and the questions that follow get more time.
 *
 * A refusal is certain, so the same order goes elsewhere. Silence is not: the order may still become an instance, so
 * another one is made that is newer, through the journal, and given twice the time. DEAs of v1 do not answer, and are
 * believed.
 *
 * A placement carries the epoch of the entry that ordered it. It is dropped as soon as the folded state has no such
 * order any more: the app was stopped, scaled down, deleted, or the start was ordered anew, perhaps by another
 * controller.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_PLACEMENT_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_PLACEMENT_H

#include "core/cloud_controller/controller.h"

/* Starts the index under the epoch that the folded state has for it. */
void cc_placement_start(struct controller *controller, const struct app *app, int32_t index);
/* Whether this controller is looking for a place for it. */
bool cc_placement_is_pending(const struct controller *controller, int64_t app_id, int32_t index);
/* It was not ordered anew after all: drops the placement if its order does not stand any more. */
void cc_placement_review(struct controller *controller, int64_t app_id, int32_t index);
/* Why it has no place yet, or NULL. Lent until the next step. */
const char *cc_placement_reason(const struct controller *controller, int64_t app_id, int32_t index);
size_t cc_placement_count(const struct controller *controller);
void cc_placement_destroy(struct controller *controller);

#endif
