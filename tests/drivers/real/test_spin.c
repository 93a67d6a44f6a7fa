/* When a driver stays awake: the clock and the kernel's count are ours. */
#include "drivers/real/spin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t taken; /* How often the core was taken from us. */

static uint64_t times_taken(void)
{
    return taken;
}

#define WINDOW_NS (50 * NS_PER_US)

/* After a pause long enough for all the credit there is. */
static struct spin rested(uint64_t *ret_now_ns)
{
    taken = 0;
    struct spin spin = {.window_ns = WINDOW_NS};
    *ret_now_ns = NS_PER_S;
    assert_false(spin_heard(&spin, *ret_now_ns, times_taken));
    return spin;
}

static void close_traffic_keeps_it_awake(void **state)
{
    (void)state;
    uint64_t now_ns;
    struct spin spin = rested(&now_ns);
    for (int i = 0; i < 1000; i++) {
        now_ns += WINDOW_NS / 2;
        assert_true(spin_heard(&spin, now_ns, times_taken));
        assert_false(spin_is_over(&spin, now_ns + WINDOW_NS - 1));
    }
    assert_true(spin_is_over(&spin, now_ns + WINDOW_NS));
}

static void sparse_traffic_does_not(void **state)
{
    (void)state;
    uint64_t now_ns;
    struct spin spin = rested(&now_ns);
    for (int i = 0; i < 1000; i++) {
        now_ns += SPIN_NEAR * WINDOW_NS;
        assert_false(spin_heard(&spin, now_ns, times_taken));
    }
}

static void nothing_does_where_it_is_switched_off(void **state)
{
    (void)state;
    struct spin spin = {0};
    assert_false(spin_heard(&spin, NS_PER_S, times_taken));
    assert_false(spin_heard(&spin, NS_PER_S + 1, times_taken));
}

/* Always a little later than it waits for. */
static void waiting_in_vain_has_a_bound(void **state)
{
    (void)state;
    uint64_t now_ns;
    struct spin spin = rested(&now_ns);
    uint64_t begin_ns = now_ns;
    uint64_t in_vain_ns = 0;
    while (now_ns < begin_ns + NS_PER_S) {
        now_ns += 2 * WINDOW_NS;
        if (!spin_heard(&spin, now_ns, times_taken))
            continue;
        assert_true(spin_is_over(&spin, now_ns + WINDOW_NS));
        in_vain_ns += WINDOW_NS;
    }
    assert_true(in_vain_ns > NS_PER_S / SPIN_WASTE_PART / 2);
    assert_true(in_vain_ns <= NS_PER_S / SPIN_WASTE_PART + SPIN_WASTE_MOST_US * NS_PER_US);
}

static void others_get_the_core(void **state)
{
    (void)state;
    uint64_t now_ns;
    struct spin spin = rested(&now_ns);
    assert_true(spin_heard(&spin, now_ns += WINDOW_NS, times_taken));
    taken++;
    uint64_t yielding = 0;
    for (int i = 0; i < 1000; i++)
        yielding += !spin_heard(&spin, now_ns += WINDOW_NS, times_taken);
    assert_in_range(yielding, SPIN_YIELD_NS / WINDOW_NS - 1, SPIN_YIELD_NS / WINDOW_NS + 1);
    assert_true(spin_heard(&spin, now_ns + WINDOW_NS, times_taken));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_traffic_keeps_it_awake),
        cmocka_unit_test(sparse_traffic_does_not),
        cmocka_unit_test(nothing_does_where_it_is_switched_off),
        cmocka_unit_test(waiting_in_vain_has_a_bound),
        cmocka_unit_test(others_get_the_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
