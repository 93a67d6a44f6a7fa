/* One connection to an endpoint, and the pool of those that wait for a request.
 *
 *   CONNECTING --connected--> BUSY --response ended--> IDLE --next request--> BUSY
 *   PROBING --connected--> IDLE
 *   CONNECTING, PROBING, BUSY, IDLE --> CLOSING --on_closed--> freed
 *
 * Invariant: a backend in CONNECTING or BUSY belongs to a session, one in PROBING, IDLE or CLOSING to none.
 */
#ifndef CUPOLA_CORE_ROUTER_BACK_BACKEND_H
#define CUPOLA_CORE_ROUTER_BACK_BACKEND_H

#include "core/router/back/failure.h"
#include "core/router/front/session.h"

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

/* ---- attempt.c: from a request to a backend that answers it ---- */

/* Tries the next endpoint, or answers that there is none. */
void request_try_next(struct session *session);
/* The backend is connected: sends the request. */
void request_send(struct session *session);
/* The backend is lost before the head of a response: tries again if that is safe. Takes the backend away. */
void request_on_backend_lost(struct session *session, enum failure failure);
/* A queued request tries again; false if there is still no room for it. */
bool request_resume(struct session *session);
/* No answer has come yet: whether that is because the instance's host is gone; then the request goes elsewhere. False
 * if its time is up, or nothing could be done about it. */
bool request_look_at_host(struct session *session);

/* ---- replay.c: a delivered request whose instance ended ---- */

enum replay { REPLAY_NEVER = 0, REPLAY_NOW, REPLAY_WHEN_EXPLAINED };

/* What may become of the request now that `endpoint` has failed it. */
enum replay replay_decide(struct session *session, const struct endpoint *endpoint, enum failure failure);
/* REPLAY_WHEN_EXPLAINED: waits in HELD. */
void replay_hold(struct session *session);
/* A held request looks whether it may go on. */
void replay_look(struct session *session);

/* ---- queue.c ---- */

/* Waits for room at a backend of its route; false if the queue is full too. */
bool queue_wait(struct session *session);
/* Nothing if it does not wait. */
void queue_leave(struct session *session);
/* A backend has one request less. */
void queue_on_room(struct router *router);

/* ---- sticky.c ---- */

/* Reads __VCAP_ID__ out of the request's cookies; zeros if there is none. */
void sticky_read_cookie(const struct http_head *head, uint64_t ret_sticky[2]);
/* The endpoint that the cookie names, or NULL. */
struct endpoint *sticky_find_endpoint(struct router *router, const struct route *route, const uint64_t sticky[2]);
/* Takes the names of the cookies that begin a session from the configuration. */
void sticky_configure(struct router *router, const Cupola__RouterConfig *config);
/* Adds a Set-Cookie line if the response begins a session of the application. */
void sticky_add_cookie(struct router *router, struct endpoint *endpoint, const struct http_head *head,
                       struct text *text);

#endif
