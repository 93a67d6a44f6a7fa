/* `cupola sim list`: the scenarios of a folder with their titles. */
#include "cli/sim.h"

#include "cli/input.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_lua_file(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 4 && strcmp(entry->d_name + size - 4, ".lua") == 0;
}

static bool list_file(const char *folder, const char *name)
{
    struct text path = {0}, error = {0};
    text_addf(&path, "%s/%s", folder, name);
    struct sim_run_options options = {.file = text_string(&path)};
    struct scenario_options scenario_options = {.seed = 1};
    struct scenario *scenario = NULL;
    if (input_read_file(options.file, &options.source))
        scenario =
            scenario_open(options.file, text_string(&options.source), options.source.size, &scenario_options, &error);
    bool ok = scenario != NULL;
    printf("%s\n    %s\n", options.file, ok ? scenario_title(scenario) : text_string(&error));
    scenario_close(scenario);
    text_free(&options.source);
    text_free(&error);
    text_free(&path);
    return ok;
}

int cli_sim_list(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "scenarios";
    if (strcmp(folder, "--help") == 0 || strcmp(folder, "-h") == 0) {
        puts("usage: cupola sim list [FOLDER]\n\nShows the scenarios of a folder (default: scenarios) with their "
             "titles.\n"
             "Exit status 1 if one of them cannot be loaded.");
        return SIM_PASSED;
    }
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_lua_file, alphasort);
    if (count < 0) {
        fprintf(stderr, "cupola sim list: cannot read %s: %s\n", folder, strerror(errno));
        return SIM_USAGE;
    }
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = list_file(folder, entries[i]->d_name) && ok;
        free(entries[i]);
    }
    free(entries);
    return ok ? SIM_PASSED : SIM_FAILED;
}
