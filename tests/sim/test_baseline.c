/* Percentiles with their intervals, campaigns against a kept one, and results as TAP. */
#include "sim/baseline.h"
#include "sim/report/report.h"
#include "sim/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A campaign whose runs took 1000 ns + seed * slope. */
static Cupola__CampaignResult *make_campaign(uint64_t runs, uint64_t slope, const char *name, const char *failure)
{
    struct campaign *campaign = campaign_new("test.lua", 1, runs);
    for (uint64_t seed = 1; seed <= runs; seed++) {
        Cupola__Measurement measurement = CUPOLA__MEASUREMENT__INIT;
        measurement.name = (char *)(uintptr_t)name;
        measurement.unit = (char *)(uintptr_t) "ns";
        measurement.value = 1000 + seed * slope;
        Cupola__Measurement *measurements[] = {&measurement};
        Cupola__RunResult result = CUPOLA__RUN_RESULT__INIT;
        result.title = (char *)(uintptr_t) "a #title";
        result.seed = seed;
        result.passed = failure == NULL || seed > 2;
        result.failure = (char *)(uintptr_t)(result.passed ? "" : failure);
        result.hash = (char *)(uintptr_t) "1";
        result.n_measurements = 1;
        result.measurements = measurements;
        campaign_add(campaign, &result);
    }
    Cupola__CampaignResult *result = campaign_result(campaign, 1);
    campaign_free(campaign);
    return result;
}

static void an_interval_is_narrow_when_there_is_much(void **state)
{
    (void)state;
    size_t low = 0, high = 0;
    baseline_interval(100, 500, &low, &high); /* Binomial tables: the 41st to the 61st value. */
    assert_in_range(low, 38, 40);
    assert_in_range(high, 59, 61);
    baseline_interval(10000, 500, &low, &high);
    assert_in_range(high - low, 190, 200);
    baseline_interval(1, 990, &low, &high);
    assert_int_equal(low, 0);
    assert_int_equal(high, 0);
    baseline_interval(50, 990, &low, &high);
    assert_int_equal(high, 49);
}

static bool is_not_slower(uint64_t slope, const char *name, const char *ret_expected)
{
    struct text text = {0};
    Cupola__CampaignResult *before = make_campaign(200, 100, "recovery", NULL);
    Cupola__CampaignResult *now = make_campaign(200, slope, name, NULL);
    bool ok = baseline_compare(before, now, &text);
    assert_non_null(strstr(text_string(&text), ret_expected));
    cupola__campaign_result__free_unpacked(before, NULL);
    cupola__campaign_result__free_unpacked(now, NULL);
    text_free(&text);
    return ok;
}

static void slower_is_told_from_chance(void **state)
{
    (void)state;
    assert_true(is_not_slower(100, "recovery", "the same"));
    assert_true(is_not_slower(101, "recovery", "the same"));
    assert_false(is_not_slower(200, "recovery", "SLOWER"));
    assert_true(is_not_slower(30, "recovery", "faster"));
    assert_false(is_not_slower(100, "another", "is measured no more"));
}

static void a_campaign_is_told_as_tap(void **state)
{
    (void)state;
    struct text tap = {0};
    Cupola__CampaignResult *good = make_campaign(3, 1, "x", NULL);
    report_tap_of_campaign(good, &tap);
    assert_string_equal(text_string(&tap), "TAP version 13\n1..1\nok 1 - a \\#title\n# 3 runs, 0 failed\n");
    text_clear(&tap);
    Cupola__CampaignResult *bad = make_campaign(3, 1, "x", "check: \"dea-3\" is\nlost");
    report_tap_of_campaign(bad, &tap);
    assert_string_equal(text_string(&tap), "TAP version 13\n1..1\nnot ok 1 - check: \"dea-\\#\" is lost\n  ---\n"
                                           "  message: \"check: \\\"dea-3\\\" is lost\"\n"
                                           "  reproduce: \"cupola sim run test.lua --seed 1\"\n  ...\n"
                                           "# 3 runs, 2 failed\n");
    cupola__campaign_result__free_unpacked(good, NULL);
    cupola__campaign_result__free_unpacked(bad, NULL);
    text_free(&tap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_is_narrow_when_there_is_much),
        cmocka_unit_test(slower_is_told_from_chance),
        cmocka_unit_test(a_campaign_is_told_as_tap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
