/* Users, oneself and, for admins, all others: users, add-user, delete-user, passwd, proxy, unproxy. */
#include "cli/client/print.h"
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"

#include <stdio.h>

/* Runs a command about the user in words[0] and says that it is done. */
static int change_user(struct request *request, const char *command, const char *done)
{
    struct text result = {0};
    request->config.email = request->words[0];
    request_act_as_oneself(request);
    int status = request_run(request, command, &result);
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    else if (status == CLI_OK)
        printf("%s %s.\n", request->words[0], done);
    text_free(&result);
    return status;
}

int cli_users(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola users [--json]\n\nLists all users with their apps, for admins: * is an admin.\n\n"
                 "Examples:\n  cupola users\n  cupola users --json\n"};
    struct request request;
    struct text result = {0};
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        request_act_as_oneself(&request);
        status = request_run(&request, "users", &result);
        if (status == CLI_OK)
            status = request.json ? (puts(text_string(&result)), CLI_OK) : print_users(&result);
    }
    text_free(&result);
    request_release(&request);
    return status;
}

int cli_add_user(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola add-user EMAIL [--password PASSWORD]\n"
                 "\n"
                 "Creates an account for somebody else; you stay logged in as who you are. Without --password it asks "
                 "for it,\nor takes CUPOLA_PASSWORD.\n"
                 "\n"
                 "Examples:\n"
                 "  cupola add-user ada@example.com\n",
        .options = OPTION_PASSWORD,
        .least_words = 1,
        .most_words = 1};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = request_ask_password(&request, "Password of the new user: ")
                     ? change_user(&request, "add-user", "has an account")
                     : CLI_FAILED;
    request_release(&request);
    return status;
}

int cli_delete_user(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola delete-user EMAIL\n\nDeletes a user with all apps and services, for admins.\n\n"
                 "Examples:\n  cupola delete-user ada@example.com\n",
        .least_words = 1,
        .most_words = 1};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = change_user(&request, "delete-user", "is deleted");
    request_release(&request);
    return status;
}

/* ---- The password ---- */

/* Whose it is: that of EMAIL, of the user acted for, or one's own. */
static bool choose_subject(struct request *request)
{
    if (!request_use_target(request))
        return false;
    if (request->word_count == 1)
        request->config.email = request->words[0];
    else if (request->config.proxy_user != NULL)
        request->config.email = request->config.proxy_user;
    if (request->config.email == NULL)
        terminal_error("nobody is logged in; say `cupola login` first");
    return request->config.email != NULL;
}

static int change_password(struct request *request)
{
    struct text result = {0};
    if (!choose_subject(request) || !request_ask_password(request, "New password: "))
        return CLI_FAILED;
    request->config.new_password = request->config.password;
    request->config.password = NULL;
    if (request->word_count == 1)
        request->config.proxy_user = (char *)(uintptr_t) "";
    int status = request_run(request, "passwd", &result);
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    else if (status == CLI_OK)
        printf("The password of %s is changed.\n", request->config.email);
    text_free(&result);
    return status;
}

int cli_passwd(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola passwd [EMAIL] [--password NEW]\n"
                 "\n"
                 "Changes your password at the target; that of EMAIL if you are an admin. Without --password it asks "
                 "for it,\nor takes CUPOLA_PASSWORD.\n"
                 "\n"
                 "Examples:\n"
                 "  cupola passwd\n"
                 "  cupola passwd ada@example.com\n",
        .options = OPTION_PASSWORD,
        .least_words = 0,
        .most_words = 1};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = change_password(&request);
    request_release(&request);
    return status;
}

/* ---- Acting for somebody else ---- */

static int keep_proxy(struct request *request, const char *email)
{
    Cupola__CliTarget *target = home_current(request->home);
    if (target == NULL) {
        terminal_error("no target is chosen; say `cupola target http://api.YOUR.CLOUD` first");
        return CLI_FAILED;
    }
    home_set(&target->proxy_user, email);
    if (!home_write(request->home))
        return CLI_FAILED;
    if (request->json) {
        struct text json = {0};
        home_write_target(&json, target, true, false);
        puts(text_string(&json));
        text_free(&json);
    } else if (email != NULL) {
        printf("From now on commands act for %s, until `cupola unproxy`.\n", email);
    } else {
        printf("Commands act for %s again.\n", target->email == NULL ? "nobody" : target->email);
    }
    return CLI_OK;
}

int cli_proxy(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola proxy EMAIL\n"
                 "\n"
                 "Has all that follows done on behalf of another user, for admins: until `cupola unproxy`, a login or\n"
                 "a logout. `--user EMAIL` does so for one command.\n"
                 "\n"
                 "Examples:\n"
                 "  cupola proxy ada@example.com\n"
                 "  cupola apps --user ada@example.com\n",
        .least_words = 1,
        .most_words = 1};
    struct request request;
    struct text result = {0};
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        request.config.proxy_user = request.words[0];
        status = request_run(&request, "apps", &result); /* The cloud must allow it. */
        if (status == CLI_OK)
            status = keep_proxy(&request, request.words[0]);
    }
    text_free(&result);
    request_release(&request);
    return status;
}

int cli_unproxy(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola unproxy\n\nEnds what `cupola proxy` began.\n\nExamples:\n  cupola unproxy\n"};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = keep_proxy(&request, NULL);
    request_release(&request);
    return status;
}
