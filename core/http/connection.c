/* One connection of the server: what the bytes that come mean, and when to stop waiting for more. */
#include "core/http/connection.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_HEAD_BYTES = 32768,
    MAX_HEADERS = 100,
    MAX_PIPELINED_BYTES = 16384, /* Taken from the peer while its request is being handled. */
    MAX_UNSENT_BYTES = 65536,    /* More than this must have left before the next request is looked at. */
};
static const uint64_t linger_ns = 2 * NS_PER_S, first_request_ns = NS_PER_S;
static const struct http_limits limits = {.max_head_bytes = MAX_HEAD_BYTES, .max_headers = MAX_HEADERS};

static bool advance_head(struct http_connection *connection);
static bool advance_body(struct http_connection *connection);
static bool advance_sending(struct http_connection *connection);
static void on_deadline(struct timer *timer);

static void wait_for(struct http_connection *connection, uint64_t delay_ns)
{
    timer_set(connection->server->machine, &connection->deadline, delay_ns, on_deadline);
}

static void stop_waiting(struct http_connection *connection)
{
    timer_cancel(connection->server->machine, &connection->deadline);
}

/* Reading on while a request is handled is how we learn that its sender has gone. */
static void watch_peer(struct http_connection *connection)
{
    if (!connection->peer_ended && connection->input.size < MAX_PIPELINED_BYTES)
        conn_read(&connection->conn);
}

static void throw_away(struct http_connection *connection)
{
    text_clear(&connection->input);
    conn_read(&connection->conn);
}

/* One transition. False: nothing more can be done before the next event. */
static bool advance_once(struct http_connection *connection)
{
    if (connection->conn.state != CONN_OPEN)
        return false;
    switch (connection->state) {
    case HTTP_IDLE:
    case HTTP_HEAD:
        return advance_head(connection);
    case HTTP_BODY:
        return advance_body(connection);
    case HTTP_HANDLING:
        watch_peer(connection);
        return false;
    case HTTP_SENDING:
        return advance_sending(connection);
    case HTTP_LINGERING:
        throw_away(connection);
        return false;
    }
    assert_unreachable();
}

void http_connection_advance(struct http_connection *connection)
{
    if (connection->advancing)
        return;
    connection->advancing = true;
    while (advance_once(connection))
        ;
    connection->advancing = false;
}

/* ---- The head ---- */

static int status_of(enum http_result result)
{
    switch (result) {
    case HTTP_TOO_LARGE:
        return 431;
    case HTTP_BAD_VERSION:
        return 505;
    case HTTP_NOT_IMPLEMENTED:
        return 501;
    case HTTP_OK:
    case HTTP_INCOMPLETE:
    case HTTP_BAD:
        return 400;
    }
    assert_unreachable();
}

/* The request cannot be served: its owner forgets it, its sender hears why. */
static void fail_exchange(struct http_connection *connection, int status, const char *reason)
{
    struct http_exchange_state *state = connection->exchange;
    if (state->known)
        connection->server->handlers->on_aborted(&state->exchange);
    connection->exchange = NULL;
    http_exchange_free(state);
    http_refuse(connection, status, reason);
}

