/* From an exchange that knows its route to the backend that gets the request, and to the next one if that fails. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/router/back/backend.h"
#include "core/router/back/pick.h"
#include "core/router/monitor/access_log.h"

/* A request that is not larger is copied to put the endpoint's lines in; a larger one is sent in three pieces. */
enum { COPIED_BYTES = 16384 };

/* ---- Choosing ---- */

static struct endpoint *find_pinned(struct session *session)
{
    struct exchange *exchange = &session->exchange;
    for (uint32_t i = 0; i < exchange->route->count; i++) {
        struct endpoint *endpoint = route_endpoint(&session->router->table, exchange->route, i);
        if (endpoint->id == exchange->pinned)
            return endpoint_was_tried(endpoint, &exchange->tried) ? NULL : endpoint;
    }
    return NULL;
}

static struct endpoint *choose_endpoint(struct session *session, bool *ret_is_full)
{
    struct router *router = session->router;
    struct exchange *exchange = &session->exchange;
    uint64_t now_ns = router->machine.now_ns;
    *ret_is_full = false;
    bool is_late = exchange->tried.count > 0 && now_ns - exchange->started_ns >= router->settings.retry_ns;
    if (exchange->tried.count >= router->settings.max_attempts || is_late)
        return NULL;
    if (mutation_is(ROUTER_NEVER_RETRIES) && exchange->tried.count > 0)
        return NULL;
    if (exchange->pinned != 0)
        return find_pinned(session);
    struct pick pick = {
        .table = &router->table,
        .route = exchange->route,
        .stream = &router->pick_stream,
        .tried = &exchange->tried,
        .now_ns = now_ns,
        .hash = exchange->hash,
        .zone = router->zone,
        .max_active = router->settings.connections_per_backend,
    };
    struct endpoint *sticky = sticky_find_endpoint(router, exchange->route, exchange->sticky);
    if (sticky != NULL && pick_is_well(&pick, sticky) && pick_has_room(&pick, sticky) &&
        !endpoint_was_tried(sticky, &exchange->tried))
        return sticky;
    return pick_endpoint(&pick, ret_is_full);
}

/* ---- Trying ---- */

static void try_endpoint(struct session *session, struct endpoint *endpoint)
{
    struct exchange *exchange = &session->exchange;
    assert_that(exchange->tried.count < MAX_TRIED);
    exchange->tried.ids[exchange->tried.count++] = endpoint->id;
    access_log_attempt(session, endpoint);
    if (pool_take(session, endpoint)) {
        request_send(session);
    } else {
        backend_open(session->router, endpoint, session);
        session_move(session, SESSION_CONNECTING);
        session_set_deadline(session, session->router->settings.connect_timeout_ns);
    }
}

static enum router_error reason_of_none(const struct session *session, bool is_full)
{
    if (session->exchange.tried.count > 0)
        return ERROR_BACKEND_FAILED;
    if (is_full)
        return ERROR_BACKENDS_FULL;
    if (session->exchange.pinned != 0)
        return ERROR_UNKNOWN_INSTANCE;
    if (mutation_is(ROUTER_FORGETS_EMPTY_APPS))
        return ERROR_UNKNOWN_ROUTE;
    return router_is_settling(session->router) ? ERROR_SETTLING : ERROR_NO_ENDPOINTS;
}

void request_try_next(struct session *session)
{
    bool is_full;
    struct endpoint *endpoint = choose_endpoint(session, &is_full);
    if (endpoint != NULL)
        try_endpoint(session, endpoint);
    else if (!is_full || !queue_wait(session))
        session_answer_error(session, reason_of_none(session, is_full), NULL);
}

bool request_resume(struct session *session)
{
    bool is_full;
    struct endpoint *endpoint = choose_endpoint(session, &is_full);
    if (endpoint == NULL && is_full)
        return false;
    queue_leave(session);
    if (endpoint != NULL)
        try_endpoint(session, endpoint);
    else
        session_answer_error(session, reason_of_none(session, false), NULL);
    session_advance(session);
    return true;
}

/* ---- Sending ---- */

