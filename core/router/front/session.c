/* The client's side of a session: bytes in, deadlines, and how it ends. */
#include "core/router/front/session.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/router/back/backend.h"
#include "core/router/front/http2.h"

#include <string.h>
#include <utlist.h>

enum { LINGER_S = 5 };

#define TO(state) (1u << (state))

/* The allowed moves, by the state they start from. */
static const unsigned allowed_moves[] = {
    [SESSION_READING] = TO(SESSION_PARKED) | TO(SESSION_QUEUED) | TO(SESSION_CONNECTING) | TO(SESSION_WAITING) |
                        TO(SESSION_LINGERING) | TO(SESSION_CLOSING) | TO(SESSION_HTTP2),
    [SESSION_PARKED] = TO(SESSION_READING) | TO(SESSION_CLOSING),
    [SESSION_QUEUED] = TO(SESSION_CONNECTING) | TO(SESSION_WAITING) | TO(SESSION_READING) | TO(SESSION_LINGERING) |
                       TO(SESSION_CLOSING),
    [SESSION_HELD] = TO(SESSION_CONNECTING) | TO(SESSION_QUEUED) | TO(SESSION_WAITING) | TO(SESSION_READING) |
                     TO(SESSION_LINGERING) | TO(SESSION_CLOSING) | TO(SESSION_HELD),
    [SESSION_CONNECTING] = TO(SESSION_CONNECTING) | TO(SESSION_QUEUED) | TO(SESSION_WAITING) | TO(SESSION_READING) |
                           TO(SESSION_LINGERING) | TO(SESSION_CLOSING),
    [SESSION_WAITING] = TO(SESSION_CONNECTING) | TO(SESSION_QUEUED) | TO(SESSION_WAITING) | TO(SESSION_RESPONDING) |
                        TO(SESSION_HELD) | TO(SESSION_TUNNEL) | TO(SESSION_READING) | TO(SESSION_LINGERING) |
                        TO(SESSION_CLOSING),
    [SESSION_RESPONDING] = TO(SESSION_READING) | TO(SESSION_LINGERING) | TO(SESSION_CLOSING),
    [SESSION_TUNNEL] = TO(SESSION_CLOSING),
    [SESSION_LINGERING] = TO(SESSION_CLOSING),
    [SESSION_CLOSING] = TO(SESSION_CLOSING),
};

void session_move(struct session *session, enum session_state state)
{
    assert_that((allowed_moves[session->state] & TO(state)) != 0);
    session->state = state;
    bool holds_backend = state == SESSION_CONNECTING || state == SESSION_WAITING || state == SESSION_RESPONDING ||
                         state == SESSION_TUNNEL;
    assert_that(holds_backend == (session->exchange.backend != NULL));
}

bool session_has_room(const struct session *session)
{
    return session->conn.unsent_bytes < session->router->settings.max_buffered_bytes;
}

/* ---- Input ---- */

void session_consume_input(struct session *session, size_t size)
{
    assert_that(size <= session->input.size);
    session->input.offset += size;
    session->input.size -= size;
    if (session->input.size == 0) {
        buffer_unref(session->input.buffer);
        session->input.buffer = NULL;
    }
}

void session_advance(struct session *session)
{
    while (session->state == SESSION_READING && session_has_room(session)) {
        bool has_bytes = session->input.size + session->gather.size > 0;
        if (!has_bytes ||
            !(session->awaits_proxy_line ? clients_read_proxy_header(session) : request_read_head(session))) {
            conn_read(&session->conn);
            return;
        }
    }
    if (session->state == SESSION_WAITING)
        relay_upload(session);
    else if ((session->state == SESSION_QUEUED || session->state == SESSION_HELD) && session->input.size == 0)
        conn_read(&session->conn); /* To notice when the client goes away. */
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct session *session = container_of(conn, struct session, conn);
    if (session->state == SESSION_CLOSING)
        return;
    if (session->state == SESSION_LINGERING) {
        conn_read(conn);
        return;
    }
    if (session->state == SESSION_TUNNEL) {
        tunnel_on_client_bytes(session, bytes);
        return;
    }
    assert_that(session->input.size == 0);
    if (session->gather.size > 0) {
        text_add(&session->gather, slice_data(bytes), bytes.size);
    } else {
        session->input = bytes;
        buffer_ref(bytes.buffer);
    }
    if (session->state == SESSION_READING)
        session_advance(session);
    else if (session->state == SESSION_WAITING || session->state == SESSION_RESPONDING)
        relay_upload(session);
}

/* A client that sends no more does not want the answer any more either: what most servers assume, and the only way to
 * learn early that it has gone. */
