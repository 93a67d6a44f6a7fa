/* Sending: what a step wrote is gathered into one writev at its end; what the socket does not take waits. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blob_transfer.h"
#include "drivers/real/stream.h"

static struct outgoing *first_outgoing(struct stream *stream)
{
    return &stream->queue[stream->queue_first];
}

static struct outgoing *outgoing_at(struct stream *stream, size_t index)
{
    return &stream->queue[(stream->queue_first + index) % stream->queue_capacity];
}

/* ---- The queue ---- */

static void grow_queue(struct stream *stream)
{
    size_t capacity = stream->queue_capacity == 0 ? 4 : stream->queue_capacity * 2;
    struct outgoing *queue = memory_new(capacity * sizeof *queue);
    for (size_t i = 0; i < stream->queue_count; i++)
        queue[i] = *outgoing_at(stream, i);
    memory_free(stream->queue);
    stream->queue = queue;
    stream->queue_capacity = capacity;
    stream->queue_first = 0;
}

static void enqueue(struct stream *stream, struct outgoing outgoing)
{
    if (stream->queue_count == stream->queue_capacity)
        grow_queue(stream);
    stream->queue_count++;
    *outgoing_at(stream, stream->queue_count - 1) = outgoing;
    stream_mark_dirty(stream);
}

static void drop_first(struct stream *stream)
{
    assert_that(stream->queue_count > 0);
    buffer_unref(first_outgoing(stream)->slice.buffer);
    *first_outgoing(stream) = (struct outgoing){0};
    stream->queue_first = (stream->queue_first + 1) % stream->queue_capacity;
    stream->queue_count--;
    stream->sent_size = 0;
}

void stream_release_queue(struct stream *stream)
{
    for (size_t i = 0; i < stream->queue_count; i++) {
        assert_that(outgoing_at(stream, i)->blob == NULL); /* Cancelled before. */
        buffer_unref(outgoing_at(stream, i)->slice.buffer);
    }
    stream->queue_count = 0;
    memory_free(stream->queue);
    stream->queue = NULL;
}

void stream_write(struct stream *stream, struct slice given)
{
    assert_that(stream->state == STREAM_OPEN);
    assert_that(!stream->finish_asked);
    stream->driver->unflushed_size += given.size;
    enqueue(stream, (struct outgoing){.slice = given});
}

void stream_enqueue_blob(struct stream *stream, struct blob_send *blob)
{
    enqueue(stream, (struct outgoing){.blob = blob});
}

void stream_cancel_blobs(struct stream *stream)
{
    size_t kept = 0;
    while (kept < stream->queue_count && outgoing_at(stream, kept)->blob == NULL)
        kept++;
    for (size_t i = kept; i < stream->queue_count; i++) {
        struct outgoing *outgoing = outgoing_at(stream, i);
        if (outgoing->blob != NULL)
            blob_send_cancel(outgoing->blob);
        buffer_unref(outgoing->slice.buffer);
        *outgoing = (struct outgoing){0};
    }
    if (kept == 0)
        stream->sent_size = 0;
    stream->queue_count = kept;
}

/* ---- Sending ---- */

/* The slices at the head, up to the first blob and to the limits of one call; or a piece of the blob at the head. */
static unsigned gather(struct stream *stream, uv_buf_t pieces[WRITE_PIECES_MOST], size_t *ret_size)
{
    if (first_outgoing(stream)->blob != NULL) {
        pieces[0] = blob_send_piece(first_outgoing(stream)->blob);
        *ret_size = pieces[0].len;
        return 1;
    }
    unsigned count = 0;
    size_t total = 0;
    for (size_t i = 0; i < stream->queue_count && count < WRITE_PIECES_MOST && total < WRITE_BYTES_MOST; i++) {
        const struct outgoing *outgoing = outgoing_at(stream, i);
        if (outgoing->blob != NULL)
            break;
        size_t skipped = i == 0 ? stream->sent_size : 0;
        size_t size = outgoing->slice.size - skipped;
        if (size > WRITE_BYTES_MOST - total)
            size = WRITE_BYTES_MOST - total;
        pieces[count++] = uv_buf_init((char *)(uintptr_t)slice_data(outgoing->slice) + skipped, (unsigned)size);
        total += size;
    }
    *ret_size = total;
    return count;
}

