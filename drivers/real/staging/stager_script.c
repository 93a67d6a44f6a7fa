/* One run of one script: as nobody, in a container if there can be one, with limits, until the deadline. */
#include "drivers/real/staging/stager.h"

#include "drivers/real/files.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NOBODY = 65534,
    WORDS_MOST = 64,
    KEPT_MOST = 12,
    OUTPUT_MOST = 1 << 20, /* Of what a script says; the rest is dropped, and that is said. */
};

#define FOLDER_INSIDE "/tmp/stage"
#define CACHE_INSIDE "/tmp/cache"
static const char bwrap[] = "/usr/bin/bwrap";

/* ---- The command line: prlimit, bwrap, setpriv, the script ---- */

struct command {
    char *words[WORDS_MOST + 1];
    size_t count;
    struct path kept[KEPT_MOST]; /* Words that were made. */
    size_t kept_count;
};

static void add(struct command *command, const char *word)
{
    if (command->count < WORDS_MOST)
        command->words[command->count++] = (char *)(uintptr_t)word;
}

static void add_kept(struct command *command, struct path path)
{
    command->kept[command->kept_count] = path;
    add(command, command->kept[command->kept_count++].text);
}

static void add_all(struct command *command, const char *const *words)
{
    for (; *words != NULL; words++)
        add(command, *words);
}

/* The file system is read-only, our own data is hidden, and what the script may write has places of its own: the way to
 * the real ones may be closed to its user. */
static void add_container(struct command *command, const struct stager_script *script)
{
    static const char *const head[] = {bwrap,
                                       "--die-with-parent",
                                       "--new-session",
                                       "--unshare-pid",
                                       "--unshare-ipc",
                                       "--unshare-uts",
                                       "--ro-bind",
                                       "/",
                                       "/",
                                       "--dev",
                                       "/dev",
                                       "--proc",
                                       "/proc",
                                       "--perms", /* For compilers that leave something there. */
                                       "1777",
                                       "--tmpfs",
                                       "/tmp",
                                       "--bind",
                                       NULL};
    add_all(command, head);
    add(command, script->task->folder);
    add(command, FOLDER_INSIDE);
    if (script->cache != NULL) {
        add(command, "--bind");
        add(command, script->cache);
        add(command, CACHE_INSIDE);
    }
    add(command, "--tmpfs");
    add(command, script->task->data_dir);
    add(command, "--");
}

static void add_privileges(struct command *command)
{
    static const char *const head[] = {"/usr/bin/setpriv", "--no-new-privs", "--pdeathsig=KILL", NULL};
    static const char *const as_nobody[] = {"--reuid=65534",       "--regid=65534",   "--clear-groups",
                                            "--bounding-set=-all", "--inh-caps=-all", NULL};
    add_all(command, head);
    if (geteuid() == 0)
        add_all(command, as_nobody);
    add(command, "--");
}

static void build_command(struct command *command, const struct stager_script *script, bool in_container)
{
    static const char *const limits[] = {"/usr/bin/prlimit", "--nofile=4096", "--nproc=1024", "--core=0", NULL};
    add_all(command, limits);
    add_kept(command, path_of("--cpu=%u", 4 * script->task->deadline_s));
    if (script->task->memory_limit_mb > 0) /* Not --as: runtimes reserve addresses that they never use. */
        add_kept(command, path_of("--data=%llu", (unsigned long long)script->task->memory_limit_mb << 20));
    add(command, "--");
    if (in_container)
        add_container(command, script);
    add_privileges(command);
    const char *folder = in_container ? FOLDER_INSIDE : script->task->folder;
    add_kept(command, path_of("%s/%s/%s", folder, STAGER_FOLDER, script->name));
    add_kept(command, path_of("%s/app", folder));
    if (script->cache != NULL)
        add(command, in_container ? CACHE_INSIDE : script->cache);
}

/* ---- Whether there can be a container ---- */

static bool is_container_possible;

