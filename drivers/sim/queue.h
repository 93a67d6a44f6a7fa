/* The event queue of a simulated world: what happens next, and nothing in between.
 *
 * Order: time, then a tie-break that is drawn from the seed, then the order of putting. The tie-break is a hash of
 * (seed, key of the wake, time): a fixed order would hide races, and one shared counter would let an event that is
 * added in one place move the ties of all others. Whatever must keep an order (the bytes of a stream) hangs on one
 * wake.
 *
 * Four functions, so that the heap behind them can be replaced. A wake is in the queue at most once.
 */
#ifndef CUPOLA_DRIVERS_SIM_QUEUE_H
#define CUPOLA_DRIVERS_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something that will happen. Embed it, zeroed but for `happen` and `key`; it stays in place while it is queued. */
struct wake {
    void (*happen)(struct wake *wake);
    uint64_t key; /* Says who it is, the same in every run: what ties are drawn from. */

    /* Private. */
    uint64_t at_ns;
    size_t place; /* In the queue, from 1; 0 while it is not in it. */
};

struct queue_entry {
    uint64_t at_ns;
    uint64_t tie;
    uint64_t order;
    struct wake *wake;
};

/* A 4-ary heap. */
struct queue {
    uint64_t seed;
    uint64_t order;
    struct queue_entry *entries;
    size_t count;
    size_t capacity;
};

/* Puts it in, or moves it to another time. */
void queue_put(struct queue *queue, struct wake *wake, uint64_t at_ns);
/* Nothing if it is not in there. */
void queue_drop(struct queue *queue, struct wake *wake);
/* The next one, taken out; NULL if there is none. */
struct wake *queue_take(struct queue *queue);
/* When the next one is due; UINT64_MAX if there is none. */
static inline uint64_t queue_next_ns(const struct queue *queue)
{
    return queue->count == 0 ? UINT64_MAX : queue->entries[0].at_ns;
}

#endif
