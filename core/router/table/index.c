#include "core/router/table/index.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

enum { FIRST_CELLS = 16 };

static uint32_t home_of(const struct index *index, uint64_t hash)
{
    return (uint32_t)hash & (index->capacity - 1);
}

uint32_t index_find(const struct index *index, uint64_t hash, index_match *match, const void *owner, const void *key)
{
    if (index->count == 0)
        return 0;
    for (uint32_t at = home_of(index, hash); index->cells[at] != 0; at = (at + 1) & (index->capacity - 1)) {
        if (match(owner, index->cells[at], key))
            return index->cells[at];
    }
    return 0;
}

static void put(struct index *index, uint32_t id, uint64_t hash)
{
    uint32_t at = home_of(index, hash);
    while (index->cells[at] != 0)
        at = (at + 1) & (index->capacity - 1);
    index->cells[at] = id;
}

static void grow(struct index *index, index_hash *hash, const void *owner)
{
    struct index grown = {.capacity = index->capacity == 0 ? FIRST_CELLS : 2 * index->capacity, .count = index->count};
    grown.cells = memory_new(grown.capacity * sizeof *grown.cells);
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->cells[i] != 0)
            put(&grown, index->cells[i], hash(owner, index->cells[i]));
    }
    memory_free(index->cells);
    *index = grown;
}

void index_add(struct index *index, uint32_t id, index_hash *hash, const void *owner)
{
    if (4 * (uint64_t)index->count >= 3 * (uint64_t)index->capacity)
        grow(index, hash, owner);
    put(index, id, hash(owner, id));
    index->count++;
}

/* Those behind it move up, as far as that does not take them before their homes. */
void index_remove(struct index *index, uint32_t id, index_hash *hash, const void *owner)
{
    uint32_t mask = index->capacity - 1;
    uint32_t gap = home_of(index, hash(owner, id));
    while (index->cells[gap] != id) {
        assert_that(index->cells[gap] != 0);
        gap = (gap + 1) & mask;
    }
    for (uint32_t at = (gap + 1) & mask; index->cells[at] != 0; at = (at + 1) & mask) {
        uint32_t home = home_of(index, hash(owner, index->cells[at]));
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        index->cells[gap] = index->cells[at];
        gap = at;
    }
    index->cells[gap] = 0;
    index->count--;
}

void index_free(struct index *index)
{
    memory_free(index->cells);
    *index = (struct index){0};
}
