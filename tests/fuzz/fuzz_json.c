/* Whatever bytes come: reading them as a message refuses or succeeds, and what was read can be written and read again
 * to the same text. The first byte chooses message and mode. */
#include "core/base/assert.h"
#include "core/proto/bus.pb-c.h"
#include "core/proto/config.pb-c.h"
#include "core/wire/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const ProtobufCMessageDescriptor *descriptor, const ProtobufCMessage *message)
{
    struct json_error error;
    struct text first = {0};
    struct text second = {0};
    json_write(&first, message);
    struct io_bytes bytes = {.data = (const uint8_t *)text_string(&first), .size = first.size};
    ProtobufCMessage *again = json_read(descriptor, bytes, JSON_STRICT, &error);
    assert_that(again != NULL);
    json_write(&second, again);
    assert_that(strcmp(text_string(&first), text_string(&second)) == 0);
    protobuf_c_message_free_unpacked(again, NULL);
    text_free(&first);
    text_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ProtobufCMessageDescriptor *const descriptors[] = {
        &cupola__dea_heartbeat__descriptor, &cupola__dea_start__descriptor,    &cupola__router_register__descriptor,
        &cupola__dea_found__descriptor,     &cupola__desired_page__descriptor, &cupola__process_config__descriptor,
    };
    if (size == 0)
        return 0;
    const ProtobufCMessageDescriptor *descriptor =
        descriptors[(size_t)(data[0] >> 2) % (sizeof descriptors / sizeof *descriptors)];
    struct json_error error;
    struct io_bytes bytes = {.data = data + 1, .size = size - 1};
    ProtobufCMessage *message = json_read(descriptor, bytes, data[0] & 3, &error);
    if (message == NULL) {
        assert_that(error.text[0] != '\0');
        assert_that(error.offset <= bytes.size);
        return 0;
    }
    check_round_trip(descriptor, message);
    protobuf_c_message_free_unpacked(message, NULL);
    return 0;
}
