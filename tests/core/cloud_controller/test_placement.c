/* From an order to a DEA that has accepted it: answers, refusals, silence. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A DEA that answers orders, with room for many; `life` is what tells it from one of v1. */
#define HELLO_1 "{\"id\":\"dea1\",\"ip\":\"10.0.0.1\",\"port\":1,\"life\":\"1\",\"siblings\":0,\"room\":100}"
#define HELLO_2 "{\"id\":\"dea2\",\"ip\":\"10.0.0.2\",\"port\":1,\"life\":\"2\",\"siblings\":0,\"room\":100}"
#define ACCEPTED "{\"accepted\":true,\"instance\":\"0123456789abcdef0123456789abcdef\"}"
#define REFUSED "{\"accepted\":false,\"reason\":\"not enough memory\"}"
#define HM "cloudcontrollers.hm.requests"

/* An app with two instances that were ordered long ago. */
static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    town_answer(&story->town, "dea.discover", HELLO_1);
    town_answer(&story->town, "dea.dea1.start", ACCEPTED);
    story_push_long_ago(story, SHOP);
    return 0;
}

static size_t starts(struct story *story, const char *dea, const char *part)
{
    char subject[32];
    snprintf(subject, sizeof subject, "dea.%s.start", dea);
    return town_heard(&story->town, subject, part);
}

static uint64_t epoch_of(struct story *story, int32_t index)
{
    return controller_view_epoch(story->town.controllers[0].machine, 1, index);
}

static size_t pending(struct story *story)
{
    return controller_view_pending_count(story->town.controllers[0].machine);
}

static void an_accepted_start_is_done_with(void **state)
{
    struct story *story = *state;
    story_complain(story, "[0,1]");
    assert_int_equal(starts(story, "dea1", ""), 2);
    assert_int_equal(pending(story), 0);
    uint64_t epoch = epoch_of(story, 0);
    town_pass_ms(&story->town, 3000);
    assert_int_equal(starts(story, "dea1", ""), 2);
    assert_int_equal(epoch_of(story, 0), epoch);
}

static void a_refused_start_goes_elsewhere_under_the_same_order(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.dea1.start", REFUSED);
    story_complain(story, "[0]");
    uint64_t epoch = epoch_of(story, 0);
    assert_int_equal(starts(story, "dea1", ""), 4); /* It goes on offering, and on refusing: then there is a pause. */
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "\"reason\":\"a DEA refused: not enough memory\""));
    town_answer(&story->town, "dea.discover", HELLO_2);
    town_answer(&story->town, "dea.dea2.start", ACCEPTED);
    town_pass_ms(&story->town, 1100);
    assert_int_equal(starts(story, "dea2", "\"index\":0"), 1);
    assert_int_equal(epoch_of(story, 0), epoch); /* Nobody has ever begun to carry it out. */
    assert_int_equal(pending(story), 0);
}

static void an_unanswered_start_is_ordered_anew_with_a_newer_epoch(void **state)
{
    struct story *story = *state;
    town_answer_times(&story->town, "dea.dea1.start", ACCEPTED, 0);
    story_complain(story, "[1]");
    uint64_t epoch = epoch_of(story, 1);
    assert_int_equal(pending(story), 1);
    town_pass_ms(&story->town, 400);
    assert_int_equal(epoch_of(story, 1), epoch);
    town_answer(&story->town, "dea.discover", HELLO_2);
    town_answer(&story->town, "dea.dea2.start", ACCEPTED);
    town_pass_ms(&story->town, 200);
    assert_true(epoch_of(story, 1) > epoch);
    assert_int_equal(starts(story, "dea1", ""), 1);
    char part[40];
    snprintf(part, sizeof part, "\"index\":1,\"epoch\":%llu}", (unsigned long long)epoch_of(story, 1));
    assert_int_equal(starts(story, "dea2", part), 1);
    assert_int_equal(pending(story), 0);
}

static void a_second_silence_is_given_twice_the_time(void **state)
{
    struct story *story = *state;
    town_answer_times(&story->town, "dea.dea1.start", ACCEPTED, 0);
    story_complain(story, "[1]");
    uint64_t first = epoch_of(story, 1);
    town_pass_ms(&story->town, 600);
    uint64_t second = epoch_of(story, 1);
    assert_true(second > first);
    town_pass_ms(&story->town, 800);
    assert_int_equal(epoch_of(story, 1), second);
    town_pass_ms(&story->town, 200);
    assert_true(epoch_of(story, 1) > second);
}

