/* Reading: one event for each READ, and out of one buffer for all connections. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/blobs/transfer.h"
#include "drivers/real/streams/stream.h"

/* Bytes go behind those that somebody has kept, so that small pieces share one buffer and none is copied. */
uv_buf_t stream_read_room(struct real_driver *driver)
{
    struct buffer *buffer = driver->read_buffer;
    if (buffer != NULL && buffer->references == 1)
        driver->read_used = 0;
    if (buffer == NULL || buffer->capacity - driver->read_used < READ_ROOM_LEAST) {
        buffer_unref(buffer);
        buffer = driver->read_buffer = buffer_new(READ_BUFFER_SIZE);
        driver->read_used = 0;
    }
    return uv_buf_init((char *)buffer->bytes + driver->read_used, (unsigned)(buffer->capacity - driver->read_used));
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_room)
{
    (void)suggested;
    struct stream *stream = handle->data;
    struct real_driver *driver = stream->driver;
    if (stream->tls != NULL) {
        if (driver->cipher_room == NULL)
            driver->cipher_room = memory_new(READ_BUFFER_SIZE);
        *ret_room = uv_buf_init(driver->cipher_room, READ_BUFFER_SIZE);
    } else if (stream->receive != NULL) {
        *ret_room = blob_receive_room(stream);
    } else {
        *ret_room = stream_read_room(driver);
    }
}

void stream_take_bytes(struct stream *stream, size_t size)
{
    struct real_driver *driver = stream->driver;
    if (stream->receive != NULL) {
        blob_receive_bytes(stream, size);
        return;
    }
    assert_that(stream->read_wanted);
    stream->read_wanted = false;
    struct event event = {.kind = EVENT_BYTES};
    event.bytes.conn = stream->id;
    event.bytes.slice = (struct slice){driver->read_buffer, driver->read_used, size};
    event.bytes.written = stream->is_awaited ? 0 : stream_take_written(stream);
    driver->read_used += size;
    if (driver->busy)
        driver_step(driver, &event); /* Out of TLS, among the news. */
    else
        driver_deliver(driver, &event);
}

void stream_peer_ended(struct stream *stream)
{
    stream->peer_ended = true;
    if (stream->receive != NULL)
        blob_receive_end(stream);
    else if (stream_end_is_due(stream))
        stream_add_news(stream);
}

static void on_peer_end(struct stream *stream)
{
    stream->uv_reading = false; /* libuv stops by itself. */
    if (stream->state == STREAM_LINGERING) {
        stream->peer_ended = true;
        stream_close_handle(stream);
    } else if (stream->tls != NULL && stream->state != STREAM_FLUSHING) {
        stream_tls_on_end(stream);
    } else {
        stream_peer_ended(stream);
    }
    driver_pump(stream->driver);
}

static bool disk_is_behind(const struct real_driver *driver)
{
    return driver->blob_backlog_bytes > BLOB_BACKLOG_MOST;
}

static bool wants_bytes(const struct stream *stream)
{
    return (stream->read_wanted && !disk_is_behind(stream->driver)) || blob_receive_wants_bytes(stream);
}

/* Only after the bytes were taken: a component that reads on costs no call into the kernel. */
static void stop_reading_unless(struct stream *stream, bool is_wanted)
{
    if (stream->state != STREAM_OPEN || !stream->uv_reading || is_wanted)
        return;
    uv_read_stop((uv_stream_t *)&stream->tcp);
    stream->uv_reading = false;
    stream->driver->reads_held = stream->driver->reads_held || stream->read_wanted;
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *room)
{
    struct stream *stream = handle->data;
    struct real_driver *driver = stream->driver;
    if (size == 0)
        return; /* EAGAIN */
    if (size == UV_EOF) {
        on_peer_end(stream);
        return;
    }
    driver_spin(driver);
    if (size < 0) {
        stream_fail(stream, status_of_errno((int)size));
        driver_pump(driver);
        return;
    }
    if (stream->tls != NULL && stream->state < STREAM_FLUSHING) {
        stream_tls_on_bytes(stream, room->base, (size_t)size);
        driver_pump(driver);
        stop_reading_unless(stream, !stream->tls->is_ready || (wants_bytes(stream) && !stream->tls->has_input));
        return;
    }
    if (stream->state != STREAM_OPEN)
        return; /* Dropped: the component has closed. */
    /* In a bulk transfer libuv comes back at once with the next bytes; gathering what is sent on saves as many writes
     * and wake-ups of the receiver. At the latest on_ahead sends it, before the loop sleeps. */
    driver->more_is_coming = (size_t)size == room->len;
    stream_take_bytes(stream, (size_t)size);
    driver->more_is_coming = false;
    stop_reading_unless(stream, wants_bytes(stream));
}

void stream_read_on(struct stream *stream)
{
    if (stream->uv_reading || stream->peer_ended)
        return;
    int error = uv_read_start((uv_stream_t *)&stream->tcp, give_room, on_read);
    if (error != 0)
        stream_fail(stream, status_of_errno(error));
    else
        stream->uv_reading = true;
}

/* Somebody waits: for what is here already, or for the socket. */
static void read_more(struct stream *stream)
{
    if (stream_end_is_due(stream) || stream_tls_is_due(stream))
        stream_add_news(stream); /* A transfer met the end; this READ is told of it. */
    else
        stream_read_on(stream);
}

void stream_resume_reading(struct stream *stream)
{
    if (stream->state != STREAM_OPEN)
        return;
    read_more(stream);
    driver_pump(stream->driver);
}

void stream_read(struct stream *stream)
{
    assert_that(stream->state == STREAM_OPEN);
    assert_that(!stream->read_wanted);
    stream->read_wanted = true;
    if (disk_is_behind(stream->driver))
        stream->driver->reads_held = true;
    else
        read_more(stream);
}

void streams_resume_reading(struct real_driver *driver)
{
    if (!driver->reads_held)
        return;
    driver->reads_held = false;
    for (size_t i = 0; i < driver->stream_capacity; i++) {
        struct stream *stream = driver->streams[i];
        if (stream != NULL && stream->state == STREAM_OPEN && stream->read_wanted)
            read_more(stream);
    }
}
