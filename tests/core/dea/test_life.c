/* The life of an instance: offered, started, running, crashed, stopped. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char discover[] = "{\"droplet\":7,\"limits\":{\"mem\":64,\"disk\":128,\"fds\":256},\"name\":\"hello\","
                               "\"runtime\":\"node\",\"sha\":\"" STAGE_DIGEST "\"}";

static void the_last_word_of_starting_up_is_dea_start(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    assert_int_equal(stage_heard(&stage, "vcap.component.announce", "\"type\":\"DEA\""), 1);
    assert_int_equal(stage_heard(&stage, "dea.start", "\"id\":\"" STAGE_UUID "\",\"ip\":\"127.0.0.1\",\"port\":24345"),
                     1);
    assert_true(stage_heard_before(&stage, "vcap.component.announce", "dea.start"));
    assert_true(stage_heard_before(&stage, "dea.heartbeat", "dea.start"));
    assert_int_equal(
        stage_heard(&stage, "dea.heartbeat", "{\"droplets\":[],\"dea\":\"" STAGE_UUID "\",\"complete\":true,\"lease"),
        1);
    stage_close(&stage);
}

static void an_order_becomes_a_running_and_routed_instance(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_forget(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);

    assert_int_equal(stage.downloads, 1);
    struct workload *workload = stage_newest(&stage);
    assert_string_equal(text_string(&workload->arguments), "./startup -p 40000 ");
    assert_string_equal(workload->runtime, "/usr/bin/node");
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"RUNNING\""), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"STARTING\""), 1); /* It is on its way. */
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"epoch\":5"), 2);
    assert_int_equal(stage_heard(&stage, "router.register", "\"port\":40000,\"uris\":[\"hello.cupola.test\"]"), 1);
    assert_int_equal(stage_heard(&stage, "router.register", "\"tags\":{\"framework\":\"node\",\"runtime\":\"node\"}"),
                     1);
    assert_true(stage_heard_before(&stage, "dea.heartbeat", "router.register"));
    struct dea_instance_view view;
    assert_true(stage_look(&stage, 0, &view));
    assert_string_equal(view.state, "RUNNING");
    assert_true(view.is_registered);
    stage_close(&stage);
}

static void its_process_finds_what_v1_promises_in_its_environment(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    const char *environment = text_string(&stage_newest(&stage)->environment);
    assert_non_null(strstr(environment, "VCAP_APPLICATION={\"instance_id\":\""));
    assert_non_null(strstr(environment, "\"instance_index\":0,\"name\":\"hello\",\"uris\":[\"hello.cupola.test\"],"
                                        "\"users\":[\"foo@bar.com\"]"));
    assert_non_null(strstr(environment, "\"limits\":{\"fds\":256,\"mem\":67108864,\"disk\":134217728}"));
    assert_non_null(strstr(environment, ",\"state_timestamp\":1795376001"));
    assert_non_null(strstr(environment, "VCAP_SERVICES={}\n"));
    assert_non_null(strstr(environment, "VMC_SERVICES=[]\n"));
    assert_non_null(strstr(environment, "VCAP_APP_PORT=40000\n"));
    assert_non_null(strstr(environment, "\nPORT=40000\n"));
    assert_non_null(strstr(environment, "FOO=bar baz\n"));
    assert_non_null(strstr(environment, "QUOTED='x y'\n")); /* No shell, so nothing takes the quotes off. */
    assert_null(strstr(environment, "nonsense"));
    stage_close(&stage);
}

static void its_environment_names_the_bound_services_as_v1_does(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(
        &stage, 0, 5,
        ",\"services\":[{\"name\":\"db\",\"label\":\"mysql-5.1\",\"vendor\":\"my-sql\",\"version\":\"5.1\","
        "\"credentials\":{\"hostname\":\"10.0.0.9\",\"port\":3306}},"
        "{\"name\":\"queue\",\"label\":\"rabbit-2\",\"vendor\":\"rabbit\",\"credentials\":{\"port\":1}}]");
    stage_pass_ms(&stage, 10);
    const char *environment = text_string(&stage_newest(&stage)->environment);
    assert_non_null(strstr(environment, "\nVMC_MY_SQL=10.0.0.9:3306\n"));
    assert_null(strstr(environment, "VMC_RABBIT="));
    stage_close(&stage);
}

