/* Operations: every one is answered exactly once, to its owner or to nobody. */
#include "tests/core/machine/small_machine.h"

static void tell_done(struct op *op, const struct op_result *result)
{
    struct small *small = container_of(op, struct small, op);
    text_addf(&small->told, "done(%s %llu %.*s) ", io_status_name(result->status), (unsigned long long)result->number,
              (int)result->data.size, (const char *)result->data.data);
}

static void tell_other_done(struct op *op, const struct op_result *result)
{
    (void)result;
    text_add_string(&container_of(op, struct small, other_op)->told, "other ");
}

static void ask(struct small *small)
{
    op_blob_stat(&small->machine, &small->op, "digest", tell_done);
}

static void answer(struct bench *bench, uint64_t id, enum io_status status)
{
    struct event event = {.kind = EVENT_DONE};
    event.done.op.id = id;
    event.done.status = status;
    event.done.number = 7;
    event.done.data = (struct io_bytes){(const uint8_t *)"data", 4};
    bench_bring(bench, &event);
}

static void an_answer_reaches_its_owner_who_may_ask_again(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, ask);
    struct effect *effect = bench_effect(&bench, EFFECT_BLOB_STAT);
    assert_string_equal(effect->blob_name.digest, "digest");
    assert_int_equal(machine_open_ops(&bench.small->machine), 1);
    assert_true(op_is_pending(&bench.small->op));
    uint64_t first = effect->op.id;
    answer(&bench, first, IO_OK);
    bench_expect(&bench, "done(ok 7 data) ");
    assert_false(op_is_pending(&bench.small->op));
    assert_int_equal(machine_open_ops(&bench.small->machine), 0);
    bench_act(&bench, ask);
    assert_int_not_equal(bench_effect(&bench, EFFECT_BLOB_STAT)->op.id, first); /* Ids are never used twice. */
    bench_close(&bench);
}

static void ask_both(struct small *small)
{
    op_blob_stat(&small->machine, &small->op, "one", tell_done);
    op_save(&small->machine, &small->other_op, slice_copy("state", 5), tell_other_done);
}

static void answers_may_come_in_any_order(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, ask_both);
    uint64_t one = bench_effect(&bench, EFFECT_BLOB_STAT)->op.id;
    uint64_t other = bench_effect(&bench, EFFECT_SAVE)->op.id;
    answer(&bench, other, IO_OK);
    answer(&bench, one, IO_NOT_FOUND);
    bench_expect(&bench, "other done(not found 7 data) ");
    bench_close(&bench);
}

static void forget(struct small *small)
{
    op_forget(&small->op);
    op_forget(&small->other_op);                /* Not pending: nothing. */
    memset(&small->op, 0xaa, sizeof small->op); /* The owner is gone; its memory is somebody else's. */
    memset(&small->op, 0, sizeof small->op);
}

static void the_answer_to_a_forgotten_one_is_swallowed(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, ask);
    uint64_t id = bench_effect(&bench, EFFECT_BLOB_STAT)->op.id;
    bench_act(&bench, forget);
    assert_int_equal(machine_open_ops(&bench.small->machine), 1); /* The driver still owes an answer. */
    bench_act(&bench, ask);                                       /* The place is free for another one. */
    answer(&bench, id, IO_OK);
    bench_expect(&bench, "");
    assert_int_equal(machine_open_ops(&bench.small->machine), 1);
    bench_close(&bench);
}

static void a_machine_may_end_with_operations_outstanding(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, ask_both);
    bench_act(&bench, forget);
    bench_close(&bench); /* The sanitizer would tell of a tombstone that is left. */
}

static void launch(struct small *small)
{
    char port[] = "4000";
    const char *argv[] = {"./startup", "-p", port, NULL};
    const char *envp[] = {"A=1", NULL};
    struct workload_spec spec = {.workload = "w",
                                 .digest = "d",
                                 .argv = argv,
                                 .envp = envp,
                                 .runtime = "",
                                 .port = 4000,
                                 .note = {(const uint8_t *)"note", 4}};
    op_workload_start(&small->machine, &small->op, &spec, tell_done);
    memset(port, 'x', sizeof port - 1); /* What was lent may change: the effect holds copies. */
}

static void an_effect_keeps_copies_of_what_it_was_lent(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, launch);
    struct effect *effect = bench_effect(&bench, EFFECT_WORKLOAD_START);
    assert_string_equal(effect->workload_start.argv[0], "./startup");
    assert_string_equal(effect->workload_start.argv[2], "4000");
    assert_null(effect->workload_start.argv[3]);
    assert_string_equal(effect->workload_start.envp[0], "A=1");
    assert_memory_equal(effect->workload_start.note.data, "note", 4);
    bench_close(&bench);
}

static void write_blob(struct small *small)
{
    struct io_blob blob = blob_open(&small->machine);
    blob_write(&small->machine, blob, slice_copy("bytes", 5));
    op_blob_commit(&small->machine, &small->op, blob, tell_done);
    blob_discard(&small->machine, blob_open(&small->machine));
}

static void a_blob_is_written_under_one_handle(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, write_blob);
    uint32_t id = bench_effect(&bench, EFFECT_BLOB_OPEN)->blob.blob.id;
    assert_int_not_equal(id, 0);
    assert_int_equal(bench_effect(&bench, EFFECT_BLOB_WRITE)->blob.blob.id, id);
    assert_int_equal(bench_effect(&bench, EFFECT_BLOB_COMMIT)->blob.blob.id, id);
    assert_int_not_equal(bench_effect(&bench, EFFECT_BLOB_DISCARD)->blob.blob.id, id);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_reaches_its_owner_who_may_ask_again),
        cmocka_unit_test(answers_may_come_in_any_order),
        cmocka_unit_test(the_answer_to_a_forgotten_one_is_swallowed),
        cmocka_unit_test(a_machine_may_end_with_operations_outstanding),
        cmocka_unit_test(an_effect_keeps_copies_of_what_it_was_lent),
        cmocka_unit_test(a_blob_is_written_under_one_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
