/* Alone: the standing order, singletons without a lease, and an app's own time to stop. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A health manager pings for so long, every 500 ms, with that after the number. */
static uint32_t ping_with_for_ms(struct stage *stage, uint32_t visitor, int *number, unsigned ms, const char *rest)
{
    char ping[64];
    for (unsigned passed_ms = 0; passed_ms < ms; passed_ms += 500) {
        snprintf(ping, sizeof ping, "PING %d %s\r\n", ++*number, rest);
        stage_say(stage, visitor, ping);
        stage_pass_ms(stage, 500);
    }
    return visitor;
}

static uint32_t ping_for_ms(struct stage *stage, uint32_t visitor, int *number, unsigned ms, unsigned grant_ms)
{
    char rest[16];
    snprintf(rest, sizeof rest, "%u", grant_ms);
    return ping_with_for_ms(stage, visitor, number, ms, rest);
}

static struct dea_instance_view look(struct stage *stage, const char *phase)
{
    struct dea_instance_view view;
    const void *at = NULL;
    while (dea_view_next(stage->machine, &at, &view))
        if (strcmp(view.phase, phase) == 0)
            return view;
    memset(&view, 0, sizeof view);
    return view;
}

static void without_a_bus_a_crash_is_healed_on_the_same_port_and_told_afterwards(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_drop_bus(&stage);
    stage_pass_ms(&stage, 5000);
    stage_forget(&stage);
    stage_end_workload(&stage, stage_newest(&stage), 9);
    stage_pass_ms(&stage, 300);
    struct dea_instance_view view = look(&stage, "RUNNING");
    assert_int_equal(view.port, 40000); /* Where routers that hear nobody still lead. */
    assert_int_equal(view.epoch, 5);
    stage.bus_is_down = false;
    stage_pass_ms(&stage, 3000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    assert_true(stage_heard(&stage, "dea.heartbeat", "\"crashes\":1") >= 1);
    stage_close(&stage);
}

static void while_a_health_manager_pings_it_is_left_to_heal(void **state)
{
    struct stage stage;
    int number = 0;
    (void)state;
    stage_open(&stage);
    uint32_t visitor = stage_visit(&stage, stage_lease_port(&stage));
    stage_order(&stage, 0, 5);
    ping_for_ms(&stage, visitor, &number, 2000, 0);
    stage_end_workload(&stage, stage_newest(&stage), 9);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"CRASHED\""), 1);
    ping_for_ms(&stage, visitor, &number, 10000, 0);
    assert_int_equal(stage_running(&stage), 0);
    stage_pass_ms(&stage, 60000); /* Nor is it ours when the pings end later: it was taken up long ago. */
    assert_int_equal(stage_running(&stage), 0);
    stage_close(&stage);
}

static void who_pings_but_can_start_nothing_leaves_it_to_the_dea(void **state)
{
    struct stage stage;
    int number = 0;
    (void)state;
    stage_open(&stage);
    uint32_t visitor = stage_visit(&stage, stage_lease_port(&stage));
    stage_order(&stage, 0, 5);
    ping_with_for_ms(&stage, visitor, &number, 2000, "0 sunny");
    stage_end_workload(&stage, stage_newest(&stage), 9);
    ping_with_for_ms(&stage, visitor, &number, 2500, "0 unable");
    assert_int_equal(stage_running(&stage), 0);
    ping_with_for_ms(&stage, visitor, &number, 1000, "0 sunny unable");
    assert_int_equal(stage_running(&stage), 1);
    uint32_t other = stage_visit(&stage, stage_lease_port(&stage)); /* One of two hears controllers again. */
    stage_say(&stage, other, "PING 1 0\r\n");
    stage_end_workload(&stage, stage_newest(&stage), 9);
    for (int i = 0; i < 6; i++) {
        ping_with_for_ms(&stage, visitor, &number, 500, "0 unable");
        ping_for_ms(&stage, other, &number, 500, 0);
    }
    assert_int_equal(stage_running(&stage), 0);
    stage_close(&stage);
}

static void when_the_pings_have_ended_crashes_are_healed_with_growing_pauses(void **state)
{
    struct stage stage;
    int number = 0;
    (void)state;
    stage_open(&stage);
    uint32_t visitor = stage_visit(&stage, stage_lease_port(&stage));
    stage_order(&stage, 0, 5);
    ping_for_ms(&stage, visitor, &number, 1000, 0);
    stage_end_workload(&stage, stage_newest(&stage), 9); /* The health manager dies in the same moment. */
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_running(&stage), 0);
    stage_pass_ms(&stage, 2500);
    assert_int_equal(stage_running(&stage), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"CRASHED\""), 1); /* For whom it was started. */
    for (int crash = 2; crash <= 3; crash++) {                                          /* Three times for nothing. */
        stage_end_workload(&stage, stage_newest(&stage), 9);
        stage_pass_ms(&stage, 300);
        assert_int_equal(stage_running(&stage), 1);
    }
    uint64_t pause_ms = 30000;
    for (int crash = 4; crash <= 8; crash++) {
        stage_end_workload(&stage, stage_newest(&stage), 9);
        stage_pass_ms(&stage, pause_ms - 300);
        assert_int_equal(stage_running(&stage), 0);
        stage_pass_ms(&stage, 600);
        assert_int_equal(stage_running(&stage), 1); /* Never "never". */
        pause_ms = pause_ms * 2 < 120000 ? pause_ms * 2 : 120000;
    }
    stage_close(&stage);
}

