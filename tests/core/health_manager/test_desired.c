/* How the health manager learns what should be: pages, deltas, gaps, and controllers that lag or have gone back. */
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct hm_view view_of(struct stage *stage)
{
    struct hm_view view;
    hm_view(stage_health_manager(stage), &view);
    return view;
}

static void expect_wanted(struct stage *stage, int droplet, size_t wanted)
{
    struct hm_app_view view;
    assert_true(hm_view_app(stage_health_manager(stage), droplet, &view));
    assert_int_equal(view.wanted, wanted);
}

static void all_pages_are_read_at_the_start(void **state)
{
    struct stage *stage = *state = stage_at_start();
    given(stage, "controllers silent");
    given(stage, "app 3 v1 x1 untold");
    given(stage, "app 5 v1 x2 untold");
    given(stage, "app 8 v1 stopped untold");
    given(stage, "app 9 v1 x4 untold");
    given(stage, "app 11 v1 x5 untold");
    assert_false(view_of(stage).knows_desired);
    given(stage, "controllers answer");
    after(stage, "2s");
    assert_true(view_of(stage).knows_desired);
    assert_int_equal(view_of(stage).desired_apps, 5);
    assert_int_equal(view_of(stage).sequence, 25);
    expect_wanted(stage, 5, 2);
    expect_wanted(stage, 8, 0);
    expect_wanted(stage, 11, 5);
    assert_false(view_of(stage).is_fresh); /* Silence means nothing yet. */
    after(stage, "30s");
    assert_true(view_of(stage).is_fresh);
}

static void a_delta_in_sequence_is_taken_as_it_comes(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "controllers silent"); /* No page could help. */
    given(stage, "app 7 v1 x2");
    given(stage, "app 7 v1 x3");
    expect_wanted(stage, 7, 3);
    assert_int_equal(view_of(stage).sequence, 16);
    assert_true(view_of(stage).is_fresh);
}

static void a_lost_delta_shows_as_a_gap_and_is_read_from_the_pages(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "app 8 v1 x3 untold");
    given(stage, "app 9 v1 x4");
    expect_wanted(stage, 9, 4);
    after(stage, "1s");
    expect_wanted(stage, 8, 3);
    assert_int_equal(view_of(stage).sequence, 19);
}

static void a_lost_last_delta_is_found_by_the_beat_of_a_controller(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "beat");
    after(stage, "1s");
    unsigned long long scans = view_of(stage).scans;
    given(stage, "app 8 v1 x3 untold"); /* Its controller died before it could tell. */
    given(stage, "beat");
    after(stage, "1s");
    expect_wanted(stage, 8, 3);
    assert_int_equal(view_of(stage).scans, scans + 1);
    given(stage, "beat"); /* No news: nothing is asked. */
    after(stage, "1s");
    assert_int_equal(view_of(stage).scans, scans + 1);
}

static void a_lost_last_delta_is_found_by_the_slow_poll(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "app 7 v1 x1 untold");
    after(stage, "10s");
    expect_wanted(stage, 7, 2);
    after(stage, "50s");
    expect_wanted(stage, 7, 1);
}

static void an_update_without_a_number_is_read_from_the_pages(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2 untold");
    given(stage, "updated 7");
    after(stage, "1s");
    expect_wanted(stage, 7, 2);
}

static void controllers_that_are_silent_are_asked_again(void **state)
{
    struct stage *stage = *state = stage_at_start();
    given(stage, "controllers silent");
    after(stage, "60s");
    assert_false(view_of(stage).knows_desired);
    given(stage, "controllers answer");
    after(stage, "6s");
    assert_true(view_of(stage).knows_desired);
}

static void a_controller_that_lags_is_not_believed(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "controllers at 11"); /* The next page says that it is from before the last delta. */
    given(stage, "app 7 v1 x1 untold");
    given(stage, "controllers at 11");
    given(stage, "updated 7");
    after(stage, "2s");
    expect_wanted(stage, 7, 2);
    given(stage, "controllers at 20");
    after(stage, "10s");
    expect_wanted(stage, 7, 1);
}

static void controllers_that_have_lost_their_memory_are_believed_in_the_end(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    given(stage, "app 7 v1 x1 untold");
    given(stage, "controllers at 3");
    given(stage, "updated 7");
    after(stage, "40s");
    expect_wanted(stage, 7, 1);
    assert_int_equal(view_of(stage).sequence, 3);
    assert_true(view_of(stage).is_fresh);
}

static void changes_during_a_bus_outage_are_read_afterwards(void **state)
{
    struct stage *stage = *state = stage_new();
    given(stage, "app 7 v1 x2");
    bus_goes_away(stage);
    after(stage, "5s");
    assert_false(view_of(stage).is_fresh);
    bus_comes_back(stage);
    given(stage, "app 7 v1 x3 untold");
    after(stage, "4s");
    expect_wanted(stage, 7, 3);
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
        story(all_pages_are_read_at_the_start),
        story(a_delta_in_sequence_is_taken_as_it_comes),
        story(a_lost_delta_shows_as_a_gap_and_is_read_from_the_pages),
        story(a_lost_last_delta_is_found_by_the_beat_of_a_controller),
        story(a_lost_last_delta_is_found_by_the_slow_poll),
        story(an_update_without_a_number_is_read_from_the_pages),
        story(controllers_that_are_silent_are_asked_again),
        story(a_controller_that_lags_is_not_believed),
        story(controllers_that_have_lost_their_memory_are_believed_in_the_end),
        story(changes_during_a_bus_outage_are_read_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
