/* `cupola alias`, `unalias`, `aliases`: a user's own words for commands. They are kept with the targets; a command of
 * ours is never hidden by one, so that scripts mean the same for everybody. */
#include "cli/aliases.h"

#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <string.h>

enum { MOST_ALIASES = 100, MOST_WORDS = 64 };

static size_t find_alias(const Cupola__CliHome *home, const char *name)
{
    size_t i = 0;
    while (i < home->n_aliases && strcmp(home->aliases[i]->name, name) != 0)
        i++;
    return i;
}

/* A home that was written by hand may lack something. */
static bool is_whole(const Cupola__CliAlias *alias)
{
    return alias->name != NULL && alias->command != NULL;
}

static void drop_broken(Cupola__CliHome *home)
{
    size_t kept = 0;
    for (size_t i = 0; i < home->n_aliases; i++) {
        if (is_whole(home->aliases[i]))
            home->aliases[kept++] = home->aliases[i];
        else
            cupola__cli_alias__free_unpacked(home->aliases[i], NULL);
    }
    home->n_aliases = kept;
}

/* ---- Making and forgetting ---- */

static bool is_name(const char *name)
{
    return name[0] != 0 && name[0] != '-' && strpbrk(name, " \t\n=") == NULL;
}

static int keep_alias(struct request *request, const char *name, const char *command)
{
    Cupola__CliHome *home = request->home;
    size_t at = find_alias(home, name);
    if (cli_is_command(name)) {
        terminal_error("'%s' is a command already; choose another word", name);
        return CLI_USAGE;
    }
    if (!is_name(name) || command[strspn(command, " ")] == 0) {
        terminal_error("an alias is a word, and the command that it stands for: cupola alias ll 'logs shop --follow'");
        return CLI_USAGE;
    }
    if (at == MOST_ALIASES) {
        terminal_error("there are %d aliases; `cupola unalias` one first", MOST_ALIASES);
        return CLI_FAILED;
    }
    if (at == home->n_aliases) {
        Cupola__CliAlias *alias = memory_new(sizeof *alias);
        cupola__cli_alias__init(alias);
        home_set(&alias->name, name);
        size_t size = home->n_aliases * sizeof(Cupola__CliAlias *);
        home->aliases = memory_grow(home->aliases, size, size + sizeof(Cupola__CliAlias *));
        home->aliases[home->n_aliases++] = alias;
    }
    home_set(&home->aliases[at]->command, command);
    if (!home_write(home))
        return CLI_FAILED;
    if (!request->json)
        printf("`cupola %s` stands for `cupola %s`.\n", name, command);
    return CLI_OK;
}

static int forget_alias(struct request *request, const char *name)
{
    Cupola__CliHome *home = request->home;
    size_t at = find_alias(home, name);
    if (at == home->n_aliases) {
        terminal_error("there is no alias '%s'; `cupola aliases` lists them", name);
        return CLI_FAILED;
    }
    cupola__cli_alias__free_unpacked(home->aliases[at], NULL);
    home->n_aliases--;
    memmove(&home->aliases[at], &home->aliases[at + 1], (home->n_aliases - at) * sizeof(Cupola__CliAlias *));
    if (!home_write(home))
        return CLI_FAILED;
    if (!request->json)
        printf("'%s' stands for nothing any more.\n", name);
    return CLI_OK;
}

static void print_aliases(const struct request *request)
{
    const Cupola__CliHome *home = request->home;
    struct text json = {0};
    for (size_t i = 0; i < home->n_aliases; i++) {
        const Cupola__CliAlias *alias = home->aliases[i];
        if (!request->json)
            printf("%-16s %s\n", alias->name, alias->command);
        text_add_char(&json, i == 0 ? '[' : ',');
        json_write(&json, &alias->base);
    }
    if (request->json)
        printf("%s]\n", home->n_aliases == 0 ? "[" : text_string(&json));
    else if (home->n_aliases == 0)
        puts("No aliases yet; `cupola alias NAME COMMAND` makes one.");
    text_free(&json);
}

/* ---- The commands ---- */

/* NAME COMMAND, or NAME=COMMAND as v1's users write it. */
static int make_alias(struct request *request)
{
    char *equals = strchr(request->words[0], '=');
    if (request->word_count == 2)
        return keep_alias(request, request->words[0], request->words[1]);
    if (equals == NULL)
        return keep_alias(request, request->words[0], "");
    *equals = 0;
    return keep_alias(request, request->words[0], equals + 1);
}

int cli_alias(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola alias NAME COMMAND\n"
                 "\n"
                 "Makes a word of your own for a command with some of its arguments; what follows the word follows "
                 "them.\n"
                 "\n"
                 "Examples:\n"
                 "  cupola alias tail 'logs shop --follow'\n"
                 "  cupola tail --index 1\n",
        .least_words = 1,
        .most_words = 2};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        drop_broken(request.home);
        status = make_alias(&request);
        if (status == CLI_OK && request.json)
            print_aliases(&request);
    }
    request_release(&request);
    return status;
}

int cli_unalias(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola unalias NAME\n\nForgets a word that `cupola alias` made.\n\nExamples:\n"
                 "  cupola unalias tail\n",
        .least_words = 1,
        .most_words = 1};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        drop_broken(request.home);
        status = forget_alias(&request, request.words[0]);
        if (status == CLI_OK && request.json)
            print_aliases(&request);
    }
    request_release(&request);
    return status;
}

int cli_aliases(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola aliases [--json]\n\nLists the words that `cupola alias` made.\n\nExamples:\n"
                 "  cupola aliases\n"};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        drop_broken(request.home);
        print_aliases(&request);
        status = CLI_OK;
    }
    request_release(&request);
    return status;
}

/* ---- Using them ---- */

char **alias_expand(int argc, char **argv, int *ret_argc)
{
    Cupola__CliHome *home = home_read();
    if (home == NULL)
        return NULL;
    drop_broken(home);
    size_t at = find_alias(home, argv[1]);
    char **words = NULL;
    if (at < home->n_aliases) {
        words = memory_new(((size_t)argc + MOST_WORDS + 1) * sizeof *words);
        int count = 0;
        words[count++] = argv[0];
        char *rest = memory_copy_text(home->aliases[at]->command); /* The words point into it until we exit. */
        for (char *word = strtok(rest, " "); word != NULL && count <= MOST_WORDS; word = strtok(NULL, " "))
            words[count++] = word;
        for (int i = 2; i < argc; i++)
            words[count++] = argv[i];
        *ret_argc = count;
    }
    home_free(home);
    return words;
}
