#include "core/client/session.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/client/client.h"
#include "core/wire/json.h"

#include <string.h>

enum { MAX_BODY_BYTES = 16 << 20, MAX_CONFLICTS = 5, MAX_SERVER_FAILURES = 5, SLOW_LINE_BYTES_A_SECOND = 65536 };
enum { CODE_DATABASE = 101, CODE_LOCKING = 102, CODE_SYSTEM = 111, CODE_TOO_OFTEN = 203 };

static const uint64_t read_timeout_ns = 10 * NS_PER_S;
static const uint64_t change_timeout_ns = 65 * NS_PER_S; /* A controller lets a PUT wait 50 s for staging. */
static const uint64_t upload_answer_ns = 30 * NS_PER_S;  /* Beside the time that the bits take on a slow line. */
static const uint64_t first_pause_ns = 100 * NS_PER_MS;
static const uint64_t most_pause_ns = 2 * NS_PER_S;

enum outcome {
    OUTCOME_GOOD = 1,
    OUTCOME_REFUSED,  /* By somebody who knows. */
    OUTCOME_NOT_DONE, /* Certainly. */
    OUTCOME_UNKNOWN,  /* Perhaps done. */
    OUTCOME_CONFLICT, /* Somebody else has changed the app meanwhile. */
    OUTCOME_HOPELESS, /* Trying again cannot help. */
};

static void on_response(struct http_call *call, const struct http_head *head);
static void on_done(struct http_call *call, enum io_status status);

static const struct http_call_handlers handlers = {.on_response = on_response, .on_done = on_done};

/* ---- Asking ---- */

void session_app_target(const struct client *client, struct text *target, const char *rest)
{
    text_add_string(target, "/apps/");
    uri_encode(target, client->config->app);
    text_add_string(target, rest);
}

static uint64_t limit_timeout(const struct client *client, uint64_t timeout_ns)
{
    uint64_t now_ns = client->machine.now_ns;
    uint64_t left_ns = client->until_ns > now_ns ? client->until_ns - now_ns : 1;
    return timeout_ns < left_ns ? timeout_ns : left_ns;
}

void session_start_call(struct client *client, struct http_call *call, struct http_request *request,
                        const char *content_type, const struct http_call_handlers *call_handlers)
{
    const Cupola__ClientConfig *config = client->config;
    struct text headers = {0};
    assert_that(!client->has_ended);
    text_add_string(&headers, "Accept: application/json\r\n");
    if (content_type != NULL)
        text_addf(&headers, "Content-Type: %s\r\n", content_type);
    if (config->token != NULL && *config->token != '\0')
        text_addf(&headers, "Authorization: %s\r\n", config->token);
    if (config->proxy_user != NULL && *config->proxy_user != '\0')
        text_addf(&headers, "Proxy-User: %s\r\n", config->proxy_user);
    request->host = config->target->host;
    request->port = (uint16_t)config->target->port;
    request->host_header = config->host_header;
    request->headers = text_string(&headers);
    request->max_body_bytes = MAX_BODY_BYTES;
    http_call_start(&client->machine, call, request, call_handlers);
    text_free(&headers);
}

static void start_call(struct client *client, struct http_request *request, const char *content_type)
{
    assert_that(!http_call_is_under_way(&client->session.call)); /* One call at a time. */
    assert_that(!timer_is_set(&client->pause));
    client->session.router_error[0] = '\0';
    session_start_call(client, &client->session.call, request, content_type, &handlers);
}

void session_ask(struct client *client, const char *method, const char *target, struct text *json)
{
    bool is_read = strcmp(method, "GET") == 0;
    struct http_request request = {
        .method = method,
        .target = target,
        .has_body = !is_read,
        .timeout_ns = limit_timeout(client, is_read ? read_timeout_ns : change_timeout_ns),
    };
    if (json != NULL)
        request.body = (struct io_bytes){(const uint8_t *)text_string(json), json->size};
    client->session.asks_blob = false;
    start_call(client, &request, json == NULL ? NULL : "application/json");
    if (json != NULL)
        text_free(json);
}

/* Bits may be large and lines slow, but silence must end in time for another attempt. */
static uint64_t upload_timeout_ns(const struct client *client)
{
    uint64_t seconds = client->config->bits_size / SLOW_LINE_BYTES_A_SECOND;
    uint64_t most = client->timeout_ms / 1000;
    return limit_timeout(client, upload_answer_ns + (seconds < most ? seconds : most) * NS_PER_S);
}