static void it_is_not_routed_before_its_port_accepts(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.workloads_listen = false;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 3000);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 0);
    stage_forget(&stage);
    stage_pass_ms(&stage, 10000);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"STARTING\""), 1);
    stage_listen(&stage, stage_newest(&stage));
    stage_pass_ms(&stage, 501);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 1);
    stage_close(&stage);
}

static void one_that_never_listens_counts_as_crashed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.workloads_listen = false;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 59000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    stage_pass_ms(&stage, 2000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"CRASHED\""), 1);
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 0);
    assert_int_equal(stage_running(&stage), 0);
    stage_close(&stage);
}

static void a_crash_is_told_at_once_and_frees_the_memory(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_forget(&stage);
    stage_end_workload(&stage, stage_newest(&stage), 9);

    assert_true(stage_heard_before(&stage, "router.unregister", "droplet.exited"));
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"CRASHED\",\"crash_timestamp\":"), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"epoch\":5"), 1);
    struct dea_view view;
    dea_view(stage.machine, &view);
    assert_int_equal(view.reserved_mb, 0);
    stage_pass_ms(&stage, 10000);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"CRASHED\""), 1);
    stage_close(&stage);
}

static void the_files_of_a_crash_are_kept_for_an_hour(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_end_workload(&stage, stage_newest(&stage), 9);
    stage_tell(&stage, "dea.find.droplet", "_INBOX.find", "{\"droplet\":7,\"states\":[\"CRASHED\"]}");
    assert_int_equal(stage_heard(&stage, "_INBOX.find", "\"reason\":\""), 1);
    stage_pass_ms(&stage, 3590000);
    assert_true(stage_newest(&stage)->exists);
    stage_pass_ms(&stage, 20000);
    assert_false(stage.workloads[0].exists);
    struct dea_instance_view view;
    assert_false(stage_look(&stage, 0, &view));
    stage_close(&stage);
}

static void a_stop_unregisters_first_and_leaves_nothing(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_forget(&stage);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    assert_true(stage_heard_before(&stage, "router.unregister", "droplet.exited"));
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"STOPPED\""), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 1);
    assert_false(stage.workloads[0].exists);
    struct dea_view view;
    dea_view(stage.machine, &view);
    assert_int_equal(view.instance_count, 0);
    assert_int_equal(view.reserved_mb, 0);
    stage_close(&stage);
}

static void who_ignores_sigterm_is_killed_after_the_grace(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_newest(&stage)->ignores_sigterm = true;
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_pass_ms(&stage, 9000);
    assert_int_equal(stage_running(&stage), 1);
    struct dea_view view;
    dea_view(stage.machine, &view);
    assert_int_equal(view.reserved_mb, 64); /* It still has its memory. */
    stage_pass_ms(&stage, 2000);
    assert_int_equal(stage_running(&stage), 0);
    dea_view(stage.machine, &view);
    assert_int_equal(view.reserved_mb, 0);
    stage_close(&stage);
}

static void a_stop_hits_only_what_matches_all_its_filters(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_order(&stage, 1, 6);
    stage_pass_ms(&stage, 10);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":8}");
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"version\":\"other-1\",\"indices\":[1]}");
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"indices\":[1],\"states\":[\"CRASHED\"]}");
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"indices\":[1],\"epoch\":5}");
    assert_int_equal(stage_running(&stage), 2);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"version\":\"" STAGE_DIGEST "-1\",\"indices\":[1]}");
    assert_int_equal(stage_running(&stage), 1);
    struct dea_instance_view view;
    assert_false(stage_look(&stage, 1, &view));
    stage_close(&stage);
}

