/* `cupola sim explore`: the campaign that looks for failures by itself. */
#include "cli/sim/sim.h"

#include "cli/input.h"
#include "cli/sim/explore_state.h"
#include "cli/sim/explore_tell.h"
#include "cli/sim/worker_pool.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/search/explore.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola sim explore FILE | --cloud [options]\n"
    "\n"
    "Looks for failures: each trial draws a random subset of the fault families, random faults and an operator's\n"
    "commands, mends everything, and expects the cloud to converge. FILE gives the cloud, its apps, load and checks\n"
    "(its `run` is not used); --cloud draws topology and timings, too. Where a trial meets what none has met before, "
    "it\n"
    "branches into other futures. Ctrl-C keeps what was found; the same command goes on from there.\n"
    "Exit status: 0 nothing failed, 1 something failed, 2 it could not be run.\n"
    "\n"
    "  --cloud         draw a cloud for every trial\n"
    "  --time S        stop after so many seconds (default 60)\n"
    "  --runs N        stop after so many runs\n"
    "  --saturation N  stop when N runs in a row met nothing new (default: as many as half of all, at least 500; 0: "
    "never)\n"
    "  --until-failure stop at the first failure\n"
    "  --families LIST fault families that may be drawn: process,host,clock,network,disk,store,workload,load,\n"
    "                  message\n"
    "  --storm S       things break for so many seconds in each trial (default 60)\n"
    "  --calm N        one trial in N has no faults (default 16; 0: none)\n"
    "  --futures N     futures drawn at each new moment (default 2; 0: no branches)\n"
    "  --unguided      draw every trial anew, whatever was met: to see what the guidance gives\n"
    "  --twice         play every run again: one that is another run then has failed\n"
    "  --first N       number of the first trial (default 1)\n"
    "  --jobs J        worker processes (default: one a processor)\n"
    "  --out DIR       what is found, and the state to go on from (default reports/explore-NAME)\n"
    "  --fresh         forget what was found before\n"
    "  --quiet         print the end only\n"
    "  --mutation NAME with a planted bug (core/base/mutation.h; ./dev build mutants)\n"
    "\n"
    "DIR holds: failure-*.lua, a scenario for each way to fail, ready for `cupola sim shrink`; report.html, to look "
    "at; table.txt, what met "
    "what\n"
    "with every empty cell by name; state, to go on from.\n"
    "\n"
    "Examples:\n"
    "  cupola sim explore --cloud --time 300\n"
    "  cupola sim explore scenarios/dea-killed.lua --families process,network --runs 1000 --jobs 4\n";

/* Memory that all workers have. */
struct shared {
    struct coverage coverage;
    struct moments moments;
};

struct exploration_run {
    struct explore_options options;
    struct explore_state state;
    struct explore_teller teller;
    struct shared *shared;
    struct coverage *coverage; /* In it. */
    uint64_t *next_numbers;    /* By worker. */
    uint32_t jobs;
    uint64_t most_ns, most_runs, saturation;
    uint64_t began_ns, saved_ns;
    uint64_t failed_before;
    size_t failures_saved; /* Ways to fail that the saved state knows. */
    bool is_fresh, is_cloud, is_unguided, ends_at_failure;
    const char *why_ended;
};

/* ---- Workers ---- */

static void send_trial(void *context, const Cupola__TrialResult *result)
{
    const int *pipe = context;
    size_t size = cupola__trial_result__get_packed_size(result);
    uint8_t *packed = memory_new(size);
    cupola__trial_result__pack(result, packed);
    worker_send(*pipe, packed, size);
    memory_free(packed);
}

static int work(void *context, uint32_t worker, int pipe)
{
    const struct exploration_run *run = context;
    uint64_t number = run->next_numbers[worker];
    for (; number < UINT64_MAX - run->jobs; number += run->jobs) /* The parent ends it. */
        explore_trial(&run->options, number, send_trial, &pipe);
    return SIM_PASSED;
}

