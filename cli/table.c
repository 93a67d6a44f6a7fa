/* All commands, in the order in which help lists them. */
#include "cli/commands.h"

const struct command cli_commands[] = {
    {0},
};
