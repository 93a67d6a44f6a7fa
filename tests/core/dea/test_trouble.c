/* What goes wrong around an instance: lost and late orders, missing droplets, lost connections, full hosts. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void an_order_that_comes_twice_starts_one_instance(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void an_order_that_was_overtaken_is_refused(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_order(&stage, 0, 4);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 1);
    struct dea_instance_view view;
    assert_true(stage_look(&stage, 0, &view));
    assert_int_equal(view.epoch, 5);
    stage_close(&stage);
}

static void a_stop_holds_for_starts_that_it_overtook(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"indices\":[1,2],\"epoch\":9}");
    stage_order(&stage, 1, 8);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 0);
    stage_order(&stage, 0, 8); /* Was not meant. */
    stage_order(&stage, 2, 9); /* Ordered by the same change as the stop. */
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 2);
    stage_close(&stage);
}

static void a_newer_start_takes_over_without_a_gap(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_forget(&stage);
    stage_order(&stage, 0, 6);
    stage_pass_ms(&stage, 10);
    assert_true(stage_heard_before(&stage, "router.register", "router.unregister"));
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"STOPPED\",\"epoch\":5"), 1);
    assert_int_equal(stage_running(&stage), 1);
    struct dea_instance_view view;
    assert_true(stage_look(&stage, 0, &view));
    assert_int_equal(view.epoch, 6);
    stage_close(&stage);
}

static void a_newer_start_ends_an_older_one_that_is_not_up(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.workloads_listen = false;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 100);
    stage.workloads_listen = true;
    stage_order(&stage, 0, 6);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 1);
    struct dea_instance_view view;
    assert_true(stage_look(&stage, 0, &view));
    assert_int_equal(view.epoch, 6);
    assert_string_equal(view.state, "RUNNING");
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 0);
    stage_close(&stage);
}

static void a_full_host_says_so_at_once(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    for (int i = 0; i < 5; i++)
        stage_order(&stage, i, 5 + i);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"index\":4,\"reason\":\"DEA_SHUTDOWN\",\"epoch\":9"), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "not enough memory"), 1);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 4);
    stage_close(&stage);
}

static void many_starts_share_one_download(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.controller_is_down = true;
    stage_order(&stage, 0, 5);
    stage_order(&stage, 1, 6);
    stage_order(&stage, 2, 7);
    assert_int_equal(stage_running(&stage), 0);
    stage.controller_is_down = false;
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_running(&stage), 3);
    assert_int_equal(stage.downloads, 1);
    stage_order(&stage, 3, 8);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage.downloads, 1);
    stage_close(&stage);
}

static void no_droplet_is_no_crash(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.served_digest = NULL;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10000);
    assert_int_equal(stage.downloads, 5);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"DEA_SHUTDOWN\""), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "CRASHED"), 0);
    struct dea_view view;
    dea_view(stage.machine, &view);
    assert_int_equal(view.instance_count, 0);
    assert_int_equal(view.reserved_mb, 0);
    stage_close(&stage);
}

static void a_droplet_with_another_digest_is_never_run(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.served_digest = "0000000000000000000000000000000000000000";
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 200);
    assert_int_equal(stage_running(&stage), 0);
    stage.served_digest = STAGE_DIGEST;
    stage_pass_ms(&stage, 2000);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void a_droplet_that_vanished_is_fetched_again(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage.droplet_is_here = false;
    stage_order(&stage, 1, 6);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage.downloads, 2);
    assert_int_equal(stage_running(&stage), 2);
    stage_close(&stage);
}

static void a_failed_launch_is_no_crash_either(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.launches_fail = true;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"DEA_SHUTDOWN\""), 1);
    struct dea_view view;
    dea_view(stage.machine, &view);
    assert_int_equal(view.instance_count, 0);
    stage_close(&stage);
}

static void a_stop_while_fetching_ends_it_before_it_began(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.controller_is_down = true;
    stage_order(&stage, 0, 5);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage.controller_is_down = false;
    stage_pass_ms(&stage, 20000);
    assert_int_equal(stage_running(&stage), 0);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"STOPPED\""), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 1);
    stage_close(&stage);
}

