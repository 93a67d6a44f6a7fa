/* Each fault against somebody who relies on the opposite: answers in time, connections that stay, processes that live,
 * changes that are written, clocks that agree. (More of them: test_fault_builds, _effects, _limits, _surroundings.) */
#include "tests/sim/fault_cloud.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: shop.cupola.test\r\n\r\n";

static struct raw_client *ask(struct cloud *cloud, const char *address, uint16_t port)
{
    struct raw_plan plan = {
        .address = address, .port = port, .read_size = 4096, .bytes = {(const uint8_t *)request, strlen(request)}};
    return raw_client_open(cloud, &plan);
}

static struct raw_client *ask_router(struct cloud *cloud)
{
    return ask(cloud, component_address(cloud_find_component(cloud, "router-0")), ROUTER_PORT);
}

/* What spec_of says, as bad as it can be. */
static struct fault *begin_badly(struct cloud *cloud, enum fault_kind kind, const char *target)
{
    struct fault_spec spec = spec_of(kind);
    if (target != NULL)
        spec.target = target;
    if (fault_kind_takes_share(kind))
        spec.amount = 1000000;
    else if (kind == FAULT_BANDWIDTH)
        spec.amount = 20;
    if (kind == FAULT_JOURNAL_SLOW || kind == FAULT_DISK_SLOW || kind == FAULT_APP_SLOW_BOOT)
        spec.delay = distribution_constant(10 * NS_PER_S);
    return fault_begin(cloud, &spec);
}

static void who_wants_an_answer_at_once_gets_none(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {
        FAULT_KEEP_DOWN, FAULT_PAUSE,      FAULT_SLOW_PROCESS, FAULT_POWER_OFF, FAULT_REBOOT,
        FAULT_PARTITION, FAULT_FLAPPING,   FAULT_LATENCY,      FAULT_LOSS,      FAULT_BANDWIDTH,
        FAULT_REFUSE,    FAULT_BLACK_HOLE, FAULT_KILL,
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        const struct raw_client *before = ask_router(cloud);
        expect_ok(cloud, cloud_run_for(cloud, 250 * NS_PER_MS), "before");
        assert_true(raw_client_received(before) > 0);
        struct fault *fault = begin_badly(cloud, kinds[i], "router-0");
        const struct raw_client *meanwhile = ask_router(cloud);
        expect_ok(cloud, cloud_run_for(cloud, 250 * NS_PER_MS), fault_kind_name(kinds[i]));
        if (raw_client_received(meanwhile) > 0)
            fail_msg("%s hindered nobody", fault_kind_name(kinds[i]));
        heal(cloud, fault);
    }
}

static void who_is_connected_is_not_any_more(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_RESET, FAULT_HALF_OPEN};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        struct raw_client *client = ask_router(cloud);
        expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "connected");
        uint64_t received = raw_client_received(client);
        assert_true(received > 0);
        struct fault *fault = begin_badly(cloud, kinds[i], "router-0");
        raw_client_send(client, (struct io_bytes){(const uint8_t *)request, strlen(request)});
        expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), fault_kind_name(kinds[i]));
        assert_int_equal(raw_client_received(client), received);
        assert_int_equal(raw_client_is_open(client), kinds[i] == FAULT_HALF_OPEN); /* Nobody is told. */
        heal(cloud, fault);
    }
}

static void a_process_does_not_live_on(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_KILL, FAULT_KILL_AT_EFFECT, FAULT_CRASH_LOOP};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        const struct process *process = cloud_find_component(cloud, "dea-0")->process;
        struct fault *fault = begin(cloud, kinds[i], "dea-0");
        expect_ok(cloud, cloud_run_for(cloud, 20 * NS_PER_S), fault_kind_name(kinds[i]));
        assert_true(process->life_count >= (kinds[i] == FAULT_CRASH_LOOP ? 10 : 2));
        heal(cloud, fault);
    }
}

static struct raw_client *ask_instance(struct cloud *cloud, struct instance_info *ret_info)
{
    assert_true(cloud_instances(cloud, "shop", ret_info, 1) >= 1);
    return ask(cloud, component_address(ret_info->dea), ret_info->port);
}

