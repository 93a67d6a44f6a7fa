/* From the supervisor to the main process of a workload: what kinds share. */
#include "drivers/real/workloads/kind.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Applications give way to the agent that looks after them; in cgroups their share sees to that. */
enum { NICENESS = 5 };
/* Runtimes such as V8 reserve far more address space than they use: this stops run-aways only. */
#define RUNAWAY_BYTES (UINT64_C(1) << 30)

bool supervised_note(const struct supervised *supervised, pid_t main)
{
    struct process_figures ours, theirs = {0};
    if (!process_read(getpid(), &ours) || (main != 0 && !process_read(main, &theirs)))
        return false;
    struct workload_pids pids = {.supervisor = {getpid(), ours.start_ticks}, .main = {main, theirs.start_ticks}};
    snprintf(pids.group, sizeof pids.group, "%s", supervised->final_group);
    return workload_write_pids(&supervised->folder, &pids);
}

/* ---- In the child ---- */

/* The kernel counts processes by user: only one of its own can be limited that way, where there is no cgroup. */
void supervised_list_limits(const struct supervised *supervised, struct contained_limit ret_limits[CONTAINED_LIMITS])
{
    const struct workload_limits *limits = &supervised->limits;
    bool has_group = supervised->group[0] != 0;
    uint64_t data_bytes = limits->memory_bytes == 0 || has_group ? 0 : 2 * limits->memory_bytes + RUNAWAY_BYTES;
    ret_limits[0] = (struct contained_limit){RLIMIT_NOFILE, limits->descriptors};
    ret_limits[1] = (struct contained_limit){RLIMIT_FSIZE, limits->disk_bytes};
    ret_limits[2] = (struct contained_limit){RLIMIT_DATA, data_bytes};
    ret_limits[3] = (struct contained_limit){RLIMIT_NPROC, supervised->uid == 0 || has_group ? 0 : limits->processes};
}

static void set_limits(const struct supervised *supervised)
{
    struct contained_limit limits[CONTAINED_LIMITS];
    supervised_list_limits(supervised, limits);
    for (size_t i = 0; i < CONTAINED_LIMITS; i++)
        contained_take_limit(&limits[i]);
}

/* As good for what only waits as for an app. */
static void lower_priority(const struct supervised *supervised)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (supervised->group[0] == 0)
        setpriority(PRIO_PROCESS, 0, NICENESS);
}

/* The supervisor is the last one that the kernel should kill for want of memory; the workload is as good as any. */
void supervised_become_killable(void)
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0 && write(file, "0", 1) == 1)
        errno = 0;
    if (file >= 0)
        close(file);
}

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

bool supervised_become_user(const struct supervised *supervised)
{
    uid_t uid = supervised->uid;
    bool is_user =
        uid == 0 || (setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
    /* Changing the user has taken this back: nobody would note how it ends. */
    return is_user && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool begin_child(const struct supervised *supervised, const int outputs[LOG_STREAMS])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    reset_signals();
    supervised_become_killable();
    dup2(outputs[LOG_STDOUT], STDOUT_FILENO);
    dup2(outputs[LOG_STDERR], STDERR_FILENO);
    lower_priority(supervised);
    struct path root = path_of("%s/root", supervised->folder.text);
    return chdir(root.text) == 0;
}

static _Noreturn void tell_error(int connection)
{
    int error = errno;
    ssize_t written = write(connection, &error, sizeof error);
    _exit(written > 0 ? 127 : 126);
}

static _Noreturn void run_child(const struct supervised *supervised, const int outputs[LOG_STREAMS], int go,
                                int exec_failed, void (*execute)(const struct supervised *supervised))
{
    char byte;
    if (begin_child(supervised, outputs) && read(go, &byte, 1) == 1) {
        set_limits(supervised);
        execute(supervised);
    }
    tell_error(exec_failed);
}

/* ---- In the supervisor ---- */

static bool let_go(const struct supervised *supervised, pid_t main, int go, int exec_failed)
{
    if (!supervised_note(supervised, main)) {
        kill(main, SIGKILL);
        errno = EIO;
        return false;
    }
    int error = 0;
    if (write(go, "!", 1) == 1 && read(exec_failed, &error, sizeof error) == 0)
        return true;
    errno = error != 0 ? error : EIO;
    return false;
}

pid_t supervised_fork(const struct supervised *supervised, const int outputs[LOG_STREAMS],
                      void (*execute)(const struct supervised *supervised))
{
    int go[2], exec_failed[2];
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(exec_failed, O_CLOEXEC) != 0)
        return -1;
    pid_t main = fork();
    if (main == 0)
        run_child(supervised, outputs, go[0], exec_failed[1], execute);
    close(go[0]);
    close(exec_failed[1]);
    if (main > 0 && !let_go(supervised, main, go[1], exec_failed[0]))
        main = -1;
    int error = errno;
    close(go[1]);
    close(exec_failed[0]);
    errno = error;
    return main;
}

bool supervised_hear(const struct container *container)
{
    int error = EIO;
    ssize_t got;
    while ((got = read(container->connection, &error, sizeof error)) < 0 && errno == EINTR) {
    }
    errno = got == sizeof error ? error : EIO;
    return got == sizeof error && error == 0;
}

pid_t supervised_fork_guard(const struct supervised *supervised, const int outputs[LOG_STREAMS], int connection,
                            void (*execute)(const struct supervised *supervised, int connection))
{
    pid_t guard = fork();
    if (guard != 0)
        return guard;
    if (begin_child(supervised, outputs))
        execute(supervised, connection);
    tell_error(connection);
}
