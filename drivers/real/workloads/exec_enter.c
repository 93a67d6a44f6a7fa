/* From the host into a workload: as its user, with its namespaces, control group, limits and environment, and with the
 * same system calls denied. */
#include "drivers/real/workloads/exec_session.h"
#include "drivers/real/workloads/root.h"
#include "drivers/real/workloads/seccomp.h"

#include "core/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CONTAINER_USER = 1000, /* Of bubblewrap containers, within them (bubblewrap.c). */
    ENVIRONMENT_BYTES_MOST = 4 << 20,
    VARIABLES_MOST = 4096,
    PROGRAM_BYTES_MOST = 65536,
    RUNTIME_WORDS_MOST = 12,
};

/* ---- Whom to stand beside ---- */

/* bwrap's first process waits outside, its second one is the container's init, and the next is the workload's own. */
static pid_t find_contained(pid_t guard)
{
    pid_t *descendants = memory_new(PROCESSES_MOST * sizeof *descendants);
    size_t count = process_descendants(guard, descendants);
    pid_t found = count >= 2 ? descendants[1] : 0;
    memory_free(descendants);
    return found;
}

bool exec_find_target(struct exec_order *order, struct text *ret_why_not)
{
    if (!workload_read_pids(&order->folder, &order->pids) || !process_is_alive(order->pids.main)) {
        text_add_string(ret_why_not, "its processes have ended");
        return false;
    }
    order->target = order->pids.main.pid;
    if (!order->kind->main_is_a_guard)
        return true;
    if (geteuid() != 0) {
        text_add_string(ret_why_not, "its container can be entered by a DEA that runs as root only");
        return false;
    }
    order->target = find_contained(order->pids.main.pid);
    if (order->target == 0)
        text_add_string(ret_why_not, "its container is still being made, or has ended");
    return order->target != 0;
}

/* ---- What it has ---- */

/* As a workload's own start script has it. */
static char usual_path[] = "PATH=/usr/local/bin:/usr/bin:/bin";

static char **read_environment(pid_t target)
{
    struct path file = path_of("/proc/%d/environ", (int)target);
    struct text *content = memory_new(sizeof *content); /* Both live as long as the process. */
    char **variables = memory_new((VARIABLES_MOST + 2) * sizeof *variables);
    size_t count = 0;
    bool has_path = false;
    files_read(file.text, ENVIRONMENT_BYTES_MOST, content, NULL);
    char *at = (char *)(uintptr_t)text_string(content), *end = at + content->size;
    while (at < end && count < VARIABLES_MOST) {
        has_path = has_path || strncmp(at, "PATH=", 5) == 0;
        variables[count++] = at;
        at += strlen(at) + 1;
    }
    if (!has_path)
        variables[count] = usual_path;
    return variables;
}

static void take_limits(pid_t target)
{
    for (int resource = 0; resource < RLIMIT_NLIMITS; resource++) {
        struct rlimit limit;
        if (prlimit(target, (__rlimit_resource_t)resource, NULL, &limit) == 0)
            setrlimit((__rlimit_resource_t)resource, &limit);
    }
}

/* What is in none of its own is limited by what we have just taken. */
static bool enter_group(const struct exec_order *order)
{
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    return order->pids.group[0] == 0 || geteuid() != 0 || cgroup_enter(&tree, order->pids.group);
}

/* A new session, so that a shell may have its jobs; its terminal is what its input is. */
static void take_terminal(const struct exec_order *order)
{
    setsid();
    if (order->rows > 0)
        ioctl(STDIN_FILENO, TIOCSCTTY, 0);
}

static bool give_up_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_capset, &header, none) == 0;
}

static bool become(uid_t user, gid_t own_group)
{
    for (unsigned long right = 0; right <= CAP_LAST_CAP; right++)
        prctl(PR_CAPBSET_DROP, right, 0, 0, 0); /* Nothing that it executes gets any, either. */
    return setresgid(own_group, own_group, own_group) == 0 && setresuid(user, user, user) == 0;
}

/* ---- The process kind ---- */

static const char *enter_process(const struct exec_order *order)
{
    struct path root = path_of("%s/root", order->folder.text), process = path_of("/proc/%d", (int)order->target);
    struct stat owner;
    if (stat(process.text, &owner) != 0)
        return "it has ended";
    if (chdir(root.text) != 0)
        return "its directory";
    take_limits(order->target);
    take_terminal(order);
    if (geteuid() == 0 && owner.st_uid != 0 &&
        (setgroups(0, NULL) != 0 || !become(owner.st_uid, owner.st_gid) || !give_up_rights()))
        return "its user";
    execvp(order->argv[0], order->argv);
    return order->argv[0];
}

