/* Requests: what a head says, and every way in which one is refused. */
#include "core/wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct http_limits limits = {.max_head_bytes = 4096, .max_headers = 100};

static struct http_head head;
static const char *reason;

/* A copy of exactly the right size, so that a sanitizer sees any step beyond its end. */
static enum http_result parse(const char *text)
{
    static uint8_t *bytes;
    free(bytes);
    size_t size = strlen(text);
    bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    return http_parse_request(bytes, size, &limits, &head, &reason);
}

static void expect_refusal(const char *text, enum http_result result, const char *why)
{
    assert_int_equal(parse(text), result);
    assert_string_equal(reason, why);
}

static void expect_text(struct http_text text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void a_plain_request_is_taken_apart(void **state)
{
    (void)state;
    assert_int_equal(parse("GET /a/b?c=d HTTP/1.1\r\nHost: App.Test:80\r\nAccept:  text/html \t\r\nEmpty:\r\n\r\n"),
                     HTTP_OK);
    expect_text(head.method, "GET");
    expect_text(head.target, "/a/b?c=d");
    expect_text(head.path, "/a/b");
    expect_text(head.query, "c=d");
    expect_text(head.host, "App.Test:80");
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.header_count, 3);
    expect_text(head.headers[1].name, "Accept");
    expect_text(head.headers[1].value, "text/html");
    expect_text(head.headers[2].value, "");
    assert_int_equal(head.body, HTTP_BODY_NONE);
    assert_true(head.keep_alive);
    assert_false(head.upgrade);
    assert_false(head.expect_continue);
}

static void an_absolute_target_names_the_host(void **state)
{
    (void)state;
    assert_int_equal(parse("GET http://one.test:81/x?y HTTP/1.1\r\nHost: two.test\r\n\r\n"), HTTP_OK);
    expect_text(head.host, "one.test:81");
    expect_text(head.path, "/x");
    expect_text(head.query, "y");
    assert_int_equal(parse("GET HTTPS://one.test HTTP/1.1\r\nHost: one.test\r\n\r\n"), HTTP_OK);
    expect_text(head.path, "/");
    expect_text(head.query, "");
    assert_int_equal(parse("GET http://one.test?q HTTP/1.1\r\nHost: one.test\r\n\r\n"), HTTP_OK);
    expect_text(head.path, "/");
    expect_text(head.query, "q");
}

static void options_may_ask_about_the_whole_server(void **state)
{
    (void)state;
    assert_int_equal(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_OK);
    expect_text(head.path, "*");
    expect_refusal("GET * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed request target");
}

static void empty_lines_before_a_request_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(parse("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_OK);
    expect_text(head.method, "GET");
}

static void version_1_0_needs_no_host_and_does_not_keep_alive(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), HTTP_OK);
    expect_text(head.host, "");
    assert_int_equal(head.minor, 0);
    assert_false(head.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), HTTP_OK);
    assert_true(head.keep_alive);
}

static void a_later_minor_version_is_treated_as_1_1(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.7\r\nHost: a\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.minor, 1);
}

static void bodies_have_a_length_or_chunks(void **state)
{
    (void)state;
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_LENGTH);
    assert_int_equal(head.content_length, 12);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 0\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_NONE);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"), HTTP_OK);
    assert_int_equal(head.body, HTTP_BODY_CHUNKED);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n"), HTTP_OK);
    assert_true(head.content_length == INT64_MAX);
}

