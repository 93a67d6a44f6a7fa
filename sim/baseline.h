/* A campaign against a stored one: has what it measured become slower?
 *
 * Durations only (unit "ns"), p50 and p99 of each. A percentile of a sample is known up to an interval that the true
 * one lies in with 95% confidence, whatever the distribution is (order statistics of the binomial distribution). It has
 * become slower when the two intervals do not touch and the new one is above.
 */
#ifndef CUPOLA_SIM_BASELINE_H
#define CUPOLA_SIM_BASELINE_H

#include "core/base/text.h"
#include "sim/result.pb-c.h"

#include <stdbool.h>

/* The ranks (from 0) of the values between which the percentile lies, among `count` sorted ones; count > 0. */
void baseline_interval(size_t count, uint64_t permille, size_t *ret_low, size_t *ret_high);

/* Appends a line a measurement of the baseline. False if one has become slower, or is measured no more. */
bool baseline_compare(const Cupola__CampaignResult *baseline, const Cupola__CampaignResult *now, struct text *ret_text);

#endif
