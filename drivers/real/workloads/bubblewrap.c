/* The bubblewrap kind: own user, pid, mount, ipc and uts namespaces (and network, if configured), made by bwrap; the
 * cgroup is our own (supervisor.c). The root is an empty tmpfs with the system's folders bound into it, read-only in
 * the end; only the workload's own directory (/home/vcap), /tmp and /dev/shm can be written.
 *
 * Where we are root, bwrap runs as the workload's user, so that even outside of its namespaces the workload is nobody
 * in particular. That user cannot walk to the workload's directory: it is bound to a place that anybody can reach
 * first, in a mount namespace that ends with the workload.
 *
 * What bwrap is told is read by it from a descriptor. The workload's command and environment come later, to the program
 * that bwrap has begun (drivers/contained): neither a list of processes nor a variable such as LD_PRELOAD can make use
 * of them, and a container can be made before anybody knows what for.
 */
#include "core/base/memory.h"
#include "drivers/real/workloads/root.h"
#include "drivers/real/workloads/seccomp.h"
#include "drivers/real/workloads/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Up to this a file is copied into the root, which is cheaper than a mount. */
enum { COPIED_BYTES_MOST = 32768 };

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
                             "vcap:x:1000:1000:app:" WORKLOAD_HOME ":/bin/bash\n"
                             "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
static const char group[] = "root:x:0:\nvcap:x:1000:\nnogroup:x:65534:\n";

/* ---- What bwrap is told ---- */

static void add(struct text *words, const char *word)
{
    text_add(words, word, strlen(word) + 1);
}

static void add_all(struct text *words, const char *const *list)
{
    for (; *list != NULL; list++)
        add(words, *list);
}

static void add_three(struct text *words, const char *option, const char *from, const char *to)
{
    const char *const list[] = {option, from, to, NULL};
    add_all(words, list);
}

/* bwrap reads it to its end, and it is gone. */
static void add_descriptor(struct text *words, const char *option, int descriptor, const char *path)
{
    char number[16];
    snprintf(number, sizeof number, "%d", descriptor);
    add(words, option);
    add(words, number);
    if (path != NULL)
        add(words, path);
}

