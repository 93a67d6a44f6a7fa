/* A trace is written while a small machine runs, and replayed against the same machine and against one that differs. */
#include "core/base/duration.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"
#include "core/proto/config.pb-c.h"
#include "core/trace/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Ticks once a second, drawing a number each time; saves it. */
struct ticker {
    struct machine machine;
    struct timer timer;
    struct op op;
    struct random_stream numbers;
    uint64_t step;
};

static void on_saved(struct op *op, const struct op_result *result)
{
    (void)op;
    assert_int_equal(result->status, IO_OK);
}

static void on_tick(struct timer *timer)
{
    struct ticker *ticker = container_of(timer, struct ticker, timer);
    uint64_t number = random_below(&ticker->numbers, 1000) + ticker->step;
    op_save(&ticker->machine, &ticker->op, slice_copy(&number, sizeof number), on_saved);
    timer_set(&ticker->machine, timer, NS_PER_S, on_tick);
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)configuration;
    (void)saved;
    struct ticker *ticker = (struct ticker *)machine;
    ticker->numbers = random_named(machine->seed, "ticker.number");
    timer_set(machine, &ticker->timer, NS_PER_S, on_tick);
}

static void start_differently(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    start(machine, configuration, saved);
    ((struct ticker *)machine)->step = 1;
}

static void stop(struct machine *machine)
{
    machine_exit(machine, 0, (struct io_bytes){0});
}

static void destroy(struct machine *machine)
{
    (void)machine;
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    text_addf(ret_json, "{\"drawn\":%llu}", (unsigned long long)((struct ticker *)machine)->numbers.drawn);
}

static const struct machine_class ticker_class = {
    .name = "ticker",
    .configuration = &cupola__driver_config__descriptor,
    .size = sizeof(struct ticker),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};

static void step(struct text *trace, struct machine *machine, uint64_t number, struct event event)
{
    struct effects *effects = effects_new();
    machine_step(machine, &event, effects);
    trace_write_step(trace, number, &event, effects);
    effects_free(effects);
}

/* A header and three steps: start, one tick, its save. */
static struct text recorded_run(void)
{
    struct text trace = {0};
    Cupola__TraceHeader header = CUPOLA__TRACE_HEADER__INIT;
    header.has_schema = 1;
    header.schema = TRACE_SCHEMA;
    header.role = (char *)"ticker";
    trace_write_header(&trace, &header);
    struct machine *machine = machine_create(&ticker_class);
    step(&trace, machine, 1, (struct event){.kind = EVENT_START, .now_ns = 5, .start = {.seed = {7, 8}}});
    step(&trace, machine, 2, (struct event){.kind = EVENT_DEADLINE, .now_ns = NS_PER_S + 5});
    step(&trace, machine, 3, (struct event){.kind = EVENT_DONE, .now_ns = NS_PER_S + 9, .done = {.op = {1}}});
    machine_destroy(machine);
    return trace;
}

static struct trace_reader behind_header(const struct text *trace, size_t size)
{
    struct trace_reader reader = {.bytes = (const uint8_t *)text_string(trace), .size = size};
    Cupola__TraceHeader *header = NULL;
    assert_int_equal(trace_read_header(&reader, &header), TRACE_OK);
    assert_string_equal(header->role, "ticker");
    cupola__trace_header__free_unpacked(header, NULL);
    return reader;
}

static void free_replay(struct replay *replay)
{
    text_free(&replay->report);
    text_free(&replay->state);
}

static void the_same_machine_replays_without_a_difference(void **state)
{
    (void)state;
    struct text trace = recorded_run();
    struct trace_reader reader = behind_header(&trace, trace.size);
    struct replay replay = {0};
    assert_int_equal(replay_trace(&replay, &ticker_class, &reader), REPLAY_SAME);
    assert_int_equal(replay.steps, 3);
    assert_string_equal(text_string(&replay.state), "{\"drawn\":1}");
    free_replay(&replay);
    text_free(&trace);
}

