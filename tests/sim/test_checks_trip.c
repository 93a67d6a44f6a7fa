/* Every check can fail: each is shown a world in which what it forbids is the case, and must say so. (Of one_of_each,
 * no_lost_app and one_order more: test_checks, test_gateways, test_dependencies, test_linearizability; with bugs
 * planted in the components: tests/mutations.) */
#include "tests/sim/fault_cloud.h"

static void expect_violation(struct cloud *cloud, uint64_t within_ns, const char *words)
{
    assert_int_equal(cloud_run_for(cloud, within_ns), CLOUD_VIOLATED);
    if (strstr(cloud_violation(cloud), words) == NULL)
        fail_msg("expected %s, found %s", words, cloud_violation(cloud));
    cloud_destroy(cloud);
}

/* ---- Always ---- */

/* Two apps on two hosts at the same port, and who connects to the one comes to the other. */
static void never_misrouted(void **state)
{
    (void)state;
    static const struct app_plan apps[] = {{.name = "shop", .instances = 1, .memory_mb = 64},
                                           {.name = "blog", .instances = 1, .memory_mb = 64}};
    static const struct load_plan load = {.host = "shop.cupola.test", .rate_per_s = 20};
    struct cloud_plan plan = cloud_plan_default();
    plan.deas = 2;
    plan.apps = apps;
    plan.app_count = 2;
    plan.loads = &load;
    plan.load_count = 1;
    struct cloud *cloud = cloud_create(&plan, 1);
    cloud_check_always(cloud, CHECK_NEVER_MISROUTED);
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), "before");
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "before");
    for (int i = 0; i < 2; i++) { /* Wherever the app is. */
        struct fault_spec spec = {
            .kind = FAULT_WRONG_NAME, .target = i == 0 ? "dea-0" : "dea-1", .peer = i == 0 ? "dea-1" : "dea-0"};
        fault_begin(cloud, &spec);
    }
    begin(cloud, FAULT_RESET, "router");
    expect_violation(cloud, 20 * NS_PER_S, "never_misrouted");
}

static void memory_within_limits(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    cloud_find_component(cloud, "dea-0")->host->granted_bytes += UINT64_C(1) << 50;
    expect_violation(cloud, 5 * NS_PER_S, "memory_within_limits: what runs on dea-0 may take");
    cloud = converged_cloud();
    cloud_find_component(cloud, "dea-1")->host->unlimited_count++;
    expect_violation(cloud, 5 * NS_PER_S, "memory_within_limits: a process on dea-1 runs without a limit");
}

static void no_failed_request(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    cloud_check_always(cloud, CHECK_NO_FAILED_REQUEST);
    expect_ok(cloud, cloud_run_for(cloud, 2 * NS_PER_S), "before");
    begin(cloud, FAULT_KEEP_DOWN, "router");
    expect_violation(cloud, 5 * NS_PER_S, "no_failed_request");
}

static bool is_early(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    text_add_string(ret_why, "it is late");
    return cloud_now_ns(cloud) < 10 * NS_PER_S;
}

static void a_check_of_ones_own(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    cloud_check_always_with(cloud, "early", is_early, NULL);
    expect_violation(cloud, 20 * NS_PER_S, "early: it is late");
}

static void what_is_left_at_the_end(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct process *process = cloud_find_component(cloud, "router-0")->process;
    component_stop(cloud_find_component(cloud, "router-0"));
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "stopped");
    process->leftover_ops = 1; /* As if it had forgotten one. */
    assert_int_equal(cloud_finish(cloud, 120 * NS_PER_S), CLOUD_VIOLATED);
    assert_non_null(strstr(cloud_violation(cloud), "clean_exit: router-0 exited with 1 operations outstanding"));
    cloud_destroy(cloud);
}

/* ---- Conditions ---- */

static void expect_not(struct cloud *cloud, cloud_predicate *holds, const char *words)
{
    struct text why = {0};
    assert_false(holds(cloud, (void *)(uintptr_t) "shop", &why));
    if (strstr(text_string(&why), words) == NULL)
        fail_msg("expected %s, found %s", words, text_string(&why));
    text_free(&why);
}

static void what_should_run_does_not(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_APP_CANNOT_FORK, "shop");
    begin(cloud, FAULT_KILL_INSTANCE, "shop");
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "killed");
    expect_not(cloud, converged, "shop/0");
    expect_not(cloud, app_converged, "shop/0");
    expect_not(cloud, all_wanted_run, "shop/0 does not run");
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 0);
    heal(cloud, fault);
}

static void what_runs_should_not(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_PAUSE, "dea");
    operator_scale(cloud, "shop", 1);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "not stopped");
    assert_true(all_wanted_run(cloud, NULL, NULL));
    expect_not(cloud, nothing_else_runs, "is not wanted");
    expect_not(cloud, converged, "");
    heal(cloud, fault);
}

static void a_router_misses_a_route(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin_on_messages(cloud, FAULT_MESSAGE_LOSS, "router-1", ">");
    component_kill(cloud_find_component(cloud, "router-1"));
    expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "without messages");
    assert_true(all_wanted_run(cloud, NULL, NULL));
    assert_true(nothing_else_runs(cloud, NULL, NULL));
    expect_not(cloud, routes_are_right, "router-1");
    expect_not(cloud, converged, "router-1");
    heal(cloud, fault);
}

static void one_is_down_and_an_operator_waits(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_KEEP_DOWN, "controller");
    struct operation *scale = operator_scale(cloud, "shop", 4);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "down");
    expect_not(cloud, all_components_up, "controller-0");
    assert_false(operators_idle(cloud, NULL, NULL));
    assert_false(operation_over(cloud, scale, NULL));
    heal(cloud, fault);
}

static void who_crashes_all_the_time_is_flapping_and_nobody_else(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    assert_false(app_is_flapping(cloud, (void *)(uintptr_t) "shop", NULL));
    struct fault *fault = begin(cloud, FAULT_APP_CRASHES, "shop");
    expect_ok(cloud, cloud_wait_until(cloud, app_is_flapping, (void *)(uintptr_t) "shop", 200 * NS_PER_S, NULL),
              "flapping");
    heal(cloud, fault);
}

static void a_droplet_is_gone_or_one_too_many(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    expect_ok(cloud, cloud_wait_until(cloud, blobs_are_right, NULL, 600 * NS_PER_S, NULL), "before");
    char digest[BLOB_DIGEST_SIZE];
    blob_store_put(cloud->blobs, slice_copy("nobody's", 8), digest);
    assert_false(blobs_are_right(cloud, NULL, NULL));
    blob_store_delete(cloud->blobs, digest);
    assert_true(blobs_are_right(cloud, NULL, NULL));
    while (cloud->blobs->blobs != NULL) { /* First the package, then the droplet too. */
        snprintf(digest, sizeof digest, "%s", cloud->blobs->blobs->digest);
        blob_store_delete(cloud->blobs, digest);
        assert_false(blobs_are_right(cloud, NULL, NULL));
    }
    cloud_destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_misrouted),
        cmocka_unit_test(memory_within_limits),
        cmocka_unit_test(no_failed_request),
        cmocka_unit_test(a_check_of_ones_own),
        cmocka_unit_test(what_is_left_at_the_end),
        cmocka_unit_test(what_should_run_does_not),
        cmocka_unit_test(what_runs_should_not),
        cmocka_unit_test(a_router_misses_a_route),
        cmocka_unit_test(one_is_down_and_an_operator_waits),
        cmocka_unit_test(who_crashes_all_the_time_is_flapping_and_nobody_else),
        cmocka_unit_test(a_droplet_is_gone_or_one_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