void session_upload(struct client *client, const char *target, struct text *head, struct text *tail)
{
    struct text content_type = {0};
    text_addf(&content_type, "multipart/form-data; boundary=%s", client->boundary);
    struct http_request request = {
        .method = "POST",
        .target = target,
        .has_body = true,
        .body = {(const uint8_t *)text_string(head), head->size},
        .blob_digest = client->config->bits,
        .blob_size = client->config->bits_size,
        .body_tail = {(const uint8_t *)text_string(tail), tail->size},
        .timeout_ns = upload_timeout_ns(client),
    };
    client->session.asks_blob = true;
    start_call(client, &request, text_string(&content_type));
    text_free(&content_type);
    text_free(head);
    text_free(tail);
}

void session_release(struct client *client)
{
    http_call_release(&client->session.call);
    text_free(&client->session.trouble);
}

/* ---- Answers ---- */

static void on_response(struct http_call *call, const struct http_head *head)
{
    struct session *session = container_of(call, struct session, call);
    const struct http_header *header = http_find(head, "X-Cf-RouterError");
    if (header == NULL)
        return;
    size_t size = header->value.size;
    if (size >= sizeof session->router_error)
        size = sizeof session->router_error - 1;
    memcpy(session->router_error, header->value.data, size);
    session->router_error[size] = '\0';
}

/* Where the request has been, as far as the end of the call tells. */
static enum outcome classify_loss(enum io_status status)
{
    switch (status) {
    case IO_REFUSED:
    case IO_UNREACHABLE:
        return OUTCOME_NOT_DONE;
    case IO_RESET:
    case IO_TIMED_OUT:
    case IO_FAILED:
    case IO_CANCELLED:
        return OUTCOME_UNKNOWN;
    case IO_IN_USE:
    case IO_NOT_FOUND:
    case IO_CONFLICT:
    case IO_CORRUPT:
    case IO_FULL:
    case IO_DENIED:
    case IO_INVALID:
        return OUTCOME_HOPELESS;
    case IO_OK:
        break;
    }
    assert_unreachable();
}

/* A router's own word: the app behind the name is the controller, and it may only not be there yet. */
static enum outcome classify_router(int status)
{
    if (status == 404 || status == 503)
        return OUTCOME_NOT_DONE;
    if (status == 408 || status == 502 || status == 504)
        return OUTCOME_UNKNOWN;
    return OUTCOME_REFUSED;
}

static enum outcome classify_answer(const struct session *session, const struct answer *answer)
{
    if (answer->status < 400)
        return OUTCOME_GOOD;
    if (session->router_error[0] != '\0')
        return classify_router(answer->status);
    if (answer->code == 0 && (answer->status == 502 || answer->status == 503 || answer->status == 504))
        return OUTCOME_UNKNOWN; /* Some other gateway in between. */
    if (answer->code == CODE_DATABASE)
        return OUTCOME_UNKNOWN;
    if (answer->code == CODE_SYSTEM && session->attempts < MAX_SERVER_FAILURES)
        return OUTCOME_UNKNOWN; /* Too busy, mostly. */
    if (answer->code == CODE_TOO_OFTEN)
        return OUTCOME_NOT_DONE;
    if (answer->code == CODE_LOCKING && session->conflicts < MAX_CONFLICTS)
        return OUTCOME_CONFLICT;
    return OUTCOME_REFUSED;
}

/* v1's refusal in the body, or NULL; given. */
static Cupola__RestError *read_error(const struct http_call *call)
{
    if (call->status < 400)
        return NULL;
    struct json_error ignored;
    struct io_bytes bytes = {(const uint8_t *)text_string(&call->body), call->body.size};
    return (Cupola__RestError *)json_read(&cupola__rest_error__descriptor, bytes, JSON_LENIENT, &ignored);
}

static void note_trouble(struct client *client, const struct answer *answer)
{
    struct session *session = &client->session;
    const Cupola__Endpoint *target = client->config->target;
    text_clear(&session->trouble);
    if (answer == NULL)
        text_addf(&session->trouble, "%s:%u: %s", target->host, (unsigned)target->port, session->call.reason);
    else if (strcmp(session->router_error, "unknown_route") == 0)
        text_addf(&session->trouble, "the router at %s:%u knows no cloud controller named %s", target->host,
                  (unsigned)target->port, client->config->host_header == NULL ? "so" : client->config->host_header);
    else if (session->router_error[0] != '\0')
        text_addf(&session->trouble, "the router at %s:%u answered %d %s", target->host, (unsigned)target->port,
                  answer->status, session->router_error);
    else
        text_addf(&session->trouble, "%s:%u answered %d %s", target->host, (unsigned)target->port, answer->status,
                  answer->description);
}

