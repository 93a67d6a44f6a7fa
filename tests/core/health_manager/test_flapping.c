/* Instances that crash again and again: started at once three times, then with growing pauses, never given up. */
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Runs for a moment under the id and crashes. */
static void run_and_crash(struct stage *stage, const char *id, const char *lifetime)
{
    char line[80];
    snprintf(line, sizeof line, "dea a 7/0 v1 %s RUNNING", id);
    given(stage, line);
    after(stage, lifetime);
    snprintf(line, sizeof line, "exit 7/0 v1 %s CRASHED", id);
    given(stage, line);
}

static struct stage *given_flapping_app(void)
{
    struct stage *stage = stage_new();
    given(stage, "app 7 v1 x1");
    run_and_crash(stage, "i1", "1s");
    run_and_crash(stage, "i2", "1s");
    run_and_crash(stage, "i3", "1s");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\nSTART 7 v1 [0]: it crashed\nSTART 7 v1 [0]: it crashed\n");
    run_and_crash(stage, "i4", "1s");
    expect_state(stage, 7, 0, "FLAPPING");
    return stage;
}

static void the_fourth_crash_in_a_row_makes_it_wait(void **state)
{
    struct stage *stage = *state = given_flapping_app();
    after(stage, "29s");
    expect_complaints(stage, "");
    after(stage, "2s");
    expect_complaints(stage, "START 7 v1 [0] flapping: it crashed\n");
    expect_state(stage, 7, 0, "STARTING");
}

static void the_pauses_double_up_to_a_most_and_it_is_never_given_up(void **state)
{
    static const int pauses_s[] = {30, 60, 120, 120, 120};
    struct stage *stage = *state = given_flapping_app();
    for (size_t i = 0; i < sizeof pauses_s / sizeof *pauses_s; i++) {
        char duration[16];
        snprintf(duration, sizeof duration, "%ds", pauses_s[i] - 1);
        after(stage, duration);
        expect_complaints(stage, "");
        after(stage, "3s");
        expect_complaints(stage, "START 7 v1 [0] flapping: it crashed\n");
        char id[16];
        snprintf(id, sizeof id, "again%zu", i);
        run_and_crash(stage, id, "1s");
        expect_state(stage, 7, 0, "FLAPPING");
    }
}

static void a_heartbeat_ends_flapping(void **state)
{
    struct stage *stage = *state = given_flapping_app();
    given(stage, "dea a 7/0 v1 i5 RUNNING");
    expect_state(stage, 7, 0, "RUNNING");
    after(stage, "20s");
    expect_complaints(stage, "");
}

static void three_minutes_of_life_make_it_as_new(void **state)
{
    struct stage *stage = *state = given_flapping_app();
    after(stage, "31s");
    expect_complaints(stage, "START 7 v1 [0] flapping: it crashed\n");
    beats_for(stage, "dea a 7/0 v1 i5 RUNNING", 190);
    run_and_crash(stage, "i5", "1s");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
}

static void a_new_version_starts_with_a_clean_slate(void **state)
{
    struct stage *stage = *state = given_flapping_app();
    given(stage, "app 7 v2 x1");
    given(stage, "exit 7/0 v2 i5 CRASHED");
    expect_complaints(stage, "START 7 v2 [0]: it crashed\n");
}

static void crashes_far_apart_do_not_flap(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    for (int i = 0; i < 6; i++) {
        char beat[64], crash[64];
        snprintf(beat, sizeof beat, "dea a 7/0 v1 i%d RUNNING", i);
        snprintf(crash, sizeof crash, "exit 7/0 v1 i%d CRASHED", i);
        beats_for(stage, beat, 200);
        given(stage, crash);
        expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
    }
}

static void one_flapping_index_does_not_hold_up_the_others(void **state)
{
    struct stage *stage = *state = given_flapping_app();
    given(stage, "app 7 v1 x2");
    given(stage, "part a 7/1 v1 j1 RUNNING");
    given(stage, "exit 7/1 v1 j1 CRASHED");
    expect_complaints(stage, "START 7 v1 [1]: it crashed\n");
    expect_state(stage, 7, 0, "FLAPPING");
}

