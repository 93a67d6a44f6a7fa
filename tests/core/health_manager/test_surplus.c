/* What runs and should not: strays, and two that claim one index. */
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void an_index_beyond_the_wanted_ones_is_stopped_after_a_grace(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    given(stage, "app 7 v1 x1");
    after(stage, "1s");
    expect_complaints(stage, "");
    after(stage, "2s");
    expect_complaints(stage, "STOP 7 [i1]: the app wants fewer instances\n");
    after(stage, "4s");
    expect_complaints(stage, "");
}

static void what_the_controllers_stop_themselves_is_no_complaint(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    given(stage, "app 7 v1 x1");
    given(stage, "exit 7/1 v1 i1 STOPPED");
    after(stage, "9s");
    expect_complaints(stage, "");
}

static void a_stopped_app_is_stopped_again_while_it_beats(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 stopped");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 STARTING");
    after(stage, "3s");
    expect_complaints(stage, "STOP 7 [i0,i1]: the app is stopped\n");
    after(stage, "7s");
    expect_complaints(stage, ""); /* It has not been heard of since. */
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    expect_complaints(stage, "STOP 7 [i0]: the app is stopped\n");
    given(stage, "dea a");
    after(stage, "60s");
    expect_complaints(stage, "");
}

static void another_version_is_stopped(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "app 7 v2 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/0 v2 i1 RUNNING");
    expect_state(stage, 7, 0, "RUNNING");
    after(stage, "3s");
    expect_complaints(stage, "STOP 7 [i0]: the app has another version now\n");
}

static void a_version_that_is_wanted_again_is_taken_back(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "app 7 v2 x1");
    given(stage, "app 7 v1 x1");
    expect_state(stage, 7, 0, "RUNNING");
    after(stage, "5s");
    expect_complaints(stage, "");
}

static void a_deleted_app_is_stopped_after_a_grace(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "app 7 deleted");
    after(stage, "3s");
    expect_complaints(stage, "STOP 7 [i0]: the app was deleted\n");
}

static void an_app_that_nobody_knows_runs_for_two_minutes(void **state)
{
    struct stage *stage = *state = stage_new();
    beats_for(stage, "dea a 9/0 v1 i0 RUNNING", 110);
    expect_complaints(stage, "");
    beats_for(stage, "dea a 9/0 v1 i0 RUNNING", 20);
    expect_complaints(stage, "STOP 9 [i0]: no controller knows the app\n");
}

static void when_much_of_what_runs_is_unknown_nothing_is_stopped_for_it(void **state)
{
    static const char beats[] =
        "dea a 7/0 v1 a0 RUNNING; 7/1 v1 a1 RUNNING; 9/0 v1 b0 RUNNING; 9/1 v1 b1 RUNNING; 9/2 v1 b2 RUNNING; "
        "9/3 v1 b3 RUNNING; 9/4 v1 b4 RUNNING; 9/5 v1 b5 RUNNING; 10/0 v1 c0 RUNNING; 10/1 v1 c1 RUNNING; "
        "10/2 v1 c2 RUNNING; 10/3 v1 c3 RUNNING; 10/4 v1 c4 RUNNING";
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    size_t warnings = stage_warnings(stage);
    beats_for(stage, beats, 400);
    expect_complaints(stage, "");
    assert_int_equal(stage_warnings(stage), warnings + 1);
    given(stage, "app 9 v1 x6"); /* The controllers remember: what is left is a small share. */
    beats_for(stage, beats, 20);
    expect_complaints(stage, "STOP 10 [c0,c1,c2,c3,c4]: no controller knows the app\n"
                             "STOP 10 [c0,c1,c2,c3,c4]: no controller knows the app\n");
}

static void an_app_that_a_restored_controller_has_forgotten_runs_for_two_minutes(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "app 7 deleted untold"); /* From one day to the other it is not in the pages. */
    beats_for(stage, "dea a 7/0 v1 i0 RUNNING", 130);
    expect_complaints(stage, "");
    beats_for(stage, "dea a 7/0 v1 i0 RUNNING", 20);
    expect_complaints(stage, "STOP 7 [i0]: no controller knows the app\n");
}

static void of_two_on_one_index_the_newer_epoch_stays(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 old RUNNING e5");
    given(stage, "dea b 7/0 v1 new RUNNING e9");
    expect_complaints(stage, "STOP 7 [old]: another instance has its index\n");
    given(stage, "exit 7/0 v1 old STOPPED");
    expect_state(stage, 7, 0, "RUNNING");
    after(stage, "5s");
    expect_complaints(stage, "");
}

static void an_older_epoch_that_comes_back_is_stopped(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea b 7/0 v1 new RUNNING e9");
    given(stage, "dea a 7/0 v1 old RUNNING e5");
    expect_complaints(stage, "STOP 7 [old]: another instance has its index\n");
}

static void the_loser_serves_until_the_winner_runs(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 old RUNNING e5");
    given(stage, "dea b 7/0 v1 new STARTING e9");
    expect_complaints(stage, "");
    after(stage, "3s");
    given(stage, "part b 7/0 v1 new RUNNING e9");
    expect_complaints(stage, "STOP 7 [old]: another instance has its index\n");
}

static void the_loser_stays_when_the_winner_fails(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 old RUNNING e5");
    given(stage, "dea b 7/0 v1 new STARTING e9");
    given(stage, "exit 7/0 v1 new DEA_SHUTDOWN");
    after(stage, "3s");
    given(stage, "part a 7/0 v1 old RUNNING e5");
    expect_state(stage, 7, 0, "RUNNING");
    given(stage, "dea b");
    after(stage, "3s");
    expect_state(stage, 7, 0, "RUNNING");
}

