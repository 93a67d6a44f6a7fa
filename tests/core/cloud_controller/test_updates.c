/* Rolling updates: one version takes over from another without a gap, or goes back by itself. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Indices 0 to count - 1 run, in whatever version they are asked for. */
static void let_run(struct story *story, int count)
{
    town_forget_answers(&story->town);
    town_answer(&story->town, "dea.discover", HELLO);
    story_let_run(story, count);
}

static char before[80], after[80]; /* Versions. */

static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    story_push(story, "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"shop.cupola.test\"],"
                      "\"instances\":4,\"resources\":{\"memory\":64}}");
    snprintf(before, sizeof before, "%s", story_look(story).version);
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "other bits"), 200);
    town_forget(&story->town);
    return 0;
}

static void update(struct story *story)
{
    assert_int_equal(story_call(story, "PUT", "/apps/shop/update", ""), 204);
    snprintf(after, sizeof after, "%s", story_look(story).version);
    assert_string_not_equal(before, after);
}

static void expect_started(struct story *story, const char *version, int index, size_t times)
{
    char part[120];
    size_t heard = 0;
    snprintf(part, sizeof part, "\"version\":\"%s\"", version);
    char index_part[32];
    snprintf(index_part, sizeof index_part, "\"index\":%d,", index);
    const char *at = text_string(&story->town.said);
    while ((at = strstr(at, "dea.dea1.start ")) != NULL) {
        const char *stop = strchr(at, '\n');
        const char *found = strstr(at, part), *found_index = strstr(at, index_part);
        heard += found != NULL && found < stop && found_index != NULL && found_index < stop;
        at = stop;
    }
    assert_int_equal(heard, times);
}

static void expect_stopped(struct story *story, const char *version, const char *indices)
{
    char part[160];
    snprintf(part, sizeof part, "\"version\":\"%s\",\"indices\":%s", version, indices);
    assert_int_equal(town_heard(&story->town, "dea.stop", part), 1);
}

static void nothing_old_ends_before_the_extra_instance_has_proven_itself(void **state)
{
    struct story *story = *state;
    update(story);
    expect_started(story, after, 4, 1);
    town_pass_ms(&story->town, 5000);
    assert_int_equal(town_heard(&story->town, "dea.stop", ""), 0);
    assert_int_equal(story_call(story, "GET", "/apps/shop/update", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "UPDATING"));
}

static void index_by_index_the_new_version_takes_over(void **state)
{
    struct story *story = *state;
    update(story);
    let_run(story, 5);
    town_pass_ms(&story->town, 10000);
    for (int i = 0; i < 4; i++)
        expect_started(story, after, i, 1);
    expect_stopped(story, before, "[0]");
    expect_stopped(story, before, "[1]");
    expect_stopped(story, before, "[2]");
    expect_stopped(story, after, "[4]"); /* The stand-in goes when all is done. */
    assert_int_equal(controller_view_pending_count(story->town.controllers[0].machine), 0);
    assert_string_equal(story_look(story).version, after);
    assert_int_equal(story_look(story).instances, 4);
}

static void crash(struct story *story, const char *version, int index)
{
    char exited[300];
    snprintf(exited, sizeof exited,
             "{\"droplet\":1,\"version\":\"%s\",\"index\":%d,\"instance\":\"i\",\"reason\":\"CRASHED\","
             "\"detail\":\"exited with status 1\"}",
             version, index);
    town_tell(&story->town, "droplet.exited", exited);
}

static void three_crashes_of_the_new_version_bring_the_old_one_back(void **state)
{
    struct story *story = *state;
    update(story);
    crash(story, before, 0); /* Says nothing about the new one. */
    crash(story, after, 4);
    crash(story, after, 4);
    assert_string_equal(story_look(story).version, after);
    crash(story, after, 4);
    assert_string_equal(story_look(story).version, before);
    assert_int_equal(town_heard(&story->town, "dea.stop", after), 1);
    assert_int_equal(town_heard(&story->town, "dea.stop", before), 0); /* They never stopped. */
    assert_int_equal(story_call(story, "GET", "/apps/shop/update", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "CANARY_FAILED"));
    assert_non_null(strstr(town_body(&story->town), "exited with status 1"));
}

static void half_way_it_goes_back_as_gently_as_it_came(void **state)
{
    struct story *story = *state;
    update(story);
    let_run(story, 5);
    town_pass_ms(&story->town, 3500); /* The extra one and index 0 are through. */
    expect_stopped(story, before, "[0]");
    town_forget(&story->town);
    for (int i = 0; i < 3; i++)
        crash(story, after, 0);
    assert_string_equal(story_look(story).version, before);
    expect_started(story, before, 4, 1); /* First a stand-in that is good. */
    assert_int_equal(town_heard(&story->town, "dea.stop", "\"indices\":[0"), 0);
    town_pass_ms(&story->town, 10000);
    expect_started(story, before, 0, 1);
    assert_int_equal(controller_view_pending_count(story->town.controllers[0].machine), 0);
}

