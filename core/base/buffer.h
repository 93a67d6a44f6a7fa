/* Bytes with a reference count: how data crosses the boundary without being copied.
 *
 * A buffer belongs to whoever holds a reference; the last buffer_unref frees it. Counts are not atomic: a buffer never
 * leaves the thread of its component. A buffer that is shared (references > 1) is read-only.
 */
#ifndef CUPOLA_CORE_BASE_BUFFER_H
#define CUPOLA_CORE_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    size_t references;
    size_t capacity;
    uint8_t bytes[];
};

/* A part of a buffer. Whether the reference in it is lent or given is said where it is passed. */
struct slice {
    struct buffer *buffer;
    size_t offset;
    size_t size;
};

/* A zeroed buffer with one reference, which is given. */
struct buffer *buffer_new(size_t capacity);
/* A buffer that holds a copy, as a slice with one reference, which is given. */
struct slice slice_copy(const void *data, size_t size);

struct buffer *buffer_ref(struct buffer *buffer);
/* NULL is allowed. */
void buffer_unref(struct buffer *buffer);

static inline const uint8_t *slice_data(struct slice slice)
{
    return slice.buffer == NULL ? (const uint8_t *)"" : slice.buffer->bytes + slice.offset;
}

#endif
