/* The router: HTTP/1.1 from anyone in front to the instances behind, as the bus tells where they are.
 *
 *   clients --- front/ --- back/ --- instances        front/    sessions: a client's connection, its requests
 *                 |           |                        back/     attempts, connections to instances and how these are
 *                 '- table/ --'--- bus.c --- DEAs      table/    hosts, the endpoints behind them, and who owns each
 *                                                      monitor/  what it shows of itself
 *
 * A session is one client connection with at most one request (its exchange) under way; a backend is one connection to
 * an endpoint. An exchange holds one backend from the moment it is tried until the response has ended.
 */
#ifndef CUPOLA_CORE_ROUTER_ROUTER_H
#define CUPOLA_CORE_ROUTER_ROUTER_H

#include "core/bus/client.h"
#include "core/http2/http2.h"
#include "core/machine/conn.h"
#include "core/machine/timer.h"
#include "core/monitor/monitor.h"
#include "core/router/back/ends.h"
#include "core/router/monitor/stats.h"
#include "core/router/monitor/top.h"
#include "core/router/table/table.h"
#include "core/wire/address.h"
#include "core/wire/http.h"

struct session;
struct backend;
struct http2_back;

enum proxy_protocol { PROXY_OFF = 0, PROXY_ON, PROXY_TRUSTED };

/* The configuration, in the units that the code uses. */
struct router_settings {
    struct http_limits limits;
    uint64_t start_interval_ns;
    uint64_t sweep_interval_ns;
    uint64_t header_timeout_ns;
    uint64_t idle_timeout_ns;
    uint64_t connect_timeout_ns;
    uint64_t response_timeout_ns, silence_ns;
    uint64_t drain_ns;
    uint64_t quarantine_ns, quarantine_most_ns;
    uint64_t settle_ns, settle_most_ns;
    uint64_t retry_ns, queue_ns, lonely_ns;
    uint64_t max_body_bytes, min_body_rate, retries_per_s;
    uint32_t max_attempts, connections_per_backend;
    size_t connections_per_client, max_queued;
    enum proxy_protocol proxy_protocol;
    bool replay_crashed;
    bool access_log;
    size_t max_connections;
    size_t idle_backends_per_endpoint;
    size_t max_buffered_bytes;
    struct h2_limits http2;
};

struct router {
    struct machine machine;
    struct router_settings settings;
    struct bus_client bus;
    struct monitor monitor;
    struct listener listener;
    struct http2_back *links;        /* To instances that speak HTTP/2... */
    struct http2_back *newest_links; /* ...and those that take new streams, by endpoint. */
    struct listener tls_listener;    /* Closed if none is configured. */
    struct table table;
    struct ends ends;
    struct stats stats;
    struct top top;
    struct http_head head; /* Of the message being handled; steps are not re-entrant. */

    struct session *sessions; /* All of them. */
    size_t session_count;
    struct backend *backends;    /* All of them. */
    struct backend *idle_oldest; /* Idle ones, by when they became idle. */

    struct queue *queues; /* Requests that wait for a backend, by route. */
    size_t queued_count;
    struct late_work queue_work;
    struct client_address *addresses; /* That have connections now. */
    struct ip_network *trusted;
    size_t trusted_count;
    char **sticky_cookies;
    size_t sticky_cookie_count;
    uint32_t zone; /* A name of the table; 0: none. */
    uint64_t retry_tokens, retry_refilled_ns;

    struct timer start_timer;
    struct timer news_timer; /* The bus has changed: all DEAs are asked. */
    struct timer sweep_timer;
    struct timer idle_timer;
    struct timer drain_timer;
    struct random_stream pick_stream;
    struct random_stream id_stream;
    uint64_t session_key[2];
    char id[33]; /* As router.start tells it. */
    char *listen_host;
    uint64_t settled_at_ns; /* NEVER_NS until the bus was there for the first time. */
    uint64_t settled_by_ns; /* At the latest. */
    uint32_t starts_sent;
    char inbox_subject[64]; /* Of digests that answer router.start. */
    struct bus_route table_routes[2];
    struct table_pull *pulls; /* Tables that are being asked for. */
    size_t pull_count;
    uint32_t pull_next; /* The source at which the search for the next one to be asked goes on. */
    uint64_t digests_agreed, digests_differed, gaps, tables_read;
    struct timer lonely_timer, lonely_again_timer;
    struct lonely_pull *lonely_pulls; /* The same without the bus. */
    size_t lonely_count;
    bool is_draining;
};

/* router.c: ends the process's life once the last session is gone while draining. */
void router_finish_if_drained(struct router *router);

/* bus.c */
void router_open_bus(struct router *router, const Cupola__BusConfig *config);
/* Whether a host that is not in the table may still be about to be registered. */
bool router_is_settling(const struct router *router);
/* Lets go of endpoints that left the table: idle connections now, busy ones when they end. */
void router_release_retired(struct router *router);

/* digests.c: digests and whole tables of DEAs */

/* Subscribes to router.digest and to an inbox for the answers to router.start. */
void digests_open(struct router *router);
void digests_close(struct router *router);
/* A message of a DEA came. If one before it was lost, the whole table is asked for at once. */
void router_note_change(struct router *router, const Cupola__RouterRegister *message);
/* Something registered by that source does not hold any more, it seems: its table is read again. */
void router_doubt_source(struct router *router, uint32_t source);
/* A whole table, or a part of it, between table_begin_source and table_end_source. */
void router_take_page(struct router *router, struct source *source, const Cupola__RouteTable *page);
/* A route came or went: the table still fills up. */
void router_put_off_settling(struct router *router);

/* lonely.c: tables of DEAs while there is no bus */
void lonely_open(struct router *router);
void lonely_close(struct router *router);
/* Something of that DEA is in doubt. Nothing happens while there is a bus. */
void lonely_ask(struct router *router, struct source *source);

/* metrics.c: /routes and /metrics, and /healthz while it is not ready */
bool router_answer_monitor(struct monitor *monitor, struct http_exchange *exchange);

/* varz.c */
void router_add_varz(struct monitor *monitor, struct text *json);
void router_inspect(struct machine *machine, struct text *json);

#endif
