/* A hash table of objects that know their own hash: nine bytes a slot, no list pointers in the objects. For core/bus,
 * where a million subscriptions must be small; elsewhere core/base/map.h is the better choice.
 *
 * Open addressing with linear probing; at most four fifths full. A byte a slot says whether it is taken and holds seven
 * bits of the hash, so that a walk touches hardly any object but the wanted one. What makes two objects equal is the
 * caller's: it walks those that have the wanted hash. The table is never iterated, so its order means nothing.
 */
#ifndef CUPOLA_CORE_BUS_HASH_TABLE_H
#define CUPOLA_CORE_BUS_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Embed it; the hash must not change while it is in a table. */
struct hashed {
    uint64_t hash;
};

/* Zeroed is empty. */
struct hash_table {
    struct hashed **items; /* And behind them: */
    uint8_t *tags;         /* 0: free. */
    size_t capacity;       /* 0 or a power of two. */
    size_t count;
};

/* Nobody who does not know the seed can prepare texts that collide; random_hash is quick but not made for that. */
uint64_t hash_text(uint64_t seed, const char *text, size_t size);

/* The first item with that hash, or NULL; then those after it. `cursor` belongs to the walk, during which the table
 * must not change. */
struct hashed *hash_table_first(const struct hash_table *table, uint64_t hash, size_t *cursor);
struct hashed *hash_table_next(const struct hash_table *table, uint64_t hash, size_t *cursor);

/* `item` is kept. */
void hash_table_add(struct hash_table *table, struct hashed *item);
/* It must be in the table. */
void hash_table_remove(struct hash_table *table, struct hashed *item);
void hash_table_free(struct hash_table *table);

#endif
