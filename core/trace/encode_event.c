/* An event as a message. Canonical: a field is set exactly when its kind has it. */
#include "core/trace/encode.h"

#include "core/base/assert.h"

static void set_conn(Cupola__TraceEvent *message, struct io_conn conn)
{
    message->has_conn = 1;
    message->conn = conn.id;
}

static void set_number(Cupola__TraceEvent *message, uint64_t number)
{
    message->has_number = 1;
    message->number = number;
}

static void set_status(Cupola__TraceEvent *message, enum io_status status)
{
    message->has_status = 1;
    message->status = (uint32_t)status;
}

static void set_data(Cupola__TraceEvent *message, struct io_bytes bytes)
{
    message->has_data = 1;
    message->data = trace_lend_bytes(bytes);
}

static void set_flag(Cupola__TraceEvent *message, bool flag)
{
    message->has_flag = 1;
    message->flag = flag;
}

static void fill_start(Cupola__TraceEvent *message, const struct event *event)
{
    set_data(message, event->start.config);
    message->has_data2 = 1;
    message->data2 = trace_lend_bytes(event->start.saved);
    message->has_seed0 = 1;
    message->seed0 = event->start.seed[0];
    message->has_seed1 = 1;
    message->seed1 = event->start.seed[1];
}

static void fill_exited(Cupola__TraceEvent *message, const struct event *event)
{
    message->text = trace_lend_text(event->workload_exited.workload);
    message->has_code = 1;
    message->code = event->workload_exited.exit_code;
    message->has_signal = 1;
    message->signal = event->workload_exited.signal;
    set_number(message, event->workload_exited.breach);
}

static void set_tls(Cupola__TraceEvent *message, struct trace_event_parts *parts, const struct io_tls *tls)
{
    if (tls->server_name == NULL)
        return;
    parts->tls[0] = trace_lend_text(tls->server_name);
    parts->tls[1] = trace_lend_text(tls->protocol);
    parts->tls[2] = trace_lend_text(tls->subject);
    message->n_tls = TRACE_TLS_TEXTS;
    message->tls = parts->tls;
}

static void set_bytes(Cupola__TraceEvent *message, const struct event *event)
{
    set_conn(message, event->bytes.conn);
    set_data(message, (struct io_bytes){slice_data(event->bytes.slice), event->bytes.slice.size});
    if (event->bytes.written > 0)
        set_number(message, event->bytes.written);
}

void trace_fill_event(Cupola__TraceEvent *ret_message, struct trace_event_parts *parts, const struct event *event)
{
    cupola__trace_event__init(ret_message);
    Cupola__TraceEvent *message = ret_message;
    message->has_kind = 1;
    message->kind = (uint32_t)event->kind;
    message->has_now_ns = 1;
    message->now_ns = event->now_ns;
    message->has_wall_ns = 1;
    message->wall_ns = event->wall_ns;
    switch (event->kind) {
    case EVENT_START:
        fill_start(message, event);
        return;
    case EVENT_EVACUATE:
    case EVENT_STOP:
    case EVENT_DEADLINE:
        return;
    case EVENT_ACCEPTED:
        message->has_listener = 1;
        message->listener = event->accepted.listener.id;
        set_conn(message, event->accepted.conn);
        message->text = trace_lend_text(event->accepted.peer);
        set_tls(message, parts, &event->accepted.tls);
        return;
    case EVENT_CONNECTED:
        set_conn(message, event->connected.conn);
        set_tls(message, parts, &event->connected.tls);
        return;
    case EVENT_BYTES:
        set_bytes(message, event);
        return;
    case EVENT_END:
        set_conn(message, event->end.conn);
        return;
    case EVENT_WRITTEN:
        set_conn(message, event->written.conn);
        set_number(message, event->written.size);
        return;
    case EVENT_CLOSED:
        set_conn(message, event->closed.conn);
        set_status(message, event->closed.status);
        return;
    case EVENT_DONE:
        message->has_op = 1;
        message->op = event->done.op.id;
        set_status(message, event->done.status);
        set_number(message, event->done.number);
        set_data(message, event->done.data);
        return;
    case EVENT_JOURNAL_ENTRY:
    case EVENT_JOURNAL_SNAPSHOT:
        set_number(message, event->journal_entry.sequence);
        set_data(message, event->journal_entry.data);
        return;
    case EVENT_WORKLOAD_FOUND:
        message->text = trace_lend_text(event->workload_found.workload);
        set_flag(message, event->workload_found.running);
        set_data(message, event->workload_found.note);
        return;
    case EVENT_WORKLOAD_EXITED:
        fill_exited(message, event);
        return;
    case EVENT_OUTPUT:
        message->has_op = 1;
        message->op = event->output.op.id;
        set_data(message, event->output.data);
        return;
    }
    assert_unreachable();
}
