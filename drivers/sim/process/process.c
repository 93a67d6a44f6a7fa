#include "drivers/sim/process/process.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/machine/op.h"
#include "core/trace/trace.h"
#include "drivers/sim/process/limits.h"
#include "drivers/sim/workload/workload.h"

#include <stdio.h>
#include <string.h>

enum { ORDERED_EVACUATE = 1, ORDERED_STOP = 2 };

static void on_deadline(struct wake *wake);
static void on_life(struct wake *wake);
static void on_orders(struct wake *wake);

/* ---- Life ---- */

static void init_wake(struct process *process, struct wake *wake, void (*happen)(struct wake *), uint64_t which)
{
    wake->happen = happen;
    wake->key = random_mix(process->random.key, which);
}

struct process *process_create(struct world *world, const struct process_options *options)
{
    struct process *process = memory_new(sizeof *process);
    process->world = world;
    process->host = options->host;
    process->class = options->class;
    process->name = world_keep_label(world, options->name);
    process->number = (uint32_t)world->process_count;
    process_set_config(process, options->config);
    process->restart_delay_ns = options->restart_delay_ns;
    process->hash_time = options->hash;
    process->staging_time = options->staging;
    process->keeps_traces = options->keeps_traces;
    process->carries_messages = options->carries_messages;
    process->journal = options->journal;
    process->owns_blobs = options->blobs == NULL;
    process->blobs = process->owns_blobs ? blob_store_create(options->host) : options->blobs;
    process->random = random_numbered(world->seed, "process", random_named(0, options->name).key);
    process->hash = random_mix(process->random.key, 0);
    process->deadline_ns = NEVER_NS;
    init_wake(process, &process->deadline, on_deadline, 1);
    init_wake(process, &process->life, on_life, 2);
    init_wake(process, &process->orders, on_orders, 3);
    world->processes = memory_grow(world->processes, world->process_count * sizeof *world->processes,
                                   (world->process_count + 1) * sizeof *world->processes);
    world->processes[world->process_count++] = process;
    return process;
}

void process_set_config(struct process *process, struct io_bytes config)
{
    buffer_unref(process->config);
    process->config_size = config.size;
    process->config = slice_copy(config.data, config.size).buffer;
}

/* What a life holds goes with it; what was durable stays. */
static void drop_life(struct process *process)
{
    struct world *world = process->world;
    world_cancel(world, &process->deadline);
    world_cancel(world, &process->orders);
    process->deadline_ns = NEVER_NS;
    process->ordered = 0;
    process->is_paused = false;
    process->busy_until_ns = 0;
    process->effects_to_live = 0;
    process_drop_network(process);
    process_drop_storage(process);
    machine_destroy(process->machine);
    process->machine = NULL;
}

void process_destroy(struct process *process)
{
    if (process->machine != NULL)
        drop_life(process);
    world_cancel(process->world, &process->life);
    if (process->owns_blobs)
        blob_store_destroy(process->blobs);
    for (uint64_t i = 0; i < process->life_count; i++)
        text_free(&process->traces[i].text);
    memory_free(process->traces);
    memory_free(process->conns);
    text_free(&process->exit_data);
    buffer_unref(process->config);
    memory_free(process);
}

static void tell_life(const struct process *process, const char *text)
{
    const struct world_watcher *watcher = &process->world->watcher;
    if (watcher->on_life != NULL)
        watcher->on_life(watcher->context, process->name, text);
}

static void end_life(struct process *process, enum process_end end)
{
    drop_life(process);
    process->end = end;
    process->world->change_count++;
    if (end == PROCESS_EXITED) {
        char text[64];
        snprintf(text, sizeof text, "exited with status %d", process->exit_status);
        tell_life(process, text);
    } else {
        tell_life(process, end == PROCESS_KILLED ? "was killed" : "lost power");
    }
    if (process->is_wanted && process->restart_delay_ns > 0 && end != PROCESS_LOST_POWER)
        process_start(process, process->restart_delay_ns);
    if (process->on_end != NULL)
        process->on_end(process);
}

