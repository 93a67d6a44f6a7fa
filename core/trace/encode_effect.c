/* An effect as a message. Canonical: a field is set exactly when its kind has it. */
#include "core/trace/encode.h"

#include "core/base/assert.h"

static void set_conn(Cupola__TraceEffect *message, struct io_conn conn)
{
    message->has_conn = 1;
    message->conn = conn.id;
}

static void set_blob(Cupola__TraceEffect *message, struct io_blob blob)
{
    message->has_blob = 1;
    message->blob = blob.id;
}

static void set_number(Cupola__TraceEffect *message, uint64_t number)
{
    message->has_number = 1;
    message->number = number;
}

static void set_code(Cupola__TraceEffect *message, int code)
{
    message->has_code = 1;
    message->code = code;
}

static void set_bytes(Cupola__TraceEffect *message, struct io_bytes bytes)
{
    message->has_data = 1;
    message->data = trace_lend_bytes(bytes);
}

static void set_slice(Cupola__TraceEffect *message, struct slice slice)
{
    set_bytes(message, (struct io_bytes){slice_data(slice), slice.size});
}

static void set_list(size_t *ret_count, char ***ret_list, const char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    *ret_count = count;
    *ret_list = (char **)(uintptr_t)list;
}

static void fill_workload_start(Cupola__TraceEffect *message, struct trace_effect_parts *parts,
                                const struct effect *effect)
{
    message->text = trace_lend_text(effect->workload_start.workload);
    message->text2 = trace_lend_text(effect->workload_start.digest);
    message->text3 = trace_lend_text(effect->workload_start.runtime);
    set_list(&message->n_list, &message->list, effect->workload_start.argv);
    set_list(&message->n_list2, &message->list2, effect->workload_start.envp);
    parts->limits[0] = effect->workload_start.limits.memory_bytes;
    parts->limits[1] = effect->workload_start.limits.disk_bytes;
    parts->limits[2] = effect->workload_start.limits.descriptors;
    parts->limits[3] = effect->workload_start.limits.processes;
    message->n_limits = 4;
    message->limits = parts->limits;
    set_number(message, effect->workload_start.port);
    set_bytes(message, effect->workload_start.note);
}

/* The kinds of streams, timers and process life. */
static bool fill_stream_effect(Cupola__TraceEffect *message, const struct effect *effect)
{
    if (effect->kind == EFFECT_LISTEN) {
        message->has_listener = 1;
        message->listener = effect->listen.listener.id;
        message->text = trace_lend_text(effect->listen.host);
        message->text2 = trace_lend_text(effect->listen.tls);
        set_number(message, effect->listen.port);
    } else if (effect->kind == EFFECT_UNLISTEN) {
        message->has_listener = 1;
        message->listener = effect->unlisten.listener.id;
    } else if (effect->kind == EFFECT_CONNECT) {
        set_conn(message, effect->connect.conn);
        message->text = trace_lend_text(effect->connect.host);
        message->text2 = trace_lend_text(effect->connect.tls);
        message->text3 = trace_lend_text(effect->connect.server_name);
        set_number(message, effect->connect.port);
    } else if (effect->kind == EFFECT_READ) {
        set_conn(message, effect->read.conn);
    } else if (effect->kind == EFFECT_WRITE) {
        set_conn(message, effect->write.conn);
        set_slice(message, effect->write.slice);
        message->has_flag = 1;
        message->flag = effect->write.is_awaited;
    } else if (effect->kind == EFFECT_FINISH) {
        set_conn(message, effect->finish.conn);
    } else if (effect->kind == EFFECT_START_TLS) {
        set_conn(message, effect->start_tls.conn);
        message->text = trace_lend_text(effect->start_tls.tls);
        message->text2 = trace_lend_text(effect->start_tls.server_name);
    } else if (effect->kind == EFFECT_CLOSE) {
        set_conn(message, effect->close.conn);
        message->has_flag = 1;
        message->flag = effect->close.abort;
    } else {
        return false;
    }
    return true;
}

