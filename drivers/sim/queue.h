/* The event queue of a simulated world: what happens next, and nothing in between.
 *
 * Order: time, then a tie-break that is drawn from the seed, then the order of putting. The tie-break is a hash of
 * (seed, key of the wake, time): a fixed order would hide races, and one shared counter would let an event that is
 * added in one place move the ties of all others. Whatever must keep an order (the bytes of a stream) hangs on one
 * wake.
 *
 * What is due before a horizon is in a small heap; what is due later waits unsorted in the slots of a hierarchy of
 * wheels, by the highest digit of its time that differs from the horizon's. When the heap is empty the horizon moves on
 * and the next slot becomes the heap, or is dealt out to finer slots if it is too full. So most wakes are never
 * compared with more than a few others, however many wait. A wake is in the queue at most once.
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
    uint32_t place;  /* In its bucket, from 1; 0 while it is not queued. */
    uint32_t bucket; /* 0: the heap; else that slot, counted over all wheels. */
};

struct queue_entry {
    uint64_t at_ns;
    uint64_t tie;
    uint64_t order;
    struct wake *wake;
};

struct queue_bucket {
    struct queue_entry *entries;
    size_t count;
    size_t capacity;
};

enum { QUEUE_DIGIT_BITS = 6, QUEUE_SLOTS = 1 << QUEUE_DIGIT_BITS, QUEUE_WHEELS = 11 }; /* 66 bits: every time. */

/* Zeroed but for the seed. */
struct queue {
    uint64_t seed;
    uint64_t order;
    size_t count;
    uint64_t horizon_ns;
    struct queue_bucket near;    /* A 4-ary heap of all that is due before the horizon. */
    uint64_t used[QUEUE_WHEELS]; /* A bit for each slot that is not empty. */
    struct queue_bucket slots[QUEUE_WHEELS][QUEUE_SLOTS];
};

/* Forgets all wakes. */
void queue_release(struct queue *queue);

/* Puts it in, or moves it to another time. */
void queue_put(struct queue *queue, struct wake *wake, uint64_t at_ns);
/* Nothing if it is not in there. */
void queue_drop(struct queue *queue, struct wake *wake);
/* The next one, left in; NULL if there is none. */
struct wake *queue_first(struct queue *queue);
/* The next one, taken out; NULL if there is none. */
struct wake *queue_take(struct queue *queue);
/* When the next one is due; UINT64_MAX if there is none. */
static inline uint64_t queue_next_ns(struct queue *queue)
{
    const struct wake *first = queue_first(queue);
    return first == NULL ? UINT64_MAX : first->at_ns;
}

/* Each of them once, in an order that depends on nothing but what was done with the queue: *at begins at 0. NULL after
 * the last. */
struct wake *queue_each(const struct queue *queue, uint64_t *at);

#endif
