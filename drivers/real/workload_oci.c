/* The OCI kind: a bundle for the OCI runtime. The root file system is an overlay: below a skeleton of empty folders
 * and of what /etc an application needs, above what the workload writes. System folders are bound into it read-only,
 * its own directory as /home/vcap. Own mount, pid, uts and ipc namespaces, the host's network, no capabilities; memory
 * and number of processes bounded by a cgroup named /cupola/<workload>.
 *
 * The overlay is mounted by the supervisor in a mount namespace of its own: it cannot outlive the workload.
 */
#include "drivers/real/workload.h"

#include "core/base/memory.h"
#include "core/wire/json.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char home[] = "/home/vcap";

/* ---- Is it possible here? ---- */

static bool find_program(const char *name)
{
    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0;
    const char *folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct path path = path_of("%s/%s", folders[i], name);
        if (access(path.text, X_OK) == 0)
            return true;
    }
    return false;
}

bool real_workloads_possible(const char *kind, const char *oci_runtime, struct text *ret_why_not)
{
    if (strcmp(kind, workload_kind_process.name) == 0)
        return true;
    if (strcmp(kind, workload_kind_oci.name) != 0)
        text_addf(ret_why_not, "workloads are of kind \"process\" or \"oci\", not \"%s\"", kind);
    else if (geteuid() != 0)
        text_add_string(ret_why_not, "containers need root: run as root, or with workloads \"process\"");
    else if (!find_program(oci_runtime))
        text_addf(ret_why_not,
                  "containers need the OCI runtime %s, which is not there: install it (apt install runc), or run with "
                  "workloads \"process\"",
                  oci_runtime);
    else if (access("/sys/fs/cgroup/memory/tasks", F_OK) != 0 && access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0)
        text_add_string(ret_why_not, "containers need cgroups, and none are mounted at /sys/fs/cgroup: run with "
                                     "workloads \"process\"");
    else
        return true;
    return false;
}

/* ---- The skeleton, and what is bound into it ---- */

struct mounts {
    struct text json;
    const struct path *lower;
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

static void add_read_only(struct mounts *mounts, const char *path)
{
    add_mount(mounts, path, "bind", path, "\"rbind\",\"ro\",\"nosuid\",\"nodev\"");
}

static void make_in_skeleton(const struct mounts *mounts, const char *path, mode_t mode)
{
    struct path inside = path_of("%s%s", mounts->lower->text, path);
    files_make_folder(inside.text, NULL);
    chmod(inside.text, mode);
}

/* A folder of the system: bound, or a link where the host has a link (/bin -> usr/bin). */
static void add_system_folder(struct mounts *mounts, const char *path)
{
    struct stat info;
    struct path inside = path_of("%s%s", mounts->lower->text, path), target = {0};
    if (lstat(path, &info) != 0)
        return;
    if (S_ISLNK(info.st_mode) && readlink(path, target.text, sizeof target.text - 1) > 0) {
        if (symlink(target.text, inside.text) == 0)
            return;
    }
    make_in_skeleton(mounts, path, 0755);
    add_read_only(mounts, path);
}

/* Of /etc only what programs need to run and to find each other. */
static void add_etc(struct mounts *mounts)
{
    static const char *const names[] = {"alternatives", "ca-certificates", "group",    "hosts", "ld.so.cache",
                                        "localtime",    "mime.types",      "passwd",   "pki",   "nsswitch.conf",
                                        "protocols",    "resolv.conf",     "services", "ssl",   "python3"};
    make_in_skeleton(mounts, "/etc", 0755);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct path path = path_of("/etc/%s", names[i]);
        struct stat info;
        if (stat(path.text, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode))
            make_in_skeleton(mounts, path.text, 0755);
        add_read_only(mounts, path.text);
    }
}

/* A runtime that is installed elsewhere (/opt/node/bin/node) brings its prefix along. */
static void add_runtime(struct mounts *mounts, const char *runtime)
{
    char real[PATH_MAX];
    if (runtime[0] != '/' || realpath(runtime, real) == NULL || strncmp(real, "/usr/", 5) == 0 ||
        strncmp(real, "/bin/", 5) == 0)
        return;
    char *prefix = dirname(dirname(real));
    if (strcmp(prefix, "/") == 0)
        return;
    make_in_skeleton(mounts, prefix, 0755);
    add_read_only(mounts, prefix);
}

