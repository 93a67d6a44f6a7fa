#include "drivers/real/staging/stager.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMEWORKS_FILE_MOST = 4096, SCRIPT_MOST = 65536 };
/* More than that in one stager's cache, and it begins anew. */
static const uint64_t cache_bytes_most = UINT64_C(1) << 30;

/* ---- Which one ---- */

static bool has_script(const char *folder, const char *name)
{
    struct path path = path_of("%s/%s", folder, name);
    return access(path.text, X_OK) == 0;
}

/* Whether the file `frameworks` of the stager has that line. */
static bool serves(const char *folder, const char *framework)
{
    struct path path = path_of("%s/frameworks", folder);
    struct text names = {0};
    bool found = false;
    if (files_read(path.text, FRAMEWORKS_FILE_MOST, &names, NULL) == IO_OK) {
        for (char *rest = NULL, *name = strtok_r((char *)(uintptr_t)text_string(&names), "\n", &rest);
             name != NULL && !found; name = strtok_r(NULL, "\n", &rest))
            found = strcmp(name, framework) == 0;
    }
    text_free(&names);
    return found;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool copy_file(const char *from, const char *to)
{
    struct text content = {0};
    int file = -1;
    if (files_read(from, SCRIPT_MOST, &content, NULL) == IO_OK)
        file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, access(from, X_OK) == 0 ? 0755 : 0644);
    bool ok = file >= 0 && files_write_all(file, text_string(&content), content.size) == 0;
    if (file >= 0)
        close(file);
    text_free(&content);
    return ok;
}

/* The files of a stager, and its name, into the staging's folder. */
static bool copy_stager(const struct stager_task *task, const char *folder)
{
    struct path copy = path_of("%s/" STAGER_FOLDER, task->folder);
    struct dirent **entries = NULL;
    files_remove_tree(copy.text, NULL);
    bool ok = files_make_folder(copy.text, NULL) == IO_OK;
    int count = scandir(folder, &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        struct path from = path_of("%s/%s", folder, entries[i]->d_name);
        struct path to = path_of("%s/%s", copy.text, entries[i]->d_name);
        ok = ok && copy_file(from.text, to.text);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool detects(const struct stager_task *task, const char *folder, struct text *log)
{
    struct stager_script script = {.task = task, .name = "detect"};
    struct text output = {0};
    bool is_known =
        has_script(folder, "detect") && copy_stager(task, folder) && stager_script_run(&script, &output, log) == 0;
    text_free(&output);
    return is_known;
}

/* The stager among those of one folder, in the order of their names. */
static bool find_among(const struct stager_task *task, const char *root, struct text *log)
{
    bool by_detection = strcmp(task->framework, "standalone") == 0;
    struct dirent **entries = NULL;
    int count = scandir(root, &entries, is_visible, alphasort);
    bool found = false;
    for (int i = 0; i < count; i++) {
        struct path folder = path_of("%s/%s", root, entries[i]->d_name);
        if (!found && has_script(folder.text, "release")) {
            if (by_detection)
                found = detects(task, folder.text, log);
            else if (strcmp(entries[i]->d_name, task->framework) == 0 || serves(folder.text, task->framework))
                found = copy_stager(task, folder.text);
            if (found)
                text_addf(log, "Stager: %s\n", entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return found;
}

bool stager_find(const struct stager_task *task, struct text *log)
{
    for (size_t i = 0; i < task->stagers_count; i++)
        if (find_among(task, task->stagers[i], log))
            return true;
    return false;
}

/* ---- What it does ---- */

static bool has_own_script(const struct stager_task *task, const char *name)
{
    struct path folder = path_of("%s/" STAGER_FOLDER, task->folder);
    return has_script(folder.text, name);
}

bool stager_compile(const struct stager_task *task, struct text *log)
{
    if (!has_own_script(task, "compile"))
        return true;
    struct path cache = path_of("%s/stage_cache/%s", task->data_dir, task->framework);
    if (files_measure_tree(cache.text) > cache_bytes_most)
        files_remove_tree(cache.text, NULL);
    files_make_folder(cache.text, NULL); /* If that fails the script says so. */
    struct stager_script script = {.task = task, .name = "compile", .cache = cache.text};
    int status = stager_script_run(&script, log, log);
    if (status > 0)
        text_addf(log, "Staging failed: compile ended with exit status %d\n", status);
    return status == 0;
}

bool stager_release(const struct stager_task *task, struct text *ret_line, struct text *log)
{
    struct stager_script script = {.task = task, .name = "release"};
    size_t before = ret_line->size;
    int status = stager_script_run(&script, ret_line, log);
    bool has_line = ret_line->size > before + 1;
    if (status > 0)
        text_add_string(log, "Staging failed: nothing tells how to start it\n");
    else if (status == 0 && !has_line)
        text_add_string(log, "Staging failed: release printed no line\n");
    return status == 0 && has_line;
}

void stager_remove(const struct stager_task *task)
{
    struct path copy = path_of("%s/" STAGER_FOLDER, task->folder);
    files_remove_tree(copy.text, NULL);
}
