/* A DEA's hands: workloads started, signalled, listed, measured, read and removed. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/proto/workload.pb-c.h"
#include "drivers/sim/workload/workload.h"

#include <stdio.h>
#include <string.h>

static void do_start(struct process *process, const struct effect *effect);
static void do_list(struct process *process, const struct effect *effect);
static void do_remove(struct process *process, const struct effect *effect);
static void do_measure(struct process *process, const struct effect *effect);
static void do_read_file(struct process *process, const struct effect *effect);
static void do_exec(struct process *process, const struct effect *effect);

void process_do_workload(struct process *process, struct effect *effect)
{
    if (effect->kind == EFFECT_WORKLOAD_LIST) {
        do_list(process, effect);
    } else if (effect->kind == EFFECT_WORKLOAD_START) {
        do_start(process, effect);
    } else if (effect->kind == EFFECT_WORKLOAD_SIGNAL) {
        struct workload *workload = workload_lookup(process, effect->workload_signal.workload);
        if (workload != NULL)
            workload_send_signal(workload, effect->workload_signal.signal);
    } else if (effect->kind == EFFECT_WORKLOAD_REMOVE) {
        do_remove(process, effect);
    } else if (effect->kind == EFFECT_WORKLOAD_MEASURE) {
        do_measure(process, effect);
    } else if (effect->kind == EFFECT_WORKLOAD_EXEC) {
        do_exec(process, effect);
    } else {
        assert_that(effect->kind == EFFECT_WORKLOAD_READ_FILE);
        do_read_file(process, effect);
    }
}

/* From now on its end is news: an EXITED never comes before the answer to its start. */
static void complete_start(struct pending *pending)
{
    struct workload *workload = workload_lookup(pending->process, pending->name);
    if (workload == NULL)
        return;
    workload->is_start_answered = true;
    workload_tell(workload);
}

static void do_start(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_read(&process->host->disk, &done_ns);
    struct workload *workload = NULL;
    if (status == IO_OK)
        status = workload_launch(process, effect, &workload);
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    if (workload == NULL)
        return;
    pending->number = workload->number;
    snprintf(pending->name, sizeof pending->name, "%s", workload->name);
    pending->complete = complete_start;
}

struct listed {
    char name[64];
};

/* What it runs is told in the order of the starts, and may go while it is told. */
static struct listed *list_names(const struct process *process, size_t *ret_count)
{
    size_t most = HASH_COUNT(process->host->workloads_by_name);
    struct listed *listed = memory_new((most + 1) * sizeof *listed);
    *ret_count = 0;
    for (const struct workload *workload = process->host->workloads; workload != NULL; workload = workload->next)
        if (workload->watcher == process)
            memcpy(listed[(*ret_count)++].name, workload->name, sizeof workload->name);
    return listed;
}

/* One FOUND each, then the DONE of the list: in one go, unless the process ends over it. */
static void complete_list(struct pending *pending)
{
    struct process *process = pending->process;
    uint64_t last = process->host->workload_count;
    size_t count;
    struct listed *listed = list_names(process, &count);
    for (size_t i = 0; i < count; i++) {
        struct workload *workload = workload_lookup(process, listed[i].name);
        if (workload == NULL || workload->number > last)
            continue;
        workload->watched_life = process->life_count;
        workload->is_start_answered = true;
        workload->is_told = !workload->is_running;
        struct event event = {.kind = EVENT_WORKLOAD_FOUND};
        event.workload_found.workload = workload->name;
        event.workload_found.running = workload->is_running;
        event.workload_found.note = (struct io_bytes){slice_data(workload->note), workload->note.size};
        process_step(process, &event);
    }
    memory_free(listed);
}

static void do_list(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_read(&process->host->disk, &done_ns);
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    if (status == IO_OK)
        pending->complete = complete_list;
}

static void do_remove(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    disk_plan_sync(&process->host->disk, &done_ns);
    struct workload *workload = workload_lookup(process, effect->workload_name.workload);
    if (workload != NULL)
        workload_discard(workload);
    process_add_pending(process, effect->op, done_ns, IO_OK);
}

/* Packed messages one behind another are one message with the repeated fields of all. */
static void add_usage(struct text *packed, struct workload *workload)
{
    Cupola__WorkloadUsage usage = CUPOLA__WORKLOAD_USAGE__INIT, *one = &usage;
    usage.workload = workload->name;
    usage.has_memory_bytes = usage.has_disk_bytes = usage.has_cpu_ns = usage.has_processes = true;
    usage.memory_bytes = workload_memory_bytes(workload);
    usage.disk_bytes = 1 << 20;
    usage.cpu_ns = (workload->host->world->now_ns - workload->started_ns) / 100;
    usage.processes = 1;
    Cupola__WorkloadUsages usages = CUPOLA__WORKLOAD_USAGES__INIT;
    usages.n_usages = 1;
    usages.usages = &one;
    size_t size = cupola__workload_usages__get_packed_size(&usages);
    cupola__workload_usages__pack(&usages, text_room(packed, size));
    text_grow(packed, size);
}

static void do_measure(struct process *process, const struct effect *effect)
{
    struct text packed = {0};
    for (struct workload *workload = process->host->workloads; workload != NULL; workload = workload->next) {
        if (workload->watcher == process && workload->is_running)
            add_usage(&packed, workload);
    }
    process_answer(process, effect->op, IO_OK)->data = text_take(&packed);
}

/* Every process leaves the same few files. */
static void do_read_file(struct process *process, const struct effect *effect)
{
    const struct workload *workload = workload_lookup(process, effect->workload_read_file.workload);
    const char *path = effect->workload_read_file.path;
    char content[160];
    int size = -1;
    while (*path == '/')
        path++;
    if (workload != NULL && *path == 0)
        size = snprintf(content, sizeof content, "%-35s %10s\n%-35s %10s\n", "app/", "-", "logs/", "-");
    else if (workload != NULL && (strcmp(path, "logs") == 0 || strcmp(path, "logs/") == 0))
        size = snprintf(content, sizeof content, "%-35s %10s\n%-35s %10s\n", "stderr.log", "0B", "stdout.log", "64B");
    else if (workload != NULL && strcmp(path, "logs/stdout.log") == 0)
        size = snprintf(content, sizeof content, "%s listens on port %u\n", workload->label, workload->port.number);
    else if (workload != NULL && strcmp(path, "logs/stderr.log") == 0)
        size = 0;
    if (size < 0) {
        process_answer(process, effect->op, IO_NOT_FOUND);
        return;
    }
    uint64_t whole = (uint64_t)size;
    uint64_t from = effect->workload_read_file.offset < whole ? effect->workload_read_file.offset : whole;
    uint64_t most = whole - from < effect->workload_read_file.size ? whole - from : effect->workload_read_file.size;
    struct pending *pending = process_answer(process, effect->op, IO_OK);
    pending->number = whole;
    pending->data = slice_copy(content + from, (size_t)most);
}

static void do_exec(struct process *process, const struct effect *effect)
{
    struct workload *workload = workload_lookup(process, effect->workload_exec.workload);
    uint16_t port = workload == NULL || !workload->is_running ? 0 : command_prepare(workload, effect);
    struct pending *pending = process_answer(process, effect->op, port == 0 ? IO_NOT_FOUND : IO_OK);
    if (port == 0)
        return;
    pending->number = port;
    pending->data = slice_copy(COMMAND_SECRET, sizeof COMMAND_SECRET - 1);
}
