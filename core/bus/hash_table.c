#include "core/bus/hash_table.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

enum { FIRST_CAPACITY = 64, TAKEN = 0x80, TAG_SHIFT = 57 };

/* ---- Hashes ---- */

/* The halves of the product: every bit of the result depends on all bits of `a`, and a difference of two texts becomes
 * one that depends on what is hashed before it. */
static uint64_t fold(uint64_t a)
{
    unsigned __int128 product = (unsigned __int128)a * 0x9fb21c651e98df25u;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}

/* Fewer than eight bytes. */
static uint64_t short_word(const char *text, size_t size)
{
    if (size >= 4) {
        uint32_t first;
        uint32_t last;
        memcpy(&first, text, sizeof first);
        memcpy(&last, text + size - sizeof last, sizeof last);
        return (uint64_t)first << 32 | last;
    }
    if (size == 0)
        return 0;
    return (uint64_t)(uint8_t)text[0] << 16 | (uint64_t)(uint8_t)text[size / 2] << 8 | (uint8_t)text[size - 1];
}

uint64_t hash_text(uint64_t seed, const char *text, size_t size)
{
    uint64_t hash = fold(seed ^ size * 0xbf58476d1ce4e5b9u);
    if (size < 8)
        return fold(fold(hash ^ short_word(text, size)) ^ seed);
    for (size_t at = 0; at + 8 < size; at += 8)
        hash = fold(hash ^ word_at(text + at));
    return fold(fold(hash ^ word_at(text + size - 8)) ^ seed);
}

/* ---- The table ---- */

/* Slots come from the low bits of the hash, tags from the high ones. */
static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(TAKEN | (hash >> TAG_SHIFT));
}

static struct hashed *find_from(const struct hash_table *table, uint64_t hash, size_t *cursor)
{
    size_t mask = table->capacity - 1;
    uint8_t tag = tag_of(hash);
    for (size_t at = *cursor & mask; table->tags[at] != 0; at = (at + 1) & mask) {
        if (table->tags[at] == tag && table->items[at]->hash == hash) {
            *cursor = at;
            return table->items[at];
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

static void put(struct hash_table *table, struct hashed *item)
{
    size_t mask = table->capacity - 1;
    size_t at = (size_t)item->hash & mask;
    while (table->tags[at] != 0)
        at = (at + 1) & mask;
    table->items[at] = item;
    table->tags[at] = tag_of(item->hash);
}

static void resize(struct hash_table *table, size_t capacity)
{
    struct hash_table old = *table;
    assert_that(table->count < capacity);
    table->items = memory_new(capacity * (sizeof *table->items + 1));
    table->tags = (uint8_t *)(table->items + capacity);
    table->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.tags[i] != 0)
            put(table, old.items[i]);
    }
    memory_free(old.items);
}

void hash_table_add(struct hash_table *table, struct hashed *item)
{
    if (table->count >= table->capacity - table->capacity / 5)
        resize(table, table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2);
    put(table, item);
    table->count++;
}

/* Moves later items of the run back over the hole, so that no walk ends too early. */
static void close_hole(struct hash_table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t at = (hole + 1) & mask; table->tags[at] != 0; at = (at + 1) & mask) {
        size_t home = (size_t)table->items[at]->hash & mask;
        size_t way_from_home = (at - home) & mask;
        size_t way_from_hole = (at - hole) & mask;
        if (way_from_home >= way_from_hole) {
            table->items[hole] = table->items[at];
            table->tags[hole] = table->tags[at];
            hole = at;
        }
    }
    table->items[hole] = NULL;
    table->tags[hole] = 0;
}

void hash_table_remove(struct hash_table *table, struct hashed *item)
{
    assert_that(table->count > 0);
    size_t mask = table->capacity - 1;
    size_t at = (size_t)item->hash & mask;
    while (table->items[at] != item) {
        assert_that(table->tags[at] != 0);
        at = (at + 1) & mask;
    }
    close_hole(table, at);
    table->count--;
    if (table->capacity > FIRST_CAPACITY && table->count < table->capacity / 8)
        resize(table, table->capacity / 2);
}

void hash_table_free(struct hash_table *table)
{
    memory_free(table->items);
    *table = (struct hash_table){0};
}
