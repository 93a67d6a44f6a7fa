/* Shrinking: the smallest scenario that still fails in the same way.
 *
 * The scenario's text is the plan, and it is cut as a person would cut it. First the causal slice (sim/search/cause.h):
 * all that is done outside of it goes at once. Then whole faults and other steps, components, entries of the cloud,
 * apps and load, then single decisions (sim/search/shrink_decisions.h), then numbers, then times. What undoes a fault
 * (mend, power_on, start) goes only together with what it undoes, and how long a wait may last is never shortened,
 * unless there is a control: either would make any scenario fail. A candidate counts if `find` says that it fails as
 * the first text did; one that says otherwise who is meant ("the DEA of that app") only if as many other seeds fail so,
 * too.
 */
#ifndef CUPOLA_SIM_SEARCH_SHRINK_H
#define CUPOLA_SIM_SEARCH_SHRINK_H

#include "core/base/text.h"
#include "sim/search/cause.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHRINK_MOST_BATCH = 64 };

struct shrink {
    void *context;
    size_t batch; /* So many candidates are asked for at once. */
    /* The index of a candidate that fails in the same way, the lowest; `count` if there is none. */
    size_t (*find)(void *context, const struct text *candidates, size_t count);
    /* Whether to stop with what there is. */
    bool (*is_enough)(void *context);
    /* What a run of the text comes to. False: nothing can be told. May be NULL. */
    bool (*look)(void *context, const struct text *text, struct cause_slice *ret_slice);
    /* With how many other seeds the text fails in the same way. May be NULL. */
    size_t (*count_elsewhere)(void *context, const struct text *text);
    bool has_control; /* `find` also knows that the candidate passes without the bug: bounds of waits may be cut. */
    uint64_t tries;   /* Result: candidates asked for, */
    size_t deeds;     /* what the first text did to the cloud, by line, */
    size_t sliced;    /* and how many of these the causal slice took away at once. */
};

/* Replaces the text by a smaller one that fails in the same way. */
void shrink_scenario(struct shrink *shrink, struct text *text);
/* Statements in the scenario's `run`, those in loops and conditions included; 0 if the text is not understood. */
size_t shrink_step_count(const char *text, size_t size);

#endif