static void take_trial(void *context, uint32_t worker, struct io_bytes message)
{
    struct exploration_run *run = context;
    Cupola__TrialResult *result = cupola__trial_result__unpack(NULL, message.size, message.data);
    if (result == NULL)
        return;
    explore_state_add(&run->state, result, run->coverage);
    if (result->branch == 0)
        run->next_numbers[worker] = result->number + run->jobs;
    cupola__trial_result__free_unpacked(result, NULL);
}

static bool blame_death(void *context, uint32_t worker, int status)
{
    struct exploration_run *run = context;
    char failure[96];
    snprintf(failure, sizeof failure, "the run ended its process with %s %d",
             WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    Cupola__TrialResult *result = explore_dead_trial(&run->options, run->next_numbers[worker], failure);
    explore_state_add(&run->state, result, run->coverage);
    cupola__trial_result__free_unpacked(result, NULL);
    run->next_numbers[worker] += run->jobs;
    return true;
}

/* The first number that no worker is done with: an interrupted one is played again. */
static uint64_t least_number(const struct exploration_run *run)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < run->jobs; i++)
        least = run->next_numbers[i] < least ? run->next_numbers[i] : least;
    return least;
}

/* ---- Progress and its end ---- */

static const char *find_end(const struct exploration_run *run, uint64_t elapsed_ns)
{
    const Cupola__ExploreState *totals = &run->state.totals;
    uint64_t runs = totals->runs - run->teller.runs_before;
    uint64_t silence = totals->runs - totals->runs_at_last_news;
    if (run->ends_at_failure && totals->failed > run->failed_before)
        return "something failed";
    if (elapsed_ns >= run->most_ns)
        return "the time is over";
    if (run->most_runs > 0 && runs >= run->most_runs)
        return "that many runs were asked for";
    if (run->saturation == UINT64_MAX ? silence >= 500 && silence >= totals->runs / 2
                                      : run->saturation > 0 && silence >= run->saturation)
        return "saturated: nothing new was met for a long time";
    return NULL;
}

static bool save(struct exploration_run *run, uint64_t now_ns)
{
    run->saved_ns = now_ns;
    run->failures_saved = run->state.totals.n_failures;
    run->state.totals.next_number = least_number(run);
    return explore_state_save(&run->state, run->coverage);
}

static bool on_tick(void *context)
{
    struct exploration_run *run = context;
    uint64_t now_ns = sim_real_ns(), elapsed_ns = now_ns - run->began_ns;
    /* A new way to fail is saved at once: no end of this process loses it. */
    if (now_ns - run->saved_ns > 5 * NS_PER_S || run->state.totals.n_failures > run->failures_saved)
        save(run, now_ns);
    explore_tell_progress(&run->teller, elapsed_ns);
    run->why_ended = find_end(run, elapsed_ns);
    return run->why_ended == NULL;
}

static int explore(struct exploration_run *run)
{
    run->shared = mmap(NULL, sizeof *run->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run->shared == MAP_FAILED) {
        perror("cupola: mmap");
        return SIM_USAGE;
    }
    run->coverage = &run->shared->coverage;
    if (!explore_state_open(&run->state, run->is_fresh, run->coverage))
        return SIM_USAGE;
    run->options.coverage = run->coverage;
    run->options.moments = run->is_unguided ? NULL : &run->shared->moments;
    if (run->is_unguided)
        run->options.futures = 0;
    run->failed_before = run->state.totals.failed;
    run->failures_saved = run->state.totals.n_failures;
    run->teller.state = &run->state;
    run->teller.coverage = run->coverage;
    run->teller.is_terminal = isatty(STDERR_FILENO);
    run->teller.runs_before = run->state.totals.runs;
    run->teller.virtual_before_ns = run->state.totals.virtual_ns;
    run->teller.failures_told = run->state.totals.n_failures;
    run->next_numbers = memory_new(run->jobs * sizeof *run->next_numbers);
    for (uint32_t i = 0; i < run->jobs; i++)
        run->next_numbers[i] = run->state.totals.next_number + i;
    run->began_ns = run->saved_ns = sim_real_ns();
    struct worker_pool pool = {.jobs = run->jobs,
                               .context = run,
                               .work = work,
                               .on_message = take_trial,
                               .on_death = blame_death,
                               .on_tick = on_tick};
    worker_pool_run(&pool);
    uint64_t elapsed_ns = sim_real_ns() - run->began_ns;
    run->state.totals.real_ns += elapsed_ns;
    bool is_saved = save(run, sim_real_ns());
    explore_tell_end(&run->teller, elapsed_ns, run->why_ended == NULL ? "interrupted" : run->why_ended);
    int status = !is_saved ? SIM_USAGE : run->state.totals.failed > 0 ? SIM_FAILED : SIM_PASSED;
    explore_state_close(&run->state);
    munmap(run->shared, sizeof *run->shared);
    memory_free(run->next_numbers);
    return status;
}

