/* The session's beginning, see exec_session.h. */
#include "drivers/real/workloads/exec_session.h"

#include "drivers/real/real.h"
#include "drivers/real/workloads/supervisor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_ARGUMENTS = 6, SECRET_SIZE = 33, CONNECT_MS = 10000, SAY_MS = 5000 };

static void draw_secret(char ret_secret[SECRET_SIZE])
{
    unsigned char bytes[(SECRET_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        _exit(1);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_secret + 2 * i, 3, "%02x", bytes[i]);
}

static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    *ret_port = ntohs(address.sin_port);
    return listener;
}

static bool is_readable(int descriptor, int most_ms)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLIN};
    return poll(&ready, 1, most_ms) == 1;
}

/* Byte by byte: what follows the secret belongs to the frames. */
static bool says_secret(int connection, const char *secret)
{
    char said[SECRET_SIZE] = "";
    for (size_t i = 0; i < SECRET_SIZE; i++)
        if (!is_readable(connection, SAY_MS) || read(connection, &said[i], 1) != 1)
            return false;
    return said[SECRET_SIZE - 1] == '\n' && memcmp(said, secret, SECRET_SIZE - 1) == 0;
}

/* Nobody's child, as supervisors are: the agent has no zombies of ours. */
static void detach(void)
{
    if (fork() > 0)
        _exit(0);
    setsid();
    close_range(SUPERVISOR_CONNECTION + 1, ~0U, 0);
    fcntl(SUPERVISOR_CONNECTION, F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "cupola-exec");
}

static void serve(const struct exec_order *order)
{
    char secret[SECRET_SIZE];
    uint16_t port = 0;
    int listener = listen_on_loopback(&port);
    if (listener < 0) {
        dprintf(SUPERVISOR_CONNECTION, "error cannot listen: %s\n", strerror(errno));
        return;
    }
    draw_secret(secret);
    dprintf(SUPERVISOR_CONNECTION, "ok %u %s\n", port, secret);
    close(SUPERVISOR_CONNECTION);
    int connection = is_readable(listener, CONNECT_MS) ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    close(listener);
    if (connection >= 0 && says_secret(connection, secret))
        exec_run(order, connection);
}

/* KIND FOLDER OCI-RUNTIME ROWS COLUMNS COMMAND... */
int real_exec(int argc, char **argv)
{
    struct stat info;
    struct text why_not = {0};
    if (argc < FIRST_ARGUMENTS + 1 || fstat(SUPERVISOR_CONNECTION, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        fprintf(stderr, "cupola %s is the program's own affair: it runs one command beside a workload\n", argv[0]);
        return 2;
    }
    detach();
    struct exec_order order = {.kind = workload_kind_of(argv[1]),
                               .folder = path_of("%s", argv[2]),
                               .oci_runtime = argv[3],
                               .rows = (unsigned)atoi(argv[4]),
                               .columns = (unsigned)atoi(argv[5]),
                               .argv = argv + FIRST_ARGUMENTS};
    if (order.kind != NULL && exec_find_target(&order, &why_not))
        serve(&order);
    else
        dprintf(SUPERVISOR_CONNECTION, "error %s\n", text_string(&why_not));
    _exit(0);
}
