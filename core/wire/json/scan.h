/* JSON text, item by item (RFC 8259): no tree, no callbacks, no copies but of strings with escapes.
 *
 *     struct json_scanner scanner = {.bytes = bytes};
 *     while ((item = json_scan(&scanner)) > JSON_ITEM_END) ...
 *     json_scan_release(&scanner);
 *
 * The grammar is strict: no comments, no commas too many, nothing behind the end; strings are UTF-8. Limit: depth.
 * It is ours for speed: with yajl, which read our JSON before, the start of a simulated cloud took a fifth more.
 */
#ifndef CUPOLA_CORE_WIRE_JSON_SCAN_H
#define CUPOLA_CORE_WIRE_JSON_SCAN_H

#include "core/base/text.h"
#include "core/io.h"

enum json_kind {
    JSON_NULL = 1,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_OBJECT,
    JSON_ARRAY,
};

/* A value as it came: of numbers the text, of strings the unescaped bytes (lent until the next call), of containers
 * only the opening. */
struct json_token {
    enum json_kind kind;
    bool boolean;
    const char *bytes;
    size_t size;
};

enum json_item {
    JSON_ITEM_BROKEN = 0, /* `problem` says why; `at` is where. */
    JSON_ITEM_END,        /* The whole text was one value. */
    JSON_ITEM_KEY,        /* Of an object: a string; its value comes next. */
    JSON_ITEM_VALUE,      /* A scalar. */
    JSON_ITEM_OPEN,       /* { or [ */
    JSON_ITEM_CLOSE,      /* } or ] */
};

enum { JSON_SCAN_DEPTH = 64 };

struct json_scanner {
    struct io_bytes bytes; /* Set it; zero the rest. */
    struct json_token token;
    const char *problem; /* Static. */
    size_t began;        /* Where the item begins, */
    size_t at;           /* and where it has ended. */
    size_t depth;        /* Of containers that are open. */

    /* Private. */
    uint64_t objects; /* A bit for each open container: 1 for objects. */
    int expected;
    struct text unescaped;
};

enum json_item json_scan(struct json_scanner *scanner);
void json_scan_release(struct json_scanner *scanner);

#endif