static void on_end(struct conn *conn)
{
    struct session *session = container_of(conn, struct session, conn);
    if (session->state == SESSION_TUNNEL) {
        tunnel_on_client_end(session);
        return;
    }
    exchange_abort_backend(session);
    queue_leave(session);
    session_close(session);
}

static void on_drained(struct conn *conn)
{
    struct session *session = container_of(conn, struct session, conn);
    if (session->state == SESSION_CLOSING)
        conn_close(conn);
    else if (session->state == SESSION_READING)
        session_advance(session);
    else if (session->state == SESSION_RESPONDING || (session->state == SESSION_TUNNEL && !conn->finished))
        conn_read(&session->exchange.backend->conn);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    struct session *session = container_of(conn, struct session, conn);
    struct router *router = session->router;
    exchange_abort_backend(session);
    session_free(session);
    router_finish_if_drained(router);
}

/* ---- Deadlines ---- */

static void on_timer(struct timer *timer);

/* Nearly every request only moves the deadline further away; then the timer stays where it is and looks again when it
 * fires. */
void session_set_deadline(struct session *session, uint64_t delay_ns)
{
    struct machine *machine = &session->router->machine;
    session->deadline_ns = machine->now_ns + delay_ns;
    if (!timer_is_set(&session->timer) || session->timer.at_ns > session->deadline_ns) {
        timer_set_at(machine, &session->timer, session->deadline_ns, on_timer);
        session->unsent_seen = SIZE_MAX; /* What is unsent now is not known before the step ends. */
    }
}

static bool has_only_empty_lines(const struct text *gather)
{
    for (size_t i = 0; i < gather->size; i++) {
        if (text_string(gather)[i] != '\r' && text_string(gather)[i] != '\n')
            return false;
    }
    return true;
}

static void on_connect_timeout(struct session *session)
{
    const struct conn *conn = &session->exchange.backend->conn;
    if (conn->carriage != NULL && h2_is_accepted(conn)) {
        session_set_deadline(session, session->router->settings.response_timeout_ns); /* Busy, as one that is silent. */
        return;
    }
    request_on_backend_lost(session, FAILURE_CONNECT_TIMEOUT);
    session_advance(session);
}

static void on_queue_timeout(struct session *session)
{
    queue_leave(session);
    session_answer_error(session, ERROR_BACKENDS_FULL, NULL);
    session_advance(session);
}

/* The request's own body may be what is late. */
static void on_response_timeout(struct session *session)
{
    bool client_is_late = !session->exchange.upload.is_done && session->input.size == 0 &&
                          session->exchange.backend->conn.unsent_bytes == 0;
    if (!client_is_late)
        endpoint_failed(session->router, session->exchange.backend->endpoint, FAILURE_SILENT);
    exchange_abort_backend(session);
    session_answer_error(session, client_is_late ? ERROR_BODY_TOO_SLOW : ERROR_BACKEND_TIMEOUT, NULL);
    session_advance(session);
}

static void on_deadline(struct session *session)
{
    switch (session->state) {
    case SESSION_READING:
        if (session->awaits_proxy_line || has_only_empty_lines(&session->gather))
            session_close(session);
        else
            session_answer_error(session, ERROR_REQUEST_TIMEOUT, "the head did not come in time");
        break;
    case SESSION_PARKED:
        session_move(session, SESSION_READING);
        session_advance(session);
        break;
    case SESSION_QUEUED:
        on_queue_timeout(session);
        break;
    case SESSION_HELD:
        replay_look(session);
        session_advance(session);
        break;
    case SESSION_CONNECTING:
        on_connect_timeout(session);
        break;
    case SESSION_WAITING:
        if (!request_look_at_host(session))
            on_response_timeout(session);
        break;
    case SESSION_RESPONDING:
    case SESSION_TUNNEL:
        exchange_abort_backend(session);
        session_abort(session);
        break;
    case SESSION_LINGERING:
        session_close(session);
        break;
    case SESSION_CLOSING:
        session_abort(session);
        break;
    case SESSION_HTTP2:
        break; /* Its link has timers of its own. */
    }
}

static void on_timer(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, timer);
    struct machine *machine = &session->router->machine;
    bool is_sending =
        session->state == SESSION_RESPONDING || session->state == SESSION_TUNNEL || session->state == SESSION_CLOSING;
    bool makes_progress = is_sending && session->conn.unsent_bytes < session->unsent_seen;
    size_t unsent = session->conn.unsent_bytes;
    if (machine->now_ns < session->deadline_ns) {
        timer_set_at(machine, timer, session->deadline_ns, on_timer);
        session->unsent_seen = unsent;
    } else if (makes_progress) {
        session_set_deadline(session, session->router->settings.idle_timeout_ns);
        session->unsent_seen = unsent;
    } else {
        on_deadline(session);
    }
}

