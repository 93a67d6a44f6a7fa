/* The least that a proxy can do: every connection gets one of its own to the backend, and bytes are copied as they
 * come. Nothing is parsed. A request costs four system calls (read and write on either side) and its share of an
 * epoll_wait: what plain sockets allow, beside which the proxies of router.py are measured.
 *
 *     byte_proxy LISTEN_PORT BACKEND_PORT       both on 127.0.0.1
 *
 * Writes block: who asks for a kilobyte a time never fills a socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_EVENTS = 1024, ROOM = 65536, BACKLOG = 1024 };

/* One direction: what comes from `from` goes to `to`. */
struct side {
    int from, to;
    struct side *other; /* NULL for the listener, and once the pair is closed. */
    struct side *next_closed;
};

static struct side listener;
static struct sockaddr_in backend;
static int poll_fd;
static struct side *closed; /* In this round; a later event of the round may still name them. */

static void fail(const char *what)
{
    fprintf(stderr, "byte_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

static void watch(struct side *side)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = side};
    int on = 1;
    if (side != &listener)
        setsockopt(side->from, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, side->from, &event) != 0)
        fail("epoll_ctl");
}

static void open_pair(void)
{
    int client = accept(listener.from, NULL, NULL);
    if (client < 0)
        return;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0 || connect(server, (struct sockaddr *)&backend, sizeof backend) != 0)
        fail("backend");
    struct side *up = calloc(1, sizeof *up);
    struct side *down = calloc(1, sizeof *down);
    *up = (struct side){.from = client, .to = server, .other = down};
    *down = (struct side){.from = server, .to = client, .other = up};
    watch(up);
    watch(down);
}

static void close_side(struct side *side)
{
    close(side->from);
    side->other = NULL;
    side->next_closed = closed;
    closed = side;
}

static void close_pair(struct side *side)
{
    close_side(side->other);
    close_side(side);
}

static void copy(struct side *side)
{
    static char bytes[ROOM];
    ssize_t got = read(side->from, bytes, sizeof bytes);
    ssize_t sent = 0;
    for (ssize_t left = got; left > 0; left -= sent) {
        sent = write(side->to, bytes + (got - left), (size_t)left);
        if (sent < 0)
            break;
    }
    if (got <= 0 || sent < 0)
        close_pair(side);
}

static void free_closed(void)
{
    while (closed != NULL) {
        struct side *side = closed;
        closed = side->next_closed;
        free(side);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: byte_proxy LISTEN_PORT BACKEND_PORT\n");
        return 2;
    }
    struct sockaddr_in own = loopback(argv[1]);
    backend = loopback(argv[2]);
    int on = 1;
    listener.from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener.from, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener.from, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener.from, BACKLOG) != 0)
        fail("listen");
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(&listener);
    for (;;) {
        struct epoll_event events[MOST_EVENTS];
        int count = epoll_wait(poll_fd, events, MOST_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct side *side = events[i].data.ptr;
            if (side == &listener)
                open_pair();
            else if (side->other != NULL)
                copy(side);
        }
        free_closed();
    }
}