static void connection_options_are_found_in_lists(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo , Close\r\n\r\n"), HTTP_OK);
    assert_false(head.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n"), HTTP_OK);
    assert_true(head.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n"), HTTP_OK);
    assert_false(head.keep_alive);
}

static void an_upgrade_needs_both_fields(void **state)
{
    (void)state;
    assert_int_equal(
        parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"), HTTP_OK);
    assert_true(head.upgrade);
    assert_true(head.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"), HTTP_OK);
    assert_false(head.upgrade);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n"), HTTP_OK);
    assert_false(head.upgrade);
    assert_int_equal(parse("GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), HTTP_OK);
    assert_false(head.upgrade);
}

static void expectations_are_seen(void **state)
{
    (void)state;
    assert_int_equal(parse("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n"), HTTP_OK);
    assert_true(head.expect_continue);
    assert_int_equal(parse("PUT / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"), HTTP_OK);
    assert_false(head.expect_continue);
}

static void two_framings_are_refused(void **state)
{
    (void)state;
    expect_refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", HTTP_BAD,
                   "two Content-Length fields");
    expect_refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_BAD,
                   "Content-Length beside Transfer-Encoding");
    expect_refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
                   HTTP_BAD, "two Transfer-Encoding fields");
    expect_refusal("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_BAD,
                   "Transfer-Encoding in an HTTP/1.0 message");
}

static void lengths_are_digits_and_nothing_else(void **state)
{
    static const char *const lengths[] = {
        "", "+1", "-1", "1 1", "1,1", "0x1", "1a", "1.", "\"1\"", "9223372036854775808", "99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n", lengths[i]);
        expect_refusal(text, HTTP_BAD, "malformed Content-Length");
    }
}

static void unknown_transfer_codings_are_not_implemented(void **state)
{
    static const char *const codings[] = {"gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked", "chunked,"};
    (void)state;
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n", codings[i]);
        expect_refusal(text, HTTP_NOT_IMPLEMENTED, "unknown transfer coding");
    }
    expect_refusal("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_NOT_IMPLEMENTED, "CONNECT is not supported");
}

static void field_lines_are_strict(void **state)
{
    (void)state;
    expect_refusal("GET / HTTP/1.1\r\nHost : a\r\n\r\n", HTTP_BAD, "blank before the colon of a field");
    expect_refusal("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", HTTP_BAD, "blank before the colon of a field");
    expect_refusal("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", HTTP_BAD, "obsolete line folding");
    expect_refusal("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", HTTP_BAD, "obsolete line folding");
    expect_refusal("GET / HTTP/1.1\r\n: a\r\n\r\n", HTTP_BAD, "empty or malformed field name");
    expect_refusal("GET / HTTP/1.1\r\nHo(st: a\r\n\r\n", HTTP_BAD, "malformed field name");
    expect_refusal("GET / HTTP/1.1\r\nHost\r\n\r\n", HTTP_BAD, "malformed field name");
    expect_refusal("GET / HTTP/1.1\r\nH\xc3\xb6st: a\r\n\r\n", HTTP_BAD, "malformed field name");
}

static void control_characters_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    expect_refusal("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", HTTP_BAD, "control character in a field value");
    expect_refusal("GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n", HTTP_BAD, "control character in a field value");
    expect_refusal("GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", HTTP_BAD, "control character in a field value");
    expect_refusal("GET / HTTP/1.1\r\nLonger-Name: 0123456789abcdef\x7f\r\n\r\n", HTTP_BAD,
                   "control character in a field value");
    expect_refusal("GET / HTTP/1.1\nHost: a\r\n\r\n", HTTP_BAD, "malformed request line");
    expect_refusal("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed request target");

    static const uint8_t with_nul[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
    assert_int_equal(http_parse_request(with_nul, sizeof with_nul - 1, &limits, &head, &reason), HTTP_BAD);
}

static void values_may_hold_tabs_and_bytes_above_ascii(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nX: one\ttwo \xc3\xa4\xff and some more\r\n\r\n"), HTTP_OK);
    expect_text(head.headers[1].value, "one\ttwo \xc3\xa4\xff and some more");
}

static void request_lines_are_strict(void **state)
{
    (void)state;
    expect_refusal("", HTTP_BAD, "malformed method");
    expect_refusal("GET", HTTP_BAD, "malformed method");
    expect_refusal(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed method");
    expect_refusal("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed method");
    expect_refusal("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed request target");
    expect_refusal("GET /\r\n\r\n", HTTP_BAD, "malformed request target");
    expect_refusal("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed HTTP version");
    expect_refusal("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HTTP_BAD, "malformed request line");
    expect_refusal("GET / http/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed HTTP version");
    expect_refusal("GET / HTTP/11\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed HTTP version");
    expect_refusal("GET a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed request target");
    expect_refusal("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed request target");
    expect_refusal("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed request target");
    expect_refusal("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "an absolute target without a host");
    expect_refusal("GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTP_BAD_VERSION, "only HTTP/1.x is spoken here");
    expect_refusal("GET / HTTP/0.9\r\nHost: a\r\n\r\n", HTTP_BAD_VERSION, "only HTTP/1.x is spoken here");
}

static void a_request_names_exactly_one_host(void **state)
{
    (void)state;
    expect_refusal("GET / HTTP/1.1\r\n\r\n", HTTP_BAD, "no Host field");
    expect_refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HTTP_BAD, "two Host fields");
    static const char *const hosts[] = {"a b", "a/b", "me@a",   "a:b", "a:1:2", "[::1",
                                        "[]",  "[x]", "[::1]x", ":1",  "a,b;\\"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        expect_refusal(text, HTTP_BAD, "malformed Host field");
    }
    expect_refusal("GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, "malformed host in the request target");
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), HTTP_OK);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost:\r\n\r\n"), HTTP_OK);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: under_score.test:\r\n\r\n"), HTTP_OK);
}

static void heads_are_limited_in_size_and_fields(void **state)
{
    (void)state;
    static const struct http_limits small = {.max_head_bytes = 40, .max_headers = 2};
    const char *fits = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    assert_int_equal(http_parse_request((const uint8_t *)fits, strlen(fits), &small, &head, &reason), HTTP_OK);
    const char *fields = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nZ:\r\n\r\n";
    assert_int_equal(http_parse_request((const uint8_t *)fields, strlen(fields), &small, &head, &reason),
                     HTTP_TOO_LARGE);
    assert_string_equal(reason, "too many header fields");
    const char *long_one = "GET /aaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(http_parse_request((const uint8_t *)long_one, strlen(long_one), &small, &head, &reason),
                     HTTP_TOO_LARGE);
}

static void a_limit_above_the_array_does_not_overrun_it(void **state)
{
    (void)state;
    static const struct http_limits wide = {.max_head_bytes = 65536, .max_headers = 100000};
    struct text text = {0};
    text_add_string(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < HTTP_MAX_HEADERS; i++)
        text_addf(&text, "X-%d: %d\r\n", i, i);
    struct text more = {0};
    text_add(&more, text_string(&text), text.size);
    text_add_string(&text, "\r\n");
    text_add_string(&more, "One-More: 1\r\n\r\n");
    assert_int_equal(http_parse_request((const uint8_t *)text_string(&text), text.size, &wide, &head, &reason),
                     HTTP_OK);
    assert_int_equal(head.header_count, HTTP_MAX_HEADERS);
    assert_int_equal(http_parse_request((const uint8_t *)text_string(&more), more.size, &wide, &head, &reason),
                     HTTP_TOO_LARGE);
    text_free(&text);
    text_free(&more);
}

static void a_head_ends_exactly_at_its_empty_line(void **state)
{
    (void)state;
    expect_refusal("GET / HTTP/1.1\r\nHost: a\r\n", HTTP_BAD, "the head does not end with an empty line");
    expect_refusal("GET / HTTP/1.1\r\nHost: a\r\n\r", HTTP_BAD, "the head does not end with an empty line");
    expect_refusal("GET / HTTP/1.1\r\nHost: a\r\n\r\nX: y\r\n\r\n", HTTP_BAD, "an empty line inside the head");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_taken_apart),
        cmocka_unit_test(an_absolute_target_names_the_host),
        cmocka_unit_test(options_may_ask_about_the_whole_server),
        cmocka_unit_test(empty_lines_before_a_request_are_skipped),
        cmocka_unit_test(version_1_0_needs_no_host_and_does_not_keep_alive),
        cmocka_unit_test(a_later_minor_version_is_treated_as_1_1),
        cmocka_unit_test(bodies_have_a_length_or_chunks),
        cmocka_unit_test(connection_options_are_found_in_lists),
        cmocka_unit_test(an_upgrade_needs_both_fields),
        cmocka_unit_test(expectations_are_seen),
        cmocka_unit_test(two_framings_are_refused),
        cmocka_unit_test(lengths_are_digits_and_nothing_else),
        cmocka_unit_test(unknown_transfer_codings_are_not_implemented),
        cmocka_unit_test(field_lines_are_strict),
        cmocka_unit_test(control_characters_are_refused_wherever_they_stand),
        cmocka_unit_test(values_may_hold_tabs_and_bytes_above_ascii),
        cmocka_unit_test(request_lines_are_strict),
        cmocka_unit_test(a_request_names_exactly_one_host),
        cmocka_unit_test(heads_are_limited_in_size_and_fields),
        cmocka_unit_test(a_limit_above_the_array_does_not_overrun_it),
        cmocka_unit_test(a_head_ends_exactly_at_its_empty_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