static void begin_trace(struct process *process)
{
    process->traces = memory_grow(process->traces, process->life_count * sizeof *process->traces,
                                  (process->life_count + 1) * sizeof *process->traces);
    process->life_count++;
    if (!process->keeps_traces)
        return;
    Cupola__TraceHeader header = CUPOLA__TRACE_HEADER__INIT;
    header.has_schema = true;
    header.schema = TRACE_SCHEMA;
    header.role = (char *)process->class->name;
    header.name = (char *)process->name;
    header.build = (char *)"simulated";
    header.has_config = true;
    header.config.data = process->config == NULL ? NULL : process->config->bytes;
    header.config.len = process->config_size;
    header.has_seed = true;
    header.seed = process->world->seed;
    trace_write_header(&process->traces[process->life_count - 1].text, &header);
}

static void on_life(struct wake *wake)
{
    struct process *process = container_of(wake, struct process, life);
    if (process->machine != NULL || !process->host->has_power || process->held_down > 0)
        return;
    if (process->host->cannot_fork > 0) { /* Init tries again. */
        world_wake_in(process->world, wake, NS_PER_S);
        return;
    }
    begin_trace(process);
    process->machine = machine_create(process->class);
    process->end = PROCESS_RUNS;
    process->was_asked_to_stop = false;
    process->is_old = process->old_builds > 0;
    tell_life(process, process->life_count == 1 ? "starts" : "starts again");
    struct slice saved = disk_read_saved(&process->host->disk, process->name);
    struct event event = {.kind = EVENT_START};
    event.start.config = (struct io_bytes){process->config->bytes, process->config_size};
    event.start.saved = (struct io_bytes){slice_data(saved), saved.size};
    event.start.seed[0] = random_draw(&process->random);
    event.start.seed[1] = random_draw(&process->random);
    process_step(process, &event);
    buffer_unref(saved.buffer);
}

void process_start(struct process *process, uint64_t delay_ns)
{
    process->is_wanted = true;
    if (process->machine == NULL)
        world_wake_in(process->world, &process->life, delay_ns + process->start_extra_ns);
}

static void order(struct process *process, uint32_t what)
{
    process->is_wanted = false;
    world_cancel(process->world, &process->life);
    if (process->machine == NULL)
        return;
    process->ordered |= what;
    world_wake_in(process->world, &process->orders, 0);
}

void process_stop(struct process *process)
{
    order(process, ORDERED_STOP);
}

void process_evacuate(struct process *process)
{
    order(process, ORDERED_EVACUATE);
}

static void on_orders(struct wake *wake)
{
    struct process *process = container_of(wake, struct process, orders);
    if (process->ordered == 0 || !process_may_step(process, wake))
        return;
    struct event event = {.kind = EVENT_EVACUATE};
    if ((process->ordered & ORDERED_EVACUATE) == 0)
        event.kind = EVENT_STOP;
    process->ordered &= event.kind == EVENT_STOP ? ~(uint32_t)ORDERED_STOP : ~(uint32_t)ORDERED_EVACUATE;
    process->was_asked_to_stop = true;
    if (process->ordered != 0)
        world_wake_in(process->world, wake, 0);
    process_step(process, &event);
}

void process_kill(struct process *process)
{
    if (process->machine != NULL)
        end_life(process, PROCESS_KILLED);
}

void process_lose_power(struct process *process)
{
    world_cancel(process->world, &process->life);
    if (process->machine != NULL)
        end_life(process, PROCESS_LOST_POWER);
    if (process->owns_blobs)
        blob_store_lose_power(process->blobs);
}

void process_pause(struct process *process)
{
    if (process->machine != NULL)
        process->is_paused = true;
}

/* Everything that came while it stood still comes now, in an order drawn like any other. */
void process_resume(struct process *process)
{
    if (!process->is_paused)
        return;
    process->is_paused = false;
    for (struct socket *socket = process->host->sockets; socket != NULL; socket = socket->next) {
        if (socket->process == process)
            socket_wake_owner(socket);
    }
    for (struct pending *pending = process->pendings; pending != NULL; pending = pending->next) {
        if (pending->wake.place == 0)
            world_wake_in(process->world, &pending->wake, 0);
    }
    if (process->journal != NULL)
        journal_store_wake(process->journal, process);
    workloads_wake_watcher(process);
    process_rearm(process);
    if (process->ordered != 0)
        world_wake_in(process->world, &process->orders, 0);
}

