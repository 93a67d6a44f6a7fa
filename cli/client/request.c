#include "cli/client/request.h"

#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/base/memory.h"
#include "core/client/client.h"
#include "core/components.h"
#include "core/proto/client.pb-c.h"
#include "core/wire/json.h"
#include "drivers/real/real.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Arguments ---- */

/* -u EMAIL as --user; -n and -f, by which scripts of 2011's client wanted not to be asked: nobody is. */
static const char short_options[] = "hu:nf";

enum { STOPPED = 130, NOBODY_READS = 141 }; /* As the shell tells of Ctrl-C and SIGPIPE. */
enum { CODE_JSON = 300, CODE_USER, CODE_TIMEOUT, CODE_NOTHING };

static const struct option long_options[] = {
    {"instances", required_argument, NULL, OPTION_INSTANCES},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"path", required_argument, NULL, OPTION_PATH},
    {"command", required_argument, NULL, OPTION_START_COMMAND},
    {"framework", required_argument, NULL, OPTION_FRAMEWORK},
    {"runtime", required_argument, NULL, OPTION_RUNTIME},
    {"url", required_argument, NULL, OPTION_URL},
    {"no-start", no_argument, NULL, OPTION_NO_START},
    {"follow", no_argument, NULL, OPTION_FOLLOW},
    {"index", required_argument, NULL, OPTION_INDEX},
    {"password", required_argument, NULL, OPTION_PASSWORD},
    {"passwd", required_argument, NULL, OPTION_PASSWORD}, /* The words of 2011's client, here and below. */
    {"mem", required_argument, NULL, OPTION_MEMORY},
    {"instance", required_argument, NULL, OPTION_INDEX},
    {"force", no_argument, NULL, CODE_NOTHING},
    {"no-prompt", no_argument, NULL, CODE_NOTHING},
    {"env", required_argument, NULL, OPTION_ENV},
    {"address", required_argument, NULL, OPTION_ADDRESS},
    {"cancel", no_argument, NULL, OPTION_CANCEL},
    {"everywhere", no_argument, NULL, OPTION_EVERYWHERE},
    {"json", no_argument, NULL, CODE_JSON},
    {"user", required_argument, NULL, CODE_USER},
    {"timeout", required_argument, NULL, CODE_TIMEOUT},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

bool request_number(const char *what, const char *word, long low, long high, int *ret_number)
{
    char *end = NULL;
    long number = strtol(word, &end, 10);
    if (word[0] == 0 || *end != 0 || number < low || number > high) {
        terminal_error("%s: '%s' is not a number from %ld to %ld", what, word, low, high);
        return false;
    }
    *ret_number = (int)number;
    return true;
}

bool request_megabytes(const char *word, int *ret_megabytes)
{
    char *end = NULL;
    long number = strtol(word, &end, 10);
    if (end != word && number > 0 && number < 1 << 20) {
        if (*end == 0 || strcmp(end, "M") == 0 || strcmp(end, "MB") == 0) {
            *ret_megabytes = (int)number;
            return true;
        }
        if ((strcmp(end, "G") == 0 || strcmp(end, "GB") == 0) && number < 1 << 10) {
            *ret_megabytes = (int)number * 1024;
            return true;
        }
    }
    terminal_error("--memory: '%s' is not an amount of memory; write it like 64M or 1G", word);
    return false;
}

static bool add_to_list(const char *what, char **list, size_t *count, char *word)
{
    if (*count == REQUEST_LISTS) {
        terminal_error("%s is given more than %d times", what, REQUEST_LISTS);
        return false;
    }
    list[(*count)++] = word;
    return true;
}

static bool take_number_option(Cupola__ClientConfig *config, int code, const char *word)
{
    int number = 0;
    if (code == OPTION_MEMORY) {
        config->has_memory_mb = request_megabytes(word, &config->memory_mb);
        return config->has_memory_mb;
    }
    if (code == CODE_TIMEOUT) {
        config->has_timeout_ms = request_number("--timeout", word, 1, 86400, &number);
        config->timeout_ms = (uint32_t)number * 1000;
        return config->has_timeout_ms;
    }
    if (code == OPTION_INDEX) {
        config->has_index = request_number("--index", word, 0, 99999, &config->index);
        return config->has_index;
    }
    config->has_instances = request_number("--instances", word, 0, 99999, &config->instances);
    return config->has_instances;
}