static int open_text(const char *content, size_t size)
{
    int descriptor = memfd_create("bubblewrap", 0);
    if (descriptor >= 0 && (write(descriptor, content, size) != (ssize_t)size || lseek(descriptor, 0, SEEK_SET) != 0)) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

static void add_file(struct text *words, const struct root_entry *entry)
{
    int descriptor = -1;
    if (strcmp(entry->path.text, "/etc/passwd") == 0)
        descriptor = open_text(passwd, sizeof passwd - 1);
    else if (strcmp(entry->path.text, "/etc/group") == 0)
        descriptor = open_text(group, sizeof group - 1);
    else if (entry->size <= COPIED_BYTES_MOST)
        descriptor = open(entry->path.text, O_RDONLY);
    if (descriptor < 0) {
        add_three(words, "--ro-bind", entry->path.text, entry->path.text);
        return;
    }
    add(words, "--perms");
    add(words, "0644");
    add_descriptor(words, "--file", descriptor, entry->path.text);
}

static void add_root(struct text *words, const char *runtime)
{
    struct root_entry *entries = memory_new(ROOT_ENTRIES_MOST * sizeof *entries);
    size_t count = workload_root_list(entries, runtime);
    for (size_t i = 0; i < count; i++) {
        const struct root_entry *entry = &entries[i];
        if (entry->kind == ROOT_LINK)
            add_three(words, "--symlink", entry->target.text, entry->path.text);
        else if (entry->kind == ROOT_FOLDER)
            add_three(words, "--ro-bind", entry->path.text, entry->path.text);
        else
            add_file(words, entry);
    }
    memory_free(entries);
}

static void add_mounts(struct text *words, const char *home)
{
    char size[16];
    snprintf(size, sizeof size, "%d", WORKLOAD_TEMPORARY_BYTES);
    const char *const before[] = {"--proc",   "/proc",       "--dev",   "/dev",        "--perms",      "1777",
                                  "--size",   size,          "--tmpfs", "/tmp",        "--symlink",    "../tmp",
                                  "/var/tmp", "--bind",      home,      WORKLOAD_HOME, "--remount-ro", "/",
                                  "--chdir",  WORKLOAD_HOME, NULL};
    add_all(words, before);
}

/* The program that will wait for its order: it is gone from there before the app begins. */
#define CONTAINED_PLACE "/tmp/.contained"

static void add_contained(struct text *words)
{
    int descriptor = open_text((const char *)contained_program, (size_t)(contained_program_end - contained_program));
    add(words, "--perms");
    add(words, "0755");
    add_descriptor(words, "--file", descriptor, CONTAINED_PLACE);
}

static void write_words(struct text *words, const struct supervised *supervised, const char *home)
{
    static const char *const namespaces[] = {"--unshare-user",
                                             "--unshare-pid",
                                             "--unshare-ipc",
                                             "--unshare-uts",
                                             "--hostname",
                                             "app",
                                             "--uid",
                                             "1000",
                                             "--gid",
                                             "1000",
                                             "--cap-drop",
                                             "ALL",
                                             "--die-with-parent",
                                             NULL};
    add_all(words, namespaces);
    if (supervised->private_network)
        add(words, "--unshare-net");
    add_root(words, supervised->runtime);
    add_mounts(words, home);
    add_contained(words);
    int program = seccomp_open_program();
    if (program >= 0)
        add_descriptor(words, "--seccomp", program, NULL);
}

/* ---- In the child ---- */

/* The directory at a place to which everybody can walk; the workload's own is not needed there. Returns NULL with errno
 * if that is not possible. */
static const char *move_home(const struct supervised *supervised, const struct path *root)
{
    static const char *const places[] = {"/mnt", "/media", "/srv"};
    if (supervised->uid == 0)
        return root->text;
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        bool is_needed = strncmp(supervised->runtime, places[i], strlen(places[i])) == 0;
        if (!is_needed && mount(root->text, places[i], NULL, MS_BIND, NULL) == 0)
            return places[i];
    }
    return NULL;
}

static void execute_with(const char *program, int arguments, int connection)
{
    char words[16], number[16];
    snprintf(words, sizeof words, "%d", arguments);
    snprintf(number, sizeof number, "%d", connection);
    const char *argv[] = {"bwrap", "--args", words, "--", CONTAINED_PLACE, number, NULL};
    char *const nothing[] = {NULL};
    execve(program, (char *const *)(uintptr_t)argv, nothing);
}

static void execute(const struct supervised *supervised, int connection)
{
    struct path root = path_of("%s/root", supervised->folder.text), program;
    if (!workload_find_program(supervised->bubblewrap, &program)) {
        errno = ENOENT;
        return;
    }
    const char *home = move_home(supervised, &root);
    if (home == NULL)
        return;
    struct text words = {0};
    write_words(&words, supervised, home);
    int arguments = open_text(text_string(&words), words.size);
    if (arguments >= 0 && chdir("/") == 0 && supervised_become_user(supervised) && fcntl(connection, F_SETFD, 0) == 0)
        execute_with(program.text, arguments, connection);
}

/* ---- In the supervisor ---- */

