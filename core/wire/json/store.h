/* Setting fields of protobuf-c messages by their descriptors, so that protobuf_c_message_free_unpacked frees the
 * result: every string, array and sub-message is heap memory of its own, and what is absent is as message_init left it.
 */
#ifndef CUPOLA_CORE_WIRE_JSON_STORE_H
#define CUPOLA_CORE_WIRE_JSON_STORE_H

#include "core/wire/json/scan.h"

#include <protobuf-c/protobuf-c.h>

#include <stdbool.h>
#include <stddef.h>

/* The field of that name, or NULL. */
const ProtobufCFieldDescriptor *json_find_field(const ProtobufCMessageDescriptor *descriptor, const char *name,
                                                size_t size);
/* map<string, T> fields are repeated entries with a key and a value. */
bool json_is_map(const ProtobufCFieldDescriptor *field);
const ProtobufCFieldDescriptor *json_map_value_field(const ProtobufCFieldDescriptor *map);

/* Makes the field absent again, freeing what it held. */
void json_clear_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Stores a scalar: sets the field, or appends to a repeated one whose array has room for `*capacity` elements.
 * NULL when stored; otherwise what would have fitted, in words ("an integer"). The field must be clear. */
const char *json_store_scalar(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t *capacity,
                              struct json_token token, bool number_text);
/* Sets (or appends) a new empty sub-message, which is lent for filling. The field must be clear. */
ProtobufCMessage *json_store_message(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                                     size_t *capacity);
/* The map's entry of that key, with its value clear; lent. NULL when the map is full. */
ProtobufCMessage *json_store_map_key(ProtobufCMessage *message, const ProtobufCFieldDescriptor *map, size_t *capacity,
                                     const char *key, size_t size);
/* Takes the entry out of the map again, and frees it. */
void json_remove_map_entry(ProtobufCMessage *message, const ProtobufCFieldDescriptor *map, ProtobufCMessage *entry);

/* Bytes of one value: the stride of a repeated field's array. */
size_t json_element_size(const ProtobufCFieldDescriptor *field);
/* What the field takes, in words. */
const char *json_expected(const ProtobufCFieldDescriptor *field);

#endif
