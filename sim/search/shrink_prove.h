/* How far a shrunk scenario is from the least that fails in the same way.
 *
 * Every set of the first text's steps is played, the small ones first, that has what it needs: the loop or condition
 * that a step stands in, and what declares the names that it uses. As long as none of so many steps fails in the same
 * way, the optimum has more.
 */
#ifndef CUPOLA_SIM_SEARCH_SHRINK_PROVE_H
#define CUPOLA_SIM_SEARCH_SHRINK_PROVE_H

#include "sim/search/shrink.h"

struct shrink_proof {
    size_t least;   /* No fewer steps fail so. */
    bool is_exact;  /* So many do. */
    uint64_t tries; /* Sets that were played. */
};

/* `steps`: how many are known to fail so. Ends with what it knows when `is_enough`. */
void shrink_prove(struct shrink *shrink, const struct text *first, size_t steps, struct shrink_proof *ret_proof);

#endif