static void one_that_is_not_wanted_any_more_is_not_ordered_anew(void **state)
{
    struct story *story = *state;
    town_answer_times(&story->town, "dea.dea1.start", ACCEPTED, 0);
    story_complain(story, "[1]");
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":1}"), 200);
    town_pass_ms(&story->town, 2000);
    assert_int_equal(starts(story, "dea1", ""), 1);
    assert_int_equal(pending(story), 0);
}

static void two_controllers_order_one_silent_start_anew_once(void **state)
{
    struct story *story = *state;
    town_add_controller(&story->town);
    town_pass_ms(&story->town, 10000);
    town_answer_times(&story->town, "dea.dea1.start", ACCEPTED, 0);
    story_complain(story, "[1]");
    town_pass_ms(&story->town, 400);
    /* The health manager complains to both: what one has in hand the other takes up, once. */
    town_tell(&story->town, "droplet.exited",
              story_with_version(story, "{\"droplet\":1,", ",\"index\":1,\"reason\":\"DEA_SHUTDOWN\",\"epoch\":99}"));
    town_answer(&story->town, "dea.discover", HELLO_2);
    town_answer(&story->town, "dea.dea2.start", ACCEPTED);
    town_tell_all(&story->town, HM, story_with_version(story, "{\"droplet\":1,\"op\":\"START\",", ",\"indices\":[1]}"));
    town_pass_ms(&story->town, 3000);
    assert_int_equal(starts(story, "dea2", "\"index\":1"), 1);
    assert_int_equal(pending(story), 0);
}

static void a_dea_of_v1_is_believed(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.discover", "{\"id\":\"old\",\"ip\":\"10.0.0.3\",\"port\":1,\"version\":0.99}");
    story_complain(story, "[0,1]");
    town_pass_ms(&story->town, 3000);
    assert_int_equal(starts(story, "old", ""), 2);
    assert_int_equal(pending(story), 0);
}

static void an_offer_that_comes_late_finds_who_waits_for_a_place(void **state)
{
    struct story *story = *state;
    char asks_back[80];
    town_answer_times(&story->town, "dea.discover", HELLO_1, 0);
    story_complain(story, "[1]");
    snprintf(asks_back, sizeof asks_back, "%s", story->town.asks_back);
    town_pass_ms(&story->town, 2100);
    assert_int_equal(starts(story, "dea1", ""), 0);
    town_tell(&story->town, asks_back, HELLO_1); /* While the next question has not even been asked. */
    assert_int_equal(starts(story, "dea1", "\"index\":1"), 1);
    assert_int_equal(pending(story), 0);
    story_complain(story, "[1]"); /* It was ordered a moment ago. */
    town_pass_ms(&story->town, 10000);
    town_forget(&story->town);
    story_complain(story, "[0]");
    snprintf(asks_back, sizeof asks_back, "%s", story->town.asks_back);
    town_pass_ms(&story->town, 4000);
    assert_int_equal(town_heard(&story->town, "dea.discover", ""), 1); /* It is known by now how slow the bus is. */
    town_tell(&story->town, asks_back, HELLO_1);
    assert_int_equal(starts(story, "dea1", "\"index\":0"), 1);
}

static void a_burst_is_one_question(void **state)
{
    struct story *story = *state;
    town_forget(&story->town);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":20}"), 200);
    assert_int_equal(town_heard(&story->town, "dea.discover", ""), 1);
    assert_int_equal(town_heard(&story->town, "dea.discover", "\"count\":18"), 1);
    assert_int_equal(starts(story, "dea1", ""), 18);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, story_end)
    const struct CMUnitTest tests[] = {
        STORY(an_accepted_start_is_done_with),
        STORY(a_refused_start_goes_elsewhere_under_the_same_order),
        STORY(an_unanswered_start_is_ordered_anew_with_a_newer_epoch),
        STORY(a_second_silence_is_given_twice_the_time),
        STORY(one_that_is_not_wanted_any_more_is_not_ordered_anew),
        STORY(two_controllers_order_one_silent_start_anew_once),
        STORY(a_dea_of_v1_is_believed),
        STORY(an_offer_that_comes_late_finds_who_waits_for_a_place),
        STORY(a_burst_is_one_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
