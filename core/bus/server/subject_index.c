#include "core/bus/server/subject_index.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

enum {
    CACHE_ENTRIES = 4096, /* A power of two. */
    CACHE_NODES = 5,
    CACHE_LINE = 62,
    LINE_EXTRA = 6, /* "HMSG " and the blank behind the subject. */
    MOST_TOKEN = (1 << 30) - 1,
};

struct subject_cache_entry {
    uint64_t generation; /* 0: never used. */
    struct subject_node *nodes[CACHE_NODES];
    uint8_t count;
    uint8_t line_size;
    char line[CACHE_LINE];
};

void subject_index_open(struct subject_index *index, uint64_t seed)
{
    *index = (struct subject_index){.generation = 1};
    index->root = memory_new(sizeof *index->root);
    index->root->hashed.hash = seed;
    index->cache = memory_new(CACHE_ENTRIES * sizeof *index->cache);
    index->last = index->cache;
}

/* ---- Nodes ---- */

static uint64_t hash_under(const struct subject_node *node, struct nats_text name)
{
    return hash_text(node->hashed.hash, name.data, name.size);
}

static struct subject_node *find_child(const struct subject_index *index, const struct subject_node *parent,
                                       struct nats_text token)
{
    size_t cursor = 0;
    uint64_t hash = hash_under(parent, token);
    struct hashed *item = hash_table_first(&index->nodes, hash, &cursor);
    for (; item != NULL; item = hash_table_next(&index->nodes, hash, &cursor)) {
        struct subject_node *node = container_of(item, struct subject_node, hashed);
        if (node->parent == parent && node->token_size == token.size &&
            memcmp(node->token, token.data, token.size) == 0)
            return node;
    }
    return NULL;
}

static bool is_token(struct nats_text token, char c)
{
    return token.size == 1 && token.data[0] == c;
}

static struct nats_text token_of(const struct subject_node *node)
{
    return (struct nats_text){node->token, node->token_size};
}

/* The parent gains or loses the child. */
static void note_child(struct subject_node *node, bool is_there)
{
    struct subject_node *parent = node->parent;
    if (is_token(token_of(node), '*'))
        parent->has_any = is_there;
    else if (is_token(token_of(node), '>'))
        parent->has_rest = is_there;
    parent->children += is_there ? 1 : UINT32_MAX;
}

static struct subject_node *find_or_add_child(struct subject_index *index, struct subject_node *parent,
                                              struct nats_text token)
{
    struct subject_node *node = find_child(index, parent, token);
    if (node != NULL)
        return node;
    /* Not sizeof: what the compiler pads the struct with is room for the token. */
    node = memory_new(offsetof(struct subject_node, token) + token.size);
    node->parent = parent;
    node->token_size = (uint32_t)token.size & MOST_TOKEN;
    assert_that(node->token_size == token.size);
    memcpy(node->token, token.data, token.size);
    node->hashed.hash = hash_under(parent, token);
    hash_table_add(&index->nodes, &node->hashed);
    note_child(node, true);
    return node;
}

static bool is_idle(const struct subject_node *node)
{
    return node->subscribers.count == 0 && node->groups == NULL;
}

/* Frees the node, and those above it, as far as nothing needs them. */
static void prune(struct subject_index *index, struct subject_node *node)
{
    while (node != index->root && is_idle(node) && node->children == 0) {
        struct subject_node *parent = node->parent;
        hash_table_remove(&index->nodes, &node->hashed);
        note_child(node, false);
        assert_that(node->subscribers.capacity == 0);
        memory_free(node);
        node = parent;
    }
}

/* ---- Sets and groups ---- */

static void set_add(struct subscriber_set *set, struct subscriber *subscriber)
{
    enum { FIRST_CAPACITY = 2 };
    subscriber->place = set->count++;
    if (set->count == 1 && set->capacity == 0) {
        set->in.one = subscriber;
        return;
    }
    if (set->capacity == 0) {
        struct subscriber *one = set->in.one;
        set->in.many = memory_new(FIRST_CAPACITY * sizeof *set->in.many);
        set->in.many[0] = one;
        set->capacity = FIRST_CAPACITY;
    } else if (set->count > set->capacity) {
        size_t size = set->capacity * sizeof *set->in.many;
        set->in.many = memory_grow(set->in.many, size, size * 2);
        set->capacity *= 2;
    }
    set->in.many[subscriber->place] = subscriber;
}

