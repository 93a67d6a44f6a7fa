#include "core/machine/op.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

bool op_is_pending(const struct op *op)
{
    return op->id != 0;
}

/* The owner's struct may be freed at any time from now on, so a tombstone of our own takes its place. */
void op_forget(struct op *op)
{
    if (op->id == 0)
        return;
    struct op *tombstone = memory_new(sizeof *tombstone);
    tombstone->id = op->id;
    tombstone->machine = op->machine;
    tombstone->forgotten = true;
    struct machine *machine = op->machine;
    HASH_DELETE(hh, machine->ops, op);
    op->id = 0;
    HASH_ADD(hh, machine->ops, id, sizeof tombstone->id, tombstone);
}

void ops_complete(struct machine *machine, struct io_op id, const struct op_result *result)
{
    struct op *op = NULL;
    HASH_FIND(hh, machine->ops, &id.id, sizeof id.id, op);
    assert_that(op != NULL); /* Exactly one DONE an operation. */
    HASH_DELETE(hh, machine->ops, op);
    op->id = 0;
    if (op->forgotten)
        memory_free(op);
    else
        op->done(op, result);
}

void ops_output(struct machine *machine, struct io_op id, struct io_bytes bytes)
{
    struct op *op = NULL;
    HASH_FIND(hh, machine->ops, &id.id, sizeof id.id, op);
    assert_that(op != NULL); /* Its DONE comes last. */
    assert_that(bytes.size > 0);
    if (!op->forgotten && op->output != NULL)
        op->output(op, bytes);
}

void op_hear(struct op *op, void (*output)(struct op *op, struct io_bytes bytes))
{
    assert_that(op->id != 0);
    op->output = output;
}

void ops_forget_all(struct machine *machine)
{
    struct op *op, *next;
    HASH_ITER (hh, machine->ops, op, next) {
        HASH_DELETE(hh, machine->ops, op);
        op->id = 0;
        if (op->forgotten)
            memory_free(op);
    }
}

struct effect *op_add_effect(struct machine *machine, struct op *op, enum effect_kind kind, op_done *done)
{
    assert_that(op->id == 0);
    assert_that(done != NULL);
    op->machine = machine;
    op->id = ++machine->last_op;
    op->done = done;
    op->output = NULL;
    op->forgotten = false;
    HASH_ADD(hh, machine->ops, id, sizeof op->id, op);
    struct effect *effect = effects_add(machine->effects, kind);
    effect->op.id = op->id;
    return effect;
}

void op_save(struct machine *machine, struct op *op, struct slice given, op_done *done)
{
    op_add_effect(machine, op, EFFECT_SAVE, done)->save.slice = given;
}

void op_journal_follow(struct machine *machine, struct op *op, uint64_t after_sequence, op_done *done)
{
    op_add_effect(machine, op, EFFECT_JOURNAL_FOLLOW, done)->journal_follow.sequence = after_sequence;
}

void op_journal_append(struct machine *machine, struct op *op, uint64_t head_sequence, struct slice given,
                       op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_JOURNAL_APPEND, done);
    effect->journal_append.sequence = head_sequence;
    effect->journal_append.slice = given;
}

void op_journal_snapshot(struct machine *machine, struct op *op, uint64_t sequence, struct slice given, op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_JOURNAL_SNAPSHOT, done);
    effect->journal_snapshot.sequence = sequence;
    effect->journal_snapshot.slice = given;
}

void op_stage(struct machine *machine, struct op *op, const char *digest, const char *framework, const char *runtime,
              const char *command, uint32_t memory_mb, op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_STAGE, done);
    effect->stage.digest = effects_keep_text(machine->effects, digest);
    effect->stage.framework = effects_keep_text(machine->effects, framework);
    effect->stage.runtime = effects_keep_text(machine->effects, runtime);
    effect->stage.command = effects_keep_text(machine->effects, command);
    effect->stage.memory_mb = memory_mb;
}

static void add_pool_effect(struct machine *machine, struct op *op, enum effect_kind kind, const char *digest,
                            const char *files, op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, kind, done);
    effect->pool.digest = effects_keep_text(machine->effects, digest);
    effect->pool.files = effects_keep_text(machine->effects, files);
}

void op_pool_find(struct machine *machine, struct op *op, const char *files, op_done *done)
{
    add_pool_effect(machine, op, EFFECT_POOL_FIND, "", files, done);
}

void op_assemble(struct machine *machine, struct op *op, const char *digest, const char *files, op_done *done)
{
    add_pool_effect(machine, op, EFFECT_ASSEMBLE, digest, files, done);
}

