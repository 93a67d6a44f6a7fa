#include "core/machine/machine.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/machine/conn.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"

#include <stdarg.h>
#include <stdio.h>

struct machine *machine_create(const struct machine_class *class)
{
    assert_that(class->size >= sizeof(struct machine));
    struct machine *machine = memory_new(class->size);
    machine->class = class;
    machine->deadline_ns = NEVER_NS;
    machine->lowest_even_id = 2;
    machine->late_end = &machine->late_first;
    return machine;
}

void machine_destroy(struct machine *machine)
{
    if (machine == NULL)
        return;
    timers_forget_all(machine);
    conns_free_refused(machine);
    machine->class->destroy(machine);
    ops_forget_all(machine);
    HASH_CLEAR(hh, machine->listeners);
    memory_free(machine->timers);
    memory_free(machine->conns);
    memory_free(machine);
}

static void start(struct machine *machine, const struct event *event)
{
    machine->seed = random_mix(event->start.seed[0], event->start.seed[1]);
    ProtobufCMessage *configuration = protobuf_c_message_unpack(machine->class->configuration, NULL,
                                                                event->start.config.size, event->start.config.data);
    assert_that(configuration != NULL); /* Programs validate what people write before they start a component. */
    machine->class->start(machine, configuration, event->start.saved);
    protobuf_c_message_free_unpacked(configuration, NULL);
}

static void dispatch(struct machine *machine, const struct event *event)
{
    switch (event->kind) {
    case EVENT_START:
        start(machine, event);
        break;
    case EVENT_EVACUATE:
        if (machine->class->evacuate != NULL)
            machine->class->evacuate(machine);
        else
            machine->class->stop(machine);
        break;
    case EVENT_STOP:
        machine->class->stop(machine);
        break;
    case EVENT_DEADLINE:
        machine->deadline_ns = NEVER_NS; /* It is spent: the driver has none now. */
        break;
    case EVENT_ACCEPTED:
    case EVENT_CONNECTED:
    case EVENT_BYTES:
    case EVENT_END:
    case EVENT_WRITTEN:
    case EVENT_CLOSED:
        conns_dispatch(machine, event);
        break;
    case EVENT_DONE: {
        struct op_result result = {event->done.status, event->done.number, event->done.data};
        ops_complete(machine, event->done.op, &result);
        break;
    }
    case EVENT_OUTPUT:
        ops_output(machine, event->output.op, event->output.data);
        break;
    case EVENT_JOURNAL_ENTRY:
        machine->class->journal_entry(machine, event->journal_entry.sequence, event->journal_entry.data);
        break;
    case EVENT_JOURNAL_SNAPSHOT:
        machine->class->journal_snapshot(machine, event->journal_entry.sequence, event->journal_entry.data);
        break;
    case EVENT_WORKLOAD_FOUND:
        machine->class->workload_found(machine, event->workload_found.workload, event->workload_found.running,
                                       event->workload_found.note);
        break;
    case EVENT_WORKLOAD_EXITED:
        machine->class->workload_exited(machine, event->workload_exited.workload, event->workload_exited.exit_code,
                                        event->workload_exited.signal, event->workload_exited.breach);
        break;
    }
}

void machine_run_late(struct machine *machine, struct late_work *work, void (*run)(struct late_work *work))
{
    if (work->is_pending)
        return;
    assert_that(machine->effects != NULL);
    work->run = run;
    work->is_pending = true;
    work->next = NULL;
    *machine->late_end = work;
    machine->late_end = &work->next;
}

/* Work may ask for more work; it comes behind what waits already. */
static void run_late_work(struct machine *machine)
{
    while (machine->late_first != NULL && !machine->exited) {
        struct late_work *work = machine->late_first;
        machine->late_first = work->next;
        if (machine->late_first == NULL)
            machine->late_end = &machine->late_first;
        work->is_pending = false;
        work->run(work);
    }
}

static void tell_deadline(struct machine *machine)
{
    uint64_t next_ns = machine->timer_count == 0 ? NEVER_NS : machine->timers[0]->at_ns;
    if (next_ns == machine->deadline_ns)
        return;
    machine->deadline_ns = next_ns;
    effects_add(machine->effects, EFFECT_DEADLINE)->deadline.at_ns = next_ns;
}

void machine_step(struct machine *machine, const struct event *event, struct effects *effects)
{
    assert_that(machine->effects == NULL); /* Not re-entrant. */
    assert_that(!machine->exited);
    assert_that(effects_count(effects) == 0);
    assert_that(event->now_ns >= machine->now_ns);
    machine->effects = effects;
    machine->now_ns = event->now_ns;
    machine->wall_ns = event->wall_ns;
    dispatch(machine, event);
    if (!machine->exited)
        timers_fire_due(machine);
    run_late_work(machine);
    if (!machine->exited)
        tell_deadline(machine);
    machine->effects = NULL;
}

size_t machine_open_ops(const struct machine *machine)
{
    return HASH_COUNT(machine->ops);
}

size_t machine_open_conns(const struct machine *machine)
{
    size_t count = 0;
    for (size_t i = 0; i < machine->conn_capacity; i++)
        count += machine->conns[i] != NULL;
    return count;
}

int64_t machine_wall_seconds(const struct machine *machine)
{
    return machine->wall_ns / (int64_t)NS_PER_S;
}

void machine_log(struct machine *machine, enum log_level level, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    struct effect *effect = effects_add(machine->effects, EFFECT_LOG);
    effect->log.level = level;
    effect->log.text = effects_keep_text(machine->effects, line);
}

void machine_exit(struct machine *machine, int status, struct io_bytes result)
{
    assert_that(!machine->exited);
    machine->exited = true;
    struct effect *effect = effects_add(machine->effects, EFFECT_EXIT);
    effect->exit.status = status;
    effect->exit.data = effects_keep_bytes(machine->effects, result);
}

bool machine_has_exited(const struct machine *machine)
{
    return machine->exited;
}
