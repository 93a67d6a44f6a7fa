/* The message bus server: what its files share. For core/bus only.
 *
 *     server.c           the component: start, listen, stop, inspect
 *     client.c           one connection: accepted, kept alive, cut, gone
 *     greeting.c         INFO: what a client is told of us and of the other servers
 *     closed.c           why connections ended
 *     verbs.c            what clients say: CONNECT, SUB, UNSUB, PUB, ...
 *     users.c            who may come in, and what each may say and hear; profiles.c: of each component
 *     delivery.c         one publication to all who listen here
 *     route.c            connections to the other servers of a cluster; route.h describes them
 *     interest.c         who listens at other servers
 *     forward.c          one publication to the servers where somebody listens
 *     monitor.c          /varz, /connz, /subsz, /routez and /healthz
 *
 * How a publication goes: on_bytes -> nats_parse -> server_publish -> subject_index_match -> a copy into `out` of every
 * receiver -> one WRITE a receiver at the end of the step. No step on that way allocates for each message.
 *
 * What a stranger can make us hold is bounded by the configuration: connections, subscriptions, one control line and
 * one payload a connection, max_pending unsent bytes a connection.
 */
#ifndef CUPOLA_CORE_BUS_SERVER_SERVER_H
#define CUPOLA_CORE_BUS_SERVER_SERVER_H

#include "core/base/random.h"
#include "core/bus/server/subject_index.h"
#include "core/bus/server/users.h"
#include "core/http/server.h"
#include "core/machine/conn.h"
#include "core/machine/timer.h"
#include "core/proto/config.pb-c.h"
#include "core/wire/nats.h"

enum { BUS_SPARES = 8 };
enum { BUS_MAX_SID = 64, BUS_MAX_NAME = 64, BUS_NONCE_SIZE = 23 };

struct bus_server;
struct server_client;
struct server_route;

/* Why a connection ended: what the peer is told, and what /connz shows. closed.c has the texts. */
enum close_reason {
    CLOSE_BY_PEER = 1,
    CLOSE_BY_NETWORK,
    CLOSE_SHUTDOWN,
    CLOSE_LAME_DUCK,
    CLOSE_STALE,
    CLOSE_PENDING,
    CLOSE_DEADLINE,
    CLOSE_DENIED,
    CLOSE_NO_CONNECT,
    CLOSE_LINE_TOO_LONG,
    CLOSE_PAYLOAD_TOO_LARGE,
    CLOSE_UNKNOWN_VERB,
    CLOSE_MALFORMED,
    CLOSE_NO_HEADERS,
    CLOSE_SENSELESS_CONNECT,
    CLOSE_TOO_MANY,
    CLOSE_DUPLICATE_ROUTE,
};

struct closed_client;

/* The newest ones; older ones are overwritten. */
struct closed_clients {
    struct closed_client *at;
    size_t capacity;
    uint64_t count; /* Ever. */
};

struct server_subscription {
    struct subscriber subscriber;
    struct hashed by_sid; /* Of the client and its sid. */
    struct server_client *client;
    struct server_subscription *prev, *next; /* Of the client, in the order of subscribing. */
    uint64_t delivered;
    union {
        uint64_t max; /* Ends by itself after so many; 0: never. */
        struct server_subscription *next_spent;
    } until;
    bool is_spent;
    uint8_t sid_size; /* With the blank behind it, as it goes into every delivery. */
    char sid[];
};

/* A client's life:
 *
 *   GREETED --CONNECT--> ACTIVE --cut, stop, END--> LEAVING --drained--> (closed)
 *   GREETED --cut, stop, END, connect_timeout--> LEAVING;   LEAVING --farewell timeout--> (aborted)
 *
 * A client that is LEAVING has no subscriptions, is not read, and waits only for its last bytes to leave.
 */
enum client_phase { CLIENT_GREETED = 1, CLIENT_ACTIVE, CLIENT_LEAVING };

struct server_client {
    struct conn conn;
    struct op tls_op;
    struct bus_server *server;
    struct server_client *prev, *next;
    uint64_t id;
    enum client_phase phase;
    enum close_reason reason; /* Once it is LEAVING. */
    struct nats_parser parser;
    struct server_route *route; /* NULL unless the peer is another server. */

    /* CONNECT said so. */
    bool verbose, pedantic, echo, headers, no_responders;
    bool takes_news; /* INFO at any time. */
    char *name, *lang;
    struct bus_user *user; /* NULL: may say and hear everything. */

    char *peer;
    int64_t accepted_s; /* Since 1970. */
    char nonce[BUS_NONCE_SIZE];

    struct text out;   /* What this step sends. */
    size_t usual_size; /* Of the last step's; room for the next is made at once. */
    struct server_client *next_dirty;
    bool is_dirty;
    bool is_too_slow;  /* To be cut at the end of the step. */
    bool is_congested; /* Publishers wait for it to drain. */
    bool is_held_back; /* Not read, because of a congested one. */
    struct server_client *prev_held, *next_held;
    uint64_t sent_bytes; /* Handed to the connection. */

    struct server_subscription *subscriptions;
    uint32_t subscription_count;

    struct timer timer; /* connect_timeout, then pings, then the farewell. */
    uint32_t pings_out;
    bool was_heard; /* Since the last ping. */
    uint64_t progress_bytes;
    uint64_t progress_ns; /* When that was noticed. */

