/* Responses: status lines, and when a body ends. */
#include "core/wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct http_limits limits = {.max_head_bytes = 4096, .max_headers = 100};

static struct http_head head;
static const char *reason;

static enum http_result parse_for(const char *method, const char *text)
{
    struct http_text name = {method, strlen(method)};
    return http_parse_response((const uint8_t *)text, strlen(text), &limits, name, &head, &reason);
}

static enum http_result parse(const char *text)
{
    return parse_for("GET", text);
}

static void a_response_with_a_length_keeps_the_connection(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 200 All right\r\nContent-Length: 5\r\nX: y\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.status, 200);
    assert_true(http_text_equals(head.reason, "All right"));
    assert_int_equal(head.body, HTTP_BODY_LENGTH);
    assert_int_equal(head.content_length, 5);
    assert_true(head.keep_alive);
}

static void a_response_without_a_length_lasts_until_the_end(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 200 OK\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_UNTIL_CLOSE);
    assert_false(head.keep_alive);
}

static void chunks_delimit_a_response(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_CHUNKED);
    assert_true(head.keep_alive);
}

static void some_responses_never_have_a_body(void **state)
{
    (void)state;
    assert_int_equal(parse_for("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_NONE);
    assert_int_equal(head.content_length, 5);
    assert_true(head.keep_alive);
    assert_int_equal(parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_NONE);
    assert_int_equal(parse("HTTP/1.1 204 No Content\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_NONE);
    assert_true(head.keep_alive);
    assert_int_equal(parse("HTTP/1.1 100 Continue\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_NONE);
    assert_int_equal(parse("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
                     HTTP_OK);
    assert_true(head.upgrade);
}

static void the_reason_may_be_empty_or_missing(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.reason.size, 0);
    assert_int_equal(parse("HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.status, 200);
    assert_false(head.keep_alive);
}

static void malformed_responses_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "HTTP/1.1",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 099 No\r\n\r\n",
        "HTTP/1.1 2x0 No\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP 200 OK\r\n\r\n",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(parse(texts[i]), HTTP_BAD);
    assert_int_equal(parse("HTTP/2.0 200 OK\r\n\r\n"), HTTP_BAD_VERSION);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\n"), HTTP_NOT_IMPLEMENTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_with_a_length_keeps_the_connection),
        cmocka_unit_test(a_response_without_a_length_lasts_until_the_end),
        cmocka_unit_test(chunks_delimit_a_response),
        cmocka_unit_test(some_responses_never_have_a_body),
        cmocka_unit_test(the_reason_may_be_empty_or_missing),
        cmocka_unit_test(malformed_responses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
