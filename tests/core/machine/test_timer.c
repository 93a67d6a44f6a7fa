/* Timers: many deadlines of a component as the one that the driver knows. */
#include "tests/core/machine/small_machine.h"

#include "core/base/random.h"

static void tell(struct timer *timer)
{
    struct small_timer *small_timer = container_of(timer, struct small_timer, timer);
    text_addf(&small_timer->small->told, "%d ", small_timer->name);
}

static void set(struct small *small, int name, uint64_t at_ns)
{
    small->timers[name].small = small;
    small->timers[name].name = name;
    timer_set_at(&small->machine, &small->timers[name].timer, at_ns, tell);
}

static void set_three(struct small *small)
{
    set(small, 1, 3000);
    set(small, 2, 2000);
    set(small, 3, 2000);
}

static void the_driver_knows_the_earliest(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, set_three);
    assert_int_equal(bench_effect(&bench, EFFECT_DEADLINE)->deadline.at_ns, 2000);
    bench_deadline(&bench, 2000);
    bench_expect(&bench, "2 3 "); /* Due together: in the order in which they were set. */
    assert_int_equal(bench_effect(&bench, EFFECT_DEADLINE)->deadline.at_ns, 3000);
    bench_deadline(&bench, 3500);
    bench_expect(&bench, "1 ");
    assert_null(bench_effect(&bench, EFFECT_DEADLINE)); /* A spent deadline needs no other word. */
    bench_close(&bench);
}

static void set_again_later(struct small *small)
{
    set(small, 2, 9000);
}

static void a_timer_that_is_set_again_fires_once(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, set_three);
    bench_act(&bench, set_again_later);
    bench_deadline(&bench, 5000);
    bench_expect(&bench, "3 1 ");
    bench_deadline(&bench, 9000);
    bench_expect(&bench, "2 ");
    bench_close(&bench);
}

static void cancel_all(struct small *small)
{
    for (int i = 1; i <= 3; i++)
        timer_cancel(&small->machine, &small->timers[i].timer);
    timer_cancel(&small->machine, &small->timers[4].timer); /* Was never set. */
}

static void cancelled_timers_do_not_fire_and_the_driver_hears_of_it(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, set_three);
    assert_true(timer_is_set(&bench.small->timers[1].timer));
    bench_act(&bench, cancel_all);
    assert_false(timer_is_set(&bench.small->timers[1].timer));
    assert_int_equal(bench_effect(&bench, EFFECT_DEADLINE)->deadline.at_ns, NEVER_NS);
    bench_deadline(&bench, 9000);
    bench_expect(&bench, "");
    bench_close(&bench);
}

static void any_event_fires_what_is_due(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, set_three);
    bench.now_ns = 2500;
    bench_act(&bench, set_again_later); /* Too late for 2 and 3? 2 was moved in time, 3 was not. */
    bench_expect(&bench, "3 ");
    bench_close(&bench);
}

static void set_now(struct small *small);

static void tell_and_set_again(struct timer *timer)
{
    struct small_timer *small_timer = container_of(timer, struct small_timer, timer);
    text_add_string(&small_timer->small->told, "again ");
    set_now(small_timer->small);
}

static void set_now(struct small *small)
{
    small->timers[1].small = small;
    timer_set(&small->machine, &small->timers[1].timer, 0, tell_and_set_again);
}

static void a_timer_that_always_sets_itself_for_now_cannot_hold_the_step(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, set_now);
    text_clear(&bench.small->told);
    bench_deadline(&bench, bench.now_ns);
    bench_expect(&bench, "again ");
    assert_true(bench_effect(&bench, EFFECT_DEADLINE)->deadline.at_ns <= bench.now_ns);
    bench_close(&bench);
}

static void set_never(struct small *small)
{
    small->timers[1].small = small;
    timer_set(&small->machine, &small->timers[1].timer, NEVER_NS - 5, tell);
    timer_set_at(&small->machine, &small->timers[2].timer, NEVER_NS, tell);
}

static void never_is_never(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, set_never);
    assert_false(timer_is_set(&bench.small->timers[1].timer)); /* Its moment lies beyond the end of time. */
    assert_false(timer_is_set(&bench.small->timers[2].timer));
    assert_null(bench_effect(&bench, EFFECT_DEADLINE));
    bench_close(&bench);
}

/* Sets, moves and cancels timers at random, and compares with what a simple list would do. */
struct expectation {
    uint64_t at_ns[SMALL_TIMERS]; /* NEVER_NS: not set. */
    int next_fired;
    uint64_t last_at_ns;
};
static struct expectation expected;
static struct random_stream moves;

static void check_order(struct timer *timer)
{
    int name = container_of(timer, struct small_timer, timer)->name;
    assert_true(expected.at_ns[name] >= expected.last_at_ns);
    for (int i = 0; i < SMALL_TIMERS; i++)
        assert_true(expected.at_ns[i] >= expected.at_ns[name]);
    expected.last_at_ns = expected.at_ns[name];
    expected.at_ns[name] = NEVER_NS;
    expected.next_fired++;
}

static void shuffle(struct small *small)
{
    for (int i = 0; i < 1000; i++) {
        int name = (int)random_below(&moves, SMALL_TIMERS);
        struct small_timer *timer = &small->timers[name];
        timer->name = name;
        if (random_below(&moves, 4) == 0) {
            timer_cancel(&small->machine, &timer->timer);
            expected.at_ns[name] = NEVER_NS;
        } else {
            expected.at_ns[name] = 2000 + random_below(&moves, 10000);
            timer_set_at(&small->machine, &timer->timer, expected.at_ns[name], check_order);
        }
    }
}

static void any_order_of_setting_gives_the_order_of_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct bench bench;
        bench_open(&bench);
        moves = random_named(seed, "test.timers");
        expected = (struct expectation){0};
        for (int i = 0; i < SMALL_TIMERS; i++)
            expected.at_ns[i] = NEVER_NS;
        bench_act(&bench, shuffle);
        bench_deadline(&bench, 7000);
        assert_true(expected.next_fired > 0);
        bench_deadline(&bench, 20000);
        for (int i = 0; i < SMALL_TIMERS; i++)
            assert_int_equal(expected.at_ns[i], NEVER_NS);
        bench_close(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_driver_knows_the_earliest),
        cmocka_unit_test(a_timer_that_is_set_again_fires_once),
        cmocka_unit_test(cancelled_timers_do_not_fire_and_the_driver_hears_of_it),
        cmocka_unit_test(any_event_fires_what_is_due),
        cmocka_unit_test(a_timer_that_always_sets_itself_for_now_cannot_hold_the_step),
        cmocka_unit_test(never_is_never),
        cmocka_unit_test(any_order_of_setting_gives_the_order_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
