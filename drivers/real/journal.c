/* Appends go to a thread, all that wait in one transaction (group commit); entries are read on the loop through a
 * connection of their own, in batches, whenever the file's version has changed: after our own appends at once, after
 * those of other processes within POLL_MS.
 *
 * Own appends are answered after their entries have been delivered, conflicts after the entries that caused them.
 */
#include "drivers/real/journal.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/files.h"
#include "drivers/real/job.h"
#include "drivers/real/journal_file.h"

#include <string.h>

enum {
    POLL_MS = 20,
    WRITER_BUSY_MS = 10000,
    BATCH_MOST = 256, /* Appends in one transaction; entries delivered before the loop may breathe. */
};

struct waiting_append {
    struct waiting_append *next;
    struct io_op op;
    uint64_t expected_head;
    struct slice slice;
};

struct journal {
    struct job job; /* The writer. */
    struct real_driver *driver;
    struct path path;
    struct journal_file writer; /* The job's alone while it runs. */
    struct journal_file reader;
    uv_timer_t poll;

    struct waiting_append *waiting, **last_waiting;
    bool is_writing;
    struct journal_append batch[BATCH_MOST];
    struct waiting_append *batch_items[BATCH_MOST];
    size_t batch_count;

    bool is_following;
    bool is_broken;         /* An entry cannot be read: nothing after it can. */
    struct io_op follow_op; /* 0 once caught up. */
    uint64_t delivered_sequence;
    int64_t seen_version;
};

static struct journal *get_journal(struct real_driver *driver)
{
    if (driver->journal != NULL)
        return driver->journal;
    struct journal *journal = memory_new(sizeof *journal);
    journal->driver = driver;
    journal->last_waiting = &journal->waiting;
    const char *path = driver->config->journal;
    journal->path =
        path != NULL && path[0] != 0 ? path_of("%s", path) : path_of("%s/journal.db", driver->config->data_dir);
    uv_timer_init(driver->loop, &journal->poll);
    journal->poll.data = journal;
    driver->handle_count++;
    driver->journal = journal;
    return journal;
}

/* ---- Following ---- */

static enum io_status deliver_next(struct journal *journal, struct text *reason)
{
    struct event event = {.kind = EVENT_JOURNAL_ENTRY};
    enum io_status status =
        journal_file_next(&journal->reader, journal->delivered_sequence, &event.journal_entry.data, reason);
    if (status != IO_OK)
        return status;
    event.journal_entry.sequence = ++journal->delivered_sequence;
    driver_deliver(journal->driver, &event);
    return IO_OK;
}

/* A controller must not serve from a state that misses entries. */
static void break_off(struct journal *journal, enum io_status status, const char *reason)
{
    struct real_driver *driver = journal->driver;
    driver_log(driver, LOG_ERROR, "%s", reason);
    journal->is_broken = true;
    if (journal->follow_op.id != 0) {
        driver_done_text(driver, journal->follow_op, status, reason);
        journal->follow_op.id = 0;
        driver_pump(driver);
    } else {
        driver_log(driver, LOG_ERROR, "stopping, as the journal cannot be followed any more");
        real_driver_stop(driver);
    }
}

static void caught_up(struct journal *journal, int64_t version)
{
    journal->seen_version = version;
    if (journal->follow_op.id == 0)
        return;
    driver_done(journal->driver, journal->follow_op, IO_OK, journal->delivered_sequence, (struct io_bytes){0});
    journal->follow_op.id = 0;
    driver_pump(journal->driver);
}

/* Delivers what is new, at most `most` entries. The version is read before the entries: what is committed in between
 * is then seen again at the next poll. */
static void follow(struct journal *journal, size_t most)
{
    int64_t version = journal_file_version(&journal->reader);
    if (journal->is_broken || (version != 0 && version == journal->seen_version))
        return;
    struct text reason = {0};
    enum io_status status = IO_OK;
    for (size_t i = 0; i < most && status == IO_OK && !journal->driver->exited; i++)
        status = deliver_next(journal, &reason);
    journal_file_rest(&journal->reader);
    if (status == IO_NOT_FOUND)
        caught_up(journal, version);
    else if (status != IO_OK && status != IO_TIMED_OUT)
        break_off(journal, status, text_string(&reason));
    text_free(&reason);
}

static void on_poll(uv_timer_t *timer)
{
    struct journal *journal = timer->data;
    follow(journal, BATCH_MOST);
    bool is_behind = journal->follow_op.id != 0 && !journal->is_broken;
    uv_timer_start(timer, on_poll, is_behind ? 0 : POLL_MS, 0);
}

