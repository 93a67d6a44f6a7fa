/* `cupola sim check`: every order in which messages can arrive, up to a depth. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/search/orders_world.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola sim check FILE [--depth N] [options]\n"
    "\n"
    "Plays a scenario in every order in which the messages between its components can arrive, from its first fault on, "
    "for\n"
    "so many choices; what follows takes its usual course. Orders that differ only in what does not depend on each "
    "other\n"
    "are played once. Small clouds and small depths: the orders multiply.\n"
    "Exit status: 0 every order passed, 1 one failed, 2 it could not be run.\n"
    "\n"
    "  --depth N     choices to make freely (default 6, at most 64)\n"
    "  --window MS   a message can overtake those that would arrive so much earlier (default 5)\n"
    "  --crashes N   at each choice a component may also be killed, so often in a run (default 0)\n"
    "  --from S      choices begin after so many seconds at the latest\n"
    "  --runs N      stop after so many runs (default 10000; 0: never)\n"
    "  --seed N      the seed of everything else (default 1)\n"
    "  --jobs J      processes at once (default: one a processor)\n"
    "  --all-orders  also those that come to the same, to see how many there are\n"
    "  --order LIST  play this one order, as a failure names it: 0,2,1\n"
    "  --trip        with what the scenario itself says makes it fail (tripped_by)\n"
    "  --mutation N  with a planted bug (core/base/mutation.h; ./dev build mutants)\n"
    "\n"
    "Examples:\n"
    "  cupola sim check scenarios/dea-killed.lua --depth 5\n"
    "  cupola sim check scenarios/bus-restart.lua --depth 3 --crashes 1 --runs 2000\n";

struct check {
    struct sim_run_options options;
    struct orders orders;
    struct orders_world watch;
    uint8_t given[ORDERS_MOST_DEPTH];
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* The whole tree of processes hangs on this one. */
static _Noreturn void search(struct check *check)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    struct scenario *scenario = sim_open(&check->options, check->options.first_seed);
    if (scenario == NULL)
        _exit(SIM_USAGE);
    orders_watch(&check->watch, scenario_cloud(scenario));
    bool passed = scenario_run(scenario);
    orders_end(&check->orders, passed ? NULL : scenario_failure(scenario));
    _exit(SIM_PASSED);
}

static void print_failure(const struct check *check)
{
    const struct orders_totals *totals = check->orders.totals;
    printf("  %s\n      cupola sim check %s --seed %llu --order ", totals->failure, check->options.file,
           (unsigned long long)check->options.first_seed);
    size_t size = totals->choice_count;
    while (size > 1 && totals->choices[size - 1] == 0)
        size--; /* What is not named takes its usual course. */
    for (size_t i = 0; i < size; i++)
        printf("%s%u", i == 0 ? "" : ",", totals->choices[i]);
    if (size == 0)
        putchar('0');
    if (check->watch.crashes > 0)
        printf(" --crashes %u", check->watch.crashes);
    char *options = sim_options_text(&check->options);
    printf(" --window %llu%s\n", (unsigned long long)(check->watch.window_ns / NS_PER_MS), options);
    memory_free(options);
}

static int conclude(const struct check *check, uint64_t real_ns)
{
    const struct orders_totals *totals = check->orders.totals;
    if (totals->has_failure)
        print_failure(check);
    bool is_complete = !interrupted && (check->orders.most_runs == 0 || totals->runs < check->orders.most_runs);
    uint64_t ms = real_ns / NS_PER_MS;
    printf(
        "%s  %s, depth %zu: %llu orders%s, %llu failed, %llu paths cut as equal to others, %llu choices, %llu.%llu s\n",
        totals->failed == 0 ? "PASSED" : "FAILED", check->options.file, check->orders.depth,
        (unsigned long long)totals->runs, is_complete ? " (all)" : " (not all)", (unsigned long long)totals->failed,
        (unsigned long long)totals->cut, (unsigned long long)totals->points, (unsigned long long)(ms / 1000),
        (unsigned long long)(ms / 100 % 10));
    return totals->failed == 0 ? SIM_PASSED : SIM_FAILED;
}

