/* Requests come in, find their route and their user, and leave with an answer. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/accounts/limits.h"
#include "core/cloud_controller/accounts/tokens.h"
#include "core/cloud_controller/rest/routes.h"

#include <string.h>

static bool on_head(struct http_exchange *exchange);
static void on_body(struct http_exchange *exchange, const uint8_t *bytes, size_t size);
static void on_request(struct http_exchange *exchange);
static void on_aborted(struct http_exchange *exchange);
static void on_listening(struct http_server *server, enum io_status status, uint16_t port);
static void on_drained(struct http_server *server);

const struct http_server_handlers cc_rest_server_handlers = {
    .on_listening = on_listening,
    .on_head = on_head,
    .on_body = on_body,
    .on_request = on_request,
    .on_aborted = on_aborted,
    .on_drained = on_drained,
};

static void on_listening(struct http_server *server, enum io_status status, uint16_t port)
{
    controller_on_listening(container_of(server, struct controller, server), status, port);
}

static void on_drained(struct http_server *server)
{
    controller_on_drained(container_of(server, struct controller, server));
}

/* ---- The life of a call ---- */

static struct call *call_new(struct controller *controller, struct http_exchange *exchange,
                             const struct route_match *match)
{
    assert_that(match->route->size >= sizeof(struct call));
    struct call *call = memory_new(match->route->size);
    call->controller = controller;
    call->exchange = exchange;
    call->route = match->route;
    for (size_t i = 0; i < MAX_ARGUMENTS; i++)
        call->arguments[i] = match->arguments[i];
    call->rest = match->rest;
    call->next = controller->calls;
    if (call->next != NULL)
        call->next->previous = call;
    controller->calls = call;
    exchange->user = call;
    return call;
}

static void call_free(struct call *call)
{
    if (call->route->release != NULL)
        call->route->release(call);
    if (call->next != NULL)
        call->next->previous = call->previous;
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        call->controller->calls = call->next;
    for (size_t i = 0; i < MAX_ARGUMENTS; i++)
        memory_free(call->arguments[i]);
    memory_free(call->rest);
    memory_free(call->email);
    memory_free(call);
}

void cc_rest_destroy(struct controller *controller)
{
    while (controller->calls != NULL)
        call_free(controller->calls);
}

/* ---- Who calls ---- */

/* Proxy-User: an admin acts for somebody else, an auditor looks. */
static bool take_proxy_user(struct call *call, const char *proxied, bool audits, struct refusal *refusal)
{
    if (call->email == NULL || (!call->is_admin && !audits)) {
        cc_refusal_set(refusal, ERROR_FORBIDDEN, NULL, NULL);
        return false;
    }
    if (cc_state_find_user(&call->controller->state, proxied) == NULL) {
        cc_refusal_set(refusal, ERROR_USER_NOT_FOUND, NULL, NULL);
        return false;
    }
    memory_free(call->email);
    call->email = memory_copy_text(proxied);
    call->is_admin = controller_is_admin(call->controller, proxied);
    return true;
}

static bool is_read(const struct call *call)
{
    return strcmp(call->route->method, "GET") == 0;
}

static bool identify(struct call *call, struct refusal *refusal)
{
    if (call->route->access == ACCESS_LOGIN)
        return true;
    const char *token = http_exchange_header(call->exchange, "Authorization");
    struct user *user = token == NULL ? NULL : cc_token_check(call->controller, token);
    if (user != NULL && !cc_call_is_secure_enough(call, user->value->email)) {
        cc_refusal_set(refusal, ERROR_HTTPS, NULL, NULL);
        return false;
    }
    if (user != NULL) {
        call->email = memory_copy_text(user->value->email);
        call->is_admin = controller_is_admin(call->controller, call->email);
        call->is_auditor = strcmp(controller_role_of(call->controller, call->email), "auditor") == 0;
        if (!call->is_admin && !cc_limit_take(call->controller, user)) {
            cc_refusal_set(refusal, ERROR_TOO_OFTEN, NULL, NULL);
            return false;
        }
    }
    bool audits = call->is_auditor && is_read(call);
    const char *proxied = http_exchange_header(call->exchange, "Proxy-User");
    if (proxied != NULL && *proxied != '\0' && !take_proxy_user(call, proxied, audits, refusal))
        return false;
    bool is_missing = call->route->access != ACCESS_ANYBODY && call->email == NULL;
    bool is_too_much = call->route->access == ACCESS_ADMIN && !call->is_admin && !audits;
    bool is_change = call->is_auditor && !is_read(call) && call->route->access != ACCESS_ANYBODY &&
                     strncmp(call->exchange->path, "/users/", 7) != 0;
    if (is_missing || is_too_much || is_change) {
        cc_refusal_set(refusal, ERROR_FORBIDDEN, NULL, NULL);
        return false;
    }
    return true;
}

