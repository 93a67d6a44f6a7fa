/* What should run and does not: when the health manager complains, and when it holds back. */
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_crash_is_answered_with_a_start_at_once(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    given(stage, "exit 7/1 v1 i1 CRASHED");
    expect_complaints(stage, "START 7 v1 [1]: it crashed\n");
    expect_state(stage, 7, 1, "STARTING");
}

/* So that a controller orders at once, however short ago it ordered what has ended. */
static void a_complaint_names_the_order_that_ended(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5; 7/1 v1 i1 STARTING e6");
    struct text before = stage_take_heard(stage);
    text_free(&before);
    given(stage, "exit 7/1 v1 i1 CRASHED");
    struct text heard = stage_take_heard(stage);
    assert_non_null(strstr(text_string(&heard), "\"indices\":[1]"));
    assert_non_null(strstr(text_string(&heard), "\"epochs\":[6]"));
    text_free(&heard);
}

static void an_evacuation_and_a_shutdown_are_answered_at_once(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    given(stage, "exit 7/0 v1 i0 DEA_EVACUATION");
    given(stage, "exit 7/1 v1 i1 DEA_SHUTDOWN");
    expect_complaints(stage, "START 7 v1 [0]: its DEA is evacuated\nSTART 7 v1 [1]: its DEA shut down\n");
}

static void a_start_is_not_asked_for_again_while_it_is_in_flight(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "exit 7/0 v1 i0 CRASHED");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
    after(stage, "19s");
    expect_complaints(stage, "");
    after(stage, "2s");
    expect_complaints(stage, "START 7 v1 [0]: nothing came of its last start\n");
}

static void a_start_in_flight_that_crashes_is_asked_for_again_at_once(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "exit 7/0 v1 i0 CRASHED");
    given(stage, "exit 7/0 v1 i1 CRASHED"); /* Nothing was heard of i1 before. */
    expect_complaints(stage, "START 7 v1 [0]: it crashed\nSTART 7 v1 [0]: it crashed\n");
}

static void a_starting_instance_that_beats_is_left_alone(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    beats_for(stage, "dea a 7/0 v1 i0 STARTING", 100);
    expect_complaints(stage, "");
    expect_state(stage, 7, 0, "STARTING");
    given(stage, "part a 7/0 v1 i0 RUNNING");
    expect_state(stage, 7, 0, "RUNNING");
}

static void silence_longer_than_droplet_lost_is_a_loss(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "v1dea 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    after(stage, "10s");
    given(stage, "v1dea 7/0 v1 i0 RUNNING");
    after(stage, "19s");
    expect_complaints(stage, "");
    after(stage, "2s");
    expect_complaints(stage, "START 7 v1 [1]: nothing was heard of it for too long\n");
    expect_state(stage, 7, 0, "RUNNING");
}

static void a_complete_heartbeat_without_an_instance_is_a_loss_within_a_second(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    given(stage, "part a 7/0 v1 i0 RUNNING"); /* Says nothing about the other. */
    after(stage, "5s");
    expect_complaints(stage, "");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    after(stage, "1s");
    expect_complaints(stage, "START 7 v1 [1]: its DEA does not have it any more\n");
}

static void a_heartbeat_of_one_dea_says_nothing_about_another(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "dea b 7/1 v1 i1 RUNNING");
    given(stage, "dea b 7/1 v1 i1 RUNNING");
    after(stage, "5s");
    expect_complaints(stage, "");
}

static void a_dea_that_comes_back_without_its_instances_has_lost_them(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "part a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    after(stage, "5s");
    given(stage, "part a 7/0 v1 i0 RUNNING");
    given(stage, "back a");
    after(stage, "1s");
    expect_complaints(stage, "START 7 v1 [1]: its DEA came back without it\n");
    expect_state(stage, 7, 0, "RUNNING");
}

static void a_crash_that_only_a_heartbeat_tells_of_counts_too(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "dea a 7/0 v1 i0 CRASHED");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
    given(stage, "dea a 7/0 v1 i0 CRASHED");
    expect_complaints(stage, "");
}

