/* The supervisor while its workload lives: logs, limits, orphans; and its end. */
#include "drivers/real/workloads/supervisor.h"

#include "core/base/duration.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"

/* How often limits are looked at that the kernel does not hold by itself, and how much of a CPU and of the time that
 * may take. On a busy machine a look lasts, but costs no more. */
enum { LOOK_MS = 200, LOOK_CPU_SHARE = 50, LOOK_TIME_SHARE = 4 };
/* Kept free on the disk, for the last words of an instance that has filled it. */
enum { RESERVE_BYTES = 64 * 1024 };
/* Where there is no cgroup, pages that processes share count for each of them: what v1 granted for that. */
enum { GRANTED_EIGHTHS = 9 };
/* Bash tells of a child's death by a signal in its own exit status; so does the first process of a container. */
enum { SHELL_SIGNAL_BASE = 128, SIGNALS_MOST = 64 };

struct watch {
    const struct supervised *supervised;
    struct cgroup_tree tree;
    const char *group; /* "": none. */
    pid_t main;
    bool has_ended;
    int wait_status;
    int children; /* Becomes readable when one has ended. */
    struct supervisor_log log;
    uint64_t look_ns;
    enum workload_breach breach;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* ---- Limits ---- */

static enum workload_breach look_at_group(const struct watch *watch)
{
    struct cgroup_breaches breaches = cgroup_breaches(&watch->tree, watch->group);
    return breaches.memory > 0 ? BREACH_MEMORY : breaches.processes > 0 ? BREACH_PROCESSES : BREACH_NONE;
}

static enum workload_breach look_at_processes(const struct watch *watch)
{
    const struct workload_limits *limits = &watch->supervised->limits;
    pid_t *pids = memory_new(PROCESSES_MOST * sizeof *pids);
    size_t count = process_descendants(getpid(), pids);
    uint64_t memory_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct process_figures figures;
        if (process_read(pids[i], &figures))
            memory_bytes += figures.memory_bytes;
    }
    memory_free(pids);
    if (limits->processes != 0 && count >= limits->processes)
        return BREACH_PROCESSES;
    bool is_too_large = limits->memory_bytes != 0 && memory_bytes > limits->memory_bytes / 8 * GRANTED_EIGHTHS;
    return is_too_large ? BREACH_MEMORY : BREACH_NONE;
}

static bool outgrew_disk(const struct watch *watch)
{
    uint64_t most = watch->supervised->limits.disk_bytes;
    struct path root = path_of("%s/root", watch->supervised->folder.text);
    return most != 0 && files_measure_tree(root.text) > most;
}

static void kill_all(const struct watch *watch)
{
    if (watch->group[0] != 0)
        cgroup_kill(&watch->tree, watch->group, 0);
    process_signal_descendants(getpid(), SIGKILL);
}

/* A tree that takes long to measure is measured less often. */
static void look(struct watch *watch)
{
    uint64_t begun_ns = now_ns(), begun_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (begun_ns < watch->look_ns)
        return;
    watch->breach = watch->group[0] != 0 ? look_at_group(watch) : look_at_processes(watch);
    if (watch->breach == BREACH_NONE && outgrew_disk(watch))
        watch->breach = BREACH_DISK;
    uint64_t ended_ns = now_ns(), pause_ns = LOOK_MS * NS_PER_MS;
    uint64_t cpu_pause_ns = (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begun_cpu_ns) * LOOK_CPU_SHARE;
    uint64_t time_pause_ns = (ended_ns - begun_ns) * LOOK_TIME_SHARE;
    pause_ns = cpu_pause_ns > pause_ns ? cpu_pause_ns : pause_ns;
    watch->look_ns = ended_ns + (time_pause_ns > pause_ns ? time_pause_ns : pause_ns);
    if (watch->breach != BREACH_NONE)
        kill_all(watch);
}

/* ---- One round ---- */

static void reap(struct watch *watch)
{
    struct signalfd_siginfo information;
    while (read(watch->children, &information, sizeof information) > 0) {
    }
    int status;
    pid_t ended;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
        if (ended == watch->main) {
            watch->has_ended = true;
            watch->wait_status = status;
        }
    }
    if (ended < 0 && errno == ECHILD && !watch->has_ended) {
        watch->has_ended = true; /* It was no child of ours after all: nobody knows how it ended. */
        watch->wait_status = SIGKILL;
    }
}

