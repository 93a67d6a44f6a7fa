/* One HTTP/1.1 request of a component to somebody else, on a connection of its own.
 *
 *   http_call_start -> [connect, send head and body, read] -> on_response once -> on_body* -> on_done once
 *
 * on_done is the last call in every case, also after a failure, a time-out or http_call_cancel; the call may be freed
 * or started again from there. Interim 1xx responses are skipped.
 */
#ifndef CUPOLA_CORE_HTTP_CLIENT_H
#define CUPOLA_CORE_HTTP_CLIENT_H

#include "core/machine/conn.h"
#include "core/machine/timer.h"
#include "core/wire/http.h"

struct http_call;

struct http_call_handlers {
    /* The response's head (lent). May be NULL. If it calls http_call_receive_blob, the body goes to a blob. */
    void (*on_response)(struct http_call *call, const struct http_head *head);
    /* Decoded body bytes (lent). NULL: the body is collected in call->body, up to max_body_bytes. */
    void (*on_body)(struct http_call *call, const uint8_t *bytes, size_t size);
    /* IO_OK: the response came whole, call->status is its status. Otherwise call->reason says what went wrong. */
    void (*on_done)(struct http_call *call, enum io_status status);
};

/* All lent, copied by http_call_start. */
struct http_request {
    const char *host; /* To connect to. */
    uint16_t port;
    const char *method;
    const char *target;      /* Already encoded. */
    const char *host_header; /* NULL: host:port. */
    const char *headers;     /* Further field lines, each ended by CRLF, or "". */
    struct io_bytes body;
    /* With blob_digest, the body is `body`, then that blob of blob_size bytes, then `body_tail`. */
    const char *blob_digest;
    uint64_t blob_size;
    struct io_bytes body_tail;
    bool has_body;       /* Content-Length is sent, also when it is 0. */
    uint64_t timeout_ns; /* For the whole call; 0: none. */
    size_t max_body_bytes;
};

struct http_call {
    const struct http_call_handlers *handlers;
    struct machine *machine;
    int status;         /* Of the response; 0 before. */
    struct text body;   /* Collected; freed when the call is started again or by http_call_release. */
    const char *reason; /* Static, or NULL. */
    /* Blob downloads: set before on_done(IO_OK). */
    char blob_digest[41];
    uint64_t blob_size;
    /* Private. */
    struct conn conn;
    struct timer deadline;
    struct op op;      /* The response's way into a blob. */
    struct op send_op; /* The blob's way into the request. */
    struct http_call_state *state;
};

void http_call_start(struct machine *machine, struct http_call *call, const struct http_request *request,
                     const struct http_call_handlers *handlers);
/* Ends it; on_done(IO_CANCELLED) follows in a later step. Nothing if it is not under way. */
void http_call_cancel(struct http_call *call);
/* From on_response: the body becomes a blob of this component. It does not cross the boundary if the response has a
 * Content-Length and none of the body came along with the head; otherwise it is written to the blob as it is decoded.
 * max_body_bytes does not count here: look at head->content_length first. */
void http_call_receive_blob(struct http_call *call);
bool http_call_is_under_way(const struct http_call *call);
/* Frees what the call holds at once, without on_done. For destroy. */
void http_call_release(struct http_call *call);

#endif
