/* When a driver stays awake after it has received something, because more is about to come: to be woken costs 20 us and
 * more, the sender's time among it.
 *
 * Three rules keep it cheap. Only close traffic is waited for: something came less than SPIN_NEAR windows before. What
 * is waited for in vain is a thirty-second part of the time at most. And a core that others want is theirs: after the
 * kernel has taken it from us there is no waiting for SPIN_YIELD_NS. The clock is the caller's. */
#ifndef CUPOLA_DRIVERS_REAL_SPIN_H
#define CUPOLA_DRIVERS_REAL_SPIN_H

#include "core/base/duration.h"

#include <stdbool.h>
#include <stdint.h>

#define SPIN_YIELD_NS (20 * NS_PER_MS)
#define SPIN_LOOK_NS NS_PER_MS /* Between two looks at how often the core was taken from us. */

enum {
    SPIN_NEAR = 4,
    SPIN_WASTE_PART = 32,      /* One in so many ns may be spent in vain... */
    SPIN_WASTE_MOST_US = 2000, /* ...after a pause so many at once. */
    SPIN_US_OF_TRAFFIC = 50,   /* The window of components that pass on what others wait for. */
};

/* Zero it and set window_ns. */
struct spin {
    uint64_t window_ns; /* 0: never. */

    /* Private. */
    uint64_t until_ns; /* 0 while not awake for that. */
    uint64_t heard_ns, looked_ns, yield_until_ns;
    uint64_t credit_ns; /* That may be spent in vain. */
    uint64_t preemptions;
};

/* Something was received. True: do not sleep until spin_is_over. `preemptions` tells how often the core was taken from
 * us since the process began; it is asked once in SPIN_LOOK_NS. */
bool spin_heard(struct spin *spin, uint64_t now_ns, uint64_t (*preemptions)(void));
/* To be asked while awake: nothing came, and that was it. */
bool spin_is_over(struct spin *spin, uint64_t now_ns);

#endif
