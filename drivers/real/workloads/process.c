/* The process kind: a plain process in a session of its own, for machines that cannot do better. Where we are root it
 * gets a Unix user of its own and, where there are cgroups, what these grant; else what a single process can be
 * granted, and what its supervisor measures. It sees the whole machine.
 */
#include "drivers/real/workloads/workload.h"

#include <errno.h>
#include <unistd.h>

static bool is_possible(const Cupola__DriverConfig *config, struct text *ret_why_not)
{
    (void)config;
    (void)ret_why_not;
    return true;
}

static bool prepare(struct workload_order *order)
{
    order->runs_as_us = order->uid == 0 && geteuid() == 0;
    return true;
}

static void execute(const struct supervised *supervised)
{
    if (supervised->uid == 0 || supervised_become_user(supervised))
        execve(supervised->argv[0], supervised->argv, supervised->envp);
}

static pid_t launch(const struct supervised *supervised, const int outputs[LOG_STREAMS], struct text *ret_reason)
{
    (void)ret_reason;
    return supervised_fork(supervised, outputs, execute);
}

static void ended(const struct supervised *supervised)
{
    (void)supervised;
}

static void clean_up(const struct path *folder, const char *name, const char *oci_runtime)
{
    (void)folder;
    (void)name;
    (void)oci_runtime;
}

const struct workload_kind workload_kind_process = {
    .name = "process",
    .is_possible = is_possible,
    .prepare = prepare,
    .launch = launch,
    .ended = ended,
    .clean_up = clean_up,
};
