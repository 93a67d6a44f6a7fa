/* Listeners: bound with SO_REUSEADDR, a long backlog, and a bounded number of accepts a round of the loop, so that a
 * flood of connections does not starve those that are served. Tells those who started us where we listen. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/files.h"
#include "drivers/real/streams/handover.h"
#include "drivers/real/streams/stream.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct listening {
    uv_tcp_t tcp;
    uv_timer_t resume; /* Accepts what was left over in the last round. */
    struct real_driver *driver;
    struct io_listener id;
    uint16_t port; /* 0 until it listens. */
    char *tls;     /* Name of the settings, which a reload keeps; NULL: plain. */
    uint64_t accept_round;
    unsigned accept_count; /* In that round. */
    bool waiting;          /* A connection was left with libuv. */
    bool is_adopted;       /* Another socket for the same as one before it. */
    unsigned open_handles;
    struct listening *next;
};

/* ---- Accepting ---- */

void stream_name_peer(const struct stream *stream, char ret_peer[STREAM_PEER_SIZE])
{
    struct sockaddr_storage address = {0};
    int size = sizeof address;
    char host[64], service[8];
    if (uv_tcp_getpeername(&stream->tcp, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((const struct sockaddr *)&address, (socklen_t)size, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(ret_peer, STREAM_PEER_SIZE, "0.0.0.0:0"); /* It has gone already. */
    else
        snprintf(ret_peer, STREAM_PEER_SIZE, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, service);
}

static void accept_one(struct listening *listening)
{
    struct real_driver *driver = listening->driver;
    struct stream *stream = stream_new(driver);
    int error = uv_accept((uv_stream_t *)&listening->tcp, (uv_stream_t *)&stream->tcp);
    if (error != 0) {
        stream_discard(stream);
        return;
    }
    uv_tcp_nodelay(&stream->tcp, 1);
    if (listening->tls != NULL) {
        stream_tls_accept(stream, listening->id, tls_settings_find(driver, listening->tls));
        return;
    }
    stream->state = STREAM_OPEN;
    stream_put(stream, stream_free_odd_id(driver));
    char peer[STREAM_PEER_SIZE];
    stream_name_peer(stream, peer);
    struct event event = {.kind = EVENT_ACCEPTED};
    event.accepted.listener = listening->id;
    event.accepted.conn = stream->id;
    event.accepted.peer = peer;
    driver_deliver(driver, &event);
}

static void on_resume(uv_timer_t *timer)
{
    struct listening *listening = timer->data;
    listening->waiting = false;
    listening->accept_round = listening->driver->round;
    listening->accept_count = 1;
    accept_one(listening); /* libuv goes on accepting after this. */
}

/* libuv would cut them. */
void listenings_accept_waiting(struct real_driver *driver)
{
    for (struct listening *one = driver->listenings; one != NULL && !driver->exited; one = one->next) {
        if (!one->waiting)
            continue;
        one->waiting = false;
        uv_timer_stop(&one->resume);
        accept_one(one);
    }
}

static void on_connection(uv_stream_t *handle, int error)
{
    struct listening *listening = handle->data;
    struct real_driver *driver = listening->driver;
    if (error != 0) {
        driver_log(driver, LOG_WARNING, "cannot accept a connection: %s", uv_strerror(error));
        return;
    }
    if (listening->accept_round != driver->round) {
        listening->accept_round = driver->round;
        listening->accept_count = 0;
    }
    if (listening->accept_count++ >= ACCEPTS_A_ROUND) {
        listening->waiting = true; /* libuv stops accepting until this one is taken. */
        uv_timer_start(&listening->resume, on_resume, 0, 0);
        return;
    }
    accept_one(listening);
}

/* ---- Telling where we listen ---- */

/* `listen` is the port of the listener that the component opened first. */
static void write_notify_file(struct real_driver *driver)
{
    const char *path = driver->config->notify;
    if (path == NULL || path[0] == 0)
        return;
    struct text json = {0};
    text_addf(&json, "{\"listen\":%u,\"all\":[", driver->listenings == NULL ? 0u : driver->listenings->port);
    for (const struct listening *listening = driver->listenings; listening != NULL; listening = listening->next)
        if (!listening->is_adopted)
            text_addf(&json, "%s%u", listening == driver->listenings ? "" : ",", listening->port);
    text_add_string(&json, "]}\n");
    struct text reason = {0};
    if (files_replace(path, (struct io_bytes){(const uint8_t *)text_string(&json), json.size}, 0644, &reason) != IO_OK)
        driver_log(driver, LOG_ERROR, "cannot tell the port: %s", text_string(&reason));
    text_free(&json);
    text_free(&reason);
}

/* ---- Opening and closing ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct listening *listening = handle->data;
    listening->driver->handle_count--;
    if (--listening->open_handles > 0)
        return;
    memory_free(listening->tls);
    memory_free(listening);
}

static void close_handles(struct listening *listening)
{
    uv_close((uv_handle_t *)&listening->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&listening->resume, on_handle_closed);
}

static struct listening *new_listening(struct real_driver *driver, struct io_listener id)
{
    struct listening *listening = memory_new(sizeof *listening);
    listening->driver = driver;
    listening->id = id;
    uv_tcp_init(driver->loop, &listening->tcp);
    uv_timer_init(driver->loop, &listening->resume);
    listening->tcp.data = listening->resume.data = listening;
    listening->open_handles = 2;
    driver->handle_count += 2;
    return listening;
}

/* A name is looked up on the spot: this happens at start only, and the answer is needed to go on. */
static int find_address(uv_loop_t *loop, const char *host, uint16_t port, struct sockaddr_storage *ret_address)
{
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)ret_address) == 0 ||
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret_address) == 0)
        return 0;
    uv_getaddrinfo_t request;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC, .ai_flags = AI_PASSIVE};
    int error = uv_getaddrinfo(loop, &request, NULL, host, service, &hints);
    if (error == 0)
        memcpy(ret_address, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    uv_freeaddrinfo(error == 0 ? request.addrinfo : NULL);
    return error;
}

