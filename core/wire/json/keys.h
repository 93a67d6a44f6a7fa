/* Which keys an object has: where an empty list and a missing one mean different things, which protobuf cannot say. */
#ifndef CUPOLA_CORE_WIRE_JSON_KEYS_H
#define CUPOLA_CORE_WIRE_JSON_KEYS_H

#include "core/io.h"

/* The i-th bit is set if the outermost object has keys[i] with a value that is not null. At most 32 keys. What is no
 * JSON object has none. */
unsigned json_find_keys(struct io_bytes bytes, const char *const *keys, unsigned count);

#endif
