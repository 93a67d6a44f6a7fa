/* `cupola sim run --seed N`: one run, told line by line. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include "core/base/memory.h"
#include "core/wire/json.h"
#include "sim/report/export.h"
#include "sim/report/report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL); /* The second one ends the program. */
}

/* The first ends the run, which is told as far as it came. */
static void heed_interrupts(struct cloud *cloud)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    cloud_end_when(cloud, &interrupted);
}

/* ---- What is printed and written ---- */

struct printer {
    bool color, verbose;
};

static const char *color_of(enum story_kind kind)
{
    switch (kind) {
    case STORY_FAULT:
        return "\033[33m";
    case STORY_CHECK:
        return "\033[31m";
    case STORY_SCENARIO:
        return "\033[36m";
    case STORY_COMPONENT:
    case STORY_OPERATOR:
        return "";
    case STORY_LOG:
        return "\033[2m";
    }
    return "";
}

static void print_line(void *context, const struct story_line *line)
{
    const struct printer *printer = context;
    if (line->kind == STORY_LOG && !printer->verbose)
        return;
    printf("%4llu.%03llu s  %s%-9s %-12s %s%s\n", (unsigned long long)(line->at_ns / 1000000000),
           (unsigned long long)(line->at_ns / 1000000 % 1000), printer->color ? color_of(line->kind) : "",
           story_kind_name(line->kind), line->who, line->text, printer->color ? "\033[0m" : "");
}

static void print_verdict(const struct sim_run_options *options, const Cupola__RunResult *result, bool color)
{
    struct text text = {0};
    for (size_t i = 0; i < result->n_measurements && !options->quiet; i++) {
        text_addf(&text, "  %-44s ", result->measurements[i]->name);
        result_print_value(&text, result->measurements[i]->unit, result->measurements[i]->value);
        text_add_char(&text, '\n');
    }
    for (size_t i = 0; i < result->n_marks && !options->quiet; i++)
        text_addf(&text, "  %s: %s\n", result->marks[i]->is_reached ? "reached" : "not reached",
                  result->marks[i]->name);
    const char *verdict = result->passed ? "PASSED" : interrupted ? "INTERRUPTED" : "FAILED";
    text_addf(&text, "%s%s%s  %s, seed %llu: ", color ? (result->passed ? "\033[32m" : "\033[31m") : "", verdict,
              color ? "\033[0m" : "", options->file, (unsigned long long)result->seed);
    result_print_value(&text, "ns", result->virtual_ns);
    text_add_string(&text, " simulated in ");
    result_print_value(&text, "ns", result->real_ns);
    text_add_string(&text, " (");
    result_print_ratio(&text, result->virtual_ns, result->real_ns);
    text_addf(&text, "), %llu steps, trace hash %s\n", (unsigned long long)result->steps, result->hash);
    if (!result->passed)
        text_addf(&text, "  %s\n  reproduce it with: cupola sim run %s --seed %llu%s\n", result->failure, options->file,
                  (unsigned long long)result->seed, result->options);
    fputs(text_string(&text), stdout);
    text_free(&text);
}

enum { LAST_FAULTS = 5 };

/* What the run was at when it was interrupted. Not on the standard output: that may be JSON. */
static void print_last_faults(const struct cloud *cloud)
{
    const struct story_line *last[LAST_FAULTS] = {NULL}, *line;
    size_t count = 0;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++)
        if (line->kind == STORY_FAULT)
            last[count++ % LAST_FAULTS] = line;
    fprintf(stderr, "  interrupted at %llu.%03llu s of simulated time; ",
            (unsigned long long)(cloud_now_ns(cloud) / 1000000000),
            (unsigned long long)(cloud_now_ns(cloud) / 1000000 % 1000));
    fputs(count == 0 ? "no fault had begun\n" : "the last faults:\n", stderr);
    for (size_t i = count < LAST_FAULTS ? 0 : count - LAST_FAULTS; i < count; i++) {
        line = last[i % LAST_FAULTS];
        fprintf(stderr, "  %6llu.%03llu s  %-12s %s\n", (unsigned long long)(line->at_ns / 1000000000),
                (unsigned long long)(line->at_ns / 1000000 % 1000), line->who, line->text);
    }
}

static bool write_and_clear(const char *file, struct text *text)
{
    bool ok = input_write_file(file, text);
    text_clear(text);
    return ok;
}

static bool write_reports(const struct sim_run_options *options, struct scenario *scenario,
                          const struct recording *recording, const Cupola__RunResult *result)
{
    bool ok = true;
    struct text text = {0};
    if (options->html != NULL) {
        report_run_html(scenario_cloud(scenario), recording, result, text_string(&options->source), &text);
        ok = write_and_clear(options->html, &text) && ok;
    }
    if (options->perfetto != NULL) {
        export_perfetto(recording, &text);
        ok = write_and_clear(options->perfetto, &text) && ok;
    }
    if (options->shiviz != NULL) {
        export_shiviz(recording, &text);
        ok = write_and_clear(options->shiviz, &text) && ok;
    }
    if (options->junit != NULL) {
        report_junit_of_run(result, &text);
        ok = write_and_clear(options->junit, &text) && ok;
    }
    if (options->tap != NULL) {
        report_tap_of_run(result, &text);
        ok = write_and_clear(options->tap, &text) && ok;
    }
    if (options->trace != NULL) {
        sim_collect_traces(scenario_cloud(scenario), &text);
        ok = write_and_clear(options->trace, &text) && ok;
    }
    text_free(&text);
    return ok;
}

/* ---- The run ---- */

int sim_run_one(const struct sim_run_options *options)
{
    struct scenario *scenario = sim_open(options, options->first_seed);
    if (scenario == NULL)
        return SIM_USAGE;
    bool color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    struct printer printer = {.color = color, .verbose = options->verbose};
    if (!options->quiet && !options->json) {
        printf("%s\n", scenario_title(scenario));
        cloud_observe(scenario_cloud(scenario), print_line, &printer);
    }
    struct sim_steps steps = {.first = options->first_step, .last = options->last_step};
    if (options->steps_file != NULL)
        sim_watch_steps(&steps, scenario_cloud(scenario));
    struct recording recording = {0};
    if (sim_is_recorded(options))
        recording_start(&recording, scenario_cloud(scenario));
    heed_interrupts(scenario_cloud(scenario));
    uint64_t began_ns = sim_real_ns();
    bool passed = scenario_run(scenario);
    if (sim_is_recorded(options))
        recording_stop(&recording);
    Cupola__RunResult *result = result_of_run(scenario, options->file, passed, sim_real_ns() - began_ns);
    result->options = sim_options_text(options);
    if (options->json) {
        struct text json = {0};
        json_write(&json, &result->base);
        puts(text_string(&json));
        text_free(&json);
    } else {
        print_verdict(options, result, color);
    }
    bool is_cut = interrupted != 0 && !passed;
    if (is_cut)
        print_last_faults(scenario_cloud(scenario));
    bool written = write_reports(options, scenario, &recording, result);
    recording_free(&recording);
    if (options->steps_file != NULL) {
        sim_end_steps(&steps);
        written = input_write_file(options->steps_file, &steps.text) && written;
        text_free(&steps.text);
    }
    cupola__run_result__free_unpacked(result, NULL);
    scenario_close(scenario);
    return !written ? SIM_USAGE : passed ? SIM_PASSED : is_cut ? SIM_INTERRUPTED : SIM_FAILED;
}