/* ---- Begin and end ---- */

static const struct conn_handlers handlers = {
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void keep_peer(struct session *session, const char *peer)
{
    const char *colon = strrchr(peer, ':');
    size_t size = colon == NULL ? strlen(peer) : (size_t)(colon - peer);
    if (size >= sizeof session->peer)
        size = sizeof session->peer - 1;
    memcpy(session->peer, peer, size);
}

static void refuse(struct router *router, struct io_conn id, enum router_error error)
{
    struct text page = {0};
    errors_write_page(&page, error, NULL, headers_connection_line(false, false), false);
    conn_refuse(&router->machine, id, text_string(&page));
    text_free(&page);
    router->stats.refused_connections++;
}

static struct session *new_session(struct router *router, const struct listener *listener, const char *peer)
{
    struct session *session = memory_new(sizeof *session);
    session->router = router;
    session->state = SESSION_READING;
    session->is_secure = listener == &router->tls_listener;
    keep_peer(session, peer);
    session->is_trusted = clients_is_trusted(router, session->peer);
    session->awaits_proxy_line = router->settings.proxy_protocol == PROXY_ON ||
                                 (router->settings.proxy_protocol == PROXY_TRUSTED && session->is_trusted);
    DL_APPEND2(router->sessions, session, previous, next);
    router->session_count++;
    return session;
}

void session_accept(struct listener *listener, struct io_conn id, const char *peer)
{
    struct router *router = container_of(listener->machine, struct router, machine);
    if (router->session_count >= router->settings.max_connections) {
        refuse(router, id, ERROR_TOO_MANY_CONNECTIONS);
        return;
    }
    struct session *session = new_session(router, listener, peer);
    if (!session->awaits_proxy_line && !clients_enter(session)) {
        session_free(session);
        refuse(router, id, ERROR_TOO_MANY_OF_CLIENT);
        return;
    }
    conn_accept(&router->machine, &session->conn, &handlers, id);
    session_set_deadline(session, router->settings.header_timeout_ns);
    conn_read(&session->conn);
}

bool session_carry(const struct session *whole, struct carriage *carriage)
{
    struct router *router = whole->router;
    if (router->session_count >= router->settings.max_connections)
        return false;
    struct session *session = memory_new(sizeof *session);
    session->router = router;
    session->state = SESSION_READING;
    session->is_secure = whole->is_secure;
    session->is_trusted = whole->is_trusted;
    memcpy(session->peer, whole->peer, sizeof session->peer);
    DL_APPEND2(router->sessions, session, previous, next);
    router->session_count++;
    conn_carry(&router->machine, &session->conn, &handlers, carriage, CONN_OPEN);
    session_set_deadline(session, router->settings.header_timeout_ns);
    conn_read(&session->conn);
    return true;
}

/* A client that still sends its body would be reset by a plain close, and might never read the answer. */
static void linger(struct session *session)
{
    session_move(session, SESSION_LINGERING);
    session_consume_input(session, session->input.size);
    text_free(&session->gather);
    conn_finish(&session->conn);
    session_set_deadline(session, LINGER_S * NS_PER_S);
    conn_read(&session->conn);
}

void session_end_exchange(struct session *session, bool keep_alive)
{
    bool is_whole = session->exchange.is_open && session->exchange.upload.is_done;
    assert_that(session->exchange.backend == NULL);
    exchange_reset(session);
    if (!is_whole) {
        linger(session); /* Not even the head could be read, or the body is still on its way. */
    } else if (keep_alive && !session->router->is_draining) {
        if (session->state != SESSION_READING)
            session_move(session, SESSION_READING);
        session_set_deadline(session, session->router->settings.idle_timeout_ns);
    } else {
        session_close(session);
    }
}

void session_close(struct session *session)
{
    session_move(session, SESSION_CLOSING);
    if (session->conn.unsent_bytes == 0)
        conn_close(&session->conn);
    else
        session_set_deadline(session, session->router->settings.idle_timeout_ns);
}

void session_abort(struct session *session)
{
    session_move(session, SESSION_CLOSING);
    conn_abort(&session->conn);
}

void session_free(struct session *session)
{
    struct router *router = session->router;
    assert_that(session->exchange.backend == NULL);
    queue_leave(session);
    clients_leave(session);
    exchange_reset(session);
    http2_forget(session);
    timer_cancel(&router->machine, &session->timer);
    buffer_unref(session->input.buffer);
    text_free(&session->gather);
    DL_DELETE2(router->sessions, session, previous, next);
    router->session_count--;
    memory_free(session);
}
