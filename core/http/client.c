/* One request, one response, one connection.
 *
 *   CALL_CONNECTING -> CALL_HEAD -> CALL_BODY ----------------------> CALL_ENDING -> on_done
 *                          |            `-> CALL_COMMITTING (a blob) -----^
 *                          `--------------> CALL_RECEIVING (a blob) ------^
 *   any --failure, time-out, cancel--> CALL_ENDING -> on_done
 *
 * on_done waits for the connection's last word, because the conn lives in the call that its owner may free then.
 */
#include "core/http/client.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

enum {
    MAX_HEAD_BYTES = 65536,
    MAX_INTERIM_RESPONSES = 16,
};
static const struct http_limits limits = {.max_head_bytes = MAX_HEAD_BYTES, .max_headers = HTTP_MAX_HEADERS};

enum call_phase {
    CALL_CONNECTING = 1,
    CALL_HEAD,
    CALL_BODY,
    CALL_RECEIVING,  /* The driver moves the body into a blob. */
    CALL_COMMITTING, /* The body was written to a blob, which is being made durable. */
    CALL_ENDING,     /* The outcome is known; the connection is closing. */
};

struct http_call_state {
    enum call_phase phase;
    enum io_status outcome;
    char *method;
    struct text head; /* The request's head and what precedes the blob. */
    char *blob_digest;
    uint64_t blob_size;
    struct text tail;
    size_t max_body_bytes;

    struct text input;
    size_t scanned;
    int interim_responses;
    struct http_head response;
    struct text response_bytes; /* What `response` points into. */
    enum http_body framing;
    struct http_chunks chunks;
    struct text decoded;
    uint64_t body_left;
    bool wants_blob;
    struct io_blob blob; /* id 0: none is open. */
};

/* ---- Ending ---- */

static void free_state(struct http_call *call)
{
    struct http_call_state *state = call->state;
    memory_free(state->method);
    text_free(&state->head);
    memory_free(state->blob_digest);
    text_free(&state->tail);
    text_free(&state->input);
    text_free(&state->response_bytes);
    text_free(&state->decoded);
    memory_free(state);
    call->state = NULL;
}

/* The outcome is known: nothing else is waited for. */
static void settle(struct http_call *call, enum io_status outcome, const char *reason)
{
    struct http_call_state *state = call->state;
    assert_that(state->phase != CALL_ENDING);
    state->phase = CALL_ENDING;
    state->outcome = outcome;
    call->reason = reason;
    timer_cancel(call->machine, &call->deadline);
    op_forget(&call->send_op);
    op_forget(&call->op);
    if (state->blob.id != 0)
        blob_discard(call->machine, state->blob);
    state->blob.id = 0;
}

static const char *describe_loss(enum call_phase phase, enum io_status status)
{
    if (phase == CALL_CONNECTING)
        return status == IO_REFUSED ? "connection refused" : "could not connect";
    if (phase == CALL_HEAD)
        return "the connection ended before a response came";
    return "the connection ended in the middle of the response";
}

static void tell_outcome(struct http_call *call)
{
    assert_that(call->state->phase == CALL_ENDING);
    enum io_status outcome = call->state->outcome;
    free_state(call);
    call->handlers->on_done(call, outcome);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    struct http_call *call = container_of(conn, struct http_call, conn);
    enum call_phase phase = call->state->phase;
    if (phase == CALL_COMMITTING)
        return; /* The response had come whole; end_call finds the connection gone. */
    if (phase != CALL_ENDING)
        settle(call, status == IO_OK ? IO_RESET : status, describe_loss(phase, status));
    tell_outcome(call);
}

static void on_late_end(struct timer *timer)
{
    tell_outcome(container_of(timer, struct http_call, deadline));
}

/* Settles the outcome, if it is not settled yet, and lets on_done follow in a later step. */
static void end_call(struct http_call *call, enum io_status outcome, const char *reason)
{
    if (call->state->phase == CALL_ENDING)
        return;
    settle(call, outcome, reason);
    if (call->conn.state == CONN_CLOSED)
        timer_set(call->machine, &call->deadline, 0, on_late_end);
    else if (outcome == IO_OK)
        conn_close(&call->conn);
    else
        conn_abort(&call->conn);
}

static void on_deadline(struct timer *timer)
{
    struct http_call *call = container_of(timer, struct http_call, deadline);
    end_call(call, IO_TIMED_OUT, "the call took too long");
}

void http_call_cancel(struct http_call *call)
{
    if (call->state != NULL)
        end_call(call, IO_CANCELLED, "cancelled");
}

bool http_call_is_under_way(const struct http_call *call)
{
    return call->state != NULL;
}

void http_call_release(struct http_call *call)
{
    if (call->state != NULL) {
        timer_cancel(call->machine, &call->deadline);
        op_forget(&call->op);
        op_forget(&call->send_op);
        free_state(call);
    }
    text_free(&call->body);
}

