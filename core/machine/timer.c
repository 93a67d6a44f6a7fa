#include "core/machine/timer.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"

static bool is_earlier(const struct timer *a, const struct timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void put(struct machine *machine, size_t index, struct timer *timer)
{
    machine->timers[index] = timer;
    timer->place = index + 1;
}

static void sift_up(struct machine *machine, size_t index, struct timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!is_earlier(timer, machine->timers[parent]))
            break;
        put(machine, index, machine->timers[parent]);
        index = parent;
    }
    put(machine, index, timer);
}

static void sift_down(struct machine *machine, size_t index, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= machine->timer_count)
            break;
        if (child + 1 < machine->timer_count && is_earlier(machine->timers[child + 1], machine->timers[child]))
            child++;
        if (!is_earlier(machine->timers[child], timer))
            break;
        put(machine, index, machine->timers[child]);
        index = child;
    }
    put(machine, index, timer);
}

void timer_cancel(struct machine *machine, struct timer *timer)
{
    if (timer->place == 0)
        return;
    size_t index = timer->place - 1;
    assert_that(machine->timers[index] == timer);
    timer->place = 0;
    struct timer *last = machine->timers[--machine->timer_count];
    if (last == timer)
        return;
    if (index > 0 && is_earlier(last, machine->timers[(index - 1) / 2]))
        sift_up(machine, index, last);
    else
        sift_down(machine, index, last);
}

void timer_set_at(struct machine *machine, struct timer *timer, uint64_t at_ns, void (*fire)(struct timer *timer))
{
    assert_that(fire != NULL);
    timer_cancel(machine, timer);
    timer->fire = fire;
    if (at_ns == NEVER_NS)
        return;
    timer->at_ns = at_ns;
    timer->order = ++machine->timer_order;
    machine->timers =
        memory_room(machine->timers, machine->timer_count, &machine->timer_capacity, sizeof *machine->timers);
    sift_up(machine, machine->timer_count++, timer);
}

void timer_set(struct machine *machine, struct timer *timer, uint64_t delay_ns, void (*fire)(struct timer *timer))
{
    uint64_t at_ns = delay_ns > NEVER_NS - machine->now_ns ? NEVER_NS : machine->now_ns + delay_ns;
    timer_set_at(machine, timer, at_ns, fire);
}

bool timer_is_set(const struct timer *timer)
{
    return timer->place != 0;
}

/* Timers that a handler sets for "now" wait for the next deadline event, so that a handler that always re-arms itself
 * cannot hold the step for ever. */
void timers_fire_due(struct machine *machine)
{
    uint64_t newest = machine->timer_order;
    while (machine->timer_count > 0) {
        struct timer *timer = machine->timers[0];
        if (timer->at_ns > machine->now_ns || timer->order > newest)
            break;
        timer_cancel(machine, timer);
        timer->fire(timer);
    }
}

void timers_forget_all(struct machine *machine)
{
    for (size_t i = 0; i < machine->timer_count; i++)
        machine->timers[i]->place = 0;
    machine->timer_count = 0;
}
