#include "core/cloud_controller/rest/schema.h"

void cc_schema_fail(struct call *call, const char *key, const char *text)
{
    struct text json = {0};
    text_addf(&json, "{\"%s\":", key);
    json_write_string(&json, text);
    text_add_char(&json, '}');
    cc_call_answer_json(call, 400, &json);
}

bool cc_schema_read(struct call *call, const char *key, const ProtobufCMessageDescriptor *descriptor, void *ret_message)
{
    struct json_error error = {{0}, 0, 0};
    ProtobufCMessage *message = json_read(descriptor, call->exchange->body, JSON_LENIENT | JSON_NUMBER_TEXT, &error);
    if (message == NULL) {
        cc_schema_fail(call, key, error.text);
        return false;
    }
    *(ProtobufCMessage **)ret_message = message; /* Only now: it may lie in the call. */
    return true;
}
