/* A small HTTP/1.1 server inside a component: REST API, file viewer, /healthz and /varz.
 *
 * One `http_exchange` is one request and its answer. Bodies up to `max_body_bytes` are collected before on_request is
 * called, unless `on_head` asks for the body as a stream. Keep-alive and pipelining are handled (one exchange a
 * connection at a time); header and idle deadlines, connection limits and malformed requests too.
 */
#ifndef CUPOLA_CORE_HTTP_SERVER_H
#define CUPOLA_CORE_HTTP_SERVER_H

#include "core/machine/conn.h"
#include "core/machine/timer.h"
#include "core/wire/http.h"

struct http_server;
struct http_exchange;

struct http_server_options {
    const char *host;
    uint16_t port;
    size_t max_body_bytes; /* Collected bodies; 413 beyond. */
    size_t max_connections;
    uint64_t header_timeout_ns;
    uint64_t idle_timeout_ns;
};

struct http_server_handlers {
    /* Listening on `port`, or not (status). */
    void (*on_listening)(struct http_server *server, enum io_status status, uint16_t port);
    /* Optional: the head has come. Return true to take the body as a stream (on_body, then on_request). */
    bool (*on_head)(struct http_exchange *exchange);
    /* Streamed bodies only: the next decoded bytes (lent). The first ones come by themselves, each further call (and
     * the final on_request) after one http_exchange_read. */
    void (*on_body)(struct http_exchange *exchange, const uint8_t *bytes, size_t size);
    /* The request is complete. Answer now or any time after with one of http_answer_*; exchanges stay valid until
     * answered or aborted. */
    void (*on_request)(struct http_exchange *exchange);
    /* The client went away before the answer: the exchange is gone after this call. Not called once it is answered. */
    void (*on_aborted)(struct http_exchange *exchange);
    /* Optional: after http_server_drain, the last connection has closed. Not called if there was none to wait for. */
    void (*on_drained)(struct http_server *server);
};

struct http_exchange {
    struct http_server *server;
    struct machine *machine;
    /* The request. Valid until the exchange is answered. path is percent-decoded; the head's texts stay valid too. */
    struct http_head head;
    const char *path;
    struct io_bytes body;               /* Collected bodies; also NUL-terminated. */
    const char *peer;                   /* "10.0.0.7:51324" */
    void *user;                         /* The owner's own record of this exchange; NULL at first. */
    struct http_connection *connection; /* Private. */
};

struct http_server {
    const struct http_server_handlers *handlers;
    struct machine *machine;
    struct http_server_options options;
    uint16_t port; /* After on_listening. */
    uint64_t request_count;
    /* Private. */
    struct listener listener;
    struct http_connection *connections;
    size_t connection_count;
    bool is_open;
    char *host;
};

/* `options` is copied (its host too); `server` is kept. */
void http_server_open(struct machine *machine, struct http_server *server, const struct http_server_options *options,
                      const struct http_server_handlers *handlers);
/* Stops listening and closes idle connections at once, busy ones after their answer. */
void http_server_drain(struct http_server *server);
/* Frees everything; no handler is called any more. For destroy. */
void http_server_destroy(struct http_server *server);

/* Streamed bodies: asks for the next on_body or, at the end, on_request. */
void http_exchange_read(struct http_exchange *exchange);

/* Answers. Each may be used once an exchange; `headers` are further field lines, each ended by CRLF, or "". The
 * exchange is gone afterwards. HEAD is handled: the body is left out. May be called from on_head, on_body and
 * on_request, or any time later; if the body has not come whole, the connection ends after the answer. */
void http_answer(struct http_exchange *exchange, int status, const char *content_type, const char *headers,
                 struct io_bytes body);
void http_answer_text(struct http_exchange *exchange, int status, const char *content_type, struct text *body);
void http_answer_string(struct http_exchange *exchange, int status, const char *content_type, const char *body);
/* 200 with the blob of that size. Closes the connection if the blob could not be sent. */
void http_answer_blob(struct http_exchange *exchange, const char *content_type, const char *digest, uint64_t size);

/* An answer of unknown length, piece by piece: begin once the request has come whole, any number of pieces, end. The
 * exchange lasts until the end; if its client goes away before, on_aborted is called. */
void http_answer_begin(struct http_exchange *exchange, int status, const char *content_type);
void http_answer_piece(struct http_exchange *exchange, struct io_bytes bytes);
void http_answer_end(struct http_exchange *exchange);
/* How much of it has not left yet: for a slow reader no more should be made. */
size_t http_answer_unsent(const struct http_exchange *exchange);

/* Whether its client can still be talked to: it may have said that it has ended. */
bool http_exchange_can_be_taken(const struct http_exchange *exchange);
/* Another protocol begins: the exchange is gone without an answer, and `to` is the connection, open, with those
 * handlers. What has come behind the request is added to ret_input. Not from within a handler of the server. */
void http_exchange_take_over(struct http_exchange *exchange, struct conn *to, const struct conn_handlers *handlers,
                             struct text *ret_input);

/* The value of a header as a NUL-terminated copy that lives as long as the exchange, or NULL. */
const char *http_exchange_header(struct http_exchange *exchange, const char *name);

#endif
