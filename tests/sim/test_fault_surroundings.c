/* What faults of the network, of clients, hosts and clocks do to those who rely on the opposite. */
#include "tests/sim/fault_cloud.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: shop.cupola.test\r\nConnection: close\r\n\r\n";

static struct raw_client *ask(struct cloud *cloud, const char *router, size_t sent_at_once)
{
    struct raw_plan plan = {.address = component_address(cloud_find_component(cloud, router)),
                            .port = ROUTER_PORT,
                            .read_size = 4096,
                            .bytes = {(const uint8_t *)request, sent_at_once}};
    return raw_client_open(cloud, &plan);
}

static void send_rest(struct raw_client *client, size_t from)
{
    raw_client_send(client, (struct io_bytes){(const uint8_t *)request + from, strlen(request) - from});
}

static void without_a_window_senders_hold_what_they_have(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    const struct component *bus = cloud_find_component(cloud, "bus-0");
    struct fault *fault = begin(cloud, FAULT_ZERO_WINDOW, "router-1");
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "shut");
    assert_true(component_unsent_bytes(bus) > 0);
    struct raw_client *client = ask(cloud, "router-1", strlen(request));
    expect_ok(cloud, cloud_run_for(cloud, 2 * NS_PER_S), "shut");
    assert_true(raw_client_is_open(client));
    assert_int_equal(raw_client_received(client), 0);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "open");
    assert_true(raw_client_received(client) > 0);
    assert_int_equal(component_unsent_bytes(bus), 0);
    heal(cloud, fault);
}

static void a_silent_connection_is_forgotten(void **state)
{
    (void)state;
    for (int expires = 0; expires < 2; expires++) {
        struct cloud *cloud = converged_cloud();
        struct fault_spec spec = {.kind = FAULT_IDLE_EXPIRY,
                                  .target = "router-0",
                                  .peer = "outside",
                                  .delay = distribution_constant(expires ? NS_PER_S : 60 * NS_PER_S)};
        struct fault *fault = fault_begin(cloud, &spec);
        struct raw_client *client = ask(cloud, "router-0", 5);
        expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "silent");
        send_rest(client, 5);
        expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "not silent any more");
        assert_int_equal(raw_client_received(client) > 0, !expires);
        assert_int_equal(raw_client_is_open(client), expires); /* Nobody is told. */
        heal(cloud, fault);
    }
}

static void what_was_jammed_comes_all_at_once(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_JAM, "router-0");
    struct raw_client *clients[8];
    for (size_t i = 0; i < 8; i++) {
        clients[i] = ask(cloud, "router-0", strlen(request));
        expect_ok(cloud, cloud_run_for(cloud, 300 * NS_PER_MS), "jammed");
    }
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(raw_client_received(clients[i]), 0);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 200 * NS_PER_MS), "free");
    for (size_t i = 0; i < 8; i++)
        assert_true(raw_client_received(clients[i]) > 0); /* No pause of a retransmission. */
    heal(cloud, fault);
}

static void who_is_hung_up_on_connects_again(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct raw_client *client = ask(cloud, "router-0", 5);
    expect_ok(cloud, cloud_run_for(cloud, 100 * NS_PER_MS), "connected");
    assert_true(raw_client_is_open(client));
    struct fault *fault = begin(cloud, FAULT_FINISH, "router-0,dea-0");
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_MS), "ended");
    assert_false(all_components_up(cloud, NULL, NULL));
    expect_ok(cloud, cloud_run_for(cloud, 100 * NS_PER_MS), "ended");
    assert_false(raw_client_is_open(client));
    assert_int_equal(raw_client_status(client), IO_OK);
    expect_ok(cloud, cloud_run_for(cloud, 3 * NS_PER_S), "connected again");
    assert_true(all_components_up(cloud, NULL, NULL));
    heal(cloud, fault);
}

