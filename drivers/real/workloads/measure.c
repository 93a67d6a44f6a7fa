/* WORKLOAD_MEASURE: what all processes of a workload use, and what its files occupy. */
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"
#include "core/proto/workload.pb-c.h"

#include <stdio.h>

struct measure_job {
    struct job job;
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
    Cupola__WorkloadUsage usage = CUPOLA__WORKLOAD_USAGE__INIT;
    usage.has_memory_bytes = usage.has_disk_bytes = usage.has_cpu_ns = usage.has_processes = 1;
    if (!add_group(&measure->pids, &usage))
        add_processes(&measure->pids, &usage);
    struct path root = path_of("%s/root", measure->folder.text);
    usage.disk_bytes = files_measure_tree(root.text);
    size_t size = cupola__workload_usage__get_packed_size(&usage);
    cupola__workload_usage__pack(&usage, text_room(&job->data, size));
    text_grow(&job->data, size);
}

static void finish(struct job *job)
{
    job_answer(job);
    memory_free(container_of(job, struct measure_job, job));
}

void workload_measure(struct real_driver *driver, struct io_op op, const char *name)
{
    const struct workload *workload = workload_find(driver, name);
    if (workload == NULL || workload->state == WORKLOAD_REMOVING) {
        driver_done(driver, op, IO_NOT_FOUND, 0, (struct io_bytes){0});
        return;
    }
    struct measure_job *measure = memory_new(sizeof *measure);
    measure->folder = workload->folder;
    measure->pids = workload->pids;
    job_start(driver, &measure->job, op, work, finish);
}
