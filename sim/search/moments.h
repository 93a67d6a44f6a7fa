/* Moments worth going back to: a trial up to one of its actions, where something was met that few runs have met.
 *
 * An exploration plays new trials and, in turn, other futures of such moments; of a few that it draws it takes the one
 * whose find is still the rarest. So what is hard to come by is tried from again and again, and finds on the way to
 * something deep become moments themselves.
 *
 * Plain memory without pointers, shared by workers; an old moment makes room for a new one.
 */
#ifndef CUPOLA_SIM_SEARCH_MOMENTS_H
#define CUPOLA_SIM_SEARCH_MOMENTS_H

#include "sim/search/coverage.h"

enum { MOMENTS_KEPT = 1024, MOMENT_MOST_TURNS = 6 };

/* Where a trial left the one that it was drawn as: the actions that it kept, and the number of the future. */
struct moment_turn {
    uint32_t kept;
    uint64_t future;
};

struct moment {
    uint64_t number; /* Of the trial. */
    uint32_t turn_count;
    struct moment_turn turns[MOMENT_MOST_TURNS];
    uint32_t kept;    /* The moment is after so many actions. */
    uint32_t feature; /* What was met there (coverage_rarity). */
    uint32_t tries;   /* Futures that were drawn from here. */
    uint32_t is_whole;
};

struct moments {
    uint64_t added; /* Ever: the next one's place, modulo. */
    uint64_t drawn;
    struct moment all[MOMENTS_KEPT];
};

void moments_add(struct moments *moments, const struct moment *moment);
/* One to go on from, and the number of its next future. False if there is none yet. */
bool moments_draw(struct moments *moments, const struct coverage *coverage, struct moment *ret_moment,
                  uint64_t *ret_future);

#endif
