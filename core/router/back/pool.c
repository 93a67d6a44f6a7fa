/* Idle connections to endpoints: taken newest first, dropped oldest first. Each keeps a READ outstanding, so that its
 * end is noticed when it comes and not when the next request needs it. */
#include "core/base/duration.h"
#include "core/router/back/backend.h"

#include <utlist.h>

/* The instance might just be closing a connection that was idle for longer: a request that cannot be repeated gets no
 * such one, and one that can is sent once more if the connection ends without an answer (failure.h). */
enum { FRESH_MS = 1000 };

static void on_idle_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, idle_timer);
    while (router->idle_oldest != NULL) {
        struct backend *oldest = router->idle_oldest;
        uint64_t until_ns = oldest->idle_since_ns + router->settings.idle_timeout_ns;
        if (until_ns > router->machine.now_ns) {
            timer_set_at(&router->machine, timer, until_ns, on_idle_timer);
            return;
        }
        pool_remove(oldest);
        backend_close(oldest);
    }
}

void pool_remove(struct backend *backend)
{
    assert_that(backend->state == BACKEND_IDLE);
    DL_DELETE2(backend->endpoint->contact->idle, backend, previous_idle, next_idle);
    DL_DELETE2(backend->router->idle_oldest, backend, older, newer);
    backend->endpoint->contact->idle_count--;
    backend->state = BACKEND_BUSY; /* Until the caller has decided. */
}

void pool_keep(struct backend *backend)
{
    struct router *router = backend->router;
    struct endpoint *endpoint = backend->endpoint;
    struct contact *contact = endpoint->contact;
    assert_that(backend->state == BACKEND_BUSY);
    assert_that(backend->gather.size == 0);
    assert_that(backend->session == NULL);
    if (endpoint->is_retired || router->is_draining || backend->conn.state != CONN_OPEN ||
        contact->idle_count >= router->settings.idle_backends_per_endpoint) {
        backend_close(backend);
        return;
    }
    backend->state = BACKEND_IDLE;
    backend->idle_since_ns = router->machine.now_ns;
    DL_PREPEND2(contact->idle, backend, previous_idle, next_idle);
    DL_APPEND2(router->idle_oldest, backend, older, newer);
    contact->idle_count++;
    conn_read(&backend->conn);
    if (!timer_is_set(&router->idle_timer))
        timer_set(&router->machine, &router->idle_timer, router->settings.idle_timeout_ns, on_idle_timer);
}

bool pool_take(struct session *session, struct endpoint *endpoint)
{
    struct backend *backend = endpoint->contact == NULL ? NULL : endpoint->contact->idle;
    uint64_t now_ns = session->router->machine.now_ns;
    if (backend == NULL || now_ns >= backend->idle_until_ns)
        return false;
    bool is_stale = now_ns - backend->idle_since_ns >= FRESH_MS * NS_PER_MS;
    if (is_stale && !session->exchange.is_idempotent)
        return false;
    pool_remove(backend);
    backend->is_stale = is_stale;
    backend_attach(backend, session);
    return true;
}

void pool_flush(struct endpoint *endpoint)
{
    while (endpoint->contact != NULL && endpoint->contact->idle != NULL) {
        struct backend *backend = endpoint->contact->idle;
        pool_remove(backend);
        backend_close(backend);
    }
}
