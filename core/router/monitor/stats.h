/* What /varz tells about requests: counters, and latency and rate over the last minute. Integers only. */
#ifndef CUPOLA_CORE_ROUTER_MONITOR_STATS_H
#define CUPOLA_CORE_ROUTER_MONITOR_STATS_H

#include "core/router/back/failure.h"

#include <stddef.h>
#include <stdint.h>

enum { STATS_WINDOW_S = 60 };

/* One second of the window. */
struct stats_second {
    uint64_t second;
    uint64_t requests;
    uint64_t samples;
    uint64_t latency_us;
};

struct stats {
    uint64_t requests;
    uint64_t responses[6]; /* By hundreds: [2] is 2xx; [0] is everything else. */
    uint64_t bad_requests; /* Answered by the router itself with 4xx. */
    uint64_t retries, refused_connections, upgrades, bad_proxy_headers;
    uint64_t failures[FAILURE_COUNT];
    struct stats_second window[STATS_WINDOW_S];
};

/* The sums of the window. */
struct stats_minute {
    uint64_t requests_per_second; /* Over the last whole seconds, at most ten. */
    uint64_t samples;
    uint64_t latency_ms;
};

void stats_count_request(struct stats *stats, uint64_t now_ns);
void stats_count_response(struct stats *stats, uint64_t now_ns, int status, uint64_t latency_ns);
struct stats_minute stats_last_minute(const struct stats *stats, uint64_t now_ns);

#endif
