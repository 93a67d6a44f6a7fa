/* Every order of what can happen next, up to a depth, by forking; orders that come to the same are visited once.
 *
 * Whoever runs asks orders_choose at each point where several things can happen. Two of them are independent when their
 * owners differ: then it does not matter which comes first. Sleep sets (Godefroid 1991) cut the paths that differ from
 * an earlier one only in the order of independent things; every order of dependent ones is still visited, once. Beyond
 * the depth, and before somebody begins to ask, the first choice is taken.
 *
 * The search is a tree of processes. Counts are in shared memory; a process that is done calls orders_end.
 */
#ifndef CUPOLA_SIM_SEARCH_ORDERS_H
#define CUPOLA_SIM_SEARCH_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORDERS_MOST_DEPTH = 64, ORDERS_MOST_CHOICES = 64, ORDERS_MOST_TEXT = 1000 };

/* One thing that can happen. The id is the same wherever on a path it is still to happen. */
struct order_choice {
    uint64_t id;
    uint64_t owner;
};

/* What all processes of a search share. */
struct orders_totals {
    uint64_t runs;   /* Orders played to their end. */
    uint64_t cut;    /* Paths left because they repeat another. */
    uint64_t failed; /* Of the runs. */
    uint64_t points; /* Where there was a choice. */
    uint32_t running;
    bool has_failure;
    uint8_t choices[ORDERS_MOST_DEPTH]; /* Of the first failure. */
    size_t choice_count;
    char failure[ORDERS_MOST_TEXT];
};

struct orders {
    struct orders_totals *totals;
    size_t depth;       /* Choices made freely; the rest takes the first. */
    uint32_t jobs;      /* Processes at once. */
    bool is_unreduced;  /* Visit equivalent orders, too: to count what the reduction saves. */
    uint64_t most_runs; /* Then the search ends; 0: never. */

    /* Given: this order is played, instead of a search. */
    const uint8_t *given;
    size_t given_count;

    /* Private: this path. */
    struct order_choice asleep[ORDERS_MOST_CHOICES * 4];
    size_t asleep_count;
    uint8_t path[ORDERS_MOST_DEPTH];
    size_t path_size;
    bool is_child;
};

/* Memory for the totals that forked processes share; NULL if there is none. */
struct orders_totals *orders_share(void);

/* Which of `count` (1 to ORDERS_MOST_CHOICES) things happens next. The other branches of the search return from here,
 * too, each in a process of its own. A path that need not be gone on ends its process here. */
size_t orders_choose(struct orders *orders, const struct order_choice *choices, size_t count);
/* The path has ended; `failure` is NULL if all was well. Ends the process unless it is the first one, which waits for
 * all others and returns. */
void orders_end(struct orders *orders, const char *failure);

#endif