static void a_stop_does_not_wait_for_a_download(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.silent_port = STAGE_PORT_CC;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 100);
    uint64_t before_ns = stage.now_ns;
    stage_stop(&stage);
    assert_in_range(stage.exited_ns - before_ns, 0, 100 * NS_PER_MS);
    stage_close(&stage);
}

static void a_port_rests_before_it_is_used_again(void **state)
{
    struct stage stage;
    (void)state;
    stage_prepare(&stage);
    stage.config.has_first_port = stage.config.has_last_port = true;
    stage.config.first_port = 40000;
    stage.config.last_port = 40001;
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 1);
    stage_order(&stage, 0, 5);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_order(&stage, 0, 6);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_pass_ms(&stage, 140000);
    stage_order(&stage, 0, 7);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "no free port"), 1);
    stage_pass_ms(&stage, 20000);
    stage_order(&stage, 0, 8);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void a_stranger_on_its_port_is_not_taken_for_the_app(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.stranger_port = 40000;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_newest(&stage)->port, 40001);
    assert_int_equal(stage_heard(&stage, "router.register", "\"port\":40001"), 1);
    assert_int_equal(stage_heard(&stage, "router.register", "\"port\":40000"), 0);
    stage_close(&stage);
}

static void where_strangers_have_every_port_the_start_is_given_up(void **state)
{
    struct stage stage;
    (void)state;
    stage_prepare(&stage);
    stage.config.has_first_port = stage.config.has_last_port = true;
    stage.config.first_port = stage.config.last_port = 40000;
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 1);
    stage.stranger_port = 40000;
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"detail\":\"no free port\""), 1);
    struct dea_instance_view view;
    assert_false(stage_look(&stage, 0, &view));
    assert_int_equal(stage_running(&stage), 0);
    stage_close(&stage);
}

static void after_a_lost_bus_everything_is_told_again(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_order(&stage, 1, 6);
    stage_pass_ms(&stage, 10);
    stage_drop_bus(&stage);
    stage_forget(&stage);
    stage_end_workload(&stage, &stage.workloads[0], 9);
    stage_pass_ms(&stage, 60000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    stage.bus_is_down = false;
    stage_pass_ms(&stage, 3000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0); /* We have healed it ourselves. */
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"complete\":true"), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"crashes\":1"), 1);
    assert_true(stage_heard(&stage, "router.register", "\"index\":0") >= 1);
    assert_true(stage_heard(&stage, "router.register", "\"index\":1") >= 1);
    assert_int_equal(stage_heard(&stage, "dea.start", ""), 0);
    stage_close(&stage);
}

static void routers_and_health_managers_are_answered_soon(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_forget(&stage);
    stage_tell(&stage, "router.start", NULL, "{\"id\":\"r\",\"version\":0.98}");
    stage_tell(&stage, "router.start", NULL, "nonsense");
    stage_tell(&stage, "healthmanager.start", NULL, "");
    stage_pass_ms(&stage, 101);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"complete\":true"), 1);
    stage_close(&stage);
}

static void changed_uris_reach_the_routers_of_running_instances_only(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_order(&stage, 1, 6);
    stage_pass_ms(&stage, 10);
    stage_end_workload(&stage, &stage.workloads[1], 9);
    stage_forget(&stage);
    stage_tell(&stage, "dea.update", NULL, "{\"droplet\":7,\"uris\":[\"new.cupola.test\"]}");
    assert_int_equal(stage_heard(&stage, "router.unregister", "\"uris\":[\"hello.cupola.test\"]"), 1);
    assert_int_equal(stage_heard(&stage, "router.register", "\"uris\":[\"new.cupola.test\"]"), 1);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 1);
    stage_close(&stage);
}

