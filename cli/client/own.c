/* Commands beyond what v1's client had: update, rollback, revisions, events, settings. */
#include "cli/client/print.h"
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>

/* Runs the command on the app in words[0], and prints what came of it. */
static int finish(struct request *request, const char *command, int (*print)(const struct text *result))
{
    struct text result = {0};
    request->config.app = request->words[0];
    int status = request_run(request, command, &result);
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    else if (status == CLI_OK)
        status = print(&result);
    text_free(&result);
    return status;
}

int cli_update(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola update APP [--cancel]\n"
            "\n"
            "Replaces the instances of an app step by step by new ones, without a gap: the newest bits, variables\n"
            "and memory take effect. What does not hold goes back by itself.\n"
            "\n"
            "  --cancel   ends an update that is under way, and goes back\n"
            "\n"
            "Examples:\n  cupola update shop\n",
        .options = OPTION_CANCEL,
        .least_words = 1,
        .most_words = 1};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = finish(&request, request.cancels ? "cancel" : "update", print_app);
    request_release(&request);
    return status;
}

int cli_rollback(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola rollback APP [REVISION]\n"
                 "\n"
                 "Goes back to an earlier revision: its bits, variables, memory and command. Without REVISION to the\n"
                 "one before. `cupola revisions APP` lists them.\n"
                 "\n"
                 "Examples:\n  cupola rollback shop\n  cupola rollback shop 3\n",
        .least_words = 1,
        .most_words = 2};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    int revision = 0;
    if (status < 0 && request.word_count == 2) {
        request.config.has_revision = request_number("REVISION", request.words[1], 1, 1 << 30, &revision);
        request.config.revision = revision;
        if (!request.config.has_revision)
            status = CLI_USAGE;
    }
    if (status < 0)
        status = finish(&request, "rollback", print_app);
    request_release(&request);
    return status;
}

static int simple(const struct request_spec *spec, const char *command, int (*print)(const struct text *result),
                  int argc, char **argv)
{
    struct request request;
    int status = request_parse(&request, spec, argc, argv);
    request.print_followed = print_one_event;
    if (status < 0)
        status = finish(&request, command, print);
    request_release(&request);
    return status;
}

int cli_revisions(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola revisions APP [--json]\n\nLists what an app has been, and may be again: `cupola rollback`.\n"
            "\nExamples:\n  cupola revisions shop\n",
        .least_words = 1,
        .most_words = 1};
    return simple(&spec, "revisions", print_revisions, argc, argv);
}

int cli_events(int argc, char **argv)
{
    static const struct request_spec spec = {.usage =
                                                 "usage: cupola events APP [--follow] [--json]\n"
                                                 "\n"
                                                 "Shows what happened to an app, who did it, and why.\n"
                                                 "\n"
                                                 "  --follow   go on showing what comes, until Ctrl-C\n"
                                                 "\n"
                                                 "Examples:\n  cupola events shop\n  cupola events shop --follow\n",
                                             .options = OPTION_FOLLOW,
                                             .least_words = 1,
                                             .most_words = 1};
    return simple(&spec, "events", print_events, argc, argv);
}

int cli_settings(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola settings APP [JSON]\n"
            "\n"
            "Shows or replaces what v1 has no words for: how updates roll (canary, batch_percent, hold_ms, ready_ms),\n"
            "health checks (health), singleton, grace_ms, balance, balance_header, protocol.\n"
            "\n"
            "Examples:\n"
            "  cupola settings shop\n"
            "  cupola settings shop '{\"canary\":2,\"health\":{\"liveness\":{\"type\":\"http\",\"path\":\"/ok\"}}}'\n",
        .least_words = 1,
        .most_words = 2};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        if (request.word_count == 2)
            request.config.settings = request.words[1];
        status = finish(&request, "settings", print_json);
    }
    request_release(&request);
    return status;
}