static void what_was_stopped_or_replaced_meanwhile_is_not_healed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_order(&stage, 1, 6);
    stage_pass_ms(&stage, 10);
    stage_drop_bus(&stage);
    stage_end_workload(&stage, &stage.workloads[0], 9);
    stage_end_workload(&stage, &stage.workloads[1], 9);
    stage.bus_is_down = false; /* Back before the order comes into force: then others heal. */
    stage_pass_ms(&stage, 2900);
    assert_true(stage_heard(&stage, "droplet.exited", "\"index\":0,\"reason\":\"CRASHED\"") >= 1);
    assert_true(stage_heard(&stage, "droplet.exited", "\"index\":1,\"reason\":\"CRASHED\"") >= 1);
    assert_true(stage_heard(&stage, "droplet.exited", "\"detail\":\"ended by signal 9\"") >= 2);
    assert_true(stage_heard(&stage, "droplet.exited", "\"signal\":9") >= 2);
    stage_pass_ms(&stage, 20000);
    assert_int_equal(stage_running(&stage), 0);
    stage_close(&stage);
}

static void the_next_life_of_the_agent_keeps_the_standing_order(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_drop_bus(&stage);
    stage_kill(&stage);
    stage.workloads[0].runs = false; /* It crashes while its agent is away, and nobody is there. */
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 4000);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void the_next_life_of_the_agent_knows_how_often_it_crashed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_drop_bus(&stage);
    stage_pass_ms(&stage, 3500);
    for (int crash = 1; crash <= 3; crash++) {
        stage_end_workload(&stage, stage_newest(&stage), 9);
        stage_pass_ms(&stage, 300);
        assert_int_equal(stage_running(&stage), 1);
    }
    stage_kill(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 4000);
    stage_end_workload(&stage, stage_newest(&stage), 9);
    stage_pass_ms(&stage, 29000);
    assert_int_equal(stage_running(&stage), 0);
    stage_pass_ms(&stage, 2000);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

/* It is not given back to those who are not there: it is tried again. */
static void what_could_not_be_started_again_is_tried_on(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_drop_bus(&stage);
    stage_pass_ms(&stage, 3500);
    stage.launches_fail = true;
    stage_end_workload(&stage, stage_newest(&stage), 9);
    stage_pass_ms(&stage, 10000);
    assert_int_equal(stage_running(&stage), 0);
    stage.launches_fail = false;
    stage_pass_ms(&stage, 8000);
    assert_int_equal(stage_running(&stage), 1);
    stage_pass_ms(&stage, 40000);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void a_singleton_ends_with_its_lease(void **state)
{
    struct stage stage;
    int number = 0;
    (void)state;
    stage_open(&stage);
    uint32_t visitor = stage_visit(&stage, stage_lease_port(&stage));
    ping_for_ms(&stage, visitor, &number, 1000, 5000);
    stage_order_with(&stage, 0, 5, ",\"singleton\":true");
    stage_order(&stage, 1, 6); /* An ordinary one. */
    ping_for_ms(&stage, visitor, &number, 20000, 5000);
    assert_int_equal(stage_running(&stage), 2);
    stage_pass_ms(&stage, 3900);
    assert_int_equal(stage_running(&stage), 2);
    stage_pass_ms(&stage, 200); /* 5 s after the answer before the last grant. */
    assert_int_equal(stage_running(&stage), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"index\":0,\"reason\":\"DEA_SHUTDOWN\""), 1);
    stage_order_with(&stage, 0, 7, ",\"singleton\":true");
    assert_int_equal(stage_running(&stage), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "no lease for singletons"), 1);
    stage_kill(&stage); /* The next life still needs one. */
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 2500);
    stage_order_with(&stage, 0, 8, ",\"singleton\":true");
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void without_any_grant_a_singleton_is_like_others(void **state)
{
    struct stage stage;
    int number = 0;
    (void)state;
    stage_open(&stage);
    uint32_t visitor = stage_visit(&stage, stage_lease_port(&stage));
    stage_order_with(&stage, 0, 5, ",\"singleton\":true");
    ping_for_ms(&stage, visitor, &number, 2000, 0);
    stage_pass_ms(&stage, 60000);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void an_app_has_its_own_grace(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(&stage, 0, 5, ",\"grace_ms\":25000");
    stage_order_with(&stage, 1, 6, ",\"grace_ms\":500");
    stage_pass_ms(&stage, 10);
    stage.workloads[0].ignores_sigterm = stage.workloads[1].ignores_sigterm = true;
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_pass_ms(&stage, 600);
    assert_int_equal(stage_running(&stage), 1);
    stage_pass_ms(&stage, 24000);
    assert_int_equal(stage_running(&stage), 1);
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_running(&stage), 0);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_bus_a_crash_is_healed_on_the_same_port_and_told_afterwards),
        cmocka_unit_test(while_a_health_manager_pings_it_is_left_to_heal),
        cmocka_unit_test(who_pings_but_can_start_nothing_leaves_it_to_the_dea),
        cmocka_unit_test(when_the_pings_have_ended_crashes_are_healed_with_growing_pauses),
        cmocka_unit_test(what_was_stopped_or_replaced_meanwhile_is_not_healed),
        cmocka_unit_test(the_next_life_of_the_agent_keeps_the_standing_order),
        cmocka_unit_test(the_next_life_of_the_agent_knows_how_often_it_crashed),
        cmocka_unit_test(what_could_not_be_started_again_is_tried_on),
        cmocka_unit_test(a_singleton_ends_with_its_lease),
        cmocka_unit_test(without_any_grant_a_singleton_is_like_others),
        cmocka_unit_test(an_app_has_its_own_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