/* ---- Requests ---- */

/* Another controller may have written a moment ago what decides about a request, so it is answered on what the journal
 * confirms. Only bodies that come as a stream cannot wait for that: whoever shows a token that we made may begin, and
 * is looked at again when it has ended. */
static bool on_head(struct http_exchange *exchange)
{
    struct controller *controller = container_of(exchange->server, struct controller, server);
    controller->requests++;
    struct route_match match = {0};
    if (!cc_routes_find(&exchange->head, exchange->path, &match)) {
        http_answer_string(exchange, 404, "text/html", " ");
        return false;
    }
    struct call *call = call_new(controller, exchange, &match);
    if (!controller->journal.is_caught_up) {
        cc_call_fail(call, ERROR_DATABASE, NULL, NULL); /* We do not know anything yet. */
        return false;
    }
    if (call->route->begin_body == NULL) {
        /* HTTP has a status for that, 413, which the first clients take for success. */
        const struct http_head *head = &exchange->head;
        if (head->body == HTTP_BODY_LENGTH && head->content_length > controller->config->max_body_bytes)
            cc_call_fail(call, ERROR_BAD_REQUEST_AT, "the body is too large", NULL);
        return false;
    }
    const char *token = http_exchange_header(exchange, "Authorization");
    if (call->route->access != ACCESS_ANYBODY && (token == NULL || !cc_token_is_ours(controller, token))) {
        cc_call_fail(call, ERROR_FORBIDDEN, NULL, NULL);
        return false;
    }
    call->route->begin_body(call);
    return true;
}

static void on_body(struct http_exchange *exchange, const uint8_t *bytes, size_t size)
{
    struct call *call = exchange->user;
    assert_that(call != NULL);
    call->route->take_body(call, bytes, size);
}

static void on_confirmed(struct change *change, enum change_outcome outcome)
{
    struct call *call = container_of(change, struct call, fresh);
    struct refusal refusal = {0};
    call->is_stale = outcome == CHANGE_LOST;
    if (call->exchange == NULL)
        call_free(call); /* The client has gone, and nothing was begun. */
    else if (identify(call, &refusal))
        call->route->handle(call);
    else
        cc_call_refuse(call, &refusal);
}

/* What anybody may read changes rarely, and must be there also when the journal is not. Streams of anybody come to
 * addresses that we have signed. */
static void on_request(struct http_exchange *exchange)
{
    struct call *call = exchange->user;
    assert_that(call != NULL);
    call->is_handled = true;
    bool is_signed = call->route->access == ACCESS_ANYBODY && call->route->begin_body != NULL;
    if (is_signed || (call->route->access == ACCESS_ANYBODY && is_read(call)))
        on_confirmed(&call->fresh, CHANGE_REFUSED);
    else
        cc_journal_confirm(call->controller, &call->fresh, on_confirmed);
}

/* A call whose handler has begun ends by itself; one that still waited for its body has nothing under way. */
static void on_aborted(struct http_exchange *exchange)
{
    struct call *call = exchange->user;
    if (call == NULL)
        return;
    assert_that(call->exchange == exchange);
    call->exchange = NULL;
    if (!call->is_handled)
        call_free(call);
    else if (call->stop != NULL)
        call->stop(call);
}

/* ---- Answers ---- */

static struct http_exchange *take_exchange(struct call *call)
{
    struct http_exchange *exchange = call->exchange;
    if (exchange != NULL)
        exchange->user = NULL;
    return exchange;
}

