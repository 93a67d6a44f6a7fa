/* `cupola sim shrink`: the smallest scenario that still fails in the same way. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/search/shrink.h"
#include "sim/search/shrink_prove.h"
#include "sim/search/signature.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola sim shrink FILE [--seed N] [--time S] [-o OUT] [options]\n"
    "\n"
    "Makes a failing scenario as small as it can: first all that cannot have led to the failure goes (the causal "
    "slice),\n"
    "then faults and steps, components, apps and clients, single decisions, values, and times. What still fails in "
    "the\n"
    "same way is kept: the same check and the same message but for numbers. Writes a scenario that can be committed "
    "as\n"
    "it is, and tells with how many of 20 seeds it fails so. With a planted bug (--trip, --mutation) a cut counts "
    "only\n"
    "if the scenario passes without the bug.\n"
    "Exit status: 0 shrunk, 1 it does not fail with that seed, 2 it could not be run.\n"
    "\n"
    "  --seed N        the seed that fails (default 1)\n"
    "  --time S        stop after so many seconds with what there is (default 60)\n"
    "  -o OUT          the file to write (default: FILE with .shrunk.lua)\n"
    "  --jobs J        candidates tried at once (default: one a processor)\n"
    "  --prove         play every smaller set of the steps, too, for as long again: how far is this from the optimum\n"
    "  --trip          with what the scenario itself says makes it fail (tripped_by)\n"
    "  --quiet         print the end only\n"
#ifdef CUPOLA_MUTANTS
    "  --mutation NAME with a planted bug (core/base/mutation.h)\n"
#endif
    "\n"
    "Examples:\n"
    "  cupola sim explore --cloud && cupola sim shrink reports/explore-cloud/failure-1f2e3d4c.lua --seed 17\n"
    "  cupola sim shrink scenarios/dea-killed.lua --seed 4 -o scenarios/dea-killed-again.lua\n";

struct shrinking {
    struct sim_run_options options;
    uint64_t jobs;
    const char *out, *mutation;
    bool is_quiet;
    bool is_to_prove;
    bool has_control;
    size_t seeds, seeds_failing; /* The result's. */
    uint64_t began_ns, most_ns, took_ms, candidates;
    char *signature;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* ---- One candidate, in a process of its own: a candidate may crash, loop or eat memory ---- */

enum { MOST_SECONDS = 20, OTHER_SEEDS = 4, LAST_SEEDS = 20 };

/* What a run came to: "" it passed, "?" it is no scenario, otherwise the failure. Appended. `ret_slice` may be NULL. */
static void play(const struct shrinking *shrinking, const struct text *text, bool with_bug,
                 struct cause_slice *ret_slice, struct text *ret_failure)
{
    struct scenario_options options = {.seed = shrinking->options.first_seed,
                                       .is_tripped = with_bug && shrinking->options.trip};
    struct text error = {0};
    struct scenario *scenario = scenario_open(shrinking->options.file, text_string(text), text->size, &options, &error);
    if (scenario == NULL) {
        text_add_char(ret_failure, '?');
        text_free(&error);
        return;
    }
    const char *mutation = shrinking->mutation;
    if (mutation == NULL && options.is_tripped)
        mutation = scenario_about(scenario).mutation;
    sim_plant_mutation(with_bug && mutation != NULL ? mutation : "NONE");
    struct cause *cause = ret_slice == NULL ? NULL : cause_start(scenario);
    if (!scenario_run(scenario))
        text_add_string(ret_failure, scenario_failure(scenario));
    if (cause != NULL) {
        cause_slice(cause, scenario_failure(scenario), ret_slice);
        cause_free(cause);
    }
    scenario_close(scenario);
    text_free(&error);
}

/* What is to be told of a run. */
enum wish { WISH_FAILURE = 0, WISH_SLICE };

static _Noreturn void tell_slice(const struct shrinking *shrinking, const struct text *text, int pipe)
{
    static struct cause_slice slice;
    struct text failure = {0};
    play(shrinking, text, true, &slice, &failure);
    _exit(write(pipe, &slice, sizeof slice) != (ssize_t)sizeof slice);
}

