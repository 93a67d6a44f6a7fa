/* The smallest machine there is: it does what the test's `act` does, in every step. */
#ifndef CUPOLA_TESTS_CORE_MACHINE_SMALL_MACHINE_H
#define CUPOLA_TESTS_CORE_MACHINE_SMALL_MACHINE_H

#include "core/base/duration.h"
#include "core/machine/conn.h"
#include "core/machine/machine.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"
#include "core/proto/config.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SMALL_TIMERS = 300 };

struct small_timer {
    struct timer timer;
    struct small *small;
    int name;
};

struct small {
    struct machine machine;
    void (*act)(struct small *small); /* On EVENT_STOP, so that a test can do things within a step. */
    struct text told;                 /* What happened, in words. */
    struct small_timer timers[SMALL_TIMERS];
    struct op op, other_op;
    struct conn conn, other_conn;
    struct listener listener;
};

static void small_start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)configuration;
    struct small *small = container_of(machine, struct small, machine);
    text_addf(&small->told, "start(%.*s) ", (int)saved.size, (const char *)saved.data);
}

static void small_stop(struct machine *machine)
{
    struct small *small = container_of(machine, struct small, machine);
    small->act(small);
}

static void small_destroy(struct machine *machine)
{
    text_free(&container_of(machine, struct small, machine)->told);
}

static const struct machine_class small_class = {
    .name = "small",
    .configuration = &cupola__monitor_config__descriptor,
    .size = sizeof(struct small),
    .start = small_start,
    .stop = small_stop,
    .destroy = small_destroy,
};

/* A machine with the effects of its last step. */
struct bench {
    struct small *small;
    struct effects *effects;
    uint64_t now_ns;
};

static inline void bench_bring(struct bench *bench, struct event *event)
{
    effects_reset(bench->effects);
    event->now_ns = bench->now_ns;
    machine_step(&bench->small->machine, event, bench->effects);
}

static inline void bench_open(struct bench *bench)
{
    struct machine *machine = machine_create(&small_class);
    *bench = (struct bench){.small = container_of(machine, struct small, machine), .effects = effects_new()};
    bench->now_ns = 1000;
    struct event event = {.kind = EVENT_START};
    event.start.saved = (struct io_bytes){(const uint8_t *)"was", 3};
    bench_bring(bench, &event);
    assert_string_equal(text_string(&bench->small->told), "start(was) ");
    text_clear(&bench->small->told);
}

static inline void bench_close(struct bench *bench)
{
    machine_destroy(&bench->small->machine);
    effects_free(bench->effects);
}

/* A step in which the machine does that. */
static inline void bench_act(struct bench *bench, void (*act)(struct small *small))
{
    bench->small->act = act;
    struct event event = {.kind = EVENT_STOP};
    bench_bring(bench, &event);
}

static inline void bench_deadline(struct bench *bench, uint64_t now_ns)
{
    bench->now_ns = now_ns;
    struct event event = {.kind = EVENT_DEADLINE};
    bench_bring(bench, &event);
}

/* The first effect of that kind in the last step, or NULL. */
static inline struct effect *bench_effect(struct bench *bench, enum effect_kind kind)
{
    for (size_t i = 0; i < effects_count(bench->effects); i++)
        if (effects_at(bench->effects, i)->kind == kind)
            return effects_at(bench->effects, i);
    return NULL;
}

/* What was told since the last time. */
static inline void bench_expect(struct bench *bench, const char *expected)
{
    assert_string_equal(text_string(&bench->small->told), expected);
    text_clear(&bench->small->told);
}

#endif
