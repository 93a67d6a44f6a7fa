/* The verbs of 2011's client that are written differently here. */
#include "cli/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ARGUMENTS = 64 };

struct short_form {
    const char *name;
    int (*run)(int argc, char **argv);
    size_t least_words;      /* With fewer words it is not this form. */
    const char *second_word; /* Put before the second word; NULL: nothing. */
};

static const struct short_form forms[] = {
    {"mem", cli_scale, 2, "--memory"}, {"instances", cli_scale, 2, NULL}, /* With a number; without one it lists them.
                                                                           */
    {"env-add", cli_env, 2, NULL},     {"env-del", cli_env, 2, NULL},     {"bounce", cli_restart, 1, NULL},
    {"crashlogs", cli_logs, 1, NULL},  {"runtimes", cli_info, 0, NULL},   {"frameworks", cli_info, 0, NULL},
    {"user", cli_info, 0, NULL},
};

/* Options are none of them. */
static size_t count_words(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += argv[i][0] != '-';
    return count;
}

void cli_print_short_forms(void)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        printf("%s ", forms[i].name);
}

bool cli_run_short_form(int argc, char **argv, int *ret_status)
{
    char *words[MOST_ARGUMENTS + 2];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && argc <= MOST_ARGUMENTS; i++) {
        const struct short_form *form = &forms[i];
        if (strcmp(argv[0], form->name) != 0 || count_words(argc, argv) < form->least_words)
            continue;
        int count = 0;
        for (int j = 0; j < argc; j++) {
            if (j == 2 && form->second_word != NULL)
                words[count++] = (char *)(uintptr_t)form->second_word;
            words[count++] = argv[j];
        }
        words[count] = NULL;
        *ret_status = form->run(count, words);
        return true;
    }
    return false;
}
