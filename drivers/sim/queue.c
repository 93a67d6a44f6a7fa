#include "drivers/sim/queue.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/random.h"

enum {
    ARITY = 4,
    MOST_NEAR = 48,   /* A slot with more than that is dealt out before it becomes the heap. */
    MOST_KEPT = 1024, /* Room for so many is kept in an empty bucket. */
};

/* ---- The heap ---- */

static bool is_before(const struct queue_entry *a, const struct queue_entry *b)
{
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns;
    if (a->tie != b->tie)
        return a->tie < b->tie;
    return a->order < b->order;
}

static void settle(struct queue_bucket *near, size_t at, struct queue_entry entry)
{
    near->entries[at] = entry;
    entry.wake->place = (uint32_t)at + 1;
}

static void sift_up(struct queue_bucket *near, size_t at, struct queue_entry entry)
{
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;
        if (!is_before(&entry, &near->entries[parent]))
            break;
        settle(near, at, near->entries[parent]);
        at = parent;
    }
    settle(near, at, entry);
}

static void sift_down(struct queue_bucket *near, size_t at, struct queue_entry entry)
{
    for (;;) {
        size_t first = at * ARITY + 1;
        if (first >= near->count)
            break;
        size_t end = first + ARITY < near->count ? first + ARITY : near->count;
        size_t least = first;
        for (size_t child = first + 1; child < end; child++) {
            if (is_before(&near->entries[child], &near->entries[least]))
                least = child;
        }
        if (!is_before(&near->entries[least], &entry))
            break;
        settle(near, at, near->entries[least]);
        at = least;
    }
    settle(near, at, entry);
}

static void add_near(struct queue_bucket *near, struct queue_entry entry)
{
    near->entries = memory_room(near->entries, near->count, &near->capacity, sizeof *near->entries);
    entry.wake->bucket = 0;
    sift_up(near, near->count++, entry);
}

static void remove_near(struct queue_bucket *near, size_t at)
{
    struct queue_entry last = near->entries[--near->count];
    if (at == near->count)
        return;
    if (at > 0 && is_before(&last, &near->entries[(at - 1) / ARITY]))
        sift_up(near, at, last);
    else
        sift_down(near, at, last);
}

/* ---- The wheels ---- */

static unsigned digit(uint64_t at_ns, unsigned wheel)
{
    return (unsigned)(at_ns >> (wheel * QUEUE_DIGIT_BITS)) % QUEUE_SLOTS;
}

static void add_far(struct queue *queue, struct queue_entry entry)
{
    uint64_t differs = entry.at_ns ^ queue->horizon_ns;
    unsigned wheel = differs == 0 ? 0 : (63 - (unsigned)__builtin_clzll(differs)) / QUEUE_DIGIT_BITS;
    unsigned slot = digit(entry.at_ns, wheel);
    struct queue_bucket *bucket = &queue->slots[wheel][slot];
    bucket->entries = memory_room(bucket->entries, bucket->count, &bucket->capacity, sizeof *bucket->entries);
    bucket->entries[bucket->count++] = entry;
    entry.wake->place = (uint32_t)bucket->count;
    entry.wake->bucket = 1 + wheel * QUEUE_SLOTS + slot;
    queue->used[wheel] |= UINT64_C(1) << slot;
}

static void remove_far(struct queue *queue, const struct wake *wake)
{
    unsigned wheel = (wake->bucket - 1) / QUEUE_SLOTS, slot = (wake->bucket - 1) % QUEUE_SLOTS;
    struct queue_bucket *bucket = &queue->slots[wheel][slot];
    struct queue_entry last = bucket->entries[--bucket->count];
    if (last.wake != wake) {
        bucket->entries[wake->place - 1] = last;
        last.wake->place = wake->place;
    }
    if (bucket->count == 0)
        queue->used[wheel] &= ~(UINT64_C(1) << slot);
}

static void empty(struct queue *queue, unsigned wheel, unsigned slot)
{
    struct queue_bucket *bucket = &queue->slots[wheel][slot];
    bucket->count = 0;
    queue->used[wheel] &= ~(UINT64_C(1) << slot);
    if (bucket->capacity > MOST_KEPT) {
        memory_free(bucket->entries);
        *bucket = (struct queue_bucket){0};
    }
}

