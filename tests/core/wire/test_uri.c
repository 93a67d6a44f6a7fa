/* Percent-encoding and normal hosts. */
#include "core/wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct http_text text_of(const char *string)
{
    return (struct http_text){string, strlen(string)};
}

static void expect_decoded(const char *encoded, const char *expected)
{
    struct text text = {0};
    assert_true(uri_decode(&text, text_of(encoded)));
    assert_string_equal(text_string(&text), expected);
    text_free(&text);
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    expect_decoded("/apps/my%20app", "/apps/my app");
    expect_decoded("%41%2f%2F+~", "A//+~");
    expect_decoded("", "");
}

static void malformed_escapes_are_refused(void **state)
{
    static const char *const texts[] = {"%", "%4", "a%4g", "%%41", "%00", "%g1", "a%"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct text text = {0};
        assert_false(uri_decode(&text, text_of(texts[i])));
        text_free(&text);
    }
    struct text text = {0};
    assert_false(uri_decode(&text, (struct http_text){"a\0b", 3}));
    text_free(&text);
}

static void everything_reserved_is_encoded_and_comes_back(void **state)
{
    (void)state;
    struct text encoded = {0};
    uri_encode(&encoded, "a-b._~ /?&=%\xc3\xa4");
    assert_string_equal(text_string(&encoded), "a-b._~%20%2F%3F%26%3D%25%C3%A4");
    expect_decoded(text_string(&encoded), "a-b._~ /?&=%\xc3\xa4");
    text_free(&encoded);
}

static void a_path_keeps_its_slashes(void **state)
{
    (void)state;
    struct text encoded = {0};
    uri_encode_path(&encoded, "/a b//c?d/");
    assert_string_equal(text_string(&encoded), "/a%20b//c%3Fd/");
    text_free(&encoded);
}

static void hosts_lose_case_port_and_final_dot(void **state)
{
    static const char *const pairs[][2] = {
        {"App.Test", "app.test"},
        {"app.test:8080", "app.test"},
        {"app.test.", "app.test"},
        {"app.test.:80", "app.test"},
        {"[::1]:80", "[::1]"},
        {"[FE80::A]", "[fe80::a]"},
        {"", ""},
        {"app.test:", "app.test"},
        {".", "."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct text text = {0};
        uri_normal_host(&text, text_of(pairs[i][0]));
        assert_string_equal(text_string(&text), pairs[i][1]);
        text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(malformed_escapes_are_refused),
        cmocka_unit_test(everything_reserved_is_encoded_and_comes_back),
        cmocka_unit_test(a_path_keeps_its_slashes),
        cmocka_unit_test(hosts_lose_case_port_and_final_dot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
