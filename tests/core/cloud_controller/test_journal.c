/* What the journal guarantees, and what happens when it does not do what one hopes. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct town_conn *begin_on(struct story *story, size_t controller, const char *method, const char *path,
                                  const char *body)
{
    char headers[256];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", story->ada);
    return town_begin(&story->town.controllers[controller], method, path, headers, body);
}

static void nobody_is_answered_before_the_change_is_durable(void **state)
{
    struct story *story = *state;
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *conn = begin_on(story, 0, "POST", "/apps", SHOP);
    town_pass_ms(&story->town, 1000);
    assert_int_equal(conn->outbound.size, 0);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"droplet\":"), 0);
    town_release_journal(&story->town);
    assert_int_equal(town_finish(&story->town.controllers[0], conn), 302);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"droplet\":"), 1);
}

static void a_conflict_is_validated_again_on_what_the_other_wrote(void **state)
{
    struct story *story = *state;
    town_add_controller(&story->town);
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *first = begin_on(story, 0, "POST", "/apps", SHOP);
    struct town_conn *second = begin_on(story, 1, "POST", "/apps", SHOP);
    town_release_journal(&story->town);
    assert_int_equal(town_finish(&story->town.controllers[0], first), 302);
    assert_int_equal(town_finish(&story->town.controllers[1], second), 400); /* The name is taken by now. */
    assert_non_null(strstr(town_body(&story->town), "\"code\":300,"));
    assert_int_equal(story->town.entry_count, 3);
}

static void both_changes_survive_a_conflict_where_both_make_sense(void **state)
{
    struct story *story = *state;
    town_add_controller(&story->town);
    assert_int_equal(story_call(story, "POST", "/apps", SHOP), 302);
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *first = begin_on(story, 0, "PUT", "/apps/shop", "{\"instances\":5}");
    struct town_conn *second = begin_on(story, 1, "PUT", "/apps/shop", "{\"env\":[\"A=1\"]}");
    struct town_conn *third = begin_on(story, 1, "PUT", "/apps/shop", "{\"instances\":6,\"meta\":{\"version\":1}}");
    town_release_journal(&story->town);
    assert_int_equal(town_finish(&story->town.controllers[0], first), 200);
    assert_int_equal(town_finish(&story->town.controllers[1], second), 200);
    assert_int_equal(town_finish(&story->town.controllers[1], third), 400); /* It had read version 1. */
    assert_non_null(strstr(town_body(&story->town), "{\"code\":102,"));
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "\"instances\":5,"));
    assert_non_null(strstr(town_body(&story->town), "\"env\":[\"A=1\"],\"meta\":{\"version\":3,"));
    assert_int_equal(story_look_at(story, 1).instances, 5);
    /* Each told of its own change, and the chain has no gap. */
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"sequence\":4,\"previous\":3,"), 1);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"sequence\":5,\"previous\":4,"), 1);
}

static void a_failing_journal_is_an_error_that_clients_know(void **state)
{
    struct story *story = *state;
    story->town.journal_mode = JOURNAL_FAILS;
    assert_int_equal(story_call(story, "POST", "/apps", SHOP), 500);
    assert_string_equal(town_body(&story->town), "{\"code\":101,\"description\":\"Error talking with the database\"}");
    story->town.journal_mode = JOURNAL_WORKS;
    assert_int_equal(story_call(story, "POST", "/apps", SHOP), 302);
}

static void an_entry_that_came_by_is_durable_whatever_the_append_says(void **state)
{
    struct story *story = *state;
    story->town.journal_mode = JOURNAL_FAILS_LATE;
    assert_int_equal(story_call(story, "POST", "/apps", SHOP), 302);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"droplet\":"), 1);
}

static void a_controller_that_died_after_the_append_finds_everything_again(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    struct town_controller *controller = &story->town.controllers[0];
    town_forget_answers(&story->town); /* No DEA answers: the scale-up stays unplaced. */
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":4}"), 200);
    uint64_t epoch = controller_view_epoch(controller->machine, 1, 3);
    town_kill(controller);
    town_forget(&story->town);
    town_answer(&story->town, "dea.discover", HELLO);
    town_revive(controller);
    town_pass_ms(&story->town, 3000);
    assert_int_equal(story_look_at(story, 0).instances, 4);
    assert_int_equal(controller_view_epoch(controller->machine, 1, 3), epoch);
    assert_int_equal(town_heard(&story->town, "dea.discover", ""), 0); /* It starts nothing by itself. */
    char complaint[200];
    snprintf(complaint, sizeof complaint, "{\"droplet\":1,\"op\":\"START\",\"version\":\"%s\",\"indices\":[2,3]}",
             story_look_at(story, 0).version);
    town_tell(&story->town, "cloudcontrollers.hm.requests", complaint);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 2);
    assert_true(controller_view_epoch(controller->machine, 1, 3) > epoch);
    assert_int_equal(controller_view_epoch(controller->machine, 1, 0), 6); /* Of the first start. */
}

