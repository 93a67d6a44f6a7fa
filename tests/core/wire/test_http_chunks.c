/* Chunked bodies: the data that comes out, and every framing that is refused. */
#include "core/wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Feeds the text in pieces of `step` bytes and expects the data and the end at `used`. */
static void expect_data(const char *text, size_t step, const char *data, size_t used)
{
    struct http_chunks chunks = {0};
    struct text decoded = {0};
    size_t at = 0, size = strlen(text);
    enum http_result result = HTTP_INCOMPLETE;
    while (result == HTTP_INCOMPLETE && at < size) {
        size_t took = 0;
        result =
            http_chunks_feed(&chunks, (const uint8_t *)text + at, size - at < step ? size - at : step, &took, &decoded);
        at += took;
    }
    assert_int_equal(result, HTTP_OK);
    assert_int_equal(at, used);
    assert_string_equal(text_string(&decoded), data);
    text_free(&decoded);
}

static void expect_result(const char *text, enum http_result expected)
{
    struct http_chunks chunks = {0};
    size_t used = 0;
    assert_int_equal(http_chunks_feed(&chunks, (const uint8_t *)text, strlen(text), &used, NULL), expected);
}

static void data_comes_out_without_its_framing(void **state)
{
    (void)state;
    const char *text = "5\r\nhello\r\n1;a=b\r\n,\r\n6 ; x\r\n world\r\n0\r\n\r\nnext";
    for (size_t step = 1; step <= strlen(text); step++)
        expect_data(text, step, "hello, world", strlen(text) - 4);
}

static void sizes_are_hexadecimal_in_either_case(void **state)
{
    (void)state;
    expect_data("a\r\n0123456789\r\n0A\r\nabcdefghij\r\n000\r\n\r\n", 7, "0123456789abcdefghij", 38);
}

static void trailers_belong_to_the_body(void **state)
{
    (void)state;
    expect_data("1\r\nx\r\n0\r\nDigest: abc\r\nEmpty:\r\n\r\nrest", 3, "x", 32);
}

static void an_unfinished_body_asks_for_more(void **state)
{
    (void)state;
    expect_result("", HTTP_INCOMPLETE);
    expect_result("5", HTTP_INCOMPLETE);
    expect_result("5\r\nhel", HTTP_INCOMPLETE);
    expect_result("0\r\n", HTTP_INCOMPLETE);
    expect_result("0\r\n\r", HTTP_INCOMPLETE);
}

static void malformed_framing_is_refused(void **state)
{
    static const char *const texts[] = {
        "\r\n",          /* No size. */
        "x\r\n",         /* Not a digit. */
        "-1\r\n",        /* A sign. */
        "0x5\r\n",       /* A prefix. */
        " 5\r\n",        /* A blank in front. */
        "5 \r\n",        /* A blank behind, without an extension. */
        "5\nhello\r\n",  /* A bare LF. */
        "5\rhello",      /* A bare CR. */
        "5;a\nhello",    /* A bare LF in an extension. */
        "5;a\x01\r\n",   /* A control character in an extension. */
        "5\r\nhelloX",   /* Data longer than its size. */
        "5\r\nhello\n",  /* A bare LF behind data. */
        "5\r\nhello\rX", /* A bare CR behind data. */
        "0\r\nX",        /* A trailer without a colon: refused at its line end, see below. */
        "0\r\n folded\r\n",
        "0\r\n: x\r\n",
        "0\r\nA b: c\r\n",
        "0\r\nA: b\n",
        "0\r\nA: b\rc",
        "0\r\n\rX",
        "0\r\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_result(texts[i], strcmp(texts[i], "0\r\nX") == 0 ? HTTP_INCOMPLETE : HTTP_BAD);
    expect_result("0\r\nX\r\n", HTTP_BAD);
}

static void sizes_do_not_overflow(void **state)
{
    (void)state;
    expect_result("7fffffffffffffff\r\nx", HTTP_INCOMPLETE);
    expect_result("8000000000000000\r\nx", HTTP_BAD);
    expect_result("ffffffffffffffff\r\nx", HTTP_BAD);
    expect_result("10000000000000000\r\nx", HTTP_BAD);
    expect_result("00000000000000001\r\nx", HTTP_BAD);
}

static void endless_extensions_and_trailers_are_refused(void **state)
{
    (void)state;
    char text[6000];
    memset(text, 'a', sizeof text);
    memcpy(text, "5;", 2);
    text[sizeof text - 1] = 0;
    expect_result(text, HTTP_BAD);
    memcpy(text, "0\r\n", 3);
    for (size_t i = 3; i + 5 < sizeof text; i += 5)
        memcpy(text + i, "a:b\r\n", 5);
    expect_result(text, HTTP_BAD);
}

static void many_small_chunks_do_not_add_up_to_a_long_line(void **state)
{
    (void)state;
    struct http_chunks chunks = {0};
    for (int i = 0; i < 10000; i++) {
        size_t used = 0;
        assert_int_equal(http_chunks_feed(&chunks, (const uint8_t *)"1\r\nx\r\n", 6, &used, NULL), HTTP_INCOMPLETE);
        assert_int_equal(used, 6);
    }
}

static void a_refused_body_stays_refused(void **state)
{
    (void)state;
    struct http_chunks chunks = {0};
    size_t used = 0;
    assert_int_equal(http_chunks_feed(&chunks, (const uint8_t *)"x", 1, &used, NULL), HTTP_BAD);
    assert_int_equal(http_chunks_feed(&chunks, (const uint8_t *)"0\r\n\r\n", 5, &used, NULL), HTTP_BAD);
    assert_int_equal(used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_comes_out_without_its_framing),
        cmocka_unit_test(sizes_are_hexadecimal_in_either_case),
        cmocka_unit_test(trailers_belong_to_the_body),
        cmocka_unit_test(an_unfinished_body_asks_for_more),
        cmocka_unit_test(malformed_framing_is_refused),
        cmocka_unit_test(sizes_do_not_overflow),
        cmocka_unit_test(endless_extensions_and_trailers_are_refused),
        cmocka_unit_test(many_small_chunks_do_not_add_up_to_a_long_line),
        cmocka_unit_test(a_refused_body_stays_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
