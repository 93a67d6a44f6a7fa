/* Bodies on their way: the request's to the backend, the response's to the client. Bytes are not copied: what is sent
 * is a part of the buffer that was received. One side is read only while the other has room. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/router/back/backend.h"
#include "core/router/monitor/access_log.h"

/* ---- The exchange ---- */

void exchange_drop_request(struct session *session)
{
    struct exchange *exchange = &session->exchange;
    exchange->is_replayable = false;
    buffer_unref(exchange->request.buffer);
    exchange->request = (struct slice){0};
}

void exchange_release_backend(struct session *session, bool may_reuse)
{
    struct backend *backend = session->exchange.backend;
    backend_detach(backend);
    if (may_reuse)
        pool_keep(backend);
    else
        backend_close(backend);
}

void exchange_abort_backend(struct session *session)
{
    struct backend *backend = session->exchange.backend;
    if (backend == NULL)
        return;
    backend_detach(backend);
    backend_abort(backend);
}

void exchange_reset(struct session *session)
{
    struct exchange *exchange = &session->exchange;
    assert_that(exchange->backend == NULL);
    if (exchange->route != NULL) {
        assert_that(exchange->route->users > 0);
        exchange->route->users--;
    }
    buffer_unref(exchange->request.buffer);
    access_log_forget(exchange);
    memory_free(exchange->losses);
    *exchange = (struct exchange){0};
}

static struct slice part_of(struct slice whole, size_t offset, size_t size)
{
    buffer_ref(whole.buffer);
    return (struct slice){.buffer = whole.buffer, .offset = whole.offset + offset, .size = size};
}

/* ---- To the backend ---- */

/* The client's body makes no sense, is too large or too slow. Too late for an answer if the response has begun. */
static void refuse_upload(struct session *session, enum router_error error, const char *detail)
{
    bool has_begun = session->state == SESSION_RESPONDING;
    exchange_abort_backend(session);
    if (has_begun)
        session_close(session);
    else
        session_answer_error(session, error, detail);
}

/* A body that comes byte by byte would hold an instance for as long as it likes. It is only looked at while the
 * instance takes what comes: a slow instance is not the client's fault. */
static bool is_too_slow(struct session *session, size_t used)
{
    const struct router_settings *settings = &session->router->settings;
    struct exchange *exchange = &session->exchange;
    uint64_t now_ns = session->router->machine.now_ns;
    if (exchange->backend->conn.unsent_bytes > 0 || exchange->rate_since_ns == 0) {
        exchange->rate_since_ns = now_ns;
        exchange->rate_bytes = 0;
    }
    exchange->rate_bytes += used;
    uint64_t passed_ns = now_ns - exchange->rate_since_ns;
    if (passed_ns < settings->header_timeout_ns)
        return false;
    bool is_slow = exchange->rate_bytes < settings->min_body_rate * (passed_ns / NS_PER_MS) / 1000;
    exchange->rate_since_ns = now_ns;
    exchange->rate_bytes = 0;
    return is_slow && !exchange->upload.is_done;
}

static bool send_upload(struct session *session)
{
    struct exchange *exchange = &session->exchange;
    size_t used = 0;
    if (!body_feed(&exchange->upload, slice_data(session->input), session->input.size, &used, NULL)) {
        refuse_upload(session, ERROR_BAD_REQUEST, "malformed chunked body");
        return false;
    }
    exchange->upload_bytes += used;
    if (exchange->upload_bytes > session->router->settings.max_body_bytes) {
        refuse_upload(session, ERROR_BODY_TOO_LARGE, NULL);
        return false;
    }
    if (is_too_slow(session, used)) {
        refuse_upload(session, ERROR_BODY_TOO_SLOW, NULL);
        return false;
    }
    exchange_drop_request(session); /* It could not be sent again from its beginning. */
    conn_write(&exchange->backend->conn, part_of(session->input, 0, used));
    session_consume_input(session, used);
    session_set_deadline(session, session->router->settings.response_timeout_ns);
    return true;
}

/* Once the body is complete the client is still read, to notice when it goes away. What else it sends is the next
 * request, which stays in the input. */
void relay_upload(struct session *session)
{
    struct exchange *exchange = &session->exchange;
    if (!exchange->upload.is_done && session->input.size > 0 && !send_upload(session))
        return;
    if (session->input.size > 0)
        return;
    bool has_room = exchange->backend->conn.unsent_bytes < session->router->settings.max_buffered_bytes;
    if (exchange->upload.is_done || has_room)
        conn_read(&session->conn);
}

/* ---- To the client ---- */

/* An HTTP/1.0 client does not know chunks: it gets their data. */
static bool send_decoded(struct session *session, struct slice bytes, size_t *ret_used)
{
    struct text decoded = {0};
    if (!body_feed(&session->exchange.download, slice_data(bytes), bytes.size, ret_used, &decoded)) {
        text_free(&decoded);
        return false;
    }
    session->exchange.download_bytes += decoded.size;
    conn_write_text(&session->conn, &decoded);
    return true;
}

static bool send_download(struct session *session, struct slice bytes, size_t *ret_used)
{
    if (session->exchange.decodes)
        return send_decoded(session, bytes, ret_used);
    if (!body_feed(&session->exchange.download, slice_data(bytes), bytes.size, ret_used, NULL))
        return false;
    session->exchange.download_bytes += *ret_used;
    conn_write(&session->conn, part_of(bytes, 0, *ret_used));
    return true;
}

void relay_download(struct session *session, struct slice bytes)
{
    size_t used = 0;
    if (!send_download(session, bytes, &used)) {
        exchange_abort_backend(session);
        session_abort(session); /* The client must not take what it has for the whole. */
        return;
    }
    if (session->exchange.download.is_done) {
        relay_finish(session, bytes.size - used);
        return;
    }
    session_set_deadline(session, session->router->settings.idle_timeout_ns);
    if (session_has_room(session))
        conn_read(&session->exchange.backend->conn);
}

void relay_finish(struct session *session, size_t extra)
{
    struct router *router = session->router;
    struct exchange *exchange = &session->exchange;
    uint64_t now_ns = router->machine.now_ns;
    stats_count_response(&router->stats, now_ns, exchange->status, now_ns - exchange->started_ns);
    tags_count(&router->table.tags, exchange->backend->endpoint->tags, exchange->status, now_ns - exchange->started_ns);
    access_log_end(session, exchange->status, "");
    bool may_reuse = exchange->backend_keep_alive && extra == 0 && exchange->upload.is_done;
    exchange_release_backend(session, may_reuse);
    session_end_exchange(session, exchange->keep_alive);
}

/* The end of the connection is the end of the body only where nothing else delimits it, and only if it was no cut. */
void relay_backend_end(struct session *session, enum io_status status)
{
    if (session->exchange.download.kind == HTTP_BODY_UNTIL_CLOSE && status == IO_OK) {
        relay_finish(session, 0);
        return;
    }
    endpoint_failed(session->router, session->exchange.backend->endpoint, FAILURE_TRUNCATED);
    access_log_end(session, session->exchange.status, "endpoint_failure");
    exchange_abort_backend(session);
    session_abort(session);
}
