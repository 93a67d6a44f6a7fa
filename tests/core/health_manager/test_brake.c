/* The brakes by themselves: the bucket of starts, the meltdown, and the hold on stops. */
#include "core/base/duration.h"
#include "core/health_manager/healing/brake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct brake brake_of(uint64_t starts_per_s, uint64_t starts_burst)
{
    struct brake_limits limits = {
        .starts_per_s = starts_per_s,
        .starts_burst = starts_burst,
        .meltdown_percent = 40,
        .unknown_stop_percent = 10,
        .in_flight_most = 1000000,
        .window_ns = 300 * NS_PER_S,
    };
    struct brake brake;
    hm_brake_open(&brake, &limits, 0);
    return brake;
}

static size_t starts_until_empty(struct brake *brake, uint64_t now_ns)
{
    size_t count = 0;
    while (hm_brake_take_start(brake, now_ns))
        count++;
    return count;
}

/* A full pass that counts so many. */
static void pass(struct brake *brake, size_t live, size_t unknown, uint64_t now_ns)
{
    hm_brake_begin_pass(brake);
    brake->live_so_far = live;
    brake->unknown_so_far = unknown;
    hm_brake_count(brake);
    hm_brake_end_pass(brake, now_ns);
}

static void a_burst_is_followed_by_a_steady_rate(void **state)
{
    (void)state;
    struct brake brake = brake_of(100, 30);
    assert_int_equal(starts_until_empty(&brake, 0), 30);
    assert_true(brake.is_scarce);
    assert_int_equal(starts_until_empty(&brake, 5 * NS_PER_MS), 0);
    assert_int_equal(starts_until_empty(&brake, 10 * NS_PER_MS), 1); /* The first 5 ms were not lost. */
    assert_int_equal(starts_until_empty(&brake, 110 * NS_PER_MS), 10);
    assert_int_equal(starts_until_empty(&brake, 60 * NS_PER_S), 30);
}

static void limits_of_zero_still_heal(void **state)
{
    (void)state;
    struct brake brake = brake_of(0, 0);
    assert_int_equal(starts_until_empty(&brake, 0), 1);
    assert_int_equal(starts_until_empty(&brake, 10 * NS_PER_S), 1);
}

static void a_meltdown_slows_healing_down_until_it_is_over(void **state)
{
    (void)state;
    struct brake brake = brake_of(100, 100);
    pass(&brake, 100, 0, 0);
    for (int i = 0; i < 40; i++)
        hm_brake_note_silence(&brake, NS_PER_S);
    assert_false(brake.is_slow);
    pass(&brake, 60, 0, NS_PER_S); /* Fewer live now; the share is of those before. */
    hm_brake_note_silence(&brake, 2 * NS_PER_S);
    assert_true(brake.is_slow);
    assert_int_equal(starts_until_empty(&brake, 2 * NS_PER_S), 10); /* The burst is gone. */
    assert_int_equal(starts_until_empty(&brake, 4 * NS_PER_S), 10); /* 5 a second instead of 100. */
    pass(&brake, 59, 0, 200 * NS_PER_S);
    assert_true(brake.is_slow);
    pass(&brake, 59, 0, 302 * NS_PER_S);
    assert_false(brake.is_slow);
}

static void a_few_instances_are_no_meltdown(void **state)
{
    (void)state;
    struct brake brake = brake_of(100, 100);
    pass(&brake, 12, 0, 0);
    for (int i = 0; i < 10; i++)
        hm_brake_note_silence(&brake, NS_PER_S);
    assert_false(brake.is_slow);
}

static void losses_far_apart_are_no_meltdown(void **state)
{
    (void)state;
    struct brake brake = brake_of(100, 100);
    pass(&brake, 50, 0, 0);
    for (uint64_t i = 0; i < 40; i++) {
        hm_brake_note_silence(&brake, i * 100 * NS_PER_S);
        pass(&brake, 50, 0, i * 100 * NS_PER_S);
    }
    assert_false(brake.is_slow);
}

static void stops_are_held_when_too_much_is_unknown(void **state)
{
    (void)state;
    struct brake brake = brake_of(100, 100);
    pass(&brake, 1000, 100, 0);
    assert_false(brake.holds_stops);
    pass(&brake, 1000, 101, 0);
    assert_true(brake.holds_stops);
    pass(&brake, 10, 10, 0); /* A few are no share. */
    assert_false(brake.holds_stops);
}

static void no_more_than_so_many_starts_are_in_flight(void **state)
{
    (void)state;
    struct brake brake = brake_of(1000, 1000);
    brake.limits.in_flight_most = 7;
    assert_int_equal(starts_until_empty(&brake, 0), 7);
    assert_true(brake.is_scarce);
    assert_int_equal(hm_brake_starts_left(&brake, NS_PER_S), 0);
    hm_brake_begin_pass(&brake);
    brake.in_flight_so_far = 4; /* Three of them run by now. */
    hm_brake_count(&brake);
    assert_int_equal(hm_brake_starts_left(&brake, NS_PER_S), 3);
    assert_int_equal(starts_until_empty(&brake, NS_PER_S), 3);
}

static void a_brake_says_why(void **state)
{
    (void)state;
    struct text reasons = {0};
    struct brake brake = brake_of(1, 1);
    hm_brake_add_reasons(&brake, &reasons);
    assert_string_equal(text_string(&reasons), "");
    starts_until_empty(&brake, 0);
    brake.holds_stops = true;
    brake.unknown = 30;
    brake.live_so_far = 90;
    hm_brake_add_reasons(&brake, &reasons);
    assert_string_equal(text_string(&reasons),
                        "\"starts wait: 1 are in flight, and 1 a second may begin\","
                        "\"30 of 90 instances belong to apps that no controller knows: none of them is stopped\"");
    text_free(&reasons);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_followed_by_a_steady_rate),
        cmocka_unit_test(limits_of_zero_still_heal),
        cmocka_unit_test(a_meltdown_slows_healing_down_until_it_is_over),
        cmocka_unit_test(a_few_instances_are_no_meltdown),
        cmocka_unit_test(losses_far_apart_are_no_meltdown),
        cmocka_unit_test(stops_are_held_when_too_much_is_unknown),
        cmocka_unit_test(no_more_than_so_many_starts_are_in_flight),
        cmocka_unit_test(a_brake_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
