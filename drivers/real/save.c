/* One write at a time. What is asked for meanwhile waits, and only the newest of it is written: its being on disk
 * answers all that it replaces. */
#include "drivers/real/save.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/files.h"
#include "drivers/real/job.h"

enum { SAVED_BYTES_MOST = 64 << 20 };

/* Operations that one write answers. */
struct save_ops {
    struct io_op *ops;
    size_t count;
    size_t capacity;
};

struct saver {
    struct job job;
    struct path path;
    bool is_writing;
    struct slice writing; /* Read by the job; its reference is ours. */
    struct save_ops written;
    struct slice waiting;
    struct save_ops asked;
};

enum io_status save_load(struct real_driver *driver, struct text *ret_saved, struct text *ret_reason)
{
    struct saver *saver = memory_new(sizeof *saver);
    saver->path = path_of("%s/state", driver->config->data_dir);
    driver->saver = saver;
    enum io_status status = files_read(saver->path.text, SAVED_BYTES_MOST, ret_saved, ret_reason);
    return status == IO_NOT_FOUND ? IO_OK : status;
}

static void work(struct job *job)
{
    struct saver *saver = container_of(job, struct saver, job);
    struct io_bytes content = {slice_data(saver->writing), saver->writing.size};
    job->status = files_replace(saver->path.text, content, 0600, &job->data);
}

static void finish(struct job *job);

static void write_waiting(struct saver *saver, struct real_driver *driver)
{
    if (saver->is_writing || saver->asked.count == 0)
        return;
    saver->is_writing = true;
    saver->writing = saver->waiting;
    saver->waiting = (struct slice){0};
    struct save_ops empty = saver->written;
    saver->written = saver->asked;
    saver->asked = empty;
    saver->asked.count = 0;
    job_start(driver, &saver->job, (struct io_op){0}, work, finish);
}

static void finish(struct job *job)
{
    struct saver *saver = container_of(job, struct saver, job);
    struct real_driver *driver = job->driver;
    saver->is_writing = false;
    buffer_unref(saver->writing.buffer);
    saver->writing = (struct slice){0};
    if (job->status != IO_OK)
        driver_log(driver, LOG_ERROR, "cannot save: %s", text_string(&job->data));
    for (size_t i = 0; i < saver->written.count; i++)
        driver_done_text(driver, saver->written.ops[i], job->status, text_string(&job->data));
    text_free(&job->data);
    write_waiting(saver, driver);
}

void save_begin(struct real_driver *driver, struct io_op op, struct slice given)
{
    struct saver *saver = driver->saver;
    buffer_unref(saver->waiting.buffer);
    saver->waiting = given;
    struct save_ops *asked = &saver->asked;
    asked->ops = memory_room(asked->ops, asked->count, &asked->capacity, sizeof *asked->ops);
    asked->ops[asked->count++] = op;
    write_waiting(saver, driver);
}

void save_free(struct real_driver *driver)
{
    struct saver *saver = driver->saver;
    if (saver == NULL)
        return;
    assert_that(!saver->is_writing);
    buffer_unref(saver->waiting.buffer);
    memory_free(saver->asked.ops);
    memory_free(saver->written.ops);
    memory_free(saver);
}
