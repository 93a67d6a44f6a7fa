/* The OCI kind: a bundle for an OCI runtime (runc, crun, or one that makes virtual machines: the command line is
 * standard). The root is a skeleton of empty folders, read-only, with the system's folders bound into it and the
 * workload's directory as /home/vcap. Own user, mount, pid, uts and ipc namespaces (and network, if configured),
 * seccomp, no capabilities; what the cgroup /cupola/<workload>-<user> grants is written by the runtime.
 *
 * In a user namespace the runtime walks to the bundle as the workload's user: that it can is seen to by binding the
 * bundle to a place that anybody can reach, in a mount namespace of the supervisor's own.
 */
#include "core/base/memory.h"
#include "core/wire/json.h"
#include "drivers/real/workloads/root.h"
#include "drivers/real/workloads/seccomp.h"
#include "drivers/real/workloads/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPU_PERIOD_US = 100000, RUNTIME_WORDS_MOST = 16 };

/* ---- Is it possible here? ---- */

static bool is_hybrid(void)
{
    struct text controllers = {0};
    files_read(CGROUP_ROOT "/unified/cgroup.controllers", 4096, &controllers, NULL);
    bool has_controllers = controllers.size > 1;
    text_free(&controllers);
    return has_controllers && cgroup_tree_at(CGROUP_ROOT).version == 1;
}

static bool is_possible(const Cupola__DriverConfig *config, struct text *ret_why_not)
{
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    struct path program;
    if (geteuid() != 0)
        text_add_string(ret_why_not, "containers need root: run as root, or with workloads \"process\"");
    else if (!workload_find_program(config->oci_runtime, &program))
        text_addf(ret_why_not,
                  "containers need the OCI runtime %s, which is not there: install it (apt install runc), or run with "
                  "workloads \"process\"",
                  config->oci_runtime);
    else if (tree.version == 0)
        text_add_string(ret_why_not, "containers need cgroups, and none are mounted at /sys/fs/cgroup: run with "
                                     "workloads \"process\"");
    else if (!cgroup_is_possible(&tree))
        text_add_string(ret_why_not,
                        "containers need the memory and pids controllers of cgroups, and none are handed down from "
                        "/sys/fs/cgroup: move the processes of that group into one below it, or run with workloads "
                        "\"bubblewrap\"");
    else if (strstr(program.text, "crun") != NULL && is_hybrid())
        text_add_string(ret_why_not,
                        "crun does not run where cgroup v2 has controllers beside the hierarchies of v1: use "
                        "runc, or run with workloads \"bubblewrap\"");
    else
        return true;
    return false;
}

void workload_oci_group(const char *name, uint32_t uid, char ret_group[CGROUP_NAME_SIZE])
{
    snprintf(ret_group, CGROUP_NAME_SIZE, "%.*s-%u", WORKLOAD_NAME_SIZE - 1, name, uid);
}

/* ---- The skeleton, and what is bound into it ---- */

struct mounts {
    struct text json;
    struct path skeleton;
};

static void add_mount(struct mounts *mounts, const char *destination, const char *type, const char *source,
                      const char *options)
{
    if (mounts->json.size > 0)
        text_add_char(&mounts->json, ',');
    text_add_string(&mounts->json, "{\"destination\":");
    json_write_string(&mounts->json, destination);
    text_addf(&mounts->json, ",\"type\":\"%s\",\"source\":", type);
    json_write_string(&mounts->json, source);
    text_addf(&mounts->json, ",\"options\":[%s]}", options);
}

static void make_folder(const struct mounts *mounts, const char *path)
{
    struct path inside = path_of("%s%s", mounts->skeleton.text, path);
    files_make_folder(inside.text, NULL);
    chmod(inside.text, 0755);
}

/* The root is read-only before anything is mounted there: the places have to exist. */
static void make_file(const struct mounts *mounts, const char *path)
{
    struct path inside = path_of("%s%s", mounts->skeleton.text, path);
    int file = open(inside.text, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file >= 0)
        close(file);
}

