/* The verbs of 2011's client that are written differently here. */
#include "cli/commands.h"

#include <stdint.h>
#include <string.h>

enum { MOST_ARGUMENTS = 64 };

struct short_form {
    const char *name;
    int (*run)(int argc, char **argv);
    size_t least_words;      /* With fewer words it is not this form. */
    const char *second_word; /* Put before the second word; NULL: nothing. */
    const char *option;      /* Without that option it is not this form, either; NULL: whatever there is. */
};

static const struct short_form forms[] = {
    {"mem", cli_scale, 2, "--memory", NULL},      {"mem", cli_app, 0, NULL, NULL}, /* Without a size: shown. */
    {"instances", cli_scale, 2, NULL, NULL}, /* With a number; without one it lists them. */
    {"update", cli_push, 1, NULL, "--path"}, /* With a folder: new bits; without one it replaces what runs. */
    {"env-add", cli_env, 0, NULL, NULL},          {"env-del", cli_env, 0, NULL, NULL},
    {"bounce", cli_restart, 0, NULL, NULL},       {"list", cli_apps, 0, NULL, NULL},
    {"crashlogs", cli_logs, 0, NULL, NULL},       {"runtimes", cli_info, 0, NULL, NULL},
    {"frameworks", cli_info, 0, NULL, NULL},      {"user", cli_info, 0, NULL, NULL},
    {"create-user", cli_add_user, 0, NULL, NULL}, {"unregister", cli_delete_user, 0, NULL, NULL},
};

/* Options are none of them. */
static size_t count_words(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += argv[i][0] != '-' || (argv[i][1] >= '0' && argv[i][1] <= '9'); /* -2: so many fewer. */
    return count;
}

static bool has_option(int argc, char **argv, const char *option)
{
    bool has = option == NULL;
    for (int i = 1; i < argc; i++)
        has = has || strncmp(argv[i], option, strlen(option)) == 0;
    return has;
}

bool cli_is_short_form(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(name, forms[i].name) == 0)
            return true;
    return false;
}

void cli_each_short_form(void (*act)(const char *name, const char *what))
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (i == 0 || strcmp(forms[i - 1].name, forms[i].name) != 0)
            act(forms[i].name, "as in 2011's client");
}

bool cli_run_short_form(int argc, char **argv, int *ret_status)
{
    char *words[MOST_ARGUMENTS + 2];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && argc <= MOST_ARGUMENTS; i++) {
        const struct short_form *form = &forms[i];
        if (strcmp(argv[0], form->name) != 0 || count_words(argc, argv) < form->least_words ||
            !has_option(argc, argv, form->option))
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
