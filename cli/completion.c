/* `cupola completion`: a script for bash, zsh or fish. What it offers is asked of the program itself with the words
 * that are typed so far, as in `cupola completion words scale sh`: a line each, a tab between the word and what it is.
 * No line: names of files are meant. */
#include "cli/aliases.h"
#include "cli/client/print.h"
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 2000 }; /* Nobody waits longer for a word. */

static const char bash_script[] =
    "_cupola() {\n"
    "    mapfile -t COMPREPLY < <(\"${COMP_WORDS[0]}\" completion words \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null "
    "|\n"
    "        cut -f1)\n"
    "    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
    "}\n"
    "complete -o filenames -F _cupola cupola\n";

static const char zsh_script[] =
    "#compdef cupola\n"
    "_cupola() {\n"
    "    local -a found\n"
    "    local line\n"
    "    for line in \"${(@f)$(\"$words[1]\" completion words \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
    "        [[ -z $line ]] || found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done\n"
    "    if (( $#found )); then _describe cupola found; else _files; fi\n"
    "}\n"
    "if [[ $funcstack[1] == _cupola ]]; then _cupola \"$@\"; else compdef _cupola cupola; fi\n";

static const char fish_script[] = "function __cupola_words\n"
                                  "    set -l words (commandline -opc) (commandline -ct)\n"
                                  "    set -l found ($words[1] completion words $words[2..-1] 2>/dev/null)\n"
                                  "    if test (count $found) -gt 0\n"
                                  "        printf '%s\\n' $found\n"
                                  "    else\n"
                                  "        __fish_complete_path (commandline -ct)\n"
                                  "    end\n"
                                  "end\n"
                                  "complete -c cupola -f -a '(__cupola_words)'\n";

static const struct {
    const char *name, *script;
} shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

/* ---- What can stand there ---- */

static const char *partial; /* The word that is being typed. */

/* What comes from a cloud goes onto somebody's command line: the shells quote it, but for what moves the cursor. */
static void offer(const char *word, const char *what)
{
    if (word == NULL || strncmp(word, partial, strlen(partial)) != 0)
        return;
    for (const char *c = word; *c != 0; c++)
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return;
    printf("%s\t%s\n", word, what);
}

static void offer_commands(void)
{
    for (unsigned i = 0; i < cli_command_count; i++)
        offer(cli_commands[i].name, cli_commands[i].summary);
}

static void offer_aliases(const struct request *request)
{
    for (size_t i = 0; i < request->home->n_aliases; i++)
        if (request->home->aliases[i]->command != NULL)
            offer(request->home->aliases[i]->name, request->home->aliases[i]->command);
}

/* What `COMMAND --help` prints; given. NULL: there is no such command. */
static char *read_help(int count, char **words)
{
    static char help[] = "--help";
    char *argv[4] = {words[0], count > 2 && strcmp(words[0], "sim") == 0 ? words[1] : help, help, NULL};
    char *text = NULL;
    size_t size = 0;
    for (unsigned i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i].name, words[0]) != 0)
            continue;
        FILE *screen = stdout;
        stdout = open_memstream(&text, &size);
        cli_commands[i].run(argv[1] == help ? 2 : 3, argv);
        fclose(stdout);
        stdout = screen;
    }
    return text;
}

/* "  --path FOLDER       the app's folder": the option, and what stands behind the next two blanks. */
static void offer_option(const char *at)
{
    char name[40], what[160] = "";
    size_t size = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-"), line = strcspn(at, "\n");
    const char *blanks = strstr(at, "  ");
    if (size <= 2 || size >= sizeof name)
        return;
    snprintf(name, sizeof name, "%.*s", (int)size, at);
    if (blanks != NULL && blanks < at + line) {
        blanks += strspn(blanks, " ");
        snprintf(what, sizeof what, "%.*s", (int)strcspn(blanks, "\n"), blanks);
    }
    offer(name, what);
}

static void offer_options(int count, char **words)
{
    char *help = read_help(count, words);
    for (const char *line = help; line != NULL && *line != 0; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t blanks = strspn(line, " ");
        if (blanks > 0 && strncmp(line + blanks, "--", 2) == 0)
            offer_option(line + blanks);
    }
    offer("--help", "tell more of the command");
    if (strcmp(words[0], "sim") != 0 && strcmp(words[0], "run") != 0 && strcmp(words[0], "up") != 0) {
        offer("--json", "print the answer as JSON");
        offer("--user", "act for that user (admins)");
        offer("--timeout", "seconds to wait at most");
    }
    free(help);
}

