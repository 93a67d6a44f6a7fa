/* Connections to endpoints: their events belong to the session that uses them, or to nobody. */
#include "core/router/back/backend.h"

#include "core/router/back/http2.h"

#include "core/base/duration.h"
#include "core/base/memory.h"

#include <utlist.h>

/* What an instance does with a connection on which nothing ever came is not known. */
enum { PROBE_KEPT_S = 1 };

/* ---- Events ---- */

static void on_connected(struct conn *conn)
{
    struct backend *backend = container_of(conn, struct backend, conn);
    if (backend->state == BACKEND_PROBING) {
        bool is_wanted = backend->endpoint->contact->failures > 0; /* Else it only looked whether the host lives. */
        endpoint_on_probed(backend->router, backend->endpoint, true, FAILURE_REFUSED);
        backend->state = BACKEND_BUSY;
        if (!is_wanted) {
            backend_close(backend);
            return;
        }
        backend->idle_until_ns = backend->router->machine.now_ns + PROBE_KEPT_S * NS_PER_S;
        pool_keep(backend);
        return;
    }
    assert_that(backend->state == BACKEND_CONNECTING);
    backend->state = BACKEND_BUSY;
    request_send(backend->session);
    session_advance(backend->session);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct backend *backend = container_of(conn, struct backend, conn);
    struct session *session = backend->session;
    if (session == NULL) {
        pool_remove(backend);
        backend_close(backend); /* Bytes that nobody asked for. */
        return;
    }
    if (session->state == SESSION_WAITING)
        response_on_bytes(session, bytes);
    else if (session->state == SESSION_RESPONDING)
        relay_download(session, bytes);
    else
        tunnel_on_backend_bytes(session, bytes);
    session_advance(session);
}

/* The backend sends no more, and after on_closed it is no more. */
static void end_for_session(struct session *session, enum io_status status)
{
    if (session->state == SESSION_WAITING)
        request_on_backend_lost(session, session->exchange.backend->is_stale ? FAILURE_STALE : FAILURE_CRASHED);
    else if (session->state == SESSION_RESPONDING)
        relay_backend_end(session, status);
    else if (session->state == SESSION_CONNECTING)
        request_on_backend_lost(session, failure_of_connect(status));
    else
        tunnel_on_backend_end(session);
    session_advance(session);
}

static void on_end(struct conn *conn)
{
    struct backend *backend = container_of(conn, struct backend, conn);
    if (backend->session != NULL) {
        end_for_session(backend->session, IO_OK);
        return;
    }
    pool_remove(backend);
    backend_close(backend);
}

static void on_drained(struct conn *conn)
{
    struct backend *backend = container_of(conn, struct backend, conn);
    struct session *session = backend->session;
    if (session == NULL)
        return;
    if (session->state == SESSION_TUNNEL && !conn->finished)
        conn_read(&session->conn);
    else if (session->state == SESSION_WAITING || session->state == SESSION_RESPONDING)
        relay_upload(session);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    struct backend *backend = container_of(conn, struct backend, conn);
    if (backend->state == BACKEND_IDLE)
        pool_remove(backend);
    if (backend->state == BACKEND_PROBING)
        endpoint_on_probed(backend->router, backend->endpoint, false, failure_of_connect(status));
    if (backend->session != NULL) {
        struct session *session = backend->session;
        end_for_session(session, status);
        if (backend->session == session) { /* A tunnel that still has something to send to its client. */
            exchange_abort_backend(session);
            session_close(session);
        }
    }
    backend_free(backend);
}

static const struct conn_handlers handlers = {
    .on_connected = on_connected,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

/* ---- Life ---- */

struct backend *backend_open(struct router *router, struct endpoint *endpoint, struct session *session)
{
    struct backend *backend = memory_new(sizeof *backend);
    struct contact *contact = endpoint_contact(endpoint);
    backend->router = router;
    backend->endpoint = endpoint;
    backend->state = session == NULL ? BACKEND_PROBING : BACKEND_CONNECTING;
    contact->backend_count++;
    DL_APPEND2(router->backends, backend, previous, next);
    if (session != NULL)
        backend_attach(backend, session);
    const char *host = endpoint_host(&router->table, endpoint);
    if (endpoint->speaks_http2)
        http2_connect(router, endpoint->id, &backend->conn, &handlers, host, endpoint->port);
    else
        conn_connect(&router->machine, &backend->conn, &handlers, host, endpoint->port);
    return backend;
}

void backend_attach(struct backend *backend, struct session *session)
{
    assert_that(backend->session == NULL);
    backend->session = session;
    session->exchange.backend = backend;
    backend->endpoint->contact->active++;
}

void backend_detach(struct backend *backend)
{
    struct contact *contact = backend->endpoint->contact;
    assert_that(backend->session != NULL && backend->session->exchange.backend == backend);
    assert_that(contact->active > 0);
    contact->active--;
    backend->session->exchange.backend = NULL;
    backend->session = NULL;
    queue_on_room(backend->router);
}

void backend_close(struct backend *backend)
{
    assert_that(backend->state != BACKEND_IDLE);
    assert_that(backend->session == NULL);
    backend->state = BACKEND_CLOSING;
    conn_close(&backend->conn);
}

void backend_abort(struct backend *backend)
{
    assert_that(backend->state != BACKEND_IDLE);
    assert_that(backend->session == NULL);
    backend->state = BACKEND_CLOSING;
    conn_abort(&backend->conn);
}

void backend_free(struct backend *backend)
{
    assert_that(backend->session == NULL);
    struct endpoint *endpoint = backend->endpoint;
    DL_DELETE2(backend->router->backends, backend, previous, next);
    endpoint->contact->backend_count--;
    if (endpoint->is_retired && endpoint->contact->backend_count == 0)
        endpoint_end(backend->router, endpoint);
    text_free(&backend->gather);
    memory_free(backend);
}
