/* Writing protobuf-c messages as JSON, compact or indented. */
#include "core/wire/json.h"

#include "core/base/assert.h"
#include "core/proto/bus.pb-c.h"
#include "core/wire/json/any.h"
#include "core/wire/json/number.h"
#include "core/wire/json/store.h"
#include "core/wire/utf8.h"

#include <string.h>

enum { COMPACT = -1 }; /* The indentation level that writes no line breaks. */

static void write_message(struct text *text, const ProtobufCMessage *message, int level);

/* ---- Strings ---- */

static void write_escape(struct text *text, uint8_t byte)
{
    static const char letters[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    text_add_char(text, '\\');
    if (byte == '"' || byte == '\\') {
        text_add_char(text, (char)byte);
    } else if (letters[byte] != '\0') {
        text_add_char(text, letters[byte]);
    } else {
        text_add_string(text, "u00");
        text_add_hex(text, &byte, 1);
    }
}

/* Strings come from strangers too (file names, output): what is not UTF-8 is replaced, so that the result is. */
void json_write_string(struct text *text, const char *string)
{
    const uint8_t *bytes = (const uint8_t *)string;
    size_t size = strlen(string);
    size_t plain = 0; /* Start of the run that needs no change. */
    text_add_char(text, '"');
    for (size_t at = 0; at < size;) {
        uint8_t byte = bytes[at];
        bool escaped = byte < 0x20 || byte == '"' || byte == '\\';
        size_t step = escaped ? 1 : utf8_sequence_size(bytes + at, size - at);
        if (!escaped && step > 0) {
            at += step;
            continue;
        }
        text_add(text, bytes + plain, at - plain);
        if (escaped)
            write_escape(text, byte);
        else
            text_add_string(text, "\\ufffd");
        plain = ++at;
    }
    text_add(text, bytes + plain, size - plain);
    text_add_char(text, '"');
}

/* ---- Values ---- */

static void write_signed(struct text *text, int64_t number)
{
    if (number < 0)
        text_add_char(text, '-');
    text_add_number(text, number < 0 ? UINT64_C(0) - (uint64_t)number : (uint64_t)number);
}

static void write_value(struct text *text, const ProtobufCFieldDescriptor *field, const void *place, int level)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        write_signed(text, *(const int32_t *)place);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_signed(text, *(const int64_t *)place);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        text_add_number(text, *(const uint32_t *)place);
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        text_add_number(text, *(const uint64_t *)place);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        json_write_double(text, (double)*(const float *)place);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        json_write_double(text, *(const double *)place);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        text_add_string(text, *(const protobuf_c_boolean *)place ? "true" : "false");
        return;
    case PROTOBUF_C_TYPE_STRING:
        json_write_string(text, *(char *const *)place == NULL ? "" : *(char *const *)place);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (json_is_any(field) && *(ProtobufCMessage *const *)place != NULL)
            json_any_write(text, *(ProtobufCMessage *const *)place);
        else
            write_message(text, *(ProtobufCMessage *const *)place, level);
        return;
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
        break;
    }
    assert_unreachable(); /* Such messages do not travel as JSON. */
}

/* ---- Messages ---- */

/* Messages whose lists narrow down what is meant. v1 leaves them out where they do not apply, and takes an empty one
 * for a filter that nothing passes. */
static bool lists_are_filters(const ProtobufCMessageDescriptor *descriptor)
{
    return descriptor == &cupola__dea_stop__descriptor || descriptor == &cupola__dea_find_droplet__descriptor ||
           descriptor == &cupola__health_manager_request__descriptor;
}

static bool is_empty_list(const char *start, const ProtobufCFieldDescriptor *field)
{
    return *(const size_t *)(const void *)(start + field->quantifier_offset) == 0;
}

/* Only what was set: an optional scalar with its flag, a string or message that is there. */
static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *start = (const char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return !is_empty_list(start, field) || (!json_is_map(field) && !lists_are_filters(message->descriptor));
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const void *pointer = *(void *const *)(const void *)(start + field->offset);
        return pointer != NULL && pointer != field->default_value;
    }
    return field->label == PROTOBUF_C_LABEL_REQUIRED ||
           *(const protobuf_c_boolean *)(const void *)(start + field->quantifier_offset);
}

static void write_line_break(struct text *text, int level)
{
    if (level == COMPACT)
        return;
    text_add_char(text, '\n');
    for (int i = 0; i < level; i++)
        text_add(text, "  ", 2);
}

static int inside(int level)
{
    return level == COMPACT ? COMPACT : level + 1;
}

static void write_name(struct text *text, const char *name, int level)
{
    json_write_string(text, name);
    text_add_char(text, ':');
    if (level != COMPACT)
        text_add_char(text, ' ');
}

static void write_map_entry(struct text *text, const ProtobufCFieldDescriptor *map, const ProtobufCMessage *entry,
                            int level)
{
    const char *start = (const char *)entry;
    const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
    const ProtobufCFieldDescriptor *value = json_map_value_field(map);
    write_name(text, *(const char *const *)(const void *)(start + key->offset), level);
    write_value(text, value, start + value->offset, level);
}

static void write_repeated(struct text *text, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                           int level)
{
    const char *start = (const char *)message;
    size_t count = *(const size_t *)(const void *)(start + field->quantifier_offset);
    const char *array = *(const char *const *)(const void *)(start + field->offset);
    size_t size = json_element_size(field);
    bool is_map = json_is_map(field);
    text_add_char(text, is_map ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add_char(text, ',');
        write_line_break(text, inside(level));
        if (is_map)
            write_map_entry(text, field, *(ProtobufCMessage *const *)(const void *)(array + i * size), inside(level));
        else
            write_value(text, field, array + i * size, inside(level));
    }
    if (count > 0)
        write_line_break(text, level);
    text_add_char(text, is_map ? '}' : ']');
}

static void write_message(struct text *text, const ProtobufCMessage *message, int level)
{
    if (message == NULL) { /* A map entry without a value. */
        text_add_string(text, "{}");
        return;
    }
    assert_that(message->descriptor->magic == PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC);
    bool is_empty = true;
    text_add_char(text, '{');
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (!is_present(message, field))
            continue;
        if (!is_empty)
            text_add_char(text, ',');
        is_empty = false;
        write_line_break(text, inside(level));
        write_name(text, field->name, level);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            write_repeated(text, message, field, inside(level));
        else
            write_value(text, field, (const char *)message + field->offset, inside(level));
    }
    if (!is_empty)
        write_line_break(text, level);
    text_add_char(text, '}');
}

void json_write(struct text *text, const ProtobufCMessage *message)
{
    write_message(text, message, COMPACT);
}

void json_write_pretty(struct text *text, const ProtobufCMessage *message)
{
    write_message(text, message, 0);
    text_add_char(text, '\n');
}
