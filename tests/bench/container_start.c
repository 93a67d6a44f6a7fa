/* From the order to start a container until its process runs, through our driver or by a bare command.
 *
 *     container_start ours KIND STARTED COUNT AT_ONCE     STARTED: the program container_started
 *     container_start bare FILE COUNT CLEAN -- COMMAND    FILE: where the process says when it began; CLEAN: a shell
 * line
 *
 * One after the other with a pause between (an instance that is replaced is alone; meanwhile our driver makes the next
 * container), then AT_ONCE together, while a
 * timer on the same loop is watched: a late timer is a late heartbeat.
 */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "tests/drivers/real/puppet.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1024, PAUSE_MS = 500, TIMER_MS = 5, PATIENCE_MS = 10000 };

static uint64_t took_ns[MOST];
static size_t took_count;

/* ---- Figures ---- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double in_ms(uint64_t ns)
{
    return (double)ns / (double)NS_PER_MS;
}

static void print_figures(const char *what)
{
    qsort(took_ns, took_count, sizeof took_ns[0], by_size);
    printf("  %-36s n %3zu   p50 %6.2f   p90 %6.2f   p99 %6.2f   worst %6.2f ms\n", what, took_count,
           in_ms(took_ns[took_count / 2]), in_ms(took_ns[took_count * 9 / 10]), in_ms(took_ns[took_count * 99 / 100]),
           in_ms(took_ns[took_count - 1]));
    fflush(stdout);
    took_count = 0;
}

static bool has_failed(pid_t command)
{
    int status;
    return command != 0 && waitpid(command, &status, WNOHANG) > 0 && status != 0;
}

/* Waits until the process has said when it began; not longer than the command (0: none) that starts it may succeed. */
static bool note_start(const char *path, uint64_t ordered_ns, pid_t command)
{
    char text[32] = "";
    for (int i = 0; i < PATIENCE_MS && strchr(text, '\n') == NULL && !has_failed(command); i++) {
        FILE *file = fopen(path, "r");
        if (file == NULL || fgets(text, sizeof text, file) == NULL)
            usleep(1000);
        if (file != NULL)
            fclose(file);
    }
    uint64_t began_ns = strtoull(text, NULL, 10);
    if (began_ns > ordered_ns && took_count < MOST) {
        took_ns[took_count++] = began_ns - ordered_ns;
        return true;
    }
    fprintf(stderr, "container_start: %s tells nothing\n", path);
    return false;
}

/* ---- A bare command ---- */

static int run_bare(int argc, char **argv)
{
    const char *path = argv[2], *clean = argv[4];
    int count = atoi(argv[3]);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    bool has_started = true;
    for (int i = 0; argc > 6 && i < count && has_started; i++) {
        unlink(path);
        pid_t pid;
        uint64_t ordered_ns = uv_hrtime();
        if (posix_spawnp(&pid, argv[6], &actions, &attributes, argv + 6, environ) != 0)
            return 1;
        has_started = note_start(path, ordered_ns, pid);
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (system(clean) != 0)
            fprintf(stderr, "container_start: %s failed\n", clean);
        usleep(PAUSE_MS * 1000);
    }
    if (took_count == 0)
        return 1;
    const char *slash = strrchr(argv[6], '/');
    print_figures(slash == NULL ? argv[6] : slash + 1);
    return 0;
}

/* ---- Our driver ---- */

static struct stage stage;
static struct puppet_op ops[MOST];
static char digest[41];
static size_t first, last; /* The workloads that the next task is about. */

static void name_of(size_t index, char ret_name[24])
{
    snprintf(ret_name, 24, "w%zu", index);
}

static void start(struct puppet *puppet)
{
    const char *argv[] = {"./startup", NULL}, *envp[] = {"PATH=/usr/bin:/bin", NULL};
    for (size_t i = first; i < last; i++) {
        char name[24];
        name_of(i, name);
        struct workload_spec spec = {.workload = name, .digest = digest, .argv = argv, .envp = envp, .runtime = ""};
        spec.limits = (struct workload_limits){128 << 20, 64 << 20, 256, 512};
        puppet_op_reset(&ops[i]);
        op_workload_start(&puppet->machine, &ops[i].op, &spec, puppet_note);
    }
}

static void remove_them(struct puppet *puppet)
{
    for (size_t i = first; i < last; i++) {
        char name[24];
        name_of(i, name);
        puppet_op_reset(&ops[i]);
        op_workload_remove(&puppet->machine, &ops[i].op, name, puppet_note);
    }
}

static bool all_done(void)
{
    for (size_t i = first; i < last; i++) {
        if (!ops[i].done)
            return false;
    }
    return true;
}

static void await_all(void)
{
    uint64_t begun_ns = uv_hrtime();
    while (!all_done() && uv_hrtime() - begun_ns < 6 * PATIENCE_MS * NS_PER_MS)
        uv_run(&stage.loop, UV_RUN_ONCE);
}

