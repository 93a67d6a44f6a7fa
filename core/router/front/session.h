/* One client connection and the request that is under way on it.
 *
 *   READING --head--> CONNECTING --connected--> WAITING --response head--> RESPONDING --its end--> READING
 *      |  \              |  ^ next endpoint        |  \--101--> TUNNEL        |
 *      |   \-- idle connection to the endpoint --->|                          |
 *      |  PARKED (host not known yet, table still filling) --> READING        |
 *      |  QUEUED (all backends full) --one has room--> CONNECTING, WAITING     |
 *      |  WAITING --> HELD (its instances ended under it) --it was not the cause--> CONNECTING, WAITING
 *      '---------- error page or "Connection: close" ----> LINGERING, CLOSING <'
 *
 * CONNECTING and WAITING may go back to CONNECTING or WAITING with another endpoint, or end with an error page
 * (READING). LINGERING has sent its last word and reads what the client still sends, so that a reset does not overtake
 * that word. CLOSING waits for unsent bytes, then closes. on_closed frees the session in any state.
 *
 * Invariants: a backend is held exactly in CONNECTING, WAITING, RESPONDING and TUNNEL; a READ is outstanding only while
 * `input` is empty, so that bytes that a client sends ahead stay where back-pressure holds them: in its socket.
 */
#ifndef CUPOLA_CORE_ROUTER_FRONT_SESSION_H
#define CUPOLA_CORE_ROUTER_FRONT_SESSION_H

#include "core/router/back/failure.h"
#include "core/router/front/body.h"
#include "core/router/router.h"

enum session_state {
    SESSION_READING = 1,
    SESSION_PARKED,
    SESSION_QUEUED,
    SESSION_HELD,
    SESSION_CONNECTING,
    SESSION_WAITING,
    SESSION_RESPONDING,
    SESSION_TUNNEL,
    SESSION_LINGERING,
    SESSION_CLOSING,
    SESSION_HTTP2, /* Stands for a connection whose streams are sessions of their own (http2.h). */
};

/* One request and its response. Zeroed between two of them. */
struct exchange {
    bool is_open;
    struct route *route; /* Counted among its users. */
    struct backend *backend;
    struct slice request; /* Head and first bytes of the body as they are sent; kept while it may be sent again. */
    struct body upload, download;
    uint64_t started_ns;
    uint64_t id[2];     /* X-Vcap-Request-Id. */
    uint64_t sticky[2]; /* From the request's cookie, or 0. */
    uint64_t hash;      /* Of the header by which the route is balanced. */
    uint32_t pinned;    /* X-Cf-App-Instance: the only endpoint that may answer. */
    struct tried tried;
    size_t lines_at;  /* Where in `request` the lines about the endpoint go. */
    uint64_t sent_ns; /* When it was sent last. */
    uint64_t upload_bytes, download_bytes;
    uint64_t rate_since_ns, rate_bytes; /* How fast the body comes; 0: not looked at. */
    struct access_record *access;       /* NULL without an access log. */
    int status;                         /* Of the response. */
    struct losses *losses;              /* Instances that ended under it; NULL: none has. */
    bool is_replayable;                 /* `request` is all that was sent of it. */
    bool is_idempotent;
    bool is_head;    /* HEAD: the response has no body. */
    bool is_old;     /* HTTP/1.0: no chunks, no interim responses. */
    bool keep_alive; /* The client connection may be used again. */
    bool wants_upgrade;
    bool decodes; /* A chunked response for an HTTP/1.0 client. */
    bool backend_keep_alive;
};

struct http2_front;

struct session {
    struct router *router;
    struct conn conn;
    enum session_state state;
    struct timer timer;
    uint64_t deadline_ns;
    size_t unsent_seen; /* Unsent bytes when the timer looked last: fewer now is progress. */
    struct slice input; /* Received, not used yet; the reference is kept. */
    struct text gather; /* An incomplete head; then `input` is empty. */
    size_t scanned;     /* How far `gather` was searched for the head's end. */
    struct exchange exchange;
    bool has_asked;                 /* A request has come before. */
    bool is_secure;                 /* Came through the TLS listener. */
    uint64_t parked_since_ns;       /* 0: not parked for the request that is being read. */
    char peer[48];                  /* The client's address without port. */
    bool is_trusted;                /* The peer is a load balancer of ours. */
    bool awaits_proxy_line;         /* The PROXY protocol's header must come first. */
    struct client_address *address; /* Counted there. NULL: not limited. */
    struct queue *queue;
    struct session *previous_queued, *next_queued;
    struct http2_front *http2; /* SESSION_HTTP2. */
    struct session *previous, *next;
};

/* ---- session.c: the client's side ---- */