/* The lines "  run FILE       play a scenario" of `cupola sim --help`. */
static void offer_sim_commands(char **words)
{
    char *help = read_help(1, words), *rest = NULL;
    for (char *line = help == NULL ? NULL : strtok_r(help, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char name[40];
        if (strncmp(line, "  ", 2) == 0 && line[2] != ' ' && sscanf(line, " %39[a-z]", name) == 1) {
            const char *blanks = strstr(line + 2, "  ");
            char what[80];
            blanks = blanks == NULL ? "" : blanks + strspn(blanks, " ");
            const char *end = strstr(blanks, "  ");
            snprintf(what, sizeof what, "%.*s", (int)(end == NULL ? strlen(blanks) : (size_t)(end - blanks)), blanks);
            offer(name, what);
        }
    }
    free(help);
}

/* ---- What the cloud knows ---- */

/* NULL if it does not answer in time. */
static ProtobufCMessage *ask(struct request *request, const char *command, const char *app,
                             const ProtobufCMessageDescriptor *descriptor, const char *wrapper)
{
    struct text result = {0};
    ProtobufCMessage *message = NULL;
    request->config.has_timeout_ms = 1;
    request->config.timeout_ms = ANSWER_MS;
    request->config.app = (char *)(uintptr_t)app;
    if (request_run_unless(request, command, "", &result) == CLI_OK)
        message = print_parse(&result, descriptor, wrapper);
    text_free(&result);
    return message;
}

static void offer_apps(struct request *request)
{
    Cupola__RestApps *apps = (Cupola__RestApps *)ask(request, "apps", NULL, &cupola__rest_apps__descriptor, "apps");
    for (size_t i = 0; apps != NULL && i < apps->n_apps; i++)
        offer(apps->apps[i]->name, apps->apps[i]->state == NULL ? "" : apps->apps[i]->state);
    if (apps != NULL)
        cupola__rest_apps__free_unpacked(apps, NULL);
}

static void offer_users(struct request *request)
{
    Cupola__RestUsers *users =
        (Cupola__RestUsers *)ask(request, "users", NULL, &cupola__rest_users__descriptor, "users");
    for (size_t i = 0; users != NULL && i < users->n_users; i++)
        offer(users->users[i]->email, users->users[i]->admin ? "admin" : "");
    if (users != NULL)
        cupola__rest_users__free_unpacked(users, NULL);
}

static void offer_services(struct request *request)
{
    Cupola__RestServices *services =
        (Cupola__RestServices *)ask(request, "services", NULL, &cupola__rest_services__descriptor, "services");
    for (size_t i = 0; services != NULL && i < services->n_services; i++)
        offer(services->services[i]->name, services->services[i]->vendor == NULL ? "" : services->services[i]->vendor);
    if (services != NULL)
        cupola__rest_services__free_unpacked(services, NULL);
}

/* What one app has: its addresses for unmap, its variables for env. */
static void offer_of_app(struct request *request, const char *app_name, bool variables)
{
    Cupola__RestApp *app = (Cupola__RestApp *)ask(request, "app", app_name, &cupola__rest_app__descriptor, NULL);
    for (size_t i = 0; app != NULL && !variables && i < app->n_uris; i++)
        offer(app->uris[i], "");
    for (size_t i = 0; app != NULL && variables && i < app->n_env; i++) {
        app->env[i][strcspn(app->env[i], "=")] = 0;
        offer(app->env[i], "");
    }
    if (app != NULL)
        cupola__rest_app__free_unpacked(app, NULL);
}

static void offer_revisions(struct request *request, const char *app_name)
{
    Cupola__RestRevisions *revisions =
        (Cupola__RestRevisions *)ask(request, "revisions", app_name, &cupola__rest_revisions__descriptor, NULL);
    for (size_t i = 0; revisions != NULL && i < revisions->n_revisions; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)revisions->revisions[i]->revision);
        offer(number, revisions->revisions[i]->reason == NULL ? "" : revisions->revisions[i]->reason);
    }
    if (revisions != NULL)
        cupola__rest_revisions__free_unpacked(revisions, NULL);
}

/* --framework and --runtime. */
static void offer_frameworks(struct request *request, bool runtimes)
{
    Cupola__RestInfo *info = (Cupola__RestInfo *)ask(request, "info", NULL, &cupola__rest_info__descriptor, NULL);
    for (size_t i = 0; info != NULL && i < info->n_frameworks; i++) {
        const Cupola__RestFramework *framework = info->frameworks[i]->value;
        if (framework == NULL)
            continue;
        if (!runtimes)
            offer(framework->name, "");
        for (size_t j = 0; runtimes && j < framework->n_runtimes; j++)
            offer(framework->runtimes[j]->name, framework->name);
    }
    if (info != NULL)
        cupola__rest_info__free_unpacked(info, NULL);
}

/* ---- Which of them ---- */

enum kind { KIND_NONE = 0, KIND_APP, KIND_USER, KIND_SERVICE, KIND_URI, KIND_VARIABLE, KIND_REVISION };

