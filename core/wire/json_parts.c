#include "core/wire/json_parts.h"

#include "core/base/memory.h"
#include "core/base/text.h"

#include <string.h>
#include <yajl/yajl_parse.h>

enum { DEPTH_MOST = 32 };

struct split {
    struct io_bytes json;
    yajl_handle parser;
    bool is_object; /* Otherwise an array is expected. */
    unsigned depth;
    size_t end; /* Of the last token at depth 1. */
    struct text key;
    void (*act)(struct split *split, struct io_bytes value);
    struct io_bytes *elements; /* json_split_array */
    size_t count, capacity;
    void (*each)(void *context, const char *key, struct io_bytes value); /* json_each_member */
    void *context;
};

/* Between the last token and this value stand blanks and perhaps a comma or colon. */
static int take_value(struct split *split)
{
    if (split->depth == 0)
        return 0;
    if (split->depth > 1)
        return 1;
    size_t from = split->end, to = yajl_get_bytes_consumed(split->parser);
    while (from < to && strchr(" \t\r\n,:", split->json.data[from]) != NULL)
        from++;
    split->act(split, (struct io_bytes){split->json.data + from, to - from});
    split->end = to;
    return 1;
}

static int on_null(void *context)
{
    return take_value(context);
}

static int on_boolean(void *context, int boolean)
{
    (void)boolean;
    return take_value(context);
}

static int on_number(void *context, const char *digits, size_t size)
{
    (void)digits;
    (void)size;
    return take_value(context);
}

static int on_string(void *context, const unsigned char *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    return take_value(context);
}

static int on_key(void *context, const unsigned char *bytes, size_t size)
{
    struct split *split = context;
    if (split->depth == 1) {
        text_clear(&split->key);
        text_add(&split->key, bytes, size);
        split->end = yajl_get_bytes_consumed(split->parser);
    }
    return 1;
}

static int begin(struct split *split, bool is_object)
{
    if (split->depth == 0) {
        if (is_object != split->is_object)
            return 0;
        split->end = yajl_get_bytes_consumed(split->parser);
    }
    return ++split->depth <= DEPTH_MOST;
}

static int on_begin_object(void *context)
{
    return begin(context, true);
}

static int on_begin_array(void *context)
{
    return begin(context, false);
}

static int on_end(void *context)
{
    struct split *split = context;
    return --split->depth == 0 ? 1 : take_value(split);
}

static bool run(struct split *split)
{
    static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_begin_object,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end,
        .yajl_start_array = on_begin_array,
        .yajl_end_array = on_end,
    };
    split->parser = yajl_alloc(&callbacks, NULL, split);
    bool is_sound = yajl_parse(split->parser, split->json.data, split->json.size) == yajl_status_ok &&
                    yajl_complete_parse(split->parser) == yajl_status_ok;
    yajl_free(split->parser);
    text_free(&split->key);
    return is_sound;
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
