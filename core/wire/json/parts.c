#include "core/wire/json/parts.h"

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/wire/json/scan.h"

#include <string.h>

enum { DEPTH_MOST = 32 };

struct split {
    struct io_bytes json;
    bool is_object; /* Otherwise an array is expected. */
    struct text key;
    void (*act)(struct split *split, struct io_bytes value);
    struct io_bytes *elements; /* json_split_array */
    size_t count, capacity;
    void (*each)(void *context, const char *key, struct io_bytes value); /* json_each_member */
    void *context;
};

/* False if it is not what was expected. */
static bool take(struct split *split, const struct json_scanner *scanner, enum json_item item, size_t *from)
{
    if (scanner->depth > DEPTH_MOST)
        return false;
    if (item == JSON_ITEM_OPEN) {
        if (scanner->depth == 1)
            return scanner->token.kind == (split->is_object ? JSON_OBJECT : JSON_ARRAY);
        if (scanner->depth == 2)
            *from = scanner->began;
        return true;
    }
    if (scanner->depth != 1)
        return scanner->depth > 1 || item == JSON_ITEM_CLOSE;
    if (item == JSON_ITEM_KEY) {
        text_clear(&split->key);
        text_add(&split->key, scanner->token.bytes, scanner->token.size);
        return true;
    }
    if (item == JSON_ITEM_VALUE)
        *from = scanner->began;
    split->act(split, (struct io_bytes){split->json.data + *from, scanner->at - *from});
    return true;
}

static bool run(struct split *split)
{
    struct json_scanner scanner = {.bytes = split->json};
    size_t from = 0; /* Where the value of depth 1 begins that is being read. */
    enum json_item item;
    while ((item = json_scan(&scanner)) > JSON_ITEM_END) {
        if (!take(split, &scanner, item, &from))
            break;
    }
    json_scan_release(&scanner);
    text_free(&split->key);
    return item == JSON_ITEM_END;
}

static void add_element(struct split *split, struct io_bytes value)
{
    if (split->count == split->capacity) {
        size_t capacity = split->capacity == 0 ? 16 : 2 * split->capacity;
        split->elements =
            memory_grow(split->elements, split->count * sizeof *split->elements, capacity * sizeof *split->elements);
        split->capacity = capacity;
    }
    split->elements[split->count++] = value;
}

bool json_split_array(struct io_bytes json, struct io_bytes **ret_elements, size_t *ret_count)
{
    struct split split = {.json = json, .act = add_element};
    bool is_sound = run(&split);
    if (!is_sound) {
        memory_free(split.elements);
        split.elements = NULL;
        split.count = 0;
    }
    *ret_elements = split.elements;
    *ret_count = split.count;
    return is_sound;
}

static void pass_member(struct split *split, struct io_bytes value)
{
    split->each(split->context, text_string(&split->key), value);
}

bool json_each_member(struct io_bytes json, void (*act)(void *context, const char *key, struct io_bytes value),
                      void *context)
{
    struct split split = {.json = json, .is_object = true, .act = pass_member, .each = act, .context = context};
    return run(&split);
}

struct wanted {
    const char *key;
    struct io_bytes value;
};

static void compare_key(void *context, const char *key, struct io_bytes value)
{
    struct wanted *wanted = context;
    if (strcmp(key, wanted->key) == 0)
        wanted->value = value;
}

bool json_find_member(struct io_bytes json, const char *key, struct io_bytes *ret_value)
{
    struct wanted wanted = {.key = key};
    bool is_sound = json_each_member(json, compare_key, &wanted);
    bool is_null = wanted.value.size == 4 && memcmp(wanted.value.data, "null", 4) == 0;
    *ret_value = wanted.value;
    return is_sound && wanted.value.size > 0 && !is_null;
}