static struct slice part_of(struct slice whole, size_t offset, size_t size)
{
    buffer_ref(whole.buffer);
    return (struct slice){.buffer = whole.buffer, .offset = whole.offset + offset, .size = size};
}

static void write_request(struct session *session)
{
    struct exchange *exchange = &session->exchange;
    struct conn *conn = &exchange->backend->conn;
    struct slice request = exchange->request;
    size_t at = exchange->lines_at;
    struct text text = {0};
    if (request.size <= COPIED_BYTES) {
        text_room(&text, request.size + 256);
        text_add(&text, slice_data(request), at);
        headers_add_endpoint(&session->router->table, exchange->backend->endpoint, &text);
        text_add(&text, slice_data(request) + at, request.size - at);
        conn_write_text(conn, &text);
        return;
    }
    conn_write(conn, part_of(request, 0, at));
    headers_add_endpoint(&session->router->table, exchange->backend->endpoint, &text);
    if (text.size > 0)
        conn_write_text(conn, &text);
    conn_write(conn, part_of(request, at, request.size - at));
}

void request_send(struct session *session)
{
    struct exchange *exchange = &session->exchange;
    exchange->sent_ns = session->router->machine.now_ns;
    write_request(session);
    conn_read(&exchange->backend->conn);
    session_move(session, SESSION_WAITING);
    if (!exchange->is_replayable || !exchange->is_idempotent)
        exchange_drop_request(session);
    session_set_deadline(session, exchange->is_replayable ? session->router->settings.silence_ns
                                                          : session->router->settings.response_timeout_ns);
}

/* ---- Failing ---- */

/* All requests together: what fails everywhere must not be multiplied by its repetitions. */
static bool take_retry_token(struct router *router)
{
    uint64_t per_s = router->settings.retries_per_s;
    uint64_t passed_ns = router->machine.now_ns - router->retry_refilled_ns;
    if (passed_ns >= NS_PER_S) {
        router->retry_tokens = per_s;
        router->retry_refilled_ns = router->machine.now_ns;
    }
    if (router->retry_tokens == 0)
        return false;
    router->retry_tokens--;
    return true;
}

void request_on_backend_lost(struct session *session, enum failure failure)
{
    struct router *router = session->router;
    struct exchange *exchange = &session->exchange;
    struct endpoint *endpoint = exchange->backend->endpoint;
    if (exchange->backend->gather.size > 0)
        failure = FAILURE_TRUNCATED;
    endpoint_failed(router, endpoint, failure);
    if (failure == FAILURE_STALE) {
        pool_flush(endpoint);    /* The others were idle for longer. */
        exchange->tried.count--; /* It says nothing of the endpoint: a new connection to it may do. */
    }
    enum replay replay = replay_decide(session, endpoint, failure);
    exchange_abort_backend(session);
    if (replay == REPLAY_NEVER || !take_retry_token(router)) {
        session_answer_error(session, ERROR_BACKEND_FAILED, failure_class(failure)->what);
        return;
    }
    router->stats.retries++;
    if (replay == REPLAY_NOW)
        request_try_next(session);
    else
        replay_hold(session);
}

/* Whoever waits for long has the endpoint looked at by a connection of our own. A slow instance on a living host has it
 * accepted by its kernel, and is waited for; a host that accepts nothing, twice in a row, is gone. */
bool request_look_at_host(struct session *session)
{
    const struct router_settings *settings = &session->router->settings;
    struct exchange *exchange = &session->exchange;
    struct endpoint *endpoint = exchange->backend->endpoint;
    uint64_t waited_ns = session->router->machine.now_ns - exchange->sent_ns;
    if (!exchange->is_replayable || waited_ns >= settings->response_timeout_ns)
        return false;
    uint64_t pause_ns = endpoint_look_at(session->router, endpoint, waited_ns);
    if (endpoint_is_lost_since(endpoint, exchange->sent_ns)) {
        request_on_backend_lost(session, FAILURE_LOST);
        session_advance(session);
        return true;
    }
    uint64_t left_ns = settings->response_timeout_ns - waited_ns;
    session_set_deadline(session, left_ns < pause_ns ? left_ns : pause_ns);
    return true;
}
