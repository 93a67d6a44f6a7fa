/* Heap memory of the core: always zeroed (an uninitialised byte is a run that cannot be repeated), never NULL. */
#ifndef CUPOLA_CORE_BASE_MEMORY_H
#define CUPOLA_CORE_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed. Asserts when there is no memory left: limits in the configuration are what keeps us from there. */
void *memory_new(size_t size);
/* Grows (or shrinks) an array of `size` bytes to `new_size`; new bytes are zeroed. `memory` may be NULL if size is 0.
 */
void *memory_grow(void *memory, size_t size, size_t new_size);
/* Room for one more in an array of `count` elements: grows it (twofold, new elements zeroed) when *capacity is reached.
 * Returns where the array is now. */
void *memory_room(void *array, size_t count, size_t *capacity, size_t element_size);
/* NULL is allowed. */
void memory_free(void *memory);
/* A copy of the text; given. NULL gives NULL. */
char *memory_copy_text(const char *text);
/* A copy of `size` bytes with a NUL behind them; given. */
char *memory_copy_bytes(const void *bytes, size_t size);

/* A byte of fresh memory that nobody has set: what must never be looked at, for a planted bug (core/base/mutation.h).
 */
unsigned char memory_unset_byte(void);

/* The struct that a member is embedded in. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