static void exits_of_others_mean_nothing(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "exit 7/0 v1 other CRASHED"); /* Another instance of the index. */
    given(stage, "exit 7/0 v0 i0 CRASHED");    /* Another version. */
    given(stage, "exit 7/1 v1 i0 CRASHED");    /* No such index. */
    given(stage, "exit 9/0 v1 i0 CRASHED");    /* No such app. */
    given(stage, "exit 7/0 v1 i0 WHATEVER");
    expect_complaints(stage, "");
    expect_state(stage, 7, 0, "RUNNING");
}

static void what_was_stopped_although_it_is_wanted_comes_back_after_a_moment(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "exit 7/0 v1 i0 STOPPED");
    after(stage, "1s");
    expect_complaints(stage, "");
    after(stage, "2s");
    expect_complaints(stage, "START 7 v1 [0]: it was stopped though it is wanted\n");
}

static void a_stop_that_the_controllers_meant_is_no_loss(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    given(stage, "exit 7/1 v1 i1 STOPPED");
    given(stage, "app 7 v1 x1"); /* The delta comes after the exit. */
    given(stage, "exit 7/0 v1 i0 STOPPED");
    given(stage, "app 7 v1 stopped");
    given(stage, "dea a");
    after(stage, "60s");
    expect_complaints(stage, "");
}

static void refused_starts_are_asked_for_with_growing_pauses(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "exit 7/0 v1 i0 DEA_SHUTDOWN");
    expect_complaints(stage, "START 7 v1 [0]: a DEA gave the start back\n");
    given(stage, "exit 7/0 v1 i1 DEA_SHUTDOWN");
    expect_complaints(stage, "");
    after(stage, "2s");
    expect_complaints(stage, "START 7 v1 [0]: a DEA gave the start back\n");
    given(stage, "exit 7/0 v1 i2 DEA_SHUTDOWN");
    given(stage, "part a 7/0 v1 i3 RUNNING");
    given(stage, "exit 7/0 v1 i3 DEA_SHUTDOWN"); /* This one had run: no refusal. */
    expect_complaints(stage, "START 7 v1 [0]: its DEA shut down\n");
}

static void at_the_start_nobody_is_missing_before_all_could_speak(void **state)
{
    struct stage *stage = *state = stage_at_start();
    given(stage, "app 7 v1 x2 untold");
    after(stage, "3s");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    expect_state(stage, 7, 0, "RUNNING");
    expect_state(stage, 7, 1, "UNKNOWN");
    beats_for(stage, "dea a 7/0 v1 i0 RUNNING", 20);
    expect_complaints(stage, "");
    beats_for(stage, "dea a 7/0 v1 i0 RUNNING", 10);
    expect_complaints(stage, "START 7 v1 [1]: no DEA has it\n");
}

static void at_the_start_an_exit_is_acted_upon_at_once(void **state)
{
    struct stage *stage = *state = stage_at_start();
    given(stage, "app 7 v1 x1 untold");
    after(stage, "3s");
    given(stage, "exit 7/0 v1 i0 CRASHED");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
}

static void heartbeats_that_come_before_the_desired_state_are_kept(void **state)
{
    struct stage *stage = *state = stage_at_start();
    given(stage, "controllers silent");
    given(stage, "app 7 v1 x1 untold");
    after(stage, "1s");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    after(stage, "20s");
    expect_complaints(stage, "");
    given(stage, "controllers answer");
    after(stage, "6s");
    expect_state(stage, 7, 0, "RUNNING");
}

static void without_controllers_nothing_is_complained_about(void **state)
{
    struct stage *stage = *state = stage_at_start();
    given(stage, "controllers silent");
    given(stage, "app 7 v1 x1 untold");
    beats_for(stage, "dea a 9/0 v1 i0 RUNNING", 300);
    expect_complaints(stage, "");
}

