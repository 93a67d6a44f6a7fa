/* The inside of core/http2: one stream, and what its files share.
 *
 *   fields, data of the peer --inbound.c--> `input` --> conn_carried_bytes
 *   conn_write --> outbound.c --> header lists, and `body` that nghttp2 takes its frames from
 *
 * Invariants: a stream lives while it has an id or a conn. It is in the link's list of ready ones while something is to
 * be told to the conn's owner, which only happens there (link.c), never while the owner or nghttp2 calls us.
 */
#ifndef CUPOLA_CORE_HTTP2_STREAM_H
#define CUPOLA_CORE_HTTP2_STREAM_H

#include "core/http2/http2.h"
#include "core/wire/http.h"

#include <nghttp2/nghttp2.h>

/* Extended CONNECT (RFC 8441): a WebSocket in a stream.
 *
 *   NONE --":protocol: websocket"--> ASKED --the owner answers 101--> OPEN: bytes both ways, END is told
 *                                      '--another answer--> NONE: an ordinary response, and the stream is over
 */
enum h2_tunnel { H2_TUNNEL_NONE = 0, H2_TUNNEL_ASKED, H2_TUNNEL_OPEN };

/* What comes from the peer. */
struct h2_inbound {
    struct text pseudo; /* Method, path and authority, one behind the other. */
    size_t method_size, path_size, authority_size;
    int status;
    struct text fields; /* Header lines, then those of trailers. */
    struct text cookies;
    struct text host;
    struct text input; /* For the conn. */
    struct text ahead; /* ASKED: what came behind the head; nobody may take it for the next request. */
    size_t credit;     /* Bytes of data in both: the window opens again by them when it is read. */
    enum h2_tunnel tunnel;
    bool is_other_protocol; /* What it asks for is no WebSocket. */
    bool end_is_told;       /* OPEN */
    bool is_closed;         /* It was not opened: what still comes is for nobody. */
    bool has_length;
    bool is_chunked;
    bool has_head;  /* Passed on; what fields follow are trailers. */
    bool has_ended; /* The whole message is in `input` or read. */
    bool is_refused;
};

/* What goes to the peer. */
struct h2_outbound {
    struct text head; /* Until it is whole. */
    size_t scanned;
    enum http_body kind;
    uint64_t left;
    struct http_chunks chunks;
    struct text body;
    size_t body_used;
    struct text trailers;
    bool has_head;     /* Its header list was submitted. */
    bool has_ended;    /* Nothing follows `body`. */
    bool is_deferred;  /* nghttp2 waits for more. */
    size_t unreported; /* Written by the owner, and not told as sent. */
};

struct h2_stream {
    struct carriage carriage;
    struct h2_link *link;
    int32_t id; /* 0 between two exchanges. */
    struct h2_inbound in;
    struct h2_outbound out;
    bool is_head; /* HEAD: the response has no body. */
    bool wants_owner, wants_connected;
    bool is_reading;
    bool has_failed; /* The conn is to be closed, with an error... */
    bool is_over;    /* ...or without. */
    size_t written;  /* To be told. */
    bool is_ready;
    struct h2_stream *next_ready;
    struct h2_stream *previous, *next; /* All of the link. */
    struct h2_stream *previous_idle, *next_idle;
    bool is_idle;
};

/* ---- stream.c ---- */

struct h2_stream *h2_stream_new(struct h2_link *link);
void h2_stream_free(struct h2_stream *stream);
/* Forgets the exchange. */
void h2_stream_reset(struct h2_stream *stream);
/* Tells the conn's owner the next thing. */
void h2_stream_serve(struct h2_stream *stream);
/* The peer's stream has ended, with that error code. */
void h2_stream_on_closed(struct h2_stream *stream, uint32_t error_code);
/* Takes a stream that waits for its next exchange, or makes one. */
struct h2_stream *h2_stream_for_request(struct h2_link *link);

/* ---- inbound.c ---- */

void inbound_add_field(struct h2_stream *stream, struct io_bytes name, struct io_bytes value);
/* A header list is complete. */
void inbound_end_fields(struct h2_stream *stream, bool ends_stream);
void inbound_add_data(struct h2_stream *stream, struct io_bytes data);
void inbound_end(struct h2_stream *stream);
void inbound_free(struct h2_inbound *in);

/* ---- tunnel.c ---- */

/* A field of a request whose name is ":protocol". */
void tunnel_note_protocol(struct h2_inbound *in, struct io_bytes value);
/* Appends what an HTTP/1.1 request for the same has besides its fields. */
void tunnel_add_lines(struct h2_stream *stream, struct text *text);
/* The owner has answered: 101, or something else. */
void tunnel_on_answer(struct h2_stream *stream, int status);
/* Whether END is to be told now. */
bool tunnel_has_end(const struct h2_stream *stream);

/* ---- outbound.c ---- */

/* Lent. False if it makes no sense: the stream cannot go on. */
bool outbound_write(struct h2_stream *stream, struct io_bytes bytes);
/* The owner writes no more. */
void outbound_finish(struct h2_stream *stream);
void outbound_free(struct h2_outbound *out);

/* ---- link.c ---- */

/* Something is to be told or sent: done at the end of the step. */
void h2_wake(struct h2_stream *stream);
void h2_wake_link(struct h2_link *link);

/* ---- guard.c ---- */

/* Counts a frame that costs its sender nothing; false if there are too many. */
bool guard_count(struct h2_link *link);
/* Sets the timer for what the link waits for. */
void guard_arm(struct h2_link *link);

/* ---- callbacks.c ---- */

nghttp2_session *callbacks_new_session(struct h2_link *link);

#endif