static bool take_option(struct request *request, int code, char *word)
{
    Cupola__ClientConfig *config = &request->config;
    if (code == OPTION_INSTANCES || code == OPTION_MEMORY || code == OPTION_INDEX || code == CODE_TIMEOUT)
        return take_number_option(config, code, word);
    if (code == OPTION_URL)
        return add_to_list("--url", request->uris, &config->n_uris, word);
    if (code == OPTION_ENV)
        return add_to_list("--env", request->env, &config->n_env, word);
    if (code == OPTION_PATH)
        request->folder = word;
    else if (code == OPTION_ADDRESS)
        request->address = word;
    else if (code == OPTION_START_COMMAND)
        config->start_command = word;
    else if (code == OPTION_FRAMEWORK)
        config->framework = word;
    else if (code == OPTION_RUNTIME)
        config->runtime = word;
    else if (code == OPTION_PASSWORD)
        config->password = word;
    else if (code == CODE_USER)
        config->proxy_user = word;
    else if (code == CODE_JSON)
        request->json = true;
    else if (code == OPTION_EVERYWHERE)
        request->everywhere = true;
    else if (code == OPTION_CANCEL)
        request->cancels = true;
    else if (code == OPTION_NO_START)
        config->has_no_start = config->no_start = 1;
    else if (code == OPTION_FOLLOW)
        config->has_follow = config->follow = 1;
    return true;
}

int request_parse(struct request *request, const struct request_spec *spec, int argc, char **argv)
{
    memset(request, 0, sizeof *request);
    cupola__client_config__init(&request->config);
    cupola__endpoint__init(&request->target);
    request->config.uris = request->uris;
    request->config.env = request->env;
    request->folder = ".";
    optind = 1;
    opterr = 0; /* What is wrong is said here. */
    terminal_look_for_json(argc, argv);
    for (int code, place = 0; (code = getopt_long(argc, argv, short_options, long_options, &place)) != -1;) {
        code = code == 'u' ? CODE_USER : code == 'n' || code == 'f' ? CODE_NOTHING : code;
        if (code == 'h') {
            fputs(spec->usage, stdout);
            return CLI_OK;
        }
        bool is_known = code != '?' && (code >= CODE_JSON || (spec->options & (unsigned)code) != 0);
        if (code != '?' && !is_known)
            terminal_error("`cupola %s` has no option --%s", argv[0], long_options[place].name);
        else if (code == '?')
            terminal_error("`cupola %s`: %s is unknown, or lacks its value", argv[0], argv[optind - 1]);
        if (!is_known || !take_option(request, code, optarg)) {
            fprintf(stderr, "Try `cupola %s --help`.\n", argv[0]);
            return CLI_USAGE;
        }
    }
    request->words = argv + optind;
    request->word_count = argc - optind;
    if (request->word_count < spec->least_words || request->word_count > spec->most_words) {
        terminal_error("`cupola %s` wants %s; %.*s", argv[0],
                       request->word_count < spec->least_words ? "more words" : "fewer words",
                       (int)strcspn(spec->usage, "\n"), spec->usage);
        fprintf(stderr, "Try `cupola %s --help`.\n", argv[0]);
        return CLI_USAGE;
    }
    request->home = home_read();
    return request->home == NULL ? CLI_FAILED : -1;
}

bool request_use_target(struct request *request)
{
    const Cupola__CliTarget *target = home_current(request->home);
    if (target == NULL) {
        terminal_error("no target is chosen; say `cupola target http://api.YOUR.CLOUD` first");
        return false;
    }
    request->target.host = target->address;
    request->target.has_port = 1;
    request->target.port = target->port;
    request->config.target = &request->target;
    request->config.host_header = target->host_header;
    if (request->config.token == NULL)
        request->config.token = target->token;
    if (request->config.email == NULL)
        request->config.email = target->email;
    if (request->config.proxy_user == NULL)
        request->config.proxy_user = target->proxy_user;
    return true;
}