static int run_check(struct check *check)
{
    check->orders.totals = orders_share();
    if (check->orders.totals == NULL) {
        perror("cupola: mmap");
        return SIM_USAGE;
    }
    check->watch.orders = &check->orders;
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    uint64_t began_ns = sim_real_ns();
    fflush(NULL);
    check->orders.totals->running = 1;
    pid_t first = fork();
    if (first == 0) {
        setpgid(0, 0);
        search(check);
    }
    int status = -1;
    while (first > 0 && waitpid(first, &status, 0) < 0 && errno == EINTR && !interrupted)
        ;
    if (interrupted && first > 0) {
        kill(-first, SIGKILL);
        waitpid(first, &status, 0);
    }
    bool is_usable = first > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == SIM_USAGE);
    int result = is_usable ? conclude(check, sim_real_ns() - began_ns) : SIM_USAGE;
    munmap(check->orders.totals, sizeof *check->orders.totals);
    return result;
}

/* ---- Options ---- */

static bool take_order(struct check *check, const char *list)
{
    size_t count = 0;
    for (const char *at = list; *at != 0;) {
        char *end = NULL;
        unsigned long choice = strtoul(at, &end, 10);
        if (end == at || choice >= ORDERS_MOST_CHOICES || count == ORDERS_MOST_DEPTH || (*end != 0 && *end != ','))
            return false;
        check->given[count++] = (uint8_t)choice;
        at = *end == ',' ? end + 1 : end;
    }
    check->orders.given = check->given;
    check->orders.given_count = count;
    check->orders.depth = count;
    return count > 0;
}

/* -1 to go on, otherwise the exit status. */
static int take_option(struct check *check, int option)
{
    uint64_t number = 0;
    bool is_number = optarg != NULL && input_number(optarg, &number) && number < UINT64_MAX / NS_PER_S;
    if (option == 'd' && is_number && number <= ORDERS_MOST_DEPTH)
        check->orders.depth = (size_t)number;
    else if (option == 'w' && is_number)
        check->watch.window_ns = number * NS_PER_MS;
    else if (option == 'c' && is_number && number <= 100)
        check->watch.crashes = (uint32_t)number;
    else if (option == 'f' && is_number)
        check->watch.from_ns = number * NS_PER_S;
    else if (option == 'r' && is_number)
        check->orders.most_runs = number;
    else if (option == 's' && is_number)
        check->options.first_seed = number;
    else if (option == 'j' && is_number && number >= 1 && number <= 256)
        check->orders.jobs = (uint32_t)number;
    else if (option == 'a')
        check->orders.is_unreduced = true;
    else if (option == 't')
        check->options.trip = true;
    else if (option == 'o' && take_order(check, optarg))
        return -1;
    else if (option == 'h') {
        fputs(help, stdout);
        return SIM_PASSED;
    } else if (option == 'm') {
        return sim_take_mutation(&check->options, "check", optarg) ? -1 : SIM_USAGE;
    } else {
        if (optarg != NULL && option != '?')
            fprintf(stderr, "cupola sim check: '%s' is not a value that makes sense here\n", optarg);
        fputs("Try `cupola sim check --help`.\n", stderr);
        return SIM_USAGE;
    }
    return -1;
}

static const struct option long_options[] = {
    {"depth", required_argument, NULL, 'd'},
    {"window", required_argument, NULL, 'w'},
    {"crashes", required_argument, NULL, 'c'},
    {"from", required_argument, NULL, 'f'},
    {"runs", required_argument, NULL, 'r'},
    {"seed", required_argument, NULL, 's'},
    {"jobs", required_argument, NULL, 'j'},
    {"all-orders", no_argument, NULL, 'a'},
    {"order", required_argument, NULL, 'o'},
    {"trip", no_argument, NULL, 't'},
    {"mutation", required_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int cli_sim_check(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    static struct check check;
    check = (struct check){
        .options = {.first_seed = 1},
        .orders = {.depth = 6, .jobs = processors < 1 ? 1 : (uint32_t)processors, .most_runs = 10000},
        .watch = {.window_ns = 5 * NS_PER_MS, .from_ns = UINT64_MAX},
    };
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        int status = take_option(&check, option);
        if (status >= 0)
            return status;
    }
    if (argc - optind != 1) {
        fputs("cupola sim check: name one scenario file\n", stderr);
        return SIM_USAGE;
    }
    check.options.file = argv[optind];
    int status = input_read_file(check.options.file, &check.options.source) ? run_check(&check) : SIM_USAGE;
    text_free(&check.options.source);
    return status;
}
