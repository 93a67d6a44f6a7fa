/* The process kind: a plain process in a session of its own, with the limits that a process can be given.
 *
 * What it does not do, by its nature: it isolates nothing, and memory is bounded by measuring (WORKLOAD_MEASURE) plus a
 * coarse cap against run-aways only, because runtimes such as V8 reserve far more address space than they use.
 * RLIMIT_NPROC is not set: it counts all processes of the user, not those of the workload.
 */
#include "drivers/real/supervisor.h"
#include "drivers/real/workload.h"

#include "core/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Applications give way to the agent that looks after them. */
enum { NICENESS = 5 };
#define RUNAWAY_BYTES (UINT64_C(1) << 30)

/* HOME is the workload's directory, which only a driver can know. */
void workload_add_home(struct workload_order *order, const char *home)
{
    size_t count = 0;
    for (; order->envp[count] != NULL; count++) {
        if (strncmp(order->envp[count], "HOME=", 5) == 0)
            return;
    }
    struct path line = path_of("HOME=%s", home);
    order->envp = memory_grow(order->envp, (count + 1) * sizeof *order->envp, (count + 2) * sizeof *order->envp);
    order->envp[count] = memory_copy_text(line.text);
}

static bool prepare(struct workload_order *order)
{
    struct path root = path_of("%s/root", order->folder.text);
    workload_add_home(order, root.text);
    return true;
}

static void clean_up(const struct path *folder, const char *name, const char *oci_runtime)
{
    (void)folder;
    (void)name;
    (void)oci_runtime;
}

const struct workload_kind workload_kind_process = {.name = "process", .prepare = prepare, .clean_up = clean_up};

/* ---- In the supervisor: between fork and exec ---- */

static void set_limit(__rlimit_resource_t resource, uint64_t most)
{
    struct rlimit limit;
    if (most == 0 || getrlimit(resource, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max = most < limit.rlim_max ? most : limit.rlim_max;
    setrlimit(resource, &limit);
}

static void set_limits(const struct workload_limits *limits)
{
    set_limit(RLIMIT_NOFILE, limits->descriptors);
    set_limit(RLIMIT_FSIZE, limits->disk_bytes);
    if (limits->memory_bytes != 0)
        set_limit(RLIMIT_DATA, 2 * limits->memory_bytes + RUNAWAY_BYTES);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    setpriority(PRIO_PROCESS, 0, NICENESS);
}

/* What startup says before it redirects itself, or instead, is not lost. */
static void redirect_output(void)
{
    int log = open("logs/stderr.log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0644);
    if (log < 0)
        return;
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close(log);
}

static void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
}

pid_t supervised_process_fork(const struct supervised *supervised, int go, int exec_failed)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* Nobody would note how it ends. */
    setsid();
    reset_signals();
    struct path root = path_of("%s/root", supervised->folder.text);
    char byte;
    if (chdir(root.text) == 0 && read(go, &byte, 1) == 1) {
        redirect_output();
        set_limits(&supervised->limits);
        execve(supervised->argv[0], supervised->argv, environ);
    }
    int error = errno;
    ssize_t written = write(exec_failed, &error, sizeof error);
    _exit(written > 0 ? 127 : 126);
}
