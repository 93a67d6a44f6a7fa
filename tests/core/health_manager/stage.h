/* A stage for stories about the health manager: it and a real bus server in a small world, while the test plays the
 * controllers and the DEAs, in short lines.
 *
 *   "app 7 v1 x2"                 the controllers want 2 instances of version v1, and tell it as a delta
 *   "app 7 v1 x2 untold"          the same, but the delta is lost
 *   "app 7 v1 x1 singleton"       never two of it at a time
 *   "app 7 v1 stopped", "app 7 v2 settling", "app 7 deleted"
 *   "updated 7"                   droplet.updated without a number, as v1 sends it
 *   "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 STARTING e5 t100"    a complete heartbeat (e: epoch, t: state_timestamp)
 *   "dea a"                       a complete heartbeat of an empty DEA
 *   "part a 7/0 v1 i0 RUNNING"    a heartbeat of one instance; "v1dea 7/0 ...": one of a DEA without a name
 *   "back a"                      dea.start
 *   "exit 7/0 v1 i0 CRASHED"      droplet.exited
 *   "controllers silent", "controllers answer", "beat"
 *   "controllers at 3"            their journal's sequence number is 3 from now on
 *   "exit 7/0 v1 i0 CRASHED from a", "... lost"   an exit that its DEA signs; the same, lost on its way
 */
#ifndef CUPOLA_TESTS_CORE_HEALTH_MANAGER_STAGE_H
#define CUPOLA_TESTS_CORE_HEALTH_MANAGER_STAGE_H

#include "core/health_manager/view.h"
#include "tests/support/world.h"

struct stage;

/* Health manager and bus run, the desired state is empty and known; 40 s have passed, so that silence counts. */
struct stage *stage_new(void);
/* The same at the moment of the start, for stories of beginnings. No line was given yet. */
struct stage *stage_at_start(void);
void stage_free(struct stage *stage);

void given(struct stage *stage, const char *line);
void after(struct stage *stage, const char *duration); /* "1.5s" */
/* What the health manager has complained since the last look, a line each:
 * "START 7 v1 [0,1]: it crashed\n", "STOP 7 [i0]: the app is stopped\n". */
void expect_complaints(struct stage *stage, const char *lines);
void forget_complaints(struct stage *stage);
/* The state of a wanted index. */
void expect_state(struct stage *stage, int droplet, int index, const char *state);
/* Asks and compares the answers, each with a newline behind. */
void expect_answers(struct stage *stage, const char *subject, const char *json, const char *answers);
/* The same, for a part of what comes. */
void expect_answer_part(struct stage *stage, const char *subject, const char *json, const char *part);

/* Hosts are named as their DEAs. Whose lease port was ever there names it in what it says from then on. */
void host_starts(struct stage *stage, const char *dea); /* Its agent, in a new life. */
void host_stalls(struct stage *stage, const char *dea, bool stalls);
void host_loses_agent(struct stage *stage, const char *dea); /* Connections are refused. */
void host_dies(struct stage *stage, const char *dea);        /* And nobody answers any more. */
void host_comes_back(struct stage *stage, const char *dea);
bool host_hears_unable(struct stage *stage, const char *dea); /* The last ping: nobody can start anything. */
unsigned host_grants(struct stage *stage, const char *dea);   /* Pings with a grant so far. */
void expect_host(struct stage *stage, const char *dea, const char *state);
/* The health manager has no descriptor for one more connection; or again it has. */
void descriptors_run_out(struct stage *stage, bool run_out);
/* What other DEAs say when they are asked for a look; NULL: nothing. */
void helpers_say(struct stage *stage, const char *verdict);

/* The health manager ends, and another life of it begins with what it saved. */
void health_manager_dies(struct stage *stage);
void health_manager_starts(struct stage *stage);
/* Another health manager, elder or younger than ours, beats for so long. */
void other_beats_for(struct stage *stage, bool is_elder, int seconds);

void bus_goes_away(struct stage *stage);
void bus_comes_back(struct stage *stage);
/* Heartbeats of that line every 10 s for so long. */
void beats_for(struct stage *stage, const char *line, int seconds);
struct machine *stage_health_manager(struct stage *stage);
/* Warnings that were logged so far. */
size_t stage_warnings(const struct stage *stage);
void stage_say(struct stage *stage, const char *subject, const char *payload);
void stage_ask(struct stage *stage, const char *subject, const char *json);
/* All complaints, answers ("_INBOX") and announcements since the last call, as they came: "SUBJECT PAYLOAD\n". Given.
 */
struct text stage_take_heard(struct stage *stage);

#endif
