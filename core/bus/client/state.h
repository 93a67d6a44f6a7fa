/* What the files of the bus client share. For core/bus only.
 *
 *   DOWN --timer--> CONNECTING --connected--> GREETING --INFO--> CHECKING --PONG--> UP
 *   CONNECTING, GREETING, CHECKING, UP --lost--> DOWN;   any --bus_client_close--> SHUT
 *
 * Invariant: client->is_connected exactly while the link is UP.
 */
#ifndef CUPOLA_CORE_BUS_CLIENT_STATE_H
#define CUPOLA_CORE_BUS_CLIENT_STATE_H

#include "core/base/random.h"
#include "core/bus/client.h"
#include "core/bus/client/message_class.h"
#include "core/wire/nats.h"

enum link_state {
    LINK_DOWN = 1,   /* Waits for the next attempt, or for the end of a lost connection. */
    LINK_CONNECTING, /* To servers.at[servers.current]. */
    LINK_GREETING,   /* Waits for INFO. */
    LINK_CHECKING,   /* CONNECT and PING are sent: the PONG says that we were let in. */
    LINK_UP,
    LINK_SHUT, /* Closed by the component, for good. */
};

struct bus_server_address {
    char *host;
    uint16_t port;
    bool is_learned; /* From a server's INFO, not from the configuration. */
};

/* Where the bus may be. Tried in turn. */
struct bus_server_list {
    struct bus_server_address *at;
    size_t count;
    size_t current;
};

/* A PUB that waits: for a connection, or to be known to have arrived. */
struct bus_pending {
    struct bus_pending *next;
    const struct message_class *class;
    uint64_t published_ns;
    uint64_t number; /* Once it was sent. */
    bool is_early;   /* Sent when others had perhaps not yet come back: to be said again once they have. */
    size_t payload_size;
    size_t size;
    uint8_t bytes[];
};

/* Oldest first. */
struct bus_pending_list {
    struct bus_pending *first;
    struct bus_pending **end;
};

enum { BUS_MAX_PINGS = 8 };

/* A table of routes, with a subscription for each. */
struct bus_listening {
    struct bus_listening *next;
    size_t count;
    struct bus_listening_entry {
        struct bus_subscription subscription;
        const struct bus_route *route;
    } entries[];
};

struct bus_client_state {
    struct bus_client *client;
    struct conn conn;
    enum link_state link;
    struct nats_parser parser;
    struct text out; /* What this step sends; written at its end. */
    struct late_work flush;
    struct text scratch; /* NUL-terminated texts of the message being delivered. */
    const char *lost_reason;

    /* Of the link's state: the next attempt, the end of our patience with the handshake, the next ping. */
    struct timer timer;
    uint32_t pings_out;
    uint32_t attempts; /* Since the link was last up. */
    bool was_connected;
    size_t max_payload; /* What the server takes. */

    struct bus_server_list servers;
    char *name, *user, *password;
    char *tls; /* Settings of the driver's; NULL: plain. */
    struct op tls_op;
    bool is_secured; /* Or about to be. */
    uint64_t ping_ns;
    uint64_t reconnect_first_ns, reconnect_most_ns;

    struct bus_pending_list pending;     /* Wait for a connection, or for room in it. */
    struct bus_pending_list unconfirmed; /* Sent, of a class that is sure, and perhaps not arrived. */
    struct bus_pending_list early;       /* Arrived, but perhaps before those who listen were back. */
    struct timer settle;                 /* Until then they may still be on their way. */
    size_t pending_size;                 /* Of all three. */
    size_t pending_limit;
    uint64_t sent_number; /* Of the last one that is unconfirmed. */
    /* sent_number at each PING whose PONG has not come: they come in order, and tell what has arrived. */
    uint64_t pings[BUS_MAX_PINGS];
    size_t ping_count;
    /* Of the time without a connection, to be told when it is over. */
    uint64_t told_expired, told_dropped, told_repeated;

    struct bus_subscription *subscriptions; /* By id, in the order of subscribing. */
    uint64_t last_subscription;
    struct bus_listening *listenings;

    struct random_stream backoff;
    struct random_stream inbox;
};

/* servers.c */
void bus_servers_open(struct bus_server_list *servers, const Cupola__BusConfig *config, uint64_t seed);
/* Replaces what was learned before by what a server says now: "host:port" texts, not to be trusted. */
void bus_servers_learn(struct bus_server_list *servers, char *const *urls, size_t count);
void bus_servers_free(struct bus_server_list *servers);

/* link.c */
void bus_link_open(struct bus_client_state *state);
void bus_link_close(struct bus_client_state *state);
/* Sees to it that `out` is written at the end of the step. */
void bus_link_flush(struct bus_client_state *state);

/* client.c */
void bus_send_subscription(struct bus_client_state *state, const struct bus_subscription *subscription);

/* pending.c */
void bus_pending_open(struct bus_client_state *state, size_t limit);
/* Whether it must wait: something does already, or the server reads too slowly. */
bool bus_pending_must_wait(const struct bus_client_state *state);
/* Appends the PUB. */
void bus_add_publication(struct text *text, const char *subject, const char *reply, struct io_bytes payload);
/* Keeps it until it can be sent. */
void bus_pending_keep(struct bus_client_state *state, const char *subject, const char *reply, struct io_bytes payload);
/* Moves what waits into `out`, as far as the limit of unsent bytes allows; what is too old is dropped. */
void bus_send_pending(struct bus_client_state *state);
/* It is in `out`: kept until it is known to have arrived, if its class wants that. */
void bus_pending_sent(struct bus_client_state *state, const char *subject, const char *reply, struct io_bytes payload);
/* A PING for what is unconfirmed, if it has none yet. */
void bus_pending_ask(struct bus_client_state *state);
void bus_send_ping(struct bus_client_state *state);
void bus_pending_on_pong(struct bus_client_state *state);
/* The connection is lost: what is unconfirmed waits again. */
void bus_pending_on_lost(struct bus_client_state *state);
/* There is one again. */
void bus_pending_settle(struct bus_client_state *state);
/* Says what became of the messages meanwhile. */
void bus_pending_tell(struct bus_client_state *state);
void bus_pending_forget(struct bus_client_state *state);
void bus_deliver(struct bus_client_state *state, const struct nats_frame *frame);

/* request.c: stops the clock of a request whose inbox this is; nothing for other subscriptions. */
void bus_request_abandon(struct bus_subscription *subscription);

#endif
