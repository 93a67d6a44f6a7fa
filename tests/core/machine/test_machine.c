/* The step: one event in, its effects out. */
#include "tests/core/machine/small_machine.h"

static struct late_work late;
static struct small *late_small;

static void tell_late(struct late_work *work)
{
    (void)work;
    text_add_string(&late_small->told, "late ");
}

static void ask_for_late_work(struct small *small)
{
    late_small = small;
    machine_run_late(&small->machine, &late, tell_late);
    machine_run_late(&small->machine, &late, tell_late);
    text_add_string(&small->told, "first ");
}

static void late_work_runs_once_at_the_end_of_the_step(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, ask_for_late_work);
    bench_expect(&bench, "first late ");
    bench_act(&bench, ask_for_late_work);
    bench_expect(&bench, "first late ");
    bench_close(&bench);
}

static void log_and_exit(struct small *small)
{
    machine_log(&small->machine, LOG_WARNING, "%s %d", "leaving", 3);
    machine_exit(&small->machine, 7, (struct io_bytes){(const uint8_t *)"bye", 3});
}

static void an_exit_is_the_last_effect(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, log_and_exit);
    assert_int_equal(effects_count(bench.effects), 2);
    assert_string_equal(effects_at(bench.effects, 0)->log.text, "leaving 3");
    struct effect *effect = effects_at(bench.effects, 1);
    assert_int_equal(effect->kind, EFFECT_EXIT);
    assert_int_equal(effect->exit.status, 7);
    assert_memory_equal(effect->exit.data.data, "bye", 3);
    assert_true(machine_has_exited(&bench.small->machine));
    bench_close(&bench);
}

static void log_at_length(struct small *small)
{
    char line[2000];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = 0;
    machine_log(&small->machine, LOG_INFO, "%s", line);
}

static void a_long_line_is_cut_not_lost(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_act(&bench, log_at_length);
    assert_in_range(strlen(effects_at(bench.effects, 0)->log.text), 100, 1999);
    bench_close(&bench);
}

static void evacuating_is_stopping_for_those_who_hold_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench.small->act = log_and_exit;
    struct event event = {.kind = EVENT_EVACUATE};
    bench_bring(&bench, &event);
    assert_true(machine_has_exited(&bench.small->machine));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_work_runs_once_at_the_end_of_the_step),
        cmocka_unit_test(an_exit_is_the_last_effect),
        cmocka_unit_test(a_long_line_is_cut_not_lost),
        cmocka_unit_test(evacuating_is_stopping_for_those_who_hold_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
