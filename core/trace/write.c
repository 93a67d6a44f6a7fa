/* Steps as bytes, and their hash. */
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

void trace_write_header(struct text *trace, const Cupola__TraceHeader *header)
{
    size_t size = protobuf_c_message_get_packed_size(&header->base);
    add_varint(trace, size);
    add_message(trace, &header->base, size);
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
    add_varint(trace, record.size);
    text_add(trace, text_string(&record), record.size);
    text_free(&record);
}

/* ---- The hash: of the same bytes, most of which never touch the heap ---- */

enum { SMALL_RECORD = 4096, MOST_VARINT = 10 };

struct small_record {
    uint8_t bytes[SMALL_RECORD];
    size_t size;
    bool is_full;
};

static void add_small_field(struct small_record *record, uint8_t tag, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    if (record->is_full || size + MOST_VARINT + 1 > SMALL_RECORD - record->size) {
        record->is_full = true;
        return;
    }
    record->bytes[record->size++] = tag;
    size_t rest = size;
    for (; rest >= 0x80; rest >>= 7)
        record->bytes[record->size++] = (uint8_t)(rest | 0x80);
    record->bytes[record->size++] = (uint8_t)rest;
    record->size += protobuf_c_message_pack(message, record->bytes + record->size);
}

/* False if the step does not fit. */
static bool add_small_step(struct small_record *record, const struct event *event, struct effects *effects)
{
    Cupola__TraceEvent event_message;
    struct trace_event_parts event_parts;
    trace_fill_event(&event_message, &event_parts, event);
    add_small_field(record, TAG_EVENT, &event_message.base);
    for (size_t i = 0; i < effects_count(effects) && !record->is_full; i++) {
        Cupola__TraceEffect effect_message;
        struct trace_effect_parts parts;
        trace_fill_effect(&effect_message, &parts, effects_at(effects, i));
        add_small_field(record, TAG_EFFECT, &effect_message.base);
    }
    return !record->is_full;
}

uint64_t trace_hash_step(uint64_t chain, const struct event *event, struct effects *effects)
{
    struct small_record small;
    small.size = 0;
    small.is_full = false;
    if (add_small_step(&small, event, effects))
        return random_hash(chain, small.bytes, small.size);
    struct text record = {0};
    add_step(&record, event, effects);
    uint64_t hash = random_hash(chain, text_string(&record), record.size);
    text_free(&record);
    return hash;
}
