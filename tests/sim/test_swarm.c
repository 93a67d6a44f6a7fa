/* A swarm of clouds: each seed enables a random subset of the fault families, breaks random things while an operator
 * changes his app, mends everything, and expects the cloud to converge. SEEDS=N plays more of them, SEED=N one. */
#include "core/base/duration.h"
#include "sim/checks/check.h"
#include "sim/clients/load.h"
#include "sim/clients/operator.h"
#include "sim/cloud.h"
#include "sim/faults/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_FAULTS = 25, CHANGES = 4 };

static void print_line(void *context, const struct story_line *line)
{
    (void)context;
    if (getenv("STORY") != NULL)
        fprintf(stderr, "%9.3f %-9s %-18s %s\n", (double)line->at_ns / 1e9, story_kind_name(line->kind), line->who,
                line->text);
}

static struct cloud *make_cloud(uint64_t seed)
{
    static const struct app_plan apps[] = {{.name = "shop", .instances = 4}, {.name = "blog", .instances = 1}};
    static const struct load_plan load = {.host = "shop.cupola.test", .rate_per_s = 20};
    struct cloud_plan plan = cloud_plan_default();
    plan.zones = 2;
    plan.routers = 2;
    plan.controllers = 2;
    plan.health_managers = 2;
    plan.deas = 4;
    plan.apps = apps;
    plan.app_count = 2;
    plan.loads = &load;
    plan.load_count = 1;
    struct cloud *cloud = cloud_create(&plan, seed);
    cloud_observe(cloud, print_line, NULL);
    cloud_check_always(cloud, CHECK_NEVER_MISROUTED);
    cloud_check_always(cloud, CHECK_NO_LOST_APP);
    cloud_check_always(cloud, CHECK_MEMORY_WITHIN_LIMITS);
    cloud_check_always(cloud, CHECK_ONE_OF_EACH);
    return cloud;
}

static const char *draw_target(enum fault_kind kind, struct random_stream *stream)
{
    static const char *const components[] = {"dea-0",
                                             "dea-1",
                                             "dea-2",
                                             "dea-3",
                                             "router-0",
                                             "router-1",
                                             "controller-0",
                                             "controller-1",
                                             "health_manager-0",
                                             "health_manager-1",
                                             "bus-0"};
    static const char *const apps[] = {"shop", "blog", "shop/0", "shop/1"};
    if (fault_kind_family(kind) == FAULT_FAMILY_WORKLOAD)
        return apps[random_below(stream, fault_kind_takes_instances(kind) ? 4 : 2)];
    if (fault_kind_family(kind) == FAULT_FAMILY_STORE || fault_kind_family(kind) == FAULT_FAMILY_LOAD)
        return NULL;
    return components[random_below(stream, sizeof components / sizeof *components)];
}

static void draw_fault(struct cloud *cloud, uint32_t families, struct random_stream *stream)
{
    enum fault_kind kind = (enum fault_kind)random_between(stream, 1, FAULT_KIND_END - 1);
    struct fault_spec spec = {.kind = kind, .target = draw_target(kind, stream)};
    spec.delay = distribution_constant(random_between(stream, 10, 3000) * NS_PER_MS);
    spec.duration_ns = random_between(stream, 100, 40000) * NS_PER_MS;
    spec.one_way = random_below(stream, 3) == 0;
    if (fault_kind_takes_share(kind))
        spec.amount = (int64_t)random_between(stream, 10000, 500000);
    else if (kind == FAULT_CLOCK_STEP)
        spec.amount = (int64_t)random_below(stream, 7200 * NS_PER_S) - (int64_t)(3600 * NS_PER_S);
    else if (kind == FAULT_CLOCK_DRIFT)
        spec.amount = (int64_t)random_below(stream, 400000) - 200000;
    else if (kind == FAULT_FEW_DESCRIPTORS)
        spec.amount = (int64_t)random_below(stream, 20);
    else if (kind == FAULT_SURGE)
        spec.amount = 3;
    else if (kind == FAULT_SLOW_LORIS)
        spec.amount = 20;
    else
        spec.amount = 1 << 20;
    if (kind == FAULT_SLOW_PROCESS || kind == FAULT_SLOW_HOST)
        spec.delay = distribution_constant(random_between(stream, 1, 20) * NS_PER_MS);
    uint64_t at_ns = cloud_now_ns(cloud) + random_below(stream, 60 * NS_PER_S);
    bool is_enabled = (families & (1u << fault_kind_family(kind))) != 0;
    if (is_enabled && !fault_kind_lies(kind))
        fault_begin_at(cloud, &spec, at_ns);
}

static bool expect_ok(struct cloud *cloud, enum cloud_result result, uint64_t seed, const char *when)
{
    if (result == CLOUD_TIMED_OUT)
        fprintf(stderr, "seed %llu, %s: waited in vain: %s\n", (unsigned long long)seed, when,
                cloud_explanation(cloud));
    if (result == CLOUD_VIOLATED)
        fprintf(stderr, "seed %llu, %s: %s\n", (unsigned long long)seed, when, cloud_violation(cloud));
    return result == CLOUD_OK;
}

static bool play(uint64_t seed)
{
    struct cloud *cloud = make_cloud(seed);
    struct random_stream stream = cloud_random(cloud, "swarm");
    uint32_t families = (uint32_t)random_draw(&stream) | (uint32_t)random_draw(&stream);
    bool good = expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), seed, "before");
    for (int i = 0; i < MOST_FAULTS; i++)
        draw_fault(cloud, families, &stream);
    for (int i = 0; i < CHANGES && good; i++) {
        operator_scale(cloud, "shop", (uint32_t)random_between(&stream, 1, 8));
        good = expect_ok(cloud, cloud_run_for(cloud, 15 * NS_PER_S), seed, "meanwhile");
    }
    faults_end_all(cloud);
    good = good &&
           expect_ok(cloud, cloud_wait_until(cloud, operators_idle, NULL, 600 * NS_PER_S, NULL), seed, "operators");
    good = good && expect_ok(cloud, cloud_wait_until(cloud, all_components_up, NULL, 60 * NS_PER_S, NULL), seed, "up");
    good = good && expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 400 * NS_PER_S, NULL), seed, "after");
    /* Disks that were slow work off what they owe, so that nothing is under way at the end. */
    good = good && expect_ok(cloud, cloud_run_for(cloud, 60 * NS_PER_S), seed, "quiet");
    good = good && expect_ok(cloud, cloud_finish(cloud, 120 * NS_PER_S), seed, "finish");
    cloud_destroy(cloud);
    return good;
}

static void clouds_survive_random_faults(void **state)
{
    (void)state;
    const char *count_text = getenv("SEEDS"), *one = getenv("SEED");
    uint64_t first = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t last = one != NULL ? first : count_text == NULL ? 20 : strtoull(count_text, NULL, 10);
    uint64_t failed = 0;
    for (uint64_t seed = first; seed <= last; seed++)
        failed += !play(seed);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clouds_survive_random_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
