/* Exploration: drawn trials (sim/search/trial.h) on a scenario's cloud or on drawn clouds, guided by what they meet.
 *
 * When a trial meets news (sim/search/coverage.h), the moment is taken again: the process forks, and each child draws
 * another future for the trial. All of them share the past, and each can be repeated by itself: its past and its future
 * are one list of actions, which is written as a scenario. After each new trial another future is played of a moment
 * that was kept (sim/search/moments.h).
 */
#ifndef CUPOLA_SIM_SEARCH_EXPLORE_H
#define CUPOLA_SIM_SEARCH_EXPLORE_H

#include "core/base/text.h"
#include "sim/result.pb-c.h"
#include "sim/search/moments.h"
#include "sim/search/trial.h"

struct explore_options {
    const char *name; /* For messages: the scenario file. */
    const char *head; /* The scenario's text without its own `run` (explore_head_of); NULL: drawn clouds. */
    struct trial_options trial;
    struct coverage *coverage; /* Shared by all workers. */
    struct moments *moments;   /* Shared by all workers; NULL: none is gone back to. */
    uint32_t futures;          /* Drawn at each moment of news; 0: none. */
    bool is_twice;             /* Each run is played again, and has failed if its hash is another then. */
};

/* The text of a scenario as the ground of an exploration: its `run` is emptied, and no request may be expected to
 * succeed under any fault (no_failed_request goes). False if the text is not understood. */
bool explore_head_of(const char *text, size_t size, struct text *ret_head);

/* Tells one result; lent. */
typedef void explore_report(void *context, const Cupola__TrialResult *result);
/* Plays the trial of that number, the futures that it branches into, and one of a moment that was kept. In a child of a
 * fork the report is told, too, before that child ends; the parent waits for it, so reports do not mix. */
void explore_trial(const struct explore_options *options, uint64_t number, explore_report *report, void *context);

/* The scenario of a trial whose process died, with its failure. Given (cupola__trial_result__free_unpacked). */
Cupola__TrialResult *explore_dead_trial(const struct explore_options *options, uint64_t number, const char *failure);

#endif