void request_act_as_oneself(struct request *request)
{
    if (request->config.proxy_user == NULL)
        request->config.proxy_user = (char *)(uintptr_t) "";
}

bool request_ask_password(struct request *request, const char *question)
{
    Cupola__ClientConfig *config = &request->config;
    if (config->password == NULL)
        config->password = getenv("CUPOLA_PASSWORD");
    if (config->password == NULL && terminal_ask_password(question, request->password, sizeof request->password))
        config->password = request->password;
    if (config->password == NULL)
        terminal_error("no password; give --password or set CUPOLA_PASSWORD");
    return config->password != NULL;
}

void request_release(struct request *request)
{
    home_free(request->home);
}

/* ---- Running ---- */

static void show_log(enum log_level level, const char *component, const char *text)
{
    (void)component;
    if (level == LOG_INFO && strncmp(text, CLIENT_STAGER_PREFIX, strlen(CLIENT_STAGER_PREFIX)) == 0)
        terminal_tell(text);
    else if (level == LOG_INFO)
        terminal_progress(text);
    else if (level > LOG_INFO)
        terminal_error("%s", text);
}

/* A line of what is followed. That has no other end when its reader has gone (`cupola logs shop --follow | head`). */
static const struct request *followed;

static void show_followed(enum log_level level, const char *component, const char *text)
{
    (void)component;
    if (level > LOG_INFO)
        terminal_error("%s", text);
    if (level != LOG_INFO)
        return;
    struct text line = {0};
    text_add_string(&line, text);
    if (followed->json)
        puts(text);
    else
        followed->print_followed(&line);
    text_free(&line);
    if (fflush(stdout) != 0)
        exit(NOBODY_READS);
}

static int run_client(struct request *request, struct text *ret_result)
{
    request->config.has_show_staging = request->config.show_staging = 1;
    size_t size = cupola__client_config__get_packed_size(&request->config);
    uint8_t *packed = memory_new(size);
    cupola__client_config__pack(&request->config, packed);
    const char *data_dir = request->data_dir != NULL ? request->data_dir : home_folder();
    real_log *log = request->config.follow ? show_followed : show_log;
    followed = request;
    int status = real_run_once(&client_class, data_dir, (struct io_bytes){packed, size}, log, ret_result);
    memory_free(packed);
    terminal_progress_end();
    return status;
}

/* The client's result on failure is {"error": "..."}. */
static void print_failure(const struct request *request, const struct text *result)
{
    struct json_error error;
    Cupola__ClientFailure *failure = (Cupola__ClientFailure *)json_read(
        &cupola__client_failure__descriptor, (struct io_bytes){(const uint8_t *)text_string(result), result->size},
        JSON_LENIENT, &error);
    if (request->json) {
        puts(text_string(result));
        terminal_failure_is_told();
    } else {
        terminal_error("%s", failure != NULL && failure->error != NULL ? failure->error : text_string(result));
    }
    if (failure != NULL)
        cupola__client_failure__free_unpacked(failure, NULL);
}

int request_run_unless(struct request *request, const char *command, const char *forgiven, struct text *ret_result)
{
    if (!request_use_target(request))
        return CLI_FAILED;
    request->config.command = (char *)(uintptr_t)command;
    int status = run_client(request, ret_result);
    bool is_usual_end = status == STOPPED && request->config.follow;
    if (status != 0 && !is_usual_end && (forgiven == NULL || strstr(text_string(ret_result), forgiven) == NULL))
        print_failure(request, ret_result);
    return status == 0 ? CLI_OK : status == STOPPED ? status : CLI_FAILED;
}

int request_run(struct request *request, const char *command, struct text *ret_result)
{
    return request_run_unless(request, command, NULL, ret_result);
}
