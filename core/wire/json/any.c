#include "core/wire/json/any.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/proto/bus.pb-c.h"
#include "core/wire/json.h"

#include <string.h>

bool json_is_any(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE && field->descriptor == &cupola__json_value__descriptor;
}

static void write_token(struct text *text, struct json_token token)
{
    if (token.kind == JSON_NULL) {
        text_add_string(text, "null");
    } else if (token.kind == JSON_BOOLEAN) {
        text_add_string(text, token.boolean ? "true" : "false");
    } else if (token.kind == JSON_NUMBER) {
        text_add(text, token.bytes, token.size);
    } else {
        char *string = memory_copy_bytes(token.bytes, token.size);
        json_write_string(text, string);
        memory_free(string);
    }
}

static void set(char **field, const char *bytes, size_t size)
{
    memory_free(*field);
    *field = memory_copy_bytes(bytes, size);
}

void json_any_store(ProtobufCMessage *target, struct json_token token)
{
    Cupola__JsonValue *value = (Cupola__JsonValue *)target;
    struct text json = {0};
    write_token(&json, token);
    set(&value->json, text_string(&json), json.size);
    if (token.kind == JSON_STRING)
        set(&value->text, token.bytes, token.size);
    else
        set(&value->text, text_string(&json), json.size);
    text_free(&json);
}

static void separate(struct json_any *any)
{
    const char *json = text_string(&any->text);
    char last = any->text.size == 0 ? '{' : json[any->text.size - 1];
    if (last != '{' && last != '[' && last != ':')
        text_add_char(&any->text, ',');
}

void json_any_open(struct json_any *any, ProtobufCMessage *target, enum json_kind kind)
{
    assert_that((any->target == NULL) == (target != NULL));
    assert_that(any->depth < JSON_ANY_DEPTH);
    if (target != NULL)
        any->target = target;
    separate(any);
    text_add_char(&any->text, kind == JSON_OBJECT ? '{' : '[');
    any->closings[any->depth++] = kind == JSON_OBJECT ? '}' : ']';
}

void json_any_key(struct json_any *any, const char *key, size_t size)
{
    separate(any);
    write_token(&any->text, (struct json_token){.kind = JSON_STRING, .bytes = key, .size = size});
    text_add_char(&any->text, ':');
}

void json_any_value(struct json_any *any, struct json_token token)
{
    separate(any);
    write_token(&any->text, token);
}

bool json_any_close(struct json_any *any)
{
    assert_that(any->target != NULL && any->depth > 0);
    text_add_char(&any->text, any->closings[--any->depth]);
    if (any->depth > 0)
        return false;
    set(&((Cupola__JsonValue *)any->target)->json, text_string(&any->text), any->text.size);
    text_clear(&any->text);
    any->target = NULL;
    return true;
}

void json_any_write(struct text *text, const ProtobufCMessage *value)
{
    const Cupola__JsonValue *any = (const Cupola__JsonValue *)value;
    text_add_string(text, any->json == NULL ? "null" : any->json);
}
