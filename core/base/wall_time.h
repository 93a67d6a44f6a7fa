/* Calendar dates for people and v1 messages, in UTC and without the C library's time zones. */
#ifndef CUPOLA_CORE_BASE_WALL_TIME_H
#define CUPOLA_CORE_BASE_WALL_TIME_H

#include "core/base/text.h"

#include <stdint.h>

struct wall_date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour, minute, second;
};

/* `wall_s`: seconds since 1970. */
struct wall_date wall_date_of(int64_t wall_s);
/* "2026-11-22 19:34:22 +0000", as Router and DEA stamp their messages. */
void wall_time_add(struct text *text, int64_t wall_s);

#endif