/* Not at the first look: the driver may be about to end it, and knows better why. */
static void one_over_its_memory_quota_is_killed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_newest(&stage)->memory_bytes = 80 << 20;
    stage_pass_ms(&stage, 2100);
    assert_int_equal(stage_running(&stage), 1);
    stage_pass_ms(&stage, 2000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "memory quota exceeded"), 1);
    assert_int_equal(stage_running(&stage), 0);
    stage_close(&stage);
}

static void it_offers_itself_sooner_the_less_it_runs(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_tell(&stage, "dea.discover", "_INBOX.a", discover);
    stage_pass_ms(&stage, 3);
    assert_int_equal(stage_heard(&stage, "_INBOX.a", "\"id\":\"" STAGE_UUID "\""), 1);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_tell(&stage, "dea.discover", "_INBOX.b", discover);
    stage_pass_ms(&stage, 30); /* 10 ms for the sibling, 25 ms for a quarter of the memory. */
    assert_int_equal(stage_heard(&stage, "_INBOX.b", ""), 0);
    stage_pass_ms(&stage, 8);
    assert_int_equal(stage_heard(&stage, "_INBOX.b", ""), 1);
    stage_close(&stage);
}

static void in_a_burst_each_offer_comes_later_than_the_one_before(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    for (int i = 0; i < 3; i++)
        stage_tell(&stage, "dea.discover", "_INBOX.burst", discover);
    stage_pass_ms(&stage, 3);
    assert_int_equal(stage_heard(&stage, "_INBOX.burst", ""), 1);
    stage_pass_ms(&stage, 35);
    assert_int_equal(stage_heard(&stage, "_INBOX.burst", ""), 2);
    stage_pass_ms(&stage, 40);
    assert_int_equal(stage_heard(&stage, "_INBOX.burst", ""), 3);
    stage_close(&stage);
}

static void it_stays_silent_when_it_cannot(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_tell(&stage, "dea.discover", "_INBOX.a", "{\"droplet\":7,\"limits\":{\"mem\":64},\"runtime\":\"cobol\"}");
    stage_tell(&stage, "dea.discover", "_INBOX.b", "{\"droplet\":7,\"limits\":{\"mem\":257},\"runtime\":\"node\"}");
    stage_tell(&stage, "dea.discover", "_INBOX.c", "{\"droplet\":7,\"limits\":{\"mem\":256},\"runtime\":\"node\"}");
    stage_pass_ms(&stage, 300);
    assert_int_equal(stage_heard(&stage, "_INBOX.a", ""), 0);
    assert_int_equal(stage_heard(&stage, "_INBOX.b", ""), 0);
    assert_int_equal(stage_heard(&stage, "_INBOX.c", ""), 1); /* Exactly full is not too full. */
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_word_of_starting_up_is_dea_start),
        cmocka_unit_test(an_order_becomes_a_running_and_routed_instance),
        cmocka_unit_test(its_process_finds_what_v1_promises_in_its_environment),
        cmocka_unit_test(its_environment_names_the_bound_services_as_v1_does),
        cmocka_unit_test(it_is_not_routed_before_its_port_accepts),
        cmocka_unit_test(one_that_never_listens_counts_as_crashed),
        cmocka_unit_test(a_crash_is_told_at_once_and_frees_the_memory),
        cmocka_unit_test(the_files_of_a_crash_are_kept_for_an_hour),
        cmocka_unit_test(a_stop_unregisters_first_and_leaves_nothing),
        cmocka_unit_test(who_ignores_sigterm_is_killed_after_the_grace),
        cmocka_unit_test(a_stop_hits_only_what_matches_all_its_filters),
        cmocka_unit_test(one_over_its_memory_quota_is_killed),
        cmocka_unit_test(it_offers_itself_sooner_the_less_it_runs),
        cmocka_unit_test(in_a_burst_each_offer_comes_later_than_the_one_before),
        cmocka_unit_test(it_stays_silent_when_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
