/* Results of runs, and how many of them become one (sim/result.proto). */
#ifndef CUPOLA_SIM_RESULT_H
#define CUPOLA_SIM_RESULT_H

#include "core/base/text.h"
#include "sim/result.pb-c.h"
#include "sim/scenario.h"

/* The result of a scenario that was run, given (cupola__run_result__free_unpacked). */
Cupola__RunResult *result_of_run(struct scenario *scenario, const char *file, bool passed, uint64_t real_ns);

/* The values of a measurement are counted in up to so many parts of equal width: that of result_bin_width. */
enum { RESULT_BINS = 40 };
uint64_t result_bin_width(uint64_t least, uint64_t most);

/* Gathers the results of a campaign; they may come in any order. */
struct campaign;

struct campaign *campaign_new(const char *file, uint64_t first_seed, uint64_t last_seed);
void campaign_free(struct campaign *campaign);
/* `result` is lent. */
void campaign_add(struct campaign *campaign, const Cupola__RunResult *result);
uint64_t campaign_run_count(const struct campaign *campaign);
uint64_t campaign_failed_count(const struct campaign *campaign);
/* The summary so far, given (cupola__campaign_result__free_unpacked). Percentiles are of the values themselves. */
Cupola__CampaignResult *campaign_result(struct campaign *campaign, uint64_t real_ns);

/* Adds a run's mark to those of all runs: a list in the order in which they were first declared. */
void result_add_mark(size_t *count, Cupola__MarkSummary ***summaries, const Cupola__Mark *mark);
/* How many of them no run has reached. */
size_t result_count_unreached(size_t count, Cupola__MarkSummary *const *summaries);

/* Whether each of its seeds was played: it was not interrupted. */
bool result_is_complete(const Cupola__CampaignResult *result);

/* "3.214 s", "17": a measured value for people. Appended. */
void result_print_value(struct text *text, const char *unit, uint64_t value);
/* How many virtual seconds a real second held, for people: "512 x". Appended. */
void result_print_ratio(struct text *text, uint64_t virtual_ns, uint64_t real_ns);

#endif
