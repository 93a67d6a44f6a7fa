#include "core/base/buffer.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

struct buffer *buffer_new(size_t capacity)
{
    struct buffer *buffer = memory_new(sizeof *buffer + capacity);
    buffer->references = 1;
    buffer->capacity = capacity;
    return buffer;
}

struct slice slice_copy(const void *data, size_t size)
{
    struct slice slice = {.buffer = buffer_new(size), .offset = 0, .size = size};
    if (size > 0)
        memcpy(slice.buffer->bytes, data, size);
    return slice;
}

struct buffer *buffer_ref(struct buffer *buffer)
{
    assert_that(buffer != NULL);
    assert_that(buffer->references > 0);
    buffer->references++;
    return buffer;
}

void buffer_unref(struct buffer *buffer)
{
    if (buffer == NULL)
        return;
    assert_that(buffer->references > 0);
    if (--buffer->references == 0)
        memory_free(buffer);
}
