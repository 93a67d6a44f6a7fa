/* `cupola targets`, `tokens`: the clouds that this user has talked to. */
#include "cli/client/request.h"
#include "cli/commands.h"

#include <stdio.h>

static void print_json_list(const Cupola__CliHome *home, bool with_tokens)
{
    struct text json = {0};
    text_add_char(&json, '[');
    for (size_t i = 0; i < home->n_targets; i++) {
        if (with_tokens && home->targets[i]->token == NULL)
            continue;
        if (json.size > 1)
            text_add_char(&json, ',');
        home_write_target(&json, home->targets[i], home->targets[i] == home_current(home), with_tokens);
    }
    text_add_char(&json, ']');
    puts(text_string(&json));
    text_free(&json);
}

static void print_targets(const Cupola__CliHome *home)
{
    const Cupola__CliTarget *current = home_current(home);
    if (home->n_targets == 0)
        puts("No clouds yet; `cupola target http://api.YOUR.CLOUD` chooses one.");
    for (size_t i = 0; i < home->n_targets; i++) {
        const Cupola__CliTarget *target = home->targets[i];
        printf("%c %-40s %s", target == current ? '*' : ' ', target->url,
               target->email == NULL ? "not logged in" : target->email);
        printf(target->proxy_user == NULL ? "\n" : ", acting for %s\n", target->proxy_user);
    }
}

static void print_tokens(const Cupola__CliHome *home)
{
    size_t count = 0;
    for (size_t i = 0; i < home->n_targets; i++)
        if (home->targets[i]->token != NULL) {
            printf("%-40s %s\n", home->targets[i]->url, home->targets[i]->token);
            count++;
        }
    if (count == 0)
        fputs("Nobody is logged in anywhere.\n", stderr); /* Scripts read tokens from the other one. */
}

int cli_targets(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola targets [--json]\n\nLists the clouds that you have talked to; * is the one in use.\n\n"
                 "Examples:\n  cupola targets\n"};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        if (request.json)
            print_json_list(request.home, false);
        else
            print_targets(request.home);
        status = CLI_OK;
    }
    request_release(&request);
    return status;
}

int cli_tokens(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola tokens [--json]\n"
                 "\n"
                 "Prints the token of each cloud where you are logged in, for scripts that call the API themselves. "
                 "Who has\na token is you: keep them secret.\n"
                 "\n"
                 "Examples:\n"
                 "  cupola tokens\n"};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        if (request.json)
            print_json_list(request.home, true);
        else
            print_tokens(request.home);
        status = CLI_OK;
    }
    request_release(&request);
    return status;
}
