/* Private to core/http: one accepted connection of a server and the exchange on it.
 *
 *   IDLE --first byte--> HEAD --complete--> BODY --complete--> HANDLING --answered--> SENDING --drained--> IDLE
 *   BODY, HANDLING --answered, connection not to be kept--> LINGERING --peer finished, or too late--> closed
 *   HEAD, BODY --malformed, too large, too slow--> LINGERING
 *
 * Invariants: `state` is HTTP_IDLE or HTTP_HEAD exactly while there is no exchange and the last answer has gone out;
 * `exchange` is not NULL exactly in HTTP_BODY and HTTP_HANDLING.
 */
#ifndef CUPOLA_CORE_HTTP_CONNECTION_H
#define CUPOLA_CORE_HTTP_CONNECTION_H

#include "core/http/server.h"

enum http_connection_state {
    HTTP_IDLE = 1,  /* Nothing of the next request has come. */
    HTTP_HEAD,      /* Part of a head has come. */
    HTTP_BODY,      /* The head was accepted; the body is coming, collected or streamed. */
    HTTP_HANDLING,  /* The owner has the whole request. */
    HTTP_SENDING,   /* Answered; the next request waits until enough of the answer has left. */
    HTTP_LINGERING, /* Answered for the last time; what still comes is thrown away, so that no reset eats the answer. */
};

/* A copy of a header's value, kept as long as the exchange. */
struct http_value_copy {
    struct http_value_copy *next;
    char text[];
};

/* The private side of an exchange. */
struct http_exchange_state {
    struct http_exchange exchange;
    struct text head_bytes; /* What exchange.head points into. */
    struct text path;
    struct text body; /* Collected, or the decoded piece that on_body is being shown. */
    struct http_value_copy *copies;
    struct http_chunks chunks;
    uint64_t body_left; /* HTTP_BODY_LENGTH: still to come. */
    bool body_ended;
    bool streamed;
    bool wanted;       /* Streamed: one on_body or on_request is due. */
    bool is_answering; /* Its answer has begun, and goes on. */
    bool in_chunks;    /* It travels in chunks; otherwise the connection's end is its end. */
    bool is_silent;    /* HEAD: only its head is sent. */
    bool known;        /* The owner has been told of it, and is told when it ends before its time. */
};

struct http_connection {
    struct conn conn;
    struct http_server *server;
    struct http_connection *next;
    struct http_connection **link; /* What points at us. */
    struct timer deadline;
    struct op blob_op;
    enum http_connection_state state;
    struct text input; /* Received and not yet used. */
    size_t scanned;    /* Of input, for http_find_head. */
    struct http_exchange_state *exchange;
    uint64_t blob_size;   /* Of the blob that is being sent. */
    uint64_t patience_ns; /* How long an answer may take to leave, or to make some progress if it is no blob. */
    size_t unsent_bytes;  /* At the last look: shows whether a slow reader makes progress. */
    bool peer_ended;      /* It sends no more. */
    bool keep_alive;      /* After the answer that is being sent. */
    bool body_unread;     /* The answer came before the request's body had. */
    bool has_served;      /* A request and its answer. */
    bool advancing;       /* http_connection_advance is on the stack: answers need not call it again. */
    char peer[64];
};

/* Does whatever can be done with the bytes that have come, and asks for more where that makes sense. */
void http_connection_advance(struct http_connection *connection);
/* The answer's last byte was handed over (its blob perhaps not yet): on to the next request, or to the end. */
void http_connection_answered(struct http_connection *connection);
/* The same for one that left the server: perhaps it was the last that a draining one waited for. */
void http_connection_gone(struct http_connection *connection);
/* Frees a connection that is not known to the machine any more. */
void http_connection_free(struct http_connection *connection);
/* Takes over an accepted connection. */
void http_connection_new(struct http_server *server, struct io_conn id, const char *peer);
/* The server is draining: what is idle ends, and whoever has connected and asked for nothing yet has a moment. */
void http_connection_drain(struct http_connection *connection);

/* exchange.c: */
struct http_exchange_state *http_exchange_new(struct http_connection *connection);
void http_exchange_free(struct http_exchange_state *state);
/* answer.c: an answer of our own to something that did not become an exchange. */
void http_refuse(struct http_connection *connection, int status, const char *reason);

#endif
