#include "drivers/real/workloads/cgroup.h"

#include "core/base/duration.h"
#include "drivers/real/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL_FILE = 8192, KILL_ROUNDS = 20, SWEEPERS_MOST = 10 };
/* Of v1, and of v2 as it translates them; a workload of 1 GiB gets what the kernel gives by default. */
enum { SHARES_A_GIB = 1024, SHARES_LEAST = 64, SHARES_MOST = 65536, WEIGHT_A_GIB = 100, WEIGHT_MOST = 10000 };
enum { CPU_PERIOD_US = 100000 };

static const char parent[] = "cupola";
static const char supervisors[] = "supervisors";
static const char *const hierarchies[] = {"memory", "pids", "cpu", "cpuacct"};
enum { HIERARCHIES = sizeof hierarchies / sizeof hierarchies[0] };

/* ---- Where things are ---- */

static size_t hierarchy_count(const struct cgroup_tree *tree)
{
    return tree->version == 1 ? HIERARCHIES : tree->version == 2 ? 1 : 0;
}

static struct path path_in(const struct cgroup_tree *tree, size_t hierarchy, const char *name, const char *file)
{
    if (tree->version == 1)
        return path_of("%s/%s/%s/%s/%s", tree->root, hierarchies[hierarchy], parent, name, file);
    return path_of("%s/%s/%s/%s", tree->root, parent, name, file);
}

/* The file of a v1 hierarchy, or that of v2. */
static struct path path_to(const struct cgroup_tree *tree, const char *name, size_t hierarchy, const char *v1,
                           const char *v2)
{
    return path_in(tree, hierarchy, name, tree->version == 1 ? v1 : v2);
}

enum { MEMORY, PIDS, CPU, CPUACCT };

struct cgroup_tree cgroup_tree_at(const char *root)
{
    struct cgroup_tree tree = {.root = root};
    struct path v2 = path_of("%s/cgroup.controllers", root), v1 = path_of("%s/memory/cgroup.procs", root);
    if (access(v2.text, F_OK) == 0)
        tree.version = access(root, W_OK) == 0 ? 2 : 0;
    else if (access(v1.text, W_OK) == 0)
        tree.version = 1;
    return tree;
}

/* ---- Small files ---- */

