/* Setting fields of protobuf-c messages by their descriptors. */
#include "core/wire/json/store.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/wire/json/number.h"

#include <string.h>

enum {
    FIRST_CAPACITY = 4,
    /* Keys are searched one by one (order is kept, last wins): this bounds what a stranger's object can cost. */
    MAP_LIMIT = 512,
};

/* ---- Descriptors ---- */

const ProtobufCFieldDescriptor *json_find_field(const ProtobufCMessageDescriptor *descriptor, const char *name,
                                                size_t size)
{
    unsigned low = 0;
    unsigned high = descriptor->n_fields;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const ProtobufCFieldDescriptor *field = &descriptor->fields[descriptor->fields_sorted_by_name[middle]];
        int order = strncmp(field->name, name, size);
        if (order == 0 && field->name[size] == '\0')
            return field;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool json_is_map(const ProtobufCFieldDescriptor *field)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t size = strlen(entry->short_name);
    return size > 5 && strcmp(entry->short_name + size - 5, "Entry") == 0 && entry->n_fields == 2 &&
           strcmp(entry->fields[0].name, "key") == 0 && strcmp(entry->fields[1].name, "value") == 0 &&
           entry->fields[0].type == PROTOBUF_C_TYPE_STRING;
}

const ProtobufCFieldDescriptor *json_map_value_field(const ProtobufCFieldDescriptor *map)
{
    assert_that(json_is_map(map));
    return &((const ProtobufCMessageDescriptor *)map->descriptor)->fields[1];
}

const char *json_expected(const ProtobufCFieldDescriptor *field)
{
    if (json_is_map(field))
        return "an object";
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return "an integer";
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return "an integer that is not negative";
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return "a number";
    case PROTOBUF_C_TYPE_BOOL:
        return "true or false";
    case PROTOBUF_C_TYPE_STRING:
        return "a string";
    case PROTOBUF_C_TYPE_MESSAGE:
        return "an object";
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
        break;
    }
    assert_unreachable(); /* Such messages do not travel as JSON. */
}

/* ---- Where a field lives ---- */

static void *member_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (char *)(uintptr_t)message + field->offset;
}

/* size_t count of a repeated field, has_ flag of an optional scalar. */
static void *quantifier_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (char *)(uintptr_t)message + field->quantifier_offset;
}

size_t json_element_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(uint32_t);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    }
    assert_unreachable();
}

/* The place of the next element, zeroed. It counts once the caller has filled it and called count_element. */
static void *room_for_element(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t *capacity)
{
    size_t count = *(size_t *)quantifier_of(message, field);
    size_t size = json_element_size(field);
    char **array = member_of(message, field);
    assert_that(count <= *capacity);
    if (count == *capacity) {
        size_t new_capacity = count == 0 ? FIRST_CAPACITY : count * 2;
        *array = memory_grow(*array, count * size, new_capacity * size);
        *capacity = new_capacity;
    }
    return *array + count * size;
}

static void count_element(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    ++*(size_t *)quantifier_of(message, field);
}

/* ---- Clearing ---- */

static void free_message(ProtobufCMessage *message)
{
    protobuf_c_message_free_unpacked(message, NULL);
}

static void clear_repeated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t *count = quantifier_of(message, field);
    void **array = member_of(message, field);
    for (size_t i = 0; i < *count; i++) {
        if (field->type == PROTOBUF_C_TYPE_STRING)
            memory_free(((char **)*array)[i]);
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            free_message(((ProtobufCMessage **)*array)[i]);
    }
    memory_free(*array);
    *array = NULL;
    *count = 0;
}

void json_clear_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        clear_repeated(message, field);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        char **string = member_of(message, field);
        if (*string != field->default_value)
            memory_free(*string);
        *string = (char *)(uintptr_t)field->default_value;
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage **child = member_of(message, field);
        if (*child != NULL)
            free_message(*child);
        *child = NULL;
    } else {
        if (field->label == PROTOBUF_C_LABEL_OPTIONAL)
            *(protobuf_c_boolean *)quantifier_of(message, field) = false;
        if (field->default_value != NULL)
            memcpy(member_of(message, field), field->default_value, json_element_size(field));
        else
            memset(member_of(message, field), 0, json_element_size(field));
    }
}

/* ---- Storing ---- */

/* NULL when the token is an integer from -low to high. */
static const char *read_integer(struct json_token token, bool number_text, uint64_t low, uint64_t high,
                                const char *expected, uint64_t *ret_bits)
{
    if (token.kind != JSON_NUMBER && !(number_text && token.kind == JSON_STRING))
        return expected;
    bool negative;
    uint64_t magnitude;
    if (!json_parse_integer(token.bytes, token.size, &negative, &magnitude))
        return expected;
    if (magnitude > (negative ? low : high))
        return low == 0 && negative ? expected : "an integer in range";
    *ret_bits = negative ? UINT64_C(0) - magnitude : magnitude;
    return NULL;
}

