/* What faults of messages, disks and workloads do to those who rely on the opposite. */
#include "tests/sim/fault_cloud.h"

static void lost_registrations_leave_a_new_router_without_routes(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin_on_messages(cloud, FAULT_MESSAGE_LOSS, "router-1", ">");
    component_kill(cloud_find_component(cloud, "router-1"));
    expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), "without messages");
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 0); /* Router 0 knows them, router 1 does not. */
    assert_true(fault->message_trouble.harmed > 0);
    heal(cloud, fault);
}

static void doubled_orders_are_carried_out_once(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin_on_messages(cloud, FAULT_MESSAGE_DUPLICATES, "dea", ">");
    operator_scale(cloud, "shop", 8);
    expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "doubled");
    assert_true(fault->message_trouble.harmed >= 5);
    assert_int_equal(cloud_started_instances(cloud), 8);
    heal(cloud, fault);
}

static void late_orders_are_carried_out_late(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin_on_messages(cloud, FAULT_MESSAGE_DELAY, "dea", "dea.*.start");
    operator_scale(cloud, "shop", 4);
    expect_ok(cloud, cloud_run_for(cloud, 900 * NS_PER_MS), "too early");
    assert_int_equal(cloud_started_instances(cloud), 3);
    expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), "late");
    assert_true(fault->message_trouble.harmed > 0);
    assert_true(cloud_started_instances(cloud) >= 4);
    heal(cloud, fault);
}

static void nobody_ends_over_damaged_messages(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_MESSAGE_DAMAGE, .target = "all", .amount = 300000};
    struct fault *fault = fault_begin(cloud, &spec);
    expect_ok(cloud, cloud_run_for(cloud, 60 * NS_PER_S), "damaged");
    assert_true(fault->message_trouble.harmed > 20);
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud_component_count(cloud, (enum component_role)role); i++)
            assert_int_equal(cloud_component(cloud, (enum component_role)role, i)->process->life_count, 1);
    }
    heal(cloud, fault);
}

static void whoever_reads_a_bad_state_starts_all_the_same(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_DISK_BIT_ROT, FAULT_DISK_TORN_STATE, FAULT_DISK_OLD_IMAGE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        struct fault *fault = begin(cloud, kinds[i], "all");
        for (int round = 0; round < 10; round++) {
            component_kill(cloud_find_component(cloud, "dea-0"));
            component_kill(cloud_find_component(cloud, "health_manager-0"));
            expect_ok(cloud, cloud_run_for(cloud, 4 * NS_PER_S), fault_kind_name(kinds[i]));
        }
        expect_ok(cloud, cloud_wait_until(cloud, all_components_up, NULL, 30 * NS_PER_S, NULL),
                  fault_kind_name(kinds[i]));
        heal(cloud, fault);
    }
}

/* What ran there is found as soon as it can be looked for, and is not started a second time. */
static void who_cannot_read_its_disk_takes_nothing_for_gone(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_DISK_READ_ERROR, .target = "dea-0", .amount = 1000000};
    struct fault *fault = fault_begin(cloud, &spec);
    component_kill(cloud_find_component(cloud, "dea-0"));
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "unreadable");
    assert_false(all_components_up(cloud, NULL, NULL));
    assert_int_equal(cloud_started_instances(cloud), 3);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "readable");
    assert_true(all_components_up(cloud, NULL, NULL));
    assert_int_equal(cloud_started_instances(cloud), 3);
    heal(cloud, fault);
}

static void a_change_that_cannot_be_written_is_none(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_DISK_WRITE_ERROR, .target = "journal", .amount = 1000000};
    uint64_t entries = cloud->journal->count;
    struct fault *fault = fault_begin(cloud, &spec);
    struct operation *scale = operator_scale(cloud, "shop", 5);
    expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "unwritable");
    assert_int_equal(cloud->journal->count, entries);
    assert_int_equal(cloud_started_instances(cloud), 3);
    assert_false(operation_is_over(scale) && operation_status(scale) == 0);
    heal(cloud, fault);
}

static void a_full_table_takes_no_new_connections(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct raw_plan plan = {.address = component_address(cloud_find_component(cloud, "router-0")),
                            .port = ROUTER_PORT,
                            .read_size = 4096,
                            .bytes = {(const uint8_t *)"GET / HTTP/1.0\r\nHost: shop.cupola.test\r\n\r\n", 42}};
    struct fault *fault = begin(cloud, FAULT_TABLE_FULL, "router-0");
    const struct raw_client *early = raw_client_open(cloud, &plan);
    expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "full");
    assert_int_equal(raw_client_received(early), 0);
    fault_end(fault);
    const struct raw_client *late = raw_client_open(cloud, &plan);
    expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "free");
    assert_true(raw_client_received(late) > 0);
    heal(cloud, fault);
}

static void while_starts_fail_nothing_starts(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_APP_CANNOT_FORK, FAULT_BLOBS_DAMAGED, FAULT_BLOBS_MISSING};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        uint64_t started = cloud_started_instances(cloud);
        struct fault *fault = begin(cloud, kinds[i], kinds[i] == FAULT_APP_CANNOT_FORK ? "shop" : NULL);
        if (kinds[i] != FAULT_APP_CANNOT_FORK)
            operator_push(cloud, &(struct app_plan){.name = "blog", .instances = 3, .memory_mb = 64});
        else
            operator_scale(cloud, "shop", 6);
        expect_ok(cloud, cloud_run_for(cloud, 6 * NS_PER_S), fault_kind_name(kinds[i]));
        assert_int_equal(cloud_started_instances(cloud), started);
        heal(cloud, fault);
    }
}

static void who_finds_its_port_taken_does_not_serve(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_APP_PORT_TAKEN, "shop");
    operator_scale(cloud, "shop", 6);
    expect_ok(cloud, cloud_run_for(cloud, 6 * NS_PER_S), "taken");
    assert_true(cloud_started_instances(cloud) > 3);
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 3);
    heal(cloud, fault);
}

static void kill_one(struct cloud *cloud)
{
    struct instance_info info;
    assert_true(cloud_instances(cloud, "shop", &info, 1) >= 1);
    assert_true(cloud_signal_instance(cloud, info.instance, 9));
}

static void a_zombie_is_replaced_once_it_is_reaped(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_APP_ZOMBIE, "shop");
    kill_one(cloud);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "not reaped");
    assert_int_equal(cloud_started_instances(cloud), 3);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "reaped");
    assert_int_equal(cloud_started_instances(cloud), 4);
    heal(cloud, fault);
}

static void who_ends_with_success_is_replaced_too(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_APP_EXITS_WELL, "shop");
    kill_one(cloud);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "ended");
    assert_int_equal(cloud_started_instances(cloud), 4);
    heal(cloud, fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_registrations_leave_a_new_router_without_routes),
        cmocka_unit_test(doubled_orders_are_carried_out_once),
        cmocka_unit_test(late_orders_are_carried_out_late),
        cmocka_unit_test(nobody_ends_over_damaged_messages),
        cmocka_unit_test(whoever_reads_a_bad_state_starts_all_the_same),
        cmocka_unit_test(who_cannot_read_its_disk_takes_nothing_for_gone),
        cmocka_unit_test(a_change_that_cannot_be_written_is_none),
        cmocka_unit_test(a_full_table_takes_no_new_connections),
        cmocka_unit_test(while_starts_fail_nothing_starts),
        cmocka_unit_test(who_finds_its_port_taken_does_not_serve),
        cmocka_unit_test(a_zombie_is_replaced_once_it_is_reaped),
        cmocka_unit_test(who_ends_with_success_is_replaced_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
