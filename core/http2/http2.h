/* HTTP/2 connections whose streams look like HTTP/1.1 connections to those who use them (RFC 9113).
 *
 *   conn of the driver --- link (nghttp2) --- streams --- carried conns (core/machine/conn.h) --- sessions, backends
 *
 * A stream's header list comes to the owner of its conn as an HTTP/1.1 head, its data as a body with a length or in
 * chunks, its trailers behind the last chunk; what the owner writes goes the other way. So there is one implementation
 * of requests in the router, and one of its limits. A conn is used for one exchange after the other.
 *
 * Flow control: data that nobody reads keeps its window shut; written bytes count as unsent until they are in a frame.
 * Limits: struct h2_limits, and H2_CHEAP_FRAMES: frames that cost the sender next to nothing (resets, pings, settings,
 * priorities, empty data) beyond so many at once or so many a second end the link.
 */
#ifndef CUPOLA_CORE_HTTP2_HTTP2_H
#define CUPOLA_CORE_HTTP2_HTTP2_H

#include "core/machine/conn.h"
#include "core/machine/timer.h"

enum { H2_CHEAP_FRAMES = 400, H2_CHEAP_FRAMES_A_SECOND = 100 };

/* How a connection begins that speaks HTTP/2 from the first byte; its head looks like one of HTTP/1.1. */
#define H2_PREFACE_HEAD "PRI * HTTP/2.0\r\n\r\n"

struct nghttp2_session;
struct h2_link;
struct h2_stream;

struct h2_limits {
    size_t max_head_bytes;
    size_t max_headers;
    uint32_t max_streams;      /* Open at once on one link. */
    size_t max_buffered_bytes; /* Window of a stream, and bytes unsent on a link. */
    uint64_t idle_ns;          /* A link without streams is closed then. */
    uint64_t header_ns;        /* The first settings, and a whole header list, must come in time. */
};

struct h2_link_class {
    /* Servers: a request has come. Takes it with conn_carry(..., carriage, CONN_OPEN); false if it is refused. */
    bool (*on_stream)(struct h2_link *link, struct carriage *carriage);
    /* The last call: all streams have ended; frees the link with h2_link_free. */
    void (*on_closed)(struct h2_link *link);
};

/* Embed it, zeroed. */
struct h2_link {
    const struct h2_link_class *class;
    const struct h2_limits *limits; /* Lent for as long as the link lives. */
    struct machine *machine;
    struct conn conn;

    /* Private. */
    struct nghttp2_session *session;
    bool is_client;
    bool is_connected;
    bool is_settled; /* The peer has told its limits: before that a server refuses what is too much for it. */
    bool is_dead;    /* Takes no new streams. */
    struct h2_stream *streams;
    struct h2_stream *idle; /* Servers: conns that wait for their next exchange. */
    struct h2_stream *first_ready, **last_ready;
    size_t stream_count;
    size_t active_count; /* Those with an id. */
    struct late_work late;
    struct timer timer;
    uint64_t opening_since_ns; /* Settings or a header list are on their way since then; 0: none. */
    uint64_t idle_since_ns;
    uint64_t cheap_since_ns;
    uint32_t cheap_count;
};

/* The same for one whose first bytes (lent) another owner has read already. */
void h2_serve_from(struct h2_link *link, struct conn *conn, struct io_bytes received);
/* Connects to a server. */
void h2_connect(struct machine *machine, struct h2_link *link, const char *host, uint16_t port);
/* Opens a conn on a client's link; on_connected or on_closed follows. False if the link is full or at its end. */
bool h2_open(struct h2_link *link, struct conn *conn, const struct conn_handlers *handlers);
/* A conn of h2_open: whether the server's kernel has accepted its link, which waits for the server's settings then,
 * until header_ns. */
bool h2_is_accepted(const struct conn *conn);
/* Exchanges under way are finished, none is begun. */
void h2_drain(struct h2_link *link);
void h2_link_free(struct h2_link *link);

#endif
