/* Sending: what a step wrote is gathered into one writev at its end; what the socket does not take waits. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blobs/transfer.h"
#include "drivers/real/streams/stream.h"

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

void stream_write(struct stream *stream, struct slice given, bool is_awaited)
{
    assert_that(stream->state == STREAM_OPEN);
    assert_that(!stream->finish_asked);
    stream->driver->unflushed_size += given.size;
    stream->is_awaited |= is_awaited;
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

size_t stream_queued_bytes(struct stream *stream)
{
    size_t size = 0;
    for (size_t i = 0; i < stream->queue_count; i++) {
        assert_that(outgoing_at(stream, i)->blob == NULL); /* Nobody changes to TLS behind a blob. */
        size += outgoing_at(stream, i)->slice.size;
    }
    return size - stream->sent_size;
}

/* ---- Sending ---- */

/* The slices at the head, up to the first blob and to `most` bytes; or a piece of the blob at the head. */
static unsigned gather(struct stream *stream, uv_buf_t pieces[WRITE_PIECES_MOST], size_t most, size_t *ret_size)
{
    if (first_outgoing(stream)->blob != NULL) {
        pieces[0] = blob_send_piece(first_outgoing(stream)->blob);
        pieces[0].len = pieces[0].len < most ? pieces[0].len : most;
        *ret_size = pieces[0].len;
        return 1;
    }
    unsigned count = 0;
    size_t total = 0;
    for (size_t i = 0; i < stream->queue_count && count < WRITE_PIECES_MOST && total < most; i++) {
        const struct outgoing *outgoing = outgoing_at(stream, i);
        if (outgoing->blob != NULL)
            break;
        size_t skipped = i == 0 ? stream->sent_size : 0;
        size_t size = outgoing->slice.size - skipped;
        if (size > most - total)
            size = most - total;
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
    if (stream->state == STREAM_OPEN && (stream->is_awaited || stream->written > IO_UNTOLD_MOST))
        stream_add_news(stream);
}

/* Whether the queue goes through TLS: what was there before START_TLS does not. */
static bool is_secured(const struct stream *stream)
{
    return stream->tls != NULL && stream->tls->plain_left == 0;
}

/* A cancelled transfer is not in the queue any more. */
static bool was_cancelled(struct stream *stream)
{
    return stream->queue_count == 0 || first_outgoing(stream)->blob == NULL;
}

/* The socket has taken so much of what next_pieces gave. */
static void advance(struct stream *stream, size_t size, bool is_blob)
{
    struct tls *tls = stream->tls;
    if (is_secured(stream)) {
        stream->leave_by_ns = uv_hrtime() + STREAM_STALL_NS;
        if (!tls_output_sent(tls, size))
            return;
        size = tls->plain_size;
        is_blob = tls->plain_is_blob;
        tls->plain_size = 0;
    } else if (tls != NULL) {
        tls->plain_left -= size;
    }
    if (size > 0 && !(is_blob && was_cancelled(stream)))
        count_sent(stream, size);
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
        advance(stream, size, was_blob);
        stream_flush(stream);
    }
    driver_pump(driver);
}

static void write_later(struct stream *stream, const uv_buf_t *pieces, unsigned count, size_t size, bool is_blob)
{
    stream->write_size = size;
    stream->write.data = stream;
    if (is_blob && !is_secured(stream))
        stream->write_hold = blob_send_hold(first_outgoing(stream)->blob);
    int error = uv_write(&stream->write, (uv_stream_t *)&stream->tcp, pieces, count, on_written);
    if (error != 0) {
        buffer_unref(stream->write_hold);
        stream->write_hold = NULL;
        stream->write_size = 0;
        stream_fail(stream, status_of_errno(error));
    }
}

/* The head of the queue is something to send; a blob that has ended is dropped on the way. */
static bool head_is_ready(struct stream *stream)
{
    while (stream->queue_count > 0) {
        struct blob_send *blob = first_outgoing(stream)->blob;
        if (blob == NULL || blob_send_has_piece(blob))
            return true;
        if (!blob_send_refill(blob))
            return false; /* It flushes again when it has read more. */
        drop_first(stream);
    }
    return false;
}

