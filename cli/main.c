/* The `cupola` program: finds the command that was asked for, and helps those who asked for something else. */
#include "cli/commands.h"
#include "cli/output.h"

#include "drivers/real/real.h"

#include <stdio.h>
#include <string.h>

enum { MAX_COMMANDS = 64 };

static size_t count_commands(void)
{
    size_t count = 0;
    while (cli_commands[count].name != NULL)
        count++;
    return count;
}

const struct command *cli_find_command(const char *name)
{
    for (const struct command *command = cli_commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

static void print_overview(void)
{
    const char *bold = output_shade(stdout, SHADE_BOLD), *plain = output_shade(stdout, SHADE_PLAIN);
    printf("Cupola: an open platform as a service.\n\n%sUsage:%s cupola COMMAND [options]\n", bold, plain);
    const char *group = "";
    for (const struct command *command = cli_commands; command->name != NULL; command++) {
        if (command->group == NULL)
            continue;
        if (strcmp(command->group, group) != 0)
            printf("\n%s%s%s\n", bold, command->group, plain);
        group = command->group;
        printf("  %-11s %s\n", command->name, command->summary);
    }
    printf("\n`cupola COMMAND --help` tells more, with examples. `--json` makes every answer machine-readable.\n");
}

static int print_help(const struct command *command)
{
    const char *bold = output_shade(stdout, SHADE_BOLD), *plain = output_shade(stdout, SHADE_PLAIN);
    printf("%s\n\n%sUsage:%s cupola %s %s\n\n%s", command->summary, bold, plain, command->name, command->arguments,
           command->help);
    return CLI_OK;
}

static int fail_unknown(const char *word)
{
    const char *names[MAX_COMMANDS];
    size_t count = 0;
    for (size_t i = 0; i < count_commands() && count < MAX_COMMANDS; i++) {
        if (cli_commands[i].group != NULL)
            names[count++] = cli_commands[i].name;
    }
    output_error("there is no command \"%s\"", word);
    const char *nearest = cli_nearest(word, names, count);
    if (nearest != NULL)
        output_hint("cupola %s   (or `cupola --help` for all commands)", nearest);
    else
        output_hint("cupola --help");
    return CLI_USAGE;
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview();
        return CLI_OK;
    }
    const struct command *command = cli_find_command(argv[1]);
    return command == NULL ? fail_unknown(argv[1]) : print_help(command);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview();
        return CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, REAL_SUPERVISOR_COMMAND) == 0)
        return real_supervise(argc - 1, argv + 1);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0) {
        puts("cupola " CUPOLA_VERSION);
        return CLI_OK;
    }
    const struct command *command = cli_find_command(word);
    if (command == NULL)
        return fail_unknown(word);
    if (asks_for_help(argc - 1, argv + 1))
        return print_help(command);
    return command->run(argc - 1, argv + 1);
}
