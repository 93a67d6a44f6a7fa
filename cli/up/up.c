#include "cli/up/up.h"

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/terminal.h"
#include "core/base/memory.h"
#include "core/wire/json.h"
#include "drivers/real/real.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola up [options]\n"
    "\n"
    "Starts a whole cloud on this machine, tells what happens in it, and ends with Ctrl-C, leaving nothing behind.\n"
    "\n"
    "  --deas N            DEAs, which run the apps (2)        --routers N      routers (1)\n"
    "  --controllers N     cloud controllers (1)               --port PORT      of the first router (a free one)\n"
    "  --domain NAME       apps are APP.NAME (cupola.localhost)\n"
    "  --workloads KIND    bubblewrap or oci for containers, process, or auto: bubblewrap where it works (auto)\n"
    "  --memory MB         that each DEA gives to apps (4096)\n"
    "  --password TEXT     of admin@cupola.test (drawn at random)\n"
    "  --stagers FOLDER      stagers of your own, that go before the built-in ones (absolute)\n"
    "  --service NAME=TOKEN  a gateway that shows that token may offer services of that name\n"
    "  --journal PLACE     where controllers keep their state: postgresql://... or a file (journal.db below DIR)\n"
    "  --dir DIR           keep state there, and go on from it; DIR/cloud.json tells programs all about the cloud\n"
    "  --keep              do not delete a temporary DIR\n"
    "  --record            every component writes a trace for `cupola sim replay`\n"
    "  --quiet             show warnings and errors only\n"
    "\n"
    "Examples:\n"
    "  cupola up\n"
    "  cupola up --deas 4 --routers 2 --port 8080 --dir ./cloud\n"
    "  sudo cupola up --workloads oci\n";

enum { LOOK_MS = 50, LOOKS_MOST = 600, LOOKS_FOR_USER = 60, PATIENCE_MS = 5000 };

/* ---- Options ---- */

static bool parse_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *ret_number)
{
    if (input_number(text, ret_number) && *ret_number >= least && *ret_number <= most)
        return true;
    terminal_error("--%s: \"%s\" is not a number from %llu to %llu", name, text, (unsigned long long)least,
                   (unsigned long long)most);
    return false;
}

static bool set_option(struct up_options *options, const char *name, const char *value)
{
    uint64_t number = 0;
    if (strcmp(name, "deas") == 0 || strcmp(name, "routers") == 0 || strcmp(name, "controllers") == 0) {
        uint32_t *count = name[0] == 'd' ? &options->deas : name[0] == 'r' ? &options->routers : &options->controllers;
        bool is_number = parse_number(name, value, 1, 16, &number);
        *count = (uint32_t)number;
        return is_number;
    }
    if (strcmp(name, "port") == 0) {
        bool is_number = parse_number(name, value, 1, UINT16_MAX, &number);
        options->port = (uint16_t)number;
        return is_number;
    }
    if (strcmp(name, "memory") == 0) {
        bool is_number = parse_number(name, value, 64, 1 << 24, &number);
        options->dea_memory_mb = (uint32_t)number;
        return is_number;
    }
    if (strcmp(name, "domain") == 0)
        options->domain = value;
    else if (strcmp(name, "workloads") == 0)
        options->workloads = value;
    else if (strcmp(name, "password") == 0)
        options->password = value;
    else if (strcmp(name, "stagers") == 0)
        options->stagers = value;
    else if (strcmp(name, "service") == 0)
        options->service = value;
    else if (strcmp(name, "journal") == 0)
        options->journal = value;
    else if (strcmp(name, "dir") == 0)
        options->dir = value;
    else if (strcmp(name, "keep") == 0)
        options->keep = true;
    else if (strcmp(name, "record") == 0)
        options->record = true;
    else
        options->quiet = true;
    return true;
}

/* What goes into files as it is must not carry anything else. */
static bool check_options(const struct up_options *options)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    if (strspn(options->domain, letters) != strlen(options->domain) || options->domain[0] == 0 ||
        strlen(options->domain) > 200) {
        terminal_error("--domain: \"%s\" is no domain name", options->domain);
        return false;
    }
    if (options->password != NULL &&
        (options->password[0] == 0 || strlen(options->password) > 64 || strpbrk(options->password, " \t\n") != NULL)) {
        terminal_error("--password: give 1 to 64 characters without blanks");
        return false;
    }
    struct text why_not = {0};
    if (strcmp(options->workloads, REAL_WORKLOADS_AUTO) == 0)
        return true;
    bool is_possible = real_workloads_possible(options->workloads, "runc", &why_not);
    if (!is_possible)
        terminal_error("%s", text_string(&why_not));
    text_free(&why_not);
    return is_possible;
}

