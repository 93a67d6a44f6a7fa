/* The process that watches workers does nothing else: it holds ports that were to be any free ones, so that all workers
 * get the same, and passes signals on. A worker that ends by itself with success has handed over to a successor. */
#include "cli/run/workers.h"

#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/base/assert.h"
#include "core/base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SHORT_LIFE_S = 1 };

struct worker {
    pid_t pid; /* 0: has ended for good. */
    time_t started_s;
};

/* ---- Ports ---- */

/* A port that nobody else has; the socket is kept open and never listens. 0 if there is none. */
static uint32_t hold_port(const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int on = 1;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, host, &address.sin_addr) == 1 &&
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(descriptor, (const struct sockaddr *)&address, size) == 0 &&
        getsockname(descriptor, (struct sockaddr *)&address, &size) == 0)
        return ntohs(address.sin_port);
    close(descriptor);
    return 0;
}

static bool fix_port(Cupola__Endpoint *endpoint)
{
    if (endpoint == NULL || endpoint->port != 0)
        return true;
    endpoint->port = hold_port(endpoint->host);
    endpoint->has_port = true;
    if (endpoint->port == 0)
        terminal_error("workers cannot share a free port of \"%s\": name a port", endpoint->host);
    return endpoint->port != 0;
}

/* Sticky cookies and TLS sessions of one worker must mean something to the others. */
static void share_secret(char **secret)
{
    uint64_t key[4];
    char text[80];
    if (*secret != NULL && **secret != 0)
        return;
    ssize_t size = getrandom(key, sizeof key, 0);
    assert_that(size == (ssize_t)sizeof key);
    snprintf(text, sizeof text, "%016llx%016llx%016llx%016llx", (unsigned long long)key[0], (unsigned long long)key[1],
             (unsigned long long)key[2], (unsigned long long)key[3]);
    *secret = memory_copy_text(text);
}

static bool prepare(Cupola__ProcessConfig *config, const struct run_role *role)
{
    if (strcmp(role->name, "router") != 0) {
        terminal_error("only a router can have several workers");
        return false;
    }
    Cupola__RouterConfig *router = (Cupola__RouterConfig *)run_config_section(config, role);
    if (router->listen == NULL && !run_config_set_listen(config, role, "127.0.0.1:0"))
        return false;
    Cupola__DriverConfig *driver = run_config_driver(config);
    share_secret(&router->session_key);
    share_secret(&driver->ticket_key);
    driver->has_reuse_port = driver->reuse_port = true;
    mkdir(driver->data_dir, 0755);
    return fix_port(router->listen) && fix_port(router->tls_listen);
}

/* ---- A worker ---- */

/* Workers of the router that we follow for whom there is no successor: the first of ours stops them. */
static void supersede_others(Cupola__DriverConfig *driver, unsigned count)
{
    char text[4096];
    driver->supersedes = memory_new(RUN_WORKERS_MOST * sizeof *driver->supersedes);
    for (unsigned index = count; index < RUN_WORKERS_MOST; index++) {
        snprintf(text, sizeof text, "%s/worker-%u", driver->data_dir, index);
        if (access(text, F_OK) == 0)
            driver->supersedes[driver->n_supersedes++] = memory_copy_text(text);
    }
}

static void become_worker(Cupola__ProcessConfig *config, unsigned index, unsigned count)
{
    Cupola__DriverConfig *driver = run_config_driver(config);
    Cupola__MonitorConfig *monitor = config->router->monitor;
    char text[4096];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (index == 0 && driver->handover && driver->n_supersedes == 0)
        supersede_others(driver, count);
    snprintf(text, sizeof text, "%s/worker-%u", driver->data_dir, index);
    run_config_set_driver_text(driver, "data_dir", text);
    if (driver->record != NULL && driver->record[0] != 0) {
        snprintf(text, sizeof text, "%s.%u", driver->record, index);
        run_config_set_driver_text(driver, "record", text);
    }
    if (index == 0)
        return;
    run_config_set_driver_text(driver, "notify", ""); /* The first one tells. */
    if (monitor != NULL && monitor->listen != NULL && monitor->listen->port != 0)
        monitor->listen->port += index;
}

/* True in the child. */
static bool start_worker(struct worker *worker, sigset_t *watched)
{
    worker->started_s = time(NULL);
    worker->pid = fork();
    if (worker->pid < 0) {
        terminal_error("cannot start a worker: %s", strerror(errno));
        worker->pid = 0;
    } else if (worker->pid == 0) {
        sigprocmask(SIG_UNBLOCK, watched, NULL);
        return true;
    }
    return false;
}

/* ---- Watching ---- */

static void signal_all(const struct worker *workers, unsigned count, int number)
{
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].pid > 0)
            kill(workers[i].pid, number);
    }
}

static unsigned count_alive(const struct worker *workers, unsigned count)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < count; i++)
        alive += workers[i].pid > 0;
    return alive;
}

/* Those that died are started again, unless everything ends. True in a child; *ret_index tells which. */
static bool reap(struct worker *workers, unsigned count, sigset_t *watched, bool is_stopping, unsigned *ret_index)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        unsigned index = 0;
        while (index < count && workers[index].pid != pid)
            index++;
        if (index == count)
            continue;
        workers[index].pid = 0;
        bool has_failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        if (!has_failed || is_stopping)
            continue;
        terminal_error("worker %u has died; it is started again", index);
        if (time(NULL) - workers[index].started_s <= SHORT_LIFE_S)
            sleep(SHORT_LIFE_S); /* Its reason may be gone then. */
        *ret_index = index;
        if (start_worker(&workers[index], watched))
            return true;
    }
    return false;
}

bool run_workers(Cupola__ProcessConfig *config, const struct run_role *role, unsigned count, int *ret_status)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
    struct worker workers[RUN_WORKERS_MOST] = {0};
    sigset_t watched;
    *ret_status = CLI_USAGE;
    if (!prepare(config, role))
        return false;
    sigemptyset(&watched);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&watched, numbers[i]);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    bool is_stopping = false;
    unsigned index = 0;
    for (; index < count; index++) {
        if (start_worker(&workers[index], &watched)) {
            become_worker(config, index, count);
            return true;
        }
    }
    while (count_alive(workers, count) > 0) {
        int number = sigwaitinfo(&watched, NULL);
        if (number == SIGCHLD) {
            if (reap(workers, count, &watched, is_stopping, &index)) {
                become_worker(config, index, count);
                return true;
            }
        } else if (number > 0) {
            is_stopping = is_stopping || number == SIGTERM || number == SIGINT;
            signal_all(workers, count, number);
        }
    }
    *ret_status = CLI_OK;
    return false;
}
