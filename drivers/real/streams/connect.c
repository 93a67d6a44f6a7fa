/* Connections that the component opens: names are looked up on the thread pool; there is no time-out but the kernel's.
 */
#include "drivers/real/streams/stream.h"

#include <stdio.h>
#include <string.h>

/* The kernel may choose the very port we connect to as our own: a connection with ourselves. Port probes of a DEA
 * would take it for an application. */
static bool is_self_connected(const struct stream *stream)
{
    struct sockaddr_storage ours = {0}, theirs = {0};
    int ours_size = sizeof ours, theirs_size = sizeof theirs;
    if (uv_tcp_getsockname(&stream->tcp, (struct sockaddr *)&ours, &ours_size) != 0 ||
        uv_tcp_getpeername(&stream->tcp, (struct sockaddr *)&theirs, &theirs_size) != 0)
        return false;
    return ours_size == theirs_size && memcmp(&ours, &theirs, (size_t)ours_size) == 0;
}

static void on_connected(uv_connect_t *request, int error)
{
    struct stream *stream = request->data;
    struct real_driver *driver = stream->driver;
    if (stream->state != STREAM_CONNECTING)
        return; /* Closed meanwhile. */
    if (error == 0 && is_self_connected(stream))
        error = UV_ECONNREFUSED;
    if (error != 0) {
        stream_fail(stream, status_of_errno(error));
        driver_pump(driver);
        return;
    }
    if (stream->tls != NULL) {
        stream_tls_connect(stream);
        return;
    }
    stream->state = STREAM_OPEN;
    struct event event = {.kind = EVENT_CONNECTED};
    event.connected.conn = stream->id;
    driver_deliver(driver, &event);
}

static void connect_to(struct stream *stream, const struct sockaddr *address)
{
    stream->connect.data = stream;
    int error = uv_tcp_connect(&stream->connect, &stream->tcp, address, on_connected);
    if (error != 0) {
        stream_fail(stream, status_of_errno(error));
        return;
    }
    uv_tcp_nodelay(&stream->tcp, 1);
}

static void on_looked_up(uv_getaddrinfo_t *request, int error, struct addrinfo *found)
{
    struct stream *stream = request->data;
    struct real_driver *driver = stream->driver;
    stream->resolving = false;
    if (stream->state == STREAM_CONNECTING) {
        if (error == 0)
            connect_to(stream, found->ai_addr);
        else
            stream_fail(stream, IO_UNREACHABLE);
    }
    uv_freeaddrinfo(found);
    stream_free_if_unused(stream);
    driver_pump(driver);
}

static void begin_connecting(struct stream *stream, const char *host, uint16_t port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(host, port, &v4) == 0) {
        connect_to(stream, (const struct sockaddr *)&v4);
        return;
    }
    if (uv_ip6_addr(host, port, &v6) == 0) {
        connect_to(stream, (const struct sockaddr *)&v6);
        return;
    }
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC, .ai_flags = AI_ADDRCONFIG};
    stream->lookup.data = stream;
    stream->resolving = uv_getaddrinfo(stream->driver->loop, &stream->lookup, on_looked_up, host, service, &hints) == 0;
    if (!stream->resolving)
        stream_fail(stream, IO_UNREACHABLE);
}

void stream_connect(struct real_driver *driver, const struct effect *effect)
{
    struct stream *stream = stream_new(driver);
    stream->state = STREAM_CONNECTING;
    stream_put(stream, effect->connect.conn);
    const char *host = effect->connect.host, *tls = effect->connect.tls;
    struct tls_settings *settings = tls == NULL ? NULL : tls_settings_find(driver, tls);
    if (tls != NULL && settings == NULL) {
        driver_log(driver, LOG_ERROR, "there are no TLS settings named \"%s\"", tls);
        stream_fail(stream, IO_INVALID);
        return;
    }
    if (settings != NULL) {
        const char *name = effect->connect.server_name;
        stream->tls = tls_new(stream, settings, name != NULL ? name : host);
    }
    begin_connecting(stream, host, effect->connect.port);
}
