/* JSON <-> protobuf messages, by walking the descriptors: no component parses JSON by hand.
 *
 * Reading: fields are matched by their proto names; unknown fields are skipped (lenient) or an error (strict, for
 * configuration files); null means absent; a wrong type is an error that names the field ("droplets[2].index: expected
 * an integer, found a string"). `map<string, T>` fields are JSON objects; in map<string, string> a lenient reader takes
 * numbers and booleans as their text. A JsonValue is whatever is written there (service credentials). 64-bit integers
 * are JSON numbers. A key that comes twice is an error (strict), or the last wins (lenient). Depth (16), values of one
 * text (1,000,000) and keys of one map (512) are limited. `bytes` fields do not occur. Invalid UTF-8 is an error.
 * Writing: compact, fields in the order of the .proto; absent optional fields are left out; repeated fields are always
 * written, as [] when empty (v1 peers need `"uris":[]` and `"services":[]`), but for the filters of dea.stop,
 * dea.find.droplet and cloudcontrollers.hm.requests; empty maps are left out.
 */
#ifndef CUPOLA_CORE_WIRE_JSON_H
#define CUPOLA_CORE_WIRE_JSON_H

#include "core/base/text.h"
#include "core/io.h"

#include <protobuf-c/protobuf-c.h>

struct json_error {
    char text[200]; /* "line 3: bus.servers[0].port: expected an integer, found a string" */
    size_t offset;  /* Byte where it was noticed. */
    int line;       /* From 1. */
};

enum json_mode {
    JSON_LENIENT = 0,     /* Unknown fields are skipped. For the bus and REST. */
    JSON_STRICT = 1,      /* Unknown and repeated fields are errors. For configuration files. */
    JSON_NUMBER_TEXT = 2, /* A string of digits is accepted for an integer ("instances": "1"). Or-ed in. */
};

/* The message, given (free with protobuf_c_message_free_unpacked), or NULL with ret_error filled. */
ProtobufCMessage *json_read(const ProtobufCMessageDescriptor *descriptor, struct io_bytes bytes, int mode,
                            struct json_error *ret_error);
/* Appends the message as one JSON object. Doubles are written with up to 9 digits after the point, without exponent. */
void json_write(struct text *text, const ProtobufCMessage *message);
/* Appends a JSON string with its quotes, everything escaped that needs it. */
void json_write_string(struct text *text, const char *string);
/* Appends the same as json_write but indented by two blanks a level and newline-terminated: for /varz and people. */
void json_write_pretty(struct text *text, const ProtobufCMessage *message);
/* Appends compact JSON (our own: valid and without blanks) indented in the same way. */
void json_indent(struct text *text, struct io_bytes compact);

#endif
