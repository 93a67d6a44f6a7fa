/* `cupola sim list`: the scenarios of a folder and of the folders in it, with what they say of themselves. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include "core/base/memory.h"
#include "core/wire/json.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>

static bool is_lua_file(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".lua") == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void print_text(const char *file, const struct scenario_about *about)
{
    printf("%s\n    %s%s%s\n", file, about->row == NULL ? "" : about->row, about->row == NULL ? "" : ": ",
           about->title);
}

static void print_json(const char *file, const struct scenario_about *about, const char *error)
{
    Cupola__ScenarioAbout message = CUPOLA__SCENARIO_ABOUT__INIT;
    message.file = (char *)file;
    message.title = (char *)about->title;
    message.row = (char *)about->row;
    message.weakness = (char *)about->weakness;
    message.mutation = (char *)about->mutation;
    message.has_has_setting = about->has_setting;
    message.has_setting = about->has_setting;
    message.error = (char *)error;
    struct text json = {0};
    json_write(&json, &message.base);
    puts(text_string(&json));
    text_free(&json);
}

static bool list_file(const char *path, bool json)
{
    struct text error = {0};
    struct sim_run_options options = {.file = path};
    struct scenario_options scenario_options = {.seed = 1};
    struct scenario_about about = {0};
    struct scenario *scenario = NULL;
    if (input_read_file(options.file, &options.source))
        scenario =
            scenario_open(options.file, text_string(&options.source), options.source.size, &scenario_options, &error);
    bool ok = scenario != NULL;
    if (ok)
        about = scenario_about(scenario);
    if (json)
        print_json(path, &about, ok ? NULL : text_string(&error));
    else if (ok)
        print_text(path, &about);
    else
        printf("%s\n    %s\n", path, text_string(&error));
    scenario_close(scenario);
    text_free(&options.source);
    text_free(&error);
    return ok;
}

static int list_folder(char *folder, bool json)
{
    char *const folders[] = {folder, NULL};
    size_t count = 0;
    FTS *walk = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    bool ok = walk != NULL;
    for (FTSENT *entry; walk != NULL && (entry = fts_read(walk)) != NULL;) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR) {
            fprintf(stderr, "cupola sim list: cannot read %s: %s\n", entry->fts_path, strerror(entry->fts_errno));
            fts_close(walk);
            return SIM_USAGE;
        }
        if (entry->fts_info == FTS_F && is_lua_file(entry->fts_name)) {
            ok = list_file(entry->fts_path, json) && ok;
            count++;
        }
    }
    if (walk != NULL)
        fts_close(walk);
    if (count == 0) {
        fprintf(stderr, "cupola sim list: there is no scenario (*.lua) in '%s'\n", folder);
        return SIM_USAGE;
    }
    return ok ? SIM_PASSED : SIM_FAILED;
}

static const char help[] =
    "usage: cupola sim list [--json] [FOLDER]\n"
    "\n"
    "Shows the scenarios of a folder (default: scenarios) with their titles, and with the row of "
    "the weakness\n"
    "catalogue that they belong to. --json prints one object a line, with what trips each.\n"
    "Exit status 1 if one of them cannot be loaded.\n"
    "\n"
    "Examples:\n"
    "  cupola sim list\n"
    "  cupola sim list --json scenarios/v1\n";

int cli_sim_list(int argc, char **argv)
{
    char here[] = "scenarios";
    char *folder = NULL;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return SIM_PASSED;
        }
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (argv[i][0] == '-' || folder != NULL) {
            fprintf(stderr, "cupola sim list: '%s' is not expected here; name one folder, or none\n", argv[i]);
            return SIM_USAGE;
        } else {
            folder = argv[i];
        }
    }
    return list_folder(folder == NULL ? here : folder, json);
}
