/* "Did you mean ...?" for keys that people mistype. */
#ifndef CUPOLA_CORE_WIRE_JSON_NEAREST_H
#define CUPOLA_CORE_WIRE_JSON_NEAREST_H

#include <protobuf-c/protobuf-c.h>

/* The message's field name that is the fewest edits away from `key`, or NULL if none is near. */
const char *json_nearest_name(const ProtobufCMessageDescriptor *descriptor, const char *key, size_t size);

#endif