/* `size` bytes from the head of the queue have left. Those of a blob are not in WRITTEN. */
static void count_sent(struct stream *stream, size_t size)
{
    stream->leave_by_ns = uv_hrtime() + STREAM_STALL_NS;
    if (first_outgoing(stream)->blob != NULL) {
        blob_send_advance(first_outgoing(stream)->blob, size);
        return;
    }
    size_t left = size;
    while (left > 0) {
        struct outgoing *first = first_outgoing(stream);
        assert_that(first->blob == NULL);
        size_t rest = first->slice.size - stream->sent_size;
        if (left < rest) {
            stream->sent_size += left;
            break;
        }
        left -= rest;
        drop_first(stream);
    }
    stream->written += size;
    if (stream->state == STREAM_OPEN)
        stream_add_news(stream);
}

static void on_written(uv_write_t *request, int error)
{
    struct stream *stream = request->data;
    struct real_driver *driver = stream->driver;
    size_t size = stream->write_size;
    bool was_blob = stream->write_hold != NULL;
    buffer_unref(stream->write_hold);
    stream->write_hold = NULL;
    stream->write_size = 0;
    if (stream->state == STREAM_GONE)
        return;
    if (error != 0) {
        stream_fail(stream, status_of_errno(error));
    } else {
        bool was_cancelled = was_blob && (stream->queue_count == 0 || first_outgoing(stream)->blob == NULL);
        if (!was_cancelled)
            count_sent(stream, size);
        stream_flush(stream);
    }
    driver_pump(driver);
}

static void write_later(struct stream *stream)
{
    uv_buf_t pieces[WRITE_PIECES_MOST];
    unsigned count = gather(stream, pieces, &stream->write_size);
    stream->write.data = stream;
    if (first_outgoing(stream)->blob != NULL)
        stream->write_hold = blob_send_hold(first_outgoing(stream)->blob);
    int error = uv_write(&stream->write, (uv_stream_t *)&stream->tcp, pieces, count, on_written);
    if (error != 0) {
        buffer_unref(stream->write_hold);
        stream->write_hold = NULL;
        stream->write_size = 0;
        stream_fail(stream, status_of_errno(error));
    }
}

void stream_flush(struct stream *stream)
{
    if (stream->state != STREAM_OPEN && stream->state != STREAM_FLUSHING)
        return;
    while (stream->write_size == 0 && stream->queue_count > 0) {
        struct blob_send *blob = first_outgoing(stream)->blob;
        if (blob != NULL && !blob_send_has_piece(blob)) {
            if (!blob_send_refill(blob))
                return; /* It flushes again when it has read more. */
            drop_first(stream);
            continue;
        }
        uv_buf_t pieces[WRITE_PIECES_MOST];
        size_t size;
        unsigned count = gather(stream, pieces, &size);
        int sent = uv_try_write((uv_stream_t *)&stream->tcp, pieces, count);
        if (sent < 0 && sent != UV_EAGAIN) {
            stream_fail(stream, status_of_errno(sent));
            return;
        }
        if (sent > 0)
            count_sent(stream, (size_t)sent);
        if (sent < 0 || (size_t)sent < size)
            write_later(stream);
    }
    if (stream->queue_count == 0 && stream->write_size == 0)
        stream_drained(stream);
}

/* ---- After each step ---- */

void stream_mark_dirty(struct stream *stream)
{
    if (stream->is_dirty)
        return;
    stream->is_dirty = true;
    stream->next_dirty = stream->driver->first_dirty;
    stream->driver->first_dirty = stream;
}

void streams_flush(struct real_driver *driver)
{
    driver->unflushed_size = 0;
    while (driver->first_dirty != NULL) {
        struct stream *stream = driver->first_dirty;
        driver->first_dirty = stream->next_dirty;
        stream->is_dirty = false;
        stream_flush(stream);
    }
}