static void try_container(void)
{
    char *const words[] = {(char *)(uintptr_t)bwrap, (char *)(uintptr_t) "--ro-bind", (char *)(uintptr_t) "/",
                           (char *)(uintptr_t) "/",  (char *)(uintptr_t) "/bin/true", NULL};
    char *const nothing[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status = 1;
    if (posix_spawn(&pid, bwrap, &actions, NULL, words, nothing) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    posix_spawn_file_actions_destroy(&actions);
    is_container_possible = status == 0;
}

/* Asked by every script of every push, on several threads; tried once. */
static bool container_works(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, try_container);
    return is_container_possible;
}

/* ---- The process ---- */

struct running {
    pid_t pid;
    int output, errors; /* Pipes; -1 once they have ended. */
};

static bool spawn(const struct command *command, char *const *environment, struct running *ret_running)
{
    int output[2], errors[2];
    if (pipe2(output, O_CLOEXEC) != 0)
        return false;
    if (pipe2(errors, O_CLOEXEC) != 0) {
        close(output[0]);
        close(output[1]);
        return false;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    bool ok =
        posix_spawn(&ret_running->pid, command->words[0], &actions, &attributes, command->words, environment) == 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    close(errors[1]);
    ret_running->output = output[0];
    ret_running->errors = errors[0];
    if (!ok) {
        close(output[0]);
        close(errors[0]);
    }
    return ok;
}

static void read_into(int *pipe, struct text *text)
{
    static const char too_much[] = "\n(the rest is left out: it says more than a megabyte)\n";
    uint8_t bytes[16384];
    ssize_t size = read(*pipe, bytes, sizeof bytes);
    if (size > 0 && text->size < OUTPUT_MOST) {
        text_add(text, bytes, (size_t)size);
        if (text->size >= OUTPUT_MOST)
            text_add_string(text, too_much);
    } else if (size == 0 || (size < 0 && errno != EINTR)) {
        close(*pipe);
        *pipe = -1;
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads until both pipes have ended. False if the deadline came first. */
static bool gather(const struct stager_task *task, struct running *running, int64_t deadline_ms,
                   struct text *ret_output, struct text *log)
{
    while (running->output >= 0 || running->errors >= 0) {
        int64_t left_ms = deadline_ms - now_ms();
        struct pollfd polls[] = {{.fd = running->output, .events = POLLIN}, {.fd = running->errors, .events = POLLIN}};
        if (left_ms <= 0 || (poll(polls, 2, (int)left_ms) < 0 && errno != EINTR))
            return false;
        if (polls[0].revents != 0)
            read_into(&running->output, ret_output);
        if (polls[1].revents != 0)
            read_into(&running->errors, log);
        if (task->on_log != NULL)
            task->on_log(task->context);
    }
    return true;
}

/* As bubblewrap and shells tell of a process that SIGKILL has ended. */
enum { STATUS_KILLED = 128 + SIGKILL };

static bool is_killed(int status)
{
    return (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
           (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_KILLED);
}

static int conclude(const struct stager_task *task, struct running *running, bool in_time, struct text *log)
{
    int status = 0;
    if (!in_time)
        kill(-running->pid, SIGKILL);
    if (running->output >= 0)
        close(running->output);
    if (running->errors >= 0)
        close(running->errors);
    while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR)
        ;
    *task->was_killed = *task->was_killed || (in_time && is_killed(status));
    if (!in_time)
        text_addf(log, "Staging failed: it took longer than %u s\n", task->deadline_s);
    else if (WIFSIGNALED(status))
        text_addf(log, "Staging failed: ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- The whole ---- */

/* The script's user may write what it is given. Nothing if we are no root: then it is our own. */
static void give(const char *folder)
{
    char *const folders[] = {(char *)(uintptr_t)folder, NULL};
    FTS *walk = geteuid() == 0 ? fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL) : NULL;
    if (walk == NULL)
        return;
    for (FTSENT *entry; (entry = fts_read(walk)) != NULL;)
        if (entry->fts_info != FTS_DP && entry->fts_statp->st_uid != NOBODY &&
            lchown(entry->fts_path, NOBODY, NOBODY) != 0)
            break;
    fts_close(walk);
}

/* What its user has been given, and what it has made since, needs no second walk; an application may be large. */
static void give_once(const char *folder)
{
    struct stat info;
    if (lstat(folder, &info) == 0 && info.st_uid != NOBODY)
        give(folder);
}

int stager_script_run(const struct stager_script *script, struct text *ret_output, struct text *log)
{
    const struct stager_task *task = script->task;
    bool in_container = container_works();
    struct path home = path_of("HOME=%s", in_container ? FOLDER_INSIDE : task->folder),
                temporary = path_of("TMPDIR=/tmp"), framework = path_of("FRAMEWORK=%s", task->framework),
                runtime = path_of("RUNTIME=%s", task->runtime), memory = path_of("MEMORY_MB=%u", task->memory_mb);
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", language[] = "LANG=C.UTF-8";
    char *const environment[] = {home.text,   temporary.text, framework.text, runtime.text,
                                 memory.text, path,           language,       NULL};
    struct path copy = path_of("%s/" STAGER_FOLDER, task->folder); /* May be newer than what was given. */
    give_once(task->folder);
    give_once(copy.text);
    if (script->cache != NULL)
        give_once(script->cache);
    struct command command = {.count = 0};
    build_command(&command, script, in_container);
    struct running running;
    if (!spawn(&command, environment, &running)) {
        text_addf(log, "Staging failed: %s cannot be run (util-linux is needed)\n", command.words[0]);
        return -1;
    }
    bool in_time = gather(task, &running, now_ms() + (int64_t)task->deadline_s * 1000, ret_output, log);
    return conclude(task, &running, in_time, log);
}
