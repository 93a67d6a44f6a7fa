/* Response heads: interim ones are passed on, 101 opens a tunnel, anything else begins the response. */
#include "core/base/duration.h"
#include "core/router/back/backend.h"

/* A body's beginning that is not larger is sent together with the head, in one piece. */
enum { JOINED_BYTES = 16384, DEFAULT_IDLE_S = 50 };

static void refuse_response(struct session *session)
{
    endpoint_failed(session->router, session->exchange.backend->endpoint, FAILURE_MALFORMED);
    exchange_abort_backend(session);
    session_answer_error(session, ERROR_BAD_RESPONSE, NULL);
}

/* ---- How long the instance keeps an idle connection ---- */

/* "Keep-Alive: timeout=5". We give up a little earlier, so that no request meets its end. */
static uint64_t idle_time_ns(const struct http_head *head)
{
    const struct http_header *field = http_find(head, "Keep-Alive");
    static const char name[] = "timeout=";
    size_t size = sizeof name - 1;
    if (field == NULL || field->value.size <= size || !http_text_is((struct http_text){field->value.data, size}, name))
        return DEFAULT_IDLE_S * NS_PER_S;
    uint64_t seconds = 0;
    for (size_t i = size; i < field->value.size && seconds < DEFAULT_IDLE_S; i++) {
        char c = field->value.data[i];
        if (c < '0' || c > '9')
            break;
        seconds = seconds * 10 + (uint64_t)(c - '0');
    }
    if (seconds > DEFAULT_IDLE_S)
        seconds = DEFAULT_IDLE_S;
    return seconds > 1 ? (seconds - 1) * NS_PER_S : seconds * NS_PER_S / 2;
}

/* ---- The final response ---- */

static void begin_exchange_response(struct session *session, const struct http_head *head)
{
    struct router *router = session->router;
    struct exchange *exchange = &session->exchange;
    endpoint_succeeded(router, exchange->backend->endpoint);
    exchange->status = head->status;
    exchange->download = body_of(head);
    exchange->decodes = exchange->is_old && head->body == HTTP_BODY_CHUNKED;
    exchange->backend_keep_alive = head->keep_alive;
    exchange->backend->idle_until_ns = router->machine.now_ns + idle_time_ns(head);
    bool ends_with_connection = exchange->decodes || head->body == HTTP_BODY_UNTIL_CLOSE;
    exchange->keep_alive =
        exchange->keep_alive && !ends_with_connection && !router->is_draining && exchange->upload.is_done;
    exchange_drop_request(session);
}

/* The head and what came of the body with it. */
static void begin_response(struct session *session, const struct http_head *head, struct slice bytes, size_t head_size)
{
    struct exchange *exchange = &session->exchange;
    begin_exchange_response(session, head);
    session_move(session, SESSION_RESPONDING);

    size_t rest = bytes.size - head_size;
    bool is_joined = rest <= JOINED_BYTES && !exchange->decodes;
    struct text text = {0};
    text_room(&text, head_size + 512 + (is_joined ? rest : 0));
    headers_forward_response(session, head, slice_data(bytes), head_size, &text);
    struct slice body = {.buffer = bytes.buffer, .offset = bytes.offset + head_size, .size = rest};
    size_t used = 0;
    if (is_joined && body_feed(&exchange->download, slice_data(body), rest, &used, NULL)) {
        text_add(&text, slice_data(body), used);
        exchange->download_bytes += used;
        conn_write_text(&session->conn, &text);
        if (exchange->download.is_done) {
            relay_finish(session, rest - used);
            return;
        }
        session_set_deadline(session, session->router->settings.idle_timeout_ns);
        conn_read(&exchange->backend->conn);
        return;
    }
    conn_write_text(&session->conn, &text);
    relay_download(session, body);
}

/* ---- The head ---- */

static void pass_interim(struct session *session, const struct http_head *head, struct slice bytes, size_t head_size)
{
    if (session->exchange.is_old)
        return;
    struct text text = {0};
    headers_forward_response(session, head, slice_data(bytes), head_size, &text);
    conn_write_text(&session->conn, &text);
}

static void begin_tunnel(struct session *session, const struct http_head *head, struct slice bytes, size_t head_size)
{
    if (!session->exchange.wants_upgrade || !head->upgrade) {
        refuse_response(session);
        return;
    }
    endpoint_succeeded(session->router, session->exchange.backend->endpoint);
    pass_interim(session, head, bytes, head_size);
    session->exchange.status = head->status;
    exchange_drop_request(session);
    session_move(session, SESSION_TUNNEL);
    tunnel_begin(session, (struct slice){bytes.buffer, bytes.offset + head_size, bytes.size - head_size});
}

/* Keeps what is not a whole head yet. */
static void gather_rest(struct session *session, struct slice bytes)
{
    struct backend *backend = session->exchange.backend;
    text_add(&backend->gather, slice_data(bytes), bytes.size);
    conn_read(&backend->conn);
}

/* Reads as many heads as `bytes` holds: interim ones, then the final one. */
static void read_heads(struct session *session, struct slice bytes)
{
    struct router *router = session->router;
    struct backend *backend = session->exchange.backend;
    struct http_text method = session->exchange.is_head ? (struct http_text){"HEAD", 4} : (struct http_text){"GET", 3};
    for (;;) {
        size_t head_size = 0;
        const char *reason;
        enum http_result result =
            http_find_head(slice_data(bytes), bytes.size, &router->settings.limits, &backend->scanned, &head_size);
        if (result == HTTP_INCOMPLETE) {
            gather_rest(session, bytes);
            return;
        }
        backend->scanned = 0;
        if (result == HTTP_OK)
            result = http_parse_response(slice_data(bytes), head_size, &router->settings.limits, method, &router->head,
                                         &reason);
        if (result != HTTP_OK) {
            refuse_response(session);
            return;
        }
        if (router->head.status == 101) {
            begin_tunnel(session, &router->head, bytes, head_size);
            return;
        }
        if (router->head.status >= 200) {
            begin_response(session, &router->head, bytes, head_size);
            return;
        }
        pass_interim(session, &router->head, bytes, head_size);
        session_set_deadline(session, router->settings.response_timeout_ns);
        bytes.offset += head_size;
        bytes.size -= head_size;
    }
}

void response_on_bytes(struct session *session, struct slice bytes)
{
    struct backend *backend = session->exchange.backend;
    if (backend->gather.size == 0) {
        read_heads(session, bytes);
        return;
    }
    text_add(&backend->gather, slice_data(bytes), bytes.size);
    struct slice gathered = text_take(&backend->gather);
    read_heads(session, gathered);
    buffer_unref(gathered.buffer);
}