static void an_append_whose_author_died_is_there_for_the_others(void **state)
{
    struct story *story = *state;
    town_add_controller(&story->town);
    story->town.journal_mode = JOURNAL_HOLDS;
    begin_on(story, 0, "POST", "/apps", SHOP);
    struct town_controller *dead = &story->town.controllers[0];
    uint64_t op = dead->held_op;
    assert_int_not_equal(op, 0);
    story->town.journal_mode = JOURNAL_WORKS;
    /* The journal takes it, and nobody is left to hear DONE. */
    town_release_journal(&story->town);
    town_kill(dead);
    assert_int_equal(story_look_at(story, 1).id, 1);
    town_revive(dead);
    assert_int_equal(story_look_at(story, 0).id, 1);
    assert_int_equal(controller_view_head_sequence(dead->machine), 3);
}

static void a_staging_whose_controller_died_begins_again(void **state)
{
    struct story *story = *state;
    town_add_controller(&story->town);
    story_call(story, "POST", "/apps", SHOP);
    town_upload(&story->town, story->ada, "shop", "bits");
    story->town.staging_holds = true;
    begin_on(story, 0, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}");
    town_kill(&story->town.controllers[0]);
    story->town.staging_holds = false;
    town_pass_ms(&story->town, 60000);
    assert_false(story_look_at(story, 1).is_live); /* It may only be slow. */
    town_revive(&story->town.controllers[0]);
    town_pass_ms(&story->town, 10000);
    assert_true(story_look_at(story, 1).is_live);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 2);
    town_pass_ms(&story->town, 200000);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 2);
}

static void controllers_fetch_from_each_other_what_only_one_has(void **state)
{
    struct story *story = *state;
    struct town_controller *second = town_add_controller(&story->town);
    story_call(story, "POST", "/apps", SHOP);
    town_upload(&story->town, story->ada, "shop", "bits"); /* To the first. */
    struct town_conn *conn = begin_on(story, 1, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}");
    assert_int_equal(town_finish(second, conn), 200); /* Staged by the second. */
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "http://127.0.0.1:9100/staged_droplets/1/"), 2);
    char *path = town_droplet_path(&story->town);
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 200);
    assert_non_null(strstr(town_body(&story->town), "droplet of "));
    town_kill(second);
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 200); /* The first has it, too, now. */
    memory_free(path);
}

static void bits_whose_holder_is_dead_are_staged_when_it_is_back(void **state)
{
    struct story *story = *state;
    struct town_controller *first = &story->town.controllers[0];
    struct town_controller *second = town_add_controller(&story->town);
    story_call(story, "POST", "/apps", SHOP);
    town_upload(&story->town, story->ada, "shop", "bits");
    town_kill(first);
    struct town_conn *conn = begin_on(story, 1, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}");
    assert_int_equal(town_finish(second, conn), 500);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":402,"));
    town_revive(first);
    town_pass_ms(&story->town, 200000);
    assert_true(story_look_at(story, 1).is_live);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 2);
}

static void dying_with_everything_under_way_leaks_nothing(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    story_call(story, "POST", "/apps", "{\"name\":\"two\",\"staging\":{\"framework\":\"node\"},\"instances\":1}");
    town_upload(&story->town, story->ada, "two", "more bits");
    town_forget_answers(&story->town);
    begin_on(story, 0, "GET", "/apps/shop", "");
    begin_on(story, 0, "GET", "/apps/shop/instances", "");
    begin_on(story, 0, "GET", "/apps/shop/stats", "");
    begin_on(story, 0, "GET", "/apps/shop/instances/0/files/x", "");
    begin_on(story, 0, "PUT", "/apps/shop", "{\"instances\":9}");
    story->town.staging_holds = true;
    begin_on(story, 0, "PUT", "/apps/two", "{\"state\":\"STARTED\"}");
    story->town.journal_mode = JOURNAL_HOLDS;
    begin_on(story, 0, "POST", "/apps", "{\"name\":\"three\",\"staging\":{\"framework\":\"node\"}}");
    begin_on(story, 0, "PUT", "/users/ada@example.org", "{\"password\":\"new\"}");
    struct town_controller *controller = &story->town.controllers[0];
    assert_true(controller_view_pending_count(controller->machine) > 10);
    town_kill(controller);
    story->town.journal_mode = JOURNAL_WORKS;
    town_revive(controller);
    assert_int_equal(story_look_at(story, 0).instances, 9);
    assert_int_equal(story_call(story, "GET", "/apps/three", ""), 404); /* Never durable, never answered. */
}

static void a_stop_waits_for_the_answers_that_are_due(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *conn = begin_on(story, 0, "POST", "/apps", SHOP);
    town_stop(controller);
    assert_false(controller->has_exited);
    town_release_journal(&story->town);
    assert_non_null(strstr(text_string(&conn->outbound), "HTTP/1.1 302 "));
    town_pass_ms(&story->town, 6000);
    assert_true(controller->has_exited);
}

