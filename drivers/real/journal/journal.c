/* One job at a time on a thread: it appends all that wait in one transaction (group commit), then reads what is new,
 * its own entries among that. Without anything to append it is started every POLL_MS, to see what others wrote.
 *
 * Own appends are answered after their entries have been delivered, conflicts after the entries that caused them. If
 * those cannot be read now, the appends have failed: they may have come through, and who waits is not kept waiting.
 *
 * Who follows from the beginning gets the newest sound snapshot first, and so does who is so far behind that the next
 * entry is not kept any more. Snapshots are written on a thread and a connection of their own (snapshot.c).
 */
#include "drivers/real/journal/journal.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/files.h"
#include "drivers/real/job.h"
#include "drivers/real/journal/store.h"

#include <string.h>

enum {
    POLL_MS = 20,
    BUSY_MS = 10000,
    BATCH_MOST = 256, /* Appends in one transaction. */
};

struct waiting_append {
    struct waiting_append *next;
    struct io_op op;
    uint64_t expected_head;
    struct slice slice;
};

struct journal {
    struct job job;
    struct real_driver *driver;
    struct path place;
    struct journal_store *store; /* The job's alone while it runs. */
    uv_timer_t poll;
    bool is_working;

    struct waiting_append *waiting, **last_waiting;
    struct journal_append batch[BATCH_MOST]; /* Under way, or waiting for its entries to be delivered. */
    struct waiting_append *batch_items[BATCH_MOST];
    size_t batch_count;
    bool is_written; /* The batch; only reading is left to do. */

    struct journal_entries entries; /* What the job has read: entries, */
    uint64_t snapshot_sequence;     /* or, if not 0, a snapshot, and nothing else. */
    struct text snapshot;
    enum io_status read_status;
    struct text read_reason;

    bool is_following;
    bool is_broken;         /* An entry cannot be read: nothing after it can. */
    bool is_troubled;       /* The store cannot be reached; told once. */
    struct io_op follow_op; /* 0 once caught up. */
    uint64_t delivered_sequence;
};

static void start_job(struct journal *journal);

struct path journal_place(const struct real_driver *driver)
{
    const char *place = driver->config->journal;
    return place != NULL && place[0] != 0 ? path_of("%s", place) : path_of("%s/journal.db", driver->config->data_dir);
}

static struct journal *get_journal(struct real_driver *driver)
{
    if (driver->journal != NULL)
        return driver->journal;
    struct journal *journal = memory_new(sizeof *journal);
    journal->driver = driver;
    journal->last_waiting = &journal->waiting;
    journal->place = journal_place(driver);
    uv_timer_init(driver->loop, &journal->poll);
    journal->poll.data = journal;
    driver->handle_count++;
    driver->journal = journal;
    return journal;
}

/* ---- On the thread ---- */

/* From a snapshot only if there is one that leads further. */
static enum io_status read_snapshot(struct journal *journal)
{
    uint64_t sequence = 0;
    enum io_status status =
        journal_read_sound_snapshot(journal->store, UINT64_MAX, &sequence, &journal->snapshot, &journal->read_reason);
    if (status == IO_OK && sequence > journal->delivered_sequence)
        journal->snapshot_sequence = sequence;
    return status;
}

/* The next entries, or the snapshot that stands for them. */
static void read_on(struct journal *journal)
{
    bool is_beginning = journal->delivered_sequence == 0;
    if (is_beginning)
        journal->read_status = read_snapshot(journal);
    if (journal->snapshot_sequence > 0 || journal->read_status != IO_OK)
        return;
    journal->read_status = journal->store->class->read(journal->store, journal->delivered_sequence, &journal->entries,
                                                       &journal->read_reason);
    if (journal->read_status != IO_CORRUPT || is_beginning || journal->entries.count > 0)
        return;
    enum io_status status = read_snapshot(journal); /* The next entry may have gone. */
    if (status == IO_OK && journal->snapshot_sequence > 0)
        journal->read_status = IO_OK;
}

/* Who cannot append may read all the same, and find what has come through; but not who does not reach the store. */
static bool may_read(const struct journal *journal, enum io_status status)
{
    return journal->store != NULL && status != IO_UNREACHABLE && status != IO_TIMED_OUT;
}

static void work(struct job *job)
{
    struct journal *journal = container_of(job, struct journal, job);
    const char *place = journal->place.text;
    job->status = IO_OK;
    if (journal->store == NULL)
        job->status = journal_store_class_of(place)->open(place, BUSY_MS, &journal->store, &job->data);
    if (job->status == IO_OK && journal->batch_count > 0 && !journal->is_written)
        job->status = journal->store->class->append(journal->store, journal->batch, journal->batch_count, &job->data);
    journal_entries_reset(&journal->entries, journal->delivered_sequence + 1);
    journal->snapshot_sequence = 0;
    journal->read_status = IO_OK;
    if (!may_read(journal, job->status)) {
        journal->read_status = job->status;
        text_add(&journal->read_reason, text_string(&job->data), job->data.size);
    } else if (journal->is_following) {
        read_on(journal);
    }
}

/* ---- Delivering ---- */

static void deliver_snapshot(struct journal *journal)
{
    struct event event = {.kind = EVENT_JOURNAL_SNAPSHOT};
    event.journal_entry.sequence = journal->delivered_sequence = journal->snapshot_sequence;
    event.journal_entry.data =
        (struct io_bytes){(const uint8_t *)text_string(&journal->snapshot), journal->snapshot.size};
    driver_deliver(journal->driver, &event);
    text_free(&journal->snapshot);
}

