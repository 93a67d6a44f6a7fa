/* Two conns joined: what comes from one goes to the other, as fast as the slower one takes it, until one of them has
 * gone, both have ended, or nothing has passed for too long. */
#ifndef CUPOLA_CORE_MACHINE_RELAY_H
#define CUPOLA_CORE_MACHINE_RELAY_H

#include "core/machine/conn.h"
#include "core/machine/timer.h"

/* Embed it, zeroed. */
struct relay {
    struct conn left, right;
    /* The last call: both are closed, and the relay may be freed. */
    void (*on_end)(struct relay *relay);

    /* Private. */
    struct machine *machine;
    uint64_t idle_ns;
    struct timer idle;
    bool is_over;
};

/* Takes two open conns over; nothing of what they have read before is passed on. */
void relay_begin(struct relay *relay, struct conn *left, struct conn *right, uint64_t idle_ns,
                 void (*on_end)(struct relay *relay));
/* Ends it; what was written still leaves, and on_end follows. Nothing if it is ending. */
void relay_close(struct relay *relay);

#endif
