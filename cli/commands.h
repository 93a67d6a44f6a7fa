/* The sub-commands of `cupola`: one file each, one row each in the table of main.c.
 *
 * To add one: write cli/NAME.c with `int cli_NAME(int argc, char **argv)` (argv[0] is the command's name, and --help
 * never gets there), declare it below, and put a row with its summary and help text into cli/table.c.
 *
 * Exit statuses are the same everywhere: 0 it is done, 1 it failed, 2 it was asked for in the wrong way.
 */
#ifndef CUPOLA_CLI_COMMANDS_H
#define CUPOLA_CLI_COMMANDS_H

#include <stddef.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct command {
    const char *group;     /* Heading in `cupola --help`; NULL: not listed there. */
    const char *name;      /* "push" */
    const char *arguments; /* "[APP] [options]" */
    const char *summary;   /* One line. */
    int (*run)(int argc, char **argv);
    const char *help; /* Options and examples, ready to print. */
};

/* Ends with a row without a name. */
extern const struct command cli_commands[];

const struct command *cli_find_command(const char *name);
/* The name that is the fewest edits away, or NULL if none is near. */
const char *cli_nearest(const char *word, const char *const *names, size_t count);

/* Using a cloud. */
int cli_target(int argc, char **argv);
int cli_login(int argc, char **argv);
int cli_register(int argc, char **argv);
int cli_info(int argc, char **argv);
int cli_push(int argc, char **argv);
int cli_apps(int argc, char **argv);
int cli_app(int argc, char **argv);
int cli_scale(int argc, char **argv);
int cli_start(int argc, char **argv);
int cli_stop(int argc, char **argv);
int cli_restart(int argc, char **argv);
int cli_delete(int argc, char **argv);
int cli_logs(int argc, char **argv);
int cli_stats(int argc, char **argv);
int cli_instances(int argc, char **argv);
int cli_crashes(int argc, char **argv);
int cli_files(int argc, char **argv);
int cli_map(int argc, char **argv);
int cli_unmap(int argc, char **argv);
int cli_env(int argc, char **argv);
int cli_completion(int argc, char **argv);

/* Running one: cli/run.c, cli/up.c, cli/sim.c. */
int cli_run(int argc, char **argv);
int cli_up(int argc, char **argv);
int cli_sim(int argc, char **argv);

#endif
