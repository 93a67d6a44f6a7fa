/* Whether what concurrent clients saw of one app could have happened one call after the other.
 *
 * Wing and Gong's search with Lowe's memory: some order of the calls that keeps to real time (what had returned before
 * another began comes first) and in which every answer is the one that the app would have given. A call whose outcome
 * nobody knows may have taken effect at any time after it began, or never.
 */
#ifndef CUPOLA_SIM_CHECKS_LINEARIZABILITY_H
#define CUPOLA_SIM_CHECKS_LINEARIZABILITY_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY_CALLS_MOST = 64 }; /* Of one app. */

enum app_call_kind {
    CALL_READ = 1,   /* It answered with `state`. */
    CALL_SCALE,      /* To state.instances. */
    CALL_UPDATE_ENV, /* To state.variable. */
    CALL_DELETE,
};

/* What clients can see of an app. */
struct app_state {
    bool exists;
    int32_t instances;
    int32_t variable; /* The value of one variable of its environment. */
};

enum app_call_outcome {
    CALL_DONE = 1,
    CALL_NO_APP,  /* Answered: there is no such app. */
    CALL_UNKNOWN, /* Cut, timed out, or an error that says nothing. */
};

struct app_call {
    enum app_call_kind kind;
    enum app_call_outcome outcome;
    uint64_t began_ns, ended_ns;
    struct app_state state;
};

/* False, and the shortest beginning of the history that makes no sense in words, if there is no such order. */
bool history_is_linearizable(const struct app_call *calls, size_t count, struct app_state first, struct text *ret_why);

#endif
