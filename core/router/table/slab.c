#include "core/router/table/slab.h"

#include "core/base/memory.h"

#include <string.h>

void slab_init(struct slab *slab, size_t record_size)
{
    assert_that(record_size >= sizeof(uint32_t));
    *slab = (struct slab){.record_size = record_size};
}

uint32_t slab_take(struct slab *slab)
{
    uint32_t id = slab->free;
    slab->live++;
    if (id != 0) {
        memcpy(&slab->free, slab_at(slab, id), sizeof slab->free);
        memset(slab_at(slab, id), 0, sizeof slab->free);
        return id;
    }
    assert_that(slab->used < UINT32_MAX);
    if (slab->used == slab->chunk_count * SLAB_CHUNK) {
        slab->chunks = memory_room(slab->chunks, slab->chunk_count, &slab->chunk_capacity, sizeof *slab->chunks);
        slab->chunks[slab->chunk_count++] = memory_new(SLAB_CHUNK * slab->record_size);
    }
    return ++slab->used;
}

void slab_give_back(struct slab *slab, uint32_t id)
{
    void *record = slab_at(slab, id);
    assert_that(slab->live > 0);
    memset(record, 0, slab->record_size);
    memcpy(record, &slab->free, sizeof slab->free);
    slab->free = id;
    slab->live--;
}

void slab_free(struct slab *slab)
{
    for (size_t i = 0; i < slab->chunk_count; i++)
        memory_free(slab->chunks[i]);
    memory_free(slab->chunks);
    slab_init(slab, slab->record_size);
}
