/* Basic authentication: who is let in. */
#include "core/wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool lets_in(const char *field)
{
    static const struct http_limits limits = {.max_head_bytes = 4096, .max_headers = 8};
    char bytes[512];
    int size = snprintf(bytes, sizeof bytes, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", field);
    struct http_head head;
    const char *reason;
    assert_int_equal(http_parse_request((const uint8_t *)bytes, (size_t)size, &limits, &head, &reason), HTTP_OK);
    return http_has_basic(&head, "Aladdin", "open sesame");
}

static void credentials_are_written_as_in_the_rfc(void **state)
{
    (void)state;
    struct text text = {0};
    http_write_basic(&text, "Aladdin", "open sesame");
    assert_string_equal(text_string(&text), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    text_free(&text);
}

static void the_right_credentials_are_let_in_whatever_the_case_of_the_scheme(void **state)
{
    (void)state;
    assert_true(lets_in("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
    assert_true(lets_in("Authorization: basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
}

static void all_else_stays_outside(void **state)
{
    static const char *const fields[] = {
        "",
        "Authorization:\r\n",
        "Authorization: Basic\r\n",
        "Authorization: Basic \r\n",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=\r\n",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==A\r\n",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZg==\r\n",
        "Authorization: Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
        "Authorization: BasicXQWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        assert_false(lets_in(fields[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_written_as_in_the_rfc),
        cmocka_unit_test(the_right_credentials_are_let_in_whatever_the_case_of_the_scheme),
        cmocka_unit_test(all_else_stays_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
