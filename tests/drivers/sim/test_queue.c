/* The event queue: time first, then a tie-break that the seed decides. */
#include "core/base/memory.h"
#include "core/base/random.h"
#include "drivers/sim/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WAKES = 2000 };

static void nothing(struct wake *wake)
{
    (void)wake;
}

static void fill(struct queue *queue, struct wake *wakes, size_t count, uint64_t seed, uint64_t spread)
{
    struct random_stream stream = random_named(seed, "test.times");
    queue->seed = seed;
    for (size_t i = 0; i < count; i++) {
        wakes[i] = (struct wake){.happen = nothing, .key = i};
        queue_put(queue, &wakes[i], random_below(&stream, spread));
    }
}

static void wakes_come_out_in_the_order_of_their_times(void **state)
{
    (void)state;
    struct queue queue = {0};
    struct wake *wakes = memory_new(WAKES * sizeof *wakes);
    fill(&queue, wakes, WAKES, 1, 100000);
    uint64_t last_ns = 0;
    for (size_t i = 0; i < WAKES; i++) {
        uint64_t next_ns = queue_next_ns(&queue);
        struct wake *wake = queue_take(&queue);
        assert_non_null(wake);
        assert_true(next_ns >= last_ns);
        assert_int_equal(wake->place, 0);
        last_ns = next_ns;
    }
    assert_null(queue_take(&queue));
    assert_true(queue_next_ns(&queue) == UINT64_MAX);
    queue_release(&queue);
    memory_free(wakes);
}

static uint64_t order_of_ties(uint64_t seed)
{
    struct queue queue = {0};
    struct wake wakes[8];
    fill(&queue, wakes, 8, seed, 1);
    uint64_t order = 0;
    for (int i = 0; i < 8; i++)
        order = order * 8 + queue_take(&queue)->key;
    queue_release(&queue);
    return order;
}

static void ties_are_broken_by_the_seed_and_the_same_way_each_time(void **state)
{
    (void)state;
    assert_true(order_of_ties(1) == order_of_ties(1));
    size_t different = 0;
    for (uint64_t seed = 2; seed < 20; seed++)
        different += order_of_ties(seed) != order_of_ties(1);
    assert_true(different >= 17);
}

static void a_tie_does_not_depend_on_what_else_is_in_the_queue(void **state)
{
    (void)state;
    for (int with_others = 0; with_others < 2; with_others++) {
        struct queue queue = {.seed = 5};
        struct wake first = {.happen = nothing, .key = 11}, second = {.happen = nothing, .key = 12};
        struct wake other = {.happen = nothing, .key = 13};
        if (with_others)
            queue_put(&queue, &other, 3);
        queue_put(&queue, &first, 10);
        queue_put(&queue, &second, 10);
        if (with_others)
            assert_ptr_equal(queue_take(&queue), &other);
        bool is_first = random_mix(5 ^ 11, 10) < random_mix(5 ^ 12, 10);
        assert_ptr_equal(queue_take(&queue), is_first ? &first : &second);
        queue_release(&queue);
    }
}

static void dropped_and_moved_wakes_leave_the_others_in_order(void **state)
{
    (void)state;
    struct queue queue = {0};
    struct wake *wakes = memory_new(WAKES * sizeof *wakes);
    fill(&queue, wakes, WAKES, 2, 1000);
    for (size_t i = 0; i < WAKES; i += 3)
        queue_drop(&queue, &wakes[i]);
    for (size_t i = 1; i < WAKES; i += 3)
        queue_put(&queue, &wakes[i], 5000 - wakes[i].at_ns);
    uint64_t last_ns = 0;
    size_t count = 0;
    for (struct wake *wake = queue_take(&queue); wake != NULL; wake = queue_take(&queue)) {
        assert_true(wake->at_ns >= last_ns);
        assert_true((size_t)(wake - wakes) % 3 != 0);
        last_ns = wake->at_ns;
        count++;
    }
    assert_int_equal(count, WAKES - (WAKES + 2) / 3);
    queue_release(&queue);
    memory_free(wakes);
}

