/* The workloads of the stage, and the stager beside them. */
#include "tests/core/dea/stage_inside.h"

#include "core/base/assert.h"
#include "core/proto/workload.pb-c.h"

#include <stdio.h>
#include <string.h>

struct workload *stage_listener_on(struct stage *stage, uint16_t port)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (stage->workloads[i].exists && stage->workloads[i].runs && stage->workloads[i].listens &&
            stage->workloads[i].port == port)
            return &stage->workloads[i];
    return NULL;
}

static struct workload *find_workload(struct stage *stage, const char *name)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (stage->workloads[i].exists && strcmp(stage->workloads[i].name, name) == 0)
            return &stage->workloads[i];
    return NULL;
}

static void launch(struct stage *stage, const struct effect *effect)
{
    if (stage->launches_fail) {
        stage_queue_done(stage, effect->op, IO_FAILED);
        return;
    }
    if (!stage->droplet_is_here) {
        stage_queue_done(stage, effect->op, IO_NOT_FOUND);
        return;
    }
    struct workload *workload = stage->workloads;
    while (workload->name[0] != 0)
        workload++;
    assert_that(workload < stage->workloads + STAGE_WORKLOADS);
    snprintf(workload->name, sizeof workload->name, "%s", effect->workload_start.workload);
    snprintf(workload->runtime, sizeof workload->runtime, "%s", effect->workload_start.runtime);
    workload->exists = workload->runs = true;
    workload->listens = stage->workloads_listen;
    workload->port = effect->workload_start.port;
    workload->memory_bytes = 10 << 20;
    text_add(&workload->note, effect->workload_start.note.data, effect->workload_start.note.size);
    for (const char *const *at = effect->workload_start.envp; *at != NULL; at++)
        text_addf(&workload->environment, "%s\n", *at);
    for (const char *const *at = effect->workload_start.argv; *at != NULL; at++)
        text_addf(&workload->arguments, "%s ", *at);
    stage_queue_done(stage, effect->op, IO_OK)->done.number = 4711;
}

static void queue_exit(struct stage *stage, struct workload *workload, int signal)
{
    workload->runs = false;
    struct event *event = stage_queue(stage, EVENT_WORKLOAD_EXITED);
    event->workload_exited.workload = workload->name;
    event->workload_exited.signal = signal;
    event->workload_exited.exit_code = signal == 0 ? 1 : -1;
}

void stage_end_workload(struct stage *stage, struct workload *workload, int signal)
{
    queue_exit(stage, workload, signal);
    stage_settle(stage);
}

static void signal_workload(struct stage *stage, const struct effect *effect)
{
    struct workload *workload = find_workload(stage, effect->workload_signal.workload);
    if (workload == NULL || !workload->runs)
        return;
    if (effect->workload_signal.signal == 9 || !workload->ignores_sigterm)
        queue_exit(stage, workload, effect->workload_signal.signal);
}

static void list_workloads(struct stage *stage, struct io_op op)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++) {
        struct workload *workload = &stage->workloads[i];
        if (!workload->exists)
            continue;
        struct event *event = stage_queue(stage, EVENT_WORKLOAD_FOUND);
        event->workload_found.workload = workload->name;
        event->workload_found.running = workload->runs;
        event->workload_found.note =
            (struct io_bytes){(const uint8_t *)text_string(&workload->note), workload->note.size};
    }
    stage_queue_done(stage, op, IO_OK);
}

static void remove_workload(struct stage *stage, const struct effect *effect)
{
    struct workload *workload = find_workload(stage, effect->workload_name.workload);
    if (workload != NULL)
        workload->exists = workload->runs = false;
    stage_queue_done(stage, effect->op, IO_OK);
}

static void measure(struct stage *stage, const struct effect *effect)
{
    struct text packed = {0};
    for (size_t i = 0; i < STAGE_WORKLOADS; i++) {
        struct workload *workload = &stage->workloads[i];
        if (!workload->exists || !workload->runs)
            continue;
        Cupola__WorkloadUsage usage = CUPOLA__WORKLOAD_USAGE__INIT, *one = &usage;
        usage.workload = workload->name;
        usage.has_memory_bytes = usage.has_disk_bytes = usage.has_cpu_ns = true;
        usage.memory_bytes = workload->memory_bytes;
        usage.disk_bytes = 4096;
        usage.cpu_ns = stage->now_ns / 100; /* One percent. */
        Cupola__WorkloadUsages usages = CUPOLA__WORKLOAD_USAGES__INIT;
        usages.n_usages = 1;
        usages.usages = &one;
        size_t size = cupola__workload_usages__get_packed_size(&usages);
        cupola__workload_usages__pack(&usages, text_room(&packed, size));
        text_grow(&packed, size);
    }
    stage_queue_done_with(stage, effect->op, text_string(&packed), packed.size, 0);
    text_free(&packed);
}

