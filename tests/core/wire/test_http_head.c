/* Where a head ends, and what can be looked up in it. */
#include "core/wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct http_limits limits = {.max_head_bytes = 100, .max_headers = 10};

static enum http_result find(const char *text, size_t *ret_size)
{
    size_t scanned = 0;
    return http_find_head((const uint8_t *)text, strlen(text), &limits, &scanned, ret_size);
}

static void a_head_ends_with_its_first_empty_line(void **state)
{
    (void)state;
    size_t size = 0;
    assert_int_equal(find("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n", &size), HTTP_OK);
    assert_int_equal(size, strlen("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_int_equal(find("", &size), HTTP_INCOMPLETE);
    assert_int_equal(find("GET / HTTP/1.1\r\nHost: a\r\n", &size), HTTP_INCOMPLETE);
}

static void empty_lines_in_front_do_not_end_it(void **state)
{
    (void)state;
    size_t size = 0;
    assert_int_equal(find("\r\n", &size), HTTP_INCOMPLETE);
    assert_int_equal(find("\r\n\r\nGET / HTTP/1.1\r\n\r\n", &size), HTTP_OK);
    assert_int_equal(size, 4 + strlen("GET / HTTP/1.1\r\n\r\n"));
    assert_int_equal(find("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", &size), HTTP_BAD);
}

static void bytes_that_come_one_by_one_are_found_too(void **state)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\nGET / HTTP/1.0\r\n\r\n"};
    (void)state;
    for (size_t t = 0; t < 2; t++) {
        size_t scanned = 0, size = 0, all = strlen(texts[t]);
        for (size_t i = 0; i < all; i++) {
            assert_int_equal(http_find_head((const uint8_t *)texts[t], i, &limits, &scanned, &size), HTTP_INCOMPLETE);
            assert_int_equal(scanned, i);
        }
        assert_int_equal(http_find_head((const uint8_t *)texts[t], all, &limits, &scanned, &size), HTTP_OK);
        assert_int_equal(size, all);
    }
}

static void a_bare_line_feed_is_refused_at_once(void **state)
{
    (void)state;
    size_t size = 0;
    assert_int_equal(find("GET / HTTP/1.1\nHost", &size), HTTP_BAD);
    assert_int_equal(find("\n", &size), HTTP_BAD);
    assert_int_equal(find("GET / HTTP/1.1\r\nHost: a\r\n\n", &size), HTTP_BAD);
}

static void a_huge_head_is_refused_before_its_end(void **state)
{
    (void)state;
    char text[201];
    memset(text, 'a', sizeof text - 1);
    text[200] = 0;
    size_t size = 0;
    assert_int_equal(find(text, &size), HTTP_TOO_LARGE);
    text[99] = 0;
    assert_int_equal(find(text, &size), HTTP_INCOMPLETE);
    memset(text, 'a', sizeof text - 1);
    memcpy(text + 96, "\r\n\r\n", 5);
    assert_int_equal(find(text, &size), HTTP_OK);
    assert_int_equal(size, 100);
    memcpy(text + 96, "a\r\n\r\n", 6);
    assert_int_equal(find(text, &size), HTTP_TOO_LARGE);
}

static struct http_text text_of(const char *string)
{
    return (struct http_text){string, strlen(string)};
}

static void texts_are_compared_with_and_without_case(void **state)
{
    (void)state;
    assert_true(http_text_is(text_of("HoSt"), "host"));
    assert_false(http_text_is(text_of("hos"), "host"));
    assert_false(http_text_is(text_of("hostx"), "host"));
    assert_false(http_text_is(text_of("h@st"), "h`st"));
    assert_true(http_text_is(text_of(""), ""));
    assert_true(http_text_equals(text_of("GET"), "GET"));
    assert_false(http_text_equals(text_of("get"), "GET"));
}

static const char sample[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Mine, host\r\nX-Mine: 1\r\n"
                             "connection: Keep-Alive\r\nVary: Accept ,Cookie\r\n\r\n";

static void fields_and_list_elements_are_found(void **state)
{
    (void)state;
    static const struct http_limits wide = {.max_head_bytes = 4096, .max_headers = 10};
    struct http_head head;
    const char *reason;
    assert_int_equal(http_parse_request((const uint8_t *)sample, sizeof sample - 1, &wide, &head, &reason), HTTP_OK);
    assert_true(http_text_equals(http_find(&head, "x-mine")->value, "1"));
    assert_null(http_find(&head, "X-Min"));
    assert_true(http_lists(&head, "Connection", "keep-alive"));
    assert_true(http_lists(&head, "Connection", "x-mine"));
    assert_true(http_lists(&head, "vary", "Accept"));
    assert_true(http_lists(&head, "vary", "cookie"));
    assert_false(http_lists(&head, "vary", "cook"));
    assert_false(http_lists(&head, "vary", ""));
    assert_true(http_is_hop_by_hop(&head, text_of("X-MINE")));
    assert_true(http_is_hop_by_hop(&head, text_of("TE")));
    assert_true(http_is_hop_by_hop(&head, text_of("proxy-authorization")));
    assert_false(http_is_hop_by_hop(&head, text_of("Vary")));
    assert_false(http_is_hop_by_hop(&head, text_of("Host"))); /* Listed, but it is not for Connection to take away. */
}

static void methods_and_codes_are_known(void **state)
{
    (void)state;
    assert_true(http_is_idempotent(text_of("GET")));
    assert_true(http_is_idempotent(text_of("DELETE")));
    assert_false(http_is_idempotent(text_of("POST")));
    assert_false(http_is_idempotent(text_of("PATCH")));
    assert_false(http_is_idempotent(text_of("get")));
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(799), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_with_its_first_empty_line),
        cmocka_unit_test(empty_lines_in_front_do_not_end_it),
        cmocka_unit_test(bytes_that_come_one_by_one_are_found_too),
        cmocka_unit_test(a_bare_line_feed_is_refused_at_once),
        cmocka_unit_test(a_huge_head_is_refused_before_its_end),
        cmocka_unit_test(texts_are_compared_with_and_without_case),
        cmocka_unit_test(fields_and_list_elements_are_found),
        cmocka_unit_test(methods_and_codes_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
