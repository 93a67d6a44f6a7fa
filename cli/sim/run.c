/* `cupola sim run`: its options, and how a scenario is opened. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include "core/base/memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola sim run FILE [--seed N | --seeds A..B] [options]\n"
    "\n"
    "Plays a scenario in the simulator. Exit status: 0 it passed, 1 it failed, 2 it could not be run,\n"
    "130 one seed was interrupted (Ctrl-C): then it says how far it was.\n"
    "\n"
    "  --seed N        the seed of everything that is drawn (default 1)\n"
    "  --seeds A..B    a campaign: every seed from A to B\n"
    "  --jobs J        worker processes of a campaign (default: one a processor)\n"
    "  --trace FILE    write every component's trace, for `cupola sim replay` (one seed only)\n"
    "  --html FILE     write a report as one page: the story in words, timeline, messages, states; no network needed\n"
    "  --perfetto FILE write the run for ui.perfetto.dev or chrome://tracing (one seed only)\n"
    "  --shiviz FILE   write its messages with vector clocks for ShiViz (one seed only)\n"
    "  --junit FILE    write the verdict for continuous integration\n"
    "  --tap FILE      the same as the Test Anything Protocol\n"
    "  --save-baseline FILE  keep what a campaign measured, to compare others with\n"
    "  --baseline FILE compare p50 and p99 of each duration with those of a kept campaign; exit status 1 if one has\n"
    "                  become slower than chance explains\n"
    "  --json          print the result as JSON instead of text\n"
    "  --quiet         print the verdict only\n"
    "  --verbose       also what the components log\n"
    "  --steps-file F  write the world's hash after every 1000th step (one seed only)\n"
    "  --steps A..B    with --steps-file: write these steps in words instead\n"
    "  --trip          with what the scenario itself says makes it fail (tripped_by)\n"
    "  --mutation NAME with a planted bug (core/base/mutation.h; ./dev build mutants)\n"
    "\n"
    "Examples:\n"
    "  cupola sim run scenarios/instance-crash.lua --seed 7\n"
    "  cupola sim run scenarios/dea-killed.lua --seeds 1..1000 --baseline baselines/dea-killed.json\n"
    "  cupola sim run scenarios/bus-restart.lua --seeds 1..1000 --jobs 4 --html reports/bus-restart.html\n";

/* ---- The options ---- */

/* "A..B" */
static bool parse_range(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    const char *dots = strstr(text, "..");
    char first[24] = "";
    if (dots == NULL || dots == text || (size_t)(dots - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(dots - text));
    return input_number(first, ret_first) && input_number(dots + 2, ret_last) && *ret_first <= *ret_last &&
           *ret_last - *ret_first < 100000000;
}

#ifdef CUPOLA_MUTANTS
#include "core/base/mutation.h"

enum cupola_mutation cupola_mutation;

bool sim_plant_mutation(const char *name)
{
#define NAME_IS(mutation, text)                                                                                        \
    if (strcmp(name, #mutation) == 0)                                                                                  \
        cupola_mutation = MUTATION_##mutation;
    CUPOLA_MUTATIONS(NAME_IS)
#undef NAME_IS
    if (strcmp(name, "NONE") == 0)
        cupola_mutation = MUTATION_NONE;
    return cupola_mutation != MUTATION_NONE;
}
#else
bool sim_plant_mutation(const char *name)
{
    (void)name;
    return false;
}
#endif

enum {
    OPTION_SEED = 256,
    OPTION_SEEDS,
    OPTION_TRACE,
    OPTION_HTML,
    OPTION_PERFETTO,
    OPTION_SHIVIZ,
    OPTION_JUNIT,
    OPTION_JSON,
    OPTION_TAP,
    OPTION_BASELINE,
    OPTION_SAVE_BASELINE,
    OPTION_MUTATION,
    OPTION_TRIP,
    OPTION_STEPS_FILE,
    OPTION_STEPS,
};

static const struct option long_options[] = {
    {"seed", required_argument, NULL, OPTION_SEED},
    {"seeds", required_argument, NULL, OPTION_SEEDS},
    {"jobs", required_argument, NULL, 'j'},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"html", required_argument, NULL, OPTION_HTML},
    {"perfetto", required_argument, NULL, OPTION_PERFETTO},
    {"shiviz", required_argument, NULL, OPTION_SHIVIZ},
    {"junit", required_argument, NULL, OPTION_JUNIT},
    {"tap", required_argument, NULL, OPTION_TAP},
    {"baseline", required_argument, NULL, OPTION_BASELINE},
    {"save-baseline", required_argument, NULL, OPTION_SAVE_BASELINE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"trip", no_argument, NULL, OPTION_TRIP},
    {"steps-file", required_argument, NULL, OPTION_STEPS_FILE},
    {"steps", required_argument, NULL, OPTION_STEPS},
    {"mutation", required_argument, NULL, OPTION_MUTATION},
    {NULL, 0, NULL, 0},
};

static int bad_value(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "cupola sim run: %s: '%s' is not %s\n", option, value, expected);
    return SIM_USAGE;
}

/* Options that name a file. False if it is none of them. */
static bool take_file(int option, struct sim_run_options *options)
{
    const struct {
        int option;
        const char **file;
    } files[] = {{OPTION_TRACE, &options->trace},       {OPTION_HTML, &options->html},
                 {OPTION_PERFETTO, &options->perfetto}, {OPTION_SHIVIZ, &options->shiviz},
                 {OPTION_JUNIT, &options->junit},       {OPTION_TAP, &options->tap},
                 {OPTION_BASELINE, &options->baseline}, {OPTION_SAVE_BASELINE, &options->save_baseline}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i].option == option) {
            *files[i].file = optarg;
            return true;
        }
    }
    return false;
}