static void set_remove(struct subscriber_set *set, struct subscriber *subscriber)
{
    assert_that(subscriber->place < set->count);
    assert_that(subscriber_set_at(set, subscriber->place) == subscriber);
    set->count--;
    if (set->capacity > 0) {
        struct subscriber *last = set->in.many[set->count];
        set->in.many[subscriber->place] = last;
        last->place = subscriber->place;
    }
    if (set->count == 0) {
        if (set->capacity > 0)
            memory_free(set->in.many);
        *set = (struct subscriber_set){0};
    }
}

struct subject_group *subject_index_find_group(const struct subject_index *index, const struct subject_node *node,
                                               struct nats_text name)
{
    size_t cursor = 0;
    uint64_t hash = hash_under(node, name);
    struct hashed *item = hash_table_first(&index->groups, hash, &cursor);
    for (; item != NULL; item = hash_table_next(&index->groups, hash, &cursor)) {
        struct subject_group *group = container_of(item, struct subject_group, hashed);
        if (group->node == node && nats_text_equals(name, (struct nats_text){group->name, group->name_size}))
            return group;
    }
    return NULL;
}

static struct subject_group *find_or_add_group(struct subject_index *index, struct subject_node *node,
                                               struct nats_text name)
{
    struct subject_group *found = subject_index_find_group(index, node, name);
    if (found != NULL)
        return found;
    struct subject_group *group = memory_new(sizeof *group + name.size);
    group->node = node;
    group->hashed.hash = hash_under(node, name);
    group->name_size = name.size;
    memcpy(group->name, name.data, name.size);
    hash_table_add(&index->groups, &group->hashed);
    group->next = node->groups;
    if (node->groups != NULL)
        node->groups->previous = group;
    node->groups = group;
    return group;
}

static void free_group(struct subject_index *index, struct subject_group *group)
{
    hash_table_remove(&index->groups, &group->hashed);
    if (group->previous != NULL)
        group->previous->next = group->next;
    else
        group->node->groups = group->next;
    if (group->next != NULL)
        group->next->previous = group->previous;
    assert_that(group->members.capacity == 0);
    memory_free(group);
}

/* ---- Subscribing ---- */

static struct nats_text first_token(struct nats_text subject)
{
    const char *dot = memchr(subject.data, '.', subject.size);
    return (struct nats_text){subject.data, dot == NULL ? subject.size : (size_t)(dot - subject.data)};
}

/* What is behind the first token; empty after the last. */
static struct nats_text rest_of(struct nats_text subject, struct nats_text token)
{
    size_t skip = token.size < subject.size ? token.size + 1 : token.size;
    return (struct nats_text){subject.data + skip, subject.size - skip};
}

void subject_index_add(struct subject_index *index, struct subscriber *subscriber, struct nats_text pattern,
                       struct nats_text queue)
{
    assert_that(subscriber->of.node == NULL);
    struct subject_node *node = index->root;
    while (pattern.size > 0) {
        struct nats_text token = first_token(pattern);
        node = find_or_add_child(index, node, token);
        pattern = rest_of(pattern, token);
    }
    assert_that(node != index->root);
    if (is_idle(node))
        index->generation++;
    subscriber->is_in_group = queue.size > 0;
    if (subscriber->is_in_group) {
        subscriber->of.group = find_or_add_group(index, node, queue);
        set_add(&subscriber->of.group->members, subscriber);
    } else {
        subscriber->of.node = node;
        set_add(&node->subscribers, subscriber);
    }
}

static struct subject_node *node_of(const struct subscriber *subscriber)
{
    return subscriber->is_in_group ? subscriber->of.group->node : subscriber->of.node;
}

const struct subscriber_set *subscriber_set_of(const struct subscriber *subscriber)
{
    return subscriber->is_in_group ? &subscriber->of.group->members : &subscriber->of.node->subscribers;
}

const struct subject_group *subscriber_group(const struct subscriber *subscriber)
{
    return subscriber->is_in_group ? subscriber->of.group : NULL;
}

void subject_index_remove(struct subject_index *index, struct subscriber *subscriber)
{
    assert_that(subscriber->of.node != NULL);
    struct subject_node *node = node_of(subscriber);
    if (subscriber->is_in_group) {
        struct subject_group *group = subscriber->of.group;
        set_remove(&group->members, subscriber);
        if (group->members.count == 0)
            free_group(index, group);
    } else {
        set_remove(&node->subscribers, subscriber);
    }
    *subscriber = (struct subscriber){0};
    if (is_idle(node)) {
        index->generation++;
        prune(index, node);
    }
}

