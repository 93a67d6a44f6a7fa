/* Calendar dates, against dates that everybody can look up. */
#include "core/base/wall_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_shown(int64_t wall_s, const char *expected)
{
    struct text text = {0};
    wall_time_add(&text, wall_s);
    assert_string_equal(text_string(&text), expected);
    text_free(&text);
}

static void known_moments_have_their_known_dates(void **state)
{
    (void)state;
    assert_shown(0, "1970-01-01 00:00:00 +0000");
    assert_shown(1795376062, "2026-11-22 19:34:22 +0000");
    assert_shown(951827696, "2000-02-29 12:34:56 +0000");
    assert_shown(4107542399, "2100-02-28 23:59:59 +0000");
    assert_shown(4107542400, "2100-03-01 00:00:00 +0000"); /* 2100 is no leap year. */
    assert_shown(-1, "1969-12-31 23:59:59 +0000");
}

static void days_follow_each_other_for_four_centuries(void **state)
{
    (void)state;
    struct wall_date before = wall_date_of(0);
    for (int64_t day = 1; day < 146097; day++) {
        struct wall_date date = wall_date_of(day * 86400);
        if (date.day == 1)
            assert_true(before.day >= 28 && date.month == before.month % 12 + 1);
        else
            assert_true(date.day == before.day + 1 && date.month == before.month);
        before = date;
    }
    assert_int_equal(before.year, 2369);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_moments_have_their_known_dates),
        cmocka_unit_test(days_follow_each_other_for_four_centuries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
