/* The component itself: configuration, start, drain, end. */
#include "core/router/router.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/components.h"
#include "core/router/back/backend.h"
#include "core/router/back/http2.h"
#include "core/router/front/http2.h"

#include <string.h>
#include <utlist.h>

enum { NEWCOMER_MS = 1000 };

/* ---- Start ---- */

static struct router *router_of(struct machine *machine)
{
    return container_of(machine, struct router, machine);
}

static struct router_settings settings_of(const Cupola__RouterConfig *config)
{
    return (struct router_settings){
        .limits = {.max_head_bytes = config->max_header_bytes, .max_headers = config->max_headers},
        .start_interval_ns = config->start_interval_ms * NS_PER_MS,
        .sweep_interval_ns = config->sweep_interval_ms * NS_PER_MS,
        .header_timeout_ns = config->header_timeout_ms * NS_PER_MS,
        .idle_timeout_ns = config->idle_timeout_ms * NS_PER_MS,
        .connect_timeout_ns = config->connect_timeout_ms * NS_PER_MS,
        .response_timeout_ns = config->response_timeout_ms * NS_PER_MS,
        .silence_ns = config->silence_ms * NS_PER_MS,
        .drain_ns = config->drain_ms * NS_PER_MS,
        .quarantine_ns = config->quarantine_ms * NS_PER_MS,
        .quarantine_most_ns = config->quarantine_most_ms * NS_PER_MS,
        .settle_ns = config->settle_ms * NS_PER_MS,
        .settle_most_ns = config->settle_most_ms * NS_PER_MS,
        .retry_ns = config->retry_ms * NS_PER_MS,
        .queue_ns = config->queue_ms * NS_PER_MS,
        .lonely_ns = config->lonely_ms * NS_PER_MS,
        .max_body_bytes = config->max_body_bytes,
        .min_body_rate = config->min_body_rate,
        .retries_per_s = config->retries_per_s,
        .max_attempts = config->max_attempts < MAX_TRIED ? config->max_attempts : MAX_TRIED,
        .connections_per_backend = config->connections_per_backend,
        .connections_per_client = config->connections_per_client,
        .max_queued = config->max_queued,
        .proxy_protocol = strcmp(config->proxy_protocol, "on") == 0        ? PROXY_ON
                          : strcmp(config->proxy_protocol, "trusted") == 0 ? PROXY_TRUSTED
                                                                           : PROXY_OFF,
        .replay_crashed = config->replay_crashed,
        .access_log = config->access_log,
        .max_connections = config->max_connections,
        .idle_backends_per_endpoint = config->idle_backends_per_endpoint,
        .max_buffered_bytes = config->max_buffered_bytes,
        .http2 =
            {
                .max_head_bytes = config->max_header_bytes,
                .max_headers = config->max_headers,
                .max_streams = config->max_streams,
                .max_buffered_bytes = config->max_buffered_bytes,
                .idle_ns = config->idle_timeout_ms * NS_PER_MS,
                .header_ns = config->header_timeout_ms * NS_PER_MS,
            },
    };
}

static void choose_session_key(struct router *router, const char *configured)
{
    if (configured != NULL && *configured != 0) {
        router->session_key[0] = random_hash(1, configured, strlen(configured));
        router->session_key[1] = random_hash(2, configured, strlen(configured));
        return;
    }
    struct random_stream stream = random_named(router->machine.seed, "router.session_key");
    router->session_key[0] = random_draw(&stream);
    router->session_key[1] = random_draw(&stream);
}

/* A network that cannot be read would silently trust nobody: the router does not start. */
static bool read_trusted(struct router *router, const Cupola__RouterConfig *config)
{
    router->trusted = memory_new((config->n_trusted_peers + 1) * sizeof *router->trusted);
    for (size_t i = 0; i < config->n_trusted_peers; i++) {
        const char *text = config->trusted_peers[i];
        if (!ip_read_network(text, strlen(text), &router->trusted[i])) {
            machine_log(&router->machine, LOG_ERROR, "trusted_peers[%zu]: %.64s is no address or network", i, text);
            return false;
        }
        router->trusted_count++;
    }
    const char *proxy = config->proxy_protocol;
    if (strcmp(proxy, "off") != 0 && router->settings.proxy_protocol == PROXY_OFF) {
        machine_log(&router->machine, LOG_ERROR, "proxy_protocol: %.64s is none of off, on, trusted", proxy);
        return false;
    }
    return true;
}

static void configure_table(struct router *router, const Cupola__RouterConfig *config)
{
    struct random_stream stream = random_named(router->machine.seed, "router.table");
    table_init(&router->table, random_draw(&stream));
    router->table.max_links = config->max_routes;
    router->table.stale_after_ns = config->stale_after_ms * NS_PER_MS;
    if (config->zone != NULL && *config->zone != 0 && strlen(config->zone) <= NAME_MOST)
        router->zone = names_share(&router->table.names, config->zone, strlen(config->zone));
}

static void on_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct machine *machine = listener->machine;
    if (status != IO_OK) {
        machine_log(machine, LOG_ERROR, "cannot listen: %s", io_status_name(status));
        machine_exit(machine, 1, (struct io_bytes){0});
        return;
    }
    machine_log(machine, LOG_INFO, "listening on %s:%u", router_of(machine)->listen_host, (unsigned)port);
}