static void a_bus_outage_of_45_seconds_makes_nobody_missing(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    bus_goes_away(stage);
    after(stage, "45s");
    bus_comes_back(stage);
    after(stage, "25s"); /* The DEAs are slow to find it. */
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    after(stage, "8s");
    expect_complaints(stage, "");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    after(stage, "1s");
    expect_complaints(stage, "START 7 v1 [1]: its DEA does not have it any more\n");
}

static void what_died_during_a_bus_outage_is_missed_afterwards(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    bus_goes_away(stage);
    after(stage, "10s");
    bus_comes_back(stage);
    after(stage, "29s");
    expect_complaints(stage, "");
    after(stage, "5s");
    expect_complaints(stage, "START 7 v1 [0]: nothing was heard of it for too long\n");
}

static void a_start_that_no_controller_made_after_a_change_is_asked_for(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    after(stage, "19s");
    expect_complaints(stage, "");
    after(stage, "2s");
    expect_complaints(stage, "START 7 v1 [0]: nothing came of its last start\n");
}

static void an_app_whose_droplet_is_being_made_lacks_nothing(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    given(stage, "app 7 v1 settling");
    beats_for(stage, "dea a 7/0 v1 i0 RUNNING", 60);
    expect_complaints(stage, "");
}

/* 1,200 are missing, and 1,000 may be in flight. */
static void if_starts_are_scarce_the_larger_share_comes_first(void **state)
{
    struct stage *stage = *state = stage_new();
    struct text running = {0};
    text_add_string(&running, "dea a ");
    for (int i = 0; i < 600; i++)
        text_addf(&running, "%s%d/%d v1 i%d RUNNING", i == 0 ? "" : "; ", i < 500 ? 3 : 4, i < 500 ? i : i - 500, i);
    given(stage, "app 3 v1 x1000");
    given(stage, "app 4 v1 x800");
    given(stage, text_string(&running));
    text_free(&running);
    struct text before = stage_take_heard(stage);
    text_free(&before);
    after(stage, "22s");
    struct text heard = stage_take_heard(stage);
    const char *first = strstr(text_string(&heard), "\"op\":\"START\"");
    assert_non_null(first);
    while (first > text_string(&heard) && first[-1] != '\n')
        first--;
    assert_int_equal(strncmp(strchr(first, '{'), "{\"droplet\":4,", 13), 0);
    text_free(&heard);
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
        story(a_crash_is_answered_with_a_start_at_once),
        story(a_complaint_names_the_order_that_ended),
        story(an_evacuation_and_a_shutdown_are_answered_at_once),
        story(a_start_is_not_asked_for_again_while_it_is_in_flight),
        story(a_start_in_flight_that_crashes_is_asked_for_again_at_once),
        story(a_starting_instance_that_beats_is_left_alone),
        story(silence_longer_than_droplet_lost_is_a_loss),
        story(a_complete_heartbeat_without_an_instance_is_a_loss_within_a_second),
        story(a_heartbeat_of_one_dea_says_nothing_about_another),
        story(a_dea_that_comes_back_without_its_instances_has_lost_them),
        story(a_crash_that_only_a_heartbeat_tells_of_counts_too),
        story(exits_of_others_mean_nothing),
        story(what_was_stopped_although_it_is_wanted_comes_back_after_a_moment),
        story(a_stop_that_the_controllers_meant_is_no_loss),
        story(refused_starts_are_asked_for_with_growing_pauses),
        story(at_the_start_nobody_is_missing_before_all_could_speak),
        story(at_the_start_an_exit_is_acted_upon_at_once),
        story(heartbeats_that_come_before_the_desired_state_are_kept),
        story(without_controllers_nothing_is_complained_about),
        story(a_bus_outage_of_45_seconds_makes_nobody_missing),
        story(what_died_during_a_bus_outage_is_missed_afterwards),
        story(a_start_that_no_controller_made_after_a_change_is_asked_for),
        story(an_app_whose_droplet_is_being_made_lacks_nothing),
        story(if_starts_are_scarce_the_larger_share_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
