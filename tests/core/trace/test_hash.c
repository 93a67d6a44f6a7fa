#include "core/trace/encode.h"
#include "core/trace/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef uint64_t fold(const void *message);

static uint64_t fold_event(const void *message)
{
    return trace_fold_event(1, message);
}

static uint64_t fold_effect(const void *message)
{
    return trace_fold_effect(1, message);
}

static void *member(void *message, unsigned offset)
{
    return (char *)message + offset;
}

/* What a field may hold: first as if it were there and empty, then with something in it. */
static void set(void *message, const ProtobufCFieldDescriptor *field, int value)
{
    static char *texts[] = {"", "text"};
    static uint64_t numbers[] = {0, 5};
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        *(size_t *)member(message, field->quantifier_offset) = (size_t)value + 1;
        *(void **)member(message, field->offset) = field->type == PROTOBUF_C_TYPE_STRING ? (void *)texts : numbers;
        return;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        *(char **)member(message, field->offset) = texts[value];
        return;
    }
    *(protobuf_c_boolean *)member(message, field->quantifier_offset) = 1;
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        *(ProtobufCBinaryData *)member(message, field->offset) =
            (ProtobufCBinaryData){.len = (size_t)value * 4, .data = (uint8_t *)texts[1]};
    else if (field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_SINT64)
        *(uint64_t *)member(message, field->offset) = (uint64_t)value << 40;
    else
        *(uint32_t *)member(message, field->offset) = (uint32_t)value;
}

/* The hashes of a message with each one of its fields set in two ways, and of the empty one, are all different. */
static void expect_all_different(const ProtobufCMessageDescriptor *descriptor, fold *fold_message)
{
    enum { MOST_FIELDS = 40 };
    uint64_t hashes[2 * MOST_FIELDS + 1];
    size_t count = 0;
    union {
        Cupola__TraceEvent event;
        Cupola__TraceEffect effect;
        ProtobufCMessage base;
    } message;
    descriptor->message_init(&message.base);
    hashes[count++] = fold_message(&message);
    assert_true(descriptor->n_fields <= MOST_FIELDS);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        for (int value = 0; value < 2; value++) {
            descriptor->message_init(&message.base);
            set(&message, &descriptor->fields[i], value);
            hashes[count++] = fold_message(&message);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(hashes[i], hashes[j]);
    }
}

static void every_field_of_an_event_goes_into_the_hash(void **state)
{
    (void)state;
    expect_all_different(&cupola__trace_event__descriptor, fold_event);
}

static void every_field_of_an_effect_goes_into_the_hash(void **state)
{
    (void)state;
    expect_all_different(&cupola__trace_effect__descriptor, fold_effect);
}

static void two_effects_are_not_one(void **state)
{
    (void)state;
    struct event event = {.kind = EVENT_STOP, .now_ns = 1};
    struct effects *effects = effects_new();
    effects_add(effects, EFFECT_READ)->read.conn.id = 2;
    uint64_t one = trace_hash_step(0, &event, effects);
    effects_add(effects, EFFECT_READ)->read.conn.id = 2;
    assert_int_not_equal(trace_hash_step(0, &event, effects), one);
    effects_free(effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_an_event_goes_into_the_hash),
        cmocka_unit_test(every_field_of_an_effect_goes_into_the_hash),
        cmocka_unit_test(two_effects_are_not_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
