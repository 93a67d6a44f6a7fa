/* An instance that floods its log: how many lines a second its supervisor takes, with how much CPU, whether all that
 * was kept is in order, and whether what is missing was told in the stream, line by line.
 *
 *     log_flood KIND [LINES]      KIND of workload; lines of 100 bytes, numbered, in pieces of 64 KB
 *
 * Once with no limit of the rate, then with that of the default configuration.
 */
#include "core/base/duration.h"
#include "drivers/real/workloads/process_tree.h"
#include "tests/drivers/real/puppet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 100, DIGITS = 12, PIECE_LINES = 655, FILE_BYTES = 64 << 20, FILES = 64 };

static const char name[] = "flood";
static struct stage stage;
static struct puppet_op op;
static char digest[41];
static char count_text[24];

/* ---- The instance ---- */

static void write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written <= 0)
            _exit(1);
        bytes += written;
        size -= (size_t)written;
    }
}

static void write_number(char *line, uint64_t number)
{
    for (int i = DIGITS - 1; i >= 0; i--, number /= 10)
        line[i] = (char)('0' + number % 10);
}

static int flood(uint64_t count)
{
    static char lines[LINE * PIECE_LINES];
    memset(lines, 'x', sizeof lines);
    for (uint64_t number = 0; number < count;) {
        size_t size = 0;
        for (; size < sizeof lines && number < count; size += LINE, number++) {
            write_number(lines + size, number);
            lines[size + DIGITS] = ' ';
            lines[size + LINE - 1] = '\n';
        }
        write_all(lines, size);
    }
    return 0;
}

/* ---- What was kept of it ---- */

struct reading {
    uint64_t next, kept, told;
    bool is_wrong;
};

/* A line of ours, or one that tells how many are not there. */
static void read_line(struct reading *reading, const char *line)
{
    uint64_t number, lost;
    if (sscanf(line, "cupola: %" SCNu64 " lines", &lost) == 1) {
        reading->told += lost;
        reading->next += lost;
    } else if (strlen(line) == LINE && sscanf(line, "%" SCNu64 " x", &number) == 1) {
        reading->is_wrong |= number != reading->next;
        reading->next = number + 1;
        reading->kept++;
    } else {
        reading->is_wrong = true;
    }
}

static void read_file(struct reading *reading, const char *suffix)
{
    char path[160], line[400];
    snprintf(path, sizeof path, "%s/workloads/%s/root/logs/stdout.log%s", stage.dir, name, suffix);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        read_line(reading, line);
    if (file != NULL)
        fclose(file);
}

static struct reading read_all(void)
{
    struct reading reading = {0};
    for (int i = FILES; i > 0; i--) {
        char suffix[16];
        snprintf(suffix, sizeof suffix, ".%d", i);
        read_file(&reading, suffix);
    }
    read_file(&reading, "");
    return reading;
}

/* ---- The run ---- */

static void list(struct puppet *puppet)
{
    puppet_op_reset(&op);
    op_workload_list(&puppet->machine, &op.op, puppet_note);
}

static void start(struct puppet *puppet)
{
    const char *argv[] = {"./startup", "flood", count_text, NULL}, *envp[] = {"PATH=/usr/bin:/bin", NULL};
    struct workload_spec spec = {.workload = name, .digest = digest, .argv = argv, .envp = envp, .runtime = ""};
    spec.limits = (struct workload_limits){.memory_bytes = 1 << 30, .descriptors = 64, .processes = 64};
    puppet_op_reset(&op);
    op_workload_start(&puppet->machine, &op.op, &spec, puppet_note);
}

static void remove_it(struct puppet *puppet)
{
    puppet_op_reset(&op);
    op_workload_remove(&puppet->machine, &op.op, name, puppet_note);
}

static void await(bool (*is_over)(void))
{
    for (uint64_t begun_ns = uv_hrtime(); !is_over() && uv_hrtime() - begun_ns < 300 * NS_PER_S;)
        uv_run(&stage.loop, UV_RUN_ONCE);
}

static bool is_done(void)
{
    return op.done;
}

