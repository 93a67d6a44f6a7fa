/* How a simulated app answers: HTTP/1.1 with keep-alive, one request after another on each connection. A request for
 * /echo is answered with its own head, for those who want to see what an app gets, one for /env with the environment if
 * the app shows it; one for /session begins one, and one for /crash ends the process. */
#include "core/base/memory.h"
#include "core/wire/http.h"
#include "drivers/sim/workload/workload.h"

#include <string.h>

enum { MOST_HEAD_BYTES = 65536, MOST_HEADERS = 100 };

enum responder_state { RESPONDER_HEAD = 1, RESPONDER_BODY, RESPONDER_THINKING };

/* One connection.
 *
 *   HEAD --a whole head--> BODY --its last byte--> THINKING --after the app's response time--> HEAD, or closed
 */
struct responder {
    struct workload *workload;
    struct socket *socket; /* NULL once it is closed. */
    enum responder_state state;
    struct text in;
    struct text echo; /* The head, if it was asked for. */
    size_t scanned;
    bool begins_session, is_poison;
    bool keeps_alive, is_head_only, is_chunked;
    uint64_t body_left;
    struct http_chunks chunks;
    struct wake think;
    struct responder *previous, *next;
};

static void on_thought(struct wake *wake);
static void go_on(struct responder *responder);

static void free_responder(struct responder *responder)
{
    world_cancel(responder->workload->host->world, &responder->think);
    if (responder->previous != NULL)
        responder->previous->next = responder->next;
    else
        responder->workload->responders = responder->next;
    if (responder->next != NULL)
        responder->next->previous = responder->previous;
    text_free(&responder->in);
    text_free(&responder->echo);
    memory_free(responder);
}

void responders_drop_all(struct workload *workload)
{
    while (workload->responders != NULL) {
        socket_drop(workload->responders->socket);
        free_responder(workload->responders);
    }
}

/* ---- Requests ---- */

static void refuse(struct responder *responder)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    socket_write(responder->socket, slice_copy(answer, sizeof answer - 1));
    socket_close(responder->socket, false);
}

/* False if nothing more can be done with the bytes that are here. */
static bool take_head(struct responder *responder)
{
    static const struct http_limits limits = {MOST_HEAD_BYTES, MOST_HEADERS};
    const uint8_t *bytes = (const uint8_t *)text_string(&responder->in);
    size_t size;
    enum http_result result = http_find_head(bytes, responder->in.size, &limits, &responder->scanned, &size);
    if (result == HTTP_INCOMPLETE)
        return false;
    struct http_head head;
    const char *reason;
    if (result == HTTP_OK)
        result = http_parse_request(bytes, size, &limits, &head, &reason);
    if (result != HTTP_OK) {
        refuse(responder);
        return false;
    }
    responder->keeps_alive = head.keep_alive;
    responder->is_head_only = http_text_equals(head.method, "HEAD");
    responder->is_chunked = head.body == HTTP_BODY_CHUNKED;
    responder->body_left = head.body == HTTP_BODY_LENGTH ? head.content_length : 0;
    responder->chunks = (struct http_chunks){0};
    responder->scanned = 0;
    if (http_text_equals(head.target, "/echo"))
        text_add(&responder->echo, bytes, size);
    else if (http_text_equals(head.target, "/env"))
        text_add_string(&responder->echo, text_string(&responder->workload->environment));
    responder->is_poison = http_text_equals(head.target, "/crash");
    responder->begins_session = http_text_equals(head.target, "/session");
    if (head.expect_continue)
        socket_write(responder->socket, slice_copy("HTTP/1.1 100 Continue\r\n\r\n", 25));
    text_consume(&responder->in, size);
    responder->state = RESPONDER_BODY;
    return true;
}

static bool take_body(struct responder *responder)
{
    if (responder->is_chunked) {
        size_t used;
        const uint8_t *bytes = (const uint8_t *)text_string(&responder->in);
        enum http_result result = http_chunks_feed(&responder->chunks, bytes, responder->in.size, &used, NULL);
        if (result == HTTP_BAD) {
            refuse(responder);
            return false;
        }
        text_consume(&responder->in, used);
        if (result == HTTP_INCOMPLETE)
            return false;
    } else {
        uint64_t left = responder->body_left;
        size_t size = left < responder->in.size ? (size_t)left : responder->in.size;
        text_consume(&responder->in, size);
        responder->body_left -= size;
        if (responder->body_left > 0)
            return false;
    }
    struct workload *workload = responder->workload;
    responder->state = RESPONDER_THINKING;
    struct distribution response = behaviour_duration(workload->app->response);
    uint64_t slow_ns = workload->slow_ns + workload->host->slow_ns;
    world_wake_in(workload->host->world, &responder->think,
                  distribution_sample(&response, &workload->random) + slow_ns);
    return true;
}

static void go_on(struct responder *responder)
{
    bool moves = true;
    while (moves && responder->state != RESPONDER_THINKING)
        moves = responder->state == RESPONDER_HEAD ? take_head(responder) : take_body(responder);
    if (responder->state != RESPONDER_THINKING)
        socket_read(responder->socket, SIZE_MAX);
}

/* ---- Answers ---- */

static void on_thought(struct wake *wake)
{
    struct responder *responder = container_of(wake, struct responder, think);
    struct workload *workload = responder->workload;
    if (workload->hangs)
        return;
    if (responder->is_poison) {
        workload_exit(workload);
        return;
    }
    struct text body = {0};
    text_addf(&body, "app=%s index=%d instance=%s version=%s\n", workload->app->name, workload->index, workload->name,
              workload->version);
    text_add(&body, text_string(&responder->echo), responder->echo.size);
    text_clear(&responder->echo);
    size_t padding = workload->app->response_bytes;
    memset(text_room(&body, padding), '.', padding);
    text_grow(&body, padding);
    struct text answer = {0};
    text_addf(&answer, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s%s\r\n",
              workload->is_sick ? "503 Service Unavailable" : "200 OK", body.size,
              responder->begins_session ? "Set-Cookie: JSESSIONID=1\r\n" : "",
              responder->keeps_alive ? "" : "Connection: close\r\n");
    if (!responder->is_head_only)
        text_add(&answer, text_string(&body), body.size);
    text_free(&body);
    socket_write(responder->socket, text_take(&answer));
    responder->state = RESPONDER_HEAD;
    if (responder->keeps_alive)
        go_on(responder);
    else
        socket_close(responder->socket, false);
}

/* ---- The connection ---- */

static void on_bytes(struct socket *socket, struct slice lent)
{
    struct responder *responder = socket->owner;
    text_add(&responder->in, slice_data(lent), lent.size);
    go_on(responder);
}

static void on_end(struct socket *socket)
{
    socket_close(socket, false);
}

static void on_written(struct socket *socket, size_t size)
{
    (void)socket;
    (void)size;
}

static void on_closed(struct socket *socket, enum io_status status)
{
    (void)status;
    struct responder *responder = socket->owner;
    free_responder(responder);
}

static const struct socket_handlers responder_handlers = {
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

void responders_accept(struct port *port, struct socket *socket)
{
    struct workload *workload = container_of(port, struct workload, port);
    struct responder *responder = memory_new(sizeof *responder);
    responder->workload = workload;
    responder->socket = socket;
    responder->state = RESPONDER_HEAD;
    responder->think = (struct wake){.happen = on_thought, .key = random_draw(&workload->random)};
    responder->next = workload->responders;
    if (responder->next != NULL)
        responder->next->previous = responder;
    workload->responders = responder;
    socket_accept(socket, &responder_handlers, responder, workload->label);
    socket_read(socket, SIZE_MAX);
}
