/* The router's own answers. X-Cf-RouterError, and X-Cupola-Error as everywhere in this house, name the reason for
 * programs; the body is for people. */
#include "core/router/front/session.h"
#include "core/router/monitor/access_log.h"

#include <string.h>

struct error_page {
    int status;
    const char *name;    /* X-Cf-RouterError and X-Cupola-Error. */
    const char *headers; /* Further field lines. */
    const char *body;
};

static const struct error_page pages[] = {
    [ERROR_BAD_REQUEST] = {400, "bad_request", "", "The request is malformed"},
    [ERROR_EMPTY_HOST] = {400, "empty_host", "", "The request names no host"},
    /* The words that v1's clients know. */
    [ERROR_UNKNOWN_ROUTE] = {404, "unknown_route", "", "VCAP ROUTER: 404 - DESTINATION NOT FOUND"},
    [ERROR_BAD_INSTANCE] = {400, "invalid_cf_app_instance_header", "", "The request names no instance"},
    [ERROR_UNKNOWN_INSTANCE] = {404, "unknown_instance", "", "The application has no such instance"},
    [ERROR_BODY_TOO_SLOW] = {408, "body_too_slow", "", "The request's body came too slowly"},
    [ERROR_BODY_TOO_LARGE] = {413, "body_too_large", "", "The request's body is too large"},
    [ERROR_TOO_MANY_OF_CLIENT] = {503, "client_connection_limit_reached", "Retry-After: 1\r\n",
                                  "Too many connections from this address"},
    [ERROR_BACKENDS_FULL] = {503, "backends_full", "Retry-After: 1\r\n",
                             "All instances of the application are at their limit of requests"},
    [ERROR_REQUEST_TIMEOUT] = {408, "request_timeout", "", "The request did not come in time"},
    [ERROR_HEAD_TOO_LARGE] = {431, "head_too_large", "", "The request's head is too large"},
    [ERROR_NOT_IMPLEMENTED] = {501, "not_implemented", "", "The request needs what is not spoken here"},
    [ERROR_BAD_VERSION] = {505, "bad_version", "", "Only HTTP/1.x is spoken here"},
    [ERROR_BACKEND_FAILED] = {502, "endpoint_failure", "", "The application's instances did not answer"},
    [ERROR_BAD_RESPONSE] = {502, "bad_response", "", "The application's answer is malformed"},
    [ERROR_NO_ENDPOINTS] = {503, "no_endpoints", "Retry-After: 2\r\n", "The application has no running instance now"},
    [ERROR_SETTLING] = {503, "settling", "Retry-After: 1\r\n",
                        "The router has just started and does not know its routes yet"},
    [ERROR_TOO_MANY_CONNECTIONS] = {503, "connection_limit_reached", "Retry-After: 1\r\n", "Too many connections"},
    [ERROR_BACKEND_TIMEOUT] = {504, "endpoint_timeout", "", "The application did not answer in time"},
};

void errors_write_page(struct text *text, enum router_error error, const char *detail, const char *connection_line,
                       bool is_head)
{
    const struct error_page *page = &pages[error];
    struct text body = {0};
    text_add_string(&body, page->body);
    if (detail != NULL)
        text_addf(&body, ": %s", detail);
    text_add_string(&body, "\r\n");
    text_addf(text,
              "HTTP/1.1 %d %s\r\n%sX-Cf-RouterError: %s\r\nX-Cupola-Error: %s\r\n%sContent-Type: text/plain\r\n"
              "Content-Length: %zu\r\n\r\n",
              page->status, http_reason(page->status), connection_line, page->name, page->name, page->headers,
              body.size);
    if (!is_head)
        text_add(text, text_string(&body), body.size);
    text_free(&body);
}

static void count_page(struct router *router, const struct exchange *exchange, int status)
{
    uint64_t now_ns = router->machine.now_ns;
    if (status < 500)
        router->stats.bad_requests++;
    else if (exchange->is_open)
        stats_count_response(&router->stats, now_ns, status, now_ns - exchange->started_ns);
}

void session_answer_error(struct session *session, enum router_error error, const char *detail)
{
    struct router *router = session->router;
    const struct exchange *exchange = &session->exchange;
    assert_that(exchange->backend == NULL);
    bool keeps = exchange->is_open && exchange->keep_alive && exchange->upload.is_done && !router->is_draining;
    struct text page = {0};
    errors_write_page(&page, error, detail, headers_connection_line(keeps, exchange->is_old), exchange->is_head);
    conn_write_text(&session->conn, &page);
    count_page(router, exchange, pages[error].status);
    access_log_end(session, pages[error].status, pages[error].name);
    session_end_exchange(session, keeps);
}
