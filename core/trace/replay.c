#include "core/trace/replay.h"

#include "core/base/assert.h"
#include "core/trace/encode.h"

#include <string.h>

static bool is_same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    struct text packed_a = {0}, packed_b = {0};
    size_t size_a = protobuf_c_message_get_packed_size(a);
    size_t size_b = protobuf_c_message_get_packed_size(b);
    bool same = size_a == size_b;
    if (same) {
        protobuf_c_message_pack(a, text_room(&packed_a, size_a));
        protobuf_c_message_pack(b, text_room(&packed_b, size_b));
        same = memcmp(packed_a.buffer->bytes, packed_b.buffer->bytes, size_a) == 0;
    }
    text_free(&packed_a);
    text_free(&packed_b);
    return same;
}

static void print_step(struct replay *replay, const Cupola__TraceRecord *record)
{
    text_addf(&replay->report, "event %llu: ", (unsigned long long)record->number);
    trace_print_event(&replay->report, record->event);
    text_add_char(&replay->report, '\n');
}

static void print_effect_line(struct replay *replay, const char *label, const Cupola__TraceEffect *effect)
{
    text_addf(&replay->report, "  %s", label);
    if (effect == NULL)
        text_add_string(&replay->report, "nothing");
    else
        trace_print_effect(&replay->report, effect);
    text_add_char(&replay->report, '\n');
}

/* Compares what the machine did now with what the record says; explains the first difference. */
static bool compare_effects(struct replay *replay, const Cupola__TraceRecord *record, struct effects *effects)
{
    size_t count = effects_count(effects) > record->n_effects ? effects_count(effects) : record->n_effects;
    for (size_t i = 0; i < count; i++) {
        Cupola__TraceEffect message;
        struct trace_effect_parts parts;
        const Cupola__TraceEffect *now = NULL;
        const Cupola__TraceEffect *then = i < record->n_effects ? record->effects[i] : NULL;
        if (i < effects_count(effects)) {
            trace_fill_effect(&message, &parts, effects_at(effects, i));
            now = &message;
        }
        if (now != NULL && then != NULL && is_same_message(&now->base, &then->base)) {
            if (replay->print)
                print_effect_line(replay, "", then);
            continue;
        }
        if (!replay->print)
            print_step(replay, record);
        text_addf(&replay->report, "  effect %zu differs\n", i + 1);
        print_effect_line(replay, "recorded: ", then);
        print_effect_line(replay, "replayed: ", now);
        return false;
    }
    return true;
}

static bool is_past_end(const struct replay *replay, const Cupola__TraceRecord *record)
{
    if (replay->until_ns != 0 && record->event->now_ns > replay->until_ns)
        return true;
    return replay->until_event != 0 && record->number > replay->until_event;
}

static enum replay_result play_step(struct replay *replay, struct machine *machine, struct effects *effects,
                                    const Cupola__TraceRecord *record)
{
    struct event event;
    bool is_first = replay->steps == 0;
    if (!trace_event_of(record, &event) || is_first != (event.kind == EVENT_START) || machine_has_exited(machine)) {
        text_addf(&replay->report, "event %llu cannot stand there\n", (unsigned long long)record->number);
        return REPLAY_CORRUPT;
    }
    if (replay->print)
        print_step(replay, record);
    machine_step(machine, &event, effects);
    bool same = compare_effects(replay, record, effects);
    effects_reset(effects);
    if (event.kind == EVENT_BYTES)
        buffer_unref(event.bytes.slice.buffer);
    replay->steps++;
    replay->now_ns = event.now_ns;
    return same ? REPLAY_SAME : REPLAY_DIFFERENT;
}

enum replay_result replay_trace(struct replay *replay, const struct machine_class *class, struct trace_reader *trace)
{
    struct machine *machine = machine_create(class);
    struct effects *effects = effects_new();
    enum replay_result result = REPLAY_SAME;
    while (result == REPLAY_SAME) {
        Cupola__TraceRecord *record = NULL;
        enum trace_result read = trace_read_step(trace, &record);
        if (read == TRACE_END)
            break;
        if (read == TRACE_CUT) {
            text_addf(&replay->report, "the trace ends within a step, behind event %llu: its writer was killed\n",
                      (unsigned long long)replay->steps);
            break;
        }
        if (read == TRACE_CORRUPT) {
            text_addf(&replay->report, "the trace is damaged at byte %zu, behind event %llu\n", trace->at,
                      (unsigned long long)replay->steps);
            result = REPLAY_CORRUPT;
            break;
        }
        bool is_end = is_past_end(replay, record);
        if (!is_end)
            result = play_step(replay, machine, effects, record);
        cupola__trace_record__free_unpacked(record, NULL);
        if (is_end)
            break;
    }
    if (replay->steps > 0)
        class->inspect(machine, &replay->state);
    effects_free(effects);
    machine_destroy(machine);
    return result;
}