static void add_entry(struct mounts *mounts, const struct root_entry *entry)
{
    static const char read_only[] = "\"rbind\",\"ro\",\"nosuid\",\"nodev\"";
    struct path inside = path_of("%s%s", mounts->skeleton.text, entry->path.text);
    if (entry->kind == ROOT_LINK) {
        if (symlink(entry->target.text, inside.text) != 0 && errno != EEXIST)
            make_folder(mounts, entry->path.text);
        return;
    }
    if (entry->kind == ROOT_FOLDER)
        make_folder(mounts, entry->path.text);
    else
        make_file(mounts, entry->path.text);
    add_mount(mounts, entry->path.text, "bind", entry->path.text, read_only);
}

static void fill_mounts(struct mounts *mounts, const struct workload_order *order)
{
    static const char *const folders[] = {"/proc", "/dev", "/tmp", "/var/tmp", "/etc", WORKLOAD_HOME};
    struct path temporary = path_of("\"nosuid\",\"nodev\",\"mode=1777\",\"size=%d\"", WORKLOAD_TEMPORARY_BYTES);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        make_folder(mounts, folders[i]);
    add_mount(mounts, "/proc", "proc", "proc", "\"nosuid\",\"noexec\",\"nodev\"");
    add_mount(mounts, "/dev", "tmpfs", "tmpfs", "\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"");
    add_mount(mounts, "/dev/pts", "devpts", "devpts", "\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\"");
    add_mount(mounts, "/dev/shm", "tmpfs", "shm", "\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"");
    add_mount(mounts, "/tmp", "tmpfs", "tmpfs", temporary.text);
    add_mount(mounts, "/var/tmp", "tmpfs", "tmpfs", temporary.text);
    struct root_entry *entries = memory_new(ROOT_ENTRIES_MOST * sizeof *entries);
    size_t count = workload_root_list(entries, order->runtime);
    for (size_t i = 0; i < count; i++)
        add_entry(mounts, &entries[i]);
    memory_free(entries);
}

/* ---- config.json ---- */

static void add_words(struct text *json, char *const *words, bool is_first)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0 || !is_first)
            text_add_char(json, ',');
        json_write_string(json, words[i]);
    }
}

/* The first process of a pid namespace ignores signals that it does not handle; hence a shell that only waits. */
static void add_process(struct text *json, const struct workload_order *order)
{
    text_add_string(json, "\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},\"args\":"
                          "[\"/bin/bash\",\"-c\",\"\\\"$@\\\"; exit $?\",\"workload\"");
    add_words(json, order->argv, false);
    text_add_string(json, "],\"env\":[");
    add_words(json, order->envp, true);
    text_add_string(json, "],\"cwd\":");
    json_write_string(json, WORKLOAD_HOME);
    text_add_string(json, ",\"capabilities\":{\"bounding\":[],\"effective\":[],\"permitted\":[]},"
                          "\"noNewPrivileges\":true,\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":0,\"soft\":0}");
    if (order->limits.descriptors != 0)
        text_addf(json, ",{\"type\":\"RLIMIT_NOFILE\",\"hard\":%u,\"soft\":%u}", order->limits.descriptors,
                  order->limits.descriptors);
    if (order->limits.disk_bytes != 0)
        text_addf(json, ",{\"type\":\"RLIMIT_FSIZE\",\"hard\":%llu,\"soft\":%llu}",
                  (unsigned long long)order->limits.disk_bytes, (unsigned long long)order->limits.disk_bytes);
    text_add_string(json, "]}");
}

static void add_resources(struct text *json, const struct workload_order *order)
{
    uint32_t percent = order->job.driver->config->workload_cpu_percent;
    text_add_string(json, "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]");
    if (order->limits.memory_bytes != 0)
        text_addf(json, ",\"memory\":{\"limit\":%llu}", (unsigned long long)order->limits.memory_bytes);
    text_addf(json, ",\"cpu\":{\"shares\":%llu", (unsigned long long)cgroup_shares(order->limits.memory_bytes));
    if (percent != 0)
        text_addf(json, ",\"quota\":%llu,\"period\":%d", (unsigned long long)percent * CPU_PERIOD_US / 100,
                  CPU_PERIOD_US);
    text_addf(json, "},\"pids\":{\"limit\":%u}}", order->limits.processes != 0 ? order->limits.processes : 512);
}

