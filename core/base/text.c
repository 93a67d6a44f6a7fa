#include "core/base/text.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SMALLEST_CAPACITY = 64 };

uint8_t *text_room(struct text *text, size_t size)
{
    size_t needed = text->size + size + 1;
    size_t capacity = text->buffer == NULL ? 0 : text->buffer->capacity;
    if (needed > capacity) {
        size_t new_capacity = capacity * 2 > SMALLEST_CAPACITY ? capacity * 2 : SMALLEST_CAPACITY;
        if (new_capacity < needed)
            new_capacity = needed;
        if (text->buffer == NULL) {
            text->buffer = buffer_new(new_capacity);
        } else {
            assert_that(text->buffer->references == 1);
            text->buffer =
                memory_grow(text->buffer, sizeof *text->buffer + capacity, sizeof *text->buffer + new_capacity);
            text->buffer->capacity = new_capacity;
        }
    }
    return text->buffer->bytes + text->size;
}

void text_grow(struct text *text, size_t used)
{
    assert_that(text->buffer != NULL);
    assert_that(text->size + used < text->buffer->capacity);
    text->size += used;
    text->buffer->bytes[text->size] = 0;
}

void text_add(struct text *text, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    memcpy(text_room(text, size), bytes, size);
    text_grow(text, size);
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_add_char(struct text *text, char c)
{
    text_add(text, &c, 1);
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert_that(size >= 0);
    char *room = (char *)text_room(text, (size_t)size);
    va_start(arguments, format);
    vsnprintf(room, (size_t)size + 1, format, arguments);
    va_end(arguments);
    text_grow(text, (size_t)size);
}

void text_add_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[sizeof digits - ++count] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add(text, digits + sizeof digits - count, count);
}

void text_add_hex(struct text *text, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text_add_char(text, digits[bytes[i] >> 4]);
        text_add_char(text, digits[bytes[i] & 15]);
    }
}

const char *text_string(const struct text *text)
{
    return text->buffer == NULL ? "" : (const char *)text->buffer->bytes;
}

struct slice text_take(struct text *text)
{
    if (text->buffer == NULL)
        text->buffer = buffer_new(1);
    struct slice slice = {.buffer = text->buffer, .offset = 0, .size = text->size};
    text->buffer = NULL;
    text->size = 0;
    return slice;
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->buffer != NULL)
        text->buffer->bytes[0] = 0;
}

void text_consume(struct text *text, size_t size)
{
    assert_that(size <= text->size);
    if (size == 0)
        return;
    memmove(text->buffer->bytes, text->buffer->bytes + size, text->size - size);
    text->size -= size;
    text->buffer->bytes[text->size] = 0;
}

void text_make_printable(struct text *text)
{
    for (size_t i = 0; i < text->size; i++) {
        uint8_t byte = text->buffer->bytes[i];
        if (byte >= 127 || (byte < ' ' && byte != '\n' && byte != '\t'))
            text->buffer->bytes[i] = '?';
    }
}

void text_free(struct text *text)
{
    buffer_unref(text->buffer);
    text->buffer = NULL;
    text->size = 0;
}
