/* Records of one size that are named by numbers: half of a pointer's size, no allocator's overhead a record, and they
 * never move. Ids begin with 1 and are used again; 0 is "none". */
#ifndef CUPOLA_CORE_ROUTER_TABLE_SLAB_H
#define CUPOLA_CORE_ROUTER_TABLE_SLAB_H

#include "core/base/assert.h"

#include <stddef.h>
#include <stdint.h>

enum { SLAB_CHUNK = 64 }; /* Records that are allocated together. */

struct slab {
    size_t record_size; /* A multiple of 4. */
    uint8_t **chunks;
    size_t chunk_count, chunk_capacity;
    uint32_t used; /* Ids that were given out at some time: 1 to this. */
    uint32_t free; /* The first free record; its first four bytes name the next one. */
    uint32_t live;
};

void slab_init(struct slab *slab, size_t record_size);
/* A zeroed record. */
uint32_t slab_take(struct slab *slab);
void slab_give_back(struct slab *slab, uint32_t id);
/* Frees all records at once. */
void slab_free(struct slab *slab);

static inline void *slab_at(const struct slab *slab, uint32_t id)
{
    assert_that(id > 0 && id <= slab->used);
    return slab->chunks[(id - 1) / SLAB_CHUNK] + (id - 1) % SLAB_CHUNK * slab->record_size;
}

#endif
