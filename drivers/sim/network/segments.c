#include "drivers/sim/network/segments.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

enum { FIRST_CAPACITY = 4 };

struct segment *segments_at(const struct segments *segments, uint32_t index)
{
    assert_that(index < segments->count);
    return &segments->items[(segments->first + index) & (segments->capacity - 1)];
}

static void grow(struct segments *segments)
{
    uint32_t capacity = segments->capacity == 0 ? FIRST_CAPACITY : segments->capacity * 2;
    struct segment *items = memory_new(capacity * sizeof *items);
    for (uint32_t i = 0; i < segments->count; i++)
        items[i] = *segments_at(segments, i);
    memory_free(segments->items);
    segments->items = items;
    segments->first = 0;
    segments->capacity = capacity;
}

void segments_push(struct segments *segments, const struct segment *segment)
{
    if (segments->count == segments->capacity)
        grow(segments);
    segments->count++;
    *segments_at(segments, segments->count - 1) = *segment;
}

struct segment segments_pop(struct segments *segments)
{
    struct segment segment = *segments_at(segments, 0);
    segments->first = (segments->first + 1) & (segments->capacity - 1);
    segments->count--;
    return segment;
}

void segments_cut(struct segments *segments, uint32_t index)
{
    while (segments->count > index) {
        buffer_unref(segments_at(segments, segments->count - 1)->slice.buffer);
        segments->count--;
    }
}

void segments_release(struct segments *segments)
{
    segments_cut(segments, 0);
    memory_free(segments->items);
    *segments = (struct segments){0};
}
