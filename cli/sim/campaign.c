/* `cupola sim run --seeds A..B`: worker processes, each with every J-th seed, send their results through pipes. */
#include "cli/sim/sim.h"

#include "cli/input.h"
#include "cli/sim/worker_pool.h"

#include "core/base/memory.h"
#include "core/wire/json.h"
#include "sim/baseline.h"
#include "sim/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The campaign under way, in the parent and in each worker. */
struct run_of_campaign {
    const struct sim_run_options *options;
    struct campaign *campaign;
    uint64_t *next_seeds; /* By worker: the seed that it is at, to be blamed when it dies. */
    uint64_t began_ns;
    bool shows_progress;
    bool is_unusable; /* The file turned out to be no scenario. */
};

/* ---- In the worker ---- */

static bool send_result(int pipe, const Cupola__RunResult *result)
{
    size_t size = cupola__run_result__get_packed_size(result);
    uint8_t *packed = memory_new(size);
    cupola__run_result__pack(result, packed);
    bool ok = worker_send(pipe, packed, size);
    memory_free(packed);
    return ok;
}

static int work(void *context, uint32_t worker, int pipe)
{
    const struct run_of_campaign *run = context;
    const struct sim_run_options *options = run->options;
    for (uint64_t seed = run->next_seeds[worker]; seed <= options->last_seed; seed += options->jobs) {
        struct scenario *scenario = sim_open(options, seed);
        if (scenario == NULL)
            return SIM_USAGE;
        uint64_t began_ns = sim_real_ns();
        bool passed = scenario_run(scenario);
        Cupola__RunResult *result = result_of_run(scenario, options->file, passed, sim_real_ns() - began_ns);
        bool sent = send_result(pipe, result);
        cupola__run_result__free_unpacked(result, NULL);
        scenario_close(scenario);
        if (!sent)
            return SIM_USAGE;
    }
    return SIM_PASSED;
}

/* ---- In the parent ---- */

static void take_result(void *context, uint32_t worker, struct io_bytes message)
{
    struct run_of_campaign *run = context;
    Cupola__RunResult *result = cupola__run_result__unpack(NULL, message.size, message.data);
    if (result == NULL)
        return;
    campaign_add(run->campaign, result);
    run->next_seeds[worker] = result->seed + run->options->jobs;
    cupola__run_result__free_unpacked(result, NULL);
}

