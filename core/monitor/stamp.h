/* Moments and spans as v1 components print them. */
#ifndef CUPOLA_CORE_MONITOR_STAMP_H
#define CUPOLA_CORE_MONITOR_STAMP_H

#include <stdint.h>

enum { STAMP_SIZE = 48 };

/* "2026-11-22 19:34:22 +0000", always in UTC. `seconds` since 1970. */
void stamp_format_moment(char ret_text[STAMP_SIZE], int64_t seconds);
/* "0d:0h:0m:1s" */
void stamp_format_uptime(char ret_text[STAMP_SIZE], uint64_t seconds);

#endif
