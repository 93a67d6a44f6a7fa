/* The folder of an exploration: its totals, its failures as scenarios, what met what. It is what an interrupted one
 * goes on from. */
#ifndef CUPOLA_CLI_SIM_EXPLORE_STATE_H
#define CUPOLA_CLI_SIM_EXPLORE_STATE_H

#include "sim/result.pb-c.h"
#include "sim/search/coverage.h"

struct explore_state {
    const char *folder;
    const char *target;    /* What is explored: a state of another target is not gone on from. */
    uint64_t first_number; /* Of a fresh exploration. */
    Cupola__ExploreState totals;
    uint64_t news_seen;
};

/* Makes the folder, or reads what is there, coverage included. False (and a message) if that fails. */
bool explore_state_open(struct explore_state *state, bool is_fresh, struct coverage *ret_coverage);
/* Counts a result; the first failure of a kind is written as a scenario at once. */
void explore_state_add(struct explore_state *state, const Cupola__TrialResult *result, const struct coverage *coverage);
/* Writes the state and the table. False (and a message) if that fails. */
bool explore_state_save(struct explore_state *state, const struct coverage *coverage);
void explore_state_close(struct explore_state *state);

#endif
