/* The agent's side of supervisor.h. */
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include "drivers/real/real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* An OCI runtime takes a second on a busy machine. */
enum { ANSWER_MS = 30000 };

/* The program that we are, also when another version has taken its place on disk. Under valgrind that name is
 * valgrind's own program, and only the link tells which one it plays. */
static struct path own_program(void)
{
    static const char self[] = "/proc/self/exe";
    struct path path = {0};
    struct stat playing, played;
    if (readlink(self, path.text, sizeof path.text - 1) > 0 && stat(path.text, &played) == 0 &&
        stat(self, &playing) == 0 && played.st_ino != playing.st_ino)
        return path;
    return path_of("%s", self);
}

/* Under posix_spawn the child shares our memory until it executes: no fork of a process with threads. */
static int spawn(int connection, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, connection, SUPERVISOR_CONNECTION);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    struct path program = own_program();
    static char name[] = "cupola", command[] = REAL_SUPERVISOR_COMMAND;
    static char path_variable[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const argv[] = {name, command, NULL}, *const environment[] = {path_variable, NULL};
    int error = posix_spawn(ret_pid, program.text, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* The supervisor leaves its first process at once; that one is our child. */
int supervisor_start(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    /* dup2 onto itself would keep close-on-exec: move it away. */
    int moved = fcntl(ends[1], F_DUPFD_CLOEXEC, SUPERVISOR_CONNECTION + 10);
    int error = moved < 0 ? errno : 0;
    close(ends[1]);
    pid_t first = -1;
    if (moved >= 0) {
        error = spawn(moved, &first);
        close(moved);
    }
    while (error == 0 && waitpid(first, NULL, 0) < 0 && errno == EINTR) {
    }
    if (error == 0)
        return ends[0];
    close(ends[0]);
    errno = error;
    return -1;
}

static bool read_answer(struct workload_order *order)
{
    char text[600] = "";
    size_t size = 0;
    struct pollfd ready = {.fd = order->supervisor, .events = POLLIN};
    while (memchr(text, '\n', size) == NULL && size < sizeof text - 1 && poll(&ready, 1, ANSWER_MS) > 0) {
        ssize_t got = read(order->supervisor, text + size, sizeof text - 1 - size);
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

bool supervisor_spawn(struct workload_order *order)
{
    bool is_spare = order->supervisor >= 0;
    if (!is_spare)
        order->supervisor = supervisor_start();
    if (order->supervisor < 0)
        return job_fail(&order->job, status_of_errno(errno), "cannot start a supervisor: %s", strerror(errno));
    bool is_running;
    if (supervisor_order_send(order->supervisor, order)) {
        is_running = read_answer(order);
    } else {
        is_running =
            job_fail(&order->job, status_of_errno(errno), "no supervisor takes the order: %s", strerror(errno));
    }
    close(order->supervisor);
    order->supervisor = -1;
    return is_running;
}