static void poison_of_v1_does_no_harm(void **state)
{
    struct stage stage;
    (void)state;
    static const char *const subjects[] = {
        "dea.discover", "dea.stop",       "dea.find.droplet", "dea.update",
        "dea.status",   "droplet.status", "router.start",     "dea." STAGE_UUID ".start"};
    static const char *const payloads[] = {"",
                                           "null",
                                           "[]",
                                           "{}",
                                           "{\"droplet\":\"7\"}",
                                           "{\"droplet\":null}",
                                           "\xff",
                                           "{\"uris\":\"x\",\"droplet\":7}",
                                           "{\"droplet\":7,\"limits\":null}"};
    stage_open(&stage);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        for (size_t j = 0; j < sizeof payloads / sizeof payloads[0]; j++)
            stage_tell(&stage, subjects[i], "_INBOX.x", payloads[j]);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void a_crash_loop_keeps_only_so_many_corpses(void **state)
{
    struct stage stage;
    (void)state;
    stage_prepare(&stage);
    stage.config.has_max_crashed = true;
    stage.config.max_crashed = 3;
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 1);
    for (int epoch = 1; epoch <= 8; epoch++) {
        stage_order(&stage, 0, epoch);
        stage_pass_ms(&stage, 10);
        stage_end_workload(&stage, stage_newest(&stage), 11);
    }
    struct dea_view view;
    dea_view(stage.machine, &view);
    assert_int_equal(view.instance_count, 3);
    stage_close(&stage);
}

static void those_who_ask_are_answered(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 4100);
    stage_tell(&stage, "dea.status", "_INBOX.status", "{}");
    assert_int_equal(stage_heard(&stage, "_INBOX.status", "\"max_memory\":256,\"reserved_memory\":64"), 1);
    stage_tell(&stage, "dea.find.droplet", "_INBOX.find",
               "{\"droplet\":7,\"states\":[\"RUNNING\"],\"include_stats\":true}");
    assert_int_equal(stage_heard(&stage, "_INBOX.find", "\"file_uri\":\"http://127.0.0.1:24345/droplets/\""), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.find", "\"staged\":\"hello-0-"), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.find", "\"mem_quota\":67108864"), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.find", "\"cpu\":1"), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.find", "\"mem\":10240"), 1);
    stage_tell(&stage, "dea.find.droplet", "_INBOX.other", "{\"droplet\":8}");
    assert_int_equal(stage_heard(&stage, "_INBOX.other", ""), 0);
    stage_tell(&stage, "droplet.status", "_INBOX.all", "");
    assert_int_equal(stage_heard(&stage, "_INBOX.all", "\"name\":\"hello\""), 1);
    struct text inspection = {0};
    stage.machine->class->inspect(stage.machine, &inspection);
    assert_non_null(strstr(text_string(&inspection), "\"phase\":\"RUNNING\""));
    text_free(&inspection);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_that_comes_twice_starts_one_instance),
        cmocka_unit_test(an_order_that_was_overtaken_is_refused),
        cmocka_unit_test(a_stop_holds_for_starts_that_it_overtook),
        cmocka_unit_test(a_newer_start_takes_over_without_a_gap),
        cmocka_unit_test(a_newer_start_ends_an_older_one_that_is_not_up),
        cmocka_unit_test(a_full_host_says_so_at_once),
        cmocka_unit_test(many_starts_share_one_download),
        cmocka_unit_test(no_droplet_is_no_crash),
        cmocka_unit_test(a_droplet_with_another_digest_is_never_run),
        cmocka_unit_test(a_droplet_that_vanished_is_fetched_again),
        cmocka_unit_test(a_failed_launch_is_no_crash_either),
        cmocka_unit_test(a_stop_while_fetching_ends_it_before_it_began),
        cmocka_unit_test(a_stop_does_not_wait_for_a_download),
        cmocka_unit_test(a_port_rests_before_it_is_used_again),
        cmocka_unit_test(a_stranger_on_its_port_is_not_taken_for_the_app),
        cmocka_unit_test(where_strangers_have_every_port_the_start_is_given_up),
        cmocka_unit_test(after_a_lost_bus_everything_is_told_again),
        cmocka_unit_test(routers_and_health_managers_are_answered_soon),
        cmocka_unit_test(changed_uris_reach_the_routers_of_running_instances_only),
        cmocka_unit_test(poison_of_v1_does_no_harm),
        cmocka_unit_test(a_crash_loop_keeps_only_so_many_corpses),
        cmocka_unit_test(those_who_ask_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
