/* Idle connections to endpoints: taken newest first, dropped oldest first. Each keeps a READ outstanding, so that its
 * end is noticed when it comes and not when the next request needs it. */
#include "core/base/duration.h"
#include "core/router/backend.h"

#include <utlist.h>

/* A request that cannot be repeated gets no connection that was idle for longer: the instance might be closing it. */
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
    DL_DELETE2(backend->endpoint->idle, backend, previous_idle, next_idle);
    DL_DELETE2(backend->router->idle_oldest, backend, older, newer);
    backend->endpoint->idle_count--;
    backend->state = BACKEND_BUSY; /* Until the caller has decided. */
}

void pool_keep(struct backend *backend)
{
    struct router *router = backend->router;
    struct endpoint *endpoint = backend->endpoint;
    assert_that(backend->state == BACKEND_BUSY);
    assert_that(backend->gather.size == 0);
    backend->session = NULL;
    if (endpoint->is_retired || router->is_draining || backend->conn.state != CONN_OPEN ||
        endpoint->idle_count >= router->settings.idle_backends_per_endpoint) {
        backend_close(backend);
        return;
    }
    backend->state = BACKEND_IDLE;
    backend->was_reused = true;
    backend->idle_since_ns = router->machine.now_ns;
    DL_PREPEND2(endpoint->idle, backend, previous_idle, next_idle);
    DL_APPEND2(router->idle_oldest, backend, older, newer);
    endpoint->idle_count++;
    conn_read(&backend->conn);
    if (!timer_is_set(&router->idle_timer))
        timer_set(&router->machine, &router->idle_timer, router->settings.idle_timeout_ns, on_idle_timer);
}

static bool is_too_old(const struct session *session, const struct backend *backend)
{
    uint64_t now_ns = session->router->machine.now_ns;
    if (now_ns >= backend->idle_until_ns)
        return true;
    return !session->exchange.is_idempotent && now_ns - backend->idle_since_ns >= FRESH_MS * NS_PER_MS;
}

bool pool_take(struct session *session, struct endpoint *endpoint)
{
    struct backend *backend = endpoint->idle;
    if (backend == NULL || is_too_old(session, backend))
        return false;
    pool_remove(backend);
    backend->session = session;
    session->exchange.backend = backend;
    return true;
}

void pool_flush(struct endpoint *endpoint)
{
    while (endpoint->idle != NULL) {
        struct backend *backend = endpoint->idle;
        pool_remove(backend);
        backend_close(backend);
    }
}
