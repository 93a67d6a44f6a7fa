/* Checks: what must hold, with words for what does not.
 *
 * `always` checks are safety: they are switched on once and looked at while the run goes (sim/cloud.h says what happens
 * then). Those marked "at once" are looked at with every relevant event; the others every plan.check_interval_ns.
 * Predicates for cloud_wait_until are liveness; they hold at a moment. Both read the components through the views of
 * core/<role>/view.h and change nothing.
 */
#ifndef CUPOLA_SIM_CHECKS_CHECK_H
#define CUPOLA_SIM_CHECKS_CHECK_H

#include "sim/cloud.h"

enum always_check {
    CHECK_NEVER_MISROUTED = 1,  /* "never_misrouted": no answer came from another app than was asked. At once. */
    CHECK_NO_LOST_APP,          /* "no_lost_app": what a controller acknowledged is in the journal, for ever. */
    CHECK_ONE_OF_EACH,          /* "one_of_each": no two routed, running instances of one (app, version, index, epoch),
                                   ever; and none of one (app, version, index) for longer than 30 s while the network
                                   parts none of those concerned. */
    CHECK_MEMORY_WITHIN_LIMITS, /* "memory_within_limits": no DEA has promised more memory than it has, and no process
                                   lives above its limit. */
    CHECK_NO_FAILED_REQUEST,    /* "no_failed_request": every request of the load was answered by its app. At once. */
    CHECK_ONE_ORDER, /* "one_order": the answers to all commands fit one order of them, across apps: no cycle of
                        dependencies (sim/checks/dependencies.h). At once. */
    CHECK_LINEARIZABLE_PER_APP, /* "linearizable_per_app": what REST clients (rest_clients.h) were told of an app fits
                                   some order of their calls. When the calls are over. */
    CHECK_ALWAYS_END,
};
const char *always_check_name(enum always_check check);
/* What it promises, in words without an end. */
const char *always_check_promise(enum always_check check);
/* 0 if there is none of that name. */
enum always_check always_check_find(const char *name);
/* Switches it on, from now. */
void cloud_check_always(struct cloud *cloud, enum always_check check);

/* A check of the scenario's own, for example in Lua: looked at every plan.check_interval_ns while anything happens. */
void cloud_check_always_with(struct cloud *cloud, const char *name, cloud_predicate *holds, void *context);

/* ---- Predicates ---- */

/* Desired = actual = routed, no extras: every started app of the journal has each of its indices running exactly once,
 * in its current version; every router routes its addresses to exactly those; no other instance runs; nothing waits.
 * No context. */
bool converged(struct cloud *cloud, void *context, struct text *ret_why);
/* The parts of it, each with a bound of its own after a storm (docs/exploring.md): every wanted index runs; nothing
 * beside it does; every router routes to exactly what runs. No context. */
bool all_wanted_run(struct cloud *cloud, void *context, struct text *ret_why);
bool nothing_else_runs(struct cloud *cloud, void *context, struct text *ret_why);
bool routes_are_right(struct cloud *cloud, void *context, struct text *ret_why);
/* The same for one app; the context is its name. */
bool app_converged(struct cloud *cloud, void *app, struct text *ret_why);
/* The controllers keep what apps refer to, all of it and nothing else: no package or droplet is left over, none is
 * missing. No context. */
bool blobs_are_right(struct cloud *cloud, void *context, struct text *ret_why);
/* Every service and every binding that the controllers have is at its gateway, which knows it; nothing else is there,
 * and nothing waits to be deleted. No context. */
bool services_are_right(struct cloud *cloud, void *context, struct text *ret_why);
/* Every component of the plan runs, is connected to the bus and serves. No context. */
bool all_components_up(struct cloud *cloud, void *context, struct text *ret_why);
/* The health manager has given an index up for flapping; the context is the app's name. */
bool app_is_flapping(struct cloud *cloud, void *app, struct text *ret_why);

/* Instances of the app that run, listen and are routed by every live router. */
size_t cloud_serving_instances(struct cloud *cloud, const char *app);

#endif
