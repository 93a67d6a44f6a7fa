/* Every fault of the menu: begun under load, mended, and the cloud converges again. */
#include "core/base/duration.h"
#include "sim/check.h"
#include "sim/cloud_state.h"
#include "sim/fault_state.h"
#include "sim/load.h"
#include "sim/operator.h"
#include "sim/raw_client.h"

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

static struct cloud *small_cloud(uint64_t seed)
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

static void expect_ok(struct cloud *cloud, enum cloud_result result, const char *when)
{
    if (result == CLOUD_TIMED_OUT)
        fail_msg("%s: %s", when, cloud_explanation(cloud));
    if (result == CLOUD_VIOLATED)
        fail_msg("%s: %s", when, cloud_violation(cloud));
}

/* What makes sense for a kind: on the first DEA where it needs a component or a host. */
static struct fault_spec spec_of(enum fault_kind kind)
{
    struct fault_spec spec = {.kind = kind, .target = "dea-0", .delay = distribution_constant(300 * NS_PER_MS)};
    if (fault_kind_family(kind) == FAULT_FAMILY_WORKLOAD)
        spec.target = "shop";
    if (fault_kind_family(kind) == FAULT_FAMILY_STORE || fault_kind_family(kind) == FAULT_FAMILY_LOAD)
        spec.target = NULL;
    if (kind == FAULT_CLOCK_STEP)
        spec.amount = -(int64_t)(100 * NS_PER_S);
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
    return spec;
}

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
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
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

/* ---- What each fault does to those who rely on the opposite ---- */

static struct cloud *converged_cloud(void)
{
    struct cloud *cloud = small_cloud(1);
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), "before");
    return cloud;
}

static struct fault *begin(struct cloud *cloud, enum fault_kind kind, const char *target)
{
    struct fault_spec spec = spec_of(kind);
    if (target != NULL)
        spec.target = target;
    return fault_begin(cloud, &spec);
}

static struct fault *begin_on_messages(struct cloud *cloud, enum fault_kind kind, const char *to, const char *subject)
{
    struct fault_spec spec = {.kind = kind, .target = to, .subject = subject, .amount = 1000000};
    if (kind == FAULT_MESSAGE_DELAY)
        spec.delay = distribution_constant(NS_PER_S);
    struct text why = {0};
    if (!fault_spec_is_valid(cloud, &spec, &why))
        fail_msg("%s", text_string(&why));
    return fault_begin(cloud, &spec);
}

static void heal(struct cloud *cloud, struct fault *fault)
{
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "mended");
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 400 * NS_PER_S, NULL), "after");
    expect_ok(cloud, cloud_finish(cloud, 120 * NS_PER_S), "after");
    cloud_destroy(cloud);
}

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
    static const enum fault_kind kinds[] = {FAULT_APP_CANNOT_FORK, FAULT_BLOBS_DAMAGED};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        uint64_t started = cloud_started_instances(cloud);
        struct fault *fault = begin(cloud, kinds[i], kinds[i] == FAULT_BLOBS_DAMAGED ? NULL : "shop");
        if (kinds[i] == FAULT_BLOBS_DAMAGED)
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
        cmocka_unit_test(every_fault_of_the_menu_is_mended_and_the_cloud_heals),
        cmocka_unit_test(names_of_kinds_are_found_again),
        cmocka_unit_test(a_spec_without_sense_is_refused_with_a_reason),
        cmocka_unit_test(faults_that_overlap_end_independently),
        cmocka_unit_test(of_all_hosts_none_is_left_out),
        cmocka_unit_test(lost_registrations_leave_a_new_router_without_routes),
        cmocka_unit_test(doubled_orders_are_carried_out_once),
        cmocka_unit_test(late_orders_are_carried_out_late),
        cmocka_unit_test(nobody_ends_over_damaged_messages),
        cmocka_unit_test(whoever_reads_a_bad_state_starts_all_the_same),
        cmocka_unit_test(a_full_table_takes_no_new_connections),
        cmocka_unit_test(while_starts_fail_nothing_starts),
        cmocka_unit_test(who_finds_its_port_taken_does_not_serve),
        cmocka_unit_test(a_zombie_is_replaced_once_it_is_reaped),
        cmocka_unit_test(who_ends_with_success_is_replaced_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
