/* One deadline of a component. Embed it, zeroed; set it as often as needed; it fires once. Timers that are due at the
 * same time fire in the order in which they were set. */
#ifndef CUPOLA_CORE_MACHINE_TIMER_H
#define CUPOLA_CORE_MACHINE_TIMER_H

#include "core/machine/machine.h"

struct timer {
    void (*fire)(struct timer *timer);

    /* Private. */
    uint64_t at_ns;
    uint64_t order;
    size_t place; /* In the heap, from 1; 0 while not set. */
};

/* (Re)arms the timer for a moment (which may be past: it then fires before this step's successor). */
void timer_set_at(struct machine *machine, struct timer *timer, uint64_t at_ns, void (*fire)(struct timer *timer));
/* The same, `delay_ns` from now. */
void timer_set(struct machine *machine, struct timer *timer, uint64_t delay_ns, void (*fire)(struct timer *timer));
/* Nothing if it is not set. */
void timer_cancel(struct machine *machine, struct timer *timer);
bool timer_is_set(const struct timer *timer);

/* For core/machine: fires all that are due. */
void timers_fire_due(struct machine *machine);
/* None is set any more: owners may now be freed in any order. */
void timers_forget_all(struct machine *machine);

#endif
