/* `cupola sim replay`: a component again from its trace, simulated or recorded by a real process. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/components.h"
#include "core/trace/replay.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cupola sim replay TRACE [--component NAME] [--until SECONDS | --event N] [--print] [--state]\n"
    "\n"
    "Feeds the events of a trace to the component again and compares every effect. TRACE is what `cupola sim run "
    "--trace`\n"
    "or `cupola run --record` wrote. Exit status: 0 no difference, 1 a difference (printed), 2 it cannot be read.\n"
    "\n"
    "  --component NAME  only that one of a simulated run (default: all)\n"
    "  --until SECONDS   stop at that moment of the component's own clock\n"
    "  --event N         stop after that event\n"
    "  --print           print every step\n"
    "  --state           print the component's state at the end\n"
    "\n"
    "Examples:\n"
    "  cupola sim run scenarios/dea-killed.lua --trace run.trace && cupola sim replay run.trace\n"
    "  cupola sim replay run.trace --component dea-0 --event 120 --state\n";

struct replay_options {
    const char *file;
    const char *component;
    uint64_t until_ns, until_event;
    bool print, state;
};

static const struct machine_class *find_class(const char *role)
{
    static const struct machine_class *const classes[] = {
        &bus_server_class, &router_class, &cloud_controller_class, &dea_class, &health_manager_class, &client_class};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(classes[i]->name, role) == 0)
            return classes[i];
    return NULL;
}

static int replay_with(const struct replay_options *options, const Cupola__TraceHeader *header,
                       struct trace_reader *reader)
{
    const char *name = header->name == NULL || header->name[0] == 0 ? header->role : header->name;
    const struct machine_class *class = find_class(header->role);
    if (class == NULL) {
        fprintf(stderr, "cupola: the trace is of a '%s', which this program does not know\n", header->role);
        return SIM_USAGE;
    }
    struct replay replay = {
        .until_ns = options->until_ns, .until_event = options->until_event, .print = options->print};
    enum replay_result result = replay_trace(&replay, class, reader);
    fputs(text_string(&replay.report), stdout);
    if (options->state)
        printf("%s\n", text_string(&replay.state));
    printf("%-16s %8llu steps, %s\n", name, (unsigned long long)replay.steps,
           result == REPLAY_SAME        ? "no difference"
           : result == REPLAY_DIFFERENT ? "DIFFERENT"
                                        : "unreadable");
    text_free(&replay.report);
    text_free(&replay.state);
    return result == REPLAY_SAME ? SIM_PASSED : result == REPLAY_DIFFERENT ? SIM_FAILED : SIM_USAGE;
}

/* One trace. -1 if it is of a component that was not asked for. */
static int replay_one(const struct replay_options *options, const uint8_t *bytes, size_t size)
{
    struct trace_reader reader = {.bytes = bytes, .size = size};
    Cupola__TraceHeader *header = NULL;
    if (trace_read_header(&reader, &header) != TRACE_OK) {
        fprintf(stderr, "cupola: %s is not a trace (or one of another version)\n", options->file);
        return SIM_USAGE;
    }
    int status = -1;
    if (options->component == NULL || (header->name != NULL && strcmp(header->name, options->component) == 0) ||
        strcmp(header->role, options->component) == 0)
        status = replay_with(options, header, &reader);
    cupola__trace_header__free_unpacked(header, NULL);
    return status;
}

static uint64_t read_size(const uint8_t *bytes)
{
    uint64_t size = 0;
    for (int i = 7; i >= 0; i--)
        size = size << 8 | bytes[i];
    return size;
}

static int replay_many(const struct replay_options *options, const uint8_t *bytes, size_t size)
{
    int worst = -1;
    for (size_t at = strlen(SIM_TRACES_MAGIC); at < size;) {
        uint64_t one = size - at < 8 ? UINT64_MAX : read_size(bytes + at);
        if (one > size - at - 8) {
            fprintf(stderr, "cupola: %s is cut at byte %zu\n", options->file, at);
            return SIM_USAGE;
        }
        int status = replay_one(options, bytes + at + 8, (size_t)one);
        worst = status > worst ? status : worst;
        at += 8 + (size_t)one;
    }
    return worst;
}

void sim_collect_traces(struct cloud *cloud, struct text *ret_file)
{
    text_add_string(ret_file, SIM_TRACES_MAGIC);
    for (enum component_role role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud_component_count(cloud, role); i++) {
            const struct component *component = cloud_component(cloud, role, i);
            struct io_bytes trace;
            for (size_t life = 0; component_trace(component, life, &trace); life++) {
                for (size_t byte = 0; byte < 8; byte++)
                    text_add_char(ret_file, (char)((uint64_t)trace.size >> (8 * byte)));
                text_add(ret_file, trace.data, trace.size);
            }
        }
    }
}

/* --until SECONDS or --event N. */
static bool take_end(struct replay_options *options, int option, const char *word)
{
    uint64_t number = 0;
    if (!input_number(word, &number) || number == 0 || number > UINT64_MAX / NS_PER_S) {
        fprintf(stderr, "cupola sim replay: '%s' is not a number from 1\n", word);
        return false;
    }
    if (option == 'u')
        options->until_ns = number * NS_PER_S;
    else
        options->until_event = number;
    return true;
}

static bool parse_options(int argc, char **argv, struct replay_options *options, int *ret_status)
{
    static const struct option long_options[] = {
        {"component", required_argument, NULL, 'c'},
        {"until", required_argument, NULL, 'u'},
        {"event", required_argument, NULL, 'e'},
        {"print", no_argument, NULL, 'p'},
        {"state", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    *ret_status = SIM_USAGE;
    for (int option; (option = getopt_long(argc, argv, "c:u:e:psh", long_options, NULL)) != -1;) {
        if (option == 'c')
            options->component = optarg;
        else if (option == 'u' || option == 'e') {
            if (!take_end(options, option, optarg))
                return false;
        } else if (option == 'p')
            options->print = true;
        else if (option == 's')
            options->state = true;
        else if (option == 'h') {
            fputs(help, stdout);
            *ret_status = SIM_PASSED;
            return false;
        } else {
            fputs("Try `cupola sim replay --help`.\n", stderr);
            return false;
        }
    }
    if (argc - optind != 1) {
        fputs("cupola sim replay: name one trace file; `cupola sim run FILE --trace TRACE` writes one\n", stderr);
        return false;
    }
    options->file = argv[optind];
    return true;
}

int cli_sim_replay(int argc, char **argv)
{
    struct replay_options options = {0};
    int status = SIM_USAGE;
    if (!parse_options(argc, argv, &options, &status))
        return status;
    struct text content = {0};
    if (input_read_file(options.file, &content)) {
        const uint8_t *bytes = (const uint8_t *)text_string(&content);
        bool is_many =
            content.size >= strlen(SIM_TRACES_MAGIC) && memcmp(bytes, SIM_TRACES_MAGIC, strlen(SIM_TRACES_MAGIC)) == 0;
        status = is_many ? replay_many(&options, bytes, content.size) : replay_one(&options, bytes, content.size);
        if (status < 0) {
            if (options.component == NULL)
                fprintf(stderr, "cupola: %s has no trace in it\n", options.file);
            else
                fprintf(stderr, "cupola: %s has no component '%s'\n", options.file, options.component);
            status = SIM_USAGE;
        }
    }
    text_free(&content);
    return status;
}