/* What is next, found by looking at all. */
static struct wake *naive_first(const struct queue *queue, struct wake *wakes, const uint64_t *orders, size_t count)
{
    struct wake *first = NULL;
    uint64_t first_tie = 0;
    for (size_t i = 0; i < count; i++) {
        struct wake *wake = &wakes[i];
        uint64_t tie = random_mix(queue->seed ^ wake->key, wake->at_ns);
        if (orders[i] == 0)
            continue;
        bool is_first = first == NULL || wake->at_ns < first->at_ns;
        if (!is_first && wake->at_ns == first->at_ns)
            is_first = tie < first_tie || (tie == first_tie && orders[i] < orders[first - wakes]);
        first_tie = is_first ? tie : first_tie;
        first = is_first ? wake : first;
    }
    return first;
}

static void count_each(const struct queue *queue, const uint64_t *orders, const struct wake *wakes, size_t count)
{
    size_t queued = 0, seen = 0;
    for (size_t i = 0; i < count; i++)
        queued += orders[i] != 0;
    uint64_t at = 0;
    for (const struct wake *wake = queue_each(queue, &at); wake != NULL; wake = queue_each(queue, &at)) {
        assert_true(orders[wake - wakes] != 0);
        seen++;
    }
    assert_int_equal(seen, queued);
    assert_int_equal(queue->count, queued);
}

/* Puts, moves, drops, looks and takes at random; times from the same moment to centuries ahead, and after a look also
 * before what was seen next. Some wakes share their key, so that only the order of putting parts them. */
static void a_random_history(uint64_t seed)
{
    enum { COUNT = 300, CALLS = 4000 };
    struct queue queue = {.seed = seed};
    struct random_stream stream = random_named(seed, "test.history");
    struct wake *wakes = memory_new(COUNT * sizeof *wakes);
    uint64_t *orders = memory_new(COUNT * sizeof *orders);
    for (size_t i = 0; i < COUNT; i++)
        wakes[i] = (struct wake){.happen = nothing, .key = i / 3};
    uint64_t now_ns = 0, put = 0, spread = UINT64_C(1) << random_below(&stream, 62);
    for (int call = 0; call < CALLS; call++) {
        size_t i = (size_t)random_below(&stream, COUNT);
        uint64_t what = random_below(&stream, 8);
        struct wake *first = naive_first(&queue, wakes, orders, COUNT);
        if (what < 4) {
            queue_put(&queue, &wakes[i], now_ns + random_below(&stream, random_below(&stream, 4) == 0 ? 2 : spread));
            orders[i] = ++put;
        } else if (what == 4) {
            queue_drop(&queue, &wakes[i]);
            orders[i] = 0;
        } else if (what == 5) {
            assert_true(queue_next_ns(&queue) == (first == NULL ? UINT64_MAX : first->at_ns));
        } else {
            assert_ptr_equal(queue_take(&queue), first);
            if (first != NULL)
                orders[first - wakes] = 0;
            now_ns = first == NULL || first->at_ns > UINT64_MAX / 4 ? 0 : first->at_ns;
        }
        if (call % 500 == 0)
            count_each(&queue, orders, wakes, COUNT);
    }
    queue_release(&queue);
    memory_free(wakes);
    memory_free(orders);
}

static void any_history_agrees_with_looking_at_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        a_random_history(seed);
}

static void the_last_moment_of_all_can_be_waited_for(void **state)
{
    (void)state;
    struct queue queue = {0};
    struct wake last = {.happen = nothing, .key = 1}, other = {.happen = nothing, .key = 2};
    queue_put(&queue, &last, UINT64_MAX);
    assert_ptr_equal(queue_first(&queue), &last);
    queue_put(&queue, &other, UINT64_MAX - 1);
    assert_ptr_equal(queue_take(&queue), &other);
    queue_put(&queue, &other, UINT64_MAX);
    assert_non_null(queue_take(&queue));
    assert_non_null(queue_take(&queue));
    assert_null(queue_take(&queue));
    queue_release(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_come_out_in_the_order_of_their_times),
        cmocka_unit_test(ties_are_broken_by_the_seed_and_the_same_way_each_time),
        cmocka_unit_test(a_tie_does_not_depend_on_what_else_is_in_the_queue),
        cmocka_unit_test(dropped_and_moved_wakes_leave_the_others_in_order),
        cmocka_unit_test(any_history_agrees_with_looking_at_all),
        cmocka_unit_test(the_last_moment_of_all_can_be_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
