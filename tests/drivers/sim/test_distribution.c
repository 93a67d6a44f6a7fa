/* Distributions in integers: their middles and tails are where they should be. */
#include "core/base/memory.h"
#include "drivers/sim/distribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SAMPLES = 20001 };

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The value at `permille` of many samples. */
static uint64_t quantile(struct distribution distribution, size_t permille)
{
    struct random_stream stream = random_named(7, "test.distribution");
    uint64_t *samples = memory_new(SAMPLES * sizeof *samples);
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = distribution_sample(&distribution, &stream);
    qsort(samples, SAMPLES, sizeof *samples, compare);
    uint64_t value = samples[(SAMPLES - 1) * permille / 1000];
    memory_free(samples);
    return value;
}

static void assert_near(uint64_t value, uint64_t expected, uint64_t percent)
{
    assert_in_range(value, expected - expected * percent / 100, expected + expected * percent / 100);
}

static void a_constant_is_always_the_same(void **state)
{
    (void)state;
    assert_int_equal(quantile(distribution_constant(42), 0), 42);
    assert_int_equal(quantile(distribution_constant(42), 1000), 42);
    assert_int_equal(quantile((struct distribution){0}, 500), 0);
}

static void a_uniform_stays_within_its_bounds(void **state)
{
    (void)state;
    struct distribution uniform = distribution_uniform(1000, 3000);
    assert_true(quantile(uniform, 0) >= 1000);
    assert_true(quantile(uniform, 1000) <= 3000);
    assert_near(quantile(uniform, 500), 2000, 3);
}

static void an_exponential_has_its_median_at_ln2_of_its_mean(void **state)
{
    (void)state;
    struct distribution exponential = distribution_exponential(0, 1000000);
    assert_near(quantile(exponential, 500), 693147, 4);
    assert_near(quantile(exponential, 990), 4605170, 6);
    assert_near(distribution_median_ns(&exponential), 693147, 1);
}

static void a_lognormal_has_its_median_and_its_tail(void **state)
{
    (void)state;
    struct distribution lognormal = distribution_lognormal(300000000, 500000);
    assert_near(quantile(lognormal, 500), 300000000, 3);
    assert_near(quantile(lognormal, 841), 494616000, 5); /* One sigma: times e^0.5. */
    assert_near(quantile(lognormal, 159), 181959000, 5);
}

static void a_bimodal_takes_the_seldom_value_as_often_as_it_says(void **state)
{
    (void)state;
    struct distribution bimodal = distribution_bimodal(10, 1000, 100000);
    assert_int_equal(quantile(bimodal, 880), 10);
    assert_int_equal(quantile(bimodal, 920), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_constant_is_always_the_same),
        cmocka_unit_test(a_uniform_stays_within_its_bounds),
        cmocka_unit_test(an_exponential_has_its_median_at_ln2_of_its_mean),
        cmocka_unit_test(a_lognormal_has_its_median_and_its_tail),
        cmocka_unit_test(a_bimodal_takes_the_seldom_value_as_often_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
