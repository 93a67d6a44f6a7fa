/* Events and effects as trace messages that point into them (lent): shared by the writer, the hash and the replay. */
#ifndef CUPOLA_CORE_TRACE_ENCODE_H
#define CUPOLA_CORE_TRACE_ENCODE_H

#include "core/io.h"
#include "core/proto/trace.pb-c.h"

enum { TRACE_TLS_TEXTS = 3 }; /* The members of struct io_tls, in order. */

/* Where the list of texts of one event lives while the message is in use. */
struct trace_event_parts {
    char *tls[TRACE_TLS_TEXTS];
};

/* Fields of one effect that are not strings need a place to live while the message is in use. */
struct trace_effect_parts {
    uint64_t limits[4];
};

/* protobuf-c has no const; packing does not write. */
static inline char *trace_lend_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline ProtobufCBinaryData trace_lend_bytes(struct io_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}

void trace_fill_event(Cupola__TraceEvent *ret_message, struct trace_event_parts *parts, const struct event *event);
void trace_fill_effect(Cupola__TraceEffect *ret_message, struct trace_effect_parts *parts, const struct effect *effect);

/* For the hash of a step: every field of the message goes into it. */
uint64_t trace_fold_event(uint64_t hash, const Cupola__TraceEvent *event);
uint64_t trace_fold_effect(uint64_t hash, const Cupola__TraceEffect *effect);

#endif
