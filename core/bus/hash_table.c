#include "core/bus/hash_table.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

enum { FIRST_CAPACITY = 64 };

static struct hashed *find_from(const struct hash_table *table, uint64_t hash, size_t *cursor)
{
    size_t mask = table->capacity - 1;
    for (size_t at = *cursor & mask; table->slots[at].item != NULL; at = (at + 1) & mask) {
        if (table->slots[at].hash == hash) {
            *cursor = at;
            return table->slots[at].item;
        }
    }
    return NULL;
}

struct hashed *hash_table_first(const struct hash_table *table, uint64_t hash, size_t *cursor)
{
    if (table->count == 0)
        return NULL;
    *cursor = (size_t)hash;
    return find_from(table, hash, cursor);
}

struct hashed *hash_table_next(const struct hash_table *table, uint64_t hash, size_t *cursor)
{
    *cursor += 1;
    return find_from(table, hash, cursor);
}

static void put(struct hash_slot *slots, size_t capacity, struct hash_slot slot)
{
    size_t at = (size_t)slot.hash & (capacity - 1);
    while (slots[at].item != NULL)
        at = (at + 1) & (capacity - 1);
    slots[at] = slot;
}

static void resize(struct hash_table *table, size_t capacity)
{
    struct hash_slot *slots = memory_new(capacity * sizeof *slots);
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].item != NULL)
            put(slots, capacity, table->slots[i]);
    }
    memory_free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
}

void hash_table_add(struct hash_table *table, struct hashed *item)
{
    if (table->count >= table->capacity - table->capacity / 4)
        resize(table, table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2);
    put(table->slots, table->capacity, (struct hash_slot){item->hash, item});
    table->count++;
}

/* Moves later items of the run back over the hole, so that no walk ends too early. */
static void close_hole(struct hash_table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at].item != NULL; at = (at + 1) & mask) {
        size_t home = (size_t)table->slots[at].hash & mask;
        size_t way_from_home = (at - home) & mask;
        size_t way_from_hole = (at - hole) & mask;
        if (way_from_home >= way_from_hole) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct hash_slot){0};
}

void hash_table_remove(struct hash_table *table, struct hashed *item)
{
    assert_that(table->count > 0);
    size_t mask = table->capacity - 1;
    size_t at = (size_t)item->hash & mask;
    while (table->slots[at].item != item) {
        assert_that(table->slots[at].item != NULL);
        at = (at + 1) & mask;
    }
    close_hole(table, at);
    table->count--;
    if (table->capacity > FIRST_CAPACITY && table->count < table->capacity / 8)
        resize(table, table->capacity / 2);
}

void hash_table_free(struct hash_table *table)
{
    memory_free(table->slots);
    *table = (struct hash_table){0};
}
