/* How an application is started: by the command that the user gave, by its Procfile, or by what its framework is known
 * to do. The script is bash; it gets `-p PORT`, and %VCAP_LOCAL_RUNTIME% is replaced when it is deployed. */
#include "drivers/real/files.h"
#include "drivers/real/stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <yajl/yajl_tree.h>

enum { SMALL_FILE_MOST = 65536, JSON_DEPTH_MOST = 64 };

/* ---- Looking ---- */

static bool file_exists(const struct stage_plan *plan, const char *name)
{
    struct path path = path_of("%s/%s", plan->folder, name);
    struct stat info;
    return lstat(path.text, &info) == 0 && S_ISREG(info.st_mode);
}

static const char *first_existing(const struct stage_plan *plan, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (file_exists(plan, *names))
            return *names;
    }
    return NULL;
}

/* The text behind "web:" in a Procfile. */
static bool read_procfile(const struct stage_plan *plan, struct text *ret_command)
{
    struct path path = path_of("%s/Procfile", plan->folder);
    struct text content = {0};
    bool is_found = false;
    if (file_exists(plan, "Procfile") && files_read(path.text, SMALL_FILE_MOST, &content, NULL) == IO_OK) {
        const char *line = text_string(&content);
        while (!is_found && *line != 0) {
            size_t size = strcspn(line, "\r\n");
            if (size > 4 && strncmp(line, "web:", 4) == 0) {
                size_t blanks = 4 + strspn(line + 4, " \t");
                is_found = blanks < size;
                text_add(ret_command, line + blanks, is_found ? size - blanks : 0);
            }
            line += size;
            line += strspn(line, "\r\n");
        }
    }
    text_free(&content);
    return is_found;
}

