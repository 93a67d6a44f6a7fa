/* What nghttp2 finds in the bytes of the peer. Nothing is told to owners from here, only noted. */
#include "core/http2/stream.h"

#include "core/base/assert.h"

static struct h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct h2_link *link = context;
    if (link->opening_since_ns == 0)
        link->opening_since_ns = link->machine->now_ns;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct h2_stream *stream = h2_stream_for_request(link);
    stream->id = frame->hd.stream_id;
    link->active_count++;
    nghttp2_session_set_stream_user_data(session, stream->id, stream);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *context)
{
    (void)flags;
    (void)context;
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);
    if (stream != NULL)
        inbound_add_field(stream, (struct io_bytes){name, name_size}, (struct io_bytes){value, value_size});
    return 0;
}

static void on_fields(struct h2_link *link, struct h2_stream *stream, const nghttp2_frame *frame)
{
    link->opening_since_ns = 0;
    if (stream == NULL)
        return;
    inbound_end_fields(stream, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
    if (!link->is_client && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        stream->wants_owner = true; /* Trailers in the same step leave it so. */
    h2_wake(stream);
}

/* The server finishes what it has begun, and takes nothing new: conns without an exchange are over. */
static void on_goaway(struct h2_link *link)
{
    link->is_dead = true;
    for (struct h2_stream *stream = link->streams; stream != NULL; stream = stream->next) {
        if (stream->id == 0) {
            stream->is_over = true;
            h2_wake(stream);
        }
    }
}

/* A server's limits are known: those who wait for the connection may begin. */
static void on_settings(struct h2_link *link)
{
    link->opening_since_ns = 0;
    if (link->is_settled)
        return;
    link->is_settled = true;
    for (struct h2_stream *stream = link->is_client ? link->streams : NULL; stream != NULL; stream = stream->next) {
        stream->wants_connected = true;
        h2_wake(stream);
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct h2_link *link = context;
    struct h2_stream *stream = frame->hd.stream_id == 0 ? NULL : stream_of(session, frame->hd.stream_id);
    bool ends_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool is_cheap = false;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_fields(link, stream, frame);
        break;
    case NGHTTP2_DATA:
        is_cheap = frame->hd.length == 0 && !ends_stream;
        if (ends_stream && stream != NULL) {
            inbound_end(stream);
            h2_wake(stream);
        }
        break;
    case NGHTTP2_SETTINGS:
        on_settings(link);
        is_cheap = true;
        break;
    case NGHTTP2_PING:
    case NGHTTP2_PRIORITY:
    case NGHTTP2_RST_STREAM:
        is_cheap = true;
        break;
    case NGHTTP2_GOAWAY:
        if (link->is_client)
            on_goaway(link);
        break;
    default:
        break;
    }
    return is_cheap && !guard_count(link) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t size,
                   void *context)
{
    (void)flags;
    (void)context;
    struct h2_stream *stream = stream_of(session, id);
    if (stream == NULL) {
        nghttp2_session_consume_connection(session, size);
        return 0;
    }
    inbound_add_data(stream, (struct io_bytes){bytes, size});
    h2_wake(stream);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *context)
{
    (void)context;
    struct h2_stream *stream = stream_of(session, id);
    if (stream != NULL && stream->id == id)
        h2_stream_on_closed(stream, error_code);
    return 0;
}

nghttp2_session *callbacks_new_session(struct h2_link *link)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *session = NULL;
    int error = nghttp2_session_callbacks_new(&callbacks);
    assert_that(error == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    error = nghttp2_option_new(&option);
    assert_that(error == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    error = link->is_client ? nghttp2_session_client_new2(&session, callbacks, link, option)
                            : nghttp2_session_server_new2(&session, callbacks, link, option);
    assert_that(error == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}