static void damaged_bytes_end_connections_and_no_component(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    cloud->always = 0; /* An app's damaged name looks like another app's. */
    struct fault_spec spec = {
        .kind = FAULT_CORRUPT, .target = "router-0,router-1", .peer = "outside", .amount = 1000000};
    struct load_counts before = cloud_load_counts(cloud, 0);
    struct fault *fault = fault_begin(cloud, &spec);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "damaged");
    struct load_counts after = cloud_load_counts(cloud, 0);
    assert_true(load_counts_failed(&after) > load_counts_failed(&before));
    for (int i = 0; i < 2; i++)
        assert_int_equal(cloud_component(cloud, ROLE_ROUTER, (size_t)i)->process->life_count, 1);
    fault_end(fault);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "sound");
    heal(cloud, fault);
}

static void a_wrong_name_leads_to_somebody_else(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_WRONG_NAME, .target = "router-0", .peer = "dea-1"};
    struct fault *fault = fault_begin(cloud, &spec);
    const struct raw_client *client = ask(cloud, "router-0", strlen(request));
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "misled");
    assert_int_equal(raw_client_status(client), IO_REFUSED); /* A DEA does not listen there. */
    fault_end(fault);
    const struct raw_client *later = ask(cloud, "router-0", strlen(request));
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "right");
    assert_true(raw_client_received(later) > 0);
    heal(cloud, fault);
}

static void clients_that_never_end_a_request_are_sent_away(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_SLOW_LORIS, .amount = 200, .delay = distribution_constant(NS_PER_S)};
    struct fault *fault = fault_begin(cloud, &spec);
    expect_ok(cloud, cloud_run_for(cloud, 5 * NS_PER_S), "slow");
    size_t open = 0;
    for (size_t i = 0; i < 200; i++)
        open += raw_client_is_open(cloud_raw_client(cloud, i));
    assert_true(open > 0);
    struct load_counts before = cloud_load_counts(cloud, 0);
    expect_ok(cloud, cloud_run_for(cloud, 60 * NS_PER_S), "slow");
    struct load_counts after = cloud_load_counts(cloud, 0);
    assert_int_equal(load_counts_failed(&after), load_counts_failed(&before)); /* Others are served meanwhile. */
    assert_true(after.ok > before.ok + 1000);
    for (size_t i = 0; i < 200; i++)
        assert_false(raw_client_is_open(cloud_raw_client(cloud, i)));
    heal(cloud, fault);
}

static void nonsense_is_refused_and_everybody_else_is_served(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_BAD_CLIENTS, .delay = distribution_constant(50 * NS_PER_MS)};
    struct load_counts before = cloud_load_counts(cloud, 0);
    struct fault *fault = fault_begin(cloud, &spec);
    expect_ok(cloud, cloud_run_for(cloud, 10 * NS_PER_S), "nonsense");
    struct load_counts after = cloud_load_counts(cloud, 0);
    assert_true(cloud_raw_client_count(cloud) > 150);
    assert_true(after.ok > before.ok + 150);
    assert_int_equal(load_counts_failed(&after), load_counts_failed(&before));
    heal(cloud, fault);
}

static void without_its_name_nobody_new_comes(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct raw_client *early = ask(cloud, "router-0", 5);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "connected");
    struct fault *fault = begin(cloud, FAULT_NO_NAME, "router-0");
    const struct raw_client *late = ask(cloud, "router-0", strlen(request));
    send_rest(early, 5);
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "nameless");
    assert_int_equal(raw_client_status(late), IO_UNREACHABLE);
    assert_true(raw_client_received(early) > 0);
    fault_end(fault);
    const struct raw_client *after = ask(cloud, "router-0", strlen(request));
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "named");
    assert_true(raw_client_received(after) > 0);
    heal(cloud, fault);
}

/* The first instance on that DEA is asked without a router. */
static struct raw_client *ask_instance(struct cloud *cloud, const char *dea)
{
    struct instance_info infos[8];
    size_t count = cloud_instances(cloud, "shop", infos, 8), i = 0;
    while (i < count && infos[i].dea != cloud_find_component(cloud, dea))
        i++;
    assert_true(i < count);
    struct raw_plan plan = {.address = component_address(infos[i].dea),
                            .port = infos[i].port,
                            .read_size = 4096,
                            .bytes = {(const uint8_t *)request, strlen(request)}};
    return raw_client_open(cloud, &plan);
}