static void add_linux(struct text *json, const struct workload_order *order)
{
    char group[CGROUP_NAME_SIZE];
    workload_oci_group(order->name, order->uid, group);
    text_addf(json, "\"linux\":{\"cgroupsPath\":\"/cupola/%s\",", group);
    add_resources(json, order);
    text_add_string(json, ",\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
                          "{\"type\":\"ipc\"}");
    if (order->job.driver->config->private_network)
        text_add_string(json, ",{\"type\":\"network\"}");
    if (order->uid != 0)
        text_addf(json,
                  ",{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":1}],"
                  "\"gidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":1}",
                  order->uid, order->uid);
    text_add_string(json, "],\"seccomp\":");
    seccomp_write_json(json);
    text_add_string(json, ",\"maskedPaths\":[\"/proc/kcore\",\"/proc/keys\",\"/proc/timer_list\"],"
                          "\"readonlyPaths\":[\"/proc/sys\",\"/proc/sysrq-trigger\",\"/proc/irq\",\"/proc/bus\"]}");
}

static bool write_bundle(struct workload_order *order, const struct mounts *mounts)
{
    struct text json = {0}, reason = {0};
    text_addf(&json,
              "{\"ociVersion\":\"1.0.2\",\"hostname\":\"%.12s\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},",
              order->name);
    add_process(&json, order);
    text_add_string(&json, ",\"mounts\":[");
    text_add(&json, text_string(&mounts->json), mounts->json.size);
    text_add_string(&json, "],");
    add_linux(&json, order);
    text_add_string(&json, "}\n");
    struct io_bytes bytes = {(const uint8_t *)text_string(&json), json.size};
    enum io_status status = workload_write_file(&order->folder, "bundle/config.json", bytes, &reason);
    bool is_written = status == IO_OK || job_fail(&order->job, status, "%s", text_string(&reason));
    text_free(&json);
    text_free(&reason);
    return is_written;
}

/* The workload's directory is bound by its place in the bundle: the user cannot walk to it by its own name. */
static bool prepare(struct workload_order *order)
{
    struct text why_not = {0};
    if (!is_possible(order->job.driver->config, &why_not)) {
        job_fail(&order->job, IO_DENIED, "%s", text_string(&why_not));
        text_free(&why_not);
        return false;
    }
    struct mounts mounts = {.skeleton = path_of("%s/bundle/rootfs", order->folder.text)};
    struct path bundle = path_of("%s/bundle", order->folder.text), root = path_of("%s/root", order->folder.text);
    files_make_folder(mounts.skeleton.text, NULL);
    chmod(bundle.text, 0755);
    fill_mounts(&mounts, order);
    add_mount(&mounts, WORKLOAD_HOME, "bind", order->uid != 0 ? "/mnt/root" : root.text,
              "\"rbind\",\"rw\",\"nosuid\",\"nodev\"");
    bool is_written = write_bundle(order, &mounts);
    text_free(&mounts.json);
    return is_written;
}

/* ---- In the supervisor ---- */

static const char *name_of(const struct supervised *supervised)
{
    return strrchr(supervised->folder.text, '/') + 1;
}

/* Runs the OCI runtime to its end; what it complains about goes to bundle/runtime.log. The workload's environment is
 * not the runtime's. */
