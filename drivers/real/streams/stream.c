/* The life of a connection: read on demand, ended once. It begins in connect.c or listening.c; sending is in
 * write.c. */
#include "drivers/real/streams/stream.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/blobs/transfer.h"

#include <string.h>
#include <sys/socket.h>

static void on_sweep(uv_timer_t *timer);

enum { SWEEP_MS = 100 };

/* ---- The table ---- */

struct stream *stream_find(const struct real_driver *driver, struct io_conn id)
{
    assert_that(id.id < driver->stream_capacity);
    struct stream *stream = driver->streams[id.id];
    assert_that(stream != NULL);
    return stream->closed ? NULL : stream;
}

void stream_put(struct stream *stream, struct io_conn id)
{
    struct real_driver *driver = stream->driver;
    if (id.id >= driver->stream_capacity) {
        size_t capacity = driver->stream_capacity == 0 ? 64 : driver->stream_capacity;
        while (capacity <= id.id)
            capacity *= 2;
        driver->streams = memory_grow(driver->streams, driver->stream_capacity * sizeof *driver->streams,
                                      capacity * sizeof *driver->streams);
        driver->stream_capacity = capacity;
    }
    assert_that(driver->streams[id.id] == NULL);
    driver->streams[id.id] = stream;
    stream->id = id;
    stream->in_table = true;
}

struct io_conn stream_free_odd_id(struct real_driver *driver)
{
    uint32_t id = driver->lowest_odd_id;
    while (id < driver->stream_capacity && driver->streams[id] != NULL)
        id += 2;
    driver->lowest_odd_id = id;
    return (struct io_conn){id};
}

static void drop_from_table(struct stream *stream)
{
    struct real_driver *driver = stream->driver;
    assert_that(driver->streams[stream->id.id] == stream);
    driver->streams[stream->id.id] = NULL;
    stream->in_table = false;
    if (stream->id.id % 2 == 1 && stream->id.id < driver->lowest_odd_id)
        driver->lowest_odd_id = stream->id.id;
}

/* ---- Memory ---- */

struct stream *stream_new(struct real_driver *driver)
{
    struct stream *stream = memory_new(sizeof *stream);
    stream->driver = driver;
    int error = uv_tcp_init(driver->loop, &stream->tcp);
    assert_that(error == 0);
    stream->tcp.data = stream;
    driver->handle_count++;
    return stream;
}

void stream_free_if_unused(struct stream *stream)
{
    if (!stream->handle_closed || stream->resolving || stream->in_table || stream->has_news || stream->is_dirty)
        return;
    stream->driver->handle_count--;
    stream_release_queue(stream);
    tls_free(stream->tls);
    memory_free(stream);
}

static void leave_list(struct stream *stream)
{
    struct real_driver *driver = stream->driver;
    if (stream->state != STREAM_FLUSHING && stream->state != STREAM_LINGERING)
        return;
    if (stream->previous_leaving != NULL)
        stream->previous_leaving->next_leaving = stream->next_leaving;
    else
        driver->leaving = stream->next_leaving;
    if (stream->next_leaving != NULL)
        stream->next_leaving->previous_leaving = stream->previous_leaving;
    stream->next_leaving = stream->previous_leaving = NULL;
    driver->leaving_count--;
}

static void on_closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;
    stream->handle_closed = true;
    stream_free_if_unused(stream);
}

void stream_close_handle(struct stream *stream)
{
    if (stream->state == STREAM_GONE)
        return;
    leave_list(stream);
    stream->state = STREAM_GONE;
    uv_os_fd_t descriptor;
    if (stream->cut && uv_fileno((uv_handle_t *)&stream->tcp, &descriptor) == 0) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    uv_close((uv_handle_t *)&stream->tcp, on_closed);
}

void stream_discard(struct stream *stream)
{
    stream_close_handle(stream);
}

/* ---- News ---- */

