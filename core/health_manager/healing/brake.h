/* Brakes: healing must not be the next failure.
 *
 * Starts go through a token bucket, so that the loss of many hosts does not become a herd on the others. When a large
 * share of the fleet falls silent at once, it is more likely that we do not hear it than that it died: the bucket then
 * fills slowly. No more starts than so many are in flight at a time. And no controller that has lost its memory can
 * have more than a small share of the fleet stopped: when too much of what runs belongs to apps that nobody knows,
 * nothing is stopped for that reason, and people are told.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_HEALING_BRAKE_H
#define CUPOLA_CORE_HEALTH_MANAGER_HEALING_BRAKE_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct brake_limits {
    uint64_t starts_per_s;
    uint64_t starts_burst;
    uint64_t meltdown_percent;
    uint64_t unknown_stop_percent;
    size_t in_flight_most; /* Starts asked for and not yet running. */
    uint64_t window_ns;    /* Silence within it is one event. */
};

struct brake {
    struct brake_limits limits;
    uint64_t level; /* Nanoseconds of filling that are left: one start costs NS_PER_S / starts_per_s. */
    uint64_t filled_at_ns;
    bool is_scarce; /* A start had to wait since the last full pass began. */
    bool is_slow;
    bool holds_stops;
    bool told_slow, told_scarce, told_holding; /* To people. */
    uint64_t window_began_ns;
    size_t fell_silent;                                   /* Instances, in this window. */
    size_t live, unknown;                                 /* As the last full pass counted them, */
    size_t in_flight;                                     /* and what was asked for since then. */
    size_t live_so_far, unknown_so_far, in_flight_so_far; /* Of the pass that is under way. */
};

void hm_brake_open(struct brake *brake, const struct brake_limits *limits, uint64_t now_ns);
/* Takes one token; false if there is none now. */
bool hm_brake_take_start(struct brake *brake, uint64_t now_ns);
/* How many would be given now. */
size_t hm_brake_starts_left(struct brake *brake, uint64_t now_ns);
void hm_brake_note_silence(struct brake *brake, uint64_t now_ns);

/* Around a full pass, which counts into live_so_far, unknown_so_far and in_flight_so_far; in its middle, before it asks
 * for starts, the count is taken over. */
void hm_brake_begin_pass(struct brake *brake);
void hm_brake_count(struct brake *brake);
void hm_brake_end_pass(struct brake *brake, uint64_t now_ns);

/* Why healing is slow or held back, as JSON texts: `"a","b"`; nothing while it is not. */
void hm_brake_add_reasons(const struct brake *brake, struct text *json);

#endif