static void without_epochs_the_one_that_runs_stays_and_then_the_older_one(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x3");
    given(stage, "v1dea 7/0 v1 a STARTING t100; 7/1 v1 b RUNNING t200; 7/2 v1 d RUNNING t300");
    given(stage, "v1dea 7/0 v1 x RUNNING t200; 7/1 v1 y RUNNING t100; 7/2 v1 c RUNNING t300");
    expect_complaints(stage, "STOP 7 [a,b,d]: another instance has its index\n");
    given(stage, "v1dea 7/0 v1 a STARTING t100; 7/1 v1 b RUNNING t200; 7/2 v1 d RUNNING t300");
    expect_complaints(stage, ""); /* They were asked to stop a moment ago. */
}

static void an_evacuated_instance_that_still_serves_is_not_taken_for_its_replacement(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    given(stage, "exit 7/0 v1 i0 DEA_EVACUATION");
    expect_complaints(stage, "START 7 v1 [0]: its DEA is evacuated\n");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    expect_state(stage, 7, 0, "STARTING");
    given(stage, "dea b 7/0 v1 i1 RUNNING e9");
    expect_complaints(stage, "");
    expect_state(stage, 7, 0, "RUNNING");
}

static void what_serves_on_after_an_evacuation_that_was_broken_off_is_too_much(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    given(stage, "exit 7/0 v1 i0 DEA_EVACUATION");
    expect_complaints(stage, "START 7 v1 [0]: its DEA is evacuated\n");
    given(stage, "dea b 7/0 v1 i1 RUNNING e9");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    expect_complaints(stage, "STOP 7 [i0]: another instance has its index\n");
    expect_state(stage, 7, 0, "RUNNING");
}

/* The routers have seen the newer one, and turn its elder away. */
static void what_ran_before_one_that_crashed_is_replaced(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    stage_say(stage, "droplet.exited",
              "{\"droplet\":7,\"index\":0,\"version\":\"v1\",\"instance\":\"i1\",\"reason\":\"CRASHED\",\"epoch\":9}");
    expect_complaints(stage, "");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    expect_complaints(stage, "START 7 v1 [0]: a newer one ran meanwhile\n");
    given(stage, "dea b 7/0 v1 i2 RUNNING e10");
    expect_complaints(stage, "STOP 7 [i0]: another instance has its index\n");
    expect_state(stage, 7, 0, "RUNNING");
}

static void what_was_given_back_makes_nobody_old(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    stage_say(
        stage, "droplet.exited",
        "{\"droplet\":7,\"index\":0,\"version\":\"v1\",\"instance\":\"i1\",\"reason\":\"DEA_SHUTDOWN\",\"epoch\":9}");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    expect_complaints(stage, "");
    expect_state(stage, 7, 0, "RUNNING");
}

static void strays_that_fall_silent_are_forgotten(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "v1dea 9/0 v1 i0 RUNNING");
    struct hm_app_view view;
    assert_true(hm_view_app(stage_health_manager(stage), 9, &view));
    assert_int_equal(view.strays, 1);
    after(stage, "32s");
    assert_false(hm_view_app(stage_health_manager(stage), 9, &view));
    expect_complaints(stage, "");
}

static void nonsense_in_heartbeats_does_no_harm(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    stage_say(stage, "dea.heartbeat",
              "{\"droplets\":[{},{\"droplet\":7},{\"droplet\":7,\"index\":-1,\"version\":\"v1\","
              "\"instance\":\"x\",\"state\":\"RUNNING\"}]}");
    stage_say(stage, "dea.heartbeat", "{}");
    stage_say(stage, "dea.heartbeat", "not JSON");
    stage_say(stage, "dea.heartbeat",
              "{\"droplets\":[{\"droplet\":7,\"index\":0,\"version\":\"v1\",\"state\":\"RUNNING\","
              "\"instance\":\"0123456789012345678901234567890123456789\"}]}");
    stage_say(stage, "droplet.exited", "{}");
    stage_say(stage, "droplet.exited", "{\"droplet\":7,\"index\":0,\"reason\":\"CRASHED\"}");
    stage_say(stage, "droplet.updated", "");
    after(stage, "5s");
    expect_complaints(stage, "");
    expect_state(stage, 7, 0, "RUNNING");
}

static int end_stage(void **state)
{
    stage_free(*state);
    return 0;
}

#define story(test) cmocka_unit_test_teardown(test, end_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(an_index_beyond_the_wanted_ones_is_stopped_after_a_grace),
        story(what_the_controllers_stop_themselves_is_no_complaint),
        story(a_stopped_app_is_stopped_again_while_it_beats),
        story(another_version_is_stopped),
        story(a_version_that_is_wanted_again_is_taken_back),
        story(a_deleted_app_is_stopped_after_a_grace),
        story(an_app_that_nobody_knows_runs_for_two_minutes),
        story(when_much_of_what_runs_is_unknown_nothing_is_stopped_for_it),
        story(an_app_that_a_restored_controller_has_forgotten_runs_for_two_minutes),
        story(of_two_on_one_index_the_newer_epoch_stays),
        story(an_older_epoch_that_comes_back_is_stopped),
        story(the_loser_serves_until_the_winner_runs),
        story(the_loser_stays_when_the_winner_fails),
        story(without_epochs_the_one_that_runs_stays_and_then_the_older_one),
        story(an_evacuated_instance_that_still_serves_is_not_taken_for_its_replacement),
        story(what_serves_on_after_an_evacuation_that_was_broken_off_is_too_much),
        story(what_ran_before_one_that_crashed_is_replaced),
        story(what_was_given_back_makes_nobody_old),
        story(strays_that_fall_silent_are_forgotten),
        story(nonsense_in_heartbeats_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
