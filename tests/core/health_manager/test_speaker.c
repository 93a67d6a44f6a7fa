/* Several health managers: one speaks, the others watch and take over; singletons; counters that outlive them. */
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void who_has_an_elder_says_nothing(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    other_beats_for(stage, true, 2);
    given(stage, "exit 7/0 v1 i0 CRASHED");
    other_beats_for(stage, true, 2);
    expect_complaints(stage, "");
    expect_state(stage, 7, 0, "STARTING");
}

static void a_younger_one_silences_nobody(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    other_beats_for(stage, false, 2);
    given(stage, "exit 7/0 v1 i0 CRASHED");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
}

static void who_takes_over_says_what_nobody_may_have_said(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING");
    other_beats_for(stage, true, 2);
    given(stage, "exit 7/0 v1 i0 CRASHED"); /* The elder one dies at this moment. */
    after(stage, "0.4s");
    expect_complaints(stage, "");
    after(stage, "0.3s");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
    given(stage, "exit 7/1 v1 i1 CRASHED");
    expect_complaints(stage, "START 7 v1 [1]: it crashed\n");
}

static void what_was_said_long_ago_is_not_repeated(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    other_beats_for(stage, true, 2);
    given(stage, "exit 7/0 v1 i0 CRASHED");
    other_beats_for(stage, true, 6);
    after(stage, "3s");
    expect_complaints(stage, "");
}

static void a_beat_that_is_none_is_ignored(void **state)
{
    struct stage *stage = *state = stage_new();
    struct hm_view view;
    stage_say(stage, "healthmanager.beat", "{\"since_ns\":1,\"is_ready\":true}");
    stage_say(stage, "healthmanager.beat", "{\"id\":\"x\",\"since_ns\":1}"); /* Not ready. */
    for (int i = 0; i < 100; i++) {                                          /* More peers than are remembered. */
        char json[64];
        snprintf(json, sizeof json, "{\"id\":\"peer%d\",\"since_ns\":1}", i);
        stage_say(stage, "healthmanager.beat", json);
    }
    hm_view(stage_health_manager(stage), &view);
    assert_true(view.speaks);
}

/* ---- Crash counters ---- */

static void crash_four_times(struct stage *stage)
{
    for (int i = 0; i < 4; i++) {
        char line[64];
        snprintf(line, sizeof line, "exit 7/0 v1 i%d CRASHED", i);
        given(stage, line);
    }
    expect_state(stage, 7, 0, "FLAPPING");
    forget_complaints(stage);
}

static void counters_are_saved_and_taken_up_again(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    crash_four_times(stage);
    after(stage, "2s");
    health_manager_dies(stage);
    after(stage, "5s");
    health_manager_starts(stage);
    after(stage, "3s");
    expect_state(stage, 7, 0, "FLAPPING");
    after(stage, "18s");
    expect_complaints(stage, "");
    after(stage, "4s"); /* Its pause of 30 s counts from the crash. */
    expect_complaints(stage, "START 7 v1 [0] flapping: it crashed\n");
}

static void what_is_saved_of_another_version_is_forgotten(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    crash_four_times(stage);
    after(stage, "2s");
    health_manager_dies(stage);
    given(stage, "app 7 v2 x1");
    health_manager_starts(stage);
    after(stage, "3s");
    expect_state(stage, 7, 0, "UNKNOWN");
}

static void a_newcomer_is_told_the_counters(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    crash_four_times(stage);
    expect_answers(stage, "healthmanager.crashes", "{\"id\":\"newcomer\"}",
                   "{\"counts\":[{\"droplet\":7,\"version\":\"v1\",\"index\":0,\"crashes\":4,\"crashed_ago_ms\":0,"
                   "\"restart_in_ms\":30000}]}\n");
    expect_answers(stage, "healthmanager.crashes", "{}", "");
}

/* ---- Freshness for people ---- */

static void freshness_is_told_to_who_asks(void **state)
{
    struct stage *stage = *state = stage_new();
    host_starts(stage, "a");
    host_starts(stage, "b");
    given(stage, "dea a");
    given(stage, "dea b");
    after(stage, "1s");
    host_dies(stage, "b");
    after(stage, "3s");
    struct hm_view view;
    hm_view(stage_health_manager(stage), &view);
    assert_int_equal(view.hosts, 2);
    assert_int_equal(view.fresh_hosts, 1);
    expect_answer_part(
        stage, "healthmanager.freshness", "{}",
        "\"speaks\":true,\"hosts\":2,\"fresh_hosts\":1,\"oldest_ms\":0,\"freshness\":\"1 of 2 hosts fresh, 0.0 s "
        "old\",\"brakes\":[]}");
}

/* ---- Singletons ---- */

static struct stage *given_singleton(void)
{
    struct stage *stage = stage_new();
    given(stage, "app 7 v1 x1 singleton");
    host_starts(stage, "a");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    after(stage, "2s");
    expect_complaints(stage, "");
    return stage;
}

static void a_singleton_is_replaced_when_its_lease_is_surely_over(void **state)
{
    struct stage *stage = *state = given_singleton();
    host_dies(stage, "a");
    after(stage, "20s");
    expect_host(stage, "a", "LOST");
    expect_complaints(stage, "");
    after(stage, "3s"); /* 10 s, a tenth for clocks, and 10 s of grace. */
    expect_complaints(stage, "START 7 v1 [0]: its host is lost\n");
}

static void a_singleton_whose_agent_went_first_has_its_lease(void **state)
{
    struct stage *stage = *state = given_singleton();
    host_loses_agent(stage, "a"); /* No ping leaves after the last one that granted. */
    after(stage, "0.5s");
    host_dies(stage, "a");
    after(stage, "5s");
    expect_host(stage, "a", "LOST");
    after(stage, "14s");
    expect_complaints(stage, "");
    after(stage, "4s");
    expect_complaints(stage, "START 7 v1 [0]: its host is lost\n");
}

/* Whoever spoke before may have granted until nobody heard it any more. */
static void what_others_granted_a_singleton_counts_too(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1 singleton");
    host_starts(stage, "a");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    other_beats_for(stage, true, 60);
    assert_int_equal(host_grants(stage, "a"), 0);
    host_dies(stage, "a");
    after(stage, "21s");
    expect_host(stage, "a", "LOST");
    expect_complaints(stage, "");
    after(stage, "3s");
    expect_complaints(stage, "START 7 v1 [0]: its host is lost\n");
}

static void a_singleton_that_crashed_is_replaced_at_once(void **state)
{
    struct stage *stage = *state = given_singleton();
    given(stage, "exit 7/0 v1 i0 CRASHED from a");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
}

static void a_singleton_whose_agent_stands_still_is_not_replaced(void **state)
{
    struct stage *stage = *state = given_singleton();
    host_stalls(stage, "a", true);
    after(stage, "90s");
    expect_complaints(stage, "");
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
        story(who_has_an_elder_says_nothing),
        story(a_younger_one_silences_nobody),
        story(who_takes_over_says_what_nobody_may_have_said),
        story(what_was_said_long_ago_is_not_repeated),
        story(a_beat_that_is_none_is_ignored),
        story(counters_are_saved_and_taken_up_again),
        story(what_is_saved_of_another_version_is_forgotten),
        story(a_newcomer_is_told_the_counters),
        story(freshness_is_told_to_who_asks),
        story(a_singleton_is_replaced_when_its_lease_is_surely_over),
        story(a_singleton_whose_agent_went_first_has_its_lease),
        story(what_others_granted_a_singleton_counts_too),
        story(a_singleton_that_crashed_is_replaced_at_once),
        story(a_singleton_whose_agent_stands_still_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
