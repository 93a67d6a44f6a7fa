/* The flight recorder's format: events and effects as bytes, back again, and as text for people.
 *
 * A trace file is a TraceHeader, then TraceRecords (core/proto/trace.proto), each behind its size (a varint) and a
 * checksum (4 bytes, the lowest first): a damaged event would be fed to a machine that asserts what drivers promise.
 * One record is one step: its event and every effect. The encoding is canonical: two steps are the same exactly if
 * their records are the same bytes; hashes and comparisons rest on that.
 */
#ifndef CUPOLA_CORE_TRACE_TRACE_H
#define CUPOLA_CORE_TRACE_TRACE_H

#include "core/base/text.h"
#include "core/io.h"
#include "core/proto/trace.pb-c.h"

/* What headers must say (TraceHeader.schema): 1 had no checksums. */
enum { TRACE_SCHEMA = 2 };

/* The checksum of a record's bytes. */
uint32_t trace_checksum(const void *bytes, size_t size);
/* Appends the header with its length. */
void trace_write_header(struct text *trace, const Cupola__TraceHeader *header);
/* Appends one step with its length. To be called after machine_step and before the driver drains the effects. */
void trace_write_step(struct text *trace, uint64_t number, const struct event *event, struct effects *effects);
/* A hash of one step, to be chained by the caller: the same for the same record, on every machine. It is made from the
 * fields, not from the packed bytes, since it is made of every step of every run. */
uint64_t trace_hash_step(uint64_t chain, const struct event *event, struct effects *effects);

/* Reads a trace from memory (lent). */
struct trace_reader {
    const uint8_t *bytes;
    size_t size;
    size_t at;
};

enum trace_result {
    TRACE_OK = 0,
    TRACE_END,
    TRACE_CUT, /* The last record is incomplete: whoever wrote it was killed. */
    TRACE_CORRUPT,
};

/* The header, given (cupola__trace_header__free_unpacked). */
enum trace_result trace_read_header(struct trace_reader *reader, Cupola__TraceHeader **ret_header);
/* The next step, given (cupola__trace_record__free_unpacked). */
enum trace_result trace_read_step(struct trace_reader *reader, Cupola__TraceRecord **ret_record);
/* The event of a record, pointing into it (lent); a BYTES event's buffer is given in ret_event->bytes.slice.buffer.
 * False, and nothing is given, if there is no such event. */
bool trace_event_of(const Cupola__TraceRecord *record, struct event *ret_event);

/* One line of text, without a newline: `bytes conn=3 "PING\r\n"`. Long data is cut, with its size. */
void trace_print_event(struct text *text, const Cupola__TraceEvent *event);
void trace_print_effect(struct text *text, const Cupola__TraceEffect *effect);

#endif
