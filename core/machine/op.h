/* One effect that will be answered by one DONE. Embed it, zeroed, where the answer is needed; it must stay in place
 * until `done` was called, or be let go with op_forget. */
#ifndef CUPOLA_CORE_MACHINE_OP_H
#define CUPOLA_CORE_MACHINE_OP_H

#include "core/machine/machine.h"

#include "core/base/map.h"

struct op_result {
    enum io_status status;
    uint64_t number;
    struct io_bytes data; /* Lent. */
};

struct op {
    void (*done)(struct op *op, const struct op_result *result);
    void (*output)(struct op *op, struct io_bytes bytes); /* Lent. NULL: nobody listens. */

    /* Private. */
    struct machine *machine;
    uint64_t id; /* 0 while not outstanding. */
    bool forgotten;
    UT_hash_handle hh;
};

bool op_is_pending(const struct op *op);
/* The owner goes away before the answer: it will be swallowed. Nothing if the op is not pending. */
void op_forget(struct op *op);
/* What the pending operation says before its end is brought to `output` (only EFFECT_STAGE says anything). */
void op_hear(struct op *op, void (*output)(struct op *op, struct io_bytes bytes));

/* ---- The operations. Each emits one effect of core/io.h, where its answer is described. `op` is kept. ---- */

typedef void op_done(struct op *op, const struct op_result *result);

void op_save(struct machine *machine, struct op *op, struct slice given, op_done *done);
void op_journal_follow(struct machine *machine, struct op *op, uint64_t after_sequence, op_done *done);
void op_journal_append(struct machine *machine, struct op *op, uint64_t head_sequence, struct slice given,
                       op_done *done);
void op_journal_snapshot(struct machine *machine, struct op *op, uint64_t sequence, struct slice given, op_done *done);
void op_stage(struct machine *machine, struct op *op, const char *digest, const char *framework, const char *runtime,
              const char *command, uint32_t memory_mb, op_done *done);
void op_pool_find(struct machine *machine, struct op *op, const char *files, op_done *done);
void op_assemble(struct machine *machine, struct op *op, const char *digest, const char *files, op_done *done);
void op_hash_password(struct machine *machine, struct op *op, const char *password, const char *salt,
                      const uint64_t entropy[2], op_done *done);

/* Begins a blob and returns its handle; write to it, then commit or discard it. */
struct io_blob blob_open(struct machine *machine);
void blob_write(struct machine *machine, struct io_blob blob, struct slice given);
void blob_discard(struct machine *machine, struct io_blob blob);
void op_blob_commit(struct machine *machine, struct op *op, struct io_blob blob, op_done *done);
void op_blob_stat(struct machine *machine, struct op *op, const char *digest, op_done *done);
void op_blob_delete(struct machine *machine, struct op *op, const char *digest, op_done *done);
void op_blob_list(struct machine *machine, struct op *op, op_done *done);

/* What to start: the fields of EFFECT_WORKLOAD_START, all lent. */
struct workload_spec {
    const char *workload;
    const char *digest;
    const char *const *argv;
    const char *const *envp;
    const char *runtime;
    struct workload_limits limits;
    uint16_t port;
    struct io_bytes note;
};
void op_workload_list(struct machine *machine, struct op *op, op_done *done);
void op_workload_start(struct machine *machine, struct op *op, const struct workload_spec *spec, op_done *done);
void workload_signal(struct machine *machine, const char *workload, int signal);
void op_workload_remove(struct machine *machine, struct op *op, const char *workload, op_done *done);
void op_workload_measure(struct machine *machine, struct op *op, op_done *done);
void op_workload_read_file(struct machine *machine, struct op *op, const char *workload, const char *path,
                           uint64_t offset, uint32_t size, op_done *done);
void op_workload_exec(struct machine *machine, struct op *op, const char *workload, const char *const *argv,
                      uint16_t rows, uint16_t columns, op_done *done);

/* For core/machine and core/machine/conn.c. */
struct effect *op_add_effect(struct machine *machine, struct op *op, enum effect_kind kind, op_done *done);
void ops_complete(struct machine *machine, struct io_op id, const struct op_result *result);
void ops_output(struct machine *machine, struct io_op id, struct io_bytes bytes);
void ops_forget_all(struct machine *machine);

#endif
