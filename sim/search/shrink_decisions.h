/* Single decisions in the text of a scenario, made explicit or taken away: for sim/search/shrink.c.
 *
 *     cloud:pick(cloud.deas), cloud.deas[3], "dea-3"    the DEA of an app; the first
 *     cloud:draw(1, 6), cupola.lognormal("1s", 0.5)     the first value
 *     amount = 300000 of a share                        all; the numbers of the messages that it met
 */
#ifndef CUPOLA_SIM_SEARCH_SHRINK_DECISIONS_H
#define CUPOLA_SIM_SEARCH_SHRINK_DECISIONS_H

#include "core/base/text.h"
#include "sim/lua/source.h"
#include "sim/search/cause.h"

/* Some bytes of the text, and what they may become. */
struct shrink_change {
    size_t from, to;
    struct text value; /* Nothing: no candidate. */
    bool is_whom;      /* It says who is meant: another seed may mean somebody else. */
};

/* Candidate `index`. False: there are no more. `slice` tells what a run of this very text came to. */
bool shrink_decision(const struct lua_source *source, const struct cause_slice *slice, size_t index,
                     struct shrink_change *ret_change);

#endif