/* What is encrypted already; if there is nothing, the next part of the queue. */
static unsigned next_output(struct stream *stream, uv_buf_t pieces[WRITE_PIECES_MOST], size_t *ret_size)
{
    struct tls *tls = stream->tls;
    uv_buf_t output = tls_output(tls);
    if (output.len == 0 && tls->is_ready && head_is_ready(stream)) {
        tls->plain_is_blob = first_outgoing(stream)->blob != NULL;
        unsigned count = gather(stream, pieces, TLS_BATCH_BYTES, &tls->plain_size);
        if (!tls_encrypt(tls, pieces, count)) {
            tls->plain_size = 0;
            stream_fail(stream, IO_RESET);
            return 0;
        }
        output = tls_output(tls);
    }
    pieces[0] = output;
    *ret_size = output.len;
    return output.len > 0 ? 1 : 0;
}

static unsigned next_pieces(struct stream *stream, uv_buf_t pieces[WRITE_PIECES_MOST], size_t *ret_size)
{
    if (is_secured(stream))
        return next_output(stream, pieces, ret_size);
    size_t most = stream->tls != NULL ? stream->tls->plain_left : WRITE_BYTES_MOST;
    return head_is_ready(stream) ? gather(stream, pieces, most, ret_size) : 0;
}

/* Sends until the socket takes no more or there is nothing more. */
static void send_pieces(struct stream *stream)
{
    while (stream->write_size == 0 && stream->state != STREAM_GONE) {
        uv_buf_t pieces[WRITE_PIECES_MOST];
        size_t size;
        unsigned count = next_pieces(stream, pieces, &size);
        if (count == 0)
            return;
        bool is_blob = stream->queue_count > 0 && first_outgoing(stream)->blob != NULL;
        int sent = uv_try_write((uv_stream_t *)&stream->tcp, pieces, count);
        if (sent < 0 && sent != UV_EAGAIN) {
            stream_fail(stream, status_of_errno(sent));
            return;
        }
        if (sent > 0)
            advance(stream, (size_t)sent, is_blob);
        if (sent < 0 || (size_t)sent < size) {
            count = next_pieces(stream, pieces, &size);
            write_later(stream, pieces, count, size, is_blob);
        }
    }
}

/* What is left in the queue after sending has to wait: from here on WRITTEN tells, as somebody may wait for room. */
static void note_waiting(struct stream *stream)
{
    if (stream->queue_count == 0)
        return;
    stream->is_awaited = true;
    if (stream->state == STREAM_OPEN && stream->written > 0)
        stream_add_news(stream);
}

void stream_flush(struct stream *stream)
{
    bool is_open = stream->state == STREAM_OPEN || stream->state == STREAM_FLUSHING;
    bool shakes_hands = stream->tls != NULL && !stream->tls->is_ready;
    if (!is_open && !(shakes_hands && stream->state < STREAM_OPEN))
        return;
    send_pieces(stream);
    note_waiting(stream);
    if (!is_open || stream->state == STREAM_GONE || stream->queue_count > 0 || stream->write_size > 0)
        return;
    if (stream->tls != NULL && (stream->state == STREAM_FLUSHING || stream->finish_asked)) {
        tls_end(stream->tls);
        send_pieces(stream);
        if (stream->write_size > 0 || stream->state == STREAM_GONE)
            return;
    }
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

static void flush_list(struct real_driver *driver, struct stream **list)
{
    while (*list != NULL) {
        struct stream *stream = *list;
        *list = stream->next_dirty;
        stream->is_dirty = false;
        stream->sent_round = driver->round;
        stream_flush(stream);
        stream_free_if_unused(stream);
    }
}

/* What many steps of one round write to one connection (answers in the streams of an HTTP/2 client, deliveries to one
 * subscriber) goes out in two system calls: the first at once, so that the peer can begin, the rest when the round
 * ends. */
static void hold_second_writes(struct real_driver *driver)
{
    struct stream **link = &driver->first_dirty;
    while (*link != NULL) {
        struct stream *stream = *link;
        if (stream->sent_round != driver->round) {
            link = &stream->next_dirty;
            continue;
        }
        *link = stream->next_dirty;
        stream->next_dirty = driver->first_held;
        driver->first_held = stream;
    }
}

void streams_flush(struct real_driver *driver)
{
    bool is_much = driver->unflushed_size >= STREAMS_UNFLUSHED_MOST;
    if (!is_much)
        hold_second_writes(driver);
    flush_list(driver, &driver->first_dirty);
    if (is_much)
        flush_list(driver, &driver->first_held);
    if (driver->first_held == NULL)
        driver->unflushed_size = 0;
}

void streams_end_round(struct real_driver *driver)
{
    flush_list(driver, &driver->first_dirty);
    flush_list(driver, &driver->first_held);
    driver->unflushed_size = 0;
    driver->round++;
}