/* ---- The request ---- */

static void on_blob_sent(struct op *op, const struct op_result *result)
{
    struct http_call *call = container_of(op, struct http_call, send_op);
    if (result->status == IO_OK && result->number == call->state->blob_size)
        return;
    /* A peer that answers early and closes cancels the transfer: its answer, or CLOSED, is what counts. */
    if (result->status == IO_CANCELLED)
        return;
    end_call(call, result->status == IO_OK ? IO_CORRUPT : result->status, "the blob to send could not be read");
}

static void on_connected(struct conn *conn)
{
    struct http_call *call = container_of(conn, struct http_call, conn);
    struct http_call_state *state = call->state;
    state->phase = CALL_HEAD;
    conn_write_text(conn, &state->head);
    if (state->blob_digest != NULL)
        conn_send_blob(conn, &call->send_op, state->blob_digest, on_blob_sent);
    conn_write_text(conn, &state->tail);
    conn_read(conn);
}

static void write_request(struct http_call_state *state, const struct http_request *request)
{
    struct text *head = &state->head;
    text_addf(head, "%s %s HTTP/1.1\r\n", request->method, request->target);
    if (request->host_header != NULL)
        text_addf(head, "Host: %s\r\n", request->host_header);
    else
        text_addf(head, "Host: %s:%u\r\n", request->host, (unsigned)request->port);
    text_add_string(head, "Connection: close\r\n");
    text_add_string(head, request->headers == NULL ? "" : request->headers);
    uint64_t size = request->body.size;
    if (request->blob_digest != NULL)
        size += request->blob_size + request->body_tail.size;
    if (request->has_body || size > 0)
        text_addf(head, "Content-Length: %llu\r\n", (unsigned long long)size);
    text_add_string(head, "\r\n");
    text_add(head, request->body.data, request->body.size);
    if (request->blob_digest == NULL)
        return;
    state->blob_digest = memory_copy_text(request->blob_digest);
    state->blob_size = request->blob_size;
    text_add(&state->tail, request->body_tail.data, request->body_tail.size);
}

/* ---- The response's body ---- */

static void on_committed(struct op *op, const struct op_result *result)
{
    struct http_call *call = container_of(op, struct http_call, op);
    if (result->status != IO_OK) {
        /* The connection was lost under a BLOB_RECEIVE: CLOSED follows and tells how. */
        if (result->status != IO_CANCELLED || call->state->phase != CALL_RECEIVING)
            end_call(call, result->status, "the body could not be stored");
        return;
    }
    assert_that(result->data.size < sizeof call->blob_digest);
    memcpy(call->blob_digest, result->data.data, result->data.size);
    call->blob_digest[result->data.size] = 0;
    call->blob_size = result->number;
    end_call(call, IO_OK, NULL);
}

static void complete_body(struct http_call *call)
{
    struct http_call_state *state = call->state;
    if (!state->wants_blob) {
        end_call(call, IO_OK, NULL);
        return;
    }
    state->phase = CALL_COMMITTING;
    op_blob_commit(call->machine, &call->op, state->blob, on_committed);
    state->blob.id = 0;
}

static void deliver(struct http_call *call, const void *bytes, size_t size)
{
    struct http_call_state *state = call->state;
    if (size == 0)
        return;
    if (state->wants_blob)
        blob_write(call->machine, state->blob, slice_copy(bytes, size));
    else if (call->handlers->on_body != NULL)
        call->handlers->on_body(call, bytes, size);
    else if (call->body.size + size > state->max_body_bytes)
        end_call(call, IO_FULL, "the response is larger than allowed");
    else
        text_add(&call->body, bytes, size);
}

static void take_chunked_body(struct http_call *call)
{
    struct http_call_state *state = call->state;
    size_t used = 0;
    text_clear(&state->decoded);
    enum http_result result = http_chunks_feed(&state->chunks, (const uint8_t *)text_string(&state->input),
                                               state->input.size, &used, &state->decoded);
    text_clear(&state->input);
    deliver(call, text_string(&state->decoded), state->decoded.size);
    if (state->phase == CALL_ENDING)
        return;
    if (result == HTTP_OK)
        complete_body(call);
    else if (result != HTTP_INCOMPLETE)
        end_call(call, IO_INVALID, "the response's chunked body is malformed");
}

static void take_body(struct http_call *call)
{
    struct http_call_state *state = call->state;
    if (state->framing == HTTP_BODY_CHUNKED) {
        take_chunked_body(call);
        return;
    }
    size_t size = state->input.size;
    if (state->framing != HTTP_BODY_UNTIL_CLOSE && size > state->body_left)
        size = (size_t)state->body_left;
    deliver(call, text_string(&state->input), size);
    text_clear(&state->input); /* What follows a complete response is nothing that we asked for. */
    if (state->phase == CALL_ENDING || state->framing == HTTP_BODY_UNTIL_CLOSE)
        return;
    state->body_left -= size;
    if (state->body_left == 0)
        complete_body(call);
}

