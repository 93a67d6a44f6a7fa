/* One run of one scenario file with one seed.
 *
 * The file is Lua text; it is run in a sandbox (sim/lua/sandbox.h), its tables become a plan, its `run` function is a
 * coroutine that is resumed whenever what it waits for has happened in the simulated cloud. Nothing is shared between
 * two runs: each has its own Lua and its own world.
 */
#ifndef CUPOLA_SIM_SCENARIO_H
#define CUPOLA_SIM_SCENARIO_H

#include "core/base/text.h"
#include "sim/cloud.h"

struct scenario;

struct scenario_options {
    uint64_t seed;
    bool keep_traces;   /* Of every component, in memory (component_trace). */
    size_t story_limit; /* Lines of the components' own logs kept for the story. */
    bool is_tripped;    /* With what the scenario says makes it fail (`tripped_by`). The caller plants the mutation. */
};

/* What a scenario says of itself. Lent; NULL where it says nothing. */
struct scenario_about {
    const char *title;
    const char *row;      /* Of the weakness catalogue. */
    const char *weakness; /* What v1 did. */
    const char *mutation; /* That makes it fail, */
    bool has_setting;     /* or other settings do. */
};

/* Loads the text and builds the cloud. `name` is for messages ("scenarios/bus-restart.lua"). NULL if the file is not
 * a scenario; then `ret_error` says what is wrong, with file and line. */
struct scenario *scenario_open(const char *name, const char *text, size_t size, const struct scenario_options *options,
                               struct text *ret_error);
/* Releases everything. NULL is allowed. */
void scenario_close(struct scenario *scenario);

/* Plays it to its end. True if it passed; otherwise scenario_failure says why. Once a scenario. */
bool scenario_run(struct scenario *scenario);

/* The same with a player in place of the scenario's own `run`: its checks are on, and the end is the same. The player
 * returns false, and why in `ret_failure`, if the run has failed; a violation of a check needs no words. */
typedef bool scenario_player(struct cloud *cloud, void *context, struct text *ret_failure);
bool scenario_play(struct scenario *scenario, scenario_player *player, void *context);

/* Before the run: who is told of what `run` does to the cloud, with the line that does it, and to whom: a component, a
 * command's client; NULL: the fault that has just begun. */
typedef void scenario_deed_observer(void *context, size_t line, const char *who);
void scenario_observe_deeds(struct scenario *scenario, scenario_deed_observer *observer, void *context);

const char *scenario_title(const struct scenario *scenario);
struct scenario_about scenario_about(const struct scenario *scenario);
/* "" if it passed. Lent. */
const char *scenario_failure(const struct scenario *scenario);
/* For hash, story, measurements, components. Lent. */
struct cloud *scenario_cloud(struct scenario *scenario);

#endif
