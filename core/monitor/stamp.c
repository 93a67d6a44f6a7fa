/* Moments and spans as text: the proleptic Gregorian calendar in UTC, without libc's time zones. */
#include "core/monitor/stamp.h"

#include <stdio.h>

enum {
    DAYS_IN_ERA = 146097,      /* 400 years repeat exactly. */
    DAYS_BEFORE_1970 = 719468, /* From 0000-03-01. Years begin in March, so that a leap day is the last of its year. */
    SECONDS_IN_DAY = 86400,
    SECONDS_IN_HOUR = 3600,
    SECONDS_IN_MINUTE = 60,
};

struct date {
    int64_t year;
    int month;
    int day;
};

/* Day count to date, after "chrono-compatible low-level date algorithms" (Hinnant 2013). */
static struct date date_of_day(int64_t days_since_1970)
{
    int64_t days = days_since_1970 + DAYS_BEFORE_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_IN_ERA - 1)) / DAYS_IN_ERA;
    int64_t day_of_era = days - era * DAYS_IN_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    return (struct date){
        .year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1),
    };
}

void stamp_format_moment(char ret_text[STAMP_SIZE], int64_t seconds)
{
    int64_t days = seconds / SECONDS_IN_DAY - (seconds % SECONDS_IN_DAY < 0 ? 1 : 0);
    int rest = (int)(seconds - days * SECONDS_IN_DAY);
    struct date date = date_of_day(days);
    snprintf(ret_text, STAMP_SIZE, "%04lld-%02d-%02d %02d:%02d:%02d +0000", (long long)date.year, date.month, date.day,
             rest / SECONDS_IN_HOUR, rest / SECONDS_IN_MINUTE % 60, rest % SECONDS_IN_MINUTE);
}

void stamp_format_uptime(char ret_text[STAMP_SIZE], uint64_t seconds)
{
    snprintf(ret_text, STAMP_SIZE, "%llud:%lluh:%llum:%llus", (unsigned long long)(seconds / SECONDS_IN_DAY),
             (unsigned long long)(seconds / SECONDS_IN_HOUR % 24),
             (unsigned long long)(seconds / SECONDS_IN_MINUTE % 60), (unsigned long long)(seconds % SECONDS_IN_MINUTE));
}