static bool write_text(struct path path, const char *text)
{
    int file = open(path.text, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t written = write(file, text, strlen(text));
    close(file);
    return written >= 0;
}

static bool write_number(struct path path, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return write_text(path, text);
}

static bool read_text(struct path path, char ret_text[SMALL_FILE])
{
    int file = open(path.text, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t got = read(file, ret_text, SMALL_FILE - 1);
    close(file);
    ret_text[got > 0 ? got : 0] = 0;
    return got > 0;
}

static uint64_t read_number(struct path path)
{
    char text[SMALL_FILE];
    return read_text(path, text) ? strtoull(text, NULL, 10) : 0;
}

/* The number behind a key at the begin of a line. */
static uint64_t read_key(struct path path, const char *key)
{
    char text[SMALL_FILE];
    size_t size = strlen(key);
    const char *line = read_text(path, text) ? text : NULL;
    while (line != NULL && !(strncmp(line, key, size) == 0 && line[size] == ' ')) {
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return line == NULL ? 0 : strtoull(line + size, NULL, 10);
}

/* ---- Life ---- */

/* v2 hands controllers down level by level, as far as they are there. */
static void hand_down(const struct cgroup_tree *tree)
{
    static const char *const controllers[] = {"+memory", "+pids", "+cpu"};
    for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
        write_text(path_of("%s/cgroup.subtree_control", tree->root), controllers[i]);
        write_text(path_of("%s/%s/cgroup.subtree_control", tree->root, parent), controllers[i]);
    }
}

static bool make_folders(const struct cgroup_tree *tree, const char *name)
{
    for (size_t i = 0; i < hierarchy_count(tree); i++) {
        struct path folder = path_in(tree, i, name, "");
        if (mkdir(folder.text, 0755) != 0 && errno != EEXIST)
            return false;
    }
    return tree->version != 0;
}

/* A group of v2 has the files of those controllers only that were handed down to it. */
static bool has_controllers(const struct cgroup_tree *tree, const char *name)
{
    return tree->version == 1 || (access(path_in(tree, MEMORY, name, "memory.max").text, F_OK) == 0 &&
                                  access(path_in(tree, PIDS, name, "pids.max").text, F_OK) == 0);
}

static void make_parent(const struct cgroup_tree *tree)
{
    for (size_t i = 0; i < hierarchy_count(tree); i++) {
        struct path folder = path_in(tree, i, "", "");
        mkdir(folder.text, 0755);
    }
    if (tree->version == 2)
        hand_down(tree);
    /* All workloads together weigh as much as one busy process of others for each CPU. */
    uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), weight = cpus * WEIGHT_A_GIB;
    write_number(path_to(tree, "", CPU, "cpu.shares", "cpu.weight"), tree->version == 1     ? cpus * SHARES_A_GIB
                                                                     : weight < WEIGHT_MOST ? weight
                                                                                            : WEIGHT_MOST);
}

/* Where the parent was there already, whoever made it may have been killed before it handed controllers down. */
bool cgroup_make(const struct cgroup_tree *tree, const char *name)
{
    bool is_made = make_folders(tree, name);
    if (tree->version == 0 || (!is_made && errno != ENOENT))
        return false;
    if (is_made && has_controllers(tree, name))
        return true;
    for (int i = 0; i < SWEEPERS_MOST; i++) { /* Another agent may sweep the empty parent away before we are in it. */
        make_parent(tree);
        if (make_folders(tree, name) && has_controllers(tree, name))
            return true;
    }
    cgroup_remove(tree, name);
    return false;
}

bool cgroup_is_possible(const struct cgroup_tree *tree)
{
    bool is_possible = cgroup_make(tree, supervisors);
    cgroup_remove(tree, supervisors);
    cgroup_remove(tree, "");
    return is_possible;
}

bool cgroup_enter(const struct cgroup_tree *tree, const char *name)
{
    bool has_entered = tree->version != 0;
    for (size_t i = 0; i < hierarchy_count(tree); i++)
        has_entered = write_text(path_in(tree, i, name, "cgroup.procs"), "0") && has_entered;
    return has_entered;
}

void cgroup_leave(const struct cgroup_tree *tree)
{
    bool has_left = tree->version == 0;
    for (int i = 0; !has_left && i < SWEEPERS_MOST; i++) /* An empty group may be swept away before we are in it. */
        has_left = cgroup_make(tree, supervisors) && cgroup_enter(tree, supervisors);
}

bool cgroup_remove(const struct cgroup_tree *tree, const char *name)
{
    bool is_gone = true;
    for (size_t i = 0; i < hierarchy_count(tree); i++)
        is_gone = (rmdir(path_in(tree, i, name, "").text) == 0 || errno == ENOENT) && is_gone;
    return is_gone;
}

/* OCI runtimes make cupola/ in every hierarchy. */
static void sweep_others(const struct cgroup_tree *tree)
{
    DIR *folders = tree->version == 1 ? opendir(tree->root) : NULL;
    const struct dirent *entry;
    while (folders != NULL && (entry = readdir(folders)) != NULL) {
        if (entry->d_name[0] != '.')
            rmdir(path_of("%s/%s/%s", tree->root, entry->d_name, parent).text);
    }
    if (folders != NULL)
        closedir(folders);
}

void cgroup_sweep(const struct cgroup_tree *tree)
{
    for (size_t i = 0; i < hierarchy_count(tree); i++) {
        struct path folder = path_in(tree, i, "", "");
        DIR *groups = opendir(folder.text);
        const struct dirent *entry;
        while (groups != NULL && (entry = readdir(groups)) != NULL) {
            if (entry->d_name[0] != '.')
                rmdir(path_in(tree, i, entry->d_name, "").text);
        }
        if (groups != NULL)
            closedir(groups);
        rmdir(folder.text);
    }
    sweep_others(tree);
}

/* ---- Limits ---- */

static uint64_t in_proportion(uint64_t memory_bytes, uint64_t a_gib, uint64_t least, uint64_t most)
{
    uint64_t share = memory_bytes == 0 ? a_gib : (memory_bytes >> 20) * a_gib / 1024;
    return share < least ? least : share > most ? most : share;
}

uint64_t cgroup_shares(uint64_t memory_bytes)
{
    return in_proportion(memory_bytes, SHARES_A_GIB, SHARES_LEAST, SHARES_MOST);
}

void cgroup_limit_cpu(const struct cgroup_tree *tree, const char *name, uint64_t memory_bytes, uint32_t percent)
{
    uint64_t quota_us = (uint64_t)percent * CPU_PERIOD_US / 100;
    if (tree->version == 1) {
        write_number(path_in(tree, CPU, name, "cpu.shares"), cgroup_shares(memory_bytes));
        if (percent != 0)
            write_number(path_in(tree, CPU, name, "cpu.cfs_quota_us"), quota_us);
        return;
    }
    char text[48];
    snprintf(text, sizeof text, "%" PRIu64 " %d", quota_us, CPU_PERIOD_US);
    write_number(path_in(tree, CPU, name, "cpu.weight"), in_proportion(memory_bytes, WEIGHT_A_GIB, 1, WEIGHT_MOST));
    if (percent != 0)
        write_text(path_in(tree, CPU, name, "cpu.max"), text);
}

void cgroup_limit(const struct cgroup_tree *tree, const char *name, const struct workload_limits *limits)
{
    if (tree->version == 0)
        return;
    if (limits->memory_bytes != 0) {
        write_number(path_to(tree, name, MEMORY, "memory.limit_in_bytes", "memory.max"), limits->memory_bytes);
        if (tree->version == 1) {
            write_number(path_in(tree, MEMORY, name, "memory.memsw.limit_in_bytes"), limits->memory_bytes);
        } else {
            write_number(path_in(tree, MEMORY, name, "memory.swap.max"), 0);
        }
    }
    if (limits->processes != 0)
        write_number(path_in(tree, PIDS, name, "pids.max"), limits->processes);
}

void cgroup_die_together(const struct cgroup_tree *tree, const char *name)
{
    if (tree->version == 2)
        write_number(path_in(tree, MEMORY, name, "memory.oom.group"), 1);
}

/* ---- Figures ---- */

bool cgroup_measure(const struct cgroup_tree *tree, const char *name, struct cgroup_usage *ret_usage)
{
    struct path memory = path_in(tree, MEMORY, name, "memory.stat");
    if (tree->version == 0 || access(memory.text, F_OK) != 0)
        return false;
    if (tree->version == 1) {
        ret_usage->memory_bytes = read_key(memory, "total_rss") + read_key(memory, "total_shmem");
        ret_usage->cpu_ns = read_number(path_in(tree, CPUACCT, name, "cpuacct.usage"));
    } else {
        ret_usage->memory_bytes = read_key(memory, "anon") + read_key(memory, "shmem");
        ret_usage->cpu_ns = read_key(path_in(tree, CPU, name, "cpu.stat"), "usage_usec") * (NS_PER_MS / 1000);
    }
    ret_usage->processes = (uint32_t)read_number(path_in(tree, PIDS, name, "pids.current"));
    return true;
}

/* v2 tells a group that has outgrown its limit (oom) from one that died because the whole machine was out of memory. */
static uint64_t count_memory_breaches(const struct cgroup_tree *tree, const char *name)
{
    struct path events = path_to(tree, name, MEMORY, "memory.oom_control", "memory.events");
    bool is_its_own_fault = tree->version == 1 || read_key(events, "oom") > 0;
    return is_its_own_fault ? read_key(events, "oom_kill") : 0;
}

struct cgroup_breaches cgroup_breaches(const struct cgroup_tree *tree, const char *name)
{
    if (tree->version == 0)
        return (struct cgroup_breaches){0};
    return (struct cgroup_breaches){
        .memory = count_memory_breaches(tree, name),
        .processes = read_key(path_in(tree, PIDS, name, "pids.events"), "max"),
    };
}

static size_t kill_once(const struct cgroup_tree *tree, const char *name, pid_t spared)
{
    char text[SMALL_FILE];
    size_t count = 0;
    if (!read_text(path_in(tree, PIDS, name, "cgroup.procs"), text))
        return 0;
    char *rest = text;
    const char *word;
    while ((word = strtok_r(rest, "\n", &rest)) != NULL) {
        pid_t pid = (pid_t)atoi(word);
        count += pid > 1 && pid != getpid() && pid != spared && kill(pid, SIGKILL) == 0;
    }
    return count;
}

/* One read gives some thousand bytes of process numbers: hence rounds. */
size_t cgroup_kill(const struct cgroup_tree *tree, const char *name, pid_t spared)
{
    size_t count = 0, killed = 1;
    if (tree->version == 0)
        return 0;
    write_number(path_in(tree, PIDS, name, "pids.max"), 0);
    for (int i = 0; i < KILL_ROUNDS && killed > 0; i++) {
        killed = kill_once(tree, name, spared);
        count += killed;
    }
    return count;
}