static bool is_signed_type(ProtobufCType type)
{
    return type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_SINT32 || type == PROTOBUF_C_TYPE_SFIXED32 ||
           type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_SINT64 || type == PROTOBUF_C_TYPE_SFIXED64;
}

static const char *store_integer(void *place, const ProtobufCFieldDescriptor *field, struct json_token token,
                                 bool number_text)
{
    bool is_wide = json_element_size(field) == sizeof(uint64_t);
    bool is_signed = is_signed_type(field->type);
    uint64_t all_bits = is_wide ? UINT64_MAX : UINT32_MAX;
    uint64_t high = is_signed ? all_bits >> 1 : all_bits;
    uint64_t bits = 0;
    const char *expected =
        read_integer(token, number_text, is_signed ? high + 1 : 0, high, json_expected(field), &bits);
    if (expected != NULL)
        return expected;
    uint32_t narrow = (uint32_t)bits;
    memcpy(place, is_wide ? (const void *)&bits : (const void *)&narrow, json_element_size(field));
    return NULL;
}

static const char *store_string(char **place, struct json_token token)
{
    if (token.kind != JSON_STRING)
        return "a string";
    if (memchr(token.bytes, '\0', token.size) != NULL)
        return "a string without NUL characters";
    *place = memory_copy_bytes(token.bytes, token.size);
    return NULL;
}

static const char *store_at(void *place, const ProtobufCFieldDescriptor *field, struct json_token token,
                            bool number_text)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return store_integer(place, field, token, number_text);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        if (token.kind != JSON_NUMBER)
            return json_expected(field);
        if (field->type == PROTOBUF_C_TYPE_FLOAT)
            *(float *)place = (float)json_parse_double(token.bytes, token.size);
        else
            *(double *)place = json_parse_double(token.bytes, token.size);
        return NULL;
    case PROTOBUF_C_TYPE_BOOL:
        if (token.kind != JSON_BOOLEAN)
            return json_expected(field);
        *(protobuf_c_boolean *)place = token.boolean;
        return NULL;
    case PROTOBUF_C_TYPE_STRING:
        return store_string(place, token);
    case PROTOBUF_C_TYPE_MESSAGE:
        return json_expected(field);
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
        break;
    }
    assert_unreachable();
}

const char *json_store_scalar(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t *capacity,
                              struct json_token token, bool number_text)
{
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    void *place = repeated ? room_for_element(message, field, capacity) : member_of(message, field);
    const char *expected = store_at(place, field, token, number_text);
    if (expected != NULL)
        return expected;
    if (repeated)
        count_element(message, field);
    else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING)
        *(protobuf_c_boolean *)quantifier_of(message, field) = true;
    return NULL;
}

static ProtobufCMessage *new_message(const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = memory_new(descriptor->sizeof_message);
    descriptor->message_init(message);
    return message;
}

ProtobufCMessage *json_store_message(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t *capacity)
{
    assert_that(field->type == PROTOBUF_C_TYPE_MESSAGE);
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    ProtobufCMessage **place = repeated ? room_for_element(message, field, capacity) : member_of(message, field);
    *place = new_message(field->descriptor);
    if (repeated)
        count_element(message, field);
    return *place;
}

/* ---- Maps ---- */

static const char *entry_key(const ProtobufCMessage *entry)
{
    return *(char **)member_of(entry, &entry->descriptor->fields[0]);
}

ProtobufCMessage *json_store_map_key(ProtobufCMessage *message, const ProtobufCFieldDescriptor *map, size_t *capacity,
                                     const char *key, size_t size)
{
    size_t count = *(size_t *)quantifier_of(message, map);
    ProtobufCMessage **entries = *(ProtobufCMessage ***)member_of(message, map);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(entry_key(entries[i]), key, size) == 0 && entry_key(entries[i])[size] == '\0') {
            json_clear_field(entries[i], json_map_value_field(map));
            return entries[i];
        }
    }
    if (count >= MAP_LIMIT)
        return NULL;
    ProtobufCMessage *entry = json_store_message(message, map, capacity);
    char **place = member_of(entry, &entry->descriptor->fields[0]);
    *place = memory_copy_bytes(key, size);
    return entry;
}

void json_remove_map_entry(ProtobufCMessage *message, const ProtobufCFieldDescriptor *map, ProtobufCMessage *entry)
{
    size_t *count = quantifier_of(message, map);
    ProtobufCMessage **entries = *(ProtobufCMessage ***)member_of(message, map);
    size_t at = 0;
    while (entries[at] != entry) {
        at++;
        assert_that(at < *count);
    }
    free_message(entry);
    memmove(&entries[at], &entries[at + 1], (*count - at - 1) * sizeof *entries);
    --*count;
}