/* Chooses how the body is taken, once the owner has seen the head. */
static void begin_body(struct http_call *call)
{
    struct http_call_state *state = call->state;
    state->phase = CALL_BODY;
    state->framing = state->response.body;
    state->body_left = state->framing == HTTP_BODY_LENGTH ? state->response.content_length : 0;
    if (!state->wants_blob)
        return;
    if (state->framing == HTTP_BODY_LENGTH && state->body_left > 0 && state->input.size == 0) {
        state->phase = CALL_RECEIVING;
        conn_receive_blob(&call->conn, &call->op, state->body_left, on_committed);
        return;
    }
    state->blob = blob_open(call->machine);
}

void http_call_receive_blob(struct http_call *call)
{
    assert_that(call->state != NULL);
    assert_that(call->state->phase == CALL_HEAD);
    call->state->wants_blob = true;
}

/* ---- The response's head ---- */

/* Parses a head that has come whole. False: it is no response that we can use. */
static bool parse_head(struct http_call *call, size_t size)
{
    struct http_call_state *state = call->state;
    text_clear(&state->response_bytes);
    text_add(&state->response_bytes, text_string(&state->input), size);
    text_consume(&state->input, size);
    state->scanned = 0;
    struct http_text method = {state->method, strlen(state->method)};
    const char *reason = "the response is malformed";
    enum http_result result = http_parse_response((const uint8_t *)text_string(&state->response_bytes), size, &limits,
                                                  method, &state->response, &reason);
    if (result != HTTP_OK)
        end_call(call, IO_INVALID, reason);
    return result == HTTP_OK;
}

static bool is_interim(int status)
{
    return status >= 100 && status < 200;
}

/* True: the head has come and was dealt with. */
static bool take_head(struct http_call *call)
{
    struct http_call_state *state = call->state;
    size_t size = 0;
    enum http_result result =
        http_find_head((const uint8_t *)text_string(&state->input), state->input.size, &limits, &state->scanned, &size);
    if (result == HTTP_INCOMPLETE)
        return false;
    if (result != HTTP_OK) {
        end_call(call, IO_INVALID, "the response's head is malformed or too large");
        return true;
    }
    if (!parse_head(call, size))
        return true;
    if (is_interim(state->response.status)) {
        if (state->response.status == 101 || ++state->interim_responses > MAX_INTERIM_RESPONSES)
            end_call(call, IO_INVALID, "an interim response that was not asked for");
        return true;
    }
    call->status = state->response.status;
    if (call->handlers->on_response != NULL)
        call->handlers->on_response(call, &state->response);
    if (state->phase == CALL_HEAD)
        begin_body(call);
    return true;
}

static void advance(struct http_call *call)
{
    struct http_call_state *state = call->state;
    while (state->phase == CALL_HEAD && take_head(call))
        ;
    if (state->phase == CALL_BODY)
        take_body(call);
    if (state->phase == CALL_HEAD || state->phase == CALL_BODY)
        conn_read(&call->conn);
}

/* ---- Events of the connection ---- */

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct http_call *call = container_of(conn, struct http_call, conn);
    text_add(&call->state->input, slice_data(bytes), bytes.size);
    advance(call);
}

static void on_end(struct conn *conn)
{
    struct http_call *call = container_of(conn, struct http_call, conn);
    struct http_call_state *state = call->state;
    if (state->phase == CALL_BODY && state->framing == HTTP_BODY_UNTIL_CLOSE)
        complete_body(call);
    else
        end_call(call, IO_RESET, describe_loss(state->phase, IO_RESET));
}

void http_call_start(struct machine *machine, struct http_call *call, const struct http_request *request,
                     const struct http_call_handlers *handlers)
{
    static const struct conn_handlers conn_handlers = {
        .on_connected = on_connected,
        .on_bytes = on_bytes,
        .on_end = on_end,
        .on_closed = on_closed,
    };
    assert_that(call->state == NULL); /* One at a time. */
    assert_that(handlers->on_done != NULL);
    call->handlers = handlers;
    call->machine = machine;
    call->status = 0;
    call->reason = NULL;
    call->blob_digest[0] = 0;
    call->blob_size = 0;
    text_clear(&call->body);
    call->state = memory_new(sizeof *call->state);
    call->state->phase = CALL_CONNECTING;
    call->state->method = memory_copy_text(request->method);
    call->state->max_body_bytes = request->max_body_bytes;
    write_request(call->state, request);
    if (request->timeout_ns > 0)
        timer_set(machine, &call->deadline, request->timeout_ns, on_deadline);
    conn_connect(machine, &call->conn, &conn_handlers, request->host, request->port);
}