static _Noreturn void play_in_child(const struct shrinking *shrinking, const struct text *text, enum wish wish,
                                    int pipe)
{
    struct text failure = {0}, control = {0};
    signal(SIGINT, SIG_DFL);
    uint64_t left_s = (shrinking->most_ns - (sim_real_ns() - shrinking->began_ns)) / NS_PER_S + 1;
    bool is_bounded = shrinking->began_ns > 0 && left_s < MOST_SECONDS;
    alarm(is_bounded ? (unsigned)left_s : MOST_SECONDS);
    if (wish == WISH_SLICE)
        tell_slice(shrinking, text, pipe);
    play(shrinking, text, true, NULL, &failure);
    char *signature = signature_of(text_string(&failure));
    bool is_same = shrinking->signature == NULL || strcmp(signature, shrinking->signature) == 0;
    if (is_same && shrinking->has_control && failure.size > 0)
        play(shrinking, text, false, NULL, &control);
    /* A candidate that fails without the bug, too, is no candidate. */
    const char *answer = control.size > 0 ? "?" : text_string(&failure);
    ssize_t written = write(pipe, answer, strlen(answer));
    _exit(written < 0);
}

struct child {
    pid_t pid;
    int pipe;
};

static bool start_child(const struct shrinking *shrinking, const struct text *text, enum wish wish,
                        struct child *ret_child)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        play_in_child(shrinking, text, wish, ends[1]);
    }
    close(ends[1]);
    *ret_child = (struct child){.pid = pid, .pipe = ends[0]};
    if (pid < 0)
        close(ends[0]);
    return pid >= 0;
}

/* What the child says, or how it died. */
static void end_child(const struct child *child, struct text *ret_failure)
{
    char bytes[4096];
    for (ssize_t size; (size = read(child->pipe, bytes, sizeof bytes)) != 0;) {
        if (size > 0)
            text_add(ret_failure, bytes, (size_t)size);
        else if (errno != EINTR)
            break;
    }
    close(child->pipe);
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM) {
        text_clear(ret_failure);
        text_addf(ret_failure, "the run ended its process with signal %d", WTERMSIG(status));
    }
}

static size_t find(void *context, const struct text *candidates, size_t count)
{
    struct shrinking *shrinking = context;
    struct child children[SHRINK_MOST_BATCH];
    size_t started = 0, found = count;
    while (started < count && start_child(shrinking, &candidates[started], WISH_FAILURE, &children[started]))
        started++;
    for (size_t i = 0; i < started; i++) {
        struct text failure = {0};
        end_child(&children[i], &failure);
        char *signature = signature_of(text_string(&failure));
        if (found == count && strcmp(signature, shrinking->signature) == 0)
            found = i;
        memory_free(signature);
        text_free(&failure);
    }
    shrinking->candidates += started;
    if (!shrinking->is_quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%llu candidates tried, %zu bytes ", (unsigned long long)shrinking->candidates,
                candidates[found < count ? found : 0].size);
    return found;
}

static bool look(void *context, const struct text *text, struct cause_slice *ret_slice)
{
    struct child child;
    struct text told = {0};
    if (start_child(context, text, WISH_SLICE, &child))
        end_child(&child, &told);
    bool is_whole = told.size == sizeof *ret_slice;
    if (is_whole)
        memcpy(ret_slice, text_string(&told), sizeof *ret_slice);
    text_free(&told);
    return is_whole;
}

static bool is_enough(void *context)
{
    const struct shrinking *shrinking = context;
    return interrupted != 0 || sim_real_ns() - shrinking->began_ns > shrinking->most_ns;
}

/* With how many of the seeds 1 to *most it fails so; *most becomes how many there was time for. */
static size_t count_seeds(struct shrinking *shrinking, const struct text *text, size_t *most)
{
    size_t count = 0;
    for (size_t begin = 1; begin <= *most; begin += shrinking->jobs) {
        if (begin > 1 && is_enough(shrinking)) {
            *most = begin - 1;
            break;
        }
        struct child children[SHRINK_MOST_BATCH];
        struct shrinking other = *shrinking;
        size_t started = 0;
        for (; started < shrinking->jobs && begin + started <= *most; started++) {
            other.options.first_seed = begin + started;
            if (!start_child(&other, text, WISH_FAILURE, &children[started]))
                break;
        }
        for (size_t i = 0; i < started; i++) {
            struct text failure = {0};
            end_child(&children[i], &failure);
            char *signature = signature_of(text_string(&failure));
            count += strcmp(signature, shrinking->signature) == 0;
            memory_free(signature);
            text_free(&failure);
        }
    }
    return count;
}

static size_t count_elsewhere(void *context, const struct text *text)
{
    size_t most = OTHER_SEEDS;
    return count_seeds(context, text, &most);
}

/* ---- The whole ---- */

static size_t count_lines(const struct text *text)
{
    size_t lines = 0;
    for (const char *at = text_string(text); *at != 0; at++)
        lines += *at == '\n';
    return lines;
}

/* How sure the failure is, and whether it is the bug's. */
static void add_sureness(const struct shrinking *shrinking, struct text *text)
{
    text_addf(text, "with %zu of the seeds 1..%zu it fails so%s", shrinking->seeds_failing, shrinking->seeds,
              shrinking->has_control ? ", and passes without the bug" : "");
}

