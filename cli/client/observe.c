/* Commands that show something: apps, app, logs, files, stats, instances, crashes. */
#include "cli/client/print.h"
#include "cli/client/request.h"
#include "cli/commands.h"

#include <stdio.h>

static int show(const struct request_spec *spec, const char *command, int (*print)(const struct text *result), int argc,
                char **argv)
{
    struct request request;
    struct text result = {0};
    int status = request_parse(&request, spec, argc, argv);
    request.print_followed = print_log_line;
    if (status < 0) {
        if (request.word_count > 0)
            request.config.app = request.words[0];
        if (request.word_count > 1)
            request.config.path = request.words[1];
        status = request_run(&request, command, &result);
        if (status == CLI_OK && request.json)
            puts(text_string(&result));
        else if (status == CLI_OK)
            status = print(&result);
    }
    text_free(&result);
    request_release(&request);
    return status;
}

int cli_apps(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola apps [--json]\n\nLists your apps: name, state, running of wanted instances, memory, "
                 "addresses.\n\n"
                 "Examples:\n  cupola apps\n  cupola apps --json\n",
    };
    return show(&spec, "apps", print_apps, argc, argv);
}

int cli_info(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola info [--json]\n\nShows the cloud, what you use of what you may use, and the frameworks with "
            "their runtimes.\n\nExamples:\n  cupola info\n",
    };
    return show(&spec, "info", print_info, argc, argv);
}

int cli_app(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola app APP [--json]\n\nShows one app.\n\nExamples:\n  cupola app shop\n",
        .least_words = 1,
        .most_words = 1};
    return show(&spec, "app", print_app, argc, argv);
}

int cli_logs(int argc, char **argv)
{
    static const struct request_spec spec = {.usage = "usage: cupola logs APP [--index N] [--follow]\n"
                                                      "\n"
                                                      "Shows what the instances of an app printed.\n"
                                                      "\n"
                                                      "  --index N   of that instance only\n"
                                                      "  --follow    go on showing what comes, until Ctrl-C\n"
                                                      "\n"
                                                      "Examples:\n"
                                                      "  cupola logs shop --follow\n",
                                             .options = OPTION_FOLLOW | OPTION_INDEX,
                                             .least_words = 1,
                                             .most_words = 1};
    return show(&spec, "logs", print_logs, argc, argv);
}

int cli_files(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola files APP [PATH] [--index N]\n\nShows a folder or a file of an instance.\n\nExamples:\n"
                 "  cupola files shop\n  cupola files shop logs/stdout.log --index 1\n",
        .options = OPTION_INDEX,
        .least_words = 1,
        .most_words = 2};
    return show(&spec, "files", print_file, argc, argv);
}

int cli_stats(int argc, char **argv)
{
    static const struct request_spec spec = {.usage = "usage: cupola stats APP [--json]\n\nShows what each instance of "
                                                      "an app uses.\n\nExamples:\n  cupola stats shop\n",
                                             .least_words = 1,
                                             .most_words = 1};
    return show(&spec, "stats", print_stats, argc, argv);
}

int cli_instances(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola instances APP [--json]\n\nShows the state of each instance of an app.\n\nExamples:\n"
                 "  cupola instances shop\n",
        .least_words = 1,
        .most_words = 1};
    return show(&spec, "instances", print_instances, argc, argv);
}

int cli_crashes(int argc, char **argv)
{
    static const struct request_spec spec = {.usage = "usage: cupola crashes APP [--json]\n\nShows the crashed "
                                                      "instances of an app.\n\nExamples:\n  cupola crashes shop\n",
                                             .least_words = 1,
                                             .most_words = 1};
    return show(&spec, "crashes", print_crashes, argc, argv);
}
