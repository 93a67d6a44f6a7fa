/* `cupola sim run --seeds A..B`: worker processes, each with every J-th seed, send their results through pipes. */
#include "cli/sim.h"

#include "cli/input.h"

#include "core/base/memory.h"
#include "core/wire/json.h"
#include "sim/report.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
    pid_t pid;
    int pipe; /* -1 once it has ended. */
    uint64_t first_seed;
    uint64_t next_seed; /* The one it is at: what to blame when it dies. */
    struct text received;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* ---- In the worker ---- */

static bool write_all(int pipe, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(pipe, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool send_result(int pipe, const Cupola__RunResult *result)
{
    uint32_t size = (uint32_t)cupola__run_result__get_packed_size(result);
    uint8_t *packed = memory_new(size);
    cupola__run_result__pack(result, packed);
    bool ok = write_all(pipe, &size, sizeof size) && write_all(pipe, packed, size);
    memory_free(packed);
    return ok;
}

static _Noreturn void work(const struct sim_run_options *options, uint64_t first_seed, int pipe)
{
    signal(SIGINT, SIG_IGN); /* The parent decides. */
    for (uint64_t seed = first_seed; seed <= options->last_seed; seed += options->jobs) {
        struct scenario *scenario = sim_open(options, seed);
        if (scenario == NULL)
            _exit(SIM_USAGE);
        uint64_t began_ns = sim_real_ns();
        bool passed = scenario_run(scenario);
        Cupola__RunResult *result = result_of_run(scenario, options->file, passed, sim_real_ns() - began_ns);
        bool sent = send_result(pipe, result);
        cupola__run_result__free_unpacked(result, NULL);
        scenario_close(scenario);
        if (!sent)
            _exit(SIM_USAGE);
    }
    _exit(SIM_PASSED);
}

/* ---- In the parent ---- */

static bool start_worker(const struct sim_run_options *options, struct worker *worker, uint64_t first_seed)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (pid == 0) {
        close(ends[0]);
        work(options, first_seed, ends[1]);
    }
    close(ends[1]);
    *worker = (struct worker){.pid = pid, .pipe = ends[0], .first_seed = first_seed, .next_seed = first_seed};
    return true;
}

/* Takes whole results out of what was received. */
static void take_results(struct worker *worker, struct campaign *campaign, uint32_t jobs)
{
    for (;;) {
        uint32_t size = 0;
        if (worker->received.size < sizeof size)
            return;
        memcpy(&size, text_string(&worker->received), sizeof size);
        if (worker->received.size < sizeof size + size)
            return;
        const uint8_t *packed = (const uint8_t *)text_string(&worker->received) + sizeof size;
        Cupola__RunResult *result = cupola__run_result__unpack(NULL, size, packed);
        if (result != NULL) {
            campaign_add(campaign, result);
            worker->next_seed = result->seed + jobs;
            cupola__run_result__free_unpacked(result, NULL);
        }
        text_consume(&worker->received, sizeof size + size);
    }
}

/* A run that ended its process is a failure of that seed; the worker is started again behind it. */
static void blame_death(struct worker *worker, struct campaign *campaign, const struct sim_run_options *options,
                        int status)
{
    Cupola__RunResult result = CUPOLA__RUN_RESULT__INIT;
    char failure[128];
    snprintf(failure, sizeof failure, "the run ended its process with %s %d",
             WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    result.has_seed = 1;
    result.seed = worker->next_seed;
    result.failure = failure;
    result.hash = (char *)(uintptr_t) "0";
    campaign_add(campaign, &result);
    if (worker->next_seed + options->jobs <= options->last_seed)
        start_worker(options, worker, worker->next_seed + options->jobs);
}

/* False if the file turned out to be no scenario. */
static bool end_worker(struct worker *worker, struct campaign *campaign, const struct sim_run_options *options)
{
    int status = 0;
    close(worker->pipe);
    worker->pipe = -1;
    text_free(&worker->received);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == SIM_USAGE)
        return false;
    if (!interrupted && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        blame_death(worker, campaign, options, status);
    return true;
}

static void show_progress(const struct sim_run_options *options, struct campaign *campaign, uint64_t began_ns)
{
    enum { WIDTH = 30 };
    uint64_t total = options->last_seed - options->first_seed + 1;
    uint64_t done = campaign_run_count(campaign), elapsed_ns = sim_real_ns() - began_ns;
    uint64_t rate = elapsed_ns < 1000000 ? 0 : done * 1000 / (elapsed_ns / 1000000);
    char bar[WIDTH + 1];
    for (uint64_t i = 0; i < WIDTH; i++)
        bar[i] = i * total < done * WIDTH ? '#' : '.';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r[%s] %llu/%llu runs, %llu failed, %llu runs/s ", bar, (unsigned long long)done,
            (unsigned long long)total, (unsigned long long)campaign_failed_count(campaign), (unsigned long long)rate);
}

/* Reads results until every worker has ended, or Ctrl-C. False if the file is no scenario. */
static bool gather(const struct sim_run_options *options, struct worker *workers, struct campaign *campaign,
                   uint64_t began_ns)
{
    bool show = isatty(STDERR_FILENO) && !options->quiet;
    struct pollfd *polls = memory_new(options->jobs * sizeof *polls);
    bool ok = true;
    for (size_t alive = 1; alive > 0 && ok && !interrupted;) {
        alive = 0;
        for (uint32_t i = 0; i < options->jobs; i++) {
            polls[i] = (struct pollfd){.fd = workers[i].pipe, .events = POLLIN};
            alive += workers[i].pipe >= 0;
        }
        if (alive == 0 || poll(polls, options->jobs, 200) < 0)
            continue;
        for (uint32_t i = 0; i < options->jobs && ok; i++) {
            if (workers[i].pipe < 0 || polls[i].revents == 0)
                continue;
            ssize_t size = read(workers[i].pipe, text_room(&workers[i].received, 65536), 65536);
            if (size > 0) {
                text_grow(&workers[i].received, (size_t)size);
                take_results(&workers[i], campaign, options->jobs);
            } else if (size == 0) {
                ok = end_worker(&workers[i], campaign, options);
            }
        }
        if (show)
            show_progress(options, campaign, began_ns);
    }
    if (show)
        fputs("\r\033[K", stderr);
    memory_free(polls);
    return ok;
}

static void end_all(const struct sim_run_options *options, struct worker *workers)
{
    for (uint32_t i = 0; i < options->jobs; i++) {
        if (workers[i].pipe < 0)
            continue;
        kill(workers[i].pid, SIGKILL);
        close(workers[i].pipe);
        waitpid(workers[i].pid, NULL, 0);
        text_free(&workers[i].received);
    }
}

/* ---- The result ---- */

static void print_measurements(struct text *text, const Cupola__CampaignResult *result)
{
    static const char *const heads[] = {"least", "p50", "p90", "p99", "most"};
    text_addf(text, "  %-44s %8s", "", "values");
    for (size_t i = 0; i < 5; i++)
        text_addf(text, " %10s", heads[i]);
    text_add_char(text, '\n');
    for (size_t i = 0; i < result->n_measurements; i++) {
        const Cupola__MeasurementSummary *summary = result->measurements[i];
        const uint64_t values[] = {summary->least, summary->p50, summary->p90, summary->p99, summary->most};
        text_addf(text, "  %-44s %8llu", summary->name, (unsigned long long)summary->count);
        for (size_t k = 0; k < 5; k++) {
            struct text value = {0};
            result_print_value(&value, summary->unit, values[k]);
            text_addf(text, " %10s", text_string(&value));
            text_free(&value);
        }
        text_add_char(text, '\n');
    }
}

static void print_campaign(const struct sim_run_options *options, const Cupola__CampaignResult *result)
{
    struct text text = {0};
    if (!options->quiet)
        print_measurements(&text, result);
    for (size_t i = 0; i < result->n_failures; i++) {
        const Cupola__FailureSignature *failure = result->failures[i];
        text_addf(&text, "  %llu x %s\n      first with: cupola sim run %s --seed %llu\n",
                  (unsigned long long)failure->count, failure->example, options->file,
                  (unsigned long long)failure->first_seed);
    }
    uint64_t milliseconds = result->real_ns / 1000000;
    text_addf(&text, "%s  %s, seeds %llu..%llu: %llu runs, %llu failed, %llu runs/s, ",
              result->failed == 0 ? "PASSED" : "FAILED", options->file, (unsigned long long)result->first_seed,
              (unsigned long long)result->last_seed, (unsigned long long)result->runs,
              (unsigned long long)result->failed,
              (unsigned long long)(milliseconds == 0 ? 0 : result->runs * 1000 / milliseconds));
    result_print_ratio(&text, result->virtual_ns, result->real_ns);
    text_addf(&text, " real time, hash of all %s\n", result->hash);
    if (interrupted)
        text_add_string(&text, "  interrupted: these are the runs that ended before\n");
    fputs(text_string(&text), stdout);
    text_free(&text);
}

static bool write_reports(const struct sim_run_options *options, const Cupola__CampaignResult *result)
{
    bool ok = true;
    struct text text = {0};
    if (options->html != NULL) {
        report_campaign_html(result, &text);
        ok = input_write_file(options->html, &text);
        text_clear(&text);
    }
    if (options->junit != NULL) {
        report_junit_of_campaign(result, &text);
        ok = input_write_file(options->junit, &text) && ok;
    }
    text_free(&text);
    return ok;
}

static int conclude(const struct sim_run_options *options, struct campaign *campaign, uint64_t real_ns)
{
    Cupola__CampaignResult *result = campaign_result(campaign, real_ns);
    if (options->json) {
        struct text json = {0};
        json_write(&json, &result->base);
        puts(text_string(&json));
        text_free(&json);
    } else {
        print_campaign(options, result);
    }
    bool written = write_reports(options, result);
    bool passed = result->failed == 0 && result->runs == options->last_seed - options->first_seed + 1;
    cupola__campaign_result__free_unpacked(result, NULL);
    return !written ? SIM_USAGE : passed ? SIM_PASSED : SIM_FAILED;
}

int sim_run_campaign(const struct sim_run_options *options)
{
    struct campaign *campaign = campaign_new(options->file, options->first_seed, options->last_seed);
    struct worker *workers = memory_new(options->jobs * sizeof *workers);
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    uint64_t began_ns = sim_real_ns();
    bool ok = true;
    for (uint32_t i = 0; i < options->jobs; i++) {
        workers[i].pipe = -1;
        if (ok && options->first_seed + i <= options->last_seed)
            ok = start_worker(options, &workers[i], options->first_seed + i);
    }
    if (!ok)
        perror("cupola: cannot start a worker");
    ok = ok && gather(options, workers, campaign, began_ns);
    end_all(options, workers);
    int status = ok ? conclude(options, campaign, sim_real_ns() - began_ns) : SIM_USAGE;
    memory_free(workers);
    campaign_free(campaign);
    return status;
}