static void the_first_difference_is_named(void **state)
{
    (void)state;
    struct machine_class other = ticker_class;
    other.start = start_differently;
    struct text trace = recorded_run();
    struct trace_reader reader = behind_header(&trace, trace.size);
    struct replay replay = {0};
    assert_int_equal(replay_trace(&replay, &other, &reader), REPLAY_DIFFERENT);
    assert_int_equal(replay.steps, 2);
    assert_non_null(strstr(text_string(&replay.report), "effect 1 differs"));
    assert_non_null(strstr(text_string(&replay.report), "recorded: save op=1"));
    free_replay(&replay);
    text_free(&trace);
}

static void replay_stops_where_it_is_told(void **state)
{
    (void)state;
    struct text trace = recorded_run();
    struct trace_reader reader = behind_header(&trace, trace.size);
    struct replay replay = {.until_ns = NS_PER_S};
    assert_int_equal(replay_trace(&replay, &ticker_class, &reader), REPLAY_SAME);
    assert_int_equal(replay.steps, 1);
    free_replay(&replay);
    text_free(&trace);
}

static void a_damaged_byte_is_named_and_never_played(void **state)
{
    (void)state;
    struct text trace = recorded_run();
    struct trace_reader whole = behind_header(&trace, trace.size);
    uint8_t *bytes = trace.buffer->bytes;
    for (size_t at = whole.at; at < trace.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1 << bit);
            struct trace_reader reader = behind_header(&trace, trace.size);
            struct replay replay = {0};
            enum replay_result result = replay_trace(&replay, &ticker_class, &reader);
            assert_true(replay.steps < 3);
            /* A size that leads beyond the end cannot be told from a trace that was cut. */
            assert_true(result == REPLAY_CORRUPT || strstr(text_string(&replay.report), "ends within a step") != NULL);
            free_replay(&replay);
            bytes[at] ^= (uint8_t)(1 << bit);
        }
    }
    text_free(&trace);
}

static void a_trace_cut_anywhere_never_crashes_and_never_lies(void **state)
{
    (void)state;
    struct text trace = recorded_run();
    struct trace_reader whole = behind_header(&trace, trace.size);
    for (size_t size = whole.at; size < trace.size; size++) {
        struct trace_reader reader = behind_header(&trace, size);
        struct replay replay = {0};
        assert_int_equal(replay_trace(&replay, &ticker_class, &reader), REPLAY_SAME);
        assert_true(replay.steps < 3);
        free_replay(&replay);
    }
    text_free(&trace);
}

static void a_record_with_an_unknown_event_is_damage(void **state)
{
    (void)state;
    struct text trace = recorded_run();
    struct trace_reader reader = behind_header(&trace, trace.size);
    /* Record 1: size, tag and number, tag and size of the event, tag of kind, kind. */
    uint8_t *kind = (uint8_t *)(uintptr_t)reader.bytes + reader.at;
    while (!(kind[0] == 8 && kind[1] == EVENT_START && kind[-2] == 18))
        kind++;
    kind[1] = 99;
    struct replay replay = {0};
    assert_int_equal(replay_trace(&replay, &ticker_class, &reader), REPLAY_CORRUPT);
    free_replay(&replay);
    text_free(&trace);
}

static void the_hash_of_a_step_depends_on_every_effect(void **state)
{
    (void)state;
    struct event event = {.kind = EVENT_STOP, .now_ns = 1};
    struct effects *effects = effects_new();
    uint64_t without = trace_hash_step(0, &event, effects);
    effects_add(effects, EFFECT_READ)->read.conn.id = 2;
    uint64_t with = trace_hash_step(0, &event, effects);
    effects_at(effects, 0)->read.conn.id = 4;
    uint64_t with_other = trace_hash_step(0, &event, effects);
    assert_true(without != with);
    assert_true(with != with_other);
    assert_true(trace_hash_step(1, &event, effects) != with_other);
    effects_free(effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_machine_replays_without_a_difference),
        cmocka_unit_test(the_first_difference_is_named),
        cmocka_unit_test(replay_stops_where_it_is_told),
        cmocka_unit_test(a_damaged_byte_is_named_and_never_played),
        cmocka_unit_test(a_trace_cut_anywhere_never_crashes_and_never_lies),
        cmocka_unit_test(a_record_with_an_unknown_event_is_damage),
        cmocka_unit_test(the_hash_of_a_step_depends_on_every_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
