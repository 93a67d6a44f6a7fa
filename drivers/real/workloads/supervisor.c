/* The life of a supervisor, see supervisor.h. One thread, no loop but that of supervisor_watch.c. */
#include "drivers/real/workloads/supervisor.h"

#include "drivers/real/real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20 };

static struct cgroup_tree tree;
static struct {
    bool are_open;
    int readers[LOG_STREAMS], writers[LOG_STREAMS];
} outputs;
static bool is_in_group; /* Entering any group, also one's own, waits for the kernel: not twice. */

/* ---- Becoming nobody's child ---- */

/* The last one that the kernel should kill for want of memory. Not ours to say if we are not root. */
static void become_unkillable(void)
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0 && write(file, "-900", 4) < 0)
        errno = 0;
    if (file >= 0)
        close(file);
}

static void detach(void)
{
    if (fork() > 0)
        _exit(0); /* Whoever started us waits for this one only. */
    setsid();
    close_range(SUPERVISOR_CONNECTION + 1, ~0U, 0);
    fcntl(SUPERVISOR_CONNECTION, F_SETFD, FD_CLOEXEC);
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGCHLD};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    prctl(PR_SET_NAME, "cupola-nursery");
    become_unkillable();
}

/* ---- The nursery ---- */

/* -1 when the agent has ended. */
static int receive_connection(void)
{
    char byte;
    struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = sizeof control.room;
    ssize_t got;
    while ((got = recvmsg(SUPERVISOR_CONNECTION, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    const struct cmsghdr *rights = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int connection = -1;
    if (rights != NULL && rights->cmsg_type == SCM_RIGHTS)
        memcpy(&connection, CMSG_DATA(rights), sizeof connection);
    return connection;
}

static void become_supervisor(int connection)
{
    setsid();
    dup3(connection, SUPERVISOR_CONNECTION, O_CLOEXEC);
    close(connection);
    signal(SIGCHLD, SIG_DFL); /* From here on ends are waited for. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "cupola-workload");
}

/* Returns in each child. */
static void keep_nursery(void)
{
    int connection;
    while ((connection = receive_connection()) >= 0) {
        if (fork() == 0) {
            become_supervisor(connection);
            return;
        }
        close(connection); /* No child: the agent sees that it ended. */
    }
    _exit(0);
}

/* ---- Its group ---- */

static void leave_own_group(void)
{
    if (is_in_group)
        cgroup_leave(&tree);
    is_in_group = false;
}

static void remove_group(char *name)
{
    if (name[0] == 0)
        return;
    leave_own_group();
    cgroup_remove(&tree, name);
    name[0] = 0;
}

/* Named after us: the workload has no name yet. Removed by cgroup_sweep if we cannot. */
static void enter_group(char name[CGROUP_NAME_SIZE])
{
    struct process_figures ours = {0};
    tree = cgroup_tree_at(CGROUP_ROOT);
    process_read(getpid(), &ours);
    snprintf(name, CGROUP_NAME_SIZE, "w%d-%llu", (int)getpid(), (unsigned long long)ours.start_ticks);
    /* Somebody may sweep an empty group away before we are in it. */
    is_in_group = true; /* Perhaps a part of it. */
    for (int i = 0; geteuid() == 0 && i < 3; i++) {
        if (cgroup_make(&tree, name) && cgroup_enter(&tree, name))
            return;
    }
    remove_group(name);
}

static void note_groups(struct supervised *supervised, const char group[CGROUP_NAME_SIZE])
{
    memcpy(supervised->group, group, sizeof supervised->group);
    memcpy(supervised->final_group, group, sizeof supervised->final_group);
    if (supervised->kind->makes_own_group)
        workload_oci_group(strrchr(supervised->folder.text, '/') + 1, supervised->uid, supervised->final_group);
}

/* ---- Starting ---- */

static void answer_error(int error, const char *what)
{
    dprintf(SUPERVISOR_CONNECTION, "error %d %s\n", error, what);
}

/* What is opened as /dev/stdout is the pipe's inode: it must belong to whoever may open it. */
static bool open_outputs(const struct supervised *supervised)
{
    for (size_t i = 0; i < LOG_STREAMS && !outputs.are_open; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return false;
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
        if (supervised->uid != 0 && fchown(ends[1], supervised->uid, supervised->uid) != 0)
            return false;
        outputs.readers[i] = ends[0];
        outputs.writers[i] = ends[1];
    }
    outputs.are_open = true;
    return true;
}

static bool make_container(struct supervised *supervised, struct text *ret_reason)
{
    if (supervised->kind->make == NULL || supervised->container.main != 0)
        return true;
    return supervised->kind->make(supervised, outputs.writers, ret_reason);
}

/* What was said by a container that was not to be, in one line. */
static void add_last_words(struct text *reason)
{
    char words[256];
    ssize_t size = read(outputs.readers[LOG_STDERR], words, sizeof words - 1);
    words[size > 0 ? size : 0] = 0;
    words[strcspn(words, "\n")] = 0;
    if (words[0] != 0)
        text_addf(reason, ": %s", words);
}

static pid_t launch(struct supervised *supervised)
{
    struct text reason = {0};
    pid_t main = -1;
    if (make_container(supervised, &reason))
        main = supervised->kind->launch(supervised, outputs.writers, &reason);
    int error = errno;
    if (main < 0 && supervised->container.main != 0 && reason.size > 0)
        add_last_words(&reason);
    if (main < 0)
        answer_error(error, reason.size > 0 ? text_string(&reason) : supervised->argv[0]);
    text_free(&reason);
    for (size_t i = 0; i < LOG_STREAMS; i++)
        close(outputs.writers[i]);
    return main;
}

/* What the workload is granted is not for us to take from. It has its share of the CPU from now on only: its start is
 * not held up. The group that an OCI runtime has made gets what the runtime does not know of: swap. */
static void leave_group(const struct supervised *supervised)
{
    const char *group = supervised->final_group;
    if (supervised->group[0] == 0)
        return;
    leave_own_group();
    if (supervised->kind->makes_own_group) {
        cgroup_remove(&tree, supervised->group);
        cgroup_limit(&tree, group, &supervised->limits);
    }
    cgroup_limit_cpu(&tree, group, supervised->limits.memory_bytes, supervised->cpu_percent);
    cgroup_die_together(&tree, group);
}

static bool run(struct supervised *supervised)
{
    if (chdir(supervised->folder.text) != 0) /* For people who look for whom it works. */
        errno = 0;
    if (supervised->group[0] != 0)
        cgroup_limit(&tree, supervised->group, &supervised->limits);
    if (supervised->container.main == 0)
        supervised_note(supervised, 0); /* For a next life of the agent, if this one ends while we launch. */
    if (!open_outputs(supervised)) {
        answer_error(errno, "pipe");
        return false;
    }
    pid_t main = launch(supervised);
    if (main < 0)
        return false;
    dprintf(SUPERVISOR_CONNECTION, "ok %d\n", (int)main);
    close(SUPERVISOR_CONNECTION);
    leave_group(supervised);
    struct workload_status status = supervisor_watch(supervised, main, outputs.readers);
    supervised->kind->ended(supervised);
    remove_group(supervised->group); /* Before its end is told: who removes it finds nothing. */
    workload_write_status(&supervised->folder, &status);
    return true;
}

/* ---- A container ahead of its order ---- */

/* Before the container is whole nobody may move its home away. False: it has ended, or nobody wants it any more. */
static bool await_order(struct container *container)
{
    container->is_whole = supervised_hear(container);
    if (!container->is_whole || write(SUPERVISOR_CONNECTION, "!", 1) != 1)
        return false;
    struct pollfd ready[] = {{.fd = SUPERVISOR_CONNECTION, .events = POLLIN},
                             {.fd = container->connection, .events = POLLIN}};
    while (poll(ready, 2, -1) < 0 && errno == EINTR) {
    }
    return ready[1].revents == 0;
}

/* Whose command is still to come. Then it is as if all had been ordered at once. */
static bool make_ahead(struct supervised *supervised)
{
    struct supervised ordered;
    struct text reason = {0};
    bool is_made =
        chdir(supervised->folder.text) == 0 && open_outputs(supervised) && make_container(supervised, &reason);
    text_free(&reason);
    if (!is_made || !await_order(&supervised->container) || !supervisor_order_read(SUPERVISOR_CONNECTION, &ordered))
        return false;
    ordered.container = supervised->container;
    bool is_for_it = ordered.kind == supervised->kind && ordered.uid == supervised->uid;
    memcpy(ordered.group, supervised->group, sizeof ordered.group);
    memcpy(ordered.final_group, supervised->final_group, sizeof ordered.final_group);
    *supervised = ordered;
    return is_for_it && ordered.argv[0] != NULL;
}

/* All that is in it dies with its guard. */
static void end_container(const struct supervised *supervised)
{
    if (supervised->container.main == 0)
        return;
    kill(supervised->container.main, SIGKILL);
    do {
        process_signal_descendants(getpid(), SIGKILL);
    } while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* ---- Its life ---- */

static bool live(struct supervised *supervised, char group[CGROUP_NAME_SIZE])
{
    if (!supervisor_order_read(SUPERVISOR_CONNECTION, supervised))
        return false;
    note_groups(supervised, group);
    bool is_ordered = supervised->argv[0] != NULL || make_ahead(supervised);
    bool has_run = is_ordered && run(supervised);
    if (is_ordered && !has_run)
        supervised->kind->ended(supervised);
    if (!has_run)
        end_container(supervised);
    return has_run;
}

int real_supervise(int argc, char **argv)
{
    struct stat info;
    (void)argc;
    if (fstat(SUPERVISOR_CONNECTION, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        fprintf(stderr, "cupola %s is the program's own affair: it looks after one workload\n", argv[0]);
        return 2;
    }
    detach();
    keep_nursery();
    struct supervised supervised;
    char group[CGROUP_NAME_SIZE];
    enter_group(group);
    if (!live(&supervised, group))
        remove_group(group);
    _exit(0);
}
