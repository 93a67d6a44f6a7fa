/* Smaller values in the text of a scenario: for sim/search/shrink.c. */
#ifndef CUPOLA_SIM_SEARCH_SHRINK_VALUES_H
#define CUPOLA_SIM_SEARCH_SHRINK_VALUES_H

#include "core/base/text.h"
#include "sim/lua/source.h"

enum shrink_value_kind {
    SHRINK_COMPONENTS = 1, /* How many there are of a component: one, or half as many. */
    SHRINK_NUMBER,         /* The same for instances and requests. */
    SHRINK_TIME,           /* How long a step waits or a fault lasts: a second, or half as long. */
    SHRINK_JOIN,           /* Two waits, one behind the other: one that is as long. */
    SHRINK_INLINE,         /* What is declared and used once stands where it is used; what is recorded need not be. */
    SHRINK_BOUND,          /* How long a condition is waited for: a minute, half as long. */
};

/* Candidate `index` of that kind: the bytes from..to become the value; an empty value is no candidate. False: there are
 * no more. */
bool shrink_value(const struct lua_source *source, enum shrink_value_kind kind, size_t index, size_t *ret_from,
                  size_t *ret_to, struct text *ret_value);

#endif