/* ---- The canary ---- */

/* Every index of three runs and crashes. */
static void all_crash(struct stage *stage, int round)
{
    for (int index = 0; index < 3; index++) {
        char line[80];
        snprintf(line, sizeof line, "part a 7/%d v1 r%di%d RUNNING", index, round, index);
        given(stage, line);
        snprintf(line, sizeof line, "exit 7/%d v1 r%di%d CRASHED", index, round, index);
        given(stage, line);
    }
}

static struct stage *given_loop_of_all(void)
{
    struct stage *stage = stage_new();
    given(stage, "app 7 v1 x3");
    for (int round = 0; round < 4; round++)
        all_crash(stage, round);
    forget_complaints(stage);
    return stage;
}

static void of_an_app_that_crashes_everywhere_only_one_is_tried(void **state)
{
    struct stage *stage = *state = given_loop_of_all();
    after(stage, "32s");
    expect_complaints(stage, "START 7 v1 [0] flapping: it crashed\n");
    given(stage, "part a 7/0 v1 c0 RUNNING");
    given(stage, "exit 7/0 v1 c0 CRASHED");
    after(stage, "62s");
    expect_complaints(stage, "START 7 v1 [0] flapping: it crashed\n");
    expect_state(stage, 7, 1, "FLAPPING");
}

static void when_the_canary_holds_all_come_back(void **state)
{
    struct stage *stage = *state = given_loop_of_all();
    after(stage, "32s");
    expect_complaints(stage, "START 7 v1 [0] flapping: it crashed\n");
    given(stage, "part a 7/0 v1 c0 RUNNING");
    after(stage, "9s");
    expect_complaints(stage, "");
    after(stage, "3s");
    expect_complaints(stage, "START 7 v1 [1,2] flapping: it crashed\n");
}

/* What DEAs started again by themselves while nobody heard them. */
static void crashes_that_a_dea_has_healed_count(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    stage_say(stage, "dea.heartbeat",
              "{\"droplets\":[{\"droplet\":7,\"index\":0,\"version\":\"v1\",\"instance\":\"i3\",\"state\":\"RUNNING\","
              "\"crashes\":3}],\"dea\":\"a\",\"complete\":true}");
    after(stage, "1s");
    given(stage, "exit 7/0 v1 i3 CRASHED");
    expect_state(stage, 7, 0, "FLAPPING");
    expect_complaints(stage, "");
}

/* The crashes of long ago make no canary of the first index when a host is lost. */
static void who_has_held_for_long_is_not_looping(void **state)
{
    struct stage *stage = *state = given_loop_of_all();
    after(stage, "32s");
    given(stage, "dea a 7/0 v1 c0 RUNNING; 7/1 v1 c1 RUNNING; 7/2 v1 c2 RUNNING");
    forget_complaints(stage);
    beats_for(stage, "dea a 7/0 v1 c0 RUNNING; 7/1 v1 c1 RUNNING; 7/2 v1 c2 RUNNING", 200);
    expect_complaints(stage, "");
    given(stage, "dea a");
    after(stage, "1s");
    expect_complaints(stage, "START 7 v1 [0,1,2]: its DEA does not have it any more\n");
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
        story(the_fourth_crash_in_a_row_makes_it_wait),
        story(the_pauses_double_up_to_a_most_and_it_is_never_given_up),
        story(a_heartbeat_ends_flapping),
        story(three_minutes_of_life_make_it_as_new),
        story(a_new_version_starts_with_a_clean_slate),
        story(crashes_far_apart_do_not_flap),
        story(one_flapping_index_does_not_hold_up_the_others),
        story(of_an_app_that_crashes_everywhere_only_one_is_tried),
        story(when_the_canary_holds_all_come_back),
        story(crashes_that_a_dea_has_healed_count),
        story(who_has_held_for_long_is_not_looping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
