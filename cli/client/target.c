/* `cupola target`, `login`, `register`, `logout`: which cloud, and who. */
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct request_spec target_spec = {
    .usage = "usage: cupola target [URL] [--address HOST:PORT]\n"
             "\n"
             "Chooses the cloud to talk to, or shows it.\n"
             "\n"
             "  --address HOST:PORT  where to connect, when no name server knows the cloud's names\n"
             "  --json               print the target, or the cloud's answer to /info, as JSON\n"
             "\n"
             "Examples:\n"
             "  cupola target http://api.example.com\n"
             "  cupola target http://api.cupola.test --address 127.0.0.1:8080\n",
    .options = OPTION_ADDRESS,
    .least_words = 0,
    .most_words = 1,
};

/* Names and IPv4 addresses: what cannot be one would only be looked up again and again. */
static bool is_host(const char *text, size_t size)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return strspn(text, known) >= size && text[0] != '-' && text[0] != '.';
}

/* HOST[:PORT] into its parts. */
static bool split_address(const char *text, unsigned default_port, char *ret_host, size_t size, unsigned *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t host_size = colon == NULL ? strlen(text) : (size_t)(colon - text);
    int port = (int)default_port;
    if (host_size == 0 || host_size >= size || !is_host(text, host_size)) {
        terminal_error("'%s' is not the address of a cloud; write it like http://api.example.com", text);
        return false;
    }
    if (colon != NULL && !request_number("port", colon + 1, 1, 65535, &port))
        return false;
    memcpy(ret_host, text, host_size);
    ret_host[host_size] = 0;
    *ret_port = (unsigned)port;
    return true;
}

/* http://HOST[:PORT][/]: what stands between the scheme and the first slash. */
static bool parse_url(const char *url, char *ret_authority, size_t size)
{
    if (strncmp(url, "https://", 8) == 0) {
        terminal_error("'%s': TLS to the API is not built in; use the http:// address", url);
        return false;
    }
    const char *begin = strncmp(url, "http://", 7) == 0 ? url + 7 : url;
    size_t length = strcspn(begin, "/");
    if (length == 0 || length >= size || begin[length + (begin[length] == '/')] != 0) {
        terminal_error("'%s' is not the address of a cloud; write it like http://api.example.com", url);
        return false;
    }
    memcpy(ret_authority, begin, length);
    ret_authority[length] = 0;
    return true;
}

static void print_as(const char *word, const char *email)
{
    if (email != NULL)
        printf(", %s %s", word, email);
}

static void print_target(const Cupola__CliTarget *target)
{
    struct text json = {0};
    home_write_target(&json, target, true, false);
    puts(text_string(&json));
    text_free(&json);
}

static int show_target(const struct request *request)
{
    const Cupola__CliTarget *target = home_current(request->home);
    if (target == NULL) {
        terminal_error("no target is chosen; say `cupola target http://api.YOUR.CLOUD`");
        return CLI_FAILED;
    }
    if (request->json) {
        print_target(target);
        return CLI_OK;
    }
    printf("%s (at %s:%u)%s", target->url, target->address, target->port,
           target->email == NULL ? ", not logged in" : "");
    print_as("logged in as", target->email);
    print_as("acting for", target->proxy_user);
    putchar('\n');
    return CLI_OK;
}

/* Asks the cloud who it is; keeps the target only if it answers like one. */
static int choose_target(struct request *request)
{
    char authority[300], host[256];
    unsigned port = 80;
    if (!parse_url(request->words[0], authority, sizeof authority) ||
        !split_address(request->address != NULL ? request->address : authority, 80, host, sizeof host, &port))
        return CLI_USAGE;
    Cupola__CliTarget *target = home_choose(request->home, request->words[0]);
    home_set(&target->host_header, authority);
    home_set(&target->address, host);
    target->has_port = 1;
    target->port = port;
    struct text result = {0};
    int status = request_run(request, "info", &result);
    if (status == CLI_OK && !home_write(request->home))
        status = CLI_FAILED;
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    else if (status == CLI_OK)
        printf("Talking to %s (at %s:%u). %s\n", target->url, host, port,
               target->token != NULL ? "You are logged in." : "Now `cupola login` or `cupola register`.");
    text_free(&result);
    return status;
}

