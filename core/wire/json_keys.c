#include "core/wire/json_keys.h"

#include "core/base/assert.h"

#include <string.h>
#include <yajl/yajl_parse.h>

struct search {
    const char *const *keys;
    unsigned count;
    unsigned depth;
    unsigned current; /* The bit of the key whose value comes next, or 0. */
    unsigned found;
};

static int take_value(struct search *search)
{
    if (search->depth == 1) {
        search->found |= search->current;
        search->current = 0;
    }
    return 1;
}

static int on_null(void *context)
{
    struct search *search = context;
    if (search->depth == 1) {
        search->found &= ~search->current; /* The last of several equal keys counts. */
        search->current = 0;
    }
    return 1;
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
    struct search *search = context;
    if (search->depth != 1)
        return 1;
    search->current = 0;
    for (unsigned i = 0; i < search->count; i++)
        if (strlen(search->keys[i]) == size && memcmp(search->keys[i], bytes, size) == 0)
            search->current = 1u << i;
    return 1;
}

static int on_begin(void *context)
{
    struct search *search = context;
    take_value(search);
    search->depth++;
    return 1;
}

static int on_end(void *context)
{
    struct search *search = context;
    search->depth--;
    return 1;
}

unsigned json_find_keys(struct io_bytes bytes, const char *const *keys, unsigned count)
{
    static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_begin,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end,
        .yajl_start_array = on_begin,
        .yajl_end_array = on_end,
    };
    assert_that(count <= 32);
    struct search search = {.keys = keys, .count = count};
    yajl_handle handle = yajl_alloc(&callbacks, NULL, &search);
    assert_that(handle != NULL);
    bool is_json = yajl_parse(handle, bytes.data, bytes.size) == yajl_status_ok;
    is_json = is_json && yajl_complete_parse(handle) == yajl_status_ok;
    yajl_free(handle);
    return is_json ? search.found : 0;
}
