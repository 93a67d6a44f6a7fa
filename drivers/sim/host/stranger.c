#include "drivers/sim/host/stranger.h"

#include "core/base/memory.h"
#include "core/io.h"
#include "drivers/sim/network/socket.h"

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 48\r\nConnection: close\r\n\r\n"
                             "app=stranger index=0 instance=stranger version=\n";

struct stranger {
    struct host *host;
    struct port port;
};

static void on_bytes(struct socket *socket, struct slice lent)
{
    (void)lent;
    socket_write(socket, slice_copy(answer, sizeof answer - 1));
    socket_close(socket, false);
}

static void on_end(struct socket *socket)
{
    socket_close(socket, false);
}

static void on_written(struct socket *socket, size_t size)
{
    (void)socket;
    (void)size;
}

static void on_closed(struct socket *socket, enum io_status status)
{
    (void)socket;
    (void)status;
}

/* A connection needs nothing of the stranger, and may outlive it. */
static void on_accepted(struct port *port, struct socket *socket)
{
    static const struct socket_handlers handlers = {
        .on_bytes = on_bytes, .on_end = on_end, .on_written = on_written, .on_closed = on_closed};
    (void)port;
    socket_accept(socket, &handlers, NULL, "stranger");
    socket_read(socket, SIZE_MAX);
}

struct stranger *stranger_new(struct host *host, uint16_t port)
{
    struct stranger *stranger = memory_new(sizeof *stranger);
    *stranger = (struct stranger){.host = host, .port = {.number = port, .on_accepted = on_accepted}};
    if (host_open_port(host, &stranger->port))
        return stranger;
    memory_free(stranger);
    return NULL;
}

void stranger_free(struct stranger *stranger)
{
    if (stranger == NULL)
        return;
    host_close_port(stranger->host, &stranger->port);
    memory_free(stranger);
}
