#include "core/wire/json/keys.h"

#include "core/base/assert.h"
#include "core/wire/json/scan.h"

#include <string.h>

/* The bit of that key, or 0. */
static unsigned bit_of(struct json_token name, const char *const *keys, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strlen(keys[i]) == name.size && memcmp(keys[i], name.bytes, name.size) == 0)
            return 1u << i;
    }
    return 0;
}

unsigned json_find_keys(struct io_bytes bytes, const char *const *keys, unsigned count)
{
    assert_that(count <= 32);
    struct json_scanner scanner = {.bytes = bytes};
    unsigned found = 0, current = 0; /* The bit of the key whose value comes next. */
    enum json_item item;
    while ((item = json_scan(&scanner)) > JSON_ITEM_END) {
        bool is_top = scanner.depth == (item == JSON_ITEM_OPEN ? 2 : 1);
        if (!is_top)
            continue;
        if (item == JSON_ITEM_KEY)
            current = bit_of(scanner.token, keys, count);
        else if (item == JSON_ITEM_VALUE && scanner.token.kind == JSON_NULL)
            found &= ~current; /* The last of several equal keys counts. */
        else if (item != JSON_ITEM_CLOSE)
            found |= current;
    }
    json_scan_release(&scanner);
    return item == JSON_ITEM_END ? found : 0;
}
