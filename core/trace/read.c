/* A trace from memory: records, and the events in them. */
#include "core/base/assert.h"
#include "core/trace/encode.h"
#include "core/trace/trace.h"

enum { CHECKSUM_BYTES = 4 };

static uint32_t read_checksum(const uint8_t *bytes)
{
    uint32_t checksum = 0;
    for (int i = CHECKSUM_BYTES - 1; i >= 0; i--)
        checksum = checksum << 8 | bytes[i];
    return checksum;
}

/* What stands in front of a record; on TRACE_OK the reader is at its first byte, and all of it is there, and whole. */
static enum trace_result read_front(struct trace_reader *reader, size_t *ret_size)
{
    if (reader->at == reader->size)
        return TRACE_END;
    uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        if (reader->at == reader->size)
            return TRACE_CUT;
        uint8_t byte = reader->bytes[reader->at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            if (value + CHECKSUM_BYTES > reader->size - reader->at)
                return TRACE_CUT;
            const uint8_t *checksum = reader->bytes + reader->at;
            reader->at += CHECKSUM_BYTES;
            *ret_size = (size_t)value;
            return read_checksum(checksum) == trace_checksum(checksum + CHECKSUM_BYTES, *ret_size) ? TRACE_OK
                                                                                                   : TRACE_CORRUPT;
        }
    }
    return TRACE_CORRUPT;
}

enum trace_result trace_read_header(struct trace_reader *reader, Cupola__TraceHeader **ret_header)
{
    size_t size = 0;
    enum trace_result result = read_front(reader, &size);
    if (result != TRACE_OK)
        return result;
    *ret_header = cupola__trace_header__unpack(NULL, size, reader->bytes + reader->at);
    reader->at += size;
    if (*ret_header == NULL)
        return TRACE_CORRUPT;
    if ((*ret_header)->schema == TRACE_SCHEMA && (*ret_header)->role != NULL)
        return TRACE_OK;
    cupola__trace_header__free_unpacked(*ret_header, NULL);
    return TRACE_CORRUPT;
}

enum trace_result trace_read_step(struct trace_reader *reader, Cupola__TraceRecord **ret_record)
{
    size_t size = 0;
    enum trace_result result = read_front(reader, &size);
    if (result != TRACE_OK)
        return result;
    *ret_record = cupola__trace_record__unpack(NULL, size, reader->bytes + reader->at);
    reader->at += size;
    if (*ret_record == NULL)
        return TRACE_CORRUPT;
    if ((*ret_record)->event != NULL)
        return TRACE_OK;
    cupola__trace_record__free_unpacked(*ret_record, NULL);
    return TRACE_CORRUPT;
}

static struct io_bytes lent_bytes(ProtobufCBinaryData data)
{
    return (struct io_bytes){.data = data.data, .size = data.len};
}

static const char *text_of(const Cupola__TraceEvent *message)
{
    return message->text == NULL ? "" : message->text;
}

static struct io_tls tls_of(const Cupola__TraceEvent *message)
{
    if (message->n_tls != TRACE_TLS_TEXTS)
        return (struct io_tls){0};
    return (struct io_tls){message->tls[0], message->tls[1], message->tls[2]};
}

static bool is_known(const Cupola__TraceEvent *message)
{
    if (message->kind < EVENT_START || message->kind > EVENT_JOURNAL_SNAPSHOT || message->status > IO_FAILED)
        return false;
    return (message->kind != EVENT_WORKLOAD_EXITED || message->number <= BREACH_PROCESSES) &&
           ((message->kind != EVENT_BYTES && message->kind != EVENT_OUTPUT) || message->data.len > 0);
}

static void read_accepted(const Cupola__TraceEvent *message, struct event *ret_event)
{
    ret_event->accepted.listener.id = message->listener;
    ret_event->accepted.conn = (struct io_conn){.id = message->conn};
    ret_event->accepted.peer = text_of(message);
    ret_event->accepted.tls = tls_of(message);
}

static void read_exited(const Cupola__TraceEvent *message, struct event *event)
{
    event->workload_exited.workload = text_of(message);
    event->workload_exited.exit_code = message->code;
    event->workload_exited.signal = message->signal;
    event->workload_exited.breach = (enum workload_breach)message->number;
}

bool trace_event_of(const Cupola__TraceRecord *record, struct event *ret_event)
{
    const Cupola__TraceEvent *message = record->event;
    if (!is_known(message))
        return false;
    struct event event = {
        .kind = (enum event_kind)message->kind,
        .now_ns = message->now_ns,
        .wall_ns = message->wall_ns,
    };
    struct io_conn conn = {.id = message->conn};
    switch (event.kind) {
    case EVENT_START:
        event.start.config = lent_bytes(message->data);
        event.start.saved = lent_bytes(message->data2);
        event.start.seed[0] = message->seed0;
        event.start.seed[1] = message->seed1;
        break;
    case EVENT_EVACUATE:
    case EVENT_STOP:
    case EVENT_DEADLINE:
        break;
    case EVENT_ACCEPTED:
        read_accepted(message, &event);
        break;
    case EVENT_CONNECTED:
        event.connected.conn = conn;
        event.connected.tls = tls_of(message);
        break;
    case EVENT_BYTES:
        event.bytes.conn = conn;
        event.bytes.slice = slice_copy(message->data.data, message->data.len);
        event.bytes.written = (size_t)message->number;
        break;
    case EVENT_END:
        event.end.conn = conn;
        break;
    case EVENT_WRITTEN:
        event.written.conn = conn;
        event.written.size = (size_t)message->number;
        break;
    case EVENT_CLOSED:
        event.closed.conn = conn;
        event.closed.status = (enum io_status)message->status;
        break;
    case EVENT_DONE:
        event.done.op.id = message->op;
        event.done.status = (enum io_status)message->status;
        event.done.number = message->number;
        event.done.data = lent_bytes(message->data);
        break;
    case EVENT_JOURNAL_ENTRY:
    case EVENT_JOURNAL_SNAPSHOT:
        event.journal_entry.sequence = message->number;
        event.journal_entry.data = lent_bytes(message->data);
        break;
    case EVENT_WORKLOAD_FOUND:
        event.workload_found.workload = text_of(message);
        event.workload_found.running = message->flag;
        event.workload_found.note = lent_bytes(message->data);
        break;
    case EVENT_WORKLOAD_EXITED:
        read_exited(message, &event);
        break;
    case EVENT_OUTPUT:
        event.output.op.id = message->op;
        event.output.data = lent_bytes(message->data);
        break;
    }
    *ret_event = event;
    return true;
}
