/* The life of a stream, and what its conn's owner asks for and is told.
 *
 *   server:  request's header list --> on_stream, or a conn that waits --> ... --> response sent --> waits, or freed
 *   client:  h2_open --> the owner writes a request --> ... --> response read --> the next request, or freed
 */
#include "core/http2/stream.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <utlist.h>

/* ---- Life ---- */

static const struct carriage_class carriage_class;

struct h2_stream *h2_stream_new(struct h2_link *link)
{
    struct h2_stream *stream = memory_new(sizeof *stream);
    stream->carriage.class = &carriage_class;
    stream->link = link;
    DL_APPEND2(link->streams, stream, previous, next);
    link->stream_count++;
    return stream;
}

static void leave_idle(struct h2_stream *stream)
{
    if (!stream->is_idle)
        return;
    stream->is_idle = false;
    DL_DELETE2(stream->link->idle, stream, previous_idle, next_idle);
}

void h2_stream_free(struct h2_stream *stream)
{
    leave_idle(stream);
    DL_DELETE2(stream->link->streams, stream, previous, next);
    stream->link->stream_count--;
    inbound_free(&stream->in);
    outbound_free(&stream->out);
    memory_free(stream);
}

void h2_stream_reset(struct h2_stream *stream)
{
    stream->written += stream->out.unreported;
    inbound_free(&stream->in);
    outbound_free(&stream->out);
    stream->in = (struct h2_inbound){0};
    stream->out = (struct h2_outbound){0};
    stream->is_head = false;
}

struct h2_stream *h2_stream_for_request(struct h2_link *link)
{
    struct h2_stream *stream = link->idle;
    if (stream == NULL)
        return h2_stream_new(link);
    leave_idle(stream);
    return stream;
}

static void end_with(struct h2_stream *stream, uint32_t error_code)
{
    if (stream->id != 0)
        nghttp2_submit_rst_stream(stream->link->session, NGHTTP2_FLAG_NONE, stream->id, error_code);
}

/* ---- The peer ended it ---- */

/* Whether the conn can be used for the next request. */
static bool may_wait(const struct h2_stream *stream)
{
    const struct conn *conn = stream->carriage.conn;
    return conn != NULL && conn->state == CONN_OPEN && !conn->finished && !stream->link->is_dead && !stream->is_over &&
           !stream->has_failed && stream->in.has_ended && stream->in.input.size == 0;
}

void h2_stream_on_closed(struct h2_stream *stream, uint32_t error_code)
{
    struct h2_link *link = stream->link;
    assert_that(stream->id != 0);
    stream->id = 0;
    link->active_count--;
    bool is_whole = link->is_client ? stream->in.has_head && stream->in.has_ended
                                    : stream->out.has_ended && error_code == NGHTTP2_NO_ERROR;
    if (!is_whole) {
        stream->has_failed = true;
    } else if (link->is_client) {
        stream->is_over = stream->is_over || link->is_dead;
    } else if (may_wait(stream)) {
        h2_stream_reset(stream);
        stream->is_idle = true;
        DL_PREPEND2(link->idle, stream, previous_idle, next_idle);
    } else {
        stream->is_over = true;
    }
    h2_wake(stream);
}

/* ---- What the owner is told: one thing at a time, since it may end everything ---- */

static void find_owner(struct h2_stream *stream)
{
    struct h2_link *link = stream->link;
    stream->wants_owner = false;
    if (stream->in.is_refused)
        end_with(stream, NGHTTP2_PROTOCOL_ERROR);
    else if (stream->id != 0 && stream->carriage.conn == NULL && !link->class->on_stream(link, &stream->carriage))
        end_with(stream, NGHTTP2_REFUSED_STREAM);
}

static void tell_bytes(struct h2_stream *stream)
{
    struct slice slice = text_take(&stream->in.input);
    size_t credit = stream->in.credit;
    stream->in.credit = 0;
    stream->is_reading = false;
    if (stream->id != 0)
        nghttp2_session_consume(stream->link->session, stream->id, credit);
    else
        nghttp2_session_consume_connection(stream->link->session, credit);
    conn_carried_bytes(stream->carriage.conn, slice);
    buffer_unref(slice.buffer);
}

static void tell_written(struct h2_stream *stream)
{
    size_t size = stream->written;
    stream->written = 0;
    conn_carried_written(stream->carriage.conn, size);
}

/* The window of what nobody reads any more belongs to the other streams. */
static void give_credit_back(struct h2_stream *stream)
{
    nghttp2_session_consume_connection(stream->link->session, stream->in.credit);
    stream->in.credit = 0;
}

void h2_stream_serve(struct h2_stream *stream)
{
    struct conn *conn = stream->carriage.conn;
    bool has_bytes = stream->is_reading && stream->in.input.size > 0;
    if (stream->wants_owner) {
        find_owner(stream);
    } else if (conn == NULL) {
        give_credit_back(stream);
        if (stream->id == 0)
            h2_stream_free(stream);
        return;
    } else if (stream->has_failed || (stream->is_over && !has_bytes) || conn->state == CONN_CLOSING) {
        leave_idle(stream);
        bool was_asked = conn->state == CONN_CLOSING;
        conn_carried_closed(conn, was_asked || !stream->has_failed ? IO_OK : IO_RESET);
    } else if (stream->wants_connected) {
        stream->wants_connected = false;
        conn_carried_connected(conn);
    } else if (stream->written > 0) {
        tell_written(stream);
    } else if (has_bytes) {
        tell_bytes(stream);
    } else if (tunnel_has_end(stream)) {
        stream->in.end_is_told = true;
        stream->is_reading = false;
        conn_carried_end(conn);
    } else {
        return;
    }
    h2_wake(stream);
}

/* ---- What the owner asks for ---- */

static struct h2_stream *stream_of(struct carriage *carriage)
{
    return container_of(carriage, struct h2_stream, carriage);
}

bool h2_is_accepted(const struct conn *conn)
{
    return stream_of(conn->carriage)->link->is_connected;
}

static void on_read(struct carriage *carriage)
{
    struct h2_stream *stream = stream_of(carriage);
    stream->is_reading = true;
    h2_wake(stream);
}

static void on_write(struct carriage *carriage, struct slice given)
{
    struct h2_stream *stream = stream_of(carriage);
    if (!outbound_write(stream, (struct io_bytes){slice_data(given), given.size})) {
        end_with(stream, NGHTTP2_INTERNAL_ERROR);
        stream->has_failed = true;
    }
    buffer_unref(given.buffer);
}

static void on_finish(struct carriage *carriage)
{
    outbound_finish(stream_of(carriage));
}

static void on_close(struct carriage *carriage, bool abort)
{
    struct h2_stream *stream = stream_of(carriage);
    if (!abort)
        outbound_finish(stream);
    if (stream->link->is_client)
        end_with(stream, NGHTTP2_CANCEL);
    else if (!stream->out.has_ended)
        end_with(stream, NGHTTP2_INTERNAL_ERROR);
    else if (!stream->in.has_ended)
        end_with(stream, NGHTTP2_NO_ERROR); /* The answer is complete: the rest of the request is not wanted. */
    h2_wake(stream);
}

static const struct carriage_class carriage_class = {
    .read = on_read,
    .write = on_write,
    .finish = on_finish,
    .close = on_close,
};