static void an_instance_does_not_answer_as_it_should(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_HANG_INSTANCE, FAULT_SICK_INSTANCE, FAULT_KILL_INSTANCE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        struct instance_info info;
        const struct raw_client *before = ask_instance(cloud, &info);
        struct fault *fault = begin(cloud, kinds[i], "shop");
        const struct raw_client *client = ask(cloud, component_address(info.dea), info.port);
        (void)before;
        expect_ok(cloud, cloud_run_for(cloud, 100 * NS_PER_MS), fault_kind_name(kinds[i]));
        bool is_sick = strstr((const char *)raw_client_text(client).data, " 503 ") != NULL;
        assert_int_equal(is_sick, kinds[i] == FAULT_SICK_INSTANCE);
        if (kinds[i] == FAULT_HANG_INSTANCE)
            assert_true(raw_client_is_open(client) && raw_client_received(client) == 0);
        if (kinds[i] == FAULT_KILL_INSTANCE)
            assert_true(raw_client_status(client) == IO_REFUSED || raw_client_status(client) == IO_RESET);
        heal(cloud, fault);
    }
}

static void apps_end_and_boot_and_grow_as_they_should_not(void **state)
{
    (void)state;
    static const struct {
        enum fault_kind kind;
        bool starts_more; /* Those that there were have ended. */
        size_t serving;   /* Of six, at most. */
    } cases[] = {{FAULT_APP_CRASHES, true, 5},
                 {FAULT_APP_SLOW_BOOT, false, 3},
                 {FAULT_APP_NEVER_BINDS, false, 3},
                 {FAULT_APP_LEAKS, true, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cloud *cloud = converged_cloud();
        struct fault *fault = begin_badly(cloud, cases[i].kind, "shop");
        operator_scale(cloud, "shop", 6);
        expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), fault_kind_name(cases[i].kind));
        assert_int_equal(cloud_started_instances(cloud) > 6, cases[i].starts_more);
        assert_true(cloud_serving_instances(cloud, "shop") <= cases[i].serving);
        heal(cloud, fault);
    }
}

static void who_ignores_sigterm_runs_on_after_a_stop(void **state)
{
    (void)state;
    for (int ignores = 0; ignores < 2; ignores++) {
        struct cloud *cloud = converged_cloud();
        struct fault *fault = begin(cloud, FAULT_APP_IGNORES_TERM, ignores ? "shop" : "another app");
        operator_scale(cloud, "shop", 1);
        expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "stopping");
        struct instance_info infos[4];
        assert_int_equal(cloud_instances(cloud, "shop", infos, 4), ignores ? 3 : 1);
        heal(cloud, fault);
    }
}

static void more_clients_come_than_were_planned(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct load_counts before = cloud_load_counts(cloud, 0);
    expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "usual");
    struct load_counts usual = cloud_load_counts(cloud, 0);
    struct fault *fault = begin(cloud, FAULT_SURGE, NULL); /* Five times as many. */
    expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "surge");
    struct load_counts after = cloud_load_counts(cloud, 0);
    assert_true(after.sent - usual.sent > 3 * (usual.sent - before.sent));
    heal(cloud, fault);
}

static void a_change_is_not_written_in_time(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_JOURNAL_OUTAGE, FAULT_JOURNAL_SLOW, FAULT_JOURNAL_CONFLICTS,
                                            FAULT_DISK_SLOW,      FAULT_DISK_FULL,    FAULT_DISK_READ_ONLY,
                                            FAULT_DISK_ERROR};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        bool is_of_disk = fault_kind_family(kinds[i]) == FAULT_FAMILY_DISK;
        struct fault *fault = begin_badly(cloud, kinds[i], is_of_disk ? "journal" : NULL);
        struct operation *scale = operator_scale(cloud, "shop", 5);
        expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), fault_kind_name(kinds[i]));
        if ((operation_is_over(scale) && operation_status(scale) == 0) || cloud_started_instances(cloud) > 3)
            fail_msg("%s hindered nobody", fault_kind_name(kinds[i]));
        heal(cloud, fault);
    }
}

