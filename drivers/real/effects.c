/* Carries out effects: who does what. No default: a new effect breaks the build here. */
#include "core/base/assert.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/blobs/pool.h"
#include "drivers/real/blobs/transfer.h"
#include "drivers/real/driver.h"
#include "drivers/real/journal/journal.h"
#include "drivers/real/password.h"
#include "drivers/real/save.h"
#include "drivers/real/staging/stage.h"
#include "drivers/real/streams/stream.h"
#include "drivers/real/workloads/workload.h"

/* Effects on a connection that has ended already, which the component cannot know yet, come to nothing. */
static void carry_out_stream(struct real_driver *driver, struct effect *effect)
{
    if (effect->kind == EFFECT_CONNECT) {
        stream_connect(driver, effect);
    } else if (effect->kind == EFFECT_START_TLS) {
        stream_tls_start(driver, effect);
    } else if (effect->kind == EFFECT_READ) {
        struct stream *stream = stream_find(driver, effect->read.conn);
        if (stream != NULL)
            stream_read(stream);
    } else if (effect->kind == EFFECT_WRITE) {
        struct stream *stream = stream_find(driver, effect->write.conn);
        if (stream != NULL)
            stream_write(stream, effect_take_slice(effect), effect->write.is_awaited);
    } else if (effect->kind == EFFECT_FINISH) {
        struct stream *stream = stream_find(driver, effect->finish.conn);
        if (stream != NULL)
            stream_finish(stream);
    } else {
        assert_that(effect->kind == EFFECT_CLOSE);
        struct stream *stream = stream_find(driver, effect->close.conn);
        if (stream != NULL)
            stream_close(stream, effect->close.abort);
    }
}

static void carry_out_transfer(struct real_driver *driver, const struct effect *effect)
{
    struct stream *stream = stream_find(driver, effect->blob_transfer.conn);
    if (stream == NULL)
        driver_done(driver, effect->op, IO_CANCELLED, 0, (struct io_bytes){0});
    else if (effect->kind == EFFECT_BLOB_SEND)
        blob_send_begin(driver, effect->op, stream, effect->blob_transfer.digest);
    else
        blob_receive_begin(driver, effect->op, stream, effect->blob_transfer.size);
}

static void carry_out_journal(struct real_driver *driver, struct effect *effect)
{
    if (effect->kind == EFFECT_JOURNAL_FOLLOW)
        journal_follow(driver, effect->op, effect->journal_follow.sequence);
    else if (effect->kind == EFFECT_JOURNAL_APPEND)
        journal_append(driver, effect->op, effect->journal_append.sequence, effect_take_slice(effect));
    else
        journal_snapshot(driver, effect->op, effect->journal_snapshot.sequence, effect_take_slice(effect));
}

static void delete_blob(struct real_driver *driver, const struct effect *effect)
{
    spare_roots_forget(driver, effect->blob_name.digest);
    blob_delete(driver, effect->op, effect->blob_name.digest);
}

static void carry_out_blob(struct real_driver *driver, struct effect *effect)
{
    if (effect->kind == EFFECT_BLOB_OPEN)
        blob_writer_open(driver, effect->blob.blob);
    else if (effect->kind == EFFECT_BLOB_WRITE)
        blob_writer_write(driver, effect->blob.blob, effect_take_slice(effect));
    else if (effect->kind == EFFECT_BLOB_COMMIT)
        blob_writer_commit(driver, effect->blob.blob, effect->op);
    else if (effect->kind == EFFECT_BLOB_DISCARD)
        blob_writer_discard(driver, effect->blob.blob);
    else if (effect->kind == EFFECT_BLOB_STAT)
        blob_stat(driver, effect->op, effect->blob_name.digest);
    else if (effect->kind == EFFECT_BLOB_DELETE)
        delete_blob(driver, effect);
    else
        blob_list(driver, effect->op);
}

static void carry_out_log(const struct real_driver *driver, const struct effect *effect)
{
    if (effect->log.level >= driver->log_level)
        driver->log(effect->log.level, driver->context.component, effect->log.text);
}

void driver_carry_out(struct real_driver *driver, struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_LISTEN:
        listening_open(driver, effect);
        break;
    case EFFECT_UNLISTEN:
        listening_close(driver, effect->unlisten.listener);
        break;
    case EFFECT_CONNECT:
    case EFFECT_START_TLS:
    case EFFECT_READ:
    case EFFECT_WRITE:
    case EFFECT_FINISH:
    case EFFECT_CLOSE:
        carry_out_stream(driver, effect);
        break;
    case EFFECT_DEADLINE:
        driver_set_deadline(driver, effect->deadline.at_ns);
        break;
    case EFFECT_SAVE:
        save_begin(driver, effect->op, effect_take_slice(effect));
        break;
    case EFFECT_JOURNAL_FOLLOW:
    case EFFECT_JOURNAL_APPEND:
    case EFFECT_JOURNAL_SNAPSHOT:
        carry_out_journal(driver, effect);
        break;
    case EFFECT_BLOB_OPEN:
    case EFFECT_BLOB_WRITE:
    case EFFECT_BLOB_COMMIT:
    case EFFECT_BLOB_DISCARD:
    case EFFECT_BLOB_STAT:
    case EFFECT_BLOB_DELETE:
    case EFFECT_BLOB_LIST:
        carry_out_blob(driver, effect);
        break;
    case EFFECT_BLOB_SEND:
    case EFFECT_BLOB_RECEIVE:
        carry_out_transfer(driver, effect);
        break;
    case EFFECT_STAGE:
        stage_begin(driver, effect);
        break;
    case EFFECT_POOL_FIND:
        pool_find_begin(driver, effect);
        break;
    case EFFECT_ASSEMBLE:
        assemble_begin(driver, effect);
        break;
    case EFFECT_HASH_PASSWORD:
        password_begin(driver, effect);
        break;
    case EFFECT_WORKLOAD_LIST:
    case EFFECT_WORKLOAD_START:
    case EFFECT_WORKLOAD_SIGNAL:
    case EFFECT_WORKLOAD_REMOVE:
    case EFFECT_WORKLOAD_MEASURE:
    case EFFECT_WORKLOAD_READ_FILE:
    case EFFECT_WORKLOAD_EXEC:
        workload_carry_out(driver, effect);
        break;
    case EFFECT_LOG:
        carry_out_log(driver, effect);
        break;
    case EFFECT_EXIT:
        driver_exit(driver, effect->exit.status, effect->exit.data);
        break;
    }
}
