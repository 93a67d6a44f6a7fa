/* What the checks let pass and what they do not. */
#include "core/base/duration.h"
#include "sim/checks/check.h"
#include "sim/cloud_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cloud *cloud_of_two_zones(enum always_check check)
{
    static const struct app_plan shop = {.name = "shop", .instances = 4, .memory_mb = 64};
    struct cloud_plan plan = cloud_plan_default();
    plan.zones = 2;
    plan.bus_servers = 2;
    plan.routers = 2;
    plan.controllers = 2;
    plan.health_managers = 2;
    plan.deas = 4;
    plan.apps = &shop;
    plan.app_count = 1;
    struct cloud *cloud = cloud_create(&plan, 1);
    cloud_check_always(cloud, check);
    assert_int_equal(cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), CLOUD_OK);
    return cloud;
}

/* Both sides serve the same indices then, each by its own routers. */
static void a_side_that_is_cut_off_may_serve_older_instances(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_of_two_zones(CHECK_ONE_OF_EACH);
    struct fault_spec spec = {.kind = FAULT_PARTITION, .target = "zone:1", .duration_ns = 90 * NS_PER_S};
    fault_begin(cloud, &spec);
    assert_int_equal(cloud_run_for(cloud, 80 * NS_PER_S), CLOUD_OK);
    assert_true(cloud_instances(cloud, "shop", NULL, 0) > 4);
    assert_int_equal(cloud_run_for(cloud, 100 * NS_PER_S), CLOUD_OK);
    assert_int_equal(cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), CLOUD_OK);
    cloud_destroy(cloud);
}

/* The same doubles, and everybody reaches everybody, if after a thousand seconds. */
static void without_a_partition_nobody_may_serve_two(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_of_two_zones(CHECK_ONE_OF_EACH);
    struct fault_spec spec = {
        .kind = FAULT_LATENCY, .target = "zone:1", .delay = distribution_constant(1000 * NS_PER_S)};
    fault_begin(cloud, &spec);
    assert_int_equal(cloud_run_for(cloud, 120 * NS_PER_S), CLOUD_VIOLATED);
    assert_non_null(strstr(cloud_violation(cloud), "one_of_each: app, version and index shop/"));
    cloud_destroy(cloud);
}

static void note(struct cloud *cloud, const char *command, int32_t instances, bool is_good)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t)command;
    config.app = (char *)(uintptr_t) "shop";
    config.has_instances = instances > 0;
    config.instances = instances;
    promises_note(cloud, &config, is_good, true);
    promises_look(cloud);
}

/* The journal has four instances, and the app is started, whatever the notes say. */
static void what_may_have_been_done_promises_nothing(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_of_two_zones(CHECK_NO_LOST_APP);
    note(cloud, "scale", 7, false);
    note(cloud, "restart", 0, true);
    note(cloud, "stop", 0, false);
    note(cloud, "scale", 4, true);
    note(cloud, "delete", 0, false);
    assert_null(cloud_violation(cloud));
    note(cloud, "restart", 0, true);
    assert_null(cloud_violation(cloud));
    note(cloud, "scale", 5, true);
    assert_non_null(strstr(cloud_violation(cloud), "app shop was acknowledged with 5 instances, and has 4"));
    cloud_destroy(cloud);
}

static void what_was_acknowledged_is_a_promise(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_of_two_zones(CHECK_NO_LOST_APP);
    note(cloud, "stop", 0, true);
    assert_non_null(strstr(cloud_violation(cloud), "app shop was acknowledged as stopped, and is STARTED"));
    cloud_destroy(cloud);
    cloud = cloud_of_two_zones(CHECK_NO_LOST_APP);
    note(cloud, "delete", 0, true);
    assert_non_null(strstr(cloud_violation(cloud), "app shop was acknowledged as deleted, and is there"));
    cloud_destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_side_that_is_cut_off_may_serve_older_instances),
        cmocka_unit_test(without_a_partition_nobody_may_serve_two),
        cmocka_unit_test(what_may_have_been_done_promises_nothing),
        cmocka_unit_test(what_was_acknowledged_is_a_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
