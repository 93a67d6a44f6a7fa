/* The component's own blobs: written piece by piece on the thread pool, one job at a time for each, so that the pieces
 * stay in order. */
#include "drivers/real/blobs/blobs.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/memory.h"
#include "drivers/real/job.h"
#include "drivers/real/streams/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct piece {
    struct slice slice;
    struct piece *next;
};

struct blob_writer {
    struct job job;
    uint32_t id;
    struct blob_file file;
    bool is_open;    /* blob_file_begin was called. */
    bool is_working; /* A job runs; it alone touches `file` and `working`. */
    struct piece *working;
    struct piece *waiting, **last_waiting;
    bool commit_asked;
    bool discard_asked;
    bool is_last_job; /* It commits. */
    struct io_op commit_op;
    uint64_t temp_number;
    char digest[DIGEST_SIZE];
    UT_hash_handle hh;
};

static struct blob_writer *find_writer(struct real_driver *driver, struct io_blob id)
{
    struct blob_writer *writer = NULL;
    HASH_FIND(hh, driver->blob_writers, &id.id, sizeof id.id, writer);
    assert_that(writer != NULL);
    return writer;
}

void blob_writer_open(struct real_driver *driver, struct io_blob id)
{
    struct blob_writer *writer = memory_new(sizeof *writer);
    writer->id = id.id;
    writer->job.driver = driver;
    writer->file.descriptor = -1;
    writer->last_waiting = &writer->waiting;
    writer->temp_number = ++driver->temp_count;
    HASH_ADD(hh, driver->blob_writers, id, sizeof writer->id, writer);
}

static void free_pieces(struct real_driver *driver, struct piece *piece)
{
    while (piece != NULL) {
        struct piece *next = piece->next;
        assert_that(driver->blob_backlog_bytes >= piece->slice.size);
        driver->blob_backlog_bytes -= piece->slice.size;
        buffer_unref(piece->slice.buffer);
        memory_free(piece);
        piece = next;
    }
}

static void free_writer(struct blob_writer *writer)
{
    HASH_DELETE(hh, writer->job.driver->blob_writers, writer);
    free_pieces(writer->job.driver, writer->waiting);
    blob_file_discard(&writer->file);
    memory_free(writer);
}

/* On a thread: the pieces are only read; their references are the loop's. */
static void work(struct job *job)
{
    struct blob_writer *writer = container_of(job, struct blob_writer, job);
    if (!writer->is_open) {
        blob_file_begin(&writer->file, job->driver->config->data_dir, writer->temp_number,
                        job->driver->config->blob_bytes);
        writer->is_open = true;
    }
    for (const struct piece *piece = writer->working; piece != NULL; piece = piece->next)
        blob_file_write(&writer->file, slice_data(piece->slice), piece->slice.size);
    if (writer->is_last_job)
        job->status = blob_file_commit(&writer->file, writer->digest);
}

static void finish(struct job *job);

static void work_on(struct blob_writer *writer)
{
    if (writer->is_working)
        return;
    if (writer->discard_asked) {
        free_writer(writer);
        return;
    }
    if (writer->waiting == NULL && !writer->commit_asked)
        return;
    writer->working = writer->waiting;
    writer->waiting = NULL;
    writer->last_waiting = &writer->waiting;
    writer->is_last_job = writer->commit_asked;
    writer->is_working = true;
    job_start(writer->job.driver, &writer->job, writer->commit_op, work, finish);
}

static void finish(struct job *job)
{
    struct blob_writer *writer = container_of(job, struct blob_writer, job);
    writer->is_working = false;
    free_pieces(job->driver, writer->working);
    writer->working = NULL;
    if (job->driver->blob_backlog_bytes <= BLOB_BACKLOG_MOST / 2)
        streams_resume_reading(job->driver);
    if (!writer->is_last_job) {
        work_on(writer);
        return;
    }
    struct real_driver *driver = job->driver;
    uint64_t size = writer->file.size;
    enum io_status status = job->status;
    struct io_op op = writer->commit_op;
    char digest[DIGEST_SIZE];
    memcpy(digest, writer->digest, sizeof digest);
    free_writer(writer);
    driver_done(driver, op, status, size, (struct io_bytes){(const uint8_t *)digest, strlen(digest)});
}

void blob_writer_write(struct real_driver *driver, struct io_blob id, struct slice given)
{
    struct blob_writer *writer = find_writer(driver, id);
    struct piece *piece = memory_new(sizeof *piece);
    piece->slice = given;
    driver->blob_backlog_bytes += given.size;
    *writer->last_waiting = piece;
    writer->last_waiting = &piece->next;
    work_on(writer);
}

void blob_writer_commit(struct real_driver *driver, struct io_blob id, struct io_op op)
{
    struct blob_writer *writer = find_writer(driver, id);
    assert_that(!writer->commit_asked);
    writer->commit_asked = true;
    writer->commit_op = op;
    work_on(writer);
}

void blob_writer_discard(struct real_driver *driver, struct io_blob id)
{
    struct blob_writer *writer = find_writer(driver, id);
    assert_that(!writer->commit_asked);
    writer->discard_asked = true;
    work_on(writer);
}

void blob_writers_free(struct real_driver *driver)
{
    struct blob_writer *writer, *next;
    HASH_ITER (hh, driver->blob_writers, writer, next) {
        assert_that(!writer->is_working); /* The driver has waited for its jobs. */
        free_writer(writer);
    }
}

/* ---- One call each: quick enough for the loop, as they touch no content ---- */

void blob_stat(struct real_driver *driver, struct io_op op, const char *digest)
{
    struct path path;
    struct stat info;
    if (!blob_path(driver->config->data_dir, digest, &path) || stat(path.text, &info) != 0)
        driver_done(driver, op, IO_NOT_FOUND, 0, (struct io_bytes){0});
    else
        driver_done(driver, op, IO_OK, (uint64_t)info.st_size, (struct io_bytes){0});
}

void blob_delete(struct real_driver *driver, struct io_op op, const char *digest)
{
    struct path path;
    enum io_status status = IO_OK;
    if (blob_path(driver->config->data_dir, digest, &path) && unlink(path.text) != 0 && errno != ENOENT)
        status = status_of_errno(errno);
    driver_done(driver, op, status, 0, (struct io_bytes){0});
}