static bool run(const struct supervised *supervised, const char *const *arguments, const int outputs[LOG_STREAMS])
{
    struct path log = path_of("%s/bundle/runtime.log", supervised->folder.text);
    struct path state = path_of("%s/bundle/state", supervised->folder.text), program;
    const char *argv[RUNTIME_WORDS_MOST] = {supervised->oci_runtime, "--log", log.text, "--root", state.text};
    for (size_t i = 0; arguments[i] != NULL && i + 6 < RUNTIME_WORDS_MOST; i++)
        argv[i + 5] = arguments[i];
    static char path_variable[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const environment[] = {path_variable, NULL};
    if (!workload_find_program(supervised->oci_runtime, &program))
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        if (outputs != NULL) {
            dup2(outputs[LOG_STDOUT], STDOUT_FILENO);
            dup2(outputs[LOG_STDERR], STDERR_FILENO);
        }
        supervised_become_killable(); /* And what it starts: crun does not reset this. */
        execve(program.text, (char *const *)(uintptr_t)argv, environment);
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

/* /mnt/bundle and /mnt/root, for us and the runtime only. The bundle's own state stays at its own name. */
static bool move_bundle(const struct supervised *supervised)
{
    struct path bundle = path_of("%s/bundle", supervised->folder.text), root;
    root = path_of("%s/root", supervised->folder.text);
    if (supervised->uid == 0)
        return true;
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    /* Opened now: what is below /mnt is out of sight afterwards, and what was opened before belongs elsewhere. */
    int bundle_folder = open(bundle.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int root_folder = open(root.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct path from_bundle = path_of("/proc/self/fd/%d", bundle_folder);
    struct path from_root = path_of("/proc/self/fd/%d", root_folder);
    bool is_moved = bundle_folder >= 0 && root_folder >= 0 &&
                    mount("cupola", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k") == 0 &&
                    mkdir("/mnt/bundle", 0755) == 0 && mkdir("/mnt/root", 0755) == 0 &&
                    mount(from_bundle.text, "/mnt/bundle", NULL, MS_BIND, NULL) == 0 &&
                    mount(from_root.text, "/mnt/root", NULL, MS_BIND, NULL) == 0;
    int error = errno;
    close(bundle_folder);
    close(root_folder);
    errno = error;
    return is_moved;
}

static pid_t launch(const struct supervised *supervised, const int outputs[LOG_STREAMS], struct text *ret_reason)
{
    if (!move_bundle(supervised)) {
        text_addf(ret_reason, "this machine does not let us bind the bundle (%s); run with workloads \"process\"",
                  strerror(errno));
        errno = EIO;
        return -1;
    }
    struct path bundle = path_of("%s/bundle", supervised->folder.text);
    struct path pid_file = path_of("%s/bundle/pid", supervised->folder.text);
    const char *arguments[] = {
        "run",        "--detach",    "--bundle",          supervised->uid != 0 ? "/mnt/bundle" : bundle.text,
        "--pid-file", pid_file.text, name_of(supervised), NULL};
    struct text pid = {0};
    pid_t main = -1;
    if (run(supervised, arguments, outputs) && files_read(pid_file.text, 64, &pid, NULL) == IO_OK)
        main = (pid_t)atoi(text_string(&pid));
    text_free(&pid);
    if (main > 0 && supervised_note(supervised, main))
        return main;
    if (main > 0)
        return main; /* It has ended already. */
    read_runtime_log(supervised, ret_reason);
    errno = EIO;
    return -1;
}

static void ended(const struct supervised *supervised)
{
    const char *arguments[] = {"delete", "--force", name_of(supervised), NULL};
    run(supervised, arguments, NULL);
}

/* ---- Undoing ---- */

/* The supervisor has done this unless it was killed. */
static void clean_up(const struct path *folder, const char *name, const char *oci_runtime)
{
    struct path state = path_of("%s/bundle/state/%s", folder->text, name);
    if (access(state.text, F_OK) != 0)
        return;
    struct path root = path_of("%s/bundle/state", folder->text);
    const char *argv[] = {oci_runtime, "--root", root.text, "delete", "--force", name, NULL};
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
    char *const *words = (char *const *)(uintptr_t)argv;
    if (posix_spawnp(&pid, oci_runtime, &actions, NULL, words, environ) == 0)
        waitpid(pid, NULL, 0);
    posix_spawn_file_actions_destroy(&actions);
}

const struct workload_kind workload_kind_oci = {
    .name = "oci",
    .home = WORKLOAD_HOME,
    .makes_own_group = true,
    .is_possible = is_possible,
    .prepare = prepare,
    .launch = launch,
    .ended = ended,
    .clean_up = clean_up,
};