static bool read_options(int argc, char **argv, struct up_options *options, bool *ret_help)
{
    static const struct option names[] = {
        {"deas", required_argument, NULL, 1},
        {"routers", required_argument, NULL, 1},
        {"controllers", required_argument, NULL, 1},
        {"port", required_argument, NULL, 1},
        {"domain", required_argument, NULL, 1},
        {"workloads", required_argument, NULL, 1},
        {"memory", required_argument, NULL, 1},
        {"password", required_argument, NULL, 1},
        {"journal", required_argument, NULL, 1},
        {"stagers", required_argument, NULL, 1},
        {"service", required_argument, NULL, 1},
        {"dir", required_argument, NULL, 1},
        {"keep", no_argument, NULL, 1},
        {"record", no_argument, NULL, 1},
        {"quiet", no_argument, NULL, 1},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, index;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", names, &index)) != -1) {
        if (option == 'h')
            *ret_help = true;
        else if (option != 1 || !set_option(options, names[index].name, optarg))
            return false;
    }
    if (optind < argc)
        terminal_error("\"%s\" is not expected here", argv[optind]);
    return optind >= argc;
}

/* ---- The folder ---- */

static bool open_folder(struct up *up)
{
    char made[64] = "/tmp/cupola-XXXXXX";
    if (up->options.dir == NULL && mkdtemp(made) == NULL) {
        terminal_error("cannot make a folder in /tmp: %s", strerror(errno));
        return false;
    }
    const char *dir = up->options.dir != NULL ? up->options.dir : made;
    mkdir(dir, 0700);
    char *absolute = realpath(dir, NULL);
    if (absolute == NULL || strlen(absolute) >= sizeof up->dir - 100) {
        terminal_error("cannot use %s: %s", dir, absolute == NULL ? strerror(errno) : "its name is too long");
        free(absolute);
        return false;
    }
    snprintf(up->dir, sizeof up->dir, "%s", absolute);
    free(absolute);
    return true;
}

/* Workloads go in any case: nobody would look after them. */
static void clean_up(const struct up *up)
{
    size_t count = 0;
    for (size_t i = 0; i < up->child_count; i++)
        count += real_remove_workloads(up->children[i].data, "runc");
    if (count > 0)
        up_tell(up, "%zu app instances removed", count);
    if (up->options.dir != NULL || up->options.keep)
        return;
    struct text reason = {0};
    if (!real_remove_folder(up->dir, &reason))
        terminal_error("%s", text_string(&reason));
    text_free(&reason);
}

/* All DEAs run their apps alike, and people are told how. */
static void choose_workloads(struct up *up)
{
    struct text why_not = {0};
    if (strcmp(up->options.workloads, REAL_WORKLOADS_AUTO) == 0)
        up->options.workloads = real_workloads_choose(&why_not);
    if (why_not.size > 0)
        up_tell(up, "apps run as plain processes, without containers: %s", text_string(&why_not));
    else if (strcmp(up->options.workloads, "process") == 0)
        up_tell(up, "apps run as plain processes");
    else
        up_tell(up, "each app instance runs in a container (%s)", up->options.workloads);
    text_free(&why_not);
}

/* ---- Is it up? ---- */

/* A login through the first router, as people will do it next: the API may answer before the first user is there. */
static void write_login(const struct up *up, struct text *request)
{
    struct text body = {0};
    text_add_string(&body, "{\"password\":");
    json_write_string(&body, up->password);
    text_add_char(&body, '}');
    text_addf(request, "POST /users/admin@cupola.test/tokens HTTP/1.1\r\nHost: api.%s\r\n", up->options.domain);
    text_addf(request, "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
              body.size, text_string(&body));
    text_free(&body);
}

/* Short, since all is on this machine; but a password takes its time to be hashed. */
static bool api_answers(const struct up *up)
{
    uint16_t port = 0;
    for (size_t i = up->child_count; i > 0; i--)
        port = strcmp(up->children[i - 1].role, "router") == 0 ? up->children[i - 1].port : port;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 1};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char answer[64] = "";
    struct text request = {0};
    write_login(up, &request);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(descriptor, text_string(&request), request.size, 0) == (ssize_t)request.size) {
        ssize_t size = recv(descriptor, answer, sizeof answer - 1, 0);
        answer[size > 0 ? size : 0] = 0;
    }
    text_free(&request);
    close(descriptor);
    bool is_refused =
        strncmp(answer, "HTTP/1.1 403", 12) == 0; /* For long: the password was changed in a former life. */
    return strncmp(answer, "HTTP/1.1 200", 12) == 0 || (is_refused && up->looks >= LOOKS_FOR_USER);
}

