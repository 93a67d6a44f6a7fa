/* Every fault of the menu: begun under load, mended, and the cloud converges again. */
#include "tests/sim/fault_cloud.h"

static void play(enum fault_kind kind, uint64_t seed)
{
    struct cloud *cloud = small_cloud(seed);
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), "before");
    struct fault_spec spec = spec_of(kind);
    struct text why = {0};
    if (!fault_spec_is_valid(cloud, &spec, &why))
        fail_msg("%s: %s", fault_kind_name(kind), text_string(&why));
    struct fault *fault = fault_begin(cloud, &spec);
    expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), fault_kind_name(kind));
    fault_end(fault);
    assert_int_equal(fault_state(fault), FAULT_OVER);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), fault_kind_name(kind));
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 400 * NS_PER_S, NULL), fault_kind_name(kind));
    expect_ok(cloud, cloud_wait_until(cloud, all_components_up, NULL, 60 * NS_PER_S, NULL), fault_kind_name(kind));
    expect_ok(cloud, cloud_finish(cloud, 120 * NS_PER_S), fault_kind_name(kind));
    cloud_destroy(cloud);
}

static void every_fault_of_the_menu_is_mended_and_the_cloud_heals(void **state)
{
    (void)state;
    const char *seeds = getenv("SEEDS");
    uint64_t count = seeds == NULL ? 1 : strtoull(seeds, NULL, 10);
    const char *only = getenv("KIND");
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        if (only != NULL && kind != (int)fault_kind_find(only))
            continue;
        for (uint64_t seed = 1; seed <= count; seed++)
            play((enum fault_kind)kind, seed);
    }
}

static void names_of_kinds_are_found_again(void **state)
{
    (void)state;
    for (int kind = 1; kind < FAULT_KIND_END; kind++)
        assert_int_equal(fault_kind_find(fault_kind_name((enum fault_kind)kind)), kind);
    assert_int_equal(fault_kind_find("no such fault"), 0);
}

static void a_spec_without_sense_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct cloud *cloud = small_cloud(1);
    static const struct fault_spec specs[] = {
        {.kind = FAULT_POWER_OFF},
        {.kind = FAULT_POWER_OFF, .target = "dea-9"},
        {.kind = FAULT_PARTITION, .target = "dea-0", .peer = "nobody"},
        {.kind = FAULT_LOSS, .target = "dea-0"},
        {.kind = FAULT_FLAPPING, .target = "dea-0"},
        {.kind = FAULT_KIND_END, .target = "dea-0"},
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct text why = {0};
        assert_false(fault_spec_is_valid(cloud, &specs[i], &why));
        assert_true(why.size > 0);
        text_free(&why);
    }
    cloud_destroy(cloud);
}

static void faults_that_overlap_end_independently(void **state)
{
    (void)state;
    struct cloud *cloud = small_cloud(1);
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), "before");
    struct fault_spec host = {.kind = FAULT_POWER_OFF, .target = "dea-0", .duration_ns = 3 * NS_PER_S};
    struct fault_spec zone = {.kind = FAULT_POWER_OFF, .target = "dea", .duration_ns = 6 * NS_PER_S};
    struct fault *first = fault_begin(cloud, &host);
    struct fault *second = fault_begin(cloud, &zone);
    expect_ok(cloud, cloud_run_for(cloud, 4 * NS_PER_S), "one is over");
    assert_int_equal(fault_state(first), FAULT_OVER);
    assert_false(component_host_has_power(cloud_find_component(cloud, "dea-0")));
    expect_ok(cloud, cloud_run_for(cloud, 4 * NS_PER_S), "both are over");
    assert_int_equal(fault_state(second), FAULT_OVER);
    assert_true(component_host_has_power(cloud_find_component(cloud, "dea-0")));
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 200 * NS_PER_S, NULL), "after");
    cloud_destroy(cloud);
}

static void of_all_hosts_none_is_left_out(void **state)
{
    (void)state;
    struct cloud *cloud = small_cloud(1);
    const struct host *one = cloud_find_component(cloud, "dea-0")->host;
    const struct host *other = cloud_find_component(cloud, "router-1")->host;
    struct fault_spec spec = {.kind = FAULT_PARTITION, .target = "all"};
    struct fault *fault = fault_begin(cloud, &spec);
    assert_true(network_is_blocked(&cloud->world->network, one, other));
    assert_true(network_is_blocked(&cloud->world->network, cloud->outside, other));
    assert_false(network_is_blocked(&cloud->world->network, one, one));
    fault_end(fault);
    assert_false(network_is_blocked(&cloud->world->network, one, other));
    cloud_destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_of_the_menu_is_mended_and_the_cloud_heals),
        cmocka_unit_test(names_of_kinds_are_found_again),
        cmocka_unit_test(a_spec_without_sense_is_refused_with_a_reason),
        cmocka_unit_test(faults_that_overlap_end_independently),
        cmocka_unit_test(of_all_hosts_none_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
