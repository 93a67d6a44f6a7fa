/* A whole simulated cloud, from power on to a healed app. */
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

static void print_line(void *context, const struct story_line *line)
{
    (void)context;
    if (getenv("STORY") != NULL)
        fprintf(stderr, "%9.3f %-9s %-18s %s\n", (double)line->at_ns / 1e9, story_kind_name(line->kind), line->who,
                line->text);
}

static struct cloud *cloud_with_shop(uint64_t seed)
{
    static struct app_plan shop = {.name = "shop", .instances = 3, .memory_mb = 64};
    static struct load_plan load = {.host = "shop.cupola.test", .rate_per_s = 50};
    shop.boot = distribution_lognormal(300 * NS_PER_MS, 500000);
    shop.response = distribution_exponential(NS_PER_MS, 5 * NS_PER_MS);
    struct cloud_plan plan = cloud_plan_default();
    plan.routers = 2;
    plan.deas = 3;
    plan.apps = &shop;
    plan.app_count = 1;
    plan.loads = &load;
    plan.load_count = 1;
    struct cloud *cloud = cloud_create(&plan, seed);
    cloud_observe(cloud, print_line, NULL);
    cloud_check_always(cloud, CHECK_NEVER_MISROUTED);
    cloud_check_always(cloud, CHECK_NO_LOST_APP);
    cloud_check_always(cloud, CHECK_ONE_OF_EACH);
    cloud_check_always(cloud, CHECK_MEMORY_WITHIN_LIMITS);
    return cloud;
}

static void wait_until(struct cloud *cloud, cloud_predicate *predicate, void *context, uint64_t bound_ns)
{
    enum cloud_result result = cloud_wait_until(cloud, predicate, context, bound_ns, NULL);
    if (result == CLOUD_TIMED_OUT)
        fail_msg("waited in vain: %s", cloud_explanation(cloud));
    if (result == CLOUD_VIOLATED)
        fail_msg("violated: %s", cloud_violation(cloud));
}

static void finish(struct cloud *cloud)
{
    enum cloud_result result = cloud_finish(cloud, 120 * NS_PER_S);
    if (result == CLOUD_TIMED_OUT)
        fail_msg("did not finish: %s", cloud_explanation(cloud));
    if (result == CLOUD_VIOLATED)
        fail_msg("violated: %s", cloud_violation(cloud));
    cloud_destroy(cloud);
}

static uint64_t play_killed_instance(uint64_t seed, uint64_t *ret_steps)
{
    struct cloud *cloud = cloud_with_shop(seed);
    wait_until(cloud, converged, NULL, 60 * NS_PER_S);
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 3);
    struct fault_spec spec = {.kind = FAULT_KILL_INSTANCE, .target = "shop/1"};
    fault_begin(cloud, &spec);
    assert_int_equal(cloud_run_for(cloud, 50 * NS_PER_MS), CLOUD_OK);
    wait_until(cloud, converged, NULL, 60 * NS_PER_S);
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 3);
    assert_true(cloud_load_counts(cloud, 0).ok > 0);
    uint64_t hash = cloud_hash(cloud);
    *ret_steps = cloud_step_count(cloud);
    finish(cloud);
    return hash;
}

static void a_killed_instance_is_replaced_and_the_same_seed_gives_the_same_hash(void **state)
{
    (void)state;
    uint64_t steps, again;
    uint64_t hash = play_killed_instance(1, &steps);
    assert_true(play_killed_instance(1, &again) == hash);
    assert_int_equal(steps, again);
    assert_true(play_killed_instance(2, &again) != hash);
}

static void a_host_without_power_is_replaced_by_the_others(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_with_shop(3);
    wait_until(cloud, converged, NULL, 60 * NS_PER_S);
    struct instance_info instance;
    assert_true(cloud_instances(cloud, "shop", &instance, 1) == 3);
    struct fault_spec spec = {.kind = FAULT_POWER_OFF, .target = instance.dea->name};
    struct fault *fault = fault_begin(cloud, &spec);
    assert_int_equal(cloud_run_for(cloud, NS_PER_S), CLOUD_OK);
    wait_until(cloud, converged, NULL, 180 * NS_PER_S);
    fault_end(fault);
    wait_until(cloud, all_components_up, NULL, 60 * NS_PER_S);
    wait_until(cloud, converged, NULL, 180 * NS_PER_S);
    finish(cloud);
}

static void operators_scale_and_stop(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_with_shop(4);
    wait_until(cloud, converged, NULL, 60 * NS_PER_S);
    struct operation *scale = operator_scale(cloud, "shop", 5);
    wait_until(cloud, operation_over, scale, 60 * NS_PER_S);
    assert_int_equal(operation_status(scale), 0);
    wait_until(cloud, converged, NULL, 60 * NS_PER_S);
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 5);
    struct operation *stop = operator_stop(cloud, "shop");
    wait_until(cloud, operation_over, stop, 60 * NS_PER_S);
    wait_until(cloud, converged, NULL, 60 * NS_PER_S);
    assert_int_equal(cloud_instances(cloud, "shop", NULL, 0), 0);
    finish(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_instance_is_replaced_and_the_same_seed_gives_the_same_hash),
        cmocka_unit_test(a_host_without_power_is_replaced_by_the_others),
        cmocka_unit_test(operators_scale_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