static void a_new_version_that_is_never_ready_is_given_up(void **state)
{
    struct story *story = *state;
    update(story);
    town_pass_ms(&story->town, 119000);
    assert_string_equal(story_look(story).version, after);
    town_pass_ms(&story->town, 3000);
    assert_string_equal(story_look(story).version, before);
}

static void scaling_is_allowed_meanwhile(void **state)
{
    struct story *story = *state;
    update(story);
    let_run(story, 7);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":6}"), 200);
    town_pass_ms(&story->town, 20000);
    assert_int_equal(controller_view_pending_count(story->town.controllers[0].machine), 0);
    for (int i = 0; i < 6; i++)
        assert_true(controller_view_epoch(story->town.controllers[0].machine, 1, i) > 0);
    assert_int_equal(controller_view_epoch(story->town.controllers[0].machine, 1, 6), 0);
    assert_string_equal(story_look(story).version, after);
    town_forget(&story->town);
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits three"), 200);
    assert_int_equal(story_call(story, "PUT", "/apps/shop/update", ""), 204);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":1}"), 200);
    town_pass_ms(&story->town, 20000);
    assert_int_equal(controller_view_pending_count(story->town.controllers[0].machine), 0);
    assert_int_equal(story_look(story).instances, 1);
}

static void stopping_ends_it(void **state)
{
    struct story *story = *state;
    update(story);
    assert_int_equal(story_call(story, "PUT", "/apps/shop/update", ""), 400); /* One at a time. */
    assert_non_null(strstr(town_body(&story->town), "\"code\":390"));
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"state\":\"STOPPED\"}"), 200);
    assert_int_equal(controller_view_pending_count(story->town.controllers[0].machine), 0);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}"), 200);
    expect_started(story, story_look(story).version, 3, 1);
}

static void bits_that_come_meanwhile_have_their_turn_afterwards(void **state)
{
    struct story *story = *state;
    update(story);
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits three"), 200);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":3}"), 200); /* Stages them. */
    assert_string_equal(story_look(story).version, after);
    let_run(story, 4);
    town_pass_ms(&story->town, 30000);
    assert_int_equal(controller_view_pending_count(story->town.controllers[0].machine), 0);
    assert_string_not_equal(story_look(story).version, after);
    assert_string_not_equal(story_look(story).version, before);
}

static void another_controller_takes_over_from_one_that_died(void **state)
{
    struct story *story = *state;
    struct town_controller *other = town_add_controller(&story->town);
    update(story);
    let_run(story, 5);
    town_kill(&story->town.controllers[0]);
    town_pass_ms(&story->town, 9000);
    assert_int_equal(controller_view_pending_count(other->machine), 1);
    town_pass_ms(&story->town, 30000);
    assert_int_equal(controller_view_pending_count(other->machine), 0);
    town_revive(&story->town.controllers[0]);
    town_settle(&story->town);
    assert_string_equal(story_look(story).version, after);
}

static void the_health_manager_knows_which_index_is_wanted_in_which_version(void **state)
{
    struct story *story = *state;
    update(story);
    char part[240];
    snprintf(part, sizeof part, "\"version\":\"%s\",\"state\":\"STARTED\",\"instances\":5", after);
    assert_int_equal(town_heard(&story->town, "droplet.updated", part), 1);
    snprintf(part, sizeof part, "\"old_version\":\"%s\",\"old_first\":0,\"old_end\":4", before);
    assert_int_equal(town_heard(&story->town, "droplet.updated", part), 1);
    snprintf(part, sizeof part,
             "{\"droplet\":1,\"op\":\"START\",\"version\":\"%s\",\"indices\":[0],\"last_updated\":0}", after);
    town_pass_ms(&story->town, 6000);
    town_tell(&story->town, "cloudcontrollers.hm.requests", part);
    expect_started(story, before, 0, 1); /* Old instances may still crash. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, story_end)
        STORY(nothing_old_ends_before_the_extra_instance_has_proven_itself),
        STORY(index_by_index_the_new_version_takes_over),
        STORY(three_crashes_of_the_new_version_bring_the_old_one_back),
        STORY(half_way_it_goes_back_as_gently_as_it_came),
        STORY(a_new_version_that_is_never_ready_is_given_up),
        STORY(scaling_is_allowed_meanwhile),
        STORY(stopping_ends_it),
        STORY(bits_that_come_meanwhile_have_their_turn_afterwards),
        STORY(another_controller_takes_over_from_one_that_died),
        STORY(the_health_manager_knows_which_index_is_wanted_in_which_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