/* The kinds of journal, blobs and saved state. */
static bool fill_storage_effect(Cupola__TraceEffect *message, const struct effect *effect)
{
    if (effect->kind == EFFECT_SAVE) {
        set_slice(message, effect->save.slice);
    } else if (effect->kind == EFFECT_JOURNAL_FOLLOW) {
        set_number(message, effect->journal_follow.sequence);
    } else if (effect->kind == EFFECT_JOURNAL_APPEND) {
        set_number(message, effect->journal_append.sequence);
        set_slice(message, effect->journal_append.slice);
    } else if (effect->kind == EFFECT_JOURNAL_SNAPSHOT) {
        set_number(message, effect->journal_snapshot.sequence);
        set_slice(message, effect->journal_snapshot.slice);
    } else if (effect->kind == EFFECT_BLOB_OPEN || effect->kind == EFFECT_BLOB_COMMIT ||
               effect->kind == EFFECT_BLOB_DISCARD) {
        set_blob(message, effect->blob.blob);
    } else if (effect->kind == EFFECT_BLOB_WRITE) {
        set_blob(message, effect->blob.blob);
        set_slice(message, effect->blob.slice);
    } else if (effect->kind == EFFECT_BLOB_SEND || effect->kind == EFFECT_BLOB_RECEIVE) {
        set_conn(message, effect->blob_transfer.conn);
        message->text = trace_lend_text(effect->blob_transfer.digest);
        set_number(message, effect->blob_transfer.size);
    } else if (effect->kind == EFFECT_BLOB_STAT || effect->kind == EFFECT_BLOB_DELETE) {
        message->text = trace_lend_text(effect->blob_name.digest);
    } else {
        return effect->kind == EFFECT_BLOB_LIST;
    }
    return true;
}

/* The kinds of workloads, save their start. */
static bool fill_workload_effect(Cupola__TraceEffect *message, const struct effect *effect)
{
    if (effect->kind == EFFECT_WORKLOAD_SIGNAL) {
        message->text = trace_lend_text(effect->workload_signal.workload);
        set_code(message, effect->workload_signal.signal);
    } else if (effect->kind == EFFECT_WORKLOAD_REMOVE) {
        message->text = trace_lend_text(effect->workload_name.workload);
    } else if (effect->kind == EFFECT_WORKLOAD_READ_FILE) {
        message->text = trace_lend_text(effect->workload_read_file.workload);
        message->text2 = trace_lend_text(effect->workload_read_file.path);
        set_number(message, effect->workload_read_file.offset);
        message->has_number2 = 1;
        message->number2 = effect->workload_read_file.size;
    } else if (effect->kind == EFFECT_WORKLOAD_EXEC) {
        message->text = trace_lend_text(effect->workload_exec.workload);
        set_list(&message->n_list, &message->list, effect->workload_exec.argv);
        set_number(message, effect->workload_exec.rows);
        message->has_number2 = 1;
        message->number2 = effect->workload_exec.columns;
    } else {
        return effect->kind == EFFECT_WORKLOAD_LIST || effect->kind == EFFECT_WORKLOAD_MEASURE;
    }
    return true;
}

/* The kinds that prepare an app: staging, and the password of who owns it (which itself stays out of traces). */
static bool fill_slow_effect(Cupola__TraceEffect *message, const struct effect *effect)
{
    if (effect->kind == EFFECT_STAGE) {
        message->text = trace_lend_text(effect->stage.digest);
        message->text2 = trace_lend_text(effect->stage.framework);
        message->text3 = trace_lend_text(effect->stage.runtime);
        message->text4 = trace_lend_text(effect->stage.command);
        set_number(message, effect->stage.memory_mb);
    } else if (effect->kind == EFFECT_POOL_FIND || effect->kind == EFFECT_ASSEMBLE) {
        message->text = trace_lend_text(effect->pool.digest);
        message->text2 = trace_lend_text(effect->pool.files);
    } else if (effect->kind == EFFECT_HASH_PASSWORD) {
        message->text2 = trace_lend_text(effect->hash_password.salt);
        set_number(message, effect->hash_password.entropy[0]);
        message->has_number2 = 1;
        message->number2 = effect->hash_password.entropy[1];
    } else {
        return false;
    }
    return true;
}

void trace_fill_effect(Cupola__TraceEffect *ret_message, struct trace_effect_parts *parts, const struct effect *effect)
{
    cupola__trace_effect__init(ret_message);
    Cupola__TraceEffect *message = ret_message;
    message->has_kind = 1;
    message->kind = (uint32_t)effect->kind;
    if (effect->op.id != 0) {
        message->has_op = 1;
        message->op = effect->op.id;
    }
    if (fill_stream_effect(message, effect) || fill_storage_effect(message, effect) ||
        fill_workload_effect(message, effect) || fill_slow_effect(message, effect))
        return;
    if (effect->kind == EFFECT_DEADLINE) {
        set_number(message, effect->deadline.at_ns);
    } else if (effect->kind == EFFECT_WORKLOAD_START) {
        fill_workload_start(message, parts, effect);
    } else if (effect->kind == EFFECT_LOG) {
        message->text = trace_lend_text(effect->log.text);
        set_code(message, (int)effect->log.level);
    } else {
        assert_that(effect->kind == EFFECT_EXIT);
        set_code(message, effect->exit.status);
        set_bytes(message, effect->exit.data);
    }
}
