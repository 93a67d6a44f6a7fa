/* A component again from its trace: the events are fed to a fresh machine, and every effect is compared. */
#ifndef CUPOLA_CORE_TRACE_REPLAY_H
#define CUPOLA_CORE_TRACE_REPLAY_H

#include "core/machine/machine.h"
#include "core/trace/trace.h"

enum replay_result {
    REPLAY_SAME = 0,
    REPLAY_DIFFERENT, /* The first difference is in report. */
    REPLAY_CORRUPT,   /* The trace itself cannot be read; report says where. */
};

struct replay {
    /* Given. */
    uint64_t until_ns;    /* Stop before the first event after that moment; 0: play all. */
    uint64_t until_event; /* Stop after that event; 0: play all. */
    bool print;           /* Every step goes to report, also the equal ones. */

    /* Results. */
    uint64_t steps;
    uint64_t now_ns;    /* Of the last event played. */
    struct text report; /* For people. */
    struct text state;  /* The machine's state after the last step, as JSON. */
};

/* `trace` is lent, positioned behind the header. `replay` is zeroed but for its options; free its texts afterwards. */
enum replay_result replay_trace(struct replay *replay, const struct machine_class *class, struct trace_reader *trace);

#endif
