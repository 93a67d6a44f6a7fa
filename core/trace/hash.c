/* The hash of a step: of every field of its messages, present or not, without packing them. */
#include "core/base/fold.h"
#include "core/trace/encode.h"
#include "core/trace/trace.h"

enum { TRACE_HASH_VERSION = 2 }; /* Another one, other hashes: of the same run, too. */

static uint64_t fold_list(uint64_t hash, char *const *list, size_t count)
{
    hash = fold_words(hash, 0, count);
    for (size_t i = 0; i < count; i++)
        hash = fold_bytes(hash, list[i], strlen(list[i]));
    return hash;
}

static uint64_t pair(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

/* What is not there is 0 and not told by its bit. */
static uint64_t told(protobuf_c_boolean is_there, unsigned place)
{
    return (uint64_t)(is_there != 0) << place;
}

uint64_t trace_fold_event(uint64_t hash, const Cupola__TraceEvent *event)
{
    uint64_t there = told(event->has_kind, 0) | told(event->has_now_ns, 1) | told(event->has_wall_ns, 2) |
                     told(event->has_conn, 3) | told(event->has_listener, 4) | told(event->has_op, 5) |
                     told(event->has_status, 6) | told(event->has_number, 7) | told(event->has_data, 8) |
                     told(event->has_data2, 9) | told(event->has_seed0, 10) | told(event->has_seed1, 11) |
                     told(event->has_code, 12) | told(event->has_signal, 13) | told(event->has_flag, 14) |
                     told(event->flag, 15) | told(event->text != NULL, 16) | told(event->n_tls > 0, 17);
    hash = fold_words(hash, pair(event->kind, (uint32_t)there), event->now_ns);
    hash = fold_words(hash, (uint64_t)event->wall_ns, pair(event->conn, event->listener));
    hash = fold_words(hash, event->op, event->number);
    if (event->has_status)
        hash = fold_words(hash, event->status, 0);
    if (event->has_data)
        hash = fold_bytes(hash, event->data.data, event->data.len);
    if (event->has_data2)
        hash = fold_bytes(hash, event->data2.data, event->data2.len);
    if (event->text != NULL)
        hash = fold_bytes(hash, event->text, strlen(event->text));
    if (event->has_seed0 || event->has_seed1)
        hash = fold_words(hash, event->seed0, event->seed1);
    if (event->has_code || event->has_signal)
        hash = fold_words(hash, (uint64_t)event->code, (uint64_t)event->signal);
    return event->n_tls > 0 ? fold_list(hash, event->tls, event->n_tls) : hash;
}

uint64_t trace_fold_effect(uint64_t hash, const Cupola__TraceEffect *effect)
{
    uint64_t there = told(effect->has_kind, 0) | told(effect->has_op, 1) | told(effect->has_conn, 2) |
                     told(effect->has_listener, 3) | told(effect->has_blob, 4) | told(effect->has_number, 5) |
                     told(effect->has_number2, 6) | told(effect->has_data, 7) | told(effect->has_code, 8) |
                     told(effect->has_flag, 9) | told(effect->flag, 10) | told(effect->text != NULL, 11) |
                     told(effect->text2 != NULL, 12) | told(effect->text3 != NULL, 13) |
                     told(effect->text4 != NULL, 14) | told(effect->n_list > 0, 15) | told(effect->n_list2 > 0, 16) |
                     told(effect->n_limits > 0, 17);
    hash = fold_words(hash, pair(effect->kind, (uint32_t)there), effect->op);
    hash = fold_words(hash, pair(effect->conn, effect->listener), effect->number);
    if (effect->has_data)
        hash = fold_bytes(hash, effect->data.data, effect->data.len);
    if (effect->has_blob || effect->has_number2 || effect->has_code)
        hash = fold_words(hash, pair(effect->blob, (uint32_t)effect->code), effect->number2);
    const char *const texts[] = {effect->text, effect->text2, effect->text3, effect->text4};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i] != NULL)
            hash = fold_bytes(hash, texts[i], strlen(texts[i]));
    }
    if (effect->n_list > 0)
        hash = fold_list(hash, effect->list, effect->n_list);
    if (effect->n_list2 > 0)
        hash = fold_list(hash, effect->list2, effect->n_list2);
    for (size_t i = 0; i < effect->n_limits; i++)
        hash = fold_words(hash, effect->limits[i], effect->n_limits);
    return hash;
}

uint64_t trace_hash_step(uint64_t chain, const struct event *event, struct effects *effects)
{
    Cupola__TraceEvent event_message;
    struct trace_event_parts event_parts;
    trace_fill_event(&event_message, &event_parts, event);
    uint64_t hash = trace_fold_event(fold_words(chain, TRACE_HASH_VERSION, effects_count(effects)), &event_message);
    for (size_t i = 0; i < effects_count(effects); i++) {
        Cupola__TraceEffect message;
        struct trace_effect_parts parts;
        trace_fill_effect(&message, &parts, effects_at(effects, i));
        hash = trace_fold_effect(hash, &message);
    }
    return hash;
}
