/* One connection to an endpoint, and the pool of those that wait for a request.
 *
 *   CONNECTING --connected--> BUSY --response ended--> IDLE --next request--> BUSY
 *   PROBING --connected--> IDLE
 *   CONNECTING, PROBING, BUSY, IDLE --> CLOSING --on_closed--> freed
 *
 * Invariant: a backend in CONNECTING or BUSY belongs to a session, one in PROBING, IDLE or CLOSING to none.
 */
#ifndef CUPOLA_CORE_ROUTER_BACKEND_H
#define CUPOLA_CORE_ROUTER_BACKEND_H

#include "core/router/failure.h"
#include "core/router/session.h"

enum backend_state {
    BACKEND_CONNECTING = 1,
    BACKEND_PROBING, /* Finds out whether an endpoint that was set aside accepts again. */
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
    bool is_stale;          /* It had been idle for long when its present request was sent. */
    uint64_t idle_until_ns; /* Later the instance may close it at any moment. */
    uint64_t idle_since_ns;
    struct text gather; /* An incomplete response head. */
    size_t scanned;
    struct backend *previous, *next;           /* All. */
    struct backend *previous_idle, *next_idle; /* Of its endpoint, the newest first. */
    struct backend *older, *newer;             /* All idle ones. */
};

/* Opens a connection for the session, or (NULL) as a probe. */
struct backend *backend_open(struct router *router, struct endpoint *endpoint, struct session *session);
/* The session's request goes over it from now on. */
void backend_attach(struct backend *backend, struct session *session);
/* The session's request on it is over. */
void backend_detach(struct backend *backend);
/* Ends it; it belongs to no session any more. */
void backend_close(struct backend *backend);
void backend_abort(struct backend *backend);
void backend_free(struct backend *backend);

/* Gives the session an idle connection to the endpoint; false if there is none. */
bool pool_take(struct session *session, struct endpoint *endpoint);
/* Keeps a connection that nobody uses now. */
void pool_keep(struct backend *backend);
/* Closes all idle connections of an endpoint. */
void pool_flush(struct endpoint *endpoint);
/* Takes an idle one out of the pool. */
void pool_remove(struct backend *backend);

/* ---- health.c: what is known of how an endpoint is ----
 *
 *   WELL --a failable failure--> SET ASIDE --its time is up--> PROBED --it accepts--> WELL
 *                                    ^------- it does not: twice the time ---'
 *
 * A request's answer resets the time to the first step; a probe that is accepted only lifts the quarantine. */

void endpoint_failed(struct router *router, struct endpoint *endpoint, enum failure failure);
void endpoint_succeeded(struct router *router, struct endpoint *endpoint);
/* A request has waited there for so long: connects to see whether the host lives. Returns when to look again. */
uint64_t endpoint_look_at(struct router *router, struct endpoint *endpoint, uint64_t waited_ns);
/* Whether the host has let two attempts to connect in a row go unanswered, the last of them begun after that time. */
bool endpoint_is_lost_since(const struct endpoint *endpoint, uint64_t since_ns);
/* The end of a probe; `failure` counts if it was not accepted. */
void endpoint_on_probed(struct router *router, struct endpoint *endpoint, bool is_accepted, enum failure failure);
/* The endpoint left the table and has no connection any more: frees it. */
void endpoint_end(struct router *router, struct endpoint *endpoint);
/* The same for the clock of its probes alone. */
void endpoint_stop_probing(struct router *router, struct endpoint *endpoint);

#endif