void cc_call_answer_json(struct call *call, int status, struct text *json)
{
    struct http_exchange *exchange = take_exchange(call);
    call_free(call);
    if (exchange != NULL)
        http_answer_text(exchange, status, "application/json; charset=utf-8", json);
    text_free(json);
}

void cc_call_answer(struct call *call, int status, const ProtobufCMessage *message)
{
    struct text json = {0};
    json_write(&json, message);
    cc_call_answer_json(call, status, &json);
}

void cc_call_answer_moved(struct call *call, const char *location, const ProtobufCMessage *message)
{
    struct http_exchange *exchange = take_exchange(call);
    struct text json = {0}, header = {0};
    json_write(&json, message);
    text_addf(&header, "Location: %s\r\n", location);
    if (exchange != NULL)
        http_answer(exchange, 302, "application/json; charset=utf-8", text_string(&header),
                    (struct io_bytes){(const uint8_t *)text_string(&json), json.size});
    text_free(&json);
    text_free(&header);
    call_free(call);
}

static void answer_string(struct call *call, int status, const char *content_type, struct io_bytes body)
{
    struct http_exchange *exchange = take_exchange(call);
    if (exchange != NULL)
        http_answer(exchange, status, content_type, "", body);
    call_free(call);
}

void cc_call_answer_blank(struct call *call)
{
    answer_string(call, 200, "text/html; charset=utf-8", (struct io_bytes){(const uint8_t *)" ", 1});
}

void cc_call_answer_nothing(struct call *call)
{
    answer_string(call, 204, NULL, (struct io_bytes){(const uint8_t *)"", 0});
}

void cc_call_answer_text(struct call *call, int status, struct io_bytes text)
{
    answer_string(call, status, "text/plain; charset=utf-8", text);
}

void cc_call_answer_blob(struct call *call, const char *content_type, const char *digest, uint64_t size)
{
    struct http_exchange *exchange = take_exchange(call);
    if (exchange != NULL)
        http_answer_blob(exchange, content_type, digest, size);
    call_free(call);
}

/* ---- Streams ---- */

void cc_call_stream_begin(struct call *call, const char *content_type, void (*stop)(struct call *call))
{
    assert_that(call->exchange != NULL && stop != NULL);
    call->stop = stop;
    http_answer_begin(call->exchange, 200, content_type);
}

void cc_call_stream_add(struct call *call, struct io_bytes bytes)
{
    if (call->exchange != NULL)
        http_answer_piece(call->exchange, bytes);
}

void cc_call_stream_end(struct call *call)
{
    struct http_exchange *exchange = take_exchange(call);
    call_free(call);
    if (exchange != NULL)
        http_answer_end(exchange);
}

size_t cc_call_stream_unsent(const struct call *call)
{
    return call->exchange == NULL ? 0 : http_answer_unsent(call->exchange);
}

bool cc_call_take_over(struct call *call, struct conn *to, const struct conn_handlers *handlers, struct text *ret_input)
{
    bool is_there = call->exchange != NULL && http_exchange_can_be_taken(call->exchange);
    if (!is_there) {
        cc_call_fail(call, ERROR_BAD_REQUEST, NULL, NULL);
        return false;
    }
    struct http_exchange *exchange = take_exchange(call);
    call_free(call);
    http_exchange_take_over(exchange, to, handlers, ret_input);
    return true;
}

void cc_rest_stop_streams(struct controller *controller)
{
    struct call *next;
    for (struct call *call = controller->calls; call != NULL; call = next) {
        next = call->next; /* Ending one frees no other. */
        if (call->stop != NULL)
            call->stop(call);
    }
}

/* ---- Refusals ---- */

/* Only who knows everything can say that something is not there. */
static bool is_unfounded(const struct call *call, const struct refusal *refusal)
{
    return call->is_stale && (refusal->error == ERROR_APP_NOT_FOUND || refusal->error == ERROR_SERVICE_NOT_FOUND ||
                              refusal->error == ERROR_BINDING_NOT_FOUND || refusal->error == ERROR_TOKEN_NOT_FOUND);
}