/* With reuse_port several processes listen on it, and the kernel spreads connections over them. */
static int open_socket(const struct real_driver *driver, const struct sockaddr_storage *address)
{
    int on = 1;
    int descriptor = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return uv_translate_sys_error(errno);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if ((driver->config->reuse_port && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        bind(descriptor, (const struct sockaddr *)address,
             address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) != 0) {
        int error = uv_translate_sys_error(errno);
        close(descriptor);
        return error;
    }
    return descriptor;
}

static int bind_or_take(struct listening *listening, const struct sockaddr_storage *address)
{
    int descriptor = handover_take(listening->driver, (const struct sockaddr *)address);
    if (descriptor < 0)
        descriptor = open_socket(listening->driver, address);
    if (descriptor < 0)
        return descriptor;
    int error = uv_tcp_open(&listening->tcp, descriptor);
    if (error != 0)
        close(descriptor);
    return error;
}

static int start_listening(struct listening *listening, const char *host, uint16_t port)
{
    struct sockaddr_storage address = {0};
    int error = find_address(listening->driver->loop, host, port, &address);
    if (error == 0)
        error = bind_or_take(listening, &address);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&listening->tcp, LISTEN_BACKLOG, on_connection);
    if (error != 0)
        return error;
    int size = sizeof address;
    uv_tcp_getsockname(&listening->tcp, (struct sockaddr *)&address, &size);
    listening->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                          : ((struct sockaddr_in *)&address)->sin_port);
    return 0;
}

/* libuv keeps getaddrinfo's errors apart from errno's: UV_EAI_ADDRFAMILY is the first of them, downwards. */
static bool is_lookup_error(int error)
{
    return error <= UV_EAI_ADDRFAMILY && error > UV_EAI_ADDRFAMILY - 100;
}

