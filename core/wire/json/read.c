/* Reading JSON into protobuf-c messages: a scanner cuts the text into items, a stack of frames says where each belongs.
 *
 * Invariants: frames[0] is the message itself; a frame's message belongs to the one below it, so that freeing the root
 * frees all; while skipped_depth > 0 the tokens belong to an unknown key and leave no trace.
 * Limits: depth, and the number of values of one text.
 */
#include "core/wire/json.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/wire/json/any.h"
#include "core/wire/json/nearest.h"
#include "core/wire/json/store.h"

#include <stdio.h>
#include <string.h>

enum {
    DEPTH_LIMIT = 16,
    VALUES_LIMIT = 1000000,
    SHOWN_NUMBER = 24, /* Characters of a wrong number that an error repeats. */
    SHOWN_KEY = 60,
    FIELDS_LIMIT = 256, /* Of a message that is read strictly. */
};

/* The keys of one object that have come: a bit for each field. */
struct seen {
    uint64_t bits[FIELDS_LIMIT / 64];
};

enum frame_kind {
    FRAME_MESSAGE = 1, /* { of a message: keys are fields. */
    FRAME_ARRAY,       /* [ of a repeated field. */
    FRAME_MAP,         /* { of a map field: keys are data. */
};

struct frame {
    enum frame_kind kind;
    ProtobufCMessage *message;             /* The one being filled; of an array or map the one that has the field. */
    const ProtobufCFieldDescriptor *field; /* The array or map itself; in a message the last key, NULL if unknown. */
    ProtobufCMessage *entry;               /* FRAME_MAP: of the last key. */
    size_t capacity;                       /* Of the array under `field`. */
    size_t next_field;                     /* FRAME_MESSAGE: of the descriptor, behind the last one that came. */
};

struct reader {
    const ProtobufCMessageDescriptor *descriptor;
    int mode;
    ProtobufCMessage *root;
    struct frame frames[DEPTH_LIMIT];
    size_t depth;
    struct seen *seen; /* One a frame; NULL: keys may come twice. */
    size_t skipped_depth;
    struct json_any any; /* Takes all tokens while it has a target. */
    size_t values;
    bool failed;
    char problem[160]; /* "bus.port: expected an integer, found a string" */
};

/* ---- Errors ---- */

static const char *map_key(const struct frame *frame)
{
    return *(const char **)(void *)((char *)frame->entry + frame->entry->descriptor->fields[0].offset);
}

static void add_to(char *bytes, size_t capacity, const char *text)
{
    size_t used = strlen(bytes);
    snprintf(bytes + used, capacity - used, "%s", text);
}

/* Elements of the array or map that are there already. */
static size_t count_of(const struct frame *frame)
{
    return *(size_t *)(void *)((char *)frame->message + frame->field->quantifier_offset);
}

/* "droplets[2].index: " of the value that is being read; nothing at the top. */
static void describe_place(const struct reader *reader, char *ret_text, size_t capacity)
{
    ret_text[0] = '\0';
    for (size_t i = 0; i < reader->depth; i++) {
        const struct frame *frame = &reader->frames[i];
        char part[SHOWN_KEY + 2] = "";
        if (frame->kind == FRAME_ARRAY) {
            size_t count = count_of(frame);
            bool inside = i + 1 < reader->depth; /* An element that is open already counts. */
            snprintf(part, sizeof part, "[%zu]", inside ? count - 1 : count);
        } else {
            const char *name = frame->kind == FRAME_MAP ? frame->entry != NULL ? map_key(frame) : NULL
                               : frame->field != NULL   ? frame->field->name
                                                        : NULL;
            if (name != NULL)
                snprintf(part, sizeof part, "%s%s", i == 0 ? "" : ".", name);
        }
        add_to(ret_text, capacity, part);
    }
    if (ret_text[0] != '\0')
        add_to(ret_text, capacity, ": ");
}

static bool fail(struct reader *reader, const char *what)
{
    if (!reader->failed) {
        describe_place(reader, reader->problem, sizeof reader->problem);
        add_to(reader->problem, sizeof reader->problem, what);
    }
    reader->failed = true;
    return false;
}