void cc_call_refuse(struct call *call, const struct refusal *given)
{
    static const struct refusal ignorance = {.error = ERROR_DATABASE};
    const struct refusal *refusal = is_unfounded(call, given) ? &ignorance : given;
    struct text description = {0};
    cc_error_describe(&description, refusal);
    Cupola__RestError error = CUPOLA__REST_ERROR__INIT;
    error.has_code = true;
    error.code = cc_error_code(refusal->error);
    error.description = (char *)(uintptr_t)text_string(&description);
    struct text json = {0};
    json_write(&json, &error.base);
    text_free(&description);
    int status = cc_error_status(refusal->error);
    cc_call_answer_json(call, status, &json);
}

void cc_call_fail(struct call *call, enum cloud_error error, const char *first, const char *second)
{
    struct refusal refusal = {0};
    cc_refusal_set(&refusal, error, first, second);
    cc_call_refuse(call, &refusal);
}

void cc_call_fail_change(struct call *call, enum change_outcome outcome, const struct refusal *refusal)
{
    assert_that(outcome != CHANGE_DURABLE);
    if (outcome == CHANGE_REFUSED)
        cc_call_refuse(call, refusal);
    else
        cc_call_fail(call, ERROR_DATABASE, NULL, NULL);
}

static void on_change_call_done(struct change *change, enum change_outcome outcome)
{
    struct change_call *request = container_of(change, struct change_call, change);
    if (outcome == CHANGE_DURABLE)
        request->on_durable(request);
    else
        cc_call_fail_change(&request->call, outcome, &request->refusal);
}

void cc_change_call_submit(struct change_call *request, bool (*prepare)(struct change *change),
                           void (*on_durable)(struct change_call *request))
{
    request->change.prepare = prepare;
    request->change.done = on_change_call_done;
    request->on_durable = on_durable;
    cc_journal_submit(request->call.controller, &request->change);
}

/* ---- What requests have in common ---- */

static bool read_body(struct call *call, const ProtobufCMessageDescriptor *descriptor, int mode, void *ret_message)
{
    struct json_error error = {{0}, 0, 0};
    ProtobufCMessage *message = json_read(descriptor, call->exchange->body, mode, &error);
    if (message == NULL) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, error.text, NULL);
        return false;
    }
    *(ProtobufCMessage **)ret_message = message; /* Only now: it may lie in the call. */
    return true;
}

bool cc_call_read_body(struct call *call, const ProtobufCMessageDescriptor *descriptor, void *ret_message)
{
    return read_body(call, descriptor, JSON_LENIENT | JSON_NUMBER_TEXT, ret_message);
}

bool cc_call_read_strictly(struct call *call, const ProtobufCMessageDescriptor *descriptor, void *ret_message)
{
    return read_body(call, descriptor, JSON_STRICT, ret_message);
}

bool cc_call_is_secure_enough(const struct call *call, const char *email)
{
    const Cupola__CloudControllerConfig *config = call->controller->config;
    bool is_admin = email != NULL && controller_is_admin(call->controller, email);
    if (!config->https_required && !(config->https_required_for_admins && is_admin))
        return true;
    const char *protocol = http_exchange_header(call->exchange, "X-Forwarded-Proto");
    return protocol != NULL && strcmp(protocol, "https") == 0;
}

bool cc_call_check_json(struct call *call)
{
    const char *type = http_exchange_header(call->exchange, "Content-Type");
    bool is_json = type != NULL && strcmp(type, "application/json") == 0;
    if (!is_json)
        cc_call_fail(call, ERROR_BAD_REQUEST, NULL, NULL);
    return is_json;
}

bool cc_call_follows(const struct call *call)
{
    return call->exchange != NULL && http_text_equals(call->exchange->head.query, "follow=1");
}

struct app *cc_call_find_app(struct call *call, const char *name)
{
    struct app *app = cc_state_find_app_for(&call->controller->state, call->email, name);
    if (app == NULL)
        cc_call_fail(call, ERROR_APP_NOT_FOUND, NULL, NULL);
    return app;
}
