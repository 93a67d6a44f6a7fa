#include "core/base/memory.h"

#include "core/base/assert.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4 };

void *memory_new(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);
    assert_that(memory != NULL);
    return memory;
}

void *memory_grow(void *memory, size_t size, size_t new_size)
{
    char *grown = realloc(memory, new_size > 0 ? new_size : 1);
    assert_that(grown != NULL);
    if (new_size > size)
        memset(grown + size, 0, new_size - size);
    return grown;
}

void *memory_room(void *array, size_t count, size_t *capacity, size_t element_size)
{
    assert_that(count <= *capacity);
    if (count < *capacity)
        return array;
    size_t size = *capacity * element_size;
    *capacity = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    return memory_grow(array, size, *capacity * element_size);
}

void memory_free(void *memory)
{
    free(memory);
}

char *memory_copy_text(const char *text)
{
    return text == NULL ? NULL : memory_copy_bytes(text, strlen(text));
}

char *memory_copy_bytes(const void *bytes, size_t size)
{
    char *copy = memory_new(size + 1);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

unsigned char memory_unset_byte(void)
{
    enum { SIZE = 3000, PLACE = 1777 };            /* Larger than what the allocator keeps ready. */
    unsigned char *volatile memory = malloc(SIZE); /* Volatile: compilers know what this is, too. */
    assert_that(memory != NULL);
    unsigned char byte = memory[PLACE];
    free(memory);
    return byte;
}