/* The arguments of those commands whose first one is no app. */
static const struct {
    const char *command;
    enum kind first, second;
} arguments[] = {
    {"passwd", KIND_USER, KIND_NONE},         {"delete-user", KIND_USER, KIND_NONE},
    {"proxy", KIND_USER, KIND_NONE},          {"delete-service", KIND_SERVICE, KIND_NONE},
    {"bind-service", KIND_SERVICE, KIND_APP}, {"unbind-service", KIND_SERVICE, KIND_APP},
    {"clone-services", KIND_APP, KIND_APP},   {"unmap", KIND_APP, KIND_URI},
    {"env", KIND_APP, KIND_VARIABLE},         {"env-del", KIND_APP, KIND_VARIABLE},
    {"rollback", KIND_APP, KIND_REVISION},    {"crashlogs", KIND_APP, KIND_NONE},
    {"bounce", KIND_APP, KIND_NONE},          {"mem", KIND_APP, KIND_NONE},
    {"env-add", KIND_APP, KIND_NONE},         {"target", KIND_NONE, KIND_NONE},
};

static enum kind kind_of(const char *command, int position)
{
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
        if (strcmp(arguments[i].command, command) == 0)
            return position == 1 ? arguments[i].first : position == 2 ? arguments[i].second : KIND_NONE;
    for (unsigned i = 0; i < cli_command_count && position == 1; i++)
        if (strcmp(cli_commands[i].name, command) == 0 &&
            (strcmp(cli_commands[i].group, "Apps") == 0 || strcmp(cli_commands[i].group, "What happens") == 0))
            return KIND_APP;
    return KIND_NONE;
}

static void offer_argument(struct request *request, int count, char **words)
{
    enum kind kind = kind_of(words[0], count - 1);
    if (kind == KIND_APP)
        offer_apps(request);
    else if (kind == KIND_USER)
        offer_users(request);
    else if (kind == KIND_SERVICE)
        offer_services(request);
    else if (kind == KIND_URI || kind == KIND_VARIABLE)
        offer_of_app(request, words[1], kind == KIND_VARIABLE);
    else if (kind == KIND_REVISION)
        offer_revisions(request, words[1]);
}

/* `words` are those behind `cupola`, the last of them the one that is being typed. */
static void offer_words(struct request *request, int count, char **words)
{
    const char *before = count > 1 ? words[count - 2] : "";
    partial = words[count - 1];
    if (count == 1) {
        offer_commands();
        cli_each_short_form(offer);
        offer_aliases(request);
        offer("--help", "all commands");
        offer("--version", "of this program");
    } else if (strcmp(words[0], "help") == 0) {
        offer_commands();
    } else if (strcmp(words[0], "sim") == 0 && count == 2 && partial[0] != '-') {
        offer_sim_commands(words);
    } else if (partial[0] == '-') {
        offer_options(count, words);
    } else if (strcmp(words[0], "unalias") == 0) {
        offer_aliases(request);
    } else if (strcmp(words[0], "completion") == 0) {
        for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
            offer(shells[i].name, "");
    } else if (strcmp(words[0], "target") == 0) {
        for (size_t i = 0; i < request->home->n_targets; i++)
            offer(request->home->targets[i]->url, "");
    } else if (strcmp(before, "--framework") == 0 || strcmp(before, "--runtime") == 0) {
        offer_frameworks(request, strcmp(before, "--runtime") == 0);
    } else if (before[0] != '-' || strcmp(before, "--json") == 0) {
        offer_argument(request, count, words);
    }
}

static int complete(int argc, char **argv)
{
    static const struct request_spec spec = {.usage = ""};
    static char *nothing[] = {NULL, NULL};
    struct request request;
    nothing[0] = argv[0];
    int status = request_parse(&request, &spec, 1, nothing); /* The words are not for us. */
    if (status < 0 && argc > 2)
        offer_words(&request, argc - 2, argv + 2);
    request_release(&request);
    return CLI_OK;
}

int cli_completion(int argc, char **argv)
{
    const char *shell = argc > 1 ? argv[1] : "bash";
    if (strcmp(shell, "words") == 0)
        return complete(argc, argv);
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            fputs(shells[i].script, stdout);
            return CLI_OK;
        }
    }
    bool wants_help = strcmp(shell, "--help") == 0 || strcmp(shell, "-h") == 0;
    if (!wants_help)
        terminal_error("there is no completion for '%s'", shell);
    fputs("usage: cupola completion [bash | zsh | fish]\n"
          "\n"
          "Prints a script that completes commands, options, apps, users, services, addresses and files.\n"
          "\n"
          "Examples:\n"
          "  source <(cupola completion)                    for this shell, bash\n"
          "  source <(cupola completion zsh)                for this shell, zsh\n"
          "  cupola completion fish | source                for this shell, fish\n"
          "  cupola completion bash >/etc/bash_completion.d/cupola\n"
          "  cupola completion zsh >/usr/local/share/zsh/site-functions/_cupola\n"
          "  cupola completion fish >~/.config/fish/completions/cupola.fish\n",
          wants_help ? stdout : stderr);
    return wants_help ? CLI_OK : CLI_USAGE;
}