void session_accept(struct listener *listener, struct io_conn id, const char *peer);
/* A session for one stream of the connection that `whole` stands for; false if there are too many. */
bool session_carry(const struct session *whole, struct carriage *carriage);
void session_move(struct session *session, enum session_state state);
/* Moves the deadline. Cheap: the timer is only re-armed when it would fire too late. */
void session_set_deadline(struct session *session, uint64_t delay_ns);
/* Handles what has been received, as far as it goes, and asks for more. */
void session_advance(struct session *session);
/* Drops the first bytes of the input. */
void session_consume_input(struct session *session, size_t size);
/* After the response's last byte was written: the next request, or the end. */
void session_end_exchange(struct session *session, bool keep_alive);
/* Closes once everything is sent. */
void session_close(struct session *session);
/* Cuts: the client must notice that the response is not whole. */
void session_abort(struct session *session);
/* Frees it; its conn is closed or will never be heard of again. */
void session_free(struct session *session);
bool session_has_room(const struct session *session);

/* ---- request.c: from bytes to a request that knows its route ---- */

/* Reads one request's head from the input. False if more bytes are needed. */
bool request_read_head(struct session *session);

/* ---- clients.c: who connects ---- */

/* Counts the session to its address; false if that has too many connections. */
bool clients_enter(struct session *session);
void clients_leave(struct session *session);
void clients_free(struct router *router);
/* Whether the address is among the trusted peers. */
bool clients_is_trusted(const struct router *router, const char *address);
/* Reads the header of the PROXY protocol. False while it is not complete; the session may be closed afterwards. */
bool clients_read_proxy_header(struct session *session);

/* ---- relay.c: bodies ---- */

/* Sends on what has been received of the request's body, and asks for more. */
void relay_upload(struct session *session);
/* Passes response bytes on (lent). */
void relay_download(struct session *session, struct slice bytes);
/* The backend sends no more. */
void relay_backend_end(struct session *session, enum io_status status);
/* The response has ended; `extra` bytes came behind it. */
void relay_finish(struct session *session, size_t extra);
/* Lets the backend go: kept for later requests, or closed. */
void exchange_release_backend(struct session *session, bool may_reuse);
void exchange_abort_backend(struct session *session);
/* Forgets the request; its backend must be gone. */
void exchange_reset(struct session *session);
/* The request's bytes are not needed for a repetition any more. */
void exchange_drop_request(struct session *session);

/* ---- response.c ---- */

/* Bytes (lent) of a response whose head is not complete yet. */
void response_on_bytes(struct session *session, struct slice bytes);

/* ---- tunnel.c: after 101 ---- */

/* `rest` (lent) came behind the head of the 101 response. */
void tunnel_begin(struct session *session, struct slice rest);
void tunnel_on_client_bytes(struct session *session, struct slice bytes);
void tunnel_on_backend_bytes(struct session *session, struct slice bytes);
void tunnel_on_client_end(struct session *session);
void tunnel_on_backend_end(struct session *session);

/* ---- headers.c: rewriting heads ---- */

/* The request as it goes to a backend, with the first `body` bytes behind it; given. What depends on the endpoint is
 * put in at *ret_lines_at by headers_add_endpoint. */
struct slice headers_forward_request(const struct session *session, const struct http_head *head, const uint8_t *bytes,
                                     size_t head_size, struct io_bytes body, size_t *ret_lines_at);
/* Appends the request's id, as the instance and the client are told it. */
void headers_add_request_id(struct text *text, const struct exchange *exchange);
/* Appends the lines that tell an instance who it is taken for. */
void headers_add_endpoint(const struct table *table, const struct endpoint *endpoint, struct text *text);
/* Appends the response's head as it goes to the client. */
void headers_forward_response(const struct session *session, const struct http_head *head, const uint8_t *bytes,
                              size_t head_size, struct text *text);

/* What a response must say of the client connection: "" where HTTP/1.1 keeps it anyway. Static. */
const char *headers_connection_line(bool keep_alive, bool is_old);

/* ---- errors.c: the router's own answers ---- */

enum router_error {
    ERROR_BAD_REQUEST,
    ERROR_EMPTY_HOST,
    ERROR_BAD_INSTANCE,
    ERROR_UNKNOWN_ROUTE,
    ERROR_UNKNOWN_INSTANCE,
    ERROR_REQUEST_TIMEOUT,
    ERROR_BODY_TOO_SLOW,
    ERROR_BODY_TOO_LARGE,
    ERROR_HEAD_TOO_LARGE,
    ERROR_NOT_IMPLEMENTED,
    ERROR_BAD_VERSION,
    ERROR_BACKEND_FAILED,
    ERROR_BAD_RESPONSE,
    ERROR_NO_ENDPOINTS,
    ERROR_SETTLING,
    ERROR_TOO_MANY_CONNECTIONS,
    ERROR_TOO_MANY_OF_CLIENT,
    ERROR_BACKENDS_FULL,
    ERROR_BACKEND_TIMEOUT,
};

/* Answers the request with an error page; `detail` is text for people or NULL. Nothing of a response may have been sent
 * before, and no backend be held. */
void session_answer_error(struct session *session, enum router_error error, const char *detail);
/* Appends such a page with its head; `connection_line` as from headers_connection_line. */
void errors_write_page(struct text *text, enum router_error error, const char *detail, const char *connection_line,
                       bool is_head);

#endif
