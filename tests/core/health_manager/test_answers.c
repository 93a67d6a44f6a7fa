/* What others may ask: health and status, in the words of v1. */
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void health_is_one_answer_for_each_app_that_is_known(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x3");
    given(stage, "app 8 v1 x1");
    given(stage, "dea a 7/0 v1 i0 RUNNING; 7/1 v1 i1 RUNNING; 7/2 v1 i2 STARTING; 8/0 v0 old RUNNING");
    expect_answers(stage, "healthmanager.health",
                   "{\"droplets\":[{\"droplet\":7,\"version\":\"v1\"},{\"droplet\":99,\"version\":\"v1\"},"
                   "{\"droplet\":8,\"version\":\"v1\"},{\"droplet\":8,\"version\":\"v0\"}]}",
                   "{\"droplet\":7,\"version\":\"v1\",\"healthy\":2}\n"
                   "{\"droplet\":8,\"version\":\"v1\",\"healthy\":0}\n"
                   "{\"droplet\":8,\"version\":\"v0\",\"healthy\":1}\n");
    expect_answers(stage, "healthmanager.health", "{}", "");
}

static void flapping_indices_are_told(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    expect_answers(stage, "healthmanager.status", "{\"droplet\":7,\"state\":\"FLAPPING\"}", "{\"indices\":[]}\n");
    given(stage, "exit 7/0 v1 i0 CRASHED");
    given(stage, "exit 7/0 v1 i1 CRASHED");
    given(stage, "exit 7/0 v1 i2 CRASHED");
    given(stage, "exit 7/0 v1 i3 CRASHED");
    expect_answers(stage, "healthmanager.status", "{\"droplet\":7,\"version\":\"v1\",\"state\":\"FLAPPING\"}",
                   "{\"indices\":[{\"index\":0,\"since\":1800000040}]}\n");
}

static void what_was_seen_of_each_index_is_told_with_its_age(void **state)
{
    struct stage *stage = *state = stage_new();
    const char *question = "{\"droplet\":7,\"state\":\"FLAPPING\",\"wants_seen\":true}";
    given(stage, "app 7 v1 x2");
    beats_for(stage, "dea a 7/0 v1 i0 RUNNING", 10);
    expect_answer_part(stage, "healthmanager.status", question,
                       "\"seen\":{\"version\":\"v1\",\"instances\":[{\"index\":0,\"state\":\"RUNNING\",\"since\":");
    given(stage, "exit 7/0 v1 i0 CRASHED");
    expect_answer_part(stage, "healthmanager.status", question, "[{\"index\":0,\"state\":\"DOWN\",\"age_ms\":0}");
}

static void crashed_instances_are_told_while_their_dea_has_them(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    given(stage, "exit 7/0 v1 i0 CRASHED");
    const char *question = "{\"droplet\":7,\"state\":\"CRASHED\"}";
    expect_answers(stage, "healthmanager.status", question, "{\"instances\":[{\"instance\":\"i0\",\"since\":1234}]}\n");
    beats_for(stage, "dea a 7/0 v1 i0 CRASHED; 7/0 v1 i1 RUNNING", 60);
    expect_answers(stage, "healthmanager.status", question, "{\"instances\":[{\"instance\":\"i0\",\"since\":1234}]}\n");
    beats_for(stage, "dea a 7/0 v1 i1 RUNNING", 40);
    expect_answers(stage, "healthmanager.status", question, "{\"instances\":[]}\n");
}

/* From the exit, or from a heartbeat where that was missed. */
static void the_reason_of_a_crash_is_told(void **state)
{
    struct stage *stage = *state = stage_new();
    const char *question = "{\"droplet\":7,\"state\":\"CRASHED\"}";
    given(stage, "app 7 v1 x2");
    stage_say(stage, "droplet.exited",
              "{\"droplet\":7,\"version\":\"v1\",\"instance\":\"i0\",\"index\":0,\"reason\":\"CRASHED\","
              "\"crash_timestamp\":5,\"detail\":\"out of memory\"}");
    stage_say(stage, "dea.heartbeat",
              "{\"dea\":\"a\",\"droplets\":[{\"droplet\":7,\"version\":\"v1\",\"instance\":\"i1\",\"index\":1,"
              "\"state\":\"CRASHED\",\"state_timestamp\":6,\"detail\":\"out of disk\"}]}");
    expect_answers(stage, "healthmanager.status", question,
                   "{\"instances\":[{\"instance\":\"i0\",\"since\":5,\"reason\":\"out of memory\"},"
                   "{\"instance\":\"i1\",\"since\":6,\"reason\":\"out of disk\"}]}\n");
}

static void unknown_apps_and_states_are_met_with_silence(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x1");
    expect_answers(stage, "healthmanager.status", "{\"droplet\":99,\"state\":\"FLAPPING\"}", "");
    expect_answers(stage, "healthmanager.status", "{\"droplet\":7,\"state\":\"HAPPY\"}", "");
    expect_answers(stage, "healthmanager.status", "{\"droplet\":7}", "");
    expect_answers(stage, "healthmanager.status", "{}", "");
}

static void the_state_can_be_inspected(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "dea a 7/0 v1 i0 RUNNING");
    struct text json = {0};
    stage_health_manager(stage)->class->inspect(stage_health_manager(stage), &json);
    const char *text = text_string(&json);
    assert_non_null(strstr(text, "\"total_instances\":2,\"running_instances\":1,"));
    assert_non_null(strstr(text,
                           "\"frameworks\":{\"node\":{\"total_apps\":1,\"total_instances\":2,\"total_memory\":128,"
                           "\"running_apps\":1,\"crashes\":0,\"running_instances\":1,"));
    text_free(&json);
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
        story(health_is_one_answer_for_each_app_that_is_known),
        story(flapping_indices_are_told),
        story(what_was_seen_of_each_index_is_told_with_its_age),
        story(crashed_instances_are_told_while_their_dea_has_them),
        story(the_reason_of_a_crash_is_told),
        story(unknown_apps_and_states_are_met_with_silence),
        story(the_state_can_be_inspected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