/* ---- Matching ---- */

static void add_found(struct subject_index *index, struct subject_node *node)
{
    if (is_idle(node))
        return;
    index->found = memory_room(index->found, index->found_count, &index->found_capacity, sizeof *index->found);
    index->found[index->found_count++] = node;
}

/* No deeper than NATS_MAX_TOKENS. */
static void walk(struct subject_index *index, struct subject_node *node, struct nats_text subject)
{
    if (subject.size == 0) {
        add_found(index, node);
        return;
    }
    struct nats_text token = first_token(subject);
    struct nats_text rest = rest_of(subject, token);
    if (node->children > (uint32_t)node->has_any + node->has_rest) {
        struct subject_node *literal = find_child(index, node, token);
        if (literal != NULL)
            walk(index, literal, rest);
    }
    if (node->has_any)
        walk(index, find_child(index, node, nats_text_of("*")), rest);
    if (node->has_rest)
        add_found(index, find_child(index, node, nats_text_of(">")));
}

static bool entry_is(const struct subject_index *index, const struct subject_cache_entry *entry,
                     struct nats_text subject)
{
    return entry->generation == index->generation && entry->line_size == subject.size + LINE_EXTRA &&
           memcmp(entry->line + 5, subject.data, subject.size) == 0;
}

static void match_entry(const struct subject_cache_entry *entry, struct subject_match *ret_match)
{
    *ret_match = (struct subject_match){
        .nodes = entry->nodes, .count = entry->count, .line = entry->line, .line_size = entry->line_size};
}

static void fill_entry(const struct subject_index *index, struct subject_cache_entry *entry, struct nats_text subject)
{
    entry->generation = index->generation;
    entry->count = (uint8_t)index->found_count;
    if (index->found_count > 0)
        memcpy(entry->nodes, index->found, index->found_count * sizeof *entry->nodes);
    memcpy(entry->line, "HMSG ", 5);
    memcpy(entry->line + 5, subject.data, subject.size);
    entry->line[5 + subject.size] = ' ';
    entry->line_size = (uint8_t)(subject.size + LINE_EXTRA);
}

static void match_uncached(struct subject_index *index, struct nats_text subject, struct subject_match *ret_match)
{
    text_clear(&index->line);
    text_add_string(&index->line, "HMSG ");
    text_add(&index->line, subject.data, subject.size);
    text_add_char(&index->line, ' ');
    *ret_match = (struct subject_match){.nodes = index->found,
                                        .count = index->found_count,
                                        .line = text_string(&index->line),
                                        .line_size = index->line.size};
}

bool subject_index_match(struct subject_index *index, struct nats_text subject, struct subject_match *ret_match)
{
    if (entry_is(index, index->last, subject)) {
        match_entry(index->last, ret_match);
        return true;
    }
    uint64_t hash = hash_text(index->root->hashed.hash, subject.data, subject.size);
    struct subject_cache_entry *entry = &index->cache[hash & (CACHE_ENTRIES - 1)];
    if (entry_is(index, entry, subject)) {
        index->last = entry;
        match_entry(entry, ret_match);
        return true;
    }
    if (!nats_subject_is_literal(subject)) /* What is in the cache was looked at before. */
        return false;
    index->walks++;
    index->found_count = 0;
    walk(index, index->root, subject);
    if (index->found_count > CACHE_NODES || subject.size + LINE_EXTRA > CACHE_LINE) {
        match_uncached(index, subject, ret_match);
        return true;
    }
    fill_entry(index, entry, subject);
    index->last = entry;
    match_entry(entry, ret_match);
    return true;
}

/* ---- Printing and freeing ---- */

static void print_node(const struct subject_node *node, struct text *text)
{
    if (node->parent == NULL)
        return;
    print_node(node->parent, text);
    if (node->parent->parent != NULL)
        text_add_char(text, '.');
    text_add(text, node->token, node->token_size);
}

void subject_index_print(const struct subscriber *subscriber, struct text *text)
{
    print_node(node_of(subscriber), text);
}

void subject_index_free(struct subject_index *index)
{
    assert_that(index->nodes.count == 0);
    assert_that(index->groups.count == 0);
    hash_table_free(&index->nodes);
    hash_table_free(&index->groups);
    memory_free(index->root);
    memory_free(index->cache);
    memory_free(index->found);
    text_free(&index->line);
}
