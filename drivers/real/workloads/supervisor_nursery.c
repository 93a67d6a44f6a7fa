/* The agent's side of the nursery (supervisor.h): started when the first supervisor is wanted, and kept. */
#include "drivers/real/workloads/supervisor.h"

#include "drivers/real/real.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
static int spawn(int connection, char *const argv[], pid_t *ret_pid)
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
    static char path_variable[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const environment[] = {path_variable, NULL};
    int error = posix_spawn(ret_pid, program.text, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* It leaves its first process at once; that one is our child. Returns our end of the connection, or -1 with errno. */
static int open_process(int type, char *const argv[])
{
    int ends[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    /* dup2 onto itself would keep close-on-exec: move it away. */
    int moved = fcntl(ends[1], F_DUPFD_CLOEXEC, SUPERVISOR_CONNECTION + 10);
    int error = moved < 0 ? errno : 0;
    close(ends[1]);
    pid_t first = -1;
    if (moved >= 0) {
        error = spawn(moved, argv, &first);
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

static int open_nursery(void)
{
    static char name[] = "cupola", command[] = REAL_SUPERVISOR_COMMAND;
    char *const argv[] = {name, command, NULL};
    return open_process(SOCK_SEQPACKET, argv);
}

int supervisor_start_as(char *const argv[])
{
    return open_process(SOCK_STREAM, argv);
}

static bool send_connection(int nursery, int connection)
{
    char byte = 0;
    struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = sizeof control.room;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof connection);
    memcpy(CMSG_DATA(rights), &connection, sizeof connection);
    ssize_t sent;
    while ((sent = sendmsg(nursery, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
    }
    return sent == 1;
}

/* A nursery that somebody has killed is replaced. */
static bool ask_nursery(int connection)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Starts come from several threads. */
    static int nursery = -1;
    pthread_mutex_lock(&lock);
    bool is_asked = nursery >= 0 && send_connection(nursery, connection);
    if (!is_asked) {
        if (nursery >= 0)
            close(nursery);
        nursery = open_nursery();
        is_asked = nursery >= 0 && send_connection(nursery, connection);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return is_asked;
}

int supervisor_start(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    bool is_asked = ask_nursery(ends[1]);
    int error = errno;
    close(ends[1]);
    if (is_asked)
        return ends[0];
    close(ends[0]);
    errno = error;
    return -1;
}
