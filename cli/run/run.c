/* `cupola run ROLE`: one component as a daemon. */
#include "cli/commands.h"
#include "cli/run/config.h"
#include "cli/run/workers.h"
#include "cli/terminal.h"
#include "core/base/memory.h"
#include "drivers/real/real.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola run ROLE [options]\n"
    "\n"
    "Runs one component in the foreground until SIGTERM or Ctrl-C; a second one ends it at once.\n"
    "SIGHUP reads TLS certificates again.\n"
    "Roles: bus, router, controller, dea, health. SIGUSR2 makes a dea hand over its instances first.\n"
    "\n"
    "  --config FILE        JSON; the section named after the role, and \"driver\" (one file may serve all roles)\n"
    "  --data DIR           saved state, blobs, journal, workloads    (driver.data_dir)\n"
    "  --listen HOST:PORT   where to listen; port 0: any free one     (listen; of health: monitor.listen)\n"
    "  --bus HOST:PORT      the message bus                           (bus.servers)\n"
    "  --record FILE        write a trace for `cupola sim replay`     (driver.record)\n"
    "  --notify FILE        write the ports there once it listens     (driver.notify)\n"
    "  --workloads KIND     auto, process, bubblewrap, oci; of a dea  (driver.workloads)\n"
    "  --log-level LEVEL    debug, info, warning or error             (driver.log_level)\n"
    "  --workers N          so many processes on one port; of a router\n"
    "  --handover           take the listening sockets of the process that runs on the same data,\n"
    "                       which stops then; and hand them to the next one  (driver.handover)\n"
    "  --check              only check the configuration\n"
    "\n"
    "Options win over the file. Examples:\n"
    "  cupola run bus --listen 127.0.0.1:4222 --data /var/lib/cupola/bus\n"
    "  cupola run router --config /etc/cupola.json --listen 0.0.0.0:80 --data /var/lib/cupola/router\n"
    "  cupola run dea --bus 10.0.0.1:4222 --workloads oci --data /var/lib/cupola/dea\n";

struct run_options {
    const char *config, *data, *listen, *bus, *record, *notify, *workloads, *log_level;
    unsigned workers; /* 0: this process does it all. */
    bool handover;
    bool check;
    bool end_with_parent; /* For `cupola up`: nobody is left behind when it is killed. */
};

enum { OPTION_HELP = 'h', OPTION_FIRST = 256 };

static bool read_workers(const char *text, unsigned *ret_count)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != 0 || count < 1 || count > RUN_WORKERS_MOST) {
        terminal_error("--workers: \"%s\" is no number of 1 to %d", text, RUN_WORKERS_MOST);
        return false;
    }
    *ret_count = (unsigned)count;
    return true;
}

static bool read_options(int argc, char **argv, struct run_options *options, bool *ret_help)
{
    const char **values[] = {&options->config, &options->data,   &options->listen,    &options->bus,
                             &options->record, &options->notify, &options->workloads, &options->log_level};
    static const struct option names[] = {
        {"config", required_argument, NULL, OPTION_FIRST},
        {"data", required_argument, NULL, OPTION_FIRST + 1},
        {"listen", required_argument, NULL, OPTION_FIRST + 2},
        {"bus", required_argument, NULL, OPTION_FIRST + 3},
        {"record", required_argument, NULL, OPTION_FIRST + 4},
        {"notify", required_argument, NULL, OPTION_FIRST + 5},
        {"workloads", required_argument, NULL, OPTION_FIRST + 6},
        {"log-level", required_argument, NULL, OPTION_FIRST + 7},
        {"check", no_argument, NULL, OPTION_FIRST + 8},
        {"end-with-parent", no_argument, NULL, OPTION_FIRST + 9},
        {"handover", no_argument, NULL, OPTION_FIRST + 10},
        {"workers", required_argument, NULL, OPTION_FIRST + 11},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        if (option == OPTION_HELP)
            *ret_help = true;
        else if (option == OPTION_FIRST + 8)
            options->check = true;
        else if (option == OPTION_FIRST + 9)
            options->end_with_parent = true;
        else if (option == OPTION_FIRST + 10)
            options->handover = true;
        else if (option == OPTION_FIRST + 11) {
            if (!read_workers(optarg, &options->workers))
                return false;
        } else if (option >= OPTION_FIRST)
            *values[option - OPTION_FIRST] = optarg;
        else
            return false; /* getopt has said why. */
    }
    return true;
}

static bool apply_options(Cupola__ProcessConfig *config, const struct run_role *role, const struct run_options *options)
{
    Cupola__DriverConfig *driver = run_config_driver(config);
    const struct {
        const char *field;
        const char *value;
    } texts[] = {{"data_dir", options->data},
                 {"record", options->record},
                 {"notify", options->notify},
                 {"workloads", options->workloads},
                 {"log_level", options->log_level}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].value != NULL)
            run_config_set_driver_text(driver, texts[i].field, texts[i].value);
    }
    if (options->handover)
        driver->has_handover = driver->handover = true;
    return (options->listen == NULL || run_config_set_listen(config, role, options->listen)) &&
           (options->bus == NULL || run_config_set_bus(config, role, options->bus));
}

/* Said before the first workload is asked for, not when it fails. */
static bool check_workloads(const Cupola__DriverConfig *driver, const struct run_role *role)
{
    struct text why_not = {0};
    bool is_possible =
        strcmp(role->name, "dea") != 0 || real_workloads_possible(driver->workloads, driver->oci_runtime, &why_not);
    if (!is_possible)
        terminal_error("%s", text_string(&why_not));
    text_free(&why_not);
    return is_possible;
}

static int run_role(Cupola__ProcessConfig *config, const struct run_role *role)
{
    ProtobufCMessage *section = run_config_section(config, role);
    size_t size = protobuf_c_message_get_packed_size(section);
    uint8_t *packed = memory_new(size);
    protobuf_c_message_pack(section, packed);
    int status = real_run(role->class, run_config_driver(config), (struct io_bytes){packed, size});
    memory_free(packed);
    return status;
}

static int run_all(Cupola__ProcessConfig *config, const struct run_role *role, unsigned workers)
{
    int status = CLI_OK;
    bool is_worker = workers == 0 || run_workers(config, role, workers, &status);
    return is_worker ? run_role(config, role) : status;
}

int cli_run(int argc, char **argv)
{
    struct run_options options = {0};
    bool wants_help = false;
    if (!read_options(argc, argv, &options, &wants_help)) {
        fputs("`cupola run --help` lists the options\n", stderr);
        return CLI_USAGE;
    }
    if (wants_help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    const struct run_role *role = optind == argc - 1 ? run_role_of(argv[optind]) : NULL;
    if (role == NULL) {
        terminal_error("name one role: bus, router, controller, dea or health; `cupola run --help` shows examples");
        return CLI_USAGE;
    }
    pid_t parent = getppid();
    if (options.end_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    Cupola__ProcessConfig *config = run_config_read(options.config);
    if (config == NULL)
        return CLI_USAGE;
    const char *where = options.config != NULL ? options.config : "options";
    int status = CLI_USAGE;
    if (apply_options(config, role, &options) && run_config_check(config, where) &&
        check_workloads(run_config_driver(config), role))
        status = options.check ? CLI_OK : run_all(config, role, options.workers);
    if (options.end_with_parent && getppid() != parent)
        real_remove_workloads(config->driver->data_dir, "runc"); /* No next life will look after them. */
    protobuf_c_message_free_unpacked(&config->base, NULL);
    return status;
}