void journal_follow(struct real_driver *driver, struct io_op op, uint64_t after_sequence)
{
    struct journal *journal = get_journal(driver);
    assert_that(!journal->is_following);
    struct text reason = {0};
    enum io_status status = journal_file_open(&journal->reader, journal->path.text, 0, &reason);
    if (status != IO_OK) {
        driver_log(driver, LOG_ERROR, "%s", text_string(&reason));
        driver_done_text(driver, op, status, text_string(&reason));
    } else {
        journal->is_following = true;
        journal->follow_op = op;
        journal->delivered_sequence = after_sequence;
        uv_timer_start(&journal->poll, on_poll, 0, 0);
    }
    text_free(&reason);
}

/* ---- Appending ---- */

static void work(struct job *job)
{
    struct journal *journal = container_of(job, struct journal, job);
    job->status = IO_OK;
    if (journal->writer.database == NULL)
        job->status = journal_file_open(&journal->writer, journal->path.text, WRITER_BUSY_MS, &job->data);
    if (job->status == IO_OK)
        job->status = journal_file_append(&journal->writer, journal->batch, journal->batch_count, &job->data);
}

static void finish(struct job *job);

static void write_waiting(struct journal *journal)
{
    if (journal->is_writing || journal->waiting == NULL)
        return;
    journal->batch_count = 0;
    while (journal->waiting != NULL && journal->batch_count < BATCH_MOST) {
        struct waiting_append *item = journal->waiting;
        journal->waiting = item->next;
        journal->batch[journal->batch_count] = (struct journal_append){
            .expected_head = item->expected_head,
            .data = {slice_data(item->slice), item->slice.size},
        };
        journal->batch_items[journal->batch_count++] = item;
    }
    if (journal->waiting == NULL)
        journal->last_waiting = &journal->waiting;
    journal->is_writing = true;
    job_start(journal->driver, &journal->job, (struct io_op){0}, work, finish);
}

static void free_waiting(struct waiting_append *item)
{
    buffer_unref(item->slice.buffer);
    memory_free(item);
}

/* The component first hears of everything up to what its append met. */
static void catch_up_to(struct journal *journal, uint64_t sequence)
{
    while (journal->is_following && !journal->is_broken && !journal->driver->exited &&
           journal->delivered_sequence < sequence) {
        uint64_t before = journal->delivered_sequence;
        journal->seen_version = 0;
        follow(journal, SIZE_MAX);
        if (journal->delivered_sequence == before)
            break;
    }
}

static void finish(struct job *job)
{
    struct journal *journal = container_of(job, struct journal, job);
    struct real_driver *driver = journal->driver;
    if (job->status != IO_OK)
        driver_log(driver, LOG_ERROR, "%s", text_string(&job->data));
    for (size_t i = 0; i < journal->batch_count; i++) {
        const struct journal_append *append = &journal->batch[i];
        struct waiting_append *item = journal->batch_items[i];
        if (job->status != IO_OK) {
            driver_done_text(driver, item->op, job->status, text_string(&job->data));
        } else {
            catch_up_to(journal, append->sequence);
            driver_done(driver, item->op, append->status, append->sequence, (struct io_bytes){0});
            driver_pump(driver);
        }
        free_waiting(item);
    }
    journal->batch_count = 0;
    text_free(&job->data);
    journal->is_writing = false; /* Only now: an answer may bring the next append, which must not touch this batch. */
    write_waiting(journal);
}

void journal_append(struct real_driver *driver, struct io_op op, uint64_t head_sequence, struct slice given)
{
    struct journal *journal = get_journal(driver);
    struct waiting_append *item = memory_new(sizeof *item);
    item->op = op;
    item->expected_head = head_sequence;
    item->slice = given;
    *journal->last_waiting = item;
    journal->last_waiting = &item->next;
    write_waiting(journal);
}

/* ---- The end ---- */

static void on_poll_closed(uv_handle_t *handle)
{
    struct journal *journal = handle->data;
    journal->driver->handle_count--;
}

void journal_close(struct real_driver *driver)
{
    struct journal *journal = driver->journal;
    if (journal != NULL)
        uv_close((uv_handle_t *)&journal->poll, on_poll_closed);
}

void journal_free(struct real_driver *driver)
{
    struct journal *journal = driver->journal;
    if (journal == NULL)
        return;
    assert_that(!journal->is_writing);
    while (journal->waiting != NULL) {
        struct waiting_append *item = journal->waiting;
        journal->waiting = item->next;
        free_waiting(item);
    }
    journal_file_close(&journal->writer);
    journal_file_close(&journal->reader);
    memory_free(journal);
    driver->journal = NULL;
}