static void rest(void)
{
    uint64_t begun_ns = uv_hrtime();
    while (uv_hrtime() - begun_ns < PAUSE_MS * NS_PER_MS)
        stage_turn(&stage);
}

static void run_and_remove(uint64_t ordered_ns)
{
    for (size_t i = first; i < last; i++) {
        char name[24], path[160];
        name_of(i, name);
        snprintf(path, sizeof path, "%s/workloads/%s/root/logs/started", stage.dir, name);
        if (ops[i].status == IO_OK && !note_start(path, ordered_ns, 0))
            run_shell("cat %s/workloads/%s/root/logs/stderr.log >&2", stage.dir, name);
        else if (ops[i].status != IO_OK)
            fprintf(stderr, "container_start: %s\n", text_string(&ops[i].data));
    }
    puppet_do(stage.driver, remove_them);
    await_all();
    rest();
}

static uint64_t timer_due_ns, latest_ns;

static void on_timer(uv_timer_t *timer)
{
    uint64_t now_ns = uv_hrtime(), late_ns = now_ns > timer_due_ns ? now_ns - timer_due_ns : 0;
    if (late_ns > latest_ns)
        latest_ns = late_ns;
    timer_due_ns = now_ns + TIMER_MS * NS_PER_MS;
    uv_timer_start(timer, on_timer, TIMER_MS, 0);
}

static void run_at_once(size_t count)
{
    uv_timer_t timer;
    uv_timer_init(&stage.loop, &timer);
    timer_due_ns = uv_hrtime() + TIMER_MS * NS_PER_MS;
    uv_timer_start(&timer, on_timer, TIMER_MS, 0);
    first = 0;
    last = count;
    uint64_t ordered_ns = uv_hrtime();
    puppet_do(stage.driver, start);
    await_all();
    uint64_t ended_ns = uv_hrtime();
    uv_timer_stop(&timer);
    uint64_t while_starting_ns = latest_ns;
    run_and_remove(ordered_ns);
    uv_close((uv_handle_t *)&timer, NULL);
    print_figures("  all at once");
    printf("  %-36s n %3zu   %6.2f ms each, %.0f ms in all; the loop's %d ms timer at most %.2f ms late\n", "", count,
           in_ms(ended_ns - ordered_ns) / (double)count, in_ms(ended_ns - ordered_ns), TIMER_MS,
           in_ms(while_starting_ns));
}

static void list(struct puppet *puppet)
{
    op_workload_list(&puppet->machine, &ops[0].op, puppet_note);
}

static int run_ours(char **argv)
{
    size_t count = strtoul(argv[4], NULL, 10), at_once = strtoul(argv[5], NULL, 10);
    stage_open(&stage);
    real_driver_destroy(stage.driver);
    stage.config.workloads = argv[2];
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    run_shell("mkdir -p %s/droplet/logs && cp %s %s/droplet/startup && tar -C %s/droplet -czf %s/droplet.tgz .",
              stage.dir, argv[3], stage.dir, stage.dir, stage.dir);
    char packed[128];
    uint64_t size;
    snprintf(packed, sizeof packed, "%s/droplet.tgz", stage.dir);
    if (real_blob_import(stage.dir, packed, digest, &size, NULL) != IO_OK)
        return 1;
    last = 1;
    puppet_do(stage.driver, list);
    await_all();
    rest();
    for (size_t i = 0; i < count && i < MOST; i++) {
        first = i;
        last = i + 1;
        uint64_t ordered_ns = uv_hrtime();
        puppet_do(stage.driver, start);
        await_all();
        if (i == 0 && getenv("CONTAINER_BUNDLE") != NULL) /* For the bare runtimes. */
            run_shell("cp -a %s/workloads/w0/bundle %s", stage.dir, getenv("CONTAINER_BUNDLE"));
        run_and_remove(ordered_ns);
    }
    char what[64];
    snprintf(what, sizeof what, "ours: %s", argv[2]);
    print_figures(what);
    if (at_once > 0 && at_once <= MOST)
        run_at_once(at_once);
    for (size_t i = 0; i < MOST; i++)
        puppet_op_reset(&ops[i]);
    stage_close(&stage);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], REAL_SUPERVISOR_COMMAND) == 0)
        return real_supervise(argc - 1, argv + 1);
    if (argc == 6 && strcmp(argv[1], "ours") == 0)
        return run_ours(argv);
    if (argc > 6 && strcmp(argv[1], "bare") == 0)
        return run_bare(argc, argv);
    fprintf(stderr, "usage: container_start ours KIND STARTED COUNT AT_ONCE | bare FILE COUNT CLEAN -- COMMAND...\n");
    return 2;
}
