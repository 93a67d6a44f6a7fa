/* One trial of an exploration: what is done to a cloud and when, drawn from a number, as plain data.
 *
 * The cloud itself comes from a scenario's text, its `run` replaced: a trial first waits until the cloud has converged,
 * does its actions at their times, mends everything, and expects the cloud to converge again. Played from C or written
 * as the `run` of a scenario (trial_write_lua), it gives the same hash.
 *
 * A swarm: each trial enables a random subset of the fault families, one in many enables none. Times are whole
 * milliseconds, so that the written scenario reads well.
 */
#ifndef CUPOLA_SIM_SEARCH_TRIAL_H
#define CUPOLA_SIM_SEARCH_TRIAL_H

#include "sim/cloud.h"
#include "sim/faults/fault.h"

enum { TRIAL_MOST_ACTIONS = 48, TRIAL_MOST_NAME = 64 };

enum trial_act { TRIAL_FAULT = 1, TRIAL_SCALE, TRIAL_RESTART };

struct trial_action {
    enum trial_act act;
    uint64_t at_ns;               /* After the first convergence. */
    struct fault_spec fault;      /* Its texts are those below. */
    char target[TRIAL_MOST_NAME]; /* Of the fault; the app of the others. "": none. */
    char peer[TRIAL_MOST_NAME];
    uint32_t instances;
};

struct trial {
    uint64_t number;
    uint32_t allowed;  /* Families, bits by enum fault_family: those that may be drawn, */
    uint32_t families; /* and those that were, for its present future. */
    uint64_t storm_ms;
    size_t action_count;
    struct trial_action actions[TRIAL_MOST_ACTIONS];
};

/* The names of families, for options and titles: "process", ... NULL past the last. Static. */
const char *fault_family_name(enum fault_family family);

struct trial_options {
    uint32_t families;   /* That may be drawn. */
    uint32_t calm_every; /* One trial in so many has no fault at all; 0: none. */
    uint64_t storm_ms;   /* Things break for so long, each for at most two thirds of it; 0: a minute. */
};

/* Draws the trial of that number for a cloud of that plan. */
void trial_draw(const struct cloud_plan *plan, uint64_t number, const struct trial_options *options,
                struct trial *ret_trial);
/* Another future: keeps the first `kept` actions and draws those after them anew, of other families. */
void trial_redraw(const struct cloud_plan *plan, struct trial *trial, size_t kept, uint64_t future);

/* Called when the first `done` actions have been done, before the next is waited for; may change those to come. */
typedef void trial_boundary(struct trial *trial, struct cloud *cloud, size_t done, void *context);

/* The trial for scenario_play: the context is a struct trial_play. */
struct trial_play {
    struct trial *trial;
    trial_boundary *boundary; /* May be NULL. */
    void *context;
};
bool trial_player(struct cloud *cloud, void *play, struct text *ret_failure);

/* The `run` function of a scenario that does the same: "function(cloud) ... end". Appended. */
void trial_write_lua(const struct trial *trial, struct text *ret_text);
/* A whole drawn cloud as the text of a scenario whose `run` is still empty: topology, latencies, apps, load. Appended.
 */
void trial_write_cloud(uint64_t number, struct text *ret_text);

#endif
