/* Control groups: what the kernel grants to all processes of a workload together, and counts for them. Both versions:
 *
 *   v2   <root>/cupola/<name>/                       one hierarchy; swap is granted to nobody
 *   v1   <root>/{memory,pids,cpu,cpuacct}/cupola/<name>/
 *
 * A process that enters a group waits up to a few tens of ms for the kernel to agree with itself; one that is forked
 * inside it does not. Hence a supervisor enters the group of a workload long before there is one (supervisor.c), and
 * leaves when the workload runs.
 *
 * Invariant: nothing here fails for want of a file; what a hierarchy does not offer is not limited.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_CGROUP_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_CGROUP_H

#include "core/io.h"

#include <stdbool.h>
#include <sys/types.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
enum { CGROUP_NAME_SIZE = 80 };

struct cgroup_tree {
    const char *root; /* CGROUP_ROOT, or a test's folder. */
    unsigned version; /* 0: there is none that we may write to. */
};

struct cgroup_usage {
    uint64_t memory_bytes; /* Without what is only a copy of files. */
    uint64_t cpu_ns;
    uint32_t processes;
};

/* Whose group may be broken: counted by the kernel since the group was made. */
struct cgroup_breaches {
    uint64_t memory;    /* Processes killed because the group was out of memory; on v1 also because the machine was. */
    uint64_t processes; /* Forks refused. */
};

/* Looks what there is. */
struct cgroup_tree cgroup_tree_at(const char *root);

/* Makes the group. False if that is not possible, or if it could limit neither memory nor processes: then there is
 * none. The latter is so below a group of v2 that has processes of its own and is not the machine's root. */
bool cgroup_make(const struct cgroup_tree *tree, const char *name);
/* Whether groups can be made here. */
bool cgroup_is_possible(const struct cgroup_tree *tree);
/* This process enters it; its children will be born in it. */
bool cgroup_enter(const struct cgroup_tree *tree, const char *name);
/* This process goes over to the group of all supervisors. */
void cgroup_leave(const struct cgroup_tree *tree);
/* Memory (with swap) and processes. */
void cgroup_limit(const struct cgroup_tree *tree, const char *name, const struct workload_limits *limits);
/* v2: if one of it is killed for want of memory, all are, including a supervisor that has not left it. */
void cgroup_die_together(const struct cgroup_tree *tree, const char *name);
/* A share of the CPU in proportion to the memory; percent of one core at most, 0: no cap. */
void cgroup_limit_cpu(const struct cgroup_tree *tree, const char *name, uint64_t memory_bytes, uint32_t percent);
/* The share of the CPU that goes with so much memory, in the units of v1. */
uint64_t cgroup_shares(uint64_t memory_bytes);
/* False if there is no such group. */
bool cgroup_measure(const struct cgroup_tree *tree, const char *name, struct cgroup_usage *ret_usage);
struct cgroup_breaches cgroup_breaches(const struct cgroup_tree *tree, const char *name);
/* SIGKILL for all in it but us and the one that is spared (0: nobody): a supervisor that has not left it yet. Nobody in
 * it can fork any more. Returns how many there were. */
size_t cgroup_kill(const struct cgroup_tree *tree, const char *name, pid_t spared);
/* False if it stays, because somebody is in it. */
bool cgroup_remove(const struct cgroup_tree *tree, const char *name);
/* Removes the groups of those who were killed before they could, then cupola/ itself if nobody uses it. */
void cgroup_sweep(const struct cgroup_tree *tree);

#endif