void stream_add_news(struct stream *stream)
{
    if (stream->has_news || stream->driver->exited)
        return;
    stream->has_news = true;
    stream->next_news = NULL;
    *stream->driver->last_news = stream;
    stream->driver->last_news = &stream->next_news;
}

static struct stream *take_news(struct real_driver *driver)
{
    struct stream *stream = driver->first_news;
    if (stream == NULL)
        return NULL;
    driver->first_news = stream->next_news;
    if (driver->first_news == NULL)
        driver->last_news = &driver->first_news;
    stream->has_news = false;
    return stream;
}

static void end_if_finished(struct stream *stream);

static void deliver_end(struct stream *stream)
{
    stream->read_wanted = false;
    stream->end_told = true;
    struct event event = {.kind = EVENT_END};
    event.end.conn = stream->id;
    driver_step(stream->driver, &event);
    end_if_finished(stream);
}

size_t stream_take_written(struct stream *stream)
{
    size_t size = stream->written;
    stream->written = 0;
    stream->is_awaited = stream->queue_count > 0;
    return size;
}

static void deliver_written(struct stream *stream)
{
    struct event event = {.kind = EVENT_WRITTEN};
    event.written.conn = stream->id;
    event.written.size = stream_take_written(stream);
    driver_step(stream->driver, &event);
}

static void deliver_closed(struct stream *stream)
{
    struct real_driver *driver = stream->driver;
    struct event event = {.kind = EVENT_CLOSED};
    event.closed.conn = stream->id;
    event.closed.status = stream->closed_status;
    drop_from_table(stream);
    stream_free_if_unused(stream);
    driver_step(driver, &event);
}

/* What TLS has for those who wait. Before the handshake is over nothing is. */
bool stream_tls_is_due(const struct stream *stream)
{
    return stream->state == STREAM_OPEN && stream->tls != NULL && stream->tls->is_ready && stream->tls->has_input &&
           !stream->peer_ended && (stream->read_wanted || blob_receive_wants_bytes(stream));
}

bool stream_end_is_due(const struct stream *stream)
{
    return stream->state == STREAM_OPEN && stream->peer_ended && stream->read_wanted && !stream->end_told;
}

/* After CLOSE nothing but CLOSED is told: bytes that left in the meantime are forgotten. */
bool streams_deliver_news(struct real_driver *driver)
{
    struct stream *stream = take_news(driver);
    if (stream == NULL)
        return false;
    if (stream->closed) {
        deliver_closed(stream);
    } else if (stream->state == STREAM_OPEN && stream->written > 0) {
        if (stream_end_is_due(stream) || stream_tls_is_due(stream))
            stream_add_news(stream);
        deliver_written(stream);
    } else if (stream_end_is_due(stream)) {
        deliver_end(stream);
    } else if (stream_tls_is_due(stream)) {
        stream_tls_deliver(stream);
    }
    return true;
}

static void tell_closed(struct stream *stream, enum io_status status)
{
    assert_that(!stream->closed);
    stream->closed = true;
    stream_cancel_blobs(stream);
    blob_receive_cancel(stream);
    stream_tls_cancel(stream);
    stream->closed_status = status;
    stream_add_news(stream);
}

/* ---- The end ---- */

void stream_fail(struct stream *stream, enum io_status status)
{
    if (stream->state == STREAM_GONE)
        return;
    if (stream->state == STREAM_HANDSHAKING) {
        stream_tls_drop(stream); /* The component has never heard of it. */
        return;
    }
    bool asked = stream->state == STREAM_FLUSHING;
    if (!stream->closed)
        tell_closed(stream, asked ? IO_OK : status);
    stream_close_handle(stream);
}

/* Both directions have ended, and the component knows: nothing more can happen. */
static void end_if_finished(struct stream *stream)
{
    if (stream->state == STREAM_OPEN && stream->end_told && stream->finish_sent)
        stream_fail(stream, IO_OK);
}

