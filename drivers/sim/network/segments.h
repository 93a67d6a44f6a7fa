/* A ring of the pieces of a stream, in order: on their way, arrived, or waiting to leave. */
#ifndef CUPOLA_DRIVERS_SIM_NETWORK_SEGMENTS_H
#define CUPOLA_DRIVERS_SIM_NETWORK_SEGMENTS_H

#include "core/base/buffer.h"

enum segment_kind {
    SEGMENT_DATA = 0,
    SEGMENT_ANSWER, /* To a connect: yes. */
    SEGMENT_END,    /* The sender has finished. */
    SEGMENT_RESET,
};

struct segment {
    enum segment_kind kind;
    struct slice slice; /* Kept. DATA only. */
    uint64_t sent_ns;
    uint64_t arrives_ns;
    uint64_t tag; /* Of socket_send; 0 for plain writes. */
};

struct segments {
    struct segment *items;
    uint32_t first;
    uint32_t count;
    uint32_t capacity; /* A power of two, or 0. */
};

struct segment *segments_at(const struct segments *segments, uint32_t index);
void segments_push(struct segments *segments, const struct segment *segment);
/* Takes the first one out; its reference is given. */
struct segment segments_pop(struct segments *segments);
/* Drops all from `index` on. */
void segments_cut(struct segments *segments, uint32_t index);
void segments_release(struct segments *segments);

#endif
