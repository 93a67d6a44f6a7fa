/* Stores a snapshot, then deletes what it makes superfluous. */
#include "drivers/real/journal/journal.h"

#include "core/base/memory.h"
#include "drivers/real/job.h"
#include "drivers/real/journal/store.h"

enum { BUSY_MS = 10000 };

struct snapshot_job {
    struct job job;
    struct path place;
    uint64_t sequence;
    struct slice slice;
};

/* What could not be deleted goes with the next one. */
static void work(struct job *job)
{
    struct snapshot_job *snapshot = container_of(job, struct snapshot_job, job);
    struct journal_store *store;
    struct text ignored = {0};
    const char *place = snapshot->place.text;
    job->status = journal_store_class_of(place)->open(place, BUSY_MS, &store, &job->data);
    if (job->status != IO_OK)
        return;
    struct io_bytes data = {slice_data(snapshot->slice), snapshot->slice.size};
    job->status = store->class->write_snapshot(store, snapshot->sequence, data, &job->data);
    if (job->status == IO_OK)
        store->class->compact(store, &ignored);
    store->class->close(store);
    text_free(&ignored);
}

static void finish(struct job *job)
{
    struct snapshot_job *snapshot = container_of(job, struct snapshot_job, job);
    if (job->status != IO_OK && job->status != IO_CONFLICT)
        driver_log(job->driver, LOG_WARNING, "%s", text_string(&job->data));
    job_answer(job);
    buffer_unref(snapshot->slice.buffer);
    memory_free(snapshot);
}

void journal_snapshot(struct real_driver *driver, struct io_op op, uint64_t sequence, struct slice given)
{
    struct snapshot_job *snapshot = memory_new(sizeof *snapshot);
    snapshot->place = journal_place(driver);
    snapshot->sequence = sequence;
    snapshot->slice = given;
    job_start(driver, &snapshot->job, op, work, finish);
}
