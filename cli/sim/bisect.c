/* `cupola sim bisect`: the first event where two runs that should be the same part. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include "core/base/memory.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola sim bisect FILE [--seed N] [--other PROGRAM] [--env NAME=VALUE]... [-- RUN-OPTION...]\n"
    "\n"
    "Runs a scenario twice and names the first event after which the two differ: hashes at checkpoints first, then "
    "every\n"
    "step between the two that part, by running both again. The second run is by this program with fresh memory "
    "filled\n"
    "otherwise (MALLOC_PERTURB_) at other addresses, which shows a byte that was never set; or by another program.\n"
    "Exit status: 0 no difference, 1 a difference (printed), 2 it could not be run.\n"
    "\n"
    "  --seed N          the seed of both (default 1)\n"
    "  --other PROGRAM   the program of the second run: another build of cupola\n"
    "  --env NAME=VALUE  an environment variable of the second run\n"
    "  -- RUN-OPTION...  more options of `cupola sim run` for both\n"
    "\n"
    "Examples:\n"
    "  cupola sim bisect scenarios/bus-restart.lua --seed 3\n"
    "  cupola sim bisect scenarios/bus-restart.lua --other build/asan/cupola\n";

enum { MOST_ENVIRONMENT = 16 };

struct bisection {
    const char *file, *seed, *program, *other;
    char *environment[MOST_ENVIRONMENT];
    size_t environment_count;
    char **run_options;
    char folder[64];
};

/* ---- Running ---- */

static _Noreturn void become_run(const struct bisection *bisection, bool is_second, char **words)
{
    for (size_t i = 0; is_second && i < bisection->environment_count; i++)
        putenv(bisection->environment[i]);
    const char *program = is_second && bisection->other != NULL ? bisection->other : bisection->program;
    if (freopen("/dev/null", "w", stdout) == NULL)
        _exit(SIM_USAGE);
    execv(program, words);
    fprintf(stderr, "cupola: cannot run %s: %s\n", program, strerror(errno));
    _exit(SIM_USAGE);
}

/* One run; its steps as text. `range` is "A..B" or NULL for checkpoints. False (and a message) if it cannot be run. */
static bool run(const struct bisection *bisection, bool is_second, const char *range, struct text *ret_steps)
{
    char out[96];
    snprintf(out, sizeof out, "%s/%s", bisection->folder, is_second ? "second" : "first");
    size_t more = 0;
    while (bisection->run_options[more] != NULL)
        more++;
    const char **words = memory_new((more + 16) * sizeof *words);
    size_t count = 0;
    const char *const fixed[] = {"cupola",        "sim",          "run", bisection->file, "--quiet", "--seed",
                                 bisection->seed, "--steps-file", out};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        words[count++] = fixed[i];
    if (range != NULL) {
        words[count++] = "--steps";
        words[count++] = range;
    }
    for (size_t i = 0; i < more; i++)
        words[count++] = bisection->run_options[i];
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become_run(bisection, is_second, (char **)(uintptr_t)words);
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    memory_free(words);
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == SIM_USAGE) {
        fprintf(stderr, "cupola: the %s run could not be made\n", is_second ? "second" : "first");
        return false;
    }
    bool ok = input_read_file(out, ret_steps);
    unlink(out);
    return ok;
}

/* ---- Comparing ---- */

/* The line at `at`, and where the next one begins. */
static const char *end_of_line(const char *at)
{
    const char *end = strchr(at, '\n');
    return end == NULL ? at + strlen(at) : end + 1;
}

static bool is_same_line(const char *a, const char *b)
{
    size_t size = (size_t)(end_of_line(a) - a);
    return size == (size_t)(end_of_line(b) - b) && memcmp(a, b, size) == 0;
}

/* Places where the first lines that differ begin. False if all are equal. */
static bool find_difference(const char **a, const char **b)
{
    while (**a != 0 && **b != 0 && is_same_line(*a, *b)) {
        *a = end_of_line(*a);
        *b = end_of_line(*b);
    }
    return **a != 0 || **b != 0;
}

