#include "sim/cloud_state.h"

#include "core/base/duration.h"
#include "core/base/memory.h"

#include <stdio.h>

void cloud_record(struct cloud *cloud, const char *name, enum measure_unit unit, uint64_t value)
{
    cloud->measurements = memory_grow(cloud->measurements, cloud->measurement_count * sizeof *cloud->measurements,
                                      (cloud->measurement_count + 1) * sizeof *cloud->measurements);
    cloud->measurements[cloud->measurement_count++] = (struct measurement){
        .name = world_keep_label(cloud->world, name), .unit = unit, .value = value, .at_ns = cloud->world->now_ns};
}

static void record_of_load(struct cloud *cloud, size_t load, const char *what, enum measure_unit unit, uint64_t value)
{
    char name[160];
    snprintf(name, sizeof name, "%s: %s", cloud_load_host(cloud, load), what);
    cloud_record(cloud, name, unit, value);
}

void cloud_record_totals(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud_load_count(cloud); i++) {
        struct load_counts counts = cloud_load_counts(cloud, i);
        record_of_load(cloud, i, "requests", UNIT_COUNT, counts.sent);
        record_of_load(cloud, i, "failed requests", UNIT_COUNT, load_counts_failed(&counts));
        record_of_load(cloud, i, "latency p50", UNIT_NS, cloud_load_latency_ns(cloud, i, 500));
        record_of_load(cloud, i, "latency p99", UNIT_NS, cloud_load_latency_ns(cloud, i, 990));
    }
}

size_t cloud_measurement_count(const struct cloud *cloud)
{
    return cloud->measurement_count;
}

const struct measurement *cloud_measurement(const struct cloud *cloud, size_t index)
{
    return &cloud->measurements[index];
}

static void print_scaled(struct text *text, uint64_t value, uint64_t unit, const char *name)
{
    uint64_t thousandths = value % unit * 1000 / unit;
    text_addf(text, "%llu.%03llu %s", (unsigned long long)(value / unit), (unsigned long long)thousandths, name);
}

static void print_duration(struct text *text, uint64_t value_ns)
{
    if (value_ns >= NS_PER_S)
        print_scaled(text, value_ns, NS_PER_S, "s");
    else if (value_ns >= NS_PER_MS)
        print_scaled(text, value_ns, NS_PER_MS, "ms");
    else
        print_scaled(text, value_ns, NS_PER_US, "us");
}

static void print_size(struct text *text, uint64_t bytes)
{
    if (bytes >= 1000000000)
        print_scaled(text, bytes, 1000000000, "GB");
    else if (bytes >= 1000000)
        print_scaled(text, bytes, 1000000, "MB");
    else
        text_addf(text, "%llu B", (unsigned long long)bytes);
}

void measure_print(const struct measurement *measurement, struct text *ret_text)
{
    switch (measurement->unit) {
    case UNIT_COUNT:
        text_addf(ret_text, "%llu", (unsigned long long)measurement->value);
        return;
    case UNIT_NS:
        print_duration(ret_text, measurement->value);
        return;
    case UNIT_BYTES:
        print_size(ret_text, measurement->value);
        return;
    }
}
