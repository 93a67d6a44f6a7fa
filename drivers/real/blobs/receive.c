/* The next bytes of a connection into a blob. The socket is not read while a piece is being written: that is the
 * back-pressure. No byte beyond the wanted size is taken from the socket. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/blobs/transfer.h"
#include "drivers/real/job.h"

#include <stdio.h>
#include <string.h>

enum { PIECE_SIZE = 262144 };

struct blob_receive {
    struct job job;
    struct stream *stream; /* NULL once cancelled. */
    struct io_op op;
    uint64_t left_size; /* Not yet taken from the socket. */
    struct buffer *piece;
    size_t piece_size; /* Read into `piece`. */
    uint64_t temp_number;
    bool is_open;
    bool is_writing; /* The job runs; it alone touches `file` and `piece`. */
    struct blob_file file;
    char digest[DIGEST_SIZE];
};

static void free_receive(struct blob_receive *receive)
{
    blob_file_discard(&receive->file);
    buffer_unref(receive->piece);
    memory_free(receive);
}

/* Answers, and lets go of the stream. The job, if one runs, frees the rest. */
static void answer(struct blob_receive *receive, enum io_status status, uint64_t number, const char *data)
{
    struct real_driver *driver = receive->job.driver;
    struct io_op op = receive->op;
    char copy[256];
    snprintf(copy, sizeof copy, "%s", data);
    receive->stream->receive = NULL;
    receive->stream = NULL;
    if (!receive->is_writing)
        free_receive(receive);
    driver_done_number_text(driver, op, status, number, copy);
}

static void work(struct job *job)
{
    struct blob_receive *receive = container_of(job, struct blob_receive, job);
    if (!receive->is_open) {
        blob_file_begin(&receive->file, job->driver->config->data_dir, receive->temp_number,
                        job->driver->config->blob_bytes);
        receive->is_open = true;
    }
    blob_file_write(&receive->file, receive->piece->bytes, receive->piece_size);
    job->status = receive->file.status;
    if (receive->left_size == 0 && job->status == IO_OK)
        job->status = blob_file_commit(&receive->file, receive->digest);
}

static void finish(struct job *job)
{
    struct blob_receive *receive = container_of(job, struct blob_receive, job);
    struct stream *stream = receive->stream;
    receive->is_writing = false;
    receive->piece_size = 0;
    if (stream == NULL) {
        free_receive(receive);
        return;
    }
    if (job->status != IO_OK)
        answer(receive, job->status, receive->file.size, "the blob cannot be stored");
    else if (receive->left_size == 0)
        answer(receive, IO_OK, receive->file.size, receive->digest);
    else
        stream_resume_reading(stream);
}

static void write_piece(struct blob_receive *receive)
{
    receive->is_writing = true;
    job_start(receive->job.driver, &receive->job, (struct io_op){0}, work, finish);
}

void blob_receive_begin(struct real_driver *driver, struct io_op op, struct stream *stream, uint64_t size)
{
    assert_that(stream->receive == NULL);
    assert_that(!stream->read_wanted);
    uint64_t most = driver->config->blob_bytes;
    if (most != 0 && size > most) {
        driver_done_text(driver, op, IO_FULL, "larger than a blob may be");
        return;
    }
    struct blob_receive *receive = memory_new(sizeof *receive);
    receive->job.driver = driver;
    receive->stream = stream;
    receive->op = op;
    receive->left_size = size;
    receive->file.descriptor = -1;
    receive->temp_number = ++driver->temp_count;
    receive->piece = buffer_new(PIECE_SIZE);
    stream->receive = receive;
    if (size == 0)
        write_piece(receive);
    else if (stream->peer_ended)
        blob_receive_end(stream);
    else
        stream_resume_reading(stream);
}

uv_buf_t blob_receive_room(struct stream *stream)
{
    struct blob_receive *receive = stream->receive;
    size_t room = receive->piece->capacity;
    assert_that(!receive->is_writing);
    if (room > receive->left_size)
        room = (size_t)receive->left_size;
    return uv_buf_init((char *)receive->piece->bytes, (unsigned)room);
}

void blob_receive_bytes(struct stream *stream, size_t size)
{
    struct blob_receive *receive = stream->receive;
    assert_that(size <= receive->left_size);
    receive->piece_size = size;
    receive->left_size -= size;
    write_piece(receive);
}

bool blob_receive_wants_bytes(const struct stream *stream)
{
    return stream->receive != NULL && !stream->receive->is_writing;
}

void blob_receive_end(struct stream *stream)
{
    answer(stream->receive, IO_RESET, stream->receive->file.size, "the peer has finished before all had come");
}

void blob_receive_cancel(struct stream *stream)
{
    if (stream->receive != NULL)
        answer(stream->receive, IO_CANCELLED, 0, "");
}
