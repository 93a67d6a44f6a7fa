/* Connections to endpoints: their events belong to the session that uses them,
 * or to nobody. */
#include "core/router/backend.h"

#include "core/router/http2.h"

#include "core/base/duration.h"
#include "core/base/memory.h"

#include <utlist.h>

/* Quarantine doubles with every failure in a row, this often at most. */
enum { MAX_DOUBLINGS = 5 };

/* ---- Events ---- */

static void on_connected(struct conn *conn) {
  struct backend *backend = container_of(conn, struct backend, conn);
  assert_that(backend->state == BACKEND_CONNECTING);
  backend->state = BACKEND_BUSY;
  request_send(backend->session);
  session_advance(backend->session);
}

static void on_bytes(struct conn *conn, struct slice bytes) {
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
static void end_for_session(struct session *session, enum io_status status) {
  if (session->state == SESSION_WAITING)
    request_on_backend_lost(session, true);
  else if (session->state == SESSION_RESPONDING)
    relay_backend_end(session, status);
  else if (session->state == SESSION_CONNECTING)
    request_on_backend_lost(session, false);
  else
    tunnel_on_backend_end(session);
  session_advance(session);
}

static void on_end(struct conn *conn) {
  struct backend *backend = container_of(conn, struct backend, conn);
  if (backend->session != NULL) {
    end_for_session(backend->session, IO_OK);
    return;
  }
  pool_remove(backend);
  backend_close(backend);
}

static void on_drained(struct conn *conn) {
  struct backend *backend = container_of(conn, struct backend, conn);
  struct session *session = backend->session;
  if (session == NULL)
    return;
  if (session->state == SESSION_TUNNEL && !conn->finished)
    conn_read(&session->conn);
  else if (session->state == SESSION_WAITING ||
           session->state == SESSION_RESPONDING)
    relay_upload(session);
}

static void on_closed(struct conn *conn, enum io_status status) {
  struct backend *backend = container_of(conn, struct backend, conn);
  if (backend->state == BACKEND_IDLE)
    pool_remove(backend);
  if (backend->session != NULL) {
    struct session *session = backend->session;
    end_for_session(session, status);
    if (backend->session == session) { /* A tunnel that still has something to
                                          send to its client. */
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

void backend_connect(struct session *session, struct endpoint *endpoint) {
  struct router *router = session->router;
  struct backend *backend = memory_new(sizeof *backend);
  backend->router = router;
  backend->endpoint = endpoint;
  backend->state = BACKEND_CONNECTING;
  backend->session = session;
  session->exchange.backend = backend;
  endpoint->backend_count++;
  DL_APPEND2(router->backends, backend, previous, next);
  if (endpoint->speaks_http2)
    http2_connect(router, endpoint->serial, &backend->conn, &handlers,
                  endpoint->host, endpoint->port);
  else
    conn_connect(&router->machine, &backend->conn, &handlers, endpoint->host,
                 endpoint->port);
}

void backend_close(struct backend *backend) {
  assert_that(backend->state != BACKEND_IDLE);
  backend->session = NULL;
  backend->state = BACKEND_CLOSING;
  conn_close(&backend->conn);
}

void backend_abort(struct backend *backend) {
  assert_that(backend->state != BACKEND_IDLE);
  backend->session = NULL;
  backend->state = BACKEND_CLOSING;
  conn_abort(&backend->conn);
}

void backend_free(struct backend *backend) {
  assert_that(backend->session == NULL);
  struct endpoint *endpoint = backend->endpoint;
  DL_DELETE2(backend->router->backends, backend, previous, next);
  text_free(&backend->gather);
  memory_free(backend);
  endpoint->backend_count--;
  if (endpoint->is_retired && endpoint->backend_count == 0)
    endpoint_free(endpoint);
}

/* ---- What requests learn ---- */

/* One failure sets the endpoint aside and one failed probe doubles that. What
 * fails meanwhile (requests that were under way too, or that have no better
 * endpoint) tells nothing new. */
void endpoint_failed(struct router *router, struct endpoint *endpoint,
                     const char *what) {
  router->stats.backend_failures++;
  if (endpoint->failures > 0 && !endpoint->is_probed)
    return;
  uint32_t doublings =
      endpoint->failures < MAX_DOUBLINGS ? endpoint->failures : MAX_DOUBLINGS;
  uint64_t pause_ns = router->settings.quarantine_ns << doublings;
  endpoint->failures++;
  endpoint->is_probed = false;
  endpoint->quarantined_until_ns = router->machine.now_ns + pause_ns;
  if (!endpoint->is_retired)
    machine_log(&router->machine, LOG_WARNING,
                "endpoint %s (app %lld, instance %s) %s: set aside for %llu ms",
                endpoint->address, (long long)endpoint->app, endpoint->instance,
                what, (unsigned long long)(pause_ns / NS_PER_MS));
}

void endpoint_probe(struct router *router, struct endpoint *endpoint) {
  if (endpoint->failures == 0 ||
      endpoint->quarantined_until_ns > router->machine.now_ns)
    return;
  endpoint->is_probed = true;
  endpoint->quarantined_until_ns =
      router->machine.now_ns + router->settings.quarantine_ns;
}

void endpoint_succeeded(struct endpoint *endpoint) {
  endpoint->failures = 0;
  endpoint->is_probed = false;
  endpoint->quarantined_until_ns = 0;
}
