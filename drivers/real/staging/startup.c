/* How an application is started: by the command that the user gave, by its Procfile, or by what its stager says. The
 * script is bash; it gets `-p PORT`, and %VCAP_LOCAL_RUNTIME% is replaced when it is deployed. */
#include "drivers/real/files.h"
#include "drivers/real/staging/stage.h"

#include <string.h>
#include <sys/stat.h>

enum { SMALL_FILE_MOST = 65536 };

/* The text behind "web:" in a Procfile. */
static bool read_procfile(const char *folder, struct text *ret_command)
{
    struct path path = path_of("%s/app/Procfile", folder);
    struct stat info;
    struct text content = {0};
    bool is_found = false;
    if (lstat(path.text, &info) == 0 && S_ISREG(info.st_mode) &&
        files_read(path.text, SMALL_FILE_MOST, &content, NULL) == IO_OK) {
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

/* Quoted for the shell. What only gives way to another program anyhow needs no second shell. */
static void run_shell(struct text *script, const char *command)
{
    if (strncmp(command, "exec ", 5) == 0 && strpbrk(command, ";&|<>(){}`\\\n") == NULL) {
        text_addf(script, "set --\n%s\n", command);
        return;
    }
    text_add_string(script, "exec bash -c '");
    for (; *command != 0; command++) {
        if (*command == '\'')
            text_add_string(script, "'\\''");
        else
            text_add_char(script, *command);
    }
    text_add_string(script, "'\n");
}

static bool is_unknown(const struct stager_task *task, struct text *log)
{
    text_addf(log,
              "Staging failed: it is not known how to start framework \"%s\"; give a start command, or add a Procfile "
              "with a line `web: COMMAND`\n",
              task->framework);
    return false;
}

/* Whoever says how it is started, its stager prepares it if there is one. */
static bool choose(const struct stager_task *task, const char *command, struct text *script, struct text *log)
{
    struct text procfile = {0};
    bool has_stager = stager_find(task, log);
    bool is_chosen = !has_stager || stager_compile(task, log);
    if (!is_chosen) {
        /* The log says why. */
    } else if (command[0] != 0) {
        text_add_string(log, "Start: the command given\n");
        run_shell(script, command);
    } else if (read_procfile(task->folder, &procfile)) {
        text_add_string(log, "Start: Procfile\n");
        run_shell(script, text_string(&procfile));
    } else {
        is_chosen = has_stager ? stager_release(task, script, log) : is_unknown(task, log);
    }
    text_free(&procfile);
    stager_remove(task);
    return is_chosen;
}

/* What runs it when the host's runtime was not filled in: whatever PATH finds. */
static const char *default_runtime(const char *runtime)
{
    static const struct {
        const char *prefix, *program;
    } programs[] = {{"node", "node"},  {"python", "python3"}, {"ruby", "ruby"},     {"java", "java"}, {"php", "php"},
                    {"erlang", "erl"}, {"scala", "scala"},    {"groovy", "groovy"}, {"shell", "bash"}};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (strncmp(runtime, programs[i].prefix, strlen(programs[i].prefix)) == 0)
            return programs[i].program;
    return "bash";
}

bool stage_write_startup(const struct stager_task *task, const char *command, struct text *ret_script, struct text *log)
{
    text_addf(log, "Framework: %s, runtime: %s\n", task->framework, task->runtime);
    text_addf(ret_script,
              "#!/bin/bash\n"
              "# Starts the application: ./startup -p PORT\n"
              "while getopts p: option; do\n"
              "    [ \"$option\" = p ] && export PORT=\"$OPTARG\"\n"
              "done\n"
              "export PATH=\"${PATH:-/usr/local/bin:/usr/bin:/bin}\"\n"
              "runtime=\"%%VCAP_LOCAL_RUNTIME%%\"\n"
              "[ \"${runtime#%%}\" = \"$runtime\" ] || runtime=%s\n"
              "[ \"${0%%/*}\" = \"$0\" ] || cd \"${0%%/*}\" || exit 1\n"
              "echo $$ >run.pid\n"
              "cd app || exit 1\n",
              default_runtime(task->runtime));
    return choose(task, command, ret_script, log);
}