/* ---- The step ---- */

bool process_may_step(struct process *process, struct wake *wake)
{
    if (process->is_paused)
        return false;
    if (process->busy_until_ns > process->world->now_ns) {
        world_wake_at(process->world, wake, process->busy_until_ns);
        return false;
    }
    return true;
}

void process_rearm(struct process *process)
{
    if (process->deadline_ns == NEVER_NS)
        world_cancel(process->world, &process->deadline);
    else
        world_wake_at(process->world, &process->deadline, host_world_ns(process->host, process->deadline_ns));
}

static void on_deadline(struct wake *wake)
{
    struct process *process = container_of(wake, struct process, deadline);
    if (process->deadline_ns == NEVER_NS || !process_may_step(process, wake))
        return;
    if (host_local_ns(process->host) < process->deadline_ns) { /* Rounding, or its clock has slowed down. */
        process_rearm(process);
        return;
    }
    process->deadline_ns = NEVER_NS;
    struct event event = {.kind = EVENT_DEADLINE};
    process_step(process, &event);
}

static void set_deadline(struct process *process, uint64_t at_ns)
{
    process->deadline_ns = at_ns;
    process_rearm(process);
}

static void do_exit(struct process *process, const struct effect *effect)
{
    process->exit_status = effect->exit.status;
    text_clear(&process->exit_data);
    text_add(&process->exit_data, effect->exit.data.data, effect->exit.data.size);
}

static void tell_log(const struct process *process, const struct effect *effect)
{
    const struct world_watcher *watcher = &process->world->watcher;
    if (watcher->on_log != NULL)
        watcher->on_log(watcher->context, process, effect->log.level, effect->log.text);
}

static void carry_out(struct process *process, struct effect *effect)
{
    if ((process->is_limited || process->host->cannot_fork > 0) && limits_refuse(process, effect))
        return;
    switch (effect->kind) {
    case EFFECT_LISTEN:
    case EFFECT_UNLISTEN:
    case EFFECT_CONNECT:
    case EFFECT_READ:
    case EFFECT_WRITE:
    case EFFECT_FINISH:
    case EFFECT_CLOSE:
    case EFFECT_START_TLS:
    case EFFECT_BLOB_SEND:
    case EFFECT_BLOB_RECEIVE:
        process_do_network(process, effect);
        return;
    case EFFECT_DEADLINE:
        set_deadline(process, effect->deadline.at_ns);
        return;
    case EFFECT_SAVE:
    case EFFECT_JOURNAL_FOLLOW:
    case EFFECT_JOURNAL_APPEND:
    case EFFECT_JOURNAL_SNAPSHOT:
    case EFFECT_BLOB_OPEN:
    case EFFECT_BLOB_WRITE:
    case EFFECT_BLOB_COMMIT:
    case EFFECT_BLOB_DISCARD:
    case EFFECT_BLOB_STAT:
    case EFFECT_BLOB_DELETE:
    case EFFECT_BLOB_LIST:
    case EFFECT_STAGE:
    case EFFECT_POOL_FIND:
    case EFFECT_ASSEMBLE:
    case EFFECT_HASH_PASSWORD:
        process_do_storage(process, effect);
        return;
    case EFFECT_WORKLOAD_LIST:
    case EFFECT_WORKLOAD_START:
    case EFFECT_WORKLOAD_SIGNAL:
    case EFFECT_WORKLOAD_REMOVE:
    case EFFECT_WORKLOAD_MEASURE:
    case EFFECT_WORKLOAD_READ_FILE:
    case EFFECT_WORKLOAD_EXEC:
        process_do_workload(process, effect);
        return;
    case EFFECT_LOG:
        tell_log(process, effect);
        return;
    case EFFECT_EXIT:
        do_exit(process, effect);
        return;
    }
    assert_unreachable();
}

static void record(struct process *process, const struct event *event)
{
    struct world *world = process->world;
    process->step_count++;
    world->step_count++;
    process->hash = trace_hash_step(process->hash, event, world->effects);
    world->hash = random_mix(world->hash ^ process->hash, process->number);
    struct process_trace *trace = &process->traces[process->life_count - 1];
    trace->steps++;
    if (process->keeps_traces)
        trace_write_step(&trace->text, trace->steps, event, world->effects);
}

