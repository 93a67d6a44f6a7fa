/* From a request's bytes to an exchange that knows its route. attempt.c goes on from there. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/base/random.h"
#include "core/router/back/backend.h"
#include "core/router/front/http2.h"
#include "core/router/monitor/access_log.h"

enum { PARKED_LOOK_MS = 20 };

/* ---- The head ---- */

/* Answers what cannot be read; false if there is nothing to complain about. */
static bool refuse_malformed(struct session *session, enum http_result result, const char *reason)
{
    switch (result) {
    case HTTP_OK:
    case HTTP_INCOMPLETE:
        return false;
    case HTTP_BAD:
        session_answer_error(session, ERROR_BAD_REQUEST, reason);
        return true;
    case HTTP_TOO_LARGE:
        session_answer_error(session, ERROR_HEAD_TOO_LARGE, reason);
        return true;
    case HTTP_BAD_VERSION:
        session_answer_error(session, ERROR_BAD_VERSION, reason);
        return true;
    case HTTP_NOT_IMPLEMENTED:
        session_answer_error(session, ERROR_NOT_IMPLEMENTED, reason);
        return true;
    }
    assert_unreachable();
}

/* Most heads come whole in one piece. One that does not is gathered, and its deadline begins with its first byte. */
static void gather_input(struct session *session)
{
    if (session->input.size == 0)
        return;
    text_add(&session->gather, slice_data(session->input), session->input.size);
    session_consume_input(session, session->input.size);
    session_set_deadline(session, session->router->settings.header_timeout_ns);
}

/* Makes the head stand at the start of `input`, whole. */
static enum http_result find_head(struct session *session, size_t *ret_size)
{
    const struct http_limits *limits = &session->router->settings.limits;
    bool is_gathered = session->gather.size > 0;
    assert_that(is_gathered == (session->input.size == 0));
    const uint8_t *bytes = is_gathered ? (const uint8_t *)text_string(&session->gather) : slice_data(session->input);
    size_t size = is_gathered ? session->gather.size : session->input.size;
    enum http_result result = http_find_head(bytes, size, limits, &session->scanned, ret_size);
    if (result == HTTP_INCOMPLETE) {
        gather_input(session);
        return result;
    }
    session->scanned = 0;
    if (is_gathered)
        session->input = text_take(&session->gather);
    return result;
}

static void begin_request(struct session *session, const struct http_head *head, size_t head_size);

bool request_read_head(struct session *session)
{
    struct router *router = session->router;
    size_t head_size = 0;
    enum http_result result = find_head(session, &head_size);
    if (result == HTTP_INCOMPLETE)
        return false;
    if (result == HTTP_OK && http2_take_over(session, head_size))
        return true;
    if (refuse_malformed(session, result, "a line of the head does not end with CRLF, or it is too long"))
        return true;
    const char *reason = "";
    result =
        http_parse_request(slice_data(session->input), head_size, &router->settings.limits, &router->head, &reason);
    if (!refuse_malformed(session, result, reason))
        begin_request(session, &router->head, head_size);
    return true;
}

/* ---- The exchange ---- */

static void open_exchange(struct session *session, const struct http_head *head)
{
    struct router *router = session->router;
    assert_that(!session->exchange.is_open);
    session->exchange = (struct exchange){
        .is_open = true,
        .upload = body_of(head),
        .started_ns = router->machine.now_ns,
        .is_replayable = true,
        .is_idempotent = http_is_idempotent(head->method),
        .is_head = http_text_equals(head->method, "HEAD"),
        .is_old = head->minor == 0,
        .keep_alive = head->keep_alive,
        .wants_upgrade = head->upgrade && head->body == HTTP_BODY_NONE,
    };
    session->exchange.id[0] = random_draw(&router->id_stream);
    session->exchange.id[1] = random_draw(&router->id_stream);
    session->parked_since_ns = 0;
    session->has_asked = true;
    access_log_begin(session, head);
    stats_count_request(&router->stats, router->machine.now_ns);
}

/* While the table fills up after a start, a request for an unknown host waits for its route: no wrong 404. It stays in
 * the input and is read again a little later. */
static bool park_while_settling(struct session *session)
{
    struct router *router = session->router;
    uint64_t now_ns = router->machine.now_ns;
    if (session->parked_since_ns == 0)
        session->parked_since_ns = now_ns;
    if (!router_is_settling(router) || now_ns - session->parked_since_ns >= router->settings.settle_ns)
        return false;
    session_move(session, SESSION_PARKED);
    session_set_deadline(session, PARKED_LOOK_MS * NS_PER_MS);
    return true;
}

