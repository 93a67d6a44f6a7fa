/* The driver's side of supervisor.h: starts the supervisor and waits for its answer. */
#include "drivers/real/supervisor.h"
#include "drivers/real/workload.h"

#include "core/base/memory.h"
#include "drivers/real/real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* An OCI runtime takes a second on a busy machine. */
enum { ANSWER_MS = 30000, FIXED_WORDS = 9 };

/* Under posix_spawn the child shares our memory until it executes: no fork of a process with threads. */
static int spawn(struct workload_order *order, int answer, char **argv, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, answer, SUPERVISOR_ANSWER);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, argv, order->envp);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static bool read_answer(struct workload_order *order, int answer)
{
    char text[600] = "";
    size_t size = 0;
    struct pollfd ready = {.fd = answer, .events = POLLIN};
    while (memchr(text, '\n', size) == NULL && size < sizeof text - 1 && poll(&ready, 1, ANSWER_MS) > 0) {
        ssize_t got = read(answer, text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    text[strcspn(text, "\n")] = 0;
    int error = EIO, at = 0;
    if (strncmp(text, "ok ", 3) == 0)
        return workload_read_pids(&order->folder, &order->pids) ||
               job_fail(&order->job, IO_FAILED, "the supervisor has not noted its processes down");
    if (sscanf(text, "error %d %n", &error, &at) != 1)
        return job_fail(&order->job, IO_FAILED, "the supervisor has not answered");
    return job_fail(&order->job, status_of_errno(error), "%s: %s", text + at, strerror(error));
}

/* The supervisor leaves its first process at once; that one is our child. */
static bool spawn_and_wait(struct workload_order *order, char **argv)
{
    int answer[2];
    if (pipe2(answer, O_CLOEXEC) != 0)
        return job_fail(&order->job, status_of_errno(errno), "pipe: %s", strerror(errno));
    /* dup2 onto itself would keep close-on-exec: move it away. */
    int moved = fcntl(answer[1], F_DUPFD_CLOEXEC, SUPERVISOR_ANSWER + 10);
    close(answer[1]);
    pid_t first = -1;
    int error = moved < 0 ? errno : spawn(order, moved, argv, &first);
    if (moved >= 0)
        close(moved);
    bool is_running;
    if (error == 0) {
        while (waitpid(first, NULL, 0) < 0 && errno == EINTR) {
        }
        is_running = read_answer(order, answer[0]);
    } else {
        is_running = job_fail(&order->job, status_of_errno(error), "cannot start a supervisor: %s", strerror(error));
    }
    close(answer[0]);
    return is_running;
}

bool supervisor_spawn(struct workload_order *order)
{
    char memory[24], disk[24], descriptors[24];
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)order->limits.memory_bytes);
    snprintf(disk, sizeof disk, "%llu", (unsigned long long)order->limits.disk_bytes);
    snprintf(descriptors, sizeof descriptors, "%u", order->limits.descriptors);
    const char *words[FIXED_WORDS] = {"cupola",
                                      REAL_SUPERVISOR_COMMAND,
                                      order->kind->name,
                                      order->folder.text,
                                      memory,
                                      disk,
                                      descriptors,
                                      order->oci_runtime,
                                      "--"};
    size_t count = 0;
    while (order->argv[count] != NULL)
        count++;
    char **argv = memory_new((FIXED_WORDS + count + 1) * sizeof *argv);
    for (size_t i = 0; i < FIXED_WORDS; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    memcpy(argv + FIXED_WORDS, order->argv, count * sizeof *argv);
    bool is_running = spawn_and_wait(order, argv);
    memory_free(argv);
    return is_running;
}
