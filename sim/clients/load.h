/* What the load of a plan saw: counts and latencies, whole and by windows of a second. */
#ifndef CUPOLA_SIM_CLIENTS_LOAD_H
#define CUPOLA_SIM_CLIENTS_LOAD_H

#include "sim/cloud.h"

struct load_counts {
    uint64_t sent;
    uint64_t ok;        /* Answered with 200 by the app that was asked. */
    uint64_t misrouted; /* Answered by another app. */
    uint64_t refused;   /* No router took the connection. */
    uint64_t reset;     /* The connection broke before the answer was whole. */
    uint64_t timed_out;
    uint64_t errors[6];      /* Answers of class 1xx .. 5xx that are no success; [0] is unused. */
    uint64_t latency_sum_ns; /* Of `ok`. */
};
/* All that did not end well. */
uint64_t load_counts_failed(const struct load_counts *counts);

size_t cloud_load_count(const struct cloud *cloud);
const char *cloud_load_host(const struct cloud *cloud, size_t load);
struct load_counts cloud_load_counts(const struct cloud *cloud, size_t load);
/* Of the second that begins at `second` seconds; zeroed where nothing was sent. Counted when they end. */
struct load_counts cloud_load_window(const struct cloud *cloud, size_t load, size_t second);
size_t cloud_load_window_count(const struct cloud *cloud, size_t load);
/* Latency of successful requests at `permille` (500: the median), rounded up by at most an eighth; 0 without any. */
uint64_t cloud_load_latency_ns(const struct cloud *cloud, size_t load, uint32_t permille);
/* Times the planned rate, as a ratio. */
uint32_t cloud_load_surge(const struct cloud *cloud, size_t load);
void cloud_load_set_surge(struct cloud *cloud, size_t load, uint32_t times);
void cloud_load_stop(struct cloud *cloud, size_t load);
/* One more load than the plan has; returns its number. */
size_t cloud_load_add(struct cloud *cloud, const struct load_plan *plan);

#endif