/* A run that ended its process is a failure of that seed; the worker is started again behind it. */
static bool blame_death(void *context, uint32_t worker, int status)
{
    struct run_of_campaign *run = context;
    if (WIFEXITED(status) && WEXITSTATUS(status) == SIM_USAGE) {
        run->is_unusable = true;
        return false;
    }
    Cupola__RunResult result = CUPOLA__RUN_RESULT__INIT;
    char failure[128];
    snprintf(failure, sizeof failure, "the run ended its process with %s %d",
             WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    result.has_seed = 1;
    result.seed = run->next_seeds[worker];
    result.failure = failure;
    result.hash = (char *)(uintptr_t) "0";
    campaign_add(run->campaign, &result);
    run->next_seeds[worker] += run->options->jobs;
    return run->next_seeds[worker] <= run->options->last_seed;
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

static bool on_tick(void *context)
{
    struct run_of_campaign *run = context;
    if (run->shows_progress)
        show_progress(run->options, run->campaign, run->began_ns);
    return !run->is_unusable;
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

/* Seeds that were not played have not passed. A mark that no run has reached says that the campaign did not test what
 * it was made for. */
static bool has_passed(const Cupola__CampaignResult *result)
{
    return result->failed == 0 && result_is_complete(result) &&
           result_count_unreached(result->n_marks, result->marks) == 0;
}

static void print_campaign(const struct sim_run_options *options, const Cupola__CampaignResult *result)
{
    struct text text = {0};
    if (!options->quiet)
        print_measurements(&text, result);
    for (size_t i = 0; i < result->n_failures; i++) {
        const Cupola__FailureSignature *failure = result->failures[i];
        text_addf(&text, "  %llu x %s\n      first with: cupola sim run %s --seed %llu%s\n",
                  (unsigned long long)failure->count, failure->example, options->file,
                  (unsigned long long)failure->first_seed, result->options);
    }
    for (size_t i = 0; i < result->n_marks; i++) {
        const Cupola__MarkSummary *mark = result->marks[i];
        if (mark->reached == 0)
            text_addf(&text, "  never: %s (in none of %llu runs)\n", mark->name, (unsigned long long)mark->runs);
        else if (!options->quiet)
            text_addf(&text, "  sometimes: %s (in %llu of %llu runs)\n", mark->name, (unsigned long long)mark->reached,
                      (unsigned long long)mark->runs);
    }
    uint64_t milliseconds = result->real_ns / 1000000;
    text_addf(&text, "%s  %s, seeds %llu..%llu: %llu runs, %llu failed, %llu runs/s, ",
              has_passed(result) ? "PASSED" : "FAILED", options->file, (unsigned long long)result->first_seed,
              (unsigned long long)result->last_seed, (unsigned long long)result->runs,
              (unsigned long long)result->failed,
              (unsigned long long)(milliseconds == 0 ? 0 : result->runs * 1000 / milliseconds));
    result_print_ratio(&text, result->virtual_ns, result->real_ns);
    text_addf(&text, " real time, hash of all %s\n", result->hash);
    if (!result_is_complete(result))
        text_addf(&text, "  interrupted: these are the runs that ended before; the other %llu may pass or fail\n",
                  (unsigned long long)(result->last_seed - result->first_seed + 1 - result->runs));
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
        text_clear(&text);
    }
    if (options->tap != NULL) {
        report_tap_of_campaign(result, &text);
        ok = input_write_file(options->tap, &text) && ok;
        text_clear(&text);
    }
    if (options->save_baseline != NULL) {
        json_write(&text, &result->base);
        text_add_char(&text, '\n');
        ok = input_write_file(options->save_baseline, &text) && ok;
    }
    text_free(&text);
    return ok;
}

/* Exit status. */
static int compare_with_baseline(const struct sim_run_options *options, const Cupola__CampaignResult *result)
{
    struct text content = {0}, report = {0};
    struct json_error error = {0};
    if (!input_read_file(options->baseline, &content))
        return SIM_USAGE;
    ProtobufCMessage *message =
        json_read(&cupola__campaign_result__descriptor,
                  (struct io_bytes){(const uint8_t *)text_string(&content), content.size}, JSON_STRICT, &error);
    text_free(&content);
    if (message == NULL) {
        fprintf(stderr, "cupola: %s is no baseline: %s\n", options->baseline, error.text);
        return SIM_USAGE;
    }
    bool ok = baseline_compare((const Cupola__CampaignResult *)message, result, &report);
    text_addf(&report, "%s  against %s\n", ok ? "NOT SLOWER" : "SLOWER", options->baseline);
    fputs(text_string(&report), options->json ? stderr : stdout);
    text_free(&report);
    protobuf_c_message_free_unpacked(message, NULL);
    return ok ? SIM_PASSED : SIM_FAILED;
}

static int conclude(const struct sim_run_options *options, struct campaign *campaign, uint64_t real_ns)
{
    Cupola__CampaignResult *result = campaign_result(campaign, real_ns);
    result->options = sim_options_text(options);
    if (options->json) {
        struct text json = {0};
        json_write(&json, &result->base);
        puts(text_string(&json));
        text_free(&json);
    } else {
        print_campaign(options, result);
    }
    bool written = write_reports(options, result);
    bool passed = has_passed(result);
    int compared = options->baseline == NULL ? SIM_PASSED : compare_with_baseline(options, result);
    cupola__campaign_result__free_unpacked(result, NULL);
    if (compared != SIM_PASSED)
        return compared;
    return !written ? SIM_USAGE : passed ? SIM_PASSED : SIM_FAILED;
}

int sim_run_campaign(const struct sim_run_options *options)
{
    struct run_of_campaign run = {
        .options = options,
        .campaign = campaign_new(options->file, options->first_seed, options->last_seed),
        .next_seeds = memory_new(options->jobs * sizeof(uint64_t)),
        .began_ns = sim_real_ns(),
        .shows_progress = isatty(STDERR_FILENO) && !options->quiet,
    };
    for (uint32_t i = 0; i < options->jobs; i++)
        run.next_seeds[i] = options->first_seed + i;
    struct worker_pool pool = {.jobs = options->jobs,
                               .context = &run,
                               .work = work,
                               .on_message = take_result,
                               .on_death = blame_death,
                               .on_tick = on_tick};
    bool is_done = worker_pool_run(&pool);
    if (run.shows_progress)
        fputs("\r\033[K", stderr);
    bool is_usable = (is_done || worker_pool_was_interrupted()) && !run.is_unusable;
    int status = is_usable ? conclude(options, run.campaign, sim_real_ns() - run.began_ns) : SIM_USAGE;
    memory_free(run.next_seeds);
    campaign_free(run.campaign);
    return status;
}
