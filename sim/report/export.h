/* A recorded run in the formats of viewers that exist. */
#ifndef CUPOLA_SIM_REPORT_EXPORT_H
#define CUPOLA_SIM_REPORT_EXPORT_H

#include "sim/report/recording.h"

/* Chrome's trace event format (JSON), for ui.perfetto.dev and chrome://tracing: a process for each component with its
 * lives, messages and log; messages are joined by flows; faults are asynchronous spans; the cloud's soundness and the
 * load are counters. */
void export_perfetto(const struct recording *recording, struct text *ret_json);

/* A log with vector clocks, for bestchai.bitbucket.io/shiviz: its first line is the expression that reads it. Messages
 * of the bus and of REST (the last 4,000 before the end) and the story's lines about components. */
void export_shiviz(const struct recording *recording, struct text *ret_log);

#endif
