/* What protects a link from its peer: frames that cost nothing are counted, silence has an end. */
#include "core/base/duration.h"
#include "core/http2/stream.h"

bool guard_count(struct h2_link *link)
{
    uint64_t now_ns = link->machine->now_ns;
    uint64_t forgotten = (now_ns - link->cheap_since_ns) / (NS_PER_S / H2_CHEAP_FRAMES_A_SECOND);
    if (forgotten > 0) {
        link->cheap_count = forgotten < link->cheap_count ? link->cheap_count - (uint32_t)forgotten : 0;
        link->cheap_since_ns = now_ns;
    }
    return ++link->cheap_count <= H2_CHEAP_FRAMES;
}

static void on_timer(struct timer *timer);

static uint64_t due_ns(const struct h2_link *link)
{
    uint64_t due = NEVER_NS;
    if (link->opening_since_ns != 0)
        due = link->opening_since_ns + link->limits->header_ns;
    if (link->active_count == 0 && link->idle_since_ns + link->limits->idle_ns < due)
        due = link->idle_since_ns + link->limits->idle_ns;
    return due;
}

static void on_timer(struct timer *timer)
{
    struct h2_link *link = container_of(timer, struct h2_link, timer);
    uint64_t due = due_ns(link);
    if (due <= link->machine->now_ns) {
        bool is_late = link->opening_since_ns != 0;
        nghttp2_session_terminate_session(link->session, is_late ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_NO_ERROR);
        link->is_dead = true;
        h2_wake_link(link);
    } else if (due != NEVER_NS) {
        timer_set_at(link->machine, timer, due, on_timer);
    }
}

/* A timer that is set too early looks again: a busy link costs it nothing. */
void guard_arm(struct h2_link *link)
{
    if (link->active_count > 0)
        link->idle_since_ns = link->machine->now_ns;
    uint64_t due = due_ns(link);
    if (due != NEVER_NS && !link->is_dead && (!timer_is_set(&link->timer) || link->timer.at_ns > due))
        timer_set_at(link->machine, &link->timer, due, on_timer);
}
