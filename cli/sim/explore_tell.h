/* What an exploration says while it goes on and at its end. On a terminal one line is written again and again; without
 * one a line is added now and then, less often as time goes by. A new way to fail is told at once on both. */
#ifndef CUPOLA_CLI_SIM_EXPLORE_TELL_H
#define CUPOLA_CLI_SIM_EXPLORE_TELL_H

#include "cli/sim/explore_state.h"

struct explore_teller {
    const struct explore_state *state;
    const struct coverage *coverage;
    bool is_quiet, is_terminal;
    bool is_twice;                           /* Every run of this time is played again. */
    uint64_t runs_before, virtual_before_ns; /* Of an exploration that goes on. */
    uint64_t next_line_ns;                   /* After the beginning, without a terminal. */
    size_t failures_told;
};

/* How far it is; called as often as one likes. To standard error. */
void explore_tell_progress(struct explore_teller *teller, uint64_t elapsed_ns);
/* The table, the failures, the marks and the verdict, to standard output. */
void explore_tell_end(struct explore_teller *teller, uint64_t elapsed_ns, const char *why_ended);

#endif
