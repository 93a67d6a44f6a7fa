/* Answers as bytes: the status line, the fields that every answer carries, and the body. */
#include "core/http/connection.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/wall_time.h"

#include <string.h>

enum {
    JOINED_BODY_BYTES = 4096,    /* A body up to this size travels in one write with its head. */
    SLOWEST_BYTES_PER_S = 16384, /* A blob's reader that is slower than this is cut off. */
};
/* Sizes of bodies that are not known when they begin. */
#define SIZE_IN_CHUNKS UINT64_MAX
#define SIZE_UNTIL_END (UINT64_MAX - 1)

/* Date, in the fixed format of RFC 9110, 5.6.7. */
static void add_date(struct text *text, int64_t wall_s)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday. */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (wall_s < 0)
        return; /* No clock worth showing. */
    struct wall_date date = wall_date_of(wall_s);
    text_addf(text, "Date: %.3s, %02d %.3s %04lld %02d:%02d:%02d GMT\r\n", days + 3 * (wall_s / 86400 % 7), date.day,
              months + 3 * (date.month - 1), (long long)date.year, date.hour, date.minute, date.second);
}

/* Whether an answer with that status has a body and a Content-Length at all (RFC 9110, 6.4.1). */
static bool has_content(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void add_head(struct text *text, const struct http_connection *connection, int minor, int status,
                     const char *content_type, const char *headers, uint64_t size)
{
    text_addf(text, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
    add_date(text, machine_wall_seconds(connection->server->machine));
    if (content_type != NULL)
        text_addf(text, "Content-Type: %s\r\n", content_type);
    if (size == SIZE_IN_CHUNKS)
        text_add_string(text, "Transfer-Encoding: chunked\r\n");
    else if (has_content(status) && size != SIZE_UNTIL_END)
        text_addf(text, "Content-Length: %llu\r\n", (unsigned long long)size);
    if (!connection->keep_alive)
        text_add_string(text, "Connection: close\r\n");
    else if (minor == 0)
        text_add_string(text, "Connection: keep-alive\r\n");
    text_add_string(text, headers);
    text_add_string(text, "\r\n");
}

/* What remains of an answer once the exchange is gone. */
struct beginning {
    struct http_connection *connection;
    struct text head;
    bool with_body;
};

/* Writes the head into a text and ends the exchange; its memory is gone afterwards. */
static struct beginning begin_answer(struct http_exchange *exchange, int status, const char *content_type,
                                     const char *headers, uint64_t size)
{
    struct http_exchange_state *state = container_of(exchange, struct http_exchange_state, exchange);
    struct http_connection *connection = exchange->connection;
    assert_that(connection->exchange == state); /* Answered once only. */
    assert_that(!state->is_answering);
    assert_that(status >= 200 && status <= 599);

    connection->keep_alive =
        exchange->head.keep_alive && state->body_ended && connection->server->is_open && !connection->peer_ended;
    connection->body_unread = !state->body_ended;
    struct beginning beginning = {.connection = connection};
    beginning.with_body = has_content(status) && !http_text_equals(exchange->head.method, "HEAD");
    add_head(&beginning.head, connection, exchange->head.minor, status, content_type, headers, size);
    return beginning;
}

static void end_exchange(struct http_connection *connection)
{
    http_exchange_free(connection->exchange);
    connection->exchange = NULL;
    http_connection_answered(connection);
}

void http_answer(struct http_exchange *exchange, int status, const char *content_type, const char *headers,
                 struct io_bytes body)
{
    struct beginning beginning = begin_answer(exchange, status, content_type, headers, body.size);
    struct conn *conn = &beginning.connection->conn;
    if (beginning.with_body && body.size <= JOINED_BODY_BYTES)
        text_add(&beginning.head, body.data, body.size);
    conn_write_text(conn, &beginning.head);
    if (beginning.with_body && body.size > JOINED_BODY_BYTES)
        conn_write_bytes(conn, body.data, body.size);
    end_exchange(beginning.connection);
}

void http_answer_text(struct http_exchange *exchange, int status, const char *content_type, struct text *body)
{
    struct beginning beginning = begin_answer(exchange, status, content_type, "", body->size);
    struct conn *conn = &beginning.connection->conn;
    if (beginning.with_body && body->size <= JOINED_BODY_BYTES) {
        text_add(&beginning.head, text_string(body), body->size);
        text_clear(body);
    }
    conn_write_text(conn, &beginning.head);
    if (beginning.with_body)
        conn_write_text(conn, body);
    text_free(body);
    end_exchange(beginning.connection);
}

void http_answer_string(struct http_exchange *exchange, int status, const char *content_type, const char *body)
{
    http_answer(exchange, status, content_type, "", (struct io_bytes){(const uint8_t *)body, strlen(body)});
}

static void on_blob_sent(struct op *op, const struct op_result *result)
{
    struct http_connection *connection = container_of(op, struct http_connection, blob_op);
    if (result->status != IO_OK || result->number != connection->blob_size)
        conn_abort(&connection->conn); /* The head has promised a length that cannot be kept. */
    else
        http_connection_advance(connection);
}

void http_answer_blob(struct http_exchange *exchange, const char *content_type, const char *digest, uint64_t size)
{
    struct beginning beginning = begin_answer(exchange, 200, content_type, "", size);
    struct http_connection *connection = beginning.connection;
    conn_write_text(&connection->conn, &beginning.head);
    if (beginning.with_body && size > 0 && connection->conn.state == CONN_OPEN) {
        connection->blob_size = size;
        conn_send_blob(&connection->conn, &connection->blob_op, digest, on_blob_sent);
        connection->patience_ns = connection->server->options.idle_timeout_ns + size / SLOWEST_BYTES_PER_S * NS_PER_S;
    }
    end_exchange(connection);
}

/* ---- Piece by piece ---- */

void http_answer_begin(struct http_exchange *exchange, int status, const char *content_type)
{
    struct http_exchange_state *state = container_of(exchange, struct http_exchange_state, exchange);
    assert_that(state->body_ended && state->known);
    assert_that(has_content(status));
    state->in_chunks = exchange->head.minor > 0;
    if (!state->in_chunks)
        exchange->head.keep_alive = false;
    struct beginning beginning =
        begin_answer(exchange, status, content_type, "", state->in_chunks ? SIZE_IN_CHUNKS : SIZE_UNTIL_END);
    state->is_answering = true;
    state->is_silent = !beginning.with_body;
    conn_write_text(&beginning.connection->conn, &beginning.head);
}

void http_answer_piece(struct http_exchange *exchange, struct io_bytes bytes)
{
    struct http_exchange_state *state = container_of(exchange, struct http_exchange_state, exchange);
    assert_that(state->is_answering);
    if (state->is_silent || bytes.size == 0) /* A chunk of no size would be the end. */
        return;
    struct text piece = {0};
    if (state->in_chunks)
        text_addf(&piece, "%zx\r\n", bytes.size);
    text_add(&piece, bytes.data, bytes.size);
    if (state->in_chunks)
        text_add_string(&piece, "\r\n");
    conn_write_text(&exchange->connection->conn, &piece);
}

void http_answer_end(struct http_exchange *exchange)
{
    struct http_exchange_state *state = container_of(exchange, struct http_exchange_state, exchange);
    assert_that(state->is_answering);
    struct http_connection *connection = exchange->connection;
    if (state->in_chunks && !state->is_silent)
        conn_write_string(&connection->conn, "0\r\n\r\n");
    end_exchange(connection);
}

size_t http_answer_unsent(const struct http_exchange *exchange)
{
    return exchange->connection->conn.unsent_bytes;
}

void http_refuse(struct http_connection *connection, int status, const char *reason)
{
    assert_that(connection->exchange == NULL);
    connection->keep_alive = false;
    connection->body_unread = true;
    struct text text = {0};
    add_head(&text, connection, 1, status, "text/plain", "", strlen(reason) + 1);
    text_addf(&text, "%s\n", reason);
    conn_write_text(&connection->conn, &text);
    http_connection_answered(connection);
}