static void read_file(struct stage *stage, const struct effect *effect)
{
    const char *path = effect->workload_read_file.path;
    static const char root[] = "app/                                         -\n"
                               "logs/                                        -\n"
                               "run.pid                                     5B";
    if (strcmp(path, "") == 0) {
        stage_queue_done_with(stage, effect->op, root, sizeof root - 1, sizeof root - 1);
    } else if (strcmp(path, "logs/stdout.log") == 0) { /* A large one, in pieces. */
        enum { SIZE = 600000 };
        size_t offset = effect->workload_read_file.offset;
        size_t size = SIZE - offset < effect->workload_read_file.size ? SIZE - offset : effect->workload_read_file.size;
        char *bytes = memory_new(SIZE);
        memset(bytes, 'x', SIZE);
        stage_queue_done_with(stage, effect->op, bytes, size, SIZE);
        memory_free(bytes);
    } else {
        stage_queue_done(stage, effect->op, IO_NOT_FOUND);
    }
}

struct workload *stage_newest(struct stage *stage)
{
    struct workload *newest = NULL;
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (stage->workloads[i].exists)
            newest = &stage->workloads[i];
    assert_that(newest != NULL);
    return newest;
}

size_t stage_running(const struct stage *stage)
{
    size_t count = 0;
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        count += stage->workloads[i].exists && stage->workloads[i].runs;
    return count;
}

void stage_listen(struct stage *stage, struct workload *workload)
{
    workload->listens = true;
    stage_settle(stage);
}

void stage_finish_staging(struct stage *stage)
{
    assert_that(stage->staging_op != 0);
    stage_queue_done_with(stage, (struct io_op){stage->staging_op}, STAGE_DROPLET, 40, 8192);
    stage->staging_op = 0;
    stage_settle(stage);
}

void stage_hear_stager(struct stage *stage, const char *words)
{
    assert_that(stage->staging_op != 0);
    struct event *event = stage_queue(stage, EVENT_OUTPUT);
    event->output.op.id = stage->staging_op;
    event->output.data = (struct io_bytes){(const uint8_t *)words, strlen(words)};
    stage_settle(stage);
}

void stage_fail_staging(struct stage *stage, enum io_status status, const char *log)
{
    assert_that(stage->staging_op != 0);
    struct event *event = stage_queue_done(stage, (struct io_op){stage->staging_op}, status);
    event->done.data = (struct io_bytes){(const uint8_t *)log, strlen(log)};
    stage->staging_op = 0;
    stage_settle(stage);
}

static void prepare_command(struct stage *stage, const struct effect *effect)
{
    struct text command = {0};
    if (stage->launches_fail) {
        stage_queue_done(stage, effect->op, IO_DENIED);
        return;
    }
    for (const char *const *word = effect->workload_exec.argv; *word != NULL; word++)
        text_addf(&command, "%s ", *word);
    text_addf(&command, "%ux%u", effect->workload_exec.rows, effect->workload_exec.columns);
    snprintf(stage->command, sizeof stage->command, "%s", text_string(&command));
    text_free(&command);
    stage_queue_done_with(stage, effect->op, "SECRET", 6, STAGE_PORT_COMMAND);
}

bool stage_carry_out_workload(struct stage *stage, const struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_WORKLOAD_LIST:
        list_workloads(stage, effect->op);
        return true;
    case EFFECT_WORKLOAD_START:
        launch(stage, effect);
        return true;
    case EFFECT_WORKLOAD_SIGNAL:
        signal_workload(stage, effect);
        return true;
    case EFFECT_WORKLOAD_REMOVE:
        remove_workload(stage, effect);
        return true;
    case EFFECT_WORKLOAD_MEASURE:
        measure(stage, effect);
        return true;
    case EFFECT_WORKLOAD_READ_FILE:
        read_file(stage, effect);
        return true;
    case EFFECT_WORKLOAD_EXEC:
        prepare_command(stage, effect);
        return true;
    case EFFECT_STAGE:
        stage->staging_op = effect->op.id;
        return true;
    default:
        return false;
    }
}
