/* WORKLOAD_MEASURE: what all processes of each workload use, and what its files occupy. One job each, so that the
 * pool's threads share the work; the last one answers for all. */
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"
#include "core/proto/workload.pb-c.h"

#include <stdio.h>

struct measurement {
    struct io_op op;
    size_t jobs;      /* Under way. */
    struct text data; /* Packed messages one behind another are one with the repeated fields of all. */
};

struct measure_job {
    struct job job;
    struct measurement *measurement;
    char name[WORKLOAD_NAME_SIZE];
    struct path folder;
    struct workload_pids pids;
};

static bool add_group(const struct workload_pids *pids, Cupola__WorkloadUsage *usage)
{
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    struct cgroup_usage used;
    if (pids->group[0] == 0 || !cgroup_measure(&tree, pids->group, &used))
        return false;
    usage->memory_bytes = used.memory_bytes;
    usage->cpu_ns = used.cpu_ns;
    usage->processes = used.processes;
    return true;
}

/* Shared pages count once for each process: an upper bound, which is what a limit needs. */
static void add_processes(const struct workload_pids *pids, Cupola__WorkloadUsage *usage)
{
    pid_t *descendants = memory_new(PROCESSES_MOST * sizeof *descendants);
    size_t count = 0;
    if (process_is_alive(pids->supervisor))
        count = process_descendants(pids->supervisor.pid, descendants);
    for (size_t i = 0; i < count; i++) {
        struct process_figures figures;
        if (!process_read(descendants[i], &figures))
            continue;
        usage->memory_bytes += figures.memory_bytes;
        usage->cpu_ns += figures.cpu_ns;
        usage->processes += !figures.is_zombie;
    }
    memory_free(descendants);
}

static void work(struct job *job)
{
    struct measure_job *measure = container_of(job, struct measure_job, job);
    Cupola__WorkloadUsage usage = CUPOLA__WORKLOAD_USAGE__INIT, *one = &usage;
    usage.workload = measure->name;
    usage.has_memory_bytes = usage.has_disk_bytes = usage.has_cpu_ns = usage.has_processes = 1;
    if (!add_group(&measure->pids, &usage))
        add_processes(&measure->pids, &usage);
    struct path root = path_of("%s/root", measure->folder.text);
    usage.disk_bytes = files_measure_tree(root.text);
    Cupola__WorkloadUsages usages = CUPOLA__WORKLOAD_USAGES__INIT;
    usages.n_usages = 1;
    usages.usages = &one;
    size_t size = cupola__workload_usages__get_packed_size(&usages);
    cupola__workload_usages__pack(&usages, text_room(&job->data, size));
    text_grow(&job->data, size);
}

static void answer(struct real_driver *driver, struct measurement *measurement)
{
    struct text *data = &measurement->data;
    struct io_bytes bytes = {(const uint8_t *)text_string(data), data->size};
    driver_done(driver, measurement->op, IO_OK, 0, bytes);
    text_free(data);
    memory_free(measurement);
}

static void finish(struct job *job)
{
    struct measure_job *measure = container_of(job, struct measure_job, job);
    struct measurement *measurement = measure->measurement;
    text_add(&measurement->data, text_string(&job->data), job->data.size);
    if (--measurement->jobs == 0)
        answer(job->driver, measurement);
    text_free(&job->data);
    memory_free(measure);
}

void workloads_measure(struct real_driver *driver, struct io_op op)
{
    struct measurement *measurement = memory_new(sizeof *measurement);
    measurement->op = op;
    const struct workload *workload, *next;
    HASH_ITER (hh, driver->workloads, workload, next) {
        if (workload->state != WORKLOAD_RUNNING)
            continue;
        struct measure_job *measure = memory_new(sizeof *measure);
        measure->measurement = measurement;
        snprintf(measure->name, sizeof measure->name, "%s", workload->name);
        measure->folder = workload->folder;
        measure->pids = workload->pids;
        measurement->jobs++;
        job_start(driver, &measure->job, op, work, finish);
    }
    if (measurement->jobs == 0)
        answer(driver, measurement);
}
