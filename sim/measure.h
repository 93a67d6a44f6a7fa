/* Measurements of a run, by name: what reports print and campaigns gather. */
#ifndef CUPOLA_SIM_MEASURE_H
#define CUPOLA_SIM_MEASURE_H

#include "sim/cloud.h"

enum measure_unit { UNIT_COUNT = 1, UNIT_NS, UNIT_BYTES };

struct measurement {
    const char *name; /* "time to recovery" */
    enum measure_unit unit;
    uint64_t value;
    uint64_t at_ns;
};

/* Adds one; a name may be recorded several times. */
void cloud_record(struct cloud *cloud, const char *name, enum measure_unit unit, uint64_t value);
/* Adds those that every run has: per load the requests, failures and latencies; steps; virtual time. */
void cloud_record_totals(struct cloud *cloud);
size_t cloud_measurement_count(const struct cloud *cloud);
const struct measurement *cloud_measurement(const struct cloud *cloud, size_t index);
/* "3.214 s", "17", "1.5 MB": the value for people. Appended. */
void measure_print(const struct measurement *measurement, struct text *ret_text);

#endif