int cli_target(int argc, char **argv)
{
    struct request request;
    int status = request_parse(&request, &target_spec, argc, argv);
    if (status < 0)
        status = request.word_count == 0 ? show_target(&request) : choose_target(&request);
    request_release(&request);
    return status;
}

/* ---- Accounts ---- */

static const struct request_spec login_spec = {
    .usage = "usage: cupola login EMAIL [--password PASSWORD]\n"
             "\n"
             "Logs in at the target. Without --password it asks for it, or takes CUPOLA_PASSWORD.\n"
             "\n"
             "Examples:\n"
             "  cupola login me@example.com\n",
    .options = OPTION_PASSWORD,
    .least_words = 1,
    .most_words = 1,
};

static const struct request_spec register_spec = {
    .usage =
        "usage: cupola register EMAIL [--password PASSWORD]\n"
        "\n"
        "Creates an account at the target and logs in. Without --password it asks for it, or takes CUPOLA_PASSWORD.\n"
        "\n"
        "Examples:\n"
        "  cupola register me@example.com\n",
    .options = OPTION_PASSWORD,
    .least_words = 1,
    .most_words = 1,
};

static int keep_token(struct request *request, const struct text *result)
{
    struct json_error error;
    Cupola__RestToken *answer = (Cupola__RestToken *)json_read(
        &cupola__rest_token__descriptor, (struct io_bytes){(const uint8_t *)text_string(result), result->size},
        JSON_LENIENT, &error);
    if (answer == NULL || answer->token == NULL) {
        terminal_error("the cloud's answer has no token");
        return CLI_FAILED;
    }
    Cupola__CliTarget *target = home_current(request->home);
    home_set(&target->token, answer->token);
    home_set(&target->email, request->words[0]);
    home_set(&target->proxy_user, NULL);
    cupola__rest_token__free_unpacked(answer, NULL);
    if (!home_write(request->home))
        return CLI_FAILED;
    if (request->json)
        puts(text_string(result));
    else
        printf("Logged in as %s.\n", target->email);
    return CLI_OK;
}

static int identify(const struct request_spec *spec, const char *command, int argc, char **argv)
{
    struct request request;
    struct text result = {0};
    int status = request_parse(&request, spec, argc, argv);
    if (status < 0) {
        request.config.email = request.words[0];
        request.config.token = (char *)(uintptr_t) ""; /* A new one is asked for. */
        request_act_as_oneself(&request);
        status = request_ask_password(&request, "Password: ") ? request_run(&request, command, &result) : CLI_FAILED;
        if (status == CLI_OK)
            status = keep_token(&request, &result);
    }
    text_free(&result);
    request_release(&request);
    return status;
}

int cli_login(int argc, char **argv)
{
    return identify(&login_spec, "login", argc, argv);
}

int cli_register(int argc, char **argv)
{
    return identify(&register_spec, "register", argc, argv);
}

/* All tokens of whoever is logged in, those of other machines and of lost files, too. */
static int take_back_logins(struct request *request, const Cupola__CliTarget *target)
{
    struct text result = {0};
    request_act_as_oneself(request);
    request->config.email = target->email;
    int status = request_run(request, "revoke", &result);
    text_free(&result);
    return status;
}

/* Without --everywhere only here: a token of v1 stays good until it expires, or its user takes all of them back. */
static int forget_login(struct request *request)
{
    Cupola__CliTarget *target = home_current(request->home);
    if (target == NULL || target->token == NULL) {
        puts(request->json ? "{}" : "Nobody is logged in.");
        return CLI_OK;
    }
    if (request->everywhere && take_back_logins(request, target) != CLI_OK)
        return CLI_FAILED;
    home_set(&target->token, NULL);
    home_set(&target->email, NULL);
    home_set(&target->proxy_user, NULL);
    if (!home_write(request->home))
        return CLI_FAILED;
    if (request->json)
        print_target(target);
    else
        printf("Logged out of %s.\n", target->url);
    return CLI_OK;
}

int cli_logout(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola logout [--everywhere]\n\nForgets the login at the target.\n\n"
                 "  --everywhere   has the cloud take back all your logins, also those of other machines\n\n"
                 "Examples:\n  cupola logout\n  cupola logout --everywhere\n",
        .options = OPTION_EVERYWHERE,
        .least_words = 0,
        .most_words = 0};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = forget_login(&request);
    request_release(&request);
    return status;
}
