/* Commands that change an app and have little to say: scale, start, stop, restart, delete, map, unmap, env. */
#include "cli/client/print.h"
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>

/* Runs a command on the app in words[0] and says that it is done. */
static int change(struct request *request, const char *command, const char *done)
{
    struct text result = {0};
    request->config.app = request->words[0];
    int status = request_run(request, command, &result);
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    else if (status == CLI_OK)
        printf("%s %s.\n", request->words[0], done);
    text_free(&result);
    return status;
}

static int simple_command(const struct request_spec *spec, const char *command, const char *done, int argc, char **argv)
{
    struct request request;
    int status = request_parse(&request, spec, argc, argv);
    if (status < 0)
        status = change(&request, command, done);
    request_release(&request);
    return status;
}

int cli_start(int argc, char **argv)
{
    static const struct request_spec spec = {.usage = "usage: cupola start APP\n\nStarts an app and waits until its "
                                                      "instances run.\n\nExamples:\n  cupola start shop\n",
                                             .least_words = 1,
                                             .most_words = 1};
    return simple_command(&spec, "start", "runs", argc, argv);
}

int cli_stop(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola stop APP\n\nStops an app; its bits and addresses stay.\n\nExamples:\n  cupola stop shop\n",
        .least_words = 1,
        .most_words = 1};
    return simple_command(&spec, "stop", "is stopped", argc, argv);
}

int cli_restart(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola restart APP\n\nStops and starts an app, so that new memory and environment take effect.\n\n"
            "Examples:\n  cupola restart shop\n",
        .least_words = 1,
        .most_words = 1};
    return simple_command(&spec, "restart", "runs again", argc, argv);
}

int cli_delete(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola delete APP\n\nDeletes an app with its bits, instances and addresses.\n\nExamples:\n"
                 "  cupola delete shop\n",
        .least_words = 1,
        .most_words = 1};
    return simple_command(&spec, "delete", "is deleted", argc, argv);
}

/* Takes a word such as -2 out of the arguments, where it would pass for an option. NULL: there is none. */
static char *take_negative(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        char *word = argv[i];
        if (word[0] != '-' || word[1] == 0 || word[1 + strspn(word + 1, "0123456789")] != 0)
            continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof *argv); /* With the NULL at the end. */
        --*argc;
        return word;
    }
    return NULL;
}

/* "4", or "+1" and "-1": so many more or fewer. False (and a message) for anything else. */
static bool take_instances(Cupola__ClientConfig *config, const char *word)
{
    if (word[0] == '+' || word[0] == '-')
        config->has_instances_by = request_number("INSTANCES", word, -99999, 99999, &config->instances_by);
    else
        config->has_instances = request_number("INSTANCES", word, 0, 99999, &config->instances);
    return config->has_instances || config->has_instances_by;
}

int cli_scale(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola scale APP [INSTANCES | +N | -N] [--memory SIZE]\n"
                 "\n"
                 "Changes the number of instances, or the memory of each (which restarts the app).\n"
                 "\n"
                 "  --instances N   the same as INSTANCES\n"
                 "  --memory SIZE   of each instance: 64M, 1G\n"
                 "\n"
                 "Examples:\n"
                 "  cupola scale shop 4\n"
                 "  cupola scale shop +1\n"
                 "  cupola scale shop --memory 256M\n",
        .options = OPTION_INSTANCES | OPTION_MEMORY,
        .least_words = 1,
        .most_words = 2};
    struct request request;
    const char *fewer = take_negative(&argc, argv);
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        Cupola__ClientConfig *config = &request.config;
        const char *size = request.word_count == 2 ? request.words[1] : fewer;
        if (size != NULL && !take_instances(config, size)) {
            status = CLI_USAGE;
        } else if (!config->has_instances && !config->has_instances_by && !config->has_memory_mb) {
            terminal_error("say to how many instances, or to which --memory");
            status = CLI_USAGE;
        } else {
            status = change(&request, "scale", "is scaled");
        }
    }
    request_release(&request);
    return status;
}

/* ---- Addresses ---- */

static int change_address(const struct request_spec *spec, const char *command, const char *done, int argc, char **argv)
{
    struct request request;
    int status = request_parse(&request, spec, argc, argv);
    if (status < 0) {
        request.uris[0] = request.words[1];
        request.config.n_uris = 1;
        status = change(&request, command, done);
    }
    request_release(&request);
    return status;
}

int cli_map(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola map APP HOST\n\nServes an app at one more host name.\n\nExamples:\n"
                 "  cupola map shop www.cupola.test\n",
        .least_words = 2,
        .most_words = 2};
    return change_address(&spec, "map", "has one more address", argc, argv);
}

int cli_unmap(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola unmap APP HOST\n\nServes an app no longer at a host name.\n\nExamples:\n"
                 "  cupola unmap shop www.cupola.test\n",
        .least_words = 2,
        .most_words = 2};
    return change_address(&spec, "unmap", "has one address less", argc, argv);
}

/* ---- Environment ---- */

static int show_environment(struct request *request)
{
    struct text result = {0};
    request->config.app = request->words[0];
    int status = request_run(request, "app", &result);
    if (status == CLI_OK)
        status = request->json ? (puts(text_string(&result)), CLI_OK) : print_environment(&result);
    text_free(&result);
    return status;
}

/* Those with `=` when `set` is true, the others when it is false. */
static void choose_variables(struct request *request, bool set)
{
    request->config.n_env = 0;
    for (int i = 1; i < request->word_count; i++)
        if ((strchr(request->words[i], '=') != NULL) == set)
            request->env[request->config.n_env++] = request->words[i];
}

/* First those that are set, then those that are removed; the answer to the last change is the result. */
static int change_environment(struct request *request)
{
    struct text first = {0};
    int status = CLI_OK;
    request->config.app = request->words[0];
    choose_variables(request, true);
    int set = (int)request->config.n_env;
    if (set == request->word_count - 1)
        return change(request, "env-add", "has new variables");
    if (set > 0)
        status = request_run(request, "env-add", &first);
    text_free(&first);
    choose_variables(request, false);
    return status == CLI_OK ? change(request, "env-del", "has other variables") : status;
}

int cli_env(int argc, char **argv)
{
    static const struct request_spec spec = {.usage = "usage: cupola env APP [NAME=VALUE ...] [NAME ...]\n"
                                                      "\n"
                                                      "Shows an app's environment, or changes it: NAME=VALUE sets a "
                                                      "variable, a NAME alone removes it. An app that\n"
                                                      "runs is restarted.\n"
                                                      "\n"
                                                      "Examples:\n"
                                                      "  cupola env shop\n"
                                                      "  cupola env shop COLOR=blue DEBUG\n",
                                             .least_words = 1,
                                             .most_words = REQUEST_LISTS};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0 && request.word_count == 1) {
        status = show_environment(&request);
    } else if (status < 0) {
        status = change_environment(&request);
    }
    request_release(&request);
    return status;
}
