/* The token bucket of starts, and when healing slows down or holds back. */
#include "core/health_manager/healing/brake.h"

#include "core/base/assert.h"
#include "core/base/duration.h"

enum {
    FEW = 10,         /* Instances that are no share of anything. */
    SLOWED_DOWN = 20, /* Times slower in a meltdown. */
};

static uint64_t cost_ns(const struct brake *brake)
{
    return NS_PER_S / brake->limits.starts_per_s;
}

static uint64_t full_ns(const struct brake *brake)
{
    return cost_ns(brake) * brake->limits.starts_burst;
}

void hm_brake_open(struct brake *brake, const struct brake_limits *limits, uint64_t now_ns)
{
    *brake = (struct brake){.limits = *limits, .filled_at_ns = now_ns, .window_began_ns = now_ns};
    if (brake->limits.starts_per_s == 0)
        brake->limits.starts_per_s = 1;
    if (brake->limits.starts_burst == 0)
        brake->limits.starts_burst = 1;
    if (brake->limits.in_flight_most == 0)
        brake->limits.in_flight_most = 1;
    brake->level = full_ns(brake);
}

static void fill(struct brake *brake, uint64_t now_ns)
{
    assert_that(now_ns >= brake->filled_at_ns);
    uint64_t filled_ns = (now_ns - brake->filled_at_ns) / (brake->is_slow ? SLOWED_DOWN : 1);
    if (filled_ns > 0)
        brake->filled_at_ns = now_ns;
    brake->level += filled_ns;
    if (brake->level > full_ns(brake))
        brake->level = full_ns(brake);
}

bool hm_brake_take_start(struct brake *brake, uint64_t now_ns)
{
    fill(brake, now_ns);
    if (brake->level < cost_ns(brake) || brake->in_flight >= brake->limits.in_flight_most) {
        brake->is_scarce = true;
        return false;
    }
    brake->level -= cost_ns(brake);
    brake->in_flight++;
    return true;
}

size_t hm_brake_starts_left(struct brake *brake, uint64_t now_ns)
{
    fill(brake, now_ns);
    size_t tokens = (size_t)(brake->level / cost_ns(brake));
    size_t room = brake->in_flight < brake->limits.in_flight_most ? brake->limits.in_flight_most - brake->in_flight : 0;
    return tokens < room ? tokens : room;
}

static bool is_share(size_t part, size_t all, uint64_t percent)
{
    return part > FEW && (uint64_t)part * 100 > (uint64_t)all * percent;
}

void hm_brake_note_silence(struct brake *brake, uint64_t now_ns)
{
    if (now_ns - brake->window_began_ns > brake->limits.window_ns) {
        brake->window_began_ns = now_ns;
        brake->fell_silent = 0;
    }
    brake->fell_silent++;
    if (brake->is_slow || !is_share(brake->fell_silent, brake->live, brake->limits.meltdown_percent))
        return;
    brake->is_slow = true;
    brake->filled_at_ns = now_ns;
    if (brake->level > cost_ns(brake) * FEW)
        brake->level = cost_ns(brake) * FEW; /* No burst either. */
}

void hm_brake_begin_pass(struct brake *brake)
{
    brake->live_so_far = brake->unknown_so_far = brake->in_flight_so_far = 0;
}

void hm_brake_count(struct brake *brake)
{
    brake->in_flight = brake->in_flight_so_far;
    brake->is_scarce = false;
}

/* `live` is what ran before anything fell silent: while the window lasts it does not shrink. */
void hm_brake_end_pass(struct brake *brake, uint64_t now_ns)
{
    bool is_window_over = now_ns - brake->window_began_ns > brake->limits.window_ns;
    if (is_window_over) {
        brake->is_slow = false;
        brake->fell_silent = 0;
    }
    if (is_window_over || brake->live_so_far > brake->live)
        brake->live = brake->live_so_far;
    brake->unknown = brake->unknown_so_far;
    brake->holds_stops = is_share(brake->unknown, brake->live_so_far, brake->limits.unknown_stop_percent);
}

void hm_brake_add_reasons(const struct brake *brake, struct text *json)
{
    const char *comma = "";
    if (brake->is_slow) {
        text_addf(json, "\"%zu of %zu instances fell silent at once: starts are slowed down\"", brake->fell_silent,
                  brake->live);
        comma = ",";
    }
    if (brake->is_scarce) {
        text_addf(json, "%s\"starts wait: %zu are in flight, and %llu a second may begin\"", comma, brake->in_flight,
                  (unsigned long long)brake->limits.starts_per_s / (brake->is_slow ? SLOWED_DOWN : 1));
        comma = ",";
    }
    if (brake->holds_stops)
        text_addf(json, "%s\"%zu of %zu instances belong to apps that no controller knows: none of them is stopped\"",
                  comma, brake->unknown, brake->live_so_far);
}
