/* The supervisor's side of a container: mounts its overlay where nobody else sees it, and drives the OCI runtime. */
#include "drivers/real/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *name_of(const struct supervised *supervised)
{
    return strrchr(supervised->folder.text, '/') + 1;
}

static bool mount_root(const struct supervised *supervised, struct text *ret_reason)
{
    const char *folder = supervised->folder.text;
    struct path rootfs = path_of("%s/bundle/rootfs", folder);
    struct text options = {0};
    text_addf(&options, "lowerdir=%s/bundle/lower,upperdir=%s/bundle/upper,workdir=%s/bundle/work", folder, folder,
              folder);
    bool is_mounted = unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                      mount("overlay", rootfs.text, "overlay", 0, text_string(&options)) == 0;
    if (!is_mounted)
        text_addf(ret_reason, "this machine does not let us mount an overlay (%s); run with workloads \"process\"",
                  strerror(errno));
    text_free(&options);
    return is_mounted;
}

/* Runs the OCI runtime to its end; what it complains about goes to bundle/runtime.log. The workload's environment is
 * not the runtime's. */
static bool run(const struct supervised *supervised, const char *const *arguments)
{
    struct path log = path_of("%s/bundle/runtime.log", supervised->folder.text);
    struct path state = path_of("%s/bundle/state", supervised->folder.text);
    const char *argv[16] = {supervised->oci_runtime, "--root", state.text};
    for (size_t i = 0; arguments[i] != NULL && i < 12; i++)
        argv[i + 3] = arguments[i];
    static char path_variable[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const environment[] = {path_variable, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        int descriptor = open(log.text, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(descriptor, STDERR_FILENO);
        execvpe(supervised->oci_runtime, (char *const *)(uintptr_t)argv, environment);
        _exit(127);
    }
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void read_runtime_log(const struct supervised *supervised, struct text *ret_reason)
{
    struct path log = path_of("%s/bundle/runtime.log", supervised->folder.text);
    struct text content = {0};
    files_read(log.text, 4096, &content, NULL);
    text_addf(ret_reason, "%s: ", supervised->oci_runtime);
    for (const char *c = text_string(&content); *c != 0; c++)
        text_add_char(ret_reason, *c == '\n' ? ' ' : *c);
    text_free(&content);
}

pid_t supervised_oci_create(const struct supervised *supervised, struct text *ret_reason)
{
    if (!mount_root(supervised, ret_reason))
        return -1;
    struct path bundle = path_of("%s/bundle", supervised->folder.text);
    struct path pid_file = path_of("%s/bundle/pid", supervised->folder.text);
    const char *arguments[] = {"create",      "--bundle",          bundle.text, "--pid-file",
                               pid_file.text, name_of(supervised), NULL};
    struct text pid = {0};
    if (!run(supervised, arguments) || files_read(pid_file.text, 64, &pid, NULL) != IO_OK) {
        read_runtime_log(supervised, ret_reason);
        text_free(&pid);
        return -1;
    }
    pid_t main = (pid_t)atoi(text_string(&pid));
    text_free(&pid);
    return main > 0 ? main : -1;
}

bool supervised_oci_start(const struct supervised *supervised)
{
    const char *arguments[] = {"start", name_of(supervised), NULL};
    return run(supervised, arguments);
}

static bool counts_kill(struct path path)
{
    struct text content = {0};
    const char *count = NULL;
    if (files_read(path.text, 4096, &content, NULL) == IO_OK)
        count = strstr(text_string(&content), "oom_kill ");
    bool was_killed = count != NULL && atoi(count + strlen("oom_kill ")) > 0;
    text_free(&content);
    return was_killed;
}

/* Counted by the kernel in other files in the two versions of cgroups. */
bool supervised_oci_is_out_of_memory(const struct supervised *supervised)
{
    const char *name = name_of(supervised);
    return counts_kill(path_of("/sys/fs/cgroup/memory/cupola/%s/memory.oom_control", name)) ||
           counts_kill(path_of("/sys/fs/cgroup/cupola/%s/memory.events", name));
}

void supervised_oci_delete(const struct supervised *supervised)
{
    const char *arguments[] = {"delete", "--force", name_of(supervised), NULL};
    run(supervised, arguments);
}
