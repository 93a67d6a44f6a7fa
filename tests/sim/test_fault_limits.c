/* Too few descriptors, no room for one more process: what that does to those who rely on having as many as they like.
 */
#include "tests/sim/fault_cloud.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: shop.cupola.test\r\n\r\n";

static struct raw_client *ask(struct cloud *cloud, const char *router)
{
    struct raw_plan plan = {.address = component_address(cloud_find_component(cloud, router)),
                            .port = ROUTER_PORT,
                            .read_size = 4096,
                            .bytes = {(const uint8_t *)request, strlen(request)}};
    return raw_client_open(cloud, &plan);
}

static void ask_again(struct raw_client *client)
{
    raw_client_send(client, (struct io_bytes){(const uint8_t *)request, strlen(request)});
}

static void without_descriptors_a_router_keeps_whom_it_has_and_cuts_who_comes(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct raw_client *early = ask(cloud, "router-0");
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "before");
    size_t received = raw_client_received(early);
    assert_true(received > 0);
    struct fault *fault = begin(cloud, FAULT_FEW_DESCRIPTORS, "router-0");
    ask_again(early);
    const struct raw_client *late = ask(cloud, "router-0"), *elsewhere = ask(cloud, "router-1");
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "full");
    assert_true(raw_client_received(early) > received);
    assert_true(raw_client_received(elsewhere) > 0);
    assert_int_equal(raw_client_received(late), 0);
    assert_int_equal(raw_client_status(late), IO_RESET);
    assert_int_equal(cloud_find_component(cloud, "router-0")->process->life_count, 1);
    fault_end(fault);
    const struct raw_client *after = ask(cloud, "router-0");
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "free");
    assert_true(raw_client_received(after) > 0);
    heal(cloud, fault);
}

static size_t running_on(struct cloud *cloud, const char *dea)
{
    struct instance_info infos[16];
    size_t count = cloud_instances(cloud, "shop", infos, 16), found = 0;
    for (size_t i = 0; i < count && i < 16; i++)
        found += infos[i].dea == cloud_find_component(cloud, dea);
    return found;
}

/* The host has the most memory free, and gets no order twice for it. */
static void where_nothing_starts_others_start_it(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_FEW_DESCRIPTORS, FAULT_NO_FORKS};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        size_t before = running_on(cloud, "dea-0");
        struct fault *fault = begin(cloud, kinds[i], "dea-0");
        operator_scale(cloud, "shop", 9);
        expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), fault_kind_name(kinds[i]));
        assert_int_equal(running_on(cloud, "dea-0"), before);
        assert_int_equal(cloud_serving_instances(cloud, "shop"), 9);
        struct load_counts counts = cloud_load_counts(cloud, 0);
        assert_int_equal(load_counts_failed(&counts), 0);
        heal(cloud, fault);
    }
}

static void a_limit_leaves_what_is_below_it(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_FEW_DESCRIPTORS, .target = "dea", .amount = 100};
    struct fault *fault = fault_begin(cloud, &spec);
    operator_scale(cloud, "shop", 6);
    expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), "enough");
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 6);
    struct fault *less = begin(cloud, FAULT_FEW_DESCRIPTORS, "dea-0"); /* Of two limits the lower one counts. */
    assert_int_equal(cloud_find_component(cloud, "dea-0")->process->most_descriptors, 0);
    fault_end(less);
    assert_int_equal(cloud_find_component(cloud, "dea-0")->process->most_descriptors, 100);
    heal(cloud, fault);
}

static void init_itself_cannot_fork(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct component *router = cloud_find_component(cloud, "router-0");
    struct fault *fault = begin(cloud, FAULT_NO_FORKS, "host:router-0");
    component_kill(router);
    expect_ok(cloud, cloud_run_for(cloud, 20 * NS_PER_S), "full");
    assert_false(component_is_running(router));
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "free");
    assert_true(component_is_running(router));
    heal(cloud, fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_descriptors_a_router_keeps_whom_it_has_and_cuts_who_comes),
        cmocka_unit_test(where_nothing_starts_others_start_it),
        cmocka_unit_test(a_limit_leaves_what_is_below_it),
        cmocka_unit_test(init_itself_cannot_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