/* Whether a step may have changed what checks look at: all but the comings and goings of a connection. */
static bool is_change(const struct event *event)
{
    return event->kind != EVENT_WRITTEN && event->kind != EVENT_ACCEPTED && event->kind != EVENT_CONNECTED;
}

void process_step(struct process *process, struct event *event)
{
    struct world *world = process->world;
    assert_that(!world->is_draining);
    assert_that(process->machine != NULL);
    event->now_ns = host_local_ns(process->host);
    event->wall_ns = host_wall_ns(process->host);
    world->assertion.component = process->name;
    world->assertion.event_number = process->step_count + 1;
    assertion_set_context(&world->assertion);
    machine_step(process->machine, event, world->effects);
    record(process, event);
    if (world->watcher.on_step != NULL)
        world->watcher.on_step(world->watcher.context, process, event, world->effects);
    uint64_t cost_ns = process->step_cost_ns + process->host->slow_ns;
    if (cost_ns > 0)
        process->busy_until_ns = world->now_ns + cost_ns;
    if (is_change(event))
        world->change_count++;
    world->is_draining = true;
    bool is_killed = false;
    for (size_t i = 0; i < effects_count(world->effects) && !is_killed; i++) {
        carry_out(process, effects_at(world->effects, i));
        is_killed = process->effects_to_live > 0 && --process->effects_to_live == 0;
    }
    world->is_draining = false;
    effects_reset(world->effects);
    if (is_killed) {
        end_life(process, PROCESS_KILLED);
        return;
    }
    if (machine_has_exited(process->machine)) {
        process->leftover_ops = process->was_asked_to_stop ? machine_open_ops(process->machine) : 0;
        process->leftover_conns = process->was_asked_to_stop ? machine_open_conns(process->machine) : 0;
        end_life(process, PROCESS_EXITED);
    }
}

/* ---- Operations under way ---- */

void process_on_pending(struct wake *wake)
{
    struct pending *pending = container_of(wake, struct pending, wake);
    if (process_may_step(pending->process, wake))
        process_finish_pending(pending);
}

void process_finish_pending(struct pending *pending)
{
    struct process *process = pending->process;
    uint64_t life = process->life_count;
    if (pending->complete != NULL)
        pending->complete(pending);
    if (!process_runs(process) || process->life_count != life)
        return; /* A list took steps of its own, and one was the last: the operation went with it. */
    struct event event = {.kind = EVENT_DONE};
    event.done.op = pending->op;
    event.done.status = pending->status;
    event.done.number = pending->number;
    event.done.data = (struct io_bytes){slice_data(pending->data), pending->data.size};
    struct buffer *data = pending->data.buffer;
    pending->data = (struct slice){0};
    process_free_pending(pending);
    process_step(process, &event);
    buffer_unref(data);
}

struct pending *process_add_pending(struct process *process, struct io_op op, uint64_t done_ns, enum io_status status)
{
    struct pending *pending = memory_new(sizeof *pending);
    pending->process = process;
    pending->op = op;
    pending->status = status;
    pending->next = process->pendings;
    if (pending->next != NULL)
        pending->next->previous = pending;
    process->pendings = pending;
    pending->wake.happen = process_on_pending;
    pending->wake.key = random_mix(random_mix(process->random.key, 4), ++process->pending_count);
    world_wake_at(process->world, &pending->wake, done_ns);
    return pending;
}

struct pending *process_answer(struct process *process, struct io_op op, enum io_status status)
{
    return process_add_pending(process, op, process->world->now_ns, status);
}

void process_free_pending(struct pending *pending)
{
    if (pending->previous != NULL)
        pending->previous->next = pending->next;
    else
        pending->process->pendings = pending->next;
    if (pending->next != NULL)
        pending->next->previous = pending->previous;
    world_cancel(pending->process->world, &pending->wake);
    buffer_unref(pending->data.buffer);
    buffer_unref(pending->given.buffer);
    memory_free(pending);
}