/* ---- Options ---- */

enum {
    OPTION_CLOUD = 256,
    OPTION_TIME,
    OPTION_RUNS,
    OPTION_SATURATION,
    OPTION_FAMILIES,
    OPTION_CALM,
    OPTION_STORM,
    OPTION_FUTURES,
    OPTION_FIRST,
    OPTION_OUT,
    OPTION_FRESH,
    OPTION_MUTATION,
    OPTION_UNTIL_FAILURE,
    OPTION_UNGUIDED,
    OPTION_TWICE
};

static const struct option long_options[] = {
    {"cloud", no_argument, NULL, OPTION_CLOUD},
    {"time", required_argument, NULL, OPTION_TIME},
    {"runs", required_argument, NULL, OPTION_RUNS},
    {"saturation", required_argument, NULL, OPTION_SATURATION},
    {"families", required_argument, NULL, OPTION_FAMILIES},
    {"until-failure", no_argument, NULL, OPTION_UNTIL_FAILURE},
    {"twice", no_argument, NULL, OPTION_TWICE},
    {"unguided", no_argument, NULL, OPTION_UNGUIDED},
    {"calm", required_argument, NULL, OPTION_CALM},
    {"storm", required_argument, NULL, OPTION_STORM},
    {"futures", required_argument, NULL, OPTION_FUTURES},
    {"first", required_argument, NULL, OPTION_FIRST},
    {"jobs", required_argument, NULL, 'j'},
    {"out", required_argument, NULL, OPTION_OUT},
    {"fresh", no_argument, NULL, OPTION_FRESH},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"mutation", required_argument, NULL, OPTION_MUTATION},
    {NULL, 0, NULL, 0},
};

static bool take_families(const char *list, uint32_t *ret_families)
{
    *ret_families = 0;
    for (const char *at = list; *at != 0;) {
        size_t size = strcspn(at, ",");
        int family = 1;
        while (fault_family_name((enum fault_family)family) != NULL &&
               (strlen(fault_family_name((enum fault_family)family)) != size ||
                memcmp(fault_family_name((enum fault_family)family), at, size) != 0))
            family++;
        if (fault_family_name((enum fault_family)family) == NULL)
            return false;
        *ret_families |= 1u << family;
        at += size + (at[size] == ',');
    }
    return *ret_families != 0;
}

/* One option with a number. False if it is none. */
static bool take_number(struct exploration_run *run, int option, const char *word)
{
    uint64_t number = 0;
    if (!input_number(word, &number) || number > UINT64_MAX / NS_PER_S / 2)
        return false;
    if (option == OPTION_TIME)
        run->most_ns = number * NS_PER_S;
    else if (option == OPTION_RUNS)
        run->most_runs = number;
    else if (option == OPTION_SATURATION)
        run->saturation = number;
    else if (option == OPTION_CALM)
        run->options.trial.calm_every = (uint32_t)number;
    else if (option == OPTION_STORM && number >= 1 && number <= 86400)
        run->options.trial.storm_ms = number * 1000;
    else if (option == OPTION_FUTURES)
        run->options.futures = (uint32_t)(number < 16 ? number : 16);
    else if (option == OPTION_FIRST)
        run->state.first_number = number;
    else if (number >= 1 && number <= 256)
        run->jobs = (uint32_t)number;
    else
        return false;
    return true;
}

