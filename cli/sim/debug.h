/* What the two files of `cupola sim debug` share: debug.c runs, debug_commands.c reads what is wanted. */
#ifndef CUPOLA_CLI_SIM_DEBUG_H
#define CUPOLA_CLI_SIM_DEBUG_H

#include "cli/sim/sim.h"

#include "sim/faults/fault.h"

#include <stdio.h>

enum { DEBUG_STORY = 200, DEBUG_MOST_FAULTS = 100, DEBUG_MOST_WORD = 128 };

/* A fault that was broken (or everything mended) by hand: the run that is played again does so, too. */
struct debug_fault {
    uint64_t moment; /* Counted from the start of the run. */
    bool mends;
    struct fault_spec spec;
    char target[DEBUG_MOST_WORD], peer[DEBUG_MOST_WORD];
};

/* Where to stop next: whatever comes first. */
struct debug_stop {
    uint64_t step, at_ns;
    char word[DEBUG_MOST_WORD]; /* In a step's words; "": none. */
    char component[DEBUG_MOST_WORD], state[DEBUG_MOST_WORD];
};

enum debug_wish { DEBUG_GO_ON = 0, DEBUG_GO_BACK, DEBUG_QUIT };

struct debugger {
    struct sim_run_options options;
    FILE *input;
    bool is_terminal;
    struct cloud *cloud;
    uint64_t steps, moment;
    uint64_t least_moment; /* No stop before it. */
    struct debug_stop stop;
    bool has_met_word;
    struct text step; /* The last one in words. */
    char *story[DEBUG_STORY];
    uint64_t story_count;
    struct debug_fault injected[DEBUG_MOST_FAULTS];
    size_t injected_count;
    bool is_over; /* One can still look, and go back. */
    enum debug_wish wants;
};

/* Reads and carries out commands until one lets the run go on, go back or end. */
void debug_read_commands(struct debugger *debugger);
/* Breaks it now. */
void debug_break(struct debugger *debugger, const struct debug_fault *fault);

#endif