/* yajl's tree is freed by recursion: a hostile file must not be deep. */
static bool is_flat_enough(const char *json)
{
    int depth = 0, deepest = 0;
    for (; *json != 0; json++) {
        depth += *json == '{' || *json == '[';
        depth -= *json == '}' || *json == ']';
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest <= JSON_DEPTH_MOST;
}

/* "scripts.start" and "main" of package.json; empty where there is none. */
static void read_package_json(const struct stage_plan *plan, struct text *ret_start, struct text *ret_main)
{
    struct path path = path_of("%s/package.json", plan->folder);
    struct text content = {0};
    const char *start_path[] = {"scripts", "start", NULL};
    const char *main_path[] = {"main", NULL};
    if (file_exists(plan, "package.json") && files_read(path.text, SMALL_FILE_MOST, &content, NULL) == IO_OK &&
        is_flat_enough(text_string(&content))) {
        char error[128];
        yajl_val tree = yajl_tree_parse(text_string(&content), error, sizeof error);
        const char *start = YAJL_GET_STRING(yajl_tree_get(tree, start_path, yajl_t_string));
        const char *main = YAJL_GET_STRING(yajl_tree_get(tree, main_path, yajl_t_string));
        text_add_string(ret_start, start == NULL ? "" : start);
        text_add_string(ret_main, main == NULL ? "" : main);
        yajl_tree_free(tree);
    }
    text_free(&content);
}

/* ---- The last line of the script ---- */

static void add_quoted(struct text *script, const char *word)
{
    text_add_char(script, '\'');
    for (; *word != 0; word++) {
        if (*word == '\'')
            text_add_string(script, "'\\''");
        else
            text_add_char(script, *word);
    }
    text_add_char(script, '\'');
}

static void run_shell(struct text *script, const char *command)
{
    text_add_string(script, "exec bash -c ");
    add_quoted(script, command);
    text_add_char(script, '\n');
}

static void run_file(struct text *script, const char *file)
{
    text_add_string(script, "exec \"$runtime\" ");
    add_quoted(script, file);
    text_add_char(script, '\n');
}

static bool choose_node(const struct stage_plan *plan, struct text *script, struct text *log)
{
    static const char *const names[] = {"server.js", "app.js", "index.js", "main.js", "application.js", NULL};
    struct text start = {0}, main = {0};
    read_package_json(plan, &start, &main);
    bool is_chosen = true;
    const char *file = first_existing(plan, names);
    if (strncmp(text_string(&start), "node ", 5) == 0) {
        text_addf(log, "Start: scripts.start of package.json\n");
        text_addf(script, "exec \"$runtime\" %s\n", text_string(&start) + 5);
    } else if (start.size > 0) {
        text_addf(log, "Start: scripts.start of package.json\n");
        run_shell(script, text_string(&start));
    } else if (main.size > 0 && file_exists(plan, text_string(&main))) {
        text_addf(log, "Start: main of package.json\n");
        run_file(script, text_string(&main));
    } else if (file != NULL) {
        text_addf(log, "Start: %s\n", file);
        run_file(script, file);
    } else {
        text_addf(log, "Staging failed: no server.js, app.js, index.js or main.js, and package.json names neither "
                       "scripts.start nor main\n");
        is_chosen = false;
    }
    text_free(&start);
    text_free(&main);
    return is_chosen;
}

static bool choose_python(const struct stage_plan *plan, struct text *script, struct text *log)
{
    static const char *const names[] = {"app.py", "main.py", "wsgi.py", NULL};
    const char *file = first_existing(plan, names);
    if (file == NULL) {
        text_add_string(log, "Staging failed: neither a Procfile with a line `web:` nor app.py, main.py or wsgi.py\n");
        return false;
    }
    text_addf(log, "Start: %s\n", file);
    run_file(script, file);
    return true;
}

static bool choose(const struct stage_plan *plan, struct text *script, struct text *log)
{
    struct text procfile = {0};
    bool is_chosen = true;
    if (plan->command[0] != 0) {
        text_add_string(log, "Start: the command given\n");
        run_shell(script, plan->command);
    } else if (read_procfile(plan, &procfile)) {
        text_add_string(log, "Start: Procfile\n");
        run_shell(script, text_string(&procfile));
    } else if (strncmp(plan->framework, "node", 4) == 0) {
        is_chosen = choose_node(plan, script, log);
    } else if (strncmp(plan->framework, "python", 6) == 0 || strcmp(plan->framework, "wsgi") == 0) {
        is_chosen = choose_python(plan, script, log);
    } else if (strcmp(plan->framework, "static") == 0) {
        text_add_string(log, "Start: a file server\n");
        text_add_string(script, "exec \"$runtime\" -m http.server \"$PORT\"\n");
    } else {
        text_addf(log,
                  "Staging failed: it is not known how to start framework \"%s\"; give a start command, or add a "
                  "Procfile with a line `web: COMMAND`\n",
                  plan->framework);
        is_chosen = false;
    }
    text_free(&procfile);
    return is_chosen;
}

/* What runs it when the host's runtime was not filled in: whatever PATH finds. */
static const char *default_runtime(const struct stage_plan *plan)
{
    if (strncmp(plan->runtime, "node", 4) == 0)
        return "node";
    return strcmp(plan->runtime, "shell") == 0 ? "bash" : "python3";
}

bool stage_write_startup(const struct stage_plan *plan, struct text *ret_script, struct text *log)
{
    text_addf(log, "Framework: %s, runtime: %s\n", plan->framework, plan->runtime);
    text_addf(ret_script,
              "#!/bin/bash\n"
              "# Starts the application: ./startup -p PORT\n"
              "while getopts p: option; do\n"
              "    [ \"$option\" = p ] && export PORT=\"$OPTARG\"\n"
              "done\n"
              "export PATH=\"${PATH:-/usr/local/bin:/usr/bin:/bin}\"\n"
              "runtime=\"%%VCAP_LOCAL_RUNTIME%%\"\n"
              "[ \"${runtime#%%}\" = \"$runtime\" ] || runtime=%s\n"
              "cd \"$(dirname \"$0\")\" || exit 1\n"
              "echo $$ >run.pid\n"
              "exec >>logs/stdout.log 2>>logs/stderr.log\n"
              "cd app || exit 1\n",
              default_runtime(plan));
    return choose(plan, ret_script, log);
}
