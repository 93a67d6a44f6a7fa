/* `cupola sim debug`: a run under one's hands, forward and back.
 *
 * Between two moments of the world the debugger reads commands. To go back, the run is given up and played again from
 * its start to where it should stop, with the faults that were broken by hand at the same moments: it is the same run.
 */
#include "cli/sim/debug.h"

#include "cli/input.h"

#include "core/base/memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola sim debug FILE [--seed N] [--commands FILE] [--trip | --mutation NAME]\n"
    "\n"
    "Plays a scenario and stops where it is told, to look and to break things. Commands are read line by line from "
    "the\n"
    "terminal, from a pipe, or from a file; `help` lists them. Going back plays the run again from its start.\n"
    "Exit status: 0, or 2 if it could not be run.\n"
    "\n"
    "  --seed N         the seed (default 1)\n"
    "  --commands FILE  read commands from a file\n"
    "  --trip           with what the scenario itself says makes it fail (tripped_by)\n"
    "  --mutation NAME  with a planted bug (core/base/mutation.h; ./dev build mutants)\n"
    "\n"
    "Examples:\n"
    "  cupola sim debug scenarios/dea-killed.lua --seed 4\n"
    "  printf 'until 20s\\nstate dea-0\\nback 5\\nshow\\n' | cupola sim debug scenarios/dea-killed.lua\n";

/* ---- While it runs ---- */

static void on_step(void *context, const struct process *process, const struct event *event, struct effects *effects)
{
    struct debugger *debugger = context;
    debugger->steps++;
    text_clear(&debugger->step);
    sim_print_step(debugger->cloud, process, event, effects, &debugger->step);
    if (debugger->stop.word[0] != 0 && strstr(text_string(&debugger->step), debugger->stop.word) != NULL)
        debugger->has_met_word = true;
}

static void on_line(void *context, const struct story_line *line)
{
    struct debugger *debugger = context;
    struct text text = {0};
    text_addf(&text, "%4llu.%03llu s  %-9s %-12s %s", (unsigned long long)(line->at_ns / 1000000000),
              (unsigned long long)(line->at_ns / 1000000 % 1000), story_kind_name(line->kind), line->who, line->text);
    char **place = &debugger->story[debugger->story_count++ % DEBUG_STORY];
    memory_free(*place);
    *place = memory_copy_text(text_string(&text));
    text_free(&text);
}

static bool state_contains(const struct debugger *debugger)
{
    const struct component *component = cloud_find_component(debugger->cloud, debugger->stop.component);
    struct text json = {0};
    if (component != NULL)
        component_inspect(component, &json);
    bool contains = strstr(text_string(&json), debugger->stop.state) != NULL;
    text_free(&json);
    return contains;
}

static bool should_stop(struct debugger *debugger)
{
    const struct debug_stop *stop = &debugger->stop;
    if (debugger->moment < debugger->least_moment)
        return false;
    return debugger->steps >= stop->step || cloud_now_ns(debugger->cloud) >= stop->at_ns || debugger->has_met_word ||
           (stop->component[0] != 0 && state_contains(debugger));
}

static void on_moment(struct cloud *cloud, void *context)
{
    struct debugger *debugger = context;
    debugger->moment++;
    for (size_t i = 0; i < debugger->injected_count; i++) {
        const struct debug_fault *fault = &debugger->injected[i];
        if (fault->moment != debugger->moment)
            continue;
        if (fault->mends)
            faults_end_all(cloud);
        else
            debug_break(debugger, fault);
    }
    if (cloud_violation(cloud) != NULL || !should_stop(debugger))
        return;
    debug_read_commands(debugger);
    if (debugger->wants != DEBUG_GO_ON)
        cloud_violate(cloud, "debugger", "left");
}

/* ---- Runs ---- */

static void forget_run(struct debugger *debugger)
{
    for (size_t i = 0; i < DEBUG_STORY; i++) {
        memory_free(debugger->story[i]);
        debugger->story[i] = NULL;
    }
    debugger->story_count = 0;
    debugger->steps = debugger->moment = 0;
    debugger->is_over = false;
    debugger->has_met_word = false;
    text_clear(&debugger->step);
}

/* One run from its start until it ends or is left. False if it cannot be run. */
static bool play(struct debugger *debugger)
{
    struct scenario *scenario = sim_open(&debugger->options, debugger->options.first_seed);
    if (scenario == NULL)
        return false;
    forget_run(debugger);
    debugger->wants = DEBUG_GO_ON;
    debugger->cloud = scenario_cloud(scenario);
    cloud_observe(debugger->cloud, on_line, debugger);
    cloud_observe_steps(debugger->cloud, on_step, debugger);
    cloud_observe_moments(debugger->cloud, on_moment, debugger);
    bool passed = scenario_run(scenario);
    cloud_observe_moments(debugger->cloud, NULL, NULL);
    cloud_observe_steps(debugger->cloud, NULL, NULL);
    if (debugger->wants == DEBUG_GO_ON) {
        printf("The run is over: %s%s, hash %016llx\n", passed ? "passed" : "failed: ", scenario_failure(scenario),
               (unsigned long long)cloud_hash(debugger->cloud));
        debugger->is_over = true;
        debug_read_commands(debugger);
    }
    cloud_finish(debugger->cloud, 0);
    scenario_close(scenario);
    debugger->cloud = NULL;
    return true;
}

static int debug(struct debugger *debugger)
{
    printf("%s, seed %llu. `help` lists the commands.\n", debugger->options.file,
           (unsigned long long)debugger->options.first_seed);
    debugger->stop = (struct debug_stop){.step = 0, .at_ns = UINT64_MAX};
    bool ok = true;
    do
        ok = play(debugger);
    while (ok && debugger->wants == DEBUG_GO_BACK);
    forget_run(debugger);
    text_free(&debugger->step);
    return ok ? SIM_PASSED : SIM_USAGE;
}

int cli_sim_debug(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"seed", required_argument, NULL, 's'}, {"commands", required_argument, NULL, 'c'},
        {"trip", no_argument, NULL, 't'},       {"mutation", required_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    static struct debugger debugger;
    const char *commands = NULL;
    debugger = (struct debugger){.options = {.first_seed = 1}, .input = stdin};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        if (option == 'c')
            commands = optarg;
        else if (option == 't')
            debugger.options.trip = true;
        else if (option == 'm') {
            if (!sim_take_mutation(&debugger.options, "debug", optarg))
                return SIM_USAGE;
        } else if (option == 'h') {
            fputs(help, stdout);
            return SIM_PASSED;
        } else if (option != 's' || !input_number(optarg, &debugger.options.first_seed)) {
            fputs("Try `cupola sim debug --help`.\n", stderr);
            return SIM_USAGE;
        }
    }
    if (argc - optind != 1) {
        fputs("cupola sim debug: name one scenario file\n", stderr);
        return SIM_USAGE;
    }
    debugger.options.file = argv[optind];
    if (!input_read_file(debugger.options.file, &debugger.options.source))
        return SIM_USAGE;
    if (commands != NULL && (debugger.input = fopen(commands, "re")) == NULL) {
        perror(commands);
        text_free(&debugger.options.source);
        return SIM_USAGE;
    }
    debugger.is_terminal = isatty(fileno(debugger.input));
    int status = debug(&debugger);
    if (commands != NULL)
        fclose(debugger.input);
    text_free(&debugger.options.source);
    return status;
}