/* Ever more rarely: at the first, second, fourth, eighth attempt. Among the lines of a log that is followed it would
 * look like one of them. */
static void tell_trouble(struct client *client, uint64_t pause_ns)
{
    const struct session *session = &client->session;
    uint32_t failures = session->attempts + session->conflicts;
    assert_that(failures > 0);
    if ((failures & (failures - 1)) == 0)
        machine_log(&client->machine, client->config->follow ? LOG_WARNING : LOG_INFO,
                    "%s: %s; trying again in %llu ms", client_step(client)->name, text_string(&session->trouble),
                    (unsigned long long)(pause_ns / NS_PER_MS));
}

static void try_again(struct client *client, enum outcome outcome)
{
    struct session *session = &client->session;
    uint64_t pause_ns = first_pause_ns;
    if (client->position > session->failed_at)
        session->failed_at = client->position;
    if (outcome == OUTCOME_CONFLICT) {
        session->conflicts++; /* Whoever was first is done by now. */
    } else {
        for (uint32_t i = 0; i < session->attempts && pause_ns < most_pause_ns; i++)
            pause_ns *= 2;
        if (pause_ns > most_pause_ns)
            pause_ns = most_pause_ns;
        session->attempts++;
    }
    /* A router may have repeated what a controller carried out and died over: then it is our own change that we met. */
    session->is_uncertain = session->is_uncertain || outcome == OUTCOME_UNKNOWN || outcome == OUTCOME_CONFLICT;
    pause_ns = random_between(&session->jitter, pause_ns / 2, pause_ns);
    client->is_fresh = false;
    tell_trouble(client, pause_ns);
    client_back(client, outcome == OUTCOME_NOT_DONE ? 0 : client_step(client)->back, pause_ns);
}

/* Past the step that failed, earlier attempts are forgotten. */
static void forget_failures(struct client *client)
{
    struct session *session = &client->session;
    assert_that(session->attempts + session->conflicts > 0 || session->failed_at == 0);
    if (client->position < session->failed_at)
        return;
    session->attempts = session->conflicts = 0;
    session->failed_at = 0;
    session->is_uncertain = false;
}

static void give_up(struct client *client, enum io_status status)
{
    const struct session *session = &client->session;
    if (session->asks_blob && status != IO_INVALID && status != IO_FULL)
        client_fail(client, "the packed files of the app cannot be read (%s): push again to pack them anew",
                    session->call.reason);
    else
        client_fail(client, "%s: is it a cloud controller, or the router before one? Check the target",
                    text_string(&session->trouble));
}

static void deal_with(struct client *client, const struct answer *answer)
{
    const struct step *step = client_step(client);
    enum outcome outcome = classify_answer(&client->session, answer);
    switch (outcome) {
    case OUTCOME_GOOD:
        forget_failures(client);
        step->take(client, answer);
        return;
    case OUTCOME_REFUSED:
        if (step->forgive == NULL || !step->forgive(client, answer))
            client_fail_answer(client, answer);
        return;
    case OUTCOME_NOT_DONE:
    case OUTCOME_UNKNOWN:
    case OUTCOME_CONFLICT:
        note_trouble(client, answer);
        try_again(client, outcome);
        return;
    case OUTCOME_HOPELESS:
        break;
    }
    assert_unreachable();
}

static void on_done(struct http_call *call, enum io_status status)
{
    struct client *client = container_of(call, struct client, session.call);
    if (client->has_ended) {
        client_exit(client);
        return;
    }
    if (status != IO_OK) {
        enum outcome outcome = classify_loss(status);
        note_trouble(client, NULL);
        if (outcome == OUTCOME_HOPELESS)
            give_up(client, status);
        else
            try_again(client, outcome);
        return;
    }
    Cupola__RestError *error = read_error(call);
    struct answer answer = {
        .status = call->status,
        .code = error == NULL || !error->has_code ? 0 : error->code,
        .description = error == NULL || error->description == NULL ? "" : error->description,
        .body = {(const uint8_t *)text_string(&call->body), call->body.size},
    };
    deal_with(client, &answer);
    if (error != NULL)
        cupola__rest_error__free_unpacked(error, NULL);
}
