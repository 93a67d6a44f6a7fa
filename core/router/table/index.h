/* A hash index of record numbers: four bytes a cell, linear probing, no tombstones. The keys stay in the records;
 * whoever owns these says how to hash and to compare them. Nothing ever iterates over it: the order would be that of
 * hashes. */
#ifndef CUPOLA_CORE_ROUTER_TABLE_INDEX_H
#define CUPOLA_CORE_ROUTER_TABLE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct index {
    uint32_t *cells;   /* 0: empty. */
    uint32_t capacity; /* A power of two, or 0. */
    uint32_t count;
};

/* The hash of a record's key. `owner` is what was given to the functions below. */
typedef uint64_t index_hash(const void *owner, uint32_t id);
/* Whether the record has that key. */
typedef bool index_match(const void *owner, uint32_t id, const void *key);

/* The record with that key, or 0. */
uint32_t index_find(const struct index *index, uint64_t hash, index_match *match, const void *owner, const void *key);
/* The key must not be there yet. */
void index_add(struct index *index, uint32_t id, index_hash *hash, const void *owner);
/* The record must be there, unchanged. */
void index_remove(struct index *index, uint32_t id, index_hash *hash, const void *owner);
void index_free(struct index *index);

#endif