    uint64_t in_messages, in_bytes, out_messages, out_bytes;
    uint64_t violations; /* Of its permissions. */
};

struct bus_server_limits {
    size_t max_connections;
    size_t max_address_connections; /* 0: no limit. */
    size_t max_subscriptions;
    size_t max_client_subscriptions;
    size_t max_control_line;
    size_t max_payload;
    size_t max_pending;
    size_t congested_at; /* Unsent bytes of one client at which its publishers are slowed down. */
    uint64_t ping_ns;
    uint32_t max_pings_out;
    uint64_t connect_timeout_ns;
    uint64_t write_deadline_ns;
    uint64_t lame_duck_ns;
};

struct bus_server_counters {
    uint64_t connections; /* Ever. */
    uint64_t in_messages, in_bytes, out_messages, out_bytes;
    uint64_t slow_consumers, stale_connections, refused_connections, protocol_errors, auth_failures;
    uint64_t invalid_subjects;
    uint64_t hold_backs;
    uint64_t permission_violations;
    uint64_t refused_subscriptions;
    uint64_t forwarded_messages;   /* To other servers. */
    uint64_t undelivered_messages; /* From other servers, for a queue group that nobody is in any more. */
};

struct server_monitor {
    struct http_server http;
    bool is_open; /* Asked for, and not yet drained. */
};

struct bus_server {
    struct machine machine;
    struct listener listener;
    struct bus_server_limits limits;
    struct bus_server_counters counters;
    char *host;
    uint16_t port;
    char *advertise; /* "host:port", or NULL. */
    char *tls;       /* Settings of the driver's; NULL: plain. */
    char *server_id;
    struct bus_users users;
    struct random_stream nonce;
    uint64_t started_ns;
    bool is_stopping;
    struct timer lame_duck; /* Its next clients go. */
    uint64_t lame_duck_end_ns;

    struct server_client *clients; /* And other servers. */
    size_t client_count;
    uint64_t last_client_id;
    struct closed_clients closed;
    struct server_cluster *cluster; /* NULL: alone. */

    struct subject_index index;
    struct hash_table by_sid;
    uint64_t sid_seed;
    size_t subscription_count;
    struct random_stream queue_pick;

    struct late_work late;
    struct buffer *spares[BUS_SPARES]; /* Large ones that were sent, or still are: to be used again. */
    size_t next_spare;
    struct server_client *dirty; /* Have something in `out`; the newest first. */
    struct server_subscription *spent;
    bool has_too_slow;
    bool is_congested_now; /* A delivery since the last look went to a congested client. */
    struct server_client *held_back;
    struct timer release;
    struct text scratch;

    struct server_monitor monitor;
};

/* server.c */
void server_exit_when_empty(struct bus_server *server);

/* client.c */
void client_accept(struct bus_server *server, struct io_conn id, const char *peer);
/* A connection to another server: accepted, or (id 0) to be connected. */
struct server_client *client_open_route(struct bus_server *server, struct io_conn id, const char *peer);
void client_dial(struct server_client *client, const char *host, uint16_t port);
/* The CONNECT was good. */
void client_activate(struct server_client *client);
void server_free_spares(struct bus_server *server);
/* Makes room in what is sent at the end of the step; follow with text_grow(&client->out, used). */
uint8_t *client_out_room(struct server_client *client, size_t size);
void client_send_string(struct server_client *client, const char *string);
/* -ERR 'text', and no more: the connection stays. */
void client_send_error(struct server_client *client, const char *text);
/* -ERR with the reason, if the peer is to be told, then the end. */
void client_leave(struct server_client *client, enum close_reason reason);
void client_free_all(struct bus_server *server);
/* Publishers go on after congestion. */
void clients_release(struct bus_server *server);

/* greeting.c */
void client_greet(struct server_client *client);
/* To all clients that take it: the servers that they may use have changed, or we are about to stop. */
void server_send_news(struct bus_server *server);
/* Our address as clients reach us, or "" if it is not known. */
void server_print_url(const struct bus_server *server, struct text *text);

/* closed.c */
void server_remember_closed(struct bus_server *server, const struct server_client *client);
void server_print_closed(const struct bus_server *server, struct text *json);
void server_closed_free(struct bus_server *server);
/* What the peer is told, or NULL; and what people are shown. */
const char *close_reason_farewell(enum close_reason reason);
const char *close_reason_name(enum close_reason reason);
enum close_reason close_reason_of(enum nats_result result);

/* verbs.c */
void client_handle_frame(struct server_client *client, const struct nats_frame *frame);
/* -ERR 'Permissions Violation for <act> "<subject>"', counted. */
void client_deny(struct server_client *client, const char *act, struct nats_text subject);
void client_drop_subscription(struct server_subscription *subscription);

/* delivery.c */
void server_publish(struct server_client *publisher, const struct nats_frame *frame);
/* Whether somebody here would get a message of that publisher for the queue group. */
bool server_group_is_served(struct bus_server *server, const struct server_client *publisher,
                            const struct subject_match *match, struct nats_text group);

/* monitor.c */
void server_monitor_open(struct bus_server *server, const Cupola__BusServerConfig *config);
void server_monitor_close(struct bus_server *server);
void server_monitor_destroy(struct bus_server *server);
/* The server's state as one JSON object. */
void server_print_varz(const struct bus_server *server, struct text *json);

#endif