static bool make(struct supervised *supervised, const int outputs[LOG_STREAMS], struct text *ret_reason)
{
    struct path guard;
    int ends[2];
    if (!workload_find_program(supervised->bubblewrap, &guard)) {
        text_addf(ret_reason, "%s is gone", supervised->bubblewrap);
        errno = EIO;
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    pid_t main = supervised_fork_guard(supervised, outputs, ends[1], execute);
    close(ends[1]);
    if (main < 0) {
        close(ends[0]);
        return false;
    }
    supervised->container = (struct container){.main = main, .connection = ends[0]};
    return true;
}

static uint32_t add_list(struct text *words, char *const *list)
{
    uint32_t count = 0;
    for (; list[count] != NULL; count++)
        add(words, list[count]);
    return count;
}

/* bwrap has gone to the workload's directory, and would say so. */
static bool send_order(const struct supervised *supervised)
{
    struct text words = {0};
    struct contained_order order = {0};
    order.argument_count = add_list(&words, supervised->argv);
    order.variable_count = add_list(&words, supervised->envp) + 1;
    add(&words, "PWD=" WORKLOAD_HOME);
    order.size = (uint32_t)words.size;
    supervised_list_limits(supervised, order.limits);
    int connection = supervised->container.connection;
    bool is_sent = files_write_all(connection, &order, sizeof order) == 0 &&
                   files_write_all(connection, text_string(&words), words.size) == 0;
    text_free(&words);
    return is_sent;
}

static pid_t launch(const struct supervised *supervised, const int outputs[LOG_STREAMS], struct text *ret_reason)
{
    const char *program = supervised->argv[0];
    const struct container *container = &supervised->container;
    struct path path = path_of("%s/root/%s", supervised->folder.text, program);
    (void)outputs;
    /* It would be told in the log of the app; those who ordered the start want to know. */
    if (program[0] == '.' && access(path.text, X_OK) != 0)
        return -1;
    bool is_running = supervised_note(supervised, container->main);
    if (is_running) {
        send_order(supervised); /* Whether it was read is what counts. */
        is_running = (container->is_whole || supervised_hear(container)) && supervised_hear(container);
    } else {
        errno = EIO;
    }
    if (!is_running && errno == EIO)
        text_add_string(ret_reason, "there is no container for it");
    int error = errno;
    close(container->connection);
    errno = error;
    return is_running ? container->main : -1;
}

/* ---- The kind ---- */

/* The kernel may forbid what bwrap needs, in several ways: only a try tells. */
static bool try_it(const char *program)
{
    const char *const argv[] = {program,
                                "--unshare-user",
                                "--unshare-pid",
                                "--unshare-ipc",
                                "--unshare-uts",
                                "--uid",
                                "1000",
                                "--size",
                                "65536",
                                "--tmpfs",
                                "/tmp",
                                "--ro-bind",
                                "/",
                                "/",
                                "--proc",
                                "/proc",
                                "--",
                                "/bin/true",
                                NULL};
    pid_t pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        struct supervised nobody = {.uid = geteuid() == 0 ? 65534 : 0};
        if (supervised_become_user(&nobody))
            execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool is_possible(const Cupola__DriverConfig *config, struct text *ret_why_not)
{
    struct path program;
    if (!workload_find_program(config->bubblewrap, &program)) {
        text_addf(ret_why_not,
                  "%s is not there: install it (apt install bubblewrap), or run with workloads \"process\"",
                  config->bubblewrap);
        return false;
    }
    if (try_it(program.text))
        return true;
    text_addf(ret_why_not,
              "%s cannot make user namespaces here (sysctl kernel.unprivileged_userns_clone, "
              "user.max_user_namespaces): run with workloads \"process\"",
              program.text);
    return false;
}

static bool prepare(struct workload_order *order)
{
    (void)order;
    return true;
}

static void ended(const struct supervised *supervised)
{
    (void)supervised;
}

static void clean_up(const struct path *folder, const char *name, const char *oci_runtime)
{
    (void)folder;
    (void)name;
    (void)oci_runtime;
}

const struct workload_kind workload_kind_bubblewrap = {
    .name = "bubblewrap",
    .home = WORKLOAD_HOME,
    .main_is_a_guard = true,
    .is_possible = is_possible,
    .prepare = prepare,
    .make = make,
    .launch = launch,
    .ended = ended,
    .clean_up = clean_up,
};