static void write_result(const struct shrinking *shrinking, const struct text *before, const struct text *after,
                         const char *failure, struct text *ret_file)
{
    text_addf(ret_file,
              "-- Shrunk by `cupola sim shrink` from %s: %zu steps in %zu lines became %zu steps in %zu lines.\n",
              shrinking->options.file, shrink_step_count(text_string(before), before->size), count_lines(before),
              shrink_step_count(text_string(after), after->size), count_lines(after));
    text_addf(ret_file, "-- With --seed %llu%s%s%s it failed: ", (unsigned long long)shrinking->options.first_seed,
              shrinking->options.trip ? " --trip" : "", shrinking->mutation == NULL ? "" : " --mutation ",
              shrinking->mutation == NULL ? "" : shrinking->mutation);
    for (const char *at = failure; *at != 0; at++)
        text_add_char(ret_file, *at == '\n' ? ' ' : *at);
    text_add_string(ret_file, "\n-- ");
    add_sureness(shrinking, ret_file);
    text_add_string(ret_file, ".\n");
    text_add(ret_file, text_string(after), after->size);
}

static void first_failure(const struct shrinking *shrinking, const struct text *text, struct text *ret_failure)
{
    struct child child;
    if (start_child(shrinking, text, WISH_FAILURE, &child))
        end_child(&child, ret_failure);
    else
        text_add_char(ret_failure, '?');
}

/* What was cut leaves blank lines, of which one is enough, and commas before closing braces. */
static void close_gaps(struct text *text)
{
    struct text tidy = {0};
    const char *from = text_string(text);
    for (const char *at = from; *at != 0; at++) {
        bool is_gap = at[0] == '\n' && at - from >= 2 && at[-1] == '\n' && at[-2] == '\n';
        bool is_left = at[0] == ',' && at[1 + strspn(at + 1, " ")] == '}';
        if (!is_gap && !is_left)
            text_add_char(&tidy, *at);
    }
    text_free(text);
    *text = tidy;
}

/* How it fails as the file that is written, whose first three lines tell where it comes from. */
static void failure_as_written(const struct shrinking *shrinking, const struct text *text, struct text *ret_failure)
{
    struct shrinking written = *shrinking;
    struct text placed = {0};
    written.options.file = shrinking->out;
    text_add_string(&placed, "\n\n\n");
    text_add(&placed, text_string(text), text->size);
    first_failure(&written, &placed, ret_failure);
    text_free(&placed);
}

static void print_result(const struct shrinking *shrinking, const struct shrink *shrink, const struct text *after,
                         const char *failure)
{
    const struct text *before = &shrinking->options.source;
    struct text sureness = {0};
    add_sureness(shrinking, &sureness);
    printf("SHRUNK  %s, seed %llu: %zu steps to %zu, %zu lines to %zu, %llu candidates in %llu.%llu s; %s\n  %s\n",
           shrinking->options.file, (unsigned long long)shrinking->options.first_seed,
           shrink_step_count(text_string(before), before->size), shrink_step_count(text_string(after), after->size),
           count_lines(before), count_lines(after), (unsigned long long)shrink->tries,
           (unsigned long long)(shrinking->took_ms / 1000), (unsigned long long)(shrinking->took_ms / 100 % 10),
           shrinking->out, failure);
    if (shrink->sliced > 0)
        printf("  of %zu lines that do something to the cloud the causal slice took %zu away at once\n", shrink->deeds,
               shrink->sliced);
    printf("  %s\n", text_string(&sureness));
    text_free(&sureness);
}

static void prove(struct shrinking *shrinking, struct shrink *shrink, size_t steps)
{
    struct shrink_proof proof;
    shrinking->began_ns = sim_real_ns();
    shrink_prove(shrink, &shrinking->options.source, steps, &proof);
    printf("  %llu smaller sets of the first steps were played: %s %zu steps, this has %zu\n",
           (unsigned long long)proof.tries, proof.is_exact ? "the optimum is" : "the optimum has at least", proof.least,
           steps);
}

