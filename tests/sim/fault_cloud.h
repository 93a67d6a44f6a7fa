/* A small cloud for the tests of faults, and what they do with it. */
#ifndef CUPOLA_TESTS_SIM_FAULT_CLOUD_H
#define CUPOLA_TESTS_SIM_FAULT_CLOUD_H

#include "core/base/duration.h"
#include "sim/checks/check.h"
#include "sim/clients/load.h"
#include "sim/clients/operator.h"
#include "sim/clients/raw_client.h"
#include "sim/cloud_state.h"
#include "sim/faults/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline void print_line(void *context, const struct story_line *line)
{
    (void)context;
    if (getenv("STORY") != NULL)
        fprintf(stderr, "%9.3f %-9s %-18s %s\n", (double)line->at_ns / 1e9, story_kind_name(line->kind), line->who,
                line->text);
}

/* Two zones, two routers and controllers, three DEAs, an app of three under load, safety looked at. */
static inline struct cloud *small_cloud(uint64_t seed)
{
    static const struct app_plan shop = {.name = "shop", .instances = 3, .memory_mb = 64};
    static const struct load_plan load = {.host = "shop.cupola.test", .rate_per_s = 20};
    struct cloud_plan plan = cloud_plan_default();
    plan.zones = 2;
    plan.routers = 2;
    plan.controllers = 2;
    plan.deas = 3;
    plan.apps = &shop;
    plan.app_count = 1;
    plan.loads = &load;
    plan.load_count = 1;
    struct cloud *cloud = cloud_create(&plan, seed);
    cloud_observe(cloud, print_line, NULL);
    cloud_check_always(cloud, CHECK_NEVER_MISROUTED);
    cloud_check_always(cloud, CHECK_NO_LOST_APP);
    cloud_check_always(cloud, CHECK_MEMORY_WITHIN_LIMITS);
    return cloud;
}

static inline void expect_ok(struct cloud *cloud, enum cloud_result result, const char *when)
{
    if (result == CLOUD_TIMED_OUT)
        fail_msg("%s: %s", when, cloud_explanation(cloud));
    if (result == CLOUD_VIOLATED)
        fail_msg("%s: %s", when, cloud_violation(cloud));
}

/* What makes sense for a kind: on the first DEA where it needs a component or a host. */
static inline struct fault_spec spec_of(enum fault_kind kind)
{
    struct fault_spec spec = {.kind = kind, .target = "dea-0", .delay = distribution_constant(300 * NS_PER_MS)};
    if (fault_kind_family(kind) == FAULT_FAMILY_WORKLOAD)
        spec.target = "shop";
    if (fault_kind_family(kind) == FAULT_FAMILY_STORE || fault_kind_family(kind) == FAULT_FAMILY_LOAD)
        spec.target = NULL;
    if (kind == FAULT_CLOCK_STEP)
        spec.amount = -(int64_t)(100 * NS_PER_S);
    else if (kind == FAULT_STRANGER)
        spec.amount = 40001;
    else if (fault_kind_takes_share(kind))
        spec.amount = 300000;
    else if (kind == FAULT_BANDWIDTH || kind == FAULT_CLOCK_DRIFT)
        spec.amount = 100000;
    else if (kind == FAULT_APP_LEAKS)
        spec.amount = 8 << 20;
    else if (kind == FAULT_SURGE)
        spec.amount = 5;
    else if (kind == FAULT_KILL_AT_EFFECT)
        spec.amount = 7;
    else if (kind == FAULT_SLOW_LORIS)
        spec.amount = 20;
    else if (kind == FAULT_WRONG_NAME)
        spec.peer = "dea-1";
    return spec;
}

/* Seed 1, all up. */
static inline struct cloud *converged_cloud(void)
{
    struct cloud *cloud = small_cloud(1);
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), "before");
    return cloud;
}

static inline struct fault *begin(struct cloud *cloud, enum fault_kind kind, const char *target)
{
    struct fault_spec spec = spec_of(kind);
    if (target != NULL)
        spec.target = target;
    return fault_begin(cloud, &spec);
}

static inline struct fault *begin_on_messages(struct cloud *cloud, enum fault_kind kind, const char *to,
                                              const char *subject)
{
    struct fault_spec spec = {.kind = kind, .target = to, .subject = subject, .amount = 1000000};
    if (kind == FAULT_MESSAGE_DELAY)
        spec.delay = distribution_constant(NS_PER_S);
    struct text why = {0};
    if (!fault_spec_is_valid(cloud, &spec, &why))
        fail_msg("%s", text_string(&why));
    return fault_begin(cloud, &spec);
}

/* The end of a test: what was broken is mended, and the cloud heals. */
static inline void heal(struct cloud *cloud, struct fault *fault)
{
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "mended");
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 400 * NS_PER_S, NULL), "after");
    expect_ok(cloud, cloud_finish(cloud, 120 * NS_PER_S), "after");
    cloud_destroy(cloud);
}

#endif
