/* Steps as bytes. */
#include "core/base/assert.h"
#include "core/base/random.h"
#include "core/trace/encode.h"
#include "core/trace/trace.h"

static void add_varint(struct text *text, uint64_t value)
{
    while (value >= 0x80) {
        text_add_char(text, (char)(value | 0x80));
        value >>= 7;
    }
    text_add_char(text, (char)value);
}

static void add_message(struct text *text, const ProtobufCMessage *message, size_t size)
{
    uint8_t *room = text_room(text, size);
    size_t packed = protobuf_c_message_pack(message, room);
    assert_that(packed == size);
    text_grow(text, size);
}

uint32_t trace_checksum(const void *bytes, size_t size)
{
    return (uint32_t)random_hash(TRACE_SCHEMA, bytes, size);
}

/* Empties the record. */
static void add_record(struct text *trace, struct text *record)
{
    add_varint(trace, record->size);
    uint32_t checksum = trace_checksum(text_string(record), record->size);
    for (int shift = 0; shift < 32; shift += 8)
        text_add_char(trace, (char)(uint8_t)(checksum >> shift));
    text_add(trace, text_string(record), record->size);
    text_free(record);
}

void trace_write_header(struct text *trace, const Cupola__TraceHeader *header)
{
    struct text record = {0};
    add_message(&record, &header->base, protobuf_c_message_get_packed_size(&header->base));
    add_record(trace, &record);
}

/* A record is its fields one behind the other, so each is packed on its own: no list of effects has to be built. */
enum { TAG_NUMBER = (1 << 3) | 0, TAG_EVENT = (2 << 3) | 2, TAG_EFFECT = (3 << 3) | 2 };

static void add_field(struct text *text, uint8_t tag, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    text_add_char(text, (char)tag);
    add_varint(text, size);
    add_message(text, message, size);
}

static void add_step(struct text *text, const struct event *event, struct effects *effects)
{
    Cupola__TraceEvent event_message;
    struct trace_event_parts event_parts;
    trace_fill_event(&event_message, &event_parts, event);
    add_field(text, TAG_EVENT, &event_message.base);
    for (size_t i = 0; i < effects_count(effects); i++) {
        Cupola__TraceEffect effect_message;
        struct trace_effect_parts parts;
        trace_fill_effect(&effect_message, &parts, effects_at(effects, i));
        add_field(text, TAG_EFFECT, &effect_message.base);
    }
}

void trace_write_step(struct text *trace, uint64_t number, const struct event *event, struct effects *effects)
{
    struct text record = {0};
    text_add_char(&record, TAG_NUMBER);
    add_varint(&record, number);
    add_step(&record, event, effects);
    add_record(trace, &record);
}
