#include "core/wire/message.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

void *message_copy(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = memory_new(size + 1); /* An empty message has no bytes. */
    protobuf_c_message_pack(message, packed);
    void *copy = protobuf_c_message_unpack(message->descriptor, NULL, size, packed);
    assert_that(copy != NULL);
    memory_free(packed);
    return copy;
}