static bool fail_type(struct reader *reader, const char *expected, struct json_token token)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_BOOLEAN] = "true or false", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_OBJECT] = "an object",      [JSON_ARRAY] = "an array",
    };
    char what[120];
    if (token.kind == JSON_NUMBER && token.size <= SHOWN_NUMBER)
        snprintf(what, sizeof what, "expected %s, found %.*s", expected, (int)token.size, token.bytes);
    else
        snprintf(what, sizeof what, "expected %s, found %s", expected, names[token.kind]);
    return fail(reader, what);
}

static bool fail_repeated_key(struct reader *reader)
{
    return fail(reader, "the key comes twice");
}

static bool fail_unknown_key(struct reader *reader, const char *key, size_t size)
{
    const char *nearest = json_nearest_name(reader->frames[reader->depth - 1].message->descriptor, key, size);
    char what[SHOWN_KEY * 2 + 60];
    int shown = size < SHOWN_KEY ? (int)size : SHOWN_KEY;
    snprintf(what, sizeof what, "unknown key \"%.*s\"%s%.60s%s", shown, key, nearest == NULL ? "" : ", did you mean \"",
             nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    return fail(reader, what);
}

/* ---- Frames ---- */

static struct frame *top_frame(struct reader *reader)
{
    assert_that(reader->depth > 0);
    return &reader->frames[reader->depth - 1];
}

static bool push_frame(struct reader *reader, enum frame_kind kind, ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field)
{
    assert_that(reader->depth < DEPTH_LIMIT);
    if (reader->seen != NULL)
        reader->seen[reader->depth] = (struct seen){0};
    reader->frames[reader->depth++] = (struct frame){.kind = kind, .message = message, .field = field};
    return true;
}

static bool close_container(struct reader *reader)
{
    if (reader->skipped_depth > 0) {
        reader->skipped_depth--;
        return true;
    }
    bool was_any = reader->any.target != NULL;
    if (was_any && !json_any_close(&reader->any))
        return true;
    if (!was_any)
        reader->depth--;
    if (reader->depth > 0 && top_frame(reader)->kind == FRAME_MESSAGE)
        top_frame(reader)->field = NULL;
    return true;
}

/* What a value at this place has to be, where a container was expected. */
static const char *expected_here(const struct frame *frame)
{
    if (frame->kind == FRAME_MAP)
        return json_expected(json_map_value_field(frame->field));
    if (frame->kind == FRAME_MESSAGE && frame->field->label == PROTOBUF_C_LABEL_REPEATED && !json_is_map(frame->field))
        return "an array";
    return json_expected(frame->field);
}

static bool open_root(struct reader *reader, struct json_token token)
{
    if (token.kind != JSON_OBJECT)
        return fail_type(reader, "an object", token);
    assert_that(reader->root == NULL);
    reader->root = memory_new(reader->descriptor->sizeof_message);
    reader->descriptor->message_init(reader->root);
    return push_frame(reader, FRAME_MESSAGE, reader->root, NULL);
}

static bool open_in_message(struct reader *reader, struct frame *frame, struct json_token token)
{
    const ProtobufCFieldDescriptor *field = frame->field;
    if (field == NULL) {
        reader->skipped_depth = 1;
        return true;
    }
    json_clear_field(frame->message, field); /* A key may come twice: the last wins. */
    if (json_is_any(field) && field->label != PROTOBUF_C_LABEL_REPEATED) {
        json_any_open(&reader->any, json_store_message(frame->message, field, NULL), token.kind);
        return true;
    }
    bool is_map = json_is_map(field);
    bool is_array = field->label == PROTOBUF_C_LABEL_REPEATED && !is_map;
    if (token.kind == JSON_ARRAY && is_array)
        return push_frame(reader, FRAME_ARRAY, frame->message, field);
    if (token.kind == JSON_OBJECT && is_map)
        return push_frame(reader, FRAME_MAP, frame->message, field);
    if (token.kind == JSON_OBJECT && !is_array && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return push_frame(reader, FRAME_MESSAGE, json_store_message(frame->message, field, NULL), NULL);
    return fail_type(reader, expected_here(frame), token);
}

static bool open_container(struct reader *reader, struct json_token token)
{
    if (++reader->values > VALUES_LIMIT)
        return fail(reader, "too many values");
    if (reader->depth + reader->skipped_depth + reader->any.depth >= DEPTH_LIMIT)
        return fail(reader, "nested too deep");
    if (reader->any.target != NULL) {
        json_any_open(&reader->any, NULL, token.kind);
        return true;
    }
    if (reader->skipped_depth > 0) {
        reader->skipped_depth++;
        return true;
    }
    if (reader->depth == 0)
        return open_root(reader, token);

    struct frame *frame = top_frame(reader);
    if (frame->kind == FRAME_MESSAGE)
        return open_in_message(reader, frame, token);
    if (frame->kind == FRAME_ARRAY) {
        if (token.kind != JSON_OBJECT || frame->field->type != PROTOBUF_C_TYPE_MESSAGE)
            return fail_type(reader, json_expected(frame->field), token);
        ProtobufCMessage *element = json_store_message(frame->message, frame->field, &frame->capacity);
        return push_frame(reader, FRAME_MESSAGE, element, NULL);
    }
    const ProtobufCFieldDescriptor *value = json_map_value_field(frame->field);
    if (json_is_any(value)) {
        json_any_open(&reader->any, json_store_message(frame->entry, value, NULL), token.kind);
        return true;
    }
    if (token.kind != JSON_OBJECT || value->type != PROTOBUF_C_TYPE_MESSAGE)
        return fail_type(reader, json_expected(value), token);
    return push_frame(reader, FRAME_MESSAGE, json_store_message(frame->entry, value, NULL), NULL);
}

/* ---- Values ---- */

static bool store(struct reader *reader, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                  size_t *capacity, struct json_token token)
{
    const char *expected = json_store_scalar(message, field, capacity, token, (reader->mode & JSON_NUMBER_TEXT) != 0);
    return expected == NULL || fail_type(reader, expected, token);
}

static bool store_in_map(struct reader *reader, struct frame *frame, struct json_token token)
{
    const ProtobufCFieldDescriptor *value = json_map_value_field(frame->field);
    if (token.kind == JSON_NULL) {
        json_remove_map_entry(frame->message, frame->field, frame->entry);
        frame->entry = NULL;
        return true;
    }
    if (json_is_any(value)) {
        json_any_store(json_store_message(frame->entry, value, NULL), token);
        return true;
    }
    /* What v1 wrote as a number here still says the same as text. */
    if (value->type == PROTOBUF_C_TYPE_STRING && (reader->mode & JSON_STRICT) == 0) {
        if (token.kind == JSON_BOOLEAN) {
            token.bytes = token.boolean ? "true" : "false";
            token.size = strlen(token.bytes);
        }
        token.kind = JSON_STRING;
    }
    return store(reader, frame->entry, value, NULL, token);
}

static bool on_value(struct reader *reader, struct json_token token)
{
    if (++reader->values > VALUES_LIMIT)
        return fail(reader, "too many values");
    if (reader->skipped_depth > 0)
        return true;
    if (reader->depth == 0)
        return fail_type(reader, "an object", token);
    if (reader->any.target != NULL) {
        json_any_value(&reader->any, token);
        return true;
    }

    struct frame *frame = top_frame(reader);
    if (frame->kind == FRAME_MAP)
        return store_in_map(reader, frame, token);
    if (frame->kind == FRAME_ARRAY)
        return store(reader, frame->message, frame->field, &frame->capacity, token);
    const ProtobufCFieldDescriptor *field = frame->field;
    if (field == NULL)
        return true;
    json_clear_field(frame->message, field);
    if (token.kind == JSON_NULL)
        return true;
    if (json_is_any(field) && field->label != PROTOBUF_C_LABEL_REPEATED) {
        json_any_store(json_store_message(frame->message, field, NULL), token);
        return true;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED || field->type == PROTOBUF_C_TYPE_MESSAGE)
        return fail_type(reader, expected_here(frame), token);
    return store(reader, frame->message, field, NULL, token);
}

/* Most writers keep to the order of the .proto, so the next field is tried first. */
static const ProtobufCFieldDescriptor *find_field(struct frame *frame, const char *key, size_t size)
{
    const ProtobufCMessageDescriptor *descriptor = frame->message->descriptor;
    const ProtobufCFieldDescriptor *field = NULL;
    if (frame->next_field < descriptor->n_fields) {
        field = &descriptor->fields[frame->next_field];
        if (strncmp(field->name, key, size) != 0 || field->name[size] != '\0')
            field = NULL;
    }
    if (field == NULL)
        field = json_find_field(descriptor, key, size);
    if (field != NULL)
        frame->next_field = (size_t)(field - descriptor->fields) + 1;
    return field;
}

/* Notes the top frame's field. False if it was there before. */
static bool is_new_field(struct reader *reader, const struct frame *frame)
{
    size_t number = (size_t)(frame->field - frame->message->descriptor->fields);
    assert_that(number < FIELDS_LIMIT);
    uint64_t *word = &reader->seen[reader->depth - 1].bits[number / 64], bit = UINT64_C(1) << (number % 64);
    bool is_new = (*word & bit) == 0;
    *word |= bit;
    return is_new;
}

static bool on_map_key(struct reader *reader, struct frame *frame, const char *key, size_t size)
{
    size_t known = count_of(frame);
    frame->entry = json_store_map_key(frame->message, frame->field, &frame->capacity, key, size);
    if (frame->entry == NULL)
        return fail(reader, "too many keys");
    return reader->seen == NULL || count_of(frame) > known || fail_repeated_key(reader);
}

static bool on_key(struct reader *reader, const char *key, size_t size)
{
    if (reader->skipped_depth > 0)
        return true;
    struct frame *frame = top_frame(reader);
    if (memchr(key, '\0', size) != NULL)
        return fail(reader, "a key is not UTF-8 text");
    if (reader->any.target != NULL) {
        json_any_key(&reader->any, key, size);
        return true;
    }
    if (frame->kind == FRAME_MAP)
        return on_map_key(reader, frame, key, size);
    frame->field = find_field(frame, key, size);
    if (frame->field == NULL && (reader->mode & JSON_STRICT) != 0)
        return fail_unknown_key(reader, key, size);
    return reader->seen == NULL || is_new_field(reader, frame) || fail_repeated_key(reader);
}

/* ---- The whole ---- */

static bool take(struct reader *reader, enum json_item item, struct json_token token)
{
    if (item == JSON_ITEM_KEY)
        return on_key(reader, token.bytes, token.size);
    if (item == JSON_ITEM_VALUE)
        return on_value(reader, token);
    return item == JSON_ITEM_OPEN ? open_container(reader, token) : close_container(reader);
}

/* The place of what is wrong is where the scanner has come to. */
static void fill_error(struct reader *reader, const struct json_scanner *scanner, struct json_error *ret_error)
{
    struct io_bytes bytes = scanner->bytes;
    if (!reader->failed)
        fail(reader, scanner->problem);
    *ret_error = (struct json_error){.offset = scanner->at, .line = 1};
    for (size_t i = 0; i < scanner->at; i++)
        ret_error->line += bytes.data[i] == '\n' ? 1 : 0;
    snprintf(ret_error->text, sizeof ret_error->text, "line %d: %s", ret_error->line, reader->problem);
}

ProtobufCMessage *json_read(const ProtobufCMessageDescriptor *descriptor, struct io_bytes bytes, int mode,
                            struct json_error *ret_error)
{
    struct seen seen[DEPTH_LIMIT];
    struct reader reader = {.descriptor = descriptor, .mode = mode};
    if ((mode & JSON_STRICT) != 0)
        reader.seen = seen;
    struct json_scanner scanner = {.bytes = bytes};
    enum json_item item;
    while ((item = json_scan(&scanner)) > JSON_ITEM_END) {
        if (!take(&reader, item, scanner.token))
            break;
    }
    if (item != JSON_ITEM_END) {
        fill_error(&reader, &scanner, ret_error);
        if (reader.root != NULL)
            protobuf_c_message_free_unpacked(reader.root, NULL);
        reader.root = NULL;
    }
    text_free(&reader.any.text);
    json_scan_release(&scanner);
    assert_that(item != JSON_ITEM_END || reader.root != NULL);
    return reader.root;
}
