/* The causal slice: what of that which a scenario does can have led to its failure.
 *
 * A deed (a fault, an order, a kill, a new client: known by the line of `run` that does it) marks whom it touches, and
 * those who have heard from these, for they will miss them. Marks go on with messages: who receives one that says
 * something new gets the marks that its author had when it said so. Heartbeats, pings and registrations that repeat
 * what was said lately carry none; a bus carries on what others say and adds nothing; controllers share a journal and
 * are one. Whom the failure names, or who runs what should not be there, is where the way back begins.
 *
 * The answer is a guess that a run has to confirm: what reaches nobody of these by messages is not in the slice, what
 * reaches them in few steps is likely. Life cycle: cause_start before the run, cause_slice after it, cause_free.
 */
#ifndef CUPOLA_SIM_SEARCH_CAUSE_H
#define CUPOLA_SIM_SEARCH_CAUSE_H

#include "sim/faults/fault.h"
#include "sim/scenario.h"

enum { CAUSE_MOST_DEEDS = 128 };

struct cause;

struct cause *cause_start(struct scenario *scenario);
void cause_free(struct cause *cause);

/* What a run came to, in numbers. */
struct cause_deed {
    size_t line;     /* Of the scenario. */
    uint32_t steps;  /* Messages from the deed to where the failure shows. */
    bool is_in_cone; /* Whether there is a way at all. */
    /* Of a fault that harms a share of the messages: which ones it was, counted from 1; none if there were more. */
    uint32_t numbers[FAULT_MOST_NUMBERS];
    size_t number_count;
};
struct cause_slice {
    struct cause_deed deeds[CAUSE_MOST_DEEDS]; /* The likeliest first; those outside of the cone come last. */
    size_t count;
};
/* The slice of a run that has failed with those words. */
void cause_slice(struct cause *cause, const char *failure, struct cause_slice *ret_slice);

#endif
