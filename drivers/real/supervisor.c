/* The supervisor's own life, see supervisor.h. One thread, no loop: it mostly sleeps in waitpid. */
#include "drivers/real/supervisor.h"

#include "drivers/real/real.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bash tells of a child's death by a signal in its own exit status; so does the first process of a container. */
enum { SHELL_SIGNAL_BASE = 128, SIGNALS_MOST = 64, COMMAND_NOT_FOUND = 127 };

static _Noreturn void answer_error(int error, const char *what)
{
    dprintf(SUPERVISOR_ANSWER, "error %d %s\n", error, what);
    _exit(1);
}

/* ---- Becoming nobody's child ---- */

static void detach(void)
{
    if (fork() > 0)
        _exit(0); /* Whoever started us waits for this one only. */
    setsid();
    close_range(SUPERVISOR_ANSWER + 1, ~0U, 0);
    fcntl(SUPERVISOR_ANSWER, F_SETFD, FD_CLOEXEC);
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "cupola-workload");
}

/* ---- Starting the main process ---- */

static bool note_pids(const struct supervised *supervised, pid_t main)
{
    struct process_figures ours, theirs;
    if (!process_read(getpid(), &ours) || !process_read(main, &theirs))
        return false;
    struct workload_pids pids = {{getpid(), ours.start_ticks}, {main, theirs.start_ticks}};
    return workload_write_pids(&supervised->folder, &pids);
}

static pid_t start_process(const struct supervised *supervised)
{
    int go[2], exec_failed[2];
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(exec_failed, O_CLOEXEC) != 0)
        answer_error(errno, "pipe");
    pid_t main = supervised_process_fork(supervised, go[0], exec_failed[1]);
    if (main < 0)
        answer_error(errno, "fork");
    close(exec_failed[1]);
    close(go[0]);
    if (!note_pids(supervised, main)) {
        kill(main, SIGKILL);
        answer_error(EIO, "the process cannot be noted down");
    }
    ssize_t written = write(go[1], "!", 1);
    close(go[1]);
    int error = 0;
    if (written != 1 || read(exec_failed[0], &error, sizeof error) > 0)
        answer_error(error, supervised->argv[0]);
    close(exec_failed[0]);
    return main;
}

static pid_t start_container(const struct supervised *supervised)
{
    struct text reason = {0};
    pid_t main = supervised_oci_create(supervised, &reason);
    if (main < 0) {
        supervised_oci_delete(supervised);
        answer_error(EIO, text_string(&reason));
    }
    text_free(&reason);
    if (!note_pids(supervised, main) || !supervised_oci_start(supervised)) {
        supervised_oci_delete(supervised);
        answer_error(EIO, "the container does not start");
    }
    return main;
}

/* ---- Its end ---- */

static struct workload_status wait_for(pid_t main)
{
    for (;;) {
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno != EINTR)
            return (struct workload_status){.exit_code = -1, .signal = SIGKILL};
        if (ended != main)
            continue; /* An orphan of the workload's. */
        if (WIFSIGNALED(status))
            return (struct workload_status){.exit_code = -1, .signal = WTERMSIG(status)};
        return (struct workload_status){.exit_code = WEXITSTATUS(status)};
    }
}

static void kill_the_rest(void)
{
    do {
        process_signal_descendants(getpid(), SIGKILL);
    } while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

static void translate_shell_status(struct workload_status *status)
{
    int signal = status->exit_code - SHELL_SIGNAL_BASE;
    if (signal <= 0 || signal > SIGNALS_MOST)
        return;
    status->exit_code = -1;
    status->signal = signal;
}

static void parse(struct supervised *supervised, int argc, char **argv)
{
    if (argc < 9 || strcmp(argv[7], "--") != 0) {
        fprintf(stderr, "cupola %s is the program's own affair: it looks after one workload\n",
                REAL_SUPERVISOR_COMMAND);
        exit(2);
    }
    *supervised = (struct supervised){
        .kind = argv[1],
        .folder = path_of("%s", argv[2]),
        .limits = {.memory_bytes = strtoull(argv[3], NULL, 10),
                   .disk_bytes = strtoull(argv[4], NULL, 10),
                   .descriptors = (uint32_t)strtoul(argv[5], NULL, 10)},
        .oci_runtime = argv[6],
        .argv = argv + 8,
    };
}

int real_supervise(int argc, char **argv)
{
    struct supervised supervised;
    parse(&supervised, argc, argv);
    detach();
    bool is_container = strcmp(supervised.kind, "oci") == 0;
    pid_t main = is_container ? start_container(&supervised) : start_process(&supervised);
    dprintf(SUPERVISOR_ANSWER, "ok %d\n", (int)main);
    close(SUPERVISOR_ANSWER);

    struct workload_status status = wait_for(main);
    kill_the_rest();
    if (is_container) {
        translate_shell_status(&status);
        status.out_of_memory = supervised_oci_is_out_of_memory(&supervised);
        supervised_oci_delete(&supervised);
    }
    workload_write_status(&supervised.folder, &status);
    _exit(0);
}
