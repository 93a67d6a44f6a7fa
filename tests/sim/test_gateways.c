/* The simulated service gateway, and what is checked of it and the controllers together. */
#include "tests/sim/fault_cloud.h"

static struct cloud *cloud_with_gateways(const Cupola__SimGatewayConfig *config)
{
    struct cloud_plan plan = cloud_plan_default();
    plan.gateways = 2;
    plan.gateway = config;
    struct cloud *cloud = cloud_create(&plan, 1);
    cloud_observe(cloud, print_line, NULL);
    cloud_check_always(cloud, CHECK_NO_LOST_APP);
    expect_ok(cloud, cloud_wait_until(cloud, all_components_up, NULL, 10 * NS_PER_S, NULL), "up");
    expect_ok(cloud, cloud_wait_until(cloud, operators_idle, NULL, 30 * NS_PER_S, NULL), "logged in");
    return cloud;
}

static Cupola__ClientConfig command(const char *name, const char *vendor, const char *service)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t)name;
    config.vendor = (char *)(uintptr_t)vendor;
    config.service = (char *)(uintptr_t)service;
    return config;
}

static int run(struct cloud *cloud, const char *name, const char *vendor, const char *service)
{
    Cupola__ClientConfig config = command(name, vendor, service);
    struct operation *operation = operator_run(cloud, &config, NULL);
    expect_ok(cloud, cloud_wait_until(cloud, operation_over, operation, 90 * NS_PER_S, NULL), name);
    return operation_status(operation);
}

static void expect_wrong(struct cloud *cloud, const char *why)
{
    struct text found = {0};
    assert_false(services_are_right(cloud, NULL, &found));
    if (strstr(text_string(&found), why) == NULL)
        fail_msg("not %s, but %s", why, text_string(&found));
    text_free(&found);
}

static void each_gateway_makes_what_it_offers(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_with_gateways(NULL);
    expect_ok(cloud, cloud_wait_until(cloud, services_are_right, NULL, NS_PER_S, NULL), "nothing");
    assert_int_equal(run(cloud, "create-service", "redis", "cache"), 0);
    assert_int_equal(run(cloud, "create-service", "mysql", "base"), 0);
    assert_int_equal(run(cloud, "create-service", "mongodb", "none"), 1);
    assert_true(services_are_right(cloud, NULL, NULL));
    component_kill(cloud_component(cloud, ROLE_GATEWAY, 0));
    expect_wrong(cloud, "a gateway does not");
    /* What it has made is there when it is. */
    expect_ok(cloud, cloud_wait_until(cloud, services_are_right, NULL, 5 * NS_PER_S, NULL), "back");
    assert_int_equal(run(cloud, "delete-service", NULL, "cache"), 0);
    expect_ok(cloud, cloud_wait_until(cloud, services_are_right, NULL, 5 * NS_PER_S, NULL), "deleted");
    expect_ok(cloud, cloud_finish(cloud, 10 * NS_PER_S), "end");
    cloud_destroy(cloud);
}

static void what_nobody_has_is_seen_and_goes(void **state)
{
    (void)state;
    Cupola__SimGatewayConfig config = CUPOLA__SIM_GATEWAY_CONFIG__INIT;
    config.has_makes_twice_permille = config.has_reap_ms = config.has_offer_ms = true;
    config.makes_twice_permille = 1000;
    config.offer_ms = 5000;
    config.reap_ms = 20000;
    struct cloud *cloud = cloud_with_gateways(&config);
    assert_int_equal(run(cloud, "create-service", "redis", "cache"), 0);
    expect_wrong(cloud, "the gateways have 2 things, of which the controllers know 1");
    expect_ok(cloud, cloud_run_for(cloud, 15 * NS_PER_S), "too young");
    expect_wrong(cloud, "have 2 things");
    expect_ok(cloud, cloud_wait_until(cloud, services_are_right, NULL, 20 * NS_PER_S, NULL), "reaped");
    cloud_destroy(cloud);
}

static void a_gateway_that_forgets_is_seen_until_it_has_read_its_handles(void **state)
{
    (void)state;
    Cupola__SimGatewayConfig config = CUPOLA__SIM_GATEWAY_CONFIG__INIT;
    config.has_remembers = config.has_retry_ms = true;
    config.remembers = false;
    config.retry_ms = 8000;
    struct cloud *cloud = cloud_with_gateways(&config);
    assert_int_equal(run(cloud, "create-service", "redis", "cache"), 0);
    component_stop(cloud_component(cloud, ROLE_CONTROLLER, 0));
    component_restart(cloud_component(cloud, ROLE_GATEWAY, 0));
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "alone");
    component_start(cloud_component(cloud, ROLE_CONTROLLER, 0));
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "together");
    expect_wrong(cloud, "its gateway has forgotten it");
    expect_ok(cloud, cloud_wait_until(cloud, services_are_right, NULL, 10 * NS_PER_S, NULL), "read");
    cloud_destroy(cloud);
}

static void misfortunes_come_as_they_are_set(void **state)
{
    (void)state;
    Cupola__SimGatewayConfig config = CUPOLA__SIM_GATEWAY_CONFIG__INIT;
    config.has_refuses_permille = true;
    config.refuses_permille = 1000;
    struct cloud *cloud = cloud_with_gateways(&config);
    assert_int_equal(run(cloud, "create-service", "redis", "cache"), 1);
    assert_true(services_are_right(cloud, NULL, NULL));
    cloud_destroy(cloud);
    config.refuses_permille = 0;
    config.has_fails_late_permille = true;
    config.fails_late_permille = 1000;
    cloud = cloud_with_gateways(&config);
    assert_int_equal(run(cloud, "create-service", "redis", "cache"), 1);
    expect_wrong(cloud, "the gateways have 1 things, of which the controllers know 0");
    cloud_destroy(cloud);
    config.fails_late_permille = 0;
    config.has_never_answers_permille = true;
    config.never_answers_permille = 1000;
    cloud = cloud_with_gateways(&config);
    assert_int_equal(run(cloud, "create-service", "redis", "cache"), 1);
    expect_wrong(cloud, "the gateways have 1 things, of which the controllers know 0");
    cloud_destroy(cloud);
}

/* A word that a controller never gave: what is said of services is kept as what is said of apps is. */
static void a_broken_promise_is_seen(void **state)
{
    (void)state;
    struct cloud *cloud = cloud_with_gateways(NULL);
    assert_int_equal(run(cloud, "create-service", "redis", "cache"), 0);
    Cupola__ClientConfig config = command("bind-service", NULL, "cache");
    config.app = (char *)(uintptr_t) "shop";
    promises_note(cloud, &config, false, true);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "it may be either");
    promises_note(cloud, &config, true, true);
    operator_stop(cloud, "none"); /* Checks look when something has happened. */
    assert_int_equal(cloud_run_for(cloud, NS_PER_S), CLOUD_VIOLATED);
    assert_string_equal(cloud_violation(cloud),
                        "no_lost_app: binding shop/cache was acknowledged as made, and is not there");
    cloud_destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gateway_makes_what_it_offers),
        cmocka_unit_test(what_nobody_has_is_seen_and_goes),
        cmocka_unit_test(a_gateway_that_forgets_is_seen_until_it_has_read_its_handles),
        cmocka_unit_test(misfortunes_come_as_they_are_set),
        cmocka_unit_test(a_broken_promise_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
