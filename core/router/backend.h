/* One connection to an endpoint, and the pool of those that wait for a request.
 *
 *   CONNECTING --connected--> BUSY --response ended--> IDLE --next request--> BUSY
 *   CONNECTING, BUSY, IDLE --> CLOSING --on_closed--> freed
 *
 * Invariant: a backend in CONNECTING or BUSY belongs to a session, one in IDLE or CLOSING to none.
 */
#ifndef CUPOLA_CORE_ROUTER_BACKEND_H
#define CUPOLA_CORE_ROUTER_BACKEND_H

#include "core/router/session.h"

enum backend_state {
    BACKEND_CONNECTING = 1,
    BACKEND_BUSY,
    BACKEND_IDLE,
    BACKEND_CLOSING,
};

struct backend {
    struct conn conn;
    enum backend_state state;
    struct router *router;
    struct endpoint *endpoint;
    struct session *session;
    bool was_reused;        /* An earlier request was answered on it. */
    uint64_t idle_until_ns; /* Later the instance may close it at any moment. */
    uint64_t idle_since_ns;
    struct text gather; /* An incomplete response head. */
    size_t scanned;
    struct backend *previous, *next;           /* All. */
    struct backend *previous_idle, *next_idle; /* Of its endpoint, the newest first. */
    struct backend *older, *newer;             /* All idle ones. */
};

/* Opens a connection for the session. */
void backend_connect(struct session *session, struct endpoint *endpoint);
/* Ends it; it belongs to no session any more. */
void backend_close(struct backend *backend);
void backend_abort(struct backend *backend);
void backend_free(struct backend *backend);

/* Gives the session an idle connection to the endpoint; false if there is none. */
bool pool_take(struct session *session, struct endpoint *endpoint);
/* Keeps a connection whose response has ended. */
void pool_keep(struct backend *backend);
/* Closes all idle connections of an endpoint. */
void pool_flush(struct endpoint *endpoint);
/* Takes an idle one out of the pool. */
void pool_remove(struct backend *backend);

/* What requests learn about an endpoint. */
void endpoint_failed(struct router *router, struct endpoint *endpoint, const char *what);
/* A request is about to try it: if its quarantine is over, this one request is the probe, and others stay away until it
 * has told. */
void endpoint_probe(struct router *router, struct endpoint *endpoint);
void endpoint_succeeded(struct endpoint *endpoint);

#endif