static pid_t supervisor;
static uint64_t cpu_ns;

static void on_sample(uv_timer_t *timer)
{
    struct process_figures figures;
    (void)timer;
    if (process_read(supervisor, &figures) && !figures.is_zombie)
        cpu_ns = figures.cpu_ns;
}

static bool has_exited(void)
{
    return strstr(text_string(&stage.puppet->workloads), "exited flood") != NULL;
}

static pid_t supervisor_of_it(void)
{
    char path[128];
    int pid = 0;
    snprintf(path, sizeof path, "%s/workloads/%s/pids", stage.dir, name);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*s %d", &pid) != 1)
        fprintf(stderr, "log_flood: %s tells nothing\n", path);
    if (file != NULL)
        fclose(file);
    return pid;
}

static bool run(uint64_t count, uint64_t bytes_per_s)
{
    real_driver_destroy(stage.driver);
    stage.config.log_bytes_per_s = bytes_per_s;
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    puppet_do(stage.driver, list); /* Supervisors in stock. */
    await(is_done);
    uint64_t begun_ns = uv_hrtime();
    puppet_do(stage.driver, start);
    await(is_done);
    if (op.status != IO_OK)
        fprintf(stderr, "log_flood: %s\n", text_string(&op.data));
    if (op.status != IO_OK)
        return false;
    supervisor = supervisor_of_it();
    uv_timer_t sampler;
    uv_timer_init(&stage.loop, &sampler);
    uv_timer_start(&sampler, on_sample, 1, 1);
    await(has_exited);
    double seconds = (double)(uv_hrtime() - begun_ns) / 1e9, cpu_seconds = (double)cpu_ns / 1e9;
    uv_close((uv_handle_t *)&sampler, NULL);
    struct reading reading = read_all();
    bool is_right = !reading.is_wrong && reading.next == count && has_exited();
    printf("  %s: %.2f M lines/s (%d bytes each), %.1f M a CPU second of the supervisor, %" PRIu64 " kept, %" PRIu64
           " lost and told, %s\n",
           stage.config.workloads, (double)count / seconds / 1e6, LINE, (double)count / cpu_seconds / 1e6, reading.kept,
           reading.told, is_right ? "all in order" : "NOT IN ORDER");
    puppet_do(stage.driver, remove_it);
    await(is_done);
    return is_right;
}

static void make_droplet(void)
{
    char packed[128];
    uint64_t size;
    run_shell(
        "mkdir -p %s/droplet/logs && cp /proc/%d/exe %s/droplet/startup && tar -C %s/droplet -czf %s/droplet.tgz .",
        stage.dir, (int)getpid(), stage.dir, stage.dir, stage.dir);
    snprintf(packed, sizeof packed, "%s/droplet.tgz", stage.dir);
    if (real_blob_import(stage.dir, packed, digest, &size, NULL) != IO_OK)
        fprintf(stderr, "log_flood: the droplet is not taken\n");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], REAL_SUPERVISOR_COMMAND) == 0)
        return real_supervise(argc - 1, argv + 1);
    if (argc == 3 && strcmp(argv[1], "flood") == 0)
        return flood(strtoull(argv[2], NULL, 10));
    if (argc < 2) {
        fprintf(stderr, "usage: log_flood KIND [LINES]\n");
        return 2;
    }
    snprintf(count_text, sizeof count_text, "%s", argc > 2 ? argv[2] : "5000000");
    uint64_t count = strtoull(count_text, NULL, 10);
    stage_open(&stage);
    stage.config.workloads = argv[1];
    stage.config.has_log_file_bytes = stage.config.has_log_files = stage.config.has_log_bytes_per_s = true;
    stage.config.log_file_bytes = FILE_BYTES;
    stage.config.log_files = FILES;
    uint64_t usual_rate = stage.config.log_bytes_per_s;
    make_droplet();
    bool is_right = run(count, 0);
    is_right = run(count, usual_rate) && is_right;
    puppet_op_reset(&op);
    stage_close(&stage);
    return is_right ? 0 : 1;
}