/* No slot of a coarse wheel holds the horizon: what is due in the same slot as the horizon is in a finer one. */
static void move_horizon(struct queue *queue, uint64_t at_ns)
{
    uint64_t differs = at_ns ^ queue->horizon_ns;
    queue->horizon_ns = at_ns;
    for (unsigned wheel = 1; wheel < QUEUE_WHEELS && differs >> (wheel * QUEUE_DIGIT_BITS) != 0; wheel++) {
        unsigned slot = digit(at_ns, wheel);
        const struct queue_bucket *bucket = &queue->slots[wheel][slot];
        if (bucket->count == 0)
            continue;
        for (size_t i = 0; i < bucket->count; i++)
            add_far(queue, bucket->entries[i]);
        empty(queue, wheel, slot);
    }
}

/* Where a slot begins that is after the horizon. */
static uint64_t slot_begin_ns(const struct queue *queue, unsigned wheel, unsigned slot)
{
    unsigned above = (wheel + 1) * QUEUE_DIGIT_BITS;
    uint64_t high = above >= 64 ? 0 : queue->horizon_ns >> above << above;
    return high | (uint64_t)slot << (wheel * QUEUE_DIGIT_BITS);
}

/* Something waits, and the heap is empty. */
static void refill(struct queue *queue)
{
    for (;;) {
        unsigned wheel = 0;
        while (queue->used[wheel] == 0)
            wheel++;
        unsigned slot = (unsigned)__builtin_ctzll(queue->used[wheel]);
        uint64_t begin_ns = slot_begin_ns(queue, wheel, slot);
        const struct queue_bucket *bucket = &queue->slots[wheel][slot];
        if (wheel > 0 && bucket->count > MOST_NEAR) {
            move_horizon(queue, begin_ns);
            continue;
        }
        for (size_t i = 0; i < bucket->count; i++)
            add_near(&queue->near, bucket->entries[i]);
        empty(queue, wheel, slot);
        uint64_t end_ns = begin_ns + (UINT64_C(1) << (wheel * QUEUE_DIGIT_BITS));
        move_horizon(queue, end_ns == 0 ? UINT64_MAX : end_ns);
        return;
    }
}

/* ---- The queue ---- */

void queue_release(struct queue *queue)
{
    memory_free(queue->near.entries);
    for (unsigned wheel = 0; wheel < QUEUE_WHEELS; wheel++) {
        for (unsigned slot = 0; slot < QUEUE_SLOTS; slot++)
            memory_free(queue->slots[wheel][slot].entries);
    }
    *queue = (struct queue){.seed = queue->seed};
}

void queue_put(struct queue *queue, struct wake *wake, uint64_t at_ns)
{
    assert_that(wake->happen != NULL);
    queue_drop(queue, wake);
    wake->at_ns = at_ns;
    struct queue_entry entry = {
        .at_ns = at_ns,
        .tie = random_mix(queue->seed ^ wake->key, at_ns),
        .order = ++queue->order,
        .wake = wake,
    };
    queue->count++;
    assert_that(queue->count < UINT32_MAX);
    if (at_ns < queue->horizon_ns)
        add_near(&queue->near, entry);
    else
        add_far(queue, entry);
}

void queue_drop(struct queue *queue, struct wake *wake)
{
    if (wake->place == 0)
        return;
    if (wake->bucket == 0) {
        assert_that(queue->near.entries[wake->place - 1].wake == wake);
        remove_near(&queue->near, wake->place - 1);
    } else {
        remove_far(queue, wake);
    }
    wake->place = 0;
    queue->count--;
}

struct wake *queue_first(struct queue *queue)
{
    if (queue->count == 0)
        return NULL;
    if (queue->near.count == 0)
        refill(queue);
    return queue->near.entries[0].wake;
}

struct wake *queue_take(struct queue *queue)
{
    struct wake *wake = queue_first(queue);
    if (wake != NULL)
        queue_drop(queue, wake);
    return wake;
}

struct wake *queue_each(const struct queue *queue, uint64_t *at)
{
    for (uint64_t number = *at >> 32; number <= QUEUE_WHEELS * QUEUE_SLOTS; number++, *at = number << 32) {
        const struct queue_bucket *bucket = number == 0 ? &queue->near : &queue->slots[0][0] + number - 1;
        uint32_t index = (uint32_t)*at;
        if (index < bucket->count) {
            ++*at;
            return bucket->entries[index].wake;
        }
    }
    return NULL;
}