/* Takes the head and what came of the body out of the input; from here on the exchange owns a copy for the backend. */
static bool take_request(struct session *session, const struct http_head *head, size_t head_size, bool is_wanted)
{
    struct exchange *exchange = &session->exchange;
    const uint8_t *bytes = slice_data(session->input);
    size_t used = 0;
    if (!body_feed(&exchange->upload, bytes + head_size, session->input.size - head_size, &used, NULL))
        return false;
    exchange->upload_bytes = used;
    if (is_wanted) {
        struct io_bytes body = {bytes + head_size, used};
        exchange->request = headers_forward_request(session, head, bytes, head_size, body, &exchange->lines_at);
    }
    session_consume_input(session, head_size + used);
    return true;
}

/* ---- Where to ---- */

/* "7:0" in X-Cf-App-Instance: this instance and no other. */
static bool read_instance(struct http_text text, int64_t *ret_app, int32_t *ret_index)
{
    uint64_t numbers[2] = {0};
    size_t digits[2] = {0}, at = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == ':' && at == 0) {
            at = 1;
            continue;
        }
        if (c < '0' || c > '9' || ++digits[at] > 9)
            return false;
        numbers[at] = numbers[at] * 10 + (uint64_t)(c - '0');
    }
    *ret_app = (int64_t)numbers[0];
    *ret_index = (int32_t)numbers[1];
    return digits[0] > 0 && digits[1] > 0;
}

/* NULL, or what is wrong: it is told once the request has been taken out of the input. */
static const enum router_error *pin_to_instance(struct session *session, const struct http_head *head)
{
    static const enum router_error bad = ERROR_BAD_INSTANCE, unknown = ERROR_UNKNOWN_INSTANCE;
    struct exchange *exchange = &session->exchange;
    const struct http_header *field = exchange->route == NULL ? NULL : http_find(head, "X-Cf-App-Instance");
    if (field == NULL)
        return NULL;
    int64_t app;
    int32_t index;
    if (!read_instance(field->value, &app, &index))
        return &bad;
    struct endpoint *endpoint = route_find_instance(&session->router->table, exchange->route, app, index);
    if (endpoint == NULL)
        return &unknown;
    exchange->pinned = endpoint->id;
    return NULL;
}

/* What the route's policy hashes; requests without that field go together. */
static uint64_t hash_for_policy(const struct router *router, const struct route *route, const struct http_head *head)
{
    if (route->policy == 0)
        return 0;
    const struct policy *policy = slab_at(&router->table.policies, route->policy);
    if (policy->balance != BALANCE_HASH)
        return 0;
    const struct http_header *field = http_find(head, names_text(&router->table.names, policy->header));
    return field == NULL ? 0 : random_hash(1, field->value.data, field->value.size);
}

static void begin_request(struct session *session, const struct http_head *head, size_t head_size)
{
    struct router *router = session->router;
    struct route *route = table_find_route(&router->table, head->host);
    if (route == NULL && head->host.size > 0 && park_while_settling(session))
        return;
    open_exchange(session, head);
    struct exchange *exchange = &session->exchange;
    exchange->route = route;
    if (route != NULL) {
        route->users++;
        top_count(&router->top, router->machine.now_ns, route, names_text(&router->table.names, route->name),
                  session->peer);
        sticky_read_cookie(head, exchange->sticky);
        exchange->hash = hash_for_policy(router, route, head);
    }
    bool has_host = head->host.size > 0; /* The head is in the input, and goes with it. */
    const enum router_error *wrong = pin_to_instance(session, head);
    if (head->body == HTTP_BODY_LENGTH && head->content_length > router->settings.max_body_bytes) {
        session_answer_error(session, ERROR_BODY_TOO_LARGE, NULL);
    } else if (!take_request(session, head, head_size, route != NULL)) {
        session_answer_error(session, ERROR_BAD_REQUEST, "malformed chunked body");
    } else if (wrong != NULL) {
        session_answer_error(session, *wrong, NULL);
    } else if (!has_host) {
        session_answer_error(session, ERROR_EMPTY_HOST, NULL);
    } else if (route == NULL) {
        session_answer_error(session, router_is_settling(router) ? ERROR_SETTLING : ERROR_UNKNOWN_ROUTE, NULL);
    } else {
        request_try_next(session);
    }
}
