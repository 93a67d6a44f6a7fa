#include "core/router/table/names.h"

#include "core/base/random.h"

#include <string.h>

enum { CLASS_SHIFT = 28 };

struct name {
    uint32_t users;
    char text[];
};

static const uint16_t class_sizes[NAME_CLASSES] = {16, 24, 32, 40, 48, 64, 96, 136, 264};

void names_init(struct names *names, uint64_t seed)
{
    *names = (struct names){.seed = seed};
    for (size_t i = 0; i < NAME_CLASSES; i++)
        slab_init(&names->classes[i], class_sizes[i]);
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < NAME_CLASSES; i++)
        slab_free(&names->classes[i]);
    index_free(&names->shared);
}

static struct name *name_at(const struct names *names, uint32_t name)
{
    assert_that(name != 0);
    return slab_at(&names->classes[name >> CLASS_SHIFT], name & ((1u << CLASS_SHIFT) - 1));
}

const char *names_text(const struct names *names, uint32_t name)
{
    return name == 0 ? "" : name_at(names, name)->text;
}

uint32_t names_keep(struct names *names, const char *text, size_t size)
{
    assert_that(size <= NAME_MOST);
    uint32_t class = 0;
    while (class_sizes[class] < sizeof(struct name) + size + 1)
        class ++;
    uint32_t id = slab_take(&names->classes[class]);
    assert_that(id < 1u << CLASS_SHIFT);
    uint32_t name = class << CLASS_SHIFT | id;
    memcpy(name_at(names, name)->text, text, size);
    return name;
}

void names_remove(struct names *names, uint32_t name)
{
    assert_that(name_at(names, name)->users == 0);
    slab_give_back(&names->classes[name >> CLASS_SHIFT], name & ((1u << CLASS_SHIFT) - 1));
}

/* ---- Shared ones ---- */

struct key {
    const char *text;
    size_t size;
};

static uint64_t hash_of(const void *owner, uint32_t name)
{
    const struct names *names = owner;
    const char *text = names_text(names, name);
    return random_hash(names->seed, text, strlen(text));
}

static bool is_match(const void *owner, uint32_t name, const void *wanted)
{
    const struct key *key = wanted;
    const char *text = names_text(owner, name);
    return strncmp(text, key->text, key->size) == 0 && text[key->size] == 0;
}

uint32_t names_find(const struct names *names, const char *text, size_t size)
{
    struct key key = {text, size};
    return index_find(&names->shared, random_hash(names->seed, text, size), is_match, names, &key);
}

uint32_t names_share(struct names *names, const char *text, size_t size)
{
    uint32_t name = names_find(names, text, size);
    if (name == 0) {
        name = names_keep(names, text, size);
        index_add(&names->shared, name, hash_of, names);
    }
    name_at(names, name)->users++;
    return name;
}

void names_drop(struct names *names, uint32_t name)
{
    if (name == 0)
        return;
    struct name *record = name_at(names, name);
    assert_that(record->users > 0);
    if (--record->users > 0)
        return;
    index_remove(&names->shared, name, hash_of, names);
    names_remove(names, name);
}