static void fill_mounts(struct mounts *mounts, const struct workload_order *order)
{
    static const char *const system[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    add_mount(mounts, "/proc", "proc", "proc", "\"nosuid\",\"noexec\",\"nodev\"");
    add_mount(mounts, "/dev", "tmpfs", "tmpfs", "\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"");
    add_mount(mounts, "/dev/pts", "devpts", "devpts", "\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\"");
    add_mount(mounts, "/dev/shm", "tmpfs", "shm", "\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"");
    make_in_skeleton(mounts, "/tmp", 01777);
    make_in_skeleton(mounts, "/var/tmp", 01777);
    make_in_skeleton(mounts, home, 0755);
    for (size_t i = 0; i < sizeof system / sizeof system[0]; i++)
        add_system_folder(mounts, system[i]);
    add_etc(mounts);
    add_runtime(mounts, order->runtime);
    struct path root = path_of("%s/root", order->folder.text);
    add_mount(mounts, home, "bind", root.text, "\"rbind\",\"rw\",\"nosuid\",\"nodev\"");
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
    json_write_string(json, home);
    text_add_string(json, ",\"capabilities\":{\"bounding\":[],\"effective\":[],\"permitted\":[]},"
                          "\"noNewPrivileges\":true");
    if (order->limits.descriptors != 0)
        text_addf(json, ",\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":%u,\"soft\":%u}]",
                  order->limits.descriptors, order->limits.descriptors);
    text_add_char(json, '}');
}

static void add_linux(struct text *json, const struct workload_order *order)
{
    text_addf(json,
              "\"linux\":{\"cgroupsPath\":\"/cupola/%s\",\"resources\":{\"devices\":[{\"allow\":false,"
              "\"access\":\"rwm\"}]",
              order->name);
    if (order->limits.memory_bytes != 0)
        text_addf(json, ",\"memory\":{\"limit\":%llu}", (unsigned long long)order->limits.memory_bytes);
    text_addf(json, ",\"pids\":{\"limit\":%u}},", order->limits.processes != 0 ? order->limits.processes : 512);
    text_add_string(json, "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
                          "{\"type\":\"ipc\"}],\"maskedPaths\":[\"/proc/kcore\",\"/proc/keys\",\"/proc/timer_list\"],"
                          "\"readonlyPaths\":[\"/proc/sys\",\"/proc/sysrq-trigger\",\"/proc/irq\",\"/proc/bus\"]}");
}

static bool write_bundle(struct workload_order *order, const struct mounts *mounts)
{
    struct text json = {0}, reason = {0};
    text_addf(&json, "{\"ociVersion\":\"1.0.2\",\"hostname\":\"%.12s\",\"root\":{\"path\":\"rootfs\"},", order->name);
    add_process(&json, order);
    text_add_string(&json, ",\"mounts\":[");
    text_add(&json, text_string(&mounts->json), mounts->json.size);
    text_add_string(&json, "],");
    add_linux(&json, order);
    text_add_string(&json, "}\n");
    struct path path = path_of("%s/bundle/config.json", order->folder.text);
    struct io_bytes bytes = {(const uint8_t *)text_string(&json), json.size};
    enum io_status status = files_replace(path.text, bytes, 0600, &reason);
    bool is_written = status == IO_OK || job_fail(&order->job, status, "%s", text_string(&reason));
    text_free(&json);
    text_free(&reason);
    return is_written;
}

static bool prepare(struct workload_order *order)
{
    static const char *const folders[] = {"bundle", "bundle/lower", "bundle/upper", "bundle/work", "bundle/rootfs"};
    struct text why_not = {0};
    if (!real_workloads_possible(order->kind->name, order->oci_runtime, &why_not)) {
        job_fail(&order->job, IO_DENIED, "%s", text_string(&why_not));
        text_free(&why_not);
        return false;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct path path = path_of("%s/%s", order->folder.text, folders[i]);
        files_make_folder(path.text, NULL);
    }
    struct path lower = path_of("%s/bundle/lower", order->folder.text);
    struct mounts mounts = {.lower = &lower};
    workload_add_home(order, home);
    fill_mounts(&mounts, order);
    bool is_written = write_bundle(order, &mounts);
    text_free(&mounts.json);
    return is_written;
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

/* The OCI runtime makes /cupola in every hierarchy of cgroups and removes the workloads' own only. Those that are in
 * use stay, as the kernel refuses. */
void workload_oci_remove_cgroups(void)
{
    rmdir("/sys/fs/cgroup/cupola");
    DIR *hierarchies = opendir("/sys/fs/cgroup");
    const struct dirent *entry;
    while (hierarchies != NULL && (entry = readdir(hierarchies)) != NULL) {
        struct path path = path_of("/sys/fs/cgroup/%s/cupola", entry->d_name);
        if (entry->d_name[0] != '.')
            rmdir(path.text);
    }
    if (hierarchies != NULL)
        closedir(hierarchies);
}

const struct workload_kind workload_kind_oci = {.name = "oci", .prepare = prepare, .clean_up = clean_up};
