#include "core/router/monitor/stats.h"

#include "core/base/duration.h"

enum { RATE_WINDOW_S = 10 };

static struct stats_second *second_of(struct stats *stats, uint64_t now_ns)
{
    uint64_t second = now_ns / NS_PER_S;
    struct stats_second *slot = &stats->window[second % STATS_WINDOW_S];
    if (slot->second != second)
        *slot = (struct stats_second){.second = second};
    return slot;
}

void stats_count_request(struct stats *stats, uint64_t now_ns)
{
    stats->requests++;
    second_of(stats, now_ns)->requests++;
}

void stats_count_response(struct stats *stats, uint64_t now_ns, int status, uint64_t latency_ns)
{
    int class = status / 100;
    stats->responses[class >= 2 && class <= 5 ? class : 0]++;
    struct stats_second *second = second_of(stats, now_ns);
    second->samples++;
    second->latency_us += latency_ns / NS_PER_US;
}

struct stats_minute stats_last_minute(const struct stats *stats, uint64_t now_ns)
{
    uint64_t now_s = now_ns / NS_PER_S;
    uint64_t recent_requests = 0, latency_us = 0;
    struct stats_minute minute = {0};
    for (size_t i = 0; i < STATS_WINDOW_S; i++) {
        const struct stats_second *second = &stats->window[i];
        if (second->second > now_s || now_s - second->second >= STATS_WINDOW_S)
            continue;
        minute.samples += second->samples;
        latency_us += second->latency_us;
        if (second->second < now_s && now_s - second->second <= RATE_WINDOW_S)
            recent_requests += second->requests;
    }
    minute.latency_ms = latency_us / 1000;
    minute.requests_per_second = recent_requests / RATE_WINDOW_S;
    return minute;
}
