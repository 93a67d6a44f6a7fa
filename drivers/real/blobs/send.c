/* A blob out of its file into a connection. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/blobs/transfer.h"
#include "drivers/real/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PIECE_SIZE = 262144 };

struct blob_send {
    struct job job;
    struct stream *stream; /* NULL once cancelled. */
    struct io_op op;
    char digest[DIGEST_SIZE];
    int descriptor;
    bool is_reading; /* The job runs. */
    bool has_ended;  /* The file is read to its end, or a failure is in `status`. */
    enum io_status status;
    uint64_t sent_size;
    struct buffer *piece;
    size_t piece_first, piece_last;
};

void blob_send_begin(struct real_driver *driver, struct io_op op, struct stream *stream, const char *digest)
{
    struct blob_send *send = memory_new(sizeof *send);
    send->job.driver = driver;
    send->stream = stream;
    send->op = op;
    send->descriptor = -1;
    snprintf(send->digest, sizeof send->digest, "%s", digest);
    stream_enqueue_blob(stream, send);
}

bool blob_send_has_piece(const struct blob_send *send)
{
    return send->piece_first < send->piece_last;
}

uv_buf_t blob_send_piece(const struct blob_send *send)
{
    assert_that(blob_send_has_piece(send));
    return uv_buf_init((char *)send->piece->bytes + send->piece_first,
                       (unsigned)(send->piece_last - send->piece_first));
}

struct buffer *blob_send_hold(const struct blob_send *send)
{
    return buffer_ref(send->piece);
}

void blob_send_advance(struct blob_send *send, size_t size)
{
    assert_that(size <= send->piece_last - send->piece_first);
    send->piece_first += size;
    send->sent_size += size;
}

static void free_send(struct blob_send *send)
{
    if (send->descriptor >= 0)
        close(send->descriptor);
    buffer_unref(send->piece);
    memory_free(send);
}

static void work(struct job *job)
{
    struct blob_send *send = container_of(job, struct blob_send, job);
    struct path path;
    if (send->descriptor < 0 && blob_path(job->driver->config->data_dir, send->digest, &path))
        send->descriptor = open(path.text, O_RDONLY | O_CLOEXEC);
    if (send->descriptor < 0) {
        job->status = IO_NOT_FOUND;
        return;
    }
    ssize_t size = read(send->descriptor, send->piece->bytes, send->piece->capacity);
    job->status = size < 0 ? status_of_errno(errno) : IO_OK;
    job->number = size < 0 ? 0 : (uint64_t)size;
}

static void finish(struct job *job)
{
    struct blob_send *send = container_of(job, struct blob_send, job);
    struct real_driver *driver = job->driver;
    send->is_reading = false;
    if (send->stream == NULL) {
        free_send(send);
        return;
    }
    send->piece_first = 0;
    send->piece_last = job->number;
    send->has_ended = job->number == 0;
    send->status = job->status;
    stream_flush(send->stream);
    driver_pump(driver);
}

bool blob_send_refill(struct blob_send *send)
{
    assert_that(!blob_send_has_piece(send));
    if (send->has_ended) {
        driver_done(send->job.driver, send->op, send->status, send->sent_size, (struct io_bytes){0});
        free_send(send);
        return true;
    }
    if (send->is_reading)
        return false;
    if (send->piece == NULL)
        send->piece = buffer_new(PIECE_SIZE);
    assert_that(send->piece->references == 1); /* What was in flight has left. */
    send->is_reading = true;
    job_start(send->job.driver, &send->job, (struct io_op){0}, work, finish);
    return false;
}

void blob_send_cancel(struct blob_send *send)
{
    driver_done(send->job.driver, send->op, IO_CANCELLED, send->sent_size, (struct io_bytes){0});
    send->stream = NULL;
    if (!send->is_reading)
        free_send(send);
}