static void the_past_is_folded_before_anything_is_answered(void **state)
{
    struct story *story = *state;
    story_call(story, "POST", "/apps", SHOP);
    struct town_controller *controller = &story->town.controllers[0];
    town_kill(controller);
    town_revive(controller);
    assert_true(controller_view_is_caught_up(controller->machine));
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""),
                     200);                        /* The token is good, too: the key is configured. */
    assert_int_equal(story->town.entry_count, 3); /* No bootstrap user was made twice. */
}

static void an_entry_that_makes_no_sense_ends_the_controller(void **state)
{
    struct story *story = *state;
    town_kill(&story->town.controllers[0]);
    text_clear(&story->town.entries[1]);
    text_add_string(&story->town.entries[1], "\xff\xff\xff");
    town_revive(&story->town.controllers[0]);
    assert_true(story->town.controllers[0].has_exited);
}

static void a_controller_that_lags_asks_the_journal_before_it_denies_anything(void **state)
{
    struct story *story = *state;
    struct town_controller *late = town_add_controller(&story->town);
    late->lags = true;
    story_push(story, SHOP);
    assert_int_equal(controller_view_app_count(late->machine), 0);
    assert_int_equal(town_finish(late, begin_on(story, 1, "PUT", "/apps/shop", "{\"instances\":3}")), 200);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":4}"), 200);
    assert_int_equal(story_look_at(story, 1).instances, 3); /* So much does it know. */
    struct town_conn *reader = begin_on(story, 1, "GET", "/apps/shop", "");
    town_pass_ms(&story->town, 1000);
    assert_int_equal(town_finish(late, reader), 200);
    assert_non_null(strstr(town_body(&story->town), "\"instances\":4"));
    assert_int_equal(story_call(story, "DELETE", "/apps/shop", ""), 200);
    assert_int_equal(town_finish(late, begin_on(story, 1, "GET", "/apps/shop", "")), 404);
}

static void what_the_journal_does_not_confirm_is_told_as_old(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""), 200);
    assert_null(strstr(town_body(&story->town), "\"stale\""));
    story->town.journal_mode = JOURNAL_FAILS;
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "\"stale\":true"));
    /* Nobody can say that something is not there. */
    assert_int_equal(story_call(story, "PUT", "/apps/none", "{}"), 500);
    assert_int_equal(story_call(story, "GET", "/apps/none", ""), 500);
    assert_int_equal(story_call(story, "GET", "/services/none", ""), 500);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"services\":[\"none\"]}"), 500);
    assert_non_null(strstr(town_body(&story->town), "\"code\":101"));
}

/* What it would have told the DEAs is told by the others, and by its next life. */
static void hosts_whose_mapper_died_are_told_by_the_others(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    town_add_controller(&story->town);
    town_pass_ms(&story->town, 5000);
    town_forget(&story->town);
    story->town.journal_mode = JOURNAL_HOLDS;
    begin_on(story, 0, "PUT", "/apps/shop", "{\"uris\":[\"other.cupola.test\"]}");
    town_pass_ms(&story->town, 100);
    town_append_held_of_dying(&story->town.controllers[0]);
    assert_int_equal(town_heard(&story->town, "dea.update", "other.cupola.test"), 0);
    town_pass_ms(&story->town, 3000);
    assert_int_equal(town_heard(&story->town, "dea.update", "other.cupola.test"), 1);
    town_forget(&story->town);
    town_kill(&story->town.controllers[1]);
    story->town.journal_mode = JOURNAL_WORKS;
    town_revive(&story->town.controllers[0]);
    town_pass_ms(&story->town, 3000);
    assert_int_equal(town_heard(&story->town, "dea.update", "other.cupola.test"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)
        STORY(nobody_is_answered_before_the_change_is_durable),
        STORY(a_conflict_is_validated_again_on_what_the_other_wrote),
        STORY(both_changes_survive_a_conflict_where_both_make_sense),
        STORY(a_failing_journal_is_an_error_that_clients_know),
        STORY(an_entry_that_came_by_is_durable_whatever_the_append_says),
        STORY(a_controller_that_died_after_the_append_finds_everything_again),
        STORY(an_append_whose_author_died_is_there_for_the_others),
        STORY(hosts_whose_mapper_died_are_told_by_the_others),
        STORY(a_staging_whose_controller_died_begins_again),
        STORY(controllers_fetch_from_each_other_what_only_one_has),
        STORY(bits_whose_holder_is_dead_are_staged_when_it_is_back),
        STORY(dying_with_everything_under_way_leaks_nothing),
        STORY(a_stop_waits_for_the_answers_that_are_due),
        STORY(the_past_is_folded_before_anything_is_answered),
        STORY(an_entry_that_makes_no_sense_ends_the_controller),
        STORY(a_controller_that_lags_asks_the_journal_before_it_denies_anything),
        STORY(what_the_journal_does_not_confirm_is_told_as_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