static void what_is_slow_answers_later(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_SLOW_HOST, FAULT_SLOW_INSTANCE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cloud *cloud = converged_cloud();
        const struct raw_client *before = ask_instance(cloud, "dea-0");
        expect_ok(cloud, cloud_run_for(cloud, 250 * NS_PER_MS), "before");
        assert_true(raw_client_received(before) > 0);
        struct fault *fault = begin(cloud, kinds[i], NULL); /* By 300 ms. */
        const struct raw_client *meanwhile = ask_instance(cloud, "dea-0");
        expect_ok(cloud, cloud_run_for(cloud, 250 * NS_PER_MS), "slow");
        assert_int_equal(raw_client_received(meanwhile), 0);
        expect_ok(cloud, cloud_run_for(cloud, 250 * NS_PER_MS), "slow");
        assert_true(raw_client_received(meanwhile) > 0);
        heal(cloud, fault);
    }
}

static void a_host_that_comes_back_elsewhere_is_found_there(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct component *dea = cloud_find_component(cloud, "dea-0");
    char before[32];
    snprintf(before, sizeof before, "%s", component_address(dea));
    struct fault *fault = begin(cloud, FAULT_NEW_ADDRESS, "dea-0");
    assert_string_not_equal(component_address(dea), before);
    assert_false(component_is_running(dea));
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "away");
    expect_ok(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), "elsewhere");
    expect_ok(cloud, cloud_wait_until(cloud, all_components_up, NULL, 60 * NS_PER_S, NULL), "elsewhere");
    component_kill(cloud_find_component(cloud, "dea-1"));
    operator_scale(cloud, "shop", 12); /* Some of them start there. */
    expect_ok(cloud, cloud_run_for(cloud, 20 * NS_PER_S), "elsewhere");
    assert_int_equal(cloud_serving_instances(cloud, "shop"), 12);
    assert_true(raw_client_is_open(ask_instance(cloud, "dea-0")));
    fault_end(fault);
    assert_string_equal(component_address(dea), before);
    heal(cloud, fault);
}

static int64_t wall_gap_ns(const struct cloud *cloud)
{
    return host_wall_ns(cloud->components[ROLE_DEA][0].host) - host_wall_ns(cloud->components[ROLE_DEA][1].host);
}

static void a_leap_second_comes_twice_where_it_is_known(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    int64_t gap_ns = wall_gap_ns(cloud);
    struct fault *fault = begin(cloud, FAULT_CLOCK_LEAP, "dea-0");
    assert_int_equal(wall_gap_ns(cloud), gap_ns - (int64_t)NS_PER_S);
    expect_ok(cloud, cloud_run_for(cloud, 30 * NS_PER_S), "leapt");
    assert_int_equal(cloud_started_instances(cloud), 3); /* Nobody is taken for older or newer by a second. */
    fault_end(fault);
    assert_int_equal(wall_gap_ns(cloud), gap_ns);
    heal(cloud, fault);
}

static void a_host_out_of_memory_loses_its_largest(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, FAULT_MEMORY_PRESSURE, "dea");
    expect_ok(cloud, cloud_run_for(cloud, NS_PER_S), "pressed");
    assert_true(cloud_started_instances(cloud) > 3);
    heal(cloud, fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_window_senders_hold_what_they_have),
        cmocka_unit_test(a_silent_connection_is_forgotten),
        cmocka_unit_test(what_was_jammed_comes_all_at_once),
        cmocka_unit_test(who_is_hung_up_on_connects_again),
        cmocka_unit_test(damaged_bytes_end_connections_and_no_component),
        cmocka_unit_test(a_wrong_name_leads_to_somebody_else),
        cmocka_unit_test(clients_that_never_end_a_request_are_sent_away),
        cmocka_unit_test(nonsense_is_refused_and_everybody_else_is_served),
        cmocka_unit_test(without_its_name_nobody_new_comes),
        cmocka_unit_test(what_is_slow_answers_later),
        cmocka_unit_test(a_host_that_comes_back_elsewhere_is_found_there),
        cmocka_unit_test(a_leap_second_comes_twice_where_it_is_known),
        cmocka_unit_test(a_host_out_of_memory_loses_its_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