static void what_was_said_to_be_kept_is_gone(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct host *host = cloud_find_component(cloud, "dea-0")->host;
    struct fault *fault = begin(cloud, FAULT_DISK_LYING_SYNC, "dea-0");
    operator_scale(cloud, "shop", 0); /* DEAs note what they were told to stop. */
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "lying");
    struct slice said = disk_read_saved(&host->disk, "dea-0");
    host_power_off(host);
    struct slice kept = disk_read_saved(&host->disk, "dea-0");
    assert_false(said.size == kept.size && memcmp(slice_data(said), slice_data(kept), said.size) == 0);
    buffer_unref(said.buffer);
    buffer_unref(kept.buffer);
    host_power_on(host);
    heal(cloud, fault);
}

static int64_t wall_ns(struct cloud *cloud, const char *name)
{
    return host_wall_ns(cloud_find_component(cloud, name)->host);
}

static void the_clocks_of_two_hosts_part(void **state)
{
    (void)state;
    static const struct {
        enum fault_kind kind;
        int64_t least_s, most_s; /* How far dea-0 is ahead after ten seconds. */
    } cases[] = {{FAULT_CLOCK_STEP, -101, -99}, {FAULT_CLOCK_FREEZE, -11, -9}, {FAULT_CLOCK_DRIFT, 90, 110}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cloud *cloud = converged_cloud();
        const struct process *fast = cloud_find_component(cloud, "dea-0")->process;
        int64_t before_ns = wall_ns(cloud, "dea-0") - wall_ns(cloud, "dea-1");
        uint64_t steps = fast->step_count;
        expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "right");
        steps = fast->step_count - steps;
        struct fault_spec spec = spec_of(cases[i].kind);
        if (cases[i].kind == FAULT_CLOCK_DRIFT)
            spec.amount = 10000000; /* Eleven times as fast. */
        struct fault *fault = fault_begin(cloud, &spec);
        uint64_t from = fast->step_count;
        expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), fault_kind_name(cases[i].kind));
        int64_t ahead_ns = wall_ns(cloud, "dea-0") - wall_ns(cloud, "dea-1") - before_ns;
        assert_true(ahead_ns > cases[i].least_s * (int64_t)NS_PER_S && ahead_ns < cases[i].most_s * (int64_t)NS_PER_S);
        if (cases[i].kind == FAULT_CLOCK_DRIFT) /* Its deadlines come sooner: it tells more often how it is. */
            assert_true(fast->step_count - from > 2 * steps);
        heal(cloud, fault);
    }
}

static void a_strangers_port_is_nobody_elses(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = spec_of(FAULT_STRANGER);
    struct fault *faults[4];
    for (size_t i = 0; i < 4; i++) {
        spec.amount = 40001 + (int64_t)i;
        faults[i] = fault_begin(cloud, &spec);
    }
    operator_scale(cloud, "shop", 9);
    expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), "taken");
    struct instance_info infos[16];
    size_t count = cloud_instances(cloud, "shop", infos, 16), moved = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_there = infos[i].dea == cloud_find_component(cloud, "dea-0");
        assert_false(is_there && infos[i].port > 40000 && infos[i].port < 40005);
        moved += is_there && infos[i].port >= 40005;
    }
    assert_true(moved > 0);
    for (size_t i = 0; i < 3; i++)
        fault_end(faults[i]);
    heal(cloud, faults[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wants_an_answer_at_once_gets_none),
        cmocka_unit_test(who_is_connected_is_not_any_more),
        cmocka_unit_test(a_process_does_not_live_on),
        cmocka_unit_test(an_instance_does_not_answer_as_it_should),
        cmocka_unit_test(apps_end_and_boot_and_grow_as_they_should_not),
        cmocka_unit_test(who_ignores_sigterm_runs_on_after_a_stop),
        cmocka_unit_test(more_clients_come_than_were_planned),
        cmocka_unit_test(a_change_is_not_written_in_time),
        cmocka_unit_test(what_was_said_to_be_kept_is_gone),
        cmocka_unit_test(the_clocks_of_two_hosts_part),
        cmocka_unit_test(a_strangers_port_is_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
