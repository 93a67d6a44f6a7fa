/* Whom to blame when an assertion fails: drivers keep this up to date round each step. */
#ifndef CUPOLA_DRIVERS_PROGRAM_ASSERTION_H
#define CUPOLA_DRIVERS_PROGRAM_ASSERTION_H

#include <stdint.h>

struct assertion_context {
    const char *component; /* Kept. */
    uint64_t event_number;
    char replay_command[512]; /* "" if there is none. */
};

/* Kept, not copied; NULL for none. */
void assertion_set_context(const struct assertion_context *new_context);

#endif
