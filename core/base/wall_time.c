#include "core/base/wall_time.h"

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

static int64_t floor_divide(int64_t number, int64_t divisor)
{
    int64_t quotient = number / divisor;
    return number % divisor < 0 ? quotient - 1 : quotient;
}

/* The Gregorian calendar repeats every 400 years (an era); counting years from March puts the leap day last. */
struct wall_date wall_date_of(int64_t wall_s)
{
    int64_t days = floor_divide(wall_s, SECONDS_PER_DAY);
    int second_of_day = (int)(wall_s - days * SECONDS_PER_DAY);
    days += DAYS_TO_1970;
    int64_t era = floor_divide(days, DAYS_PER_ERA);
    int day_of_era = (int)(days - era * DAYS_PER_ERA);
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct wall_date){
        .year = era * 400 + year_of_era + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
        .hour = second_of_day / 3600,
        .minute = second_of_day / 60 % 60,
        .second = second_of_day % 60,
    };
}

void wall_time_add(struct text *text, int64_t wall_s)
{
    struct wall_date date = wall_date_of(wall_s);
    text_addf(text, "%04lld-%02d-%02d %02d:%02d:%02d +0000", (long long)date.year, date.month, date.day, date.hour,
              date.minute, date.second);
}