static const char *name_of(int option)
{
    const struct option *at = long_options;
    while (at->val != option)
        at++;
    return at->name;
}

/* -1 to go on, otherwise the exit status. */
static int take_option(struct exploration_run *run, int option)
{
    switch (option) {
    case OPTION_CLOUD:
        run->is_cloud = true;
        return -1;
    case OPTION_FAMILIES:
        if (take_families(optarg, &run->options.trial.families))
            return -1;
        fprintf(stderr, "cupola sim explore: --families: '%s' is no list such as process,network; --help names all\n",
                optarg);
        return SIM_USAGE;
    case OPTION_OUT:
        run->state.folder = optarg;
        return -1;
    case OPTION_TWICE:
        run->options.is_twice = run->teller.is_twice = true;
        return -1;
    case OPTION_UNGUIDED:
        run->is_unguided = true;
        return -1;
    case OPTION_UNTIL_FAILURE:
        run->ends_at_failure = true;
        return -1;
    case OPTION_FRESH:
        run->is_fresh = true;
        return -1;
    case 'q':
        run->teller.is_quiet = true;
        return -1;
    case 'h':
        fputs(help, stdout);
        return SIM_PASSED;
    case OPTION_MUTATION:
        return sim_take_mutation(&(struct sim_run_options){0}, "explore", optarg) ? -1 : SIM_USAGE;
    case '?':
        fputs("Try `cupola sim explore --help`.\n", stderr);
        return SIM_USAGE;
    default:
        if (take_number(run, option, optarg))
            return -1;
        fprintf(stderr, "cupola sim explore: --%s: '%s' is not a number that makes sense here\n", name_of(option),
                optarg);
        return SIM_USAGE;
    }
}

static int explore_file(struct exploration_run *run, const char *file)
{
    struct text source = {0}, head = {0};
    int status = SIM_USAGE;
    char folder[512];
    const char *name = strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1;
    snprintf(folder, sizeof folder, "reports/explore-%.*s", (int)strcspn(name, "."), name);
    if (run->state.folder == NULL)
        run->state.folder = folder;
    run->state.target = file;
    run->options.name = file;
    if (run->is_cloud) {
        status = explore(run);
    } else if (input_read_file(file, &source)) {
        if (explore_head_of(text_string(&source), source.size, &head)) {
            run->options.head = text_string(&head);
            status = explore(run);
        } else {
            struct sim_run_options options = {.file = file, .source = source};
            struct scenario *scenario = sim_open(&options, 1); /* It says what is wrong, if it knows. */
            if (scenario != NULL)
                fprintf(stderr, "cupola sim explore: %s has no `run = function(cloud)` in its table\n", file);
            scenario_close(scenario);
        }
    }
    text_free(&source);
    text_free(&head);
    return status;
}

int cli_sim_explore(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct exploration_run run = {
        .options = {.futures = 2, .trial = {.families = UINT32_MAX, .calm_every = 16}},
        .jobs = processors < 1 ? 1 : (uint32_t)processors,
        .most_ns = 60 * NS_PER_S,
        .saturation = UINT64_MAX,
        .state = {.first_number = 1},
    };
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "j:qh", long_options, NULL)) != -1;) {
        int status = take_option(&run, option);
        if (status >= 0)
            return status;
    }
    if (argc - optind != (run.is_cloud ? 0 : 1)) {
        fputs("cupola sim explore: name one scenario file, or --cloud\n", stderr);
        return SIM_USAGE;
    }
    return explore_file(&run, run.is_cloud ? "cloud" : argv[optind]);
}
