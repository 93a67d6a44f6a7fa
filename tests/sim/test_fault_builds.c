/* Builds, configurations, starts, and the journal: what their faults do to those who rely on the opposite. */
#include "core/router/view.h"
#include "tests/sim/fault_cloud.h"

static size_t routes_without_a_name(struct cloud *cloud)
{
    size_t count = 0;
    struct route_cursor cursor = {0};
    struct route_view view;
    while (router_next_route(component_machine(cloud_find_component(cloud, "router-1")), &cursor, &view))
        count += strcmp(view.host, "shop.cupola.test") == 0 && view.instance[0] == 0;
    return count;
}

/* From all of 2011 to all of today, host by host, while requests come and the app grows. */
static void two_versions_live_in_one_world(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *old[3];
    char name[16];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "dea-%zu", i);
        old[i] = begin(cloud, FAULT_OLD_VERSION, name);
    }
    expect_ok(cloud, cloud_run_for(cloud, 30 * NS_PER_S), "old");
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 120 * NS_PER_S, NULL), "old");
    assert_true(cloud_find_component(cloud, "dea-0")->process->is_old);
    assert_true(routes_without_a_name(cloud) > 0);
    for (uint32_t i = 0; i < 3; i++) {
        fault_end(old[i]);
        operator_scale(cloud, "shop", 4 + i);
        expect_ok(cloud, cloud_run_for(cloud, 20 * NS_PER_S), "mixed");
        expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 120 * NS_PER_S, NULL), "mixed");
    }
    assert_false(cloud_find_component(cloud, "dea-0")->process->is_old);
    assert_int_equal(cloud->world->old_processes, 0);
    heal(cloud, old[2]);
}

static void every_role_may_be_of_2011_for_a_while(void **state)
{
    (void)state;
    static const char *const names[] = {"router-0", "controller-0", "health_manager-0", "dea-0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct cloud *cloud = converged_cloud();
        struct fault *fault = begin(cloud, FAULT_OLD_VERSION, names[i]);
        expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), names[i]);
        operator_scale(cloud, "shop", 5);
        expect_ok(cloud, cloud_wait_until(cloud, operators_idle, NULL, 60 * NS_PER_S, NULL), names[i]);
        expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 120 * NS_PER_S, NULL), names[i]);
        heal(cloud, fault);
    }
}

static void with_a_bad_configuration_others_take_over(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_BAD_CONFIG, "dea-0");
    expect_ok(cloud, cloud_run_for(cloud, 40 * NS_PER_S), "bad");
    assert_false(all_components_up(cloud, NULL, NULL));
    assert_true(cloud_serving_instances(cloud, "shop") == 3);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "rolled back");
    assert_true(all_components_up(cloud, NULL, NULL));
    heal(cloud, fault);
}

static void a_configuration_can_be_pushed_to_one_and_rolled_back(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_BAD_CONFIG, .target = "dea", .config = "{\"max_instances\": 1}"};
    struct text why = {0};
    assert_false(fault_spec_is_valid(
        cloud, &(struct fault_spec){.kind = FAULT_BAD_CONFIG, .target = "dea", .config = "{\"no_such_key\": 1}"},
        &why));
    assert_non_null(strstr(text_string(&why), "no_such_key"));
    text_free(&why);
    assert_true(fault_spec_is_valid(cloud, &spec, &why));
    struct fault *fault = fault_begin(cloud, &spec);
    expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "pushed");
    operator_scale(cloud, "shop", 8);
    expect_ok(cloud, cloud_run_for(cloud, 20 * NS_PER_S), "one a DEA");
    assert_true(cloud_serving_instances(cloud, "shop") <= 3);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 60 * NS_PER_S), "rolled back");
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 8);
    heal(cloud, fault);
}

static void who_goes_hands_over_first(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_EVACUATE, "dea-0");
    expect_ok(cloud, cloud_run_for(cloud, 60 * NS_PER_S), "going");
    assert_false(component_is_running(cloud_find_component(cloud, "dea-0")));
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 3);
    struct load_counts counts = cloud_load_counts(cloud, 0);
    assert_int_equal(load_counts_failed(&counts), 0);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 2 * NS_PER_S), "back");
    assert_true(component_is_running(cloud_find_component(cloud, "dea-0")));
    heal(cloud, fault);
}