static void shut_down(struct stream *stream)
{
    uv_os_fd_t descriptor;
    if (!stream->finish_sent && uv_fileno((uv_handle_t *)&stream->tcp, &descriptor) == 0)
        shutdown(descriptor, SHUT_WR);
    stream->finish_sent = true;
}

static void linger(struct stream *stream)
{
    shut_down(stream);
    tell_closed(stream, IO_OK);
    if (stream->peer_ended) {
        stream_close_handle(stream);
        return;
    }
    stream->state = STREAM_LINGERING;
    stream->leave_by_ns = uv_hrtime() + STREAM_LINGER_NS;
    stream_read_on(stream);
}

void stream_drained(struct stream *stream)
{
    assert_that(stream->queue_count == 0);
    if (stream->state == STREAM_FLUSHING) {
        linger(stream);
    } else if (stream->state == STREAM_OPEN && stream->finish_asked && !stream->finish_sent) {
        shut_down(stream);
        end_if_finished(stream);
    }
}

void stream_finish(struct stream *stream)
{
    stream->finish_asked = true;
    stream_mark_dirty(stream);
}

void stream_close(struct stream *stream, bool abort)
{
    struct real_driver *driver = stream->driver;
    stream_cancel_blobs(stream);
    blob_receive_cancel(stream);
    stream_tls_cancel(stream);
    stream->read_wanted = false;
    stream->cut = abort;
    if (abort || stream->state == STREAM_CONNECTING || driver->leaving_count >= STREAMS_LEAVING_MOST) {
        stream_fail(stream, IO_OK);
        return;
    }
    assert_that(stream->state == STREAM_OPEN);
    stream->state = STREAM_FLUSHING;
    stream->leave_by_ns = uv_hrtime() + STREAM_STALL_NS;
    stream->next_leaving = driver->leaving;
    if (driver->leaving != NULL)
        driver->leaving->previous_leaving = stream;
    driver->leaving = stream;
    driver->leaving_count++;
    streams_start_sweep(driver);
    stream_mark_dirty(stream);
}

void streams_start_sweep(struct real_driver *driver)
{
    if (!uv_is_active((uv_handle_t *)&driver->sweep))
        uv_timer_start(&driver->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void on_sweep(uv_timer_t *timer)
{
    struct real_driver *driver = timer->data;
    uint64_t now_ns = uv_hrtime();
    struct stream *next;
    for (struct stream *stream = driver->leaving; stream != NULL; stream = next) {
        next = stream->next_leaving;
        if (stream->leave_by_ns > now_ns)
            continue;
        stream->cut = stream->state == STREAM_FLUSHING; /* The peer must not take what it has for the whole. */
        stream_fail(stream, IO_OK);
    }
    stream_tls_sweep(driver, now_ns);
    if (driver->leaving_count + driver->handshake_count == 0)
        uv_timer_stop(timer);
    driver_pump(driver);
}

void streams_close_all(struct real_driver *driver)
{
    streams_end_round(driver); /* Nobody flushes after this. */
    listenings_close_all(driver);
    stream_tls_close_all(driver);
    uint64_t last_ns = uv_hrtime() + STREAM_LINGER_NS / 4;
    while (take_news(driver) != NULL) {
    }
    for (size_t i = 0; i < driver->stream_capacity; i++) {
        struct stream *stream = driver->streams[i];
        if (stream == NULL)
            continue;
        drop_from_table(stream);
        if (stream->state == STREAM_FLUSHING || stream->state == STREAM_LINGERING)
            continue; /* Among those that are leaving. */
        stream_fail(stream, IO_CANCELLED);
        stream_free_if_unused(stream);
    }
    for (struct stream *stream = driver->leaving; stream != NULL; stream = stream->next_leaving)
        stream->leave_by_ns = stream->leave_by_ns < last_ns ? stream->leave_by_ns : last_ns;
}