void op_hash_password(struct machine *machine, struct op *op, const char *password, const char *salt,
                      const uint64_t entropy[2], op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_HASH_PASSWORD, done);
    effect->hash_password.password = effects_keep_text(machine->effects, password);
    effect->hash_password.salt = effects_keep_text(machine->effects, salt);
    effect->hash_password.entropy[0] = entropy[0];
    effect->hash_password.entropy[1] = entropy[1];
}

struct io_blob blob_open(struct machine *machine)
{
    struct io_blob blob = {.id = ++machine->last_blob};
    effects_add(machine->effects, EFFECT_BLOB_OPEN)->blob.blob = blob;
    return blob;
}

void blob_write(struct machine *machine, struct io_blob blob, struct slice given)
{
    struct effect *effect = effects_add(machine->effects, EFFECT_BLOB_WRITE);
    effect->blob.blob = blob;
    effect->blob.slice = given;
}

void blob_discard(struct machine *machine, struct io_blob blob)
{
    effects_add(machine->effects, EFFECT_BLOB_DISCARD)->blob.blob = blob;
}

void op_blob_commit(struct machine *machine, struct op *op, struct io_blob blob, op_done *done)
{
    op_add_effect(machine, op, EFFECT_BLOB_COMMIT, done)->blob.blob = blob;
}

static void add_blob_name_effect(struct machine *machine, struct op *op, enum effect_kind kind, const char *digest,
                                 op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, kind, done);
    effect->blob_name.digest = effects_keep_text(machine->effects, digest);
}

void op_blob_stat(struct machine *machine, struct op *op, const char *digest, op_done *done)
{
    add_blob_name_effect(machine, op, EFFECT_BLOB_STAT, digest, done);
}

void op_blob_delete(struct machine *machine, struct op *op, const char *digest, op_done *done)
{
    add_blob_name_effect(machine, op, EFFECT_BLOB_DELETE, digest, done);
}

void op_blob_list(struct machine *machine, struct op *op, op_done *done)
{
    op_add_effect(machine, op, EFFECT_BLOB_LIST, done);
}

void op_workload_list(struct machine *machine, struct op *op, op_done *done)
{
    op_add_effect(machine, op, EFFECT_WORKLOAD_LIST, done);
}

void op_workload_start(struct machine *machine, struct op *op, const struct workload_spec *spec, op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_WORKLOAD_START, done);
    struct effects *effects = machine->effects;
    effect->workload_start.workload = effects_keep_text(effects, spec->workload);
    effect->workload_start.digest = effects_keep_text(effects, spec->digest);
    effect->workload_start.argv = effects_keep_list(effects, spec->argv);
    effect->workload_start.envp = effects_keep_list(effects, spec->envp);
    effect->workload_start.runtime = effects_keep_text(effects, spec->runtime);
    effect->workload_start.limits = spec->limits;
    effect->workload_start.port = spec->port;
    effect->workload_start.note = effects_keep_bytes(effects, spec->note);
}

void workload_signal(struct machine *machine, const char *workload, int signal)
{
    struct effect *effect = effects_add(machine->effects, EFFECT_WORKLOAD_SIGNAL);
    effect->workload_signal.workload = effects_keep_text(machine->effects, workload);
    effect->workload_signal.signal = signal;
}

void op_workload_remove(struct machine *machine, struct op *op, const char *workload, op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_WORKLOAD_REMOVE, done);
    effect->workload_name.workload = effects_keep_text(machine->effects, workload);
}

void op_workload_measure(struct machine *machine, struct op *op, op_done *done)
{
    op_add_effect(machine, op, EFFECT_WORKLOAD_MEASURE, done);
}

void op_workload_read_file(struct machine *machine, struct op *op, const char *workload, const char *path,
                           uint64_t offset, uint32_t size, op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_WORKLOAD_READ_FILE, done);
    effect->workload_read_file.workload = effects_keep_text(machine->effects, workload);
    effect->workload_read_file.path = effects_keep_text(machine->effects, path);
    effect->workload_read_file.offset = offset;
    effect->workload_read_file.size = size;
}

void op_workload_exec(struct machine *machine, struct op *op, const char *workload, const char *const *argv,
                      uint16_t rows, uint16_t columns, op_done *done)
{
    struct effect *effect = op_add_effect(machine, op, EFFECT_WORKLOAD_EXEC, done);
    effect->workload_exec.workload = effects_keep_text(machine->effects, workload);
    effect->workload_exec.argv = effects_keep_list(machine->effects, argv);
    effect->workload_exec.rows = rows;
    effect->workload_exec.columns = columns;
}
