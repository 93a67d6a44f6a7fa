/* Who listens to what: a tree of subject tokens, and a cache of what was found in it.
 *
 *                  (root)
 *                 /      \
 *               dea      droplet          a node holds the subscribers of the pattern that ends there, and its queue
 *             /  |  \       |             groups; "*" and ">" are tokens like others
 *        stop  start  *   exited
 *                      \
 *                      start
 *
 * A publication walks the tree once a token, and then its nodes are remembered with its subject. Whenever a pattern
 * gains its first or loses its last subscriber the whole cache is void (a generation number); other subscribers come
 * and go without touching it. The children of all nodes share one hash table, so that a node with 100,000 children is
 * as quick as one with two, and a subject that one client listens to costs little: a node is 48 bytes and its token.
 */
#ifndef CUPOLA_CORE_BUS_SERVER_SUBJECT_INDEX_H
#define CUPOLA_CORE_BUS_SERVER_SUBJECT_INDEX_H

#include "core/bus/hash_table.h"
#include "core/wire/nats.h"

struct subject_node;

/* Embed it in a subscription. */
struct subscriber {
    union {
        struct subject_node *node; /* NULL while in no index. */
        struct subject_group *group;
    } of;
    uint32_t place; /* In the set of the node or of the group. */
    bool is_in_group;
};

/* In no particular but a repeatable order. Most have one member, which lies in the set itself. */
struct subscriber_set {
    union {
        struct subscriber *one;
        struct subscriber **many;
    } in;
    uint32_t count;
    uint32_t capacity; /* Of `many`; 0: there is but one. */
};

static inline struct subscriber *subscriber_set_at(const struct subscriber_set *set, uint64_t place)
{
    return set->capacity == 0 ? set->in.one : set->in.many[place];
}

/* A queue group of one pattern. */
struct subject_group {
    struct hashed hashed; /* By node and name. */
    struct subject_node *node;
    struct subject_group *previous, *next;
    struct subscriber_set members; /* Never empty. */
    size_t name_size;
    char name[];
};

struct subject_node {
    struct hashed hashed; /* By parent and token; where the hashes of its children begin. */
    struct subject_node *parent;
    struct subscriber_set subscribers;
    struct subject_group *groups;
    uint32_t children;
    uint32_t token_size : 30;
    uint32_t has_any : 1;  /* A child "*". */
    uint32_t has_rest : 1; /* A child ">". */
    char token[];
};

/* What a publication found. Lent: valid until the index changes or is asked again. */
struct subject_match {
    struct subject_node *const *nodes; /* Those with subscribers or groups. */
    size_t count;
    /* "HMSG <subject> ": how the line of every delivery begins; one byte later for one without headers. */
    const char *line;
    size_t line_size;
};

struct subject_cache_entry;

struct subject_index {
    struct subject_node *root;
    struct hash_table nodes;
    struct hash_table groups;
    uint64_t generation;
    struct subject_cache_entry *cache;
    struct subject_cache_entry *last; /* The entry that was used last. */
    struct subject_node **found;      /* By the walk. */
    size_t found_count, found_capacity;
    struct text line; /* For subjects that do not fit the cache. */
    uint64_t walks;   /* Publications that the cache could not answer. */
};

/* `seed` is drawn, so that nobody can prepare collisions of hashes. */
void subject_index_open(struct subject_index *index, uint64_t seed);
/* All subscribers must be gone or are forgotten. */
void subject_index_free(struct subject_index *index);
/* `pattern` must be valid; `queue` is empty for none. */
void subject_index_add(struct subject_index *index, struct subscriber *subscriber, struct nats_text pattern,
                       struct nats_text queue);
void subject_index_remove(struct subject_index *index, struct subscriber *subscriber);
/* False if the subject is not fit to publish to. */
bool subject_index_match(struct subject_index *index, struct nats_text subject, struct subject_match *ret_match);
/* The queue group of that name at the node, or NULL. */
struct subject_group *subject_index_find_group(const struct subject_index *index, const struct subject_node *node,
                                               struct nats_text name);
/* The subscribers with the same pattern and queue group, itself among them. */
const struct subscriber_set *subscriber_set_of(const struct subscriber *subscriber);
/* Its queue group, or NULL. */
const struct subject_group *subscriber_group(const struct subscriber *subscriber);
/* Appends the pattern of a subscriber. */
void subject_index_print(const struct subscriber *subscriber, struct text *text);

#endif
