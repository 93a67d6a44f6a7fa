/* `cupola sim`: the simulator's own sub-commands. */
#include "cli/sim/sim.h"

#include "cli/commands.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: cupola sim COMMAND\n"
    "\n"
    "  run FILE       play a scenario in the simulator     cupola sim run scenarios/instance-crash.lua --seed 7\n"
    "  explore FILE   look for failures by itself          cupola sim explore --cloud --time 300\n"
    "  shrink FILE    make a failing scenario small        cupola sim shrink failure.lua --seed 17\n"
    "  check FILE     try every order of messages          cupola sim check scenarios/dea-killed.lua --depth 6\n"
    "  debug FILE     stop, step forward and back, look    cupola sim debug scenarios/dea-killed.lua\n"
    "  bisect FILE    name the first event where runs part cupola sim bisect scenarios/bus-restart.lua\n"
    "  replay TRACE   run a component again from a trace   cupola sim replay run.trace --component dea-0\n"
    "  new FILE       a first scenario to change           cupola sim new my-first.lua\n"
    "  list [DIR]     the scenarios of a folder            cupola sim list scenarios\n"
    "\n"
    "`cupola sim COMMAND --help` tells more.\n";

int cli_sim(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"run", cli_sim_run},       {"new", cli_sim_new},         {"replay", cli_sim_replay},
                    {"list", cli_sim_list},     {"explore", cli_sim_explore}, {"shrink", cli_sim_shrink},
                    {"bisect", cli_sim_bisect}, {"debug", cli_sim_debug},     {"check", cli_sim_check}};
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        fputs(help, stdout);
        return argc > 1 ? SIM_PASSED : SIM_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "cupola sim: there is no command '%s'; try `cupola sim --help`\n", name);
    return SIM_USAGE;
}

uint64_t sim_real_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
