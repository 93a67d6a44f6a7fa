#include "drivers/real/workloads/process_tree.h"

#include "drivers/real/files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "core/base/duration.h"
#include "core/base/memory.h"

/* /proc has no size: one read gives these small files whole. */
static ssize_t read_small(const char *path, char *ret_text, size_t size)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    ssize_t got = read(descriptor, ret_text, size - 1);
    close(descriptor);
    ret_text[got > 0 ? got : 0] = 0;
    return got;
}

/* proc(5): the fields behind the name, which is in parentheses and may hold anything. */
bool process_read(pid_t pid, struct process_figures *ret_figures)
{
    struct path path = path_of("/proc/%d/stat", (int)pid);
    char text[1024];
    if (read_small(path.text, text, sizeof text) <= 0)
        return false;
    const char *fields = strrchr(text, ')');
    char state;
    unsigned long long user, system, start;
    long long children_user, children_system, pages;
    if (fields == NULL ||
        sscanf(fields + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d %*d %*d %llu %*u %lld", &state,
               &user, &system, &children_user, &children_system, &start, &pages) != 7)
        return false;
    uint64_t ticks = user + system + (uint64_t)children_user + (uint64_t)children_system;
    *ret_figures = (struct process_figures){
        .start_ticks = start,
        .cpu_ns = ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK)),
        .memory_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE),
        .is_zombie = state == 'Z' || state == 'X',
    };
    return true;
}

bool process_is_alive(struct process_id id)
{
    struct process_figures figures;
    return id.pid > 0 && process_read(id.pid, &figures) && figures.start_ticks == id.start_ticks && !figures.is_zombie;
}

/* Opened first, compared then: what is compared cannot change behind our back. */
int process_open(struct process_id id)
{
    int descriptor = id.pid > 0 ? pidfd_open(id.pid, 0) : -1;
    if (descriptor >= 0 && !process_is_alive(id)) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

void process_boot_id(char ret_id[40])
{
    if (read_small("/proc/sys/kernel/random/boot_id", ret_id, 40) <= 0)
        strcpy(ret_id, "?");
    ret_id[strcspn(ret_id, "\n")] = 0;
}

/* While the group exists the kernel gives its number to nobody else; the leader alone may be gone. */
void process_kill_group(struct process_id leader)
{
    struct process_figures figures;
    if (leader.pid > 1 && (!process_read(leader.pid, &figures) || figures.start_ticks == leader.start_ticks))
        kill(-leader.pid, SIGKILL);
}

static size_t add_children(pid_t parent, pid_t *pids, size_t count)
{
    struct path path = path_of("/proc/%d/task/%d/children", (int)parent, (int)parent);
    char text[8192];
    if (read_small(path.text, text, sizeof text) <= 0)
        return count;
    char *rest = text, *word;
    while ((word = strtok_r(rest, " \n", &rest)) != NULL && count < PROCESSES_MOST)
        pids[count++] = (pid_t)atoi(word);
    return count;
}

size_t process_descendants(pid_t ancestor, pid_t ret_pids[PROCESSES_MOST])
{
    size_t count = add_children(ancestor, ret_pids, 0);
    for (size_t i = 0; i < count; i++)
        count = add_children(ret_pids[i], ret_pids, count);
    return count;
}

size_t process_signal_descendants(pid_t ancestor, int signal)
{
    pid_t *pids = memory_new(PROCESSES_MOST * sizeof *pids);
    size_t count = process_descendants(ancestor, pids);
    for (size_t i = 0; i < count; i++)
        kill(pids[i], signal);
    memory_free(pids);
    return count;
}