static int ms_until(uint64_t at_ns, uint64_t now)
{
    return at_ns <= now ? 0 : (int)((at_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void run_round(struct watch *watch)
{
    struct pollfd ready[1 + LOG_STREAMS] = {{.fd = watch->children, .events = POLLIN}};
    for (size_t i = 0; i < LOG_STREAMS; i++)
        ready[1 + i] = (struct pollfd){.fd = watch->log.streams[i].pipe, .events = POLLIN};
    uint64_t log_due_ns = supervisor_log_due_ns(&watch->log), begun_ns = now_ns();
    uint64_t due_ns = log_due_ns < watch->look_ns ? log_due_ns : watch->look_ns;
    if (poll(ready, 1 + LOG_STREAMS, ms_until(due_ns, begun_ns)) < 0)
        return;
    uint64_t woken_ns = now_ns();
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        if (ready[1 + i].revents != 0)
            supervisor_log_pump(&watch->log, (enum log_stream_id)i, woken_ns);
    }
    supervisor_log_tick(&watch->log, woken_ns);
    if (ready[0].revents != 0)
        reap(watch);
    if (!watch->has_ended)
        look(watch);
}

/* ---- The end ---- */

static void kill_the_rest(const struct watch *watch)
{
    for (;;) {
        kill_all(watch);
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
            return;
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
}

static struct workload_status status_of(const struct watch *watch)
{
    struct workload_status status = {.exit_code = -1, .breach = watch->breach};
    int code = WEXITSTATUS(watch->wait_status);
    bool is_container = watch->supervised->kind->home != NULL;
    if (WIFSIGNALED(watch->wait_status))
        status.signal = WTERMSIG(watch->wait_status);
    else if (is_container && code > SHELL_SIGNAL_BASE && code <= SHELL_SIGNAL_BASE + SIGNALS_MOST)
        status.signal = code - SHELL_SIGNAL_BASE;
    else
        status.exit_code = code;
    return status;
}

/* What broke a limit between two looks: the app may have ended itself when the kernel refused it a write (many ignore
 * the signal for that), or the agent has ended it. A fork that was refused long ago explains no end that went well. */
static void find_late_breach(const struct watch *watch, struct workload_status *status)
{
    if (status->breach != BREACH_NONE || status->exit_code == 0)
        return;
    if (watch->group[0] != 0)
        status->breach = look_at_group(watch);
    if (status->breach == BREACH_NONE && (status->signal == SIGXFSZ || outgrew_disk(watch)))
        status->breach = BREACH_DISK;
}

static struct path reserve_of(const struct watch *watch)
{
    return path_of("%s/reserve", watch->supervised->folder.text);
}

static void make_reserve(const struct watch *watch)
{
    int file = open(reserve_of(watch).text, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    if (fallocate(file, 0, 0, RESERVE_BYTES) != 0)
        errno = 0; /* This file system cannot. */
    close(file);
}

/* For those who read the log: nobody else would tell them there. */
static struct path last_line(const struct watch *watch, const struct workload_status *status)
{
    const struct workload_limits *limits = &watch->supervised->limits;
    switch (status->breach) {
    case BREACH_MEMORY:
        return path_of("cupola: killed: it wanted more than its %" PRIu64 " MB of memory\n",
                       limits->memory_bytes >> 20);
    case BREACH_DISK:
        return path_of("cupola: killed: its files outgrew its %" PRIu64 " MB of disk\n", limits->disk_bytes >> 20);
    case BREACH_PROCESSES:
        return path_of("cupola: killed: it wanted more than %u processes\n", limits->processes);
    case BREACH_NONE:
        break;
    }
    if (status->signal != 0)
        return path_of("cupola: ended by signal %d (%s)\n", status->signal, strsignal(status->signal));
    if (status->exit_code != 0)
        return path_of("cupola: ended with exit code %d\n", status->exit_code);
    return path_of("%s", "");
}

static void open_watch(struct watch *watch, const int outputs[LOG_STREAMS])
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    watch->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    struct path root = path_of("%s/root", watch->supervised->folder.text);
    int folder = open(root.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    supervisor_log_open(&watch->log, &watch->supervised->logs, folder, outputs, now_ns());
    watch->look_ns = now_ns() + LOOK_MS * NS_PER_MS;
    make_reserve(watch);
}

struct workload_status supervisor_watch(const struct supervised *supervised, pid_t main, const int outputs[LOG_STREAMS])
{
    struct watch watch = {.supervised = supervised, .tree = cgroup_tree_at(CGROUP_ROOT), .main = main};
    watch.group = supervised->final_group;
    open_watch(&watch, outputs);
    reap(&watch); /* It may have ended before we listened. */
    while (!watch.has_ended)
        run_round(&watch);
    struct workload_status status = status_of(&watch);
    find_late_breach(&watch, &status);
    kill_the_rest(&watch);
    supervisor_log_drain(&watch.log, now_ns());
    unlink(reserve_of(&watch).text);
    struct path line = last_line(&watch, &status);
    supervisor_log_end(&watch.log, line.text);
    return status;
}
