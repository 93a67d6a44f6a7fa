/* What registrations say of an app beside its address (framework, runtime, component), and what requests it gets by
 * that: the "tags" of v1's /varz. Few values are in use, so they are counted in a short list. */
#ifndef CUPOLA_CORE_ROUTER_TABLE_TAGS_H
#define CUPOLA_CORE_ROUTER_TABLE_TAGS_H

#include "core/base/map.h"
#include "core/base/text.h"
#include "core/proto/bus.pb-c.h"

enum { TAGS_MAX_VALUES = 256, TAGS_MAX_SETS = 1024, TAGS_PER_SET = 4, TAGS_MAX_TEXT = 64 };

/* One value of one tag. */
struct tag_value {
    char tag[TAGS_MAX_TEXT], value[TAGS_MAX_TEXT];
    uint64_t requests, samples, latency_us;
    uint64_t responses[6]; /* By hundreds, as in struct stats. */
};

struct tag_set;

struct tags {
    struct tag_value *values; /* In the order of their first sight. */
    size_t value_count;
    struct tag_set *sets;
    struct tag_set *sets_by_number[TAGS_MAX_SETS + 1];
    size_t set_count;
};

/* The number of the message's tags; 0 if it has none, or if there are too many different ones. */
uint16_t tags_number(struct tags *tags, const Cupola__RouterRegister *message);
void tags_count(struct tags *tags, uint16_t number, int status, uint64_t latency_ns);
/* Appends {"framework":{"node":{"requests":...}}}. */
void tags_write(const struct tags *tags, struct text *json);
void tags_free(struct tags *tags);

#endif
