/* The least that a bus can do with publications: greets as one, reads, and answers PING. Nothing is parsed; beside it
 * bus.sh prints what servers do of which the sender and the kernel's copies alone allow so much.
 *
 *     bus_sink PORT       on 127.0.0.1, one connection after the other */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 65536, BACKLOG = 16 };

static const char info[] = "INFO {\"server_id\":\"sink\",\"version\":\"2.9.0\",\"max_payload\":1048576}\r\n";
static const char ping[] = "PING\r\n";

static void fail(const char *what)
{
    fprintf(stderr, "bus_sink: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        fail("write");
}

/* Whoever sends a PING waits for its answer, so it is at the end of what was read. */
static int ends_with_ping(const char *bytes, size_t size)
{
    size_t length = sizeof ping - 1;
    return size >= length && memcmp(bytes + size - length, ping, length) == 0;
}

/* As a server does: waits for bytes, then reads. */
static void serve(int fd)
{
    static char bytes[ROOM];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
    say(fd, info);
    for (;;) {
        if (epoll_wait(poll_fd, &event, 1, -1) < 0)
            continue;
        ssize_t got = 0;
        do {
            got = read(fd, bytes, sizeof bytes);
        } while (got == ROOM);
        if (got <= 0)
            break;
        if (ends_with_ping(bytes, (size_t)got))
            say(fd, "PONG\r\n");
    }
    close(poll_fd);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bus_sink PORT\n");
        return 2;
    }
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)atoi(argv[1])),
                              .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, BACKLOG) != 0)
        fail("listen");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        serve(fd);
        close(fd);
    }
}