/* One option; -1 to go on, otherwise the exit status. */
static int take_option(int option, struct sim_run_options *options)
{
    uint64_t number = 0;
    if (take_file(option, options))
        return -1;
    switch (option) {
    case OPTION_SEED:
        if (!input_number(optarg, &options->first_seed))
            return bad_value("--seed", optarg, "a number");
        options->last_seed = options->first_seed;
        return -1;
    case OPTION_SEEDS:
        options->is_campaign = true;
        return parse_range(optarg, &options->first_seed, &options->last_seed)
                   ? -1
                   : bad_value("--seeds", optarg, "a range such as 1..1000");
    case 'j':
        if (!input_number(optarg, &number) || number < 1 || number > 256)
            return bad_value("--jobs", optarg, "a number from 1 to 256");
        options->jobs = (uint32_t)number;
        return -1;
    case OPTION_JSON:
        options->json = true;
        return -1;
    case OPTION_MUTATION:
        return sim_take_mutation(options, "run", optarg) ? -1 : SIM_USAGE;
    case OPTION_STEPS_FILE:
        options->steps_file = optarg;
        return -1;
    case OPTION_STEPS:
        return parse_range(optarg, &options->first_step, &options->last_step)
                   ? -1
                   : bad_value("--steps", optarg, "a range such as 1..1000");
    case OPTION_TRIP:
        options->trip = true;
        return -1;
    case 'q':
        options->quiet = true;
        return -1;
    case 'v':
        options->verbose = true;
        return -1;
    case 'h':
        fputs(help, stdout);
        return SIM_PASSED;
    default:
        fputs("Try `cupola sim run --help`.\n", stderr);
        return SIM_USAGE;
    }
}

int cli_sim_run(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct sim_run_options options = {
        .first_seed = 1, .last_seed = 1, .jobs = processors < 1 ? 1 : (uint32_t)processors};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "j:qvh", long_options, NULL)) != -1;) {
        int status = take_option(option, &options);
        if (status >= 0)
            return status;
    }
    if (argc - optind != 1) {
        fputs("cupola sim run: name one scenario file; `cupola sim list` shows some\n", stderr);
        return SIM_USAGE;
    }
    if (options.is_campaign && (options.trace != NULL || options.steps_file != NULL)) {
        fputs("cupola sim run: --trace and --steps-file are for one seed; run the seed in question with --seed\n",
              stderr);
        return SIM_USAGE;
    }
    if (options.is_campaign && (options.perfetto != NULL || options.shiviz != NULL)) {
        fputs("cupola sim run: --perfetto and --shiviz are for one seed; run the seed in question with --seed\n",
              stderr);
        return SIM_USAGE;
    }
    if (!options.is_campaign && (options.baseline != NULL || options.save_baseline != NULL)) {
        fputs("cupola sim run: a baseline is of a campaign; add --seeds A..B\n", stderr);
        return SIM_USAGE;
    }
    options.file = argv[optind];
    if (!input_read_file(options.file, &options.source))
        return SIM_USAGE;
    int status = options.is_campaign ? sim_run_campaign(&options) : sim_run_one(&options);
    text_free(&options.source);
    return status;
}

/* ---- Opening ---- */

char *sim_options_text(const struct sim_run_options *options)
{
    struct text text = {0};
    if (options->trip)
        text_add_string(&text, " --trip");
    if (options->mutation != NULL)
        text_addf(&text, " --mutation %s", options->mutation);
    char *copy = memory_copy_text(text_string(&text));
    text_free(&text);
    return copy;
}

bool sim_take_mutation(struct sim_run_options *options, const char *command, const char *name)
{
    options->mutation = name;
    if (sim_plant_mutation(name))
        return true;
#ifdef CUPOLA_MUTANTS
    fprintf(stderr, "cupola sim %s: --mutation: '%s' is not in core/base/mutation.h\n", command, name);
#else
    fprintf(stderr, "cupola sim %s: --mutation: planted bugs are in another build (./dev build mutants)\n", command);
#endif
    return false;
}

/* False if the scenario's mutation cannot be had. */
static bool plant_mutation_of(const struct scenario *scenario)
{
    const char *mutation = scenario_about(scenario).mutation;
    if (mutation == NULL)
        return true;
#ifdef CUPOLA_MUTANTS
    if (sim_plant_mutation(mutation))
        return true;
    fprintf(stderr, "cupola: tripped_by.mutation: '%s' is not in core/base/mutation.h\n", mutation);
#else
    fprintf(stderr, "cupola: %s is tripped by a planted bug: use the build with them (./dev build mutants)\n",
            mutation);
#endif
    return false;
}

bool sim_is_recorded(const struct sim_run_options *options)
{
    return options->html != NULL || options->perfetto != NULL || options->shiviz != NULL;
}

struct scenario *sim_open(const struct sim_run_options *options, uint64_t seed)
{
    struct scenario_options scenario_options = {
        .seed = seed,
        .keep_traces = options->trace != NULL,
        .is_tripped = options->trip,
        .story_limit = sim_is_recorded(options) || options->verbose ? 20000 : 0,
    };
    struct text error = {0};
    struct scenario *scenario =
        scenario_open(options->file, text_string(&options->source), options->source.size, &scenario_options, &error);
    if (scenario == NULL)
        fprintf(stderr, "cupola: %s\n", text_string(&error));
    text_free(&error);
    if (scenario != NULL && options->trip && !plant_mutation_of(scenario)) {
        scenario_close(scenario);
        return NULL;
    }
    return scenario;
}
