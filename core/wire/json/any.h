/* Values of any kind: a field of the message JsonValue holds whatever its key stands for, as it was written but for
 * blanks.
 *
 *   scalar:    json_any_store
 *   container: json_any_open, then every token inside (keys, values, openings, closings) until json_any_close ends it
 */
#ifndef CUPOLA_CORE_WIRE_JSON_ANY_H
#define CUPOLA_CORE_WIRE_JSON_ANY_H

#include "core/base/text.h"
#include "core/wire/json/store.h"

enum { JSON_ANY_DEPTH = 16 };

struct json_any {
    ProtobufCMessage *target; /* A JsonValue, while its container is being read; else NULL. */
    struct text text;
    char closings[JSON_ANY_DEPTH];
    size_t depth;
};

bool json_is_any(const ProtobufCFieldDescriptor *field);
void json_any_store(ProtobufCMessage *target, struct json_token token);
/* The opening of `target`'s own container, or of one inside (then `target` is NULL). */
void json_any_open(struct json_any *any, ProtobufCMessage *target, enum json_kind kind);
void json_any_key(struct json_any *any, const char *key, size_t size);
void json_any_value(struct json_any *any, struct json_token token);
/* True: that was the last one; the value is stored. */
bool json_any_close(struct json_any *any);
/* Appends the value; null if there is none. */
void json_any_write(struct text *text, const ProtobufCMessage *value);

#endif