static void deliver(struct journal *journal)
{
    if (journal->snapshot_sequence > 0 && !journal->driver->exited)
        deliver_snapshot(journal);
    for (size_t i = 0; i < journal->entries.count && !journal->driver->exited; i++) {
        struct event event = {.kind = EVENT_JOURNAL_ENTRY};
        event.journal_entry.data = journal_entries_at(&journal->entries, i);
        event.journal_entry.sequence = ++journal->delivered_sequence;
        driver_deliver(journal->driver, &event);
    }
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

static void caught_up(struct journal *journal)
{
    if (journal->follow_op.id == 0)
        return;
    driver_done(journal->driver, journal->follow_op, IO_OK, journal->delivered_sequence, (struct io_bytes){0});
    journal->follow_op.id = 0;
    driver_pump(journal->driver);
}

/* A store that cannot be reached is tried again for ever, but not at the first sight of it. */
static bool is_passing(const struct journal *journal, enum io_status status)
{
    return status == IO_TIMED_OUT || (status == IO_UNREACHABLE && journal->follow_op.id == 0);
}

static void tell_trouble(struct journal *journal, bool is_troubled, const char *reason)
{
    if (is_troubled != journal->is_troubled)
        driver_log(journal->driver, is_troubled ? LOG_ERROR : LOG_INFO, "%s",
                   is_troubled ? reason : "the journal can be reached again");
    journal->is_troubled = is_troubled;
}

static void take_entries(struct journal *journal)
{
    const char *reason = text_string(&journal->read_reason);
    if (!journal->is_following || journal->is_broken)
        return;
    deliver(journal);
    if (journal->read_status != IO_OK && !is_passing(journal, journal->read_status)) {
        break_off(journal, journal->read_status, reason);
        return;
    }
    tell_trouble(journal, journal->read_status != IO_OK, reason);
    if (journal->read_status == IO_OK && journal->read_reason.size > 0)
        driver_log(journal->driver, LOG_ERROR, "%s; the one before it will do", reason);
    bool is_all = journal->entries.count < JOURNAL_READ_MOST && journal->snapshot_sequence == 0;
    if (journal->read_status == IO_OK && is_all)
        caught_up(journal);
}

/* ---- Answering ---- */

static void free_waiting(struct waiting_append *item)
{
    buffer_unref(item->slice.buffer);
    memory_free(item);
}

/* What the batch met is still to be delivered, and can be. */
static bool lacks_entries(const struct journal *journal)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < journal->batch_count; i++)
        newest = journal->batch[i].sequence > newest ? journal->batch[i].sequence : newest;
    return journal->is_following && !journal->is_broken && !journal->driver->exited &&
           journal->delivered_sequence < newest && journal->read_status == IO_OK;
}

/* What it met has been delivered. */
static bool is_told(const struct journal *journal, const struct journal_append *append)
{
    return !journal->is_following || append->sequence <= journal->delivered_sequence;
}

static void answer_batch(struct journal *journal)
{
    struct real_driver *driver = journal->driver;
    const struct job *job = &journal->job;
    bool is_written = journal->is_written || job->status == IO_OK;
    const char *reason = text_string(job->status != IO_OK ? &job->data : &journal->read_reason);
    if (!is_written)
        driver_log(driver, LOG_ERROR, "%s", reason);
    for (size_t i = 0; i < journal->batch_count; i++) {
        const struct journal_append *append = &journal->batch[i];
        struct waiting_append *item = journal->batch_items[i];
        if (is_written && is_told(journal, append))
            driver_done(driver, item->op, append->status, append->sequence, (struct io_bytes){0});
        else
            driver_done_text(driver, item->op, is_written ? IO_FAILED : job->status, reason);
        driver_pump(driver);
        free_waiting(item);
    }
    journal->batch_count = 0;
    journal->is_written = false;
}

static void finish(struct job *job)
{
    struct journal *journal = container_of(job, struct journal, job);
    take_entries(journal);
    if (journal->batch_count > 0 && job->status == IO_OK && lacks_entries(journal))
        journal->is_written = true; /* The next job reads on. */
    else
        answer_batch(journal);
    text_free(&job->data);
    text_free(&journal->read_reason);
    journal->is_working = false; /* Only now: an answer may bring the next append, which must not touch this batch. */
    if (journal->is_written || journal->waiting != NULL)
        start_job(journal);
}

/* ---- Starting ---- */

static void take_waiting(struct journal *journal)
{
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
}

static void start_job(struct journal *journal)
{
    if (journal->is_working)
        return;
    if (!journal->is_written)
        take_waiting(journal);
    journal->is_working = true;
    job_start(journal->driver, &journal->job, (struct io_op){0}, work, finish);
}

static void on_poll(uv_timer_t *timer)
{
    struct journal *journal = timer->data;
    if (!journal->is_broken && !journal->driver->exited)
        start_job(journal);
    bool is_behind = journal->follow_op.id != 0 && !journal->is_broken;
    uv_timer_start(timer, on_poll, is_behind ? 1 : POLL_MS, 0);
}

void journal_follow(struct real_driver *driver, struct io_op op, uint64_t after_sequence)
{
    struct journal *journal = get_journal(driver);
    assert_that(!journal->is_following);
    journal->is_following = true;
    journal->follow_op = op;
    journal->delivered_sequence = after_sequence;
    uv_timer_start(&journal->poll, on_poll, 0, 0);
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
    start_job(journal);
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
    assert_that(!journal->is_working);
    while (journal->waiting != NULL) {
        struct waiting_append *item = journal->waiting;
        journal->waiting = item->next;
        free_waiting(item);
    }
    if (journal->store != NULL)
        journal->store->class->close(journal->store);
    journal_entries_free(&journal->entries);
    text_free(&journal->snapshot);
    memory_free(journal);
    driver->journal = NULL;
}