/* ---- The bubblewrap kind ---- */

/* The user's namespace last: only before have we the right to enter the others. */
static const char *enter_namespaces(pid_t target)
{
    static const char *const names[] = {"ipc", "uts", "net", "pid", "mnt", "user"};
    enum { NAMES = sizeof names / sizeof names[0] };
    int descriptors[NAMES];
    for (size_t i = 0; i < NAMES; i++) {
        struct path path = path_of("/proc/%d/ns/%s", (int)target, names[i]);
        descriptors[i] = open(path.text, O_RDONLY | O_CLOEXEC);
        if (descriptors[i] < 0)
            return names[i];
    }
    for (size_t i = 0; i < NAMES; i++)
        if (setns(descriptors[i], 0) != 0)
            return names[i];
    return NULL;
}

static bool deny_calls(int descriptor)
{
    static uint8_t bytes[PROGRAM_BYTES_MOST];
    ssize_t size = descriptor < 0 ? -1 : read(descriptor, bytes, sizeof bytes);
    struct sock_fprog program = {.len = (unsigned short)((size_t)size / sizeof(struct sock_filter)),
                                 .filter = (struct sock_filter *)(void *)bytes};
    return size > 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* A process cannot change its own pid namespace: its child is the command, and its end ours. */
static void stand_for(pid_t command)
{
    int status = 0;
    while (waitpid(command, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static const char *enter_container(const struct exec_order *order)
{
    int denied = seccomp_open_program();
    take_limits(order->target);
    if (setgroups(0, NULL) != 0)
        return "its groups";
    const char *failed = enter_namespaces(order->target);
    if (failed != NULL)
        return failed;
    pid_t command = fork();
    if (command != 0) {
        if (command > 0)
            stand_for(command);
        return "fork";
    }
    take_terminal(order);
    if (!become(CONTAINER_USER, CONTAINER_USER) || !give_up_rights())
        return "its user";
    if (chdir(WORKLOAD_HOME) != 0 && chdir("/") != 0)
        return WORKLOAD_HOME;
    if (!deny_calls(denied))
        return "its system calls";
    execvp(order->argv[0], order->argv);
    return order->argv[0];
}

/* ---- The OCI kind ---- */

/* Its bundle is where the runtime looks for it in the supervisor's mount namespace only. */
static bool see_bundle(const struct exec_order *order)
{
    struct path path = path_of("/proc/%d/ns/mnt", (int)order->pids.supervisor.pid);
    int descriptor = open(path.text, O_RDONLY | O_CLOEXEC);
    return descriptor >= 0 && setns(descriptor, CLONE_NEWNS) == 0;
}

static const char *enter_by_runtime(const struct exec_order *order)
{
    struct path state = path_of("%s/bundle/state", order->folder.text), program;
    const char *name = strrchr(order->folder.text, '/') + 1;
    static char path_variable[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const environment[] = {path_variable, NULL};
    size_t count = 0, words = 0;
    while (order->argv[count] != NULL)
        count++;
    const char **argv = memory_new((count + RUNTIME_WORDS_MOST) * sizeof *argv);
    argv[words++] = order->oci_runtime;
    argv[words++] = "--root";
    argv[words++] = state.text;
    argv[words++] = "exec";
    if (order->rows > 0)
        argv[words++] = "--tty";
    for (char **variable = read_environment(order->target); *variable != NULL; variable++)
        if (*variable == usual_path) {
            argv[words++] = "--env";
            argv[words++] = usual_path;
        }
    argv[words++] = name;
    for (size_t i = 0; i < count; i++)
        argv[words++] = order->argv[i];
    if (!workload_find_program(order->oci_runtime, &program)) {
        errno = ENOENT;
        return order->oci_runtime;
    }
    if (!see_bundle(order))
        return "its bundle";
    take_terminal(order);
    execve(program.text, (char *const *)(uintptr_t)argv, environment);
    return order->oci_runtime;
}

const char *exec_enter(const struct exec_order *order)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    if (order->kind->makes_own_group)
        return enter_by_runtime(order);
    if (!enter_group(order))
        return "its control group";
    environ = read_environment(order->target);
    return order->kind->main_is_a_guard ? enter_container(order) : enter_process(order);
}
