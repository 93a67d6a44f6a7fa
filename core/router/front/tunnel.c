/* After 101 Switching Protocols: bytes both ways, until both sides have ended or one has gone.
 *
 * A side that has ended shows in the other side's conn: we finish there what came from it. */
#include "core/base/duration.h"
#include "core/router/back/backend.h"
#include "core/router/monitor/access_log.h"

/* A quiet WebSocket may be quiet for much longer than a request. */
enum { IDLE_FACTOR = 15 };

static void keep_alive(struct session *session)
{
    session_set_deadline(session, session->router->settings.idle_timeout_ns * IDLE_FACTOR);
}

static void pass(struct conn *to, struct slice bytes)
{
    if (bytes.size == 0)
        return;
    buffer_ref(bytes.buffer);
    conn_write(to, bytes);
}

static void read_if_room(const struct session *session, struct conn *from, const struct conn *to)
{
    if (!to->finished && to->unsent_bytes < session->router->settings.max_buffered_bytes)
        conn_read(from);
}

void tunnel_begin(struct session *session, struct slice rest)
{
    struct backend *backend = session->exchange.backend;
    struct router *router = session->router;
    router->stats.upgrades++;
    stats_count_response(&router->stats, router->machine.now_ns, session->exchange.status,
                         router->machine.now_ns - session->exchange.started_ns);
    access_log_end(session, session->exchange.status, "");
    pass(&session->conn, rest);
    if (session->input.size > 0) { /* Sent ahead by the client. */
        pass(&backend->conn, session->input);
        session_consume_input(session, session->input.size);
    }
    keep_alive(session);
    read_if_room(session, &session->conn, &backend->conn);
    read_if_room(session, &backend->conn, &session->conn);
}

void tunnel_on_client_bytes(struct session *session, struct slice bytes)
{
    struct backend *backend = session->exchange.backend;
    pass(&backend->conn, bytes);
    keep_alive(session);
    read_if_room(session, &session->conn, &backend->conn);
}

void tunnel_on_backend_bytes(struct session *session, struct slice bytes)
{
    struct backend *backend = session->exchange.backend;
    pass(&session->conn, bytes);
    keep_alive(session);
    read_if_room(session, &backend->conn, &session->conn);
}

static void close_if_both_ended(struct session *session)
{
    struct backend *backend = session->exchange.backend;
    if (!session->conn.finished || !backend->conn.finished)
        return;
    exchange_release_backend(session, false);
    session_close(session);
}

void tunnel_on_client_end(struct session *session)
{
    conn_finish(&session->exchange.backend->conn);
    keep_alive(session);
    close_if_both_ended(session);
}

void tunnel_on_backend_end(struct session *session)
{
    conn_finish(&session->conn);
    keep_alive(session);
    close_if_both_ended(session);
}
