#include "drivers/sim/queue.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/random.h"

enum { ARITY = 4 };

static bool is_before(const struct queue_entry *a, const struct queue_entry *b)
{
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns;
    if (a->tie != b->tie)
        return a->tie < b->tie;
    return a->order < b->order;
}

static void settle(struct queue *queue, size_t at, struct queue_entry entry)
{
    queue->entries[at] = entry;
    entry.wake->place = at + 1;
}

static void sift_up(struct queue *queue, size_t at, struct queue_entry entry)
{
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;
        if (!is_before(&entry, &queue->entries[parent]))
            break;
        settle(queue, at, queue->entries[parent]);
        at = parent;
    }
    settle(queue, at, entry);
}

static void sift_down(struct queue *queue, size_t at, struct queue_entry entry)
{
    for (;;) {
        size_t first = at * ARITY + 1;
        if (first >= queue->count)
            break;
        size_t end = first + ARITY < queue->count ? first + ARITY : queue->count;
        size_t least = first;
        for (size_t child = first + 1; child < end; child++) {
            if (is_before(&queue->entries[child], &queue->entries[least]))
                least = child;
        }
        if (!is_before(&queue->entries[least], &entry))
            break;
        settle(queue, at, queue->entries[least]);
        at = least;
    }
    settle(queue, at, entry);
}

void queue_put(struct queue *queue, struct wake *wake, uint64_t at_ns)
{
    assert_that(wake->happen != NULL);
    queue_drop(queue, wake);
    queue->entries = memory_room(queue->entries, queue->count, &queue->capacity, sizeof *queue->entries);
    wake->at_ns = at_ns;
    struct queue_entry entry = {
        .at_ns = at_ns,
        .tie = random_mix(queue->seed ^ wake->key, at_ns),
        .order = ++queue->order,
        .wake = wake,
    };
    sift_up(queue, queue->count++, entry);
}

static void remove_at(struct queue *queue, size_t at)
{
    queue->entries[at].wake->place = 0;
    struct queue_entry last = queue->entries[--queue->count];
    if (at == queue->count)
        return;
    if (at > 0 && is_before(&last, &queue->entries[(at - 1) / ARITY]))
        sift_up(queue, at, last);
    else
        sift_down(queue, at, last);
}

void queue_drop(struct queue *queue, struct wake *wake)
{
    if (wake->place == 0)
        return;
    assert_that(queue->entries[wake->place - 1].wake == wake);
    remove_at(queue, wake->place - 1);
}

struct wake *queue_take(struct queue *queue)
{
    if (queue->count == 0)
        return NULL;
    struct wake *wake = queue->entries[0].wake;
    remove_at(queue, 0);
    return wake;
}
