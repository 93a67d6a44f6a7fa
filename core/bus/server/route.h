/* A cluster of bus servers: a full mesh, in which a message crosses at most one connection between servers. For
 * core/bus only.
 *
 *     client -- server A ==RMSG== server B -- client          A never passes on what came from B
 *
 * What is said on such a connection (a route), both ways, in the framing of the client protocol:
 *
 *     INFO {...}                              at once: who we are, and which cluster addresses we know; also later
 *     CONNECT {..., "has_route": bool}        after the peer's INFO: whether we are connected already; who has called
 *                                             names its credentials, who was called never does: it may be anybody
 *     +OK                                     from the server with the smaller id, which decides between duplicates
 *     RS+ $G <subject> [<queue> <members>]    somebody here listens to it; said again when the members change
 *     RS- $G <subject> [<queue>]              nobody any more
 *     RMSG $G <subject> [<reply> | + <reply> <queue>... | '|' <queue>...] <size>     to all plain subscribers, and to
 *                                             one member of each group named;    HMSG: the same with headers
 *     PING, PONG, -ERR '<text>'
 *
 * The life of a route (beside the phases of its struct server_client):
 *
 *     GREETED --INFO--> PETITIONED --CONNECT (the smaller id), +OK (the larger one)--> REGISTERED
 *
 * A REGISTERED route knows what its peer's clients listen to. No two of them lead to one server.
 */
#ifndef CUPOLA_CORE_BUS_SERVER_ROUTE_H
#define CUPOLA_CORE_BUS_SERVER_ROUTE_H

#include "core/bus/server/server.h"

enum { BUS_MAX_SERVER_ID = 64 };

enum route_phase { ROUTE_GREETED = 1, ROUTE_PETITIONED, ROUTE_REGISTERED };

/* Somebody at another server listens to it. */
struct route_interest {
    struct subscriber subscriber;
    struct hashed hashed; /* By route, subject and queue. */
    struct server_route *route;
    struct route_interest *prev, *next;
    uint64_t members; /* Of the queue group; 1 for none. */
    uint32_t subject_size, queue_size;
    char text[]; /* Both. */
};

/* An address where another server may be. */
struct route_target {
    struct server_cluster *cluster;
    struct route_target *prev, *next;
    char *host;
    uint16_t port;
    char *user, *password;               /* For it alone; NULL: those of the cluster. */
    bool is_learned;                     /* Forgotten when nobody is there for long. */
    bool is_ourselves;                   /* Never dialled again. */
    char peer_id[BUS_MAX_SERVER_ID + 1]; /* Who was there last. */
    uint32_t attempts;                   /* In vain, since the last success. */
    struct server_client *client;        /* While there is a connection that we made. */
    struct timer timer;
};

struct server_route {
    struct server_client *client;
    struct server_route *prev, *next;
    enum route_phase phase;
    bool is_admitted;  /* Its CONNECT was good. */
    bool peer_is_lame; /* About to stop: no client should go there. */
    char peer_id[BUS_MAX_SERVER_ID + 1];
    char *peer_url;              /* Where clients reach it; NULL if unknown. */
    char *peer_address;          /* Where servers reach it; NULL if unknown. */
    struct route_target *target; /* NULL: it connected to us. */

    struct route_interest *interests;
    size_t interest_count;

    /* Of the publication under way. */
    bool is_wanted;
    struct text queues; /* Groups to be served there, each with a blank before. */
    struct server_route *next_wanted;
};

struct server_cluster {
    struct bus_server *server;
    struct listener listener;
    char *host, *advertise;
    uint16_t port;
    char *user, *password; /* NULL: every server is let in. */
    char *tls;             /* Settings of the driver's; NULL: plain. */
    uint64_t refusals;
    uint64_t reconnect_first_ns, reconnect_most_ns;
    size_t max_pending, max_routes;
    bool is_listening;

    struct route_target *targets;
    size_t target_count;
    struct server_route *routes; /* All, in the order of their connections. */
    size_t route_count;
    size_t registered_count;

    struct subject_index index; /* Of interests. */
    struct hash_table interests;
    struct server_route *wanted;
    struct random_stream backoff, pick;
    struct text scratch;
};

/* route.c */
/* False, and a line in the log, if the configuration makes no sense. */
bool cluster_is_sensible(struct machine *machine, const Cupola__BusClusterConfig *config);
void cluster_open(struct bus_server *server, const Cupola__BusClusterConfig *config);
/* No more connections are made or taken. Those there are stay. */
void cluster_close(struct bus_server *server);
void cluster_free(struct bus_server *server);
void route_handle_frame(struct server_client *client, const struct nats_frame *frame);
/* The connection has been made or taken: says INFO. */
void route_greet(struct server_client *client);
/* If it is one that we made, and has met nobody: says why, now and then. */
void route_note_failure(const struct server_route *route, const char *why);
/* Its connection is over. Frees it. */
void route_end(struct server_client *client);
/* Tells all other servers of what INFO says. */
void cluster_send_news(struct bus_server *server);

struct server_route *route_open(struct server_cluster *cluster, struct server_client *client);

/* target.c */
/* Dials it at once. NULL if it is known, or if there are too many. */
struct route_target *target_add(struct server_cluster *cluster, const char *host, uint16_t port, bool is_learned);
/* The same for "nats://user:password@host:port", as somebody configured it; it must be valid. */
void target_add_url(struct server_cluster *cluster, const char *url);
bool target_url_is_valid(const char *url);
/* "host:port", as another server told it: not to be trusted. */
void target_learn(struct server_cluster *cluster, const char *text);
/* After a pause that grows while nobody is there. */
void target_dial_later(struct route_target *target);
void target_free(struct route_target *target);

/* interest.c */
/* A subscription of a client here was added; is about to be removed. */
void interest_announce(struct bus_server *server, const struct server_subscription *subscription);
void interest_withdraw(struct bus_server *server, const struct server_subscription *subscription);
/* Everything that clients here listen to. */
void interest_announce_all(struct server_route *route);
void interest_add(struct server_route *route, const struct nats_frame *frame);
void interest_drop(struct server_route *route, const struct nats_frame *frame);
void interest_forget_all(struct server_route *route);

/* forward.c */
/* Finds the servers to which the publication goes; to be called before it is delivered here. */
void forward_choose(struct bus_server *server, struct server_client *publisher, const struct nats_frame *frame,
                    const struct subject_match *local);
/* Sends it there. Returns the number of servers. */
size_t forward_send(struct bus_server *server, const struct nats_frame *frame);

#endif
