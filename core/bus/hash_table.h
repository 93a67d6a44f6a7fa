/* A hash table of objects that know their own hash: 16 bytes a slot, no list pointers in the objects. For core/bus,
 * where a million subscriptions must be small; elsewhere core/base/map.h is the better choice.
 *
 * Open addressing with linear probing; at most three quarters full. What makes two objects equal is the caller's: it
 * walks those that have the wanted hash. The table is never iterated, so its order means nothing.
 */
#ifndef CUPOLA_CORE_BUS_HASH_TABLE_H
#define CUPOLA_CORE_BUS_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Embed it; the hash must not change while it is in a table. */
struct hashed {
    uint64_t hash;
};

struct hash_slot {
    uint64_t hash;
    struct hashed *item; /* NULL: free. */
};

/* Zeroed is empty. */
struct hash_table {
    struct hash_slot *slots;
    size_t capacity; /* 0 or a power of two. */
    size_t count;
};

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