static int shrink_file(struct shrinking *shrinking)
{
    struct text text = {0}, failure = {0}, file = {0};
    const struct text *before = &shrinking->options.source;
    first_failure(shrinking, before, &failure);
    if (failure.size == 0 || text_string(&failure)[0] == '?') {
        struct scenario *scenario = sim_open(&shrinking->options, shrinking->options.first_seed);
        scenario_close(scenario); /* A file that is no scenario has said so. */
        fprintf(stderr, "cupola: %s %s with seed %llu\n", shrinking->options.file,
                failure.size == 0 ? "passes" : "cannot be run, or fails without the bug, too,",
                (unsigned long long)shrinking->options.first_seed);
        int status = failure.size == 0 ? SIM_FAILED : SIM_USAGE;
        text_free(&failure);
        return status;
    }
    shrinking->signature = signature_of(text_string(&failure));
    text_add(&text, text_string(before), before->size);
    struct shrink shrink = {.context = shrinking,
                            .batch = shrinking->jobs,
                            .find = find,
                            .look = look,
                            .count_elsewhere = count_elsewhere,
                            .is_enough = is_enough,
                            .has_control = shrinking->has_control};
    shrinking->began_ns = sim_real_ns();
    shrink_scenario(&shrink, &text);
    shrinking->took_ms = (sim_real_ns() - shrinking->began_ns) / NS_PER_MS;
    close_gaps(&text);
    text_clear(&failure);
    failure_as_written(shrinking, &text, &failure);
    shrinking->seeds = LAST_SEEDS;
    shrinking->seeds_failing = count_seeds(shrinking, &text, &shrinking->seeds);
    write_result(shrinking, before, &text, text_string(&failure), &file);
    bool written = input_write_file(shrinking->out, &file);
    if (!shrinking->is_quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    print_result(shrinking, &shrink, &text, text_string(&failure));
    if (shrinking->is_to_prove)
        prove(shrinking, &shrink, shrink_step_count(text_string(&text), text.size));
    memory_free(shrinking->signature);
    text_free(&text);
    text_free(&failure);
    text_free(&file);
    return written ? SIM_PASSED : SIM_USAGE;
}

/* -1 to go on, otherwise the exit status. */
static int take_option(struct shrinking *shrinking, int option)
{
    uint64_t number = 0;
    bool is_number = optarg != NULL && input_number(optarg, &number) && number < UINT64_MAX / NS_PER_S;
    if (option == 'o')
        shrinking->out = optarg;
    else if (option == 't')
        shrinking->options.trip = true;
    else if (option == 'p')
        shrinking->is_to_prove = true;
    else if (option == 'q')
        shrinking->is_quiet = true;
    else if (option == 'm')
        shrinking->mutation = optarg;
    else if (option == 's' && is_number)
        shrinking->options.first_seed = number;
    else if (option == 'T' && is_number)
        shrinking->most_ns = number * NS_PER_S;
    else if (option == 'j' && is_number && number >= 1 && number <= SHRINK_MOST_BATCH)
        shrinking->jobs = number;
    else if (option == 'h') {
        fputs(help, stdout);
        return SIM_PASSED;
    } else {
        fputs("Try `cupola sim shrink --help`.\n", stderr);
        return SIM_USAGE;
    }
    return -1;
}

static const struct option long_options[] = {
    {"seed", required_argument, NULL, 's'},
    {"time", required_argument, NULL, 'T'},
    {"jobs", required_argument, NULL, 'j'},
    {"prove", no_argument, NULL, 'p'},
    {"trip", no_argument, NULL, 't'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
#ifdef CUPOLA_MUTANTS
    {"mutation", required_argument, NULL, 'm'},
#endif
    {NULL, 0, NULL, 0},
};

int cli_sim_shrink(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct shrinking shrinking = {
        .options = {.first_seed = 1}, .most_ns = 60 * NS_PER_S, .jobs = processors < 1 ? 1 : (uint64_t)processors};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "o:j:qh", long_options, NULL)) != -1;) {
        int status = take_option(&shrinking, option);
        if (status >= 0)
            return status;
    }
    if (argc - optind != 1) {
        fputs("cupola sim shrink: name one scenario file\n", stderr);
        return SIM_USAGE;
    }
    if (shrinking.mutation != NULL && !sim_plant_mutation(shrinking.mutation)) {
        fprintf(stderr, "cupola sim shrink: --mutation: there is no '%s'\n", shrinking.mutation);
        return SIM_USAGE;
    }
    shrinking.options.file = argv[optind];
    shrinking.has_control = shrinking.mutation != NULL || shrinking.options.trip;
    struct text out = {0};
    size_t size = strlen(argv[optind]);
    bool is_lua = size > 4 && strcmp(argv[optind] + size - 4, ".lua") == 0;
    text_addf(&out, "%.*s.shrunk.lua", (int)(is_lua ? size - 4 : size), argv[optind]);
    if (shrinking.out == NULL)
        shrinking.out = text_string(&out);
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    int status = input_read_file(argv[optind], &shrinking.options.source) ? shrink_file(&shrinking) : SIM_USAGE;
    text_free(&shrinking.options.source);
    text_free(&out);
    return status;
}