/* The beginning of the step that a line belongs to. */
static const char *begin_of_step(const char *text, const char *at)
{
    if (at > text && *at == 0)
        at--;
    while (at > text && !(at[-1] == '\n' && strncmp(at, "step ", 5) == 0))
        at--;
    return at;
}

static void print_step(const char *title, const char *step, const char *mark)
{
    printf("%s:\n", title);
    if (*step == 0)
        puts("  (the run had ended)");
    for (const char *at = step; *at != 0; at = end_of_line(at)) {
        if (at != step && strncmp(at, "step ", 5) == 0)
            break;
        printf("%s %.*s\n", at == mark ? ">" : " ", (int)strcspn(at, "\n"), at);
    }
}

static int tell_difference(const struct text *first, const struct text *second)
{
    const char *a = text_string(first), *b = text_string(second);
    if (!find_difference(&a, &b)) {
        puts("The checkpoints differ, but not the steps: the difference did not show again. Run it once more.");
        return SIM_FAILED;
    }
    const char *step_a = begin_of_step(text_string(first), a), *step_b = begin_of_step(text_string(second), b);
    printf("DIFFERENT from this event on: %.*s\n", (int)strcspn(step_a, "\n"), step_a);
    print_step("first run", step_a, a);
    print_step("second run", step_b, b);
    return SIM_FAILED;
}

static int bisect(const struct bisection *bisection)
{
    struct text first = {0}, second = {0};
    int status = SIM_USAGE;
    if (run(bisection, false, NULL, &first) && run(bisection, true, NULL, &second)) {
        const char *a = text_string(&first), *b = text_string(&second);
        if (!find_difference(&a, &b)) {
            const char *last = a - 1; /* Behind it is the end. */
            while (last > text_string(&first) && last[-1] != '\n')
                last--;
            printf("SAME  %s, seed %s: steps and hash at the end %s", bisection->file, bisection->seed, last);
            status = SIM_PASSED;
        } else {
            unsigned long long last = strtoull(*a == 0 ? b : a, NULL, 10);
            unsigned long long whole = (last + SIM_CHECKPOINT - 1) / SIM_CHECKPOINT * SIM_CHECKPOINT;
            char range[64];
            snprintf(range, sizeof range, "%llu..%llu", whole - SIM_CHECKPOINT + 1, whole);
            text_clear(&first);
            text_clear(&second);
            if (run(bisection, false, range, &first) && run(bisection, true, range, &second))
                status = tell_difference(&first, &second);
        }
    }
    text_free(&first);
    text_free(&second);
    return status;
}

/* ---- Options ---- */

static int take_options(struct bisection *bisection, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"seed", required_argument, NULL, 's'},
        {"other", required_argument, NULL, 'o'},
        {"env", required_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        uint64_t number = 0;
        if (option == 's' && input_number(optarg, &number))
            bisection->seed = optarg;
        else if (option == 'o')
            bisection->other = optarg;
        else if (option == 'e' && strchr(optarg, '=') != NULL && bisection->environment_count < MOST_ENVIRONMENT)
            bisection->environment[bisection->environment_count++] = optarg;
        else if (option == 'h') {
            fputs(help, stdout);
            return SIM_PASSED;
        } else {
            fputs("Try `cupola sim bisect --help`.\n", stderr);
            return SIM_USAGE;
        }
    }
    if (optind >= argc) {
        fputs("cupola sim bisect: name one scenario file\n", stderr);
        return SIM_USAGE;
    }
    bisection->file = argv[optind];
    bisection->run_options = argv + optind + 1;
    return -1;
}

int cli_sim_bisect(int argc, char **argv)
{
    static char perturb[] = "MALLOC_PERTURB_=165";
    struct bisection bisection = {.seed = "1", .program = "/proc/self/exe", .folder = "/tmp/cupola-bisect-XXXXXX"};
    int status = take_options(&bisection, argc, argv);
    if (status >= 0)
        return status;
    if (bisection.environment_count == 0)
        bisection.environment[bisection.environment_count++] = perturb;
    if (mkdtemp(bisection.folder) == NULL) {
        perror("cupola: cannot make a folder below /tmp");
        return SIM_USAGE;
    }
    status = bisect(&bisection);
    rmdir(bisection.folder);
    return status;
}