/* Shows the head to the owner, who may take the body as a stream or answer at once. */
static void accept_head(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_exchange_state *state = connection->exchange;
    const struct http_head *head = &state->exchange.head;
    if (server->handlers->on_head != NULL) {
        state->known = true;
        bool streamed = server->handlers->on_head(&state->exchange);
        if (connection->exchange == NULL)
            return; /* Answered. */
        state->streamed = streamed;
    }
    if (!state->streamed && head->body == HTTP_BODY_LENGTH && head->content_length > server->options.max_body_bytes) {
        fail_exchange(connection, 413, "The request body is too large.");
        return;
    }
    state->wanted = true;
    if (head->expect_continue && !state->body_ended && connection->input.size == 0)
        conn_write_string(&connection->conn, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void begin_exchange(struct http_connection *connection, size_t head_size)
{
    struct http_exchange_state *state = http_exchange_new(connection);
    struct http_head *head = &state->exchange.head;
    text_add(&state->head_bytes, text_string(&connection->input), head_size);
    text_consume(&connection->input, head_size);
    connection->scanned = 0;
    connection->exchange = state;
    connection->state = HTTP_BODY;

    const char *reason = "malformed";
    enum http_result result =
        http_parse_request((const uint8_t *)text_string(&state->head_bytes), head_size, &limits, head, &reason);
    if (result != HTTP_OK) {
        fail_exchange(connection, status_of(result), reason);
        return;
    }
    if (!uri_decode(&state->path, head->path)) {
        fail_exchange(connection, 400, "The path is not properly percent-encoded.");
        return;
    }
    state->exchange.path = text_string(&state->path);
    state->body_left = head->body == HTTP_BODY_LENGTH ? head->content_length : 0;
    state->body_ended = head->body == HTTP_BODY_NONE || (head->body == HTTP_BODY_LENGTH && state->body_left == 0);
    connection->server->request_count++;
    stop_waiting(connection);
    accept_head(connection);
}

/* Empty lines before a request are allowed (RFC 9112, 2.2) and mean nothing. */
static void skip_empty_lines(struct http_connection *connection)
{
    const char *bytes = text_string(&connection->input);
    size_t skipped = 0;
    while (connection->input.size - skipped >= 2 && memcmp(bytes + skipped, "\r\n", 2) == 0)
        skipped += 2;
    text_consume(&connection->input, skipped);
}

static bool wait_for_request(struct http_connection *connection)
{
    if (connection->peer_ended || !connection->server->is_open) {
        conn_close(&connection->conn);
        return false;
    }
    if (!timer_is_set(&connection->deadline))
        wait_for(connection, connection->server->options.idle_timeout_ns);
    conn_read(&connection->conn);
    return false;
}

static bool advance_head(struct http_connection *connection)
{
    if (connection->state == HTTP_IDLE) {
        skip_empty_lines(connection);
        if (connection->input.size == 0)
            return wait_for_request(connection);
        connection->state = HTTP_HEAD;
        wait_for(connection, connection->server->options.header_timeout_ns);
    }
    size_t head_size = 0;
    enum http_result result = http_find_head((const uint8_t *)text_string(&connection->input), connection->input.size,
                                             &limits, &connection->scanned, &head_size);
    if (result == HTTP_OK) {
        begin_exchange(connection, head_size);
        return true;
    }
    if (result != HTTP_INCOMPLETE) {
        http_refuse(connection, status_of(result), "The request's head is malformed or too large.");
        return true;
    }
    if (connection->peer_ended)
        conn_close(&connection->conn);
    else
        conn_read(&connection->conn);
    return false;
}

/* ---- The body ---- */

static void hand_over(struct http_connection *connection)
{
    struct http_exchange_state *state = connection->exchange;
    stop_waiting(connection);
    connection->state = HTTP_HANDLING;
    state->known = true;
    if (!state->streamed)
        state->exchange.body = (struct io_bytes){(const uint8_t *)text_string(&state->body), state->body.size};
    connection->server->handlers->on_request(&state->exchange);
}

/* Shows a piece of a streamed body. The exchange may be gone afterwards. */
static void show_piece(struct http_connection *connection, const void *bytes, size_t size)
{
    struct http_exchange_state *state = connection->exchange;
    stop_waiting(connection);
    state->wanted = false;
    connection->server->handlers->on_body(&state->exchange, bytes, size);
}

static void take_counted_body(struct http_connection *connection)
{
    struct http_exchange_state *state = connection->exchange;
    const char *bytes = text_string(&connection->input);
    size_t size = connection->input.size;
    if (size > state->body_left)
        size = (size_t)state->body_left;
    state->body_left -= size;
    state->body_ended = state->body_left == 0;
    if (state->streamed)
        show_piece(connection, bytes, size);
    else
        text_add(&state->body, bytes, size);
    text_consume(&connection->input, size);
}

static void take_chunked_body(struct http_connection *connection)
{
    struct http_exchange_state *state = connection->exchange;
    size_t used = 0;
    if (state->streamed)
        text_clear(&state->body);
    enum http_result result = http_chunks_feed(&state->chunks, (const uint8_t *)text_string(&connection->input),
                                               connection->input.size, &used, &state->body);
    text_consume(&connection->input, result == HTTP_INCOMPLETE ? connection->input.size : used);
    if (result != HTTP_OK && result != HTTP_INCOMPLETE) {
        fail_exchange(connection, 400, "The chunked body is malformed.");
        return;
    }
    state->body_ended = result == HTTP_OK;
    if (!state->streamed && state->body.size > connection->server->options.max_body_bytes)
        fail_exchange(connection, 413, "The request body is too large.");
    else if (state->streamed && state->body.size > 0)
        show_piece(connection, text_string(&state->body), state->body.size);
}

static bool advance_body(struct http_connection *connection)
{
    struct http_exchange_state *state = connection->exchange;
    if (!state->wanted)
        return false; /* The owner is slow; our not reading makes the sender wait. */
    if (state->body_ended) {
        hand_over(connection);
        return true;
    }
    if (connection->input.size > 0) {
        if (state->exchange.head.body == HTTP_BODY_CHUNKED)
            take_chunked_body(connection);
        else
            take_counted_body(connection);
        return true;
    }
    if (connection->peer_ended) {
        fail_exchange(connection, 400, "The body is shorter than announced.");
        return true;
    }
    wait_for(connection, connection->server->options.idle_timeout_ns);
    conn_read(&connection->conn);
    return false;
}

/* ---- After the answer ---- */

void http_connection_answered(struct http_connection *connection)
{
    connection->state = HTTP_SENDING;
    connection->unsent_bytes = connection->conn.unsent_bytes;
    if (!op_is_pending(&connection->blob_op))
        connection->patience_ns = connection->server->options.idle_timeout_ns;
    wait_for(connection, connection->patience_ns);
    http_connection_advance(connection);
}

static bool advance_sending(struct http_connection *connection)
{
    if (op_is_pending(&connection->blob_op))
        return false;
    if (connection->keep_alive && connection->conn.unsent_bytes <= MAX_UNSENT_BYTES) {
        connection->state = HTTP_IDLE;
        connection->has_served = true;
        stop_waiting(connection);
        return true;
    }
    if (connection->conn.unsent_bytes > 0)
        return false;
    if (connection->peer_ended || (!connection->body_unread && connection->input.size == 0)) {
        conn_close(&connection->conn);
        return false;
    }
    connection->state = HTTP_LINGERING;
    conn_finish(&connection->conn);
    wait_for(connection, linger_ns);
    return true;
}

static void check_progress(struct http_connection *connection)
{
    bool progress = connection->conn.unsent_bytes < connection->unsent_bytes;
    if (op_is_pending(&connection->blob_op) || !progress) {
        conn_abort(&connection->conn);
        return;
    }
    connection->unsent_bytes = connection->conn.unsent_bytes;
    wait_for(connection, connection->patience_ns);
}

static void on_deadline(struct timer *timer)
{
    struct http_connection *connection = container_of(timer, struct http_connection, deadline);
    switch (connection->state) {
    case HTTP_IDLE:
    case HTTP_LINGERING:
        conn_close(&connection->conn);
        break;
    case HTTP_HEAD:
        http_refuse(connection, 408, "The request took too long to arrive.");
        break;
    case HTTP_BODY:
        fail_exchange(connection, 408, "The request's body took too long to arrive.");
        break;
    case HTTP_SENDING:
        check_progress(connection);
        break;
    case HTTP_HANDLING:
        assert_unreachable(); /* How long an answer takes is the owner's business. */
    }
}

/* ---- Events of the connection ---- */

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct http_connection *connection = container_of(conn, struct http_connection, conn);
    text_add(&connection->input, slice_data(bytes), bytes.size);
    http_connection_advance(connection);
}

static void on_end(struct conn *conn)
{
    struct http_connection *connection = container_of(conn, struct http_connection, conn);
    connection->peer_ended = true;
    if (connection->state == HTTP_LINGERING)
        conn_close(conn);
    else
        http_connection_advance(connection);
}

static void on_drained(struct conn *conn)
{
    http_connection_advance(container_of(conn, struct http_connection, conn));
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    struct http_connection *connection = container_of(conn, struct http_connection, conn);
    if (connection->exchange != NULL && connection->exchange->known)
        connection->server->handlers->on_aborted(&connection->exchange->exchange);
    http_connection_gone(connection);
}

void http_connection_gone(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    http_connection_free(connection);
    if (!server->is_open && server->connection_count == 0 && server->handlers->on_drained != NULL)
        server->handlers->on_drained(server);
}

void http_connection_new(struct http_server *server, struct io_conn id, const char *peer)
{
    static const struct conn_handlers handlers = {
        .on_bytes = on_bytes,
        .on_end = on_end,
        .on_drained = on_drained,
        .on_closed = on_closed,
    };
    struct http_connection *connection = memory_new(sizeof *connection);
    connection->server = server;
    connection->state = HTTP_IDLE;
    snprintf(connection->peer, sizeof connection->peer, "%s", peer);
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->connection_count++;
    conn_accept(server->machine, &connection->conn, &handlers, id);
    wait_for(connection, server->options.header_timeout_ns); /* The first request must come soon. */
    http_connection_advance(connection);
}

void http_connection_drain(struct http_connection *connection)
{
    if (connection->state != HTTP_IDLE)
        return;
    if (connection->has_served)
        conn_close(&connection->conn);
    else if (first_request_ns < connection->server->options.header_timeout_ns)
        wait_for(connection, first_request_ns); /* Its request is under way, as far as anybody knows. */
}

void http_connection_free(struct http_connection *connection)
{
    stop_waiting(connection);
    op_forget(&connection->blob_op);
    if (connection->exchange != NULL)
        http_exchange_free(connection->exchange);
    text_free(&connection->input);
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    connection->server->connection_count--;
    memory_free(connection);
}