static void on_tls_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct machine *machine = listener->machine;
    if (status != IO_OK) {
        machine_log(machine, LOG_ERROR, "cannot listen for TLS: %s", io_status_name(status));
        machine_exit(machine, 1, (struct io_bytes){0});
        return;
    }
    machine_log(machine, LOG_INFO, "listening for TLS on port %u", (unsigned)port);
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    static const Cupola__BusConfig default_bus = CUPOLA__BUS_CONFIG__INIT;
    static const Cupola__Endpoint default_listen = CUPOLA__ENDPOINT__INIT;
    (void)saved;
    struct router *router = router_of(machine);
    const Cupola__RouterConfig *config = (const Cupola__RouterConfig *)configuration;
    const Cupola__Endpoint *listen = config->listen != NULL ? config->listen : &default_listen;

    router->settings = settings_of(config);
    configure_table(router, config);
    sticky_configure(router, config);
    if (!read_trusted(router, config)) {
        machine_exit(machine, 1, (struct io_bytes){0});
        return;
    }
    router->pick_stream = random_named(machine->seed, "router.pick_endpoint");
    router->id_stream = random_named(machine->seed, "router.request_id");
    struct random_stream name_stream = random_named(machine->seed, "router.id");
    random_hex(&name_stream, router->id, 16);
    choose_session_key(router, config->session_key);

    router_open_bus(router, config->bus != NULL ? config->bus : &default_bus);
    router->listen_host = memory_copy_text(listen->host);
    router->listener.on_accepted = session_accept;
    router->listener.on_listening = on_listening;
    listener_open(machine, &router->listener, listen->host, (uint16_t)listen->port);
    if (config->tls_listen != NULL) {
        router->tls_listener.on_accepted = session_accept;
        router->tls_listener.on_listening = on_tls_listening;
        listener_open_tls(machine, &router->tls_listener, config->tls_listen->host, (uint16_t)config->tls_listen->port,
                          config->tls);
    }
    router->monitor.type = "Router";
    router->monitor.add_varz = router_add_varz;
    router->monitor.on_request = router_answer_monitor;
    monitor_open(machine, &router->monitor, &router->bus, config->monitor, NULL);
}

/* ---- Stop ---- */

static void finish(struct router *router)
{
    if (machine_has_exited(&router->machine))
        return;
    bus_client_close(&router->bus);
    machine_log(&router->machine, LOG_INFO, "stopped after %llu requests", (unsigned long long)router->stats.requests);
    machine_exit(&router->machine, 0, (struct io_bytes){0});
}

void router_finish_if_drained(struct router *router)
{
    if (router->is_draining && router->session_count == 0)
        finish(router);
}

static void on_drain_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, drain_timer);
    machine_log(&router->machine, LOG_WARNING, "%zu connections are cut: draining took too long",
                router->session_count);
    finish(router);
}

/* A client that was idle knows that its connection may end. One that has just come does not: what it asks may be on its
 * way, or here and not read yet. */
static void let_go(struct session *session)
{
    bool is_waiting = session->state == SESSION_READING && session->gather.size == 0;
    if (session->state == SESSION_HTTP2)
        http2_drain(session);
    else if (is_waiting && session->has_asked)
        session_close(session);
    else if (is_waiting)
        session_set_deadline(session, NEWCOMER_MS * NS_PER_MS);
}

/* Stops listening and lets outstanding requests end. Sends nothing on the bus: nobody there counts routers. */
static void stop(struct machine *machine)
{
    struct router *router = router_of(machine);
    if (router->is_draining)
        return;
    router->is_draining = true;
    listener_close(&router->listener);
    listener_close(&router->tls_listener);
    machine_log(machine, LOG_INFO, "draining %zu connections", router->session_count);
    struct session *session, *next;
    DL_FOREACH_SAFE2(router->sessions, session, next, next)
    {
        let_go(session);
    }
    while (router->idle_oldest != NULL)
        pool_flush(router->idle_oldest->endpoint);
    http2_drain_links(router);
    timer_set(machine, &router->drain_timer, router->settings.drain_ns, on_drain_timer);
    router_finish_if_drained(router);
}

/* No effects any more: what is still open is just forgotten. */
static void destroy(struct machine *machine)
{
    struct router *router = router_of(machine);
    struct session *session, *next_session;
    DL_FOREACH2(router->sessions, session, next)
    {
        queue_leave(session); /* Else the backends that are let go below would be offered to it. */
    }
    DL_FOREACH_SAFE2(router->sessions, session, next_session, next)
    {
        if (session->exchange.backend != NULL)
            backend_detach(session->exchange.backend);
        session_free(session);
    }
    struct backend *backend, *next_backend;
    DL_FOREACH_SAFE2(router->backends, backend, next_backend, next)
    {
        if (backend->state == BACKEND_IDLE)
            pool_remove(backend);
        backend_free(backend);
    }
    digests_close(router);
    lonely_close(router);
    clients_free(router);
    top_free(&router->top);
    http2_free_links(router);
    table_free(&router->table);
    for (size_t i = 0; i < router->sticky_cookie_count; i++)
        memory_free(router->sticky_cookies[i]);
    memory_free(router->sticky_cookies);
    memory_free(router->trusted);
    monitor_destroy(&router->monitor);
    bus_client_destroy(&router->bus);
    memory_free(router->listen_host);
}

const struct machine_class router_class = {
    .name = "router",
    .configuration = &cupola__router_config__descriptor,
    .size = sizeof(struct router),
    .passes_on = true,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = router_inspect,
};