static void stop_all(struct up *up);

static void on_look(uv_timer_t *timer)
{
    struct up *up = timer->data;
    if (api_answers(up)) {
        uv_timer_stop(timer);
        up->is_ready = true;
        up_write_facts(up);
        up_tell_welcome(up);
    } else if (++up->looks >= LOOKS_MOST) {
        uv_timer_stop(timer);
        up_tell(up, "the API has not answered for %d s: giving up", LOOK_MS * LOOKS_MOST / 1000);
        up->has_failed = true;
        stop_all(up);
    }
}

/* ---- The course of things ---- */

static size_t count_left(const struct up *up)
{
    size_t count = 0;
    for (size_t i = 0; i < up->child_count; i++)
        count += up->children[i].open_handles > 0;
    return count;
}

static void close_own_handles(struct up *up)
{
    for (size_t i = 0; i < sizeof up->signals / sizeof up->signals[0]; i++)
        uv_close((uv_handle_t *)&up->signals[i], NULL);
    uv_close((uv_handle_t *)&up->look, NULL);
    uv_close((uv_handle_t *)&up->patience, NULL);
    for (size_t i = 0; i < up->child_count; i++)
        uv_close((uv_handle_t *)&up->children[i].again, NULL);
}

/* The bus, the first child, goes last: the others still have something to say. */
static void stop_next(struct up *up)
{
    size_t left = count_left(up);
    struct up_child *bus = &up->children[0];
    if (left == 0)
        close_own_handles(up);
    else if (left == 1 && bus->open_handles > 0)
        up_child_signal(bus, SIGTERM);
}

void up_child_ended(struct up_child *child)
{
    struct up *up = child->up;
    if (up->is_stopping) {
        stop_next(up);
    } else {
        up_child_restart(child);
        up_write_facts(up);
    }
}

static void on_out_of_patience(uv_timer_t *timer)
{
    struct up *up = timer->data;
    for (size_t i = 0; i < up->child_count; i++)
        up_child_signal(&up->children[i], SIGKILL);
}

/* A second time: at once. */
static void stop_all(struct up *up)
{
    if (up->is_stopping) {
        on_out_of_patience(&up->patience);
        return;
    }
    up->is_stopping = true;
    uv_timer_stop(&up->look);
    up_tell(up, "stopping");
    for (size_t i = 1; i < up->child_count; i++)
        up_child_signal(&up->children[i], SIGTERM);
    uv_timer_start(&up->patience, on_out_of_patience, PATIENCE_MS, 0);
    stop_next(up);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    stop_all(handle->data);
}

static void start_all(struct up *up)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    signal(SIGPIPE, SIG_IGN); /* Who reads our lines may go. */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uv_signal_init(&up->loop, &up->signals[i]);
        up->signals[i].data = up;
        uv_signal_start(&up->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&up->loop, &up->look);
    uv_timer_init(&up->loop, &up->patience);
    up->look.data = up->patience.data = up;
    for (size_t i = 0; i < up->child_count; i++)
        uv_timer_init(&up->loop, &up->children[i].again);
    for (size_t i = 0; i < up->child_count; i++)
        up_child_start(&up->children[i]);
    uv_timer_start(&up->look, on_look, LOOK_MS, LOOK_MS);
}

static int run_cloud(struct up *up)
{
    if (!open_folder(up))
        return CLI_FAILED;
    choose_workloads(up);
    if (up_configure(up)) {
        uv_loop_init(&up->loop);
        start_all(up);
        uv_run(&up->loop, UV_RUN_DEFAULT);
        uv_loop_close(&up->loop);
    } else {
        up->has_failed = true;
    }
    clean_up(up);
    return up->has_failed ? CLI_FAILED : CLI_OK;
}

int cli_up(int argc, char **argv)
{
    struct up *up = memory_new(sizeof *up);
    up->options = (struct up_options){.workloads = REAL_WORKLOADS_AUTO,
                                      .domain = "cupola.localhost",
                                      .deas = 2,
                                      .routers = 1,
                                      .controllers = 1,
                                      .dea_memory_mb = 4096};
    bool wants_help = false;
    int status = CLI_USAGE;
    if (!read_options(argc, argv, &up->options, &wants_help))
        fputs("`cupola up --help` lists the options\n", stderr);
    else if (wants_help)
        status = fputs(help, stdout) < 0 ? CLI_FAILED : CLI_OK;
    else if (check_options(&up->options))
        status = run_cloud(up);
    memory_free(up);
    return status;
}