static void a_restart_keeps_what_runs(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_RESTART, "router-0,health_manager,controller-0");
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "again");
    assert_int_equal(cloud_find_component(cloud, "router-0")->process->life_count, 2);
    assert_int_equal(cloud_started_instances(cloud), 3);
    heal(cloud, fault);
}

static void a_slow_start_is_waited_for(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct component *dea = cloud_find_component(cloud, "dea-0");
    struct fault_spec spec = {
        .kind = FAULT_SLOW_START, .target = "dea-0", .delay = distribution_constant(10 * NS_PER_S)};
    struct fault *fault = fault_begin(cloud, &spec);
    component_kill(dea);
    expect_ok(cloud, cloud_run_for(cloud, 9 * NS_PER_S), "starting");
    assert_false(component_is_running(dea));
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "started");
    assert_true(component_is_running(dea));
    heal(cloud, fault);
}

/* What ran there is taken up from the processes themselves. */
static void an_empty_disk_loses_no_instance(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_DISK_WIPED, FAULT_DISK_SWAPPED};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        struct fault *fault = begin(cloud, kinds[i], "dea");
        for (size_t k = 0; k < 3; k++)
            component_kill(cloud_component(cloud, ROLE_DEA, k));
        expect_ok(cloud, cloud_run_for(cloud, 30 * NS_PER_S), fault_kind_name(kinds[i]));
        assert_int_equal(cloud_serving_instances(cloud, "shop"), 3);
        if (kinds[i] == FAULT_DISK_WIPED)
            assert_int_equal(cloud_started_instances(cloud), 3);
        heal(cloud, fault);
    }
}

static struct fault *begin_on_journal(struct cloud *cloud, enum fault_kind kind)
{
    return fault_begin(cloud, &(struct fault_spec){.kind = kind, .amount = 1000000});
}

static void an_append_in_part_changes_nothing(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    uint64_t entries = cloud->journal->count;
    struct fault *fault = begin_on_journal(cloud, FAULT_JOURNAL_SHORT);
    const struct operation *scale = operator_scale(cloud, "shop", 5);
    expect_ok(cloud, cloud_run_for(cloud, 20 * NS_PER_S), "short");
    assert_int_not_equal(operation_status(scale), 0);
    assert_int_equal(cloud->journal->count, entries);
    assert_int_equal(cloud_started_instances(cloud), 3);
    heal(cloud, fault);
}

static void a_change_that_came_through_unsaid_holds(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin_on_journal(cloud, FAULT_JOURNAL_UNSURE);
    uint64_t entries = cloud->journal->count;
    struct operation *scale = operator_scale(cloud, "shop", 5);
    expect_ok(cloud, cloud_wait_until(cloud, operation_over, scale, 60 * NS_PER_S, NULL), "unsure");
    assert_true(cloud->journal->count > entries);
    expect_ok(cloud, cloud_run_for(cloud, 30 * NS_PER_S), "all the same");
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 5);
    heal(cloud, fault);
}

/* Half an entry may look like a whole one: then nothing holds. Mostly it does not, and whoever reads it ends. */
static void who_reads_half_an_entry_does_not_go_on_without_it(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin_on_journal(cloud, FAULT_JOURNAL_TORN);
    operator_scale(cloud, "shop", 5);
    cloud_run_for(cloud, 5 * NS_PER_S);
    uint64_t lives = cloud_component(cloud, ROLE_CONTROLLER, 0)->process->life_count +
                     cloud_component(cloud, ROLE_CONTROLLER, 1)->process->life_count;
    assert_true(lives > 2);
    fault_end(fault);
    cloud_destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_versions_live_in_one_world),
        cmocka_unit_test(every_role_may_be_of_2011_for_a_while),
        cmocka_unit_test(with_a_bad_configuration_others_take_over),
        cmocka_unit_test(a_configuration_can_be_pushed_to_one_and_rolled_back),
        cmocka_unit_test(who_goes_hands_over_first),
        cmocka_unit_test(a_restart_keeps_what_runs),
        cmocka_unit_test(a_slow_start_is_waited_for),
        cmocka_unit_test(an_empty_disk_loses_no_instance),
        cmocka_unit_test(an_append_in_part_changes_nothing),
        cmocka_unit_test(a_change_that_came_through_unsaid_holds),
        cmocka_unit_test(who_reads_half_an_entry_does_not_go_on_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