static void append(struct real_driver *driver, struct listening *listening)
{
    struct listening **link = &driver->listenings;
    while (*link != NULL)
        link = &(*link)->next;
    *link = listening;
}

void listening_open(struct real_driver *driver, const struct effect *effect)
{
    const char *host = effect->listen.host;
    uint16_t port = effect->listen.port;
    const char *tls = effect->listen.tls;
    struct tls_settings *settings = tls == NULL ? NULL : tls_settings_find(driver, tls);
    if (tls != NULL && (settings == NULL || !tls_settings_may_serve(settings))) {
        driver_log(driver, LOG_ERROR,
                   "cannot listen on %s:%u: there are no TLS settings named \"%s\" with a certificate", host, port,
                   tls);
        driver_done_text(driver, effect->op, IO_INVALID, "no such TLS settings");
        return;
    }
    struct listening *listening = new_listening(driver, effect->listen.listener);
    listening->tls = tls == NULL ? NULL : memory_copy_text(tls);
    int error = start_listening(listening, host, port);
    if (error != 0) {
        driver_log(driver, LOG_ERROR, "cannot listen on %s:%u: %s", host, port, uv_strerror(error));
        close_handles(listening);
        enum io_status status = is_lookup_error(error) ? IO_UNREACHABLE : status_of_errno(error);
        driver_done_text(driver, effect->op, status, uv_strerror(error));
        return;
    }
    append(driver, listening);
    driver_done(driver, effect->op, IO_OK, listening->port, (struct io_bytes){0});
    driver->notify_wanted = true;
}

/* Of the same id are those that were adopted; none, if it never came to listen. */
void listening_close(struct real_driver *driver, struct io_listener id)
{
    struct listening **link = &driver->listenings;
    while (*link != NULL) {
        struct listening *listening = *link;
        if (listening->id.id != id.id) {
            link = &listening->next;
            continue;
        }
        *link = listening->next;
        close_handles(listening);
    }
}

static void adopt(struct listening *first, int descriptor)
{
    struct listening *listening = new_listening(first->driver, first->id);
    listening->tls = first->tls == NULL ? NULL : memory_copy_text(first->tls);
    listening->port = first->port;
    listening->is_adopted = true;
    int error = uv_tcp_open(&listening->tcp, descriptor);
    if (error != 0)
        close(descriptor);
    else
        error = uv_listen((uv_stream_t *)&listening->tcp, LISTEN_BACKLOG, on_connection);
    if (error != 0) {
        driver_log(first->driver, LOG_WARNING, "cannot take a socket over: %s", uv_strerror(error));
        close_handles(listening);
        return;
    }
    append(first->driver, listening);
}

void listenings_adopt(struct real_driver *driver)
{
    for (struct listening *one = driver->listenings; one != NULL; one = one->next) {
        struct sockaddr_storage address = {0};
        int size = sizeof address, descriptor;
        if (one->is_adopted || uv_tcp_getsockname(&one->tcp, (struct sockaddr *)&address, &size) != 0)
            continue;
        while ((descriptor = handover_take(driver, (const struct sockaddr *)&address)) >= 0)
            adopt(one, descriptor);
    }
}

size_t listenings_descriptors(const struct real_driver *driver, int ret_descriptors[HANDOVER_SOCKETS_MOST])
{
    size_t count = 0;
    for (const struct listening *one = driver->listenings; one != NULL && count < HANDOVER_SOCKETS_MOST;
         one = one->next)
        count += uv_fileno((const uv_handle_t *)&one->tcp, &ret_descriptors[count]) == 0;
    return count;
}

void listenings_close_all(struct real_driver *driver)
{
    while (driver->listenings != NULL)
        listening_close(driver, driver->listenings->id);
}

void listenings_notify(struct real_driver *driver)
{
    if (!driver->notify_wanted)
        return;
    driver->notify_wanted = false;
    write_notify_file(driver);
    if (driver->listenings != NULL)
        handover_on_listening(driver);
}
