/* Messages -> JSON: compact for the bus, indented for people, the same bytes on every machine. */
#include "core/proto/bus.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/json/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(struct text *text, const char *expected)
{
    assert_string_equal(text_string(text), expected);
    text_free(text);
}

static void absent_fields_are_left_out_but_empty_arrays_are_written(void **state)
{
    (void)state;
    struct text text = {0};
    Cupola__DeaStart start = CUPOLA__DEA_START__INIT;
    start.has_droplet = true;
    start.droplet = -7;
    start.has_index = true;
    json_write(&text, &start.base);
    expect_text(&text, "{\"droplet\":-7,\"uris\":[],\"services\":[],\"env\":[],\"users\":[],\"index\":0}");

    Cupola__RouterRegister no_tags = CUPOLA__ROUTER_REGISTER__INIT;
    json_write(&text, &no_tags.base);
    expect_text(&text, "{\"uris\":[]}");

    Cupola__RouterStart empty = CUPOLA__ROUTER_START__INIT;
    json_write(&text, &empty.base);
    expect_text(&text, "{}");
}

static void people_get_an_indented_text(void **state)
{
    (void)state;
    Cupola__RouterRegister__TagsEntry tag = CUPOLA__ROUTER_REGISTER__TAGS_ENTRY__INIT;
    tag.key = "a";
    tag.value = "b";
    Cupola__RouterRegister__TagsEntry *tags[] = {&tag};
    char *uris[] = {"x", "y"};
    Cupola__RouterRegister message = CUPOLA__ROUTER_REGISTER__INIT;
    message.uris = uris;
    message.n_uris = 2;
    message.tags = tags;
    message.n_tags = 1;
    struct text text = {0};
    json_write_pretty(&text, &message.base);
    expect_text(&text, "{\n  \"uris\": [\n    \"x\",\n    \"y\"\n  ],\n  \"tags\": {\n    \"a\": \"b\"\n  }\n}\n");

    Cupola__RouterRegister empty = CUPOLA__ROUTER_REGISTER__INIT;
    json_write_pretty(&text, &empty.base);
    expect_text(&text, "{\n  \"uris\": []\n}\n");
}

static void compact_json_can_be_indented(void **state)
{
    (void)state;
    const char *compact = "{\"a\":[1,{\"b\":\"x,{\\\":\\\\\"}],\"c\":{},\"d\":[]}";
    struct io_bytes bytes = {.data = (const uint8_t *)compact, .size = strlen(compact)};
    struct text text = {0};
    json_indent(&text, bytes);
    expect_text(&text, "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,{\\\":\\\\\"\n    }\n  ],\n  \"c\": {},\n"
                       "  \"d\": []\n}\n");
}

static void strings_are_escaped_and_always_valid(void **state)
{
    (void)state;
    struct text text = {0};
    json_write_string(&text, "a\"b\\c/d\n\t\r\b\f\x01\x1f\x7f\xc3\xa4");
    expect_text(&text, "\"a\\\"b\\\\c/d\\n\\t\\r\\b\\f\\u0001\\u001f\x7f\xc3\xa4\"");
    json_write_string(&text, "x\xffy\xc3");
    expect_text(&text, "\"x\\ufffdy\\ufffd\"");
    json_write_string(&text, "");
    expect_text(&text, "\"\"");
}

static void doubles_have_no_exponent_and_nine_digits_at_most(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *expected;
    } cases[] = {
        {0, "0.0"},
        {3, "3.0"},
        {-2.5, "-2.5"},
        {0.98, "0.98"},
        {0.1, "0.1"},
        {6.558235806, "6.558235806"},
        {1.0 / 3, "0.333333333"},
        {0.9999999999, "1.0"},
        {1e-12, "0.0"},
        {1795377401.1872933, "1795377401.187293291"},
        {1e15, "1000000000000000.0"},
        {9223372036854775808.0, "9223372036854775808.0"},
        {1e22, "10000000000000000000000.0"},
        {-1e30, "-1000000000000000019884624838656.0"},
        {INFINITY, "null"},
        {NAN, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text text = {0};
        json_write_double(&text, cases[i].number);
        expect_text(&text, cases[i].expected);
    }
    struct text largest = {0};
    json_write_double(&largest, 0x1.fffffffffffffp1023);
    assert_int_equal(largest.size, 309 + 2);
    text_free(&largest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_fields_are_left_out_but_empty_arrays_are_written),
        cmocka_unit_test(people_get_an_indented_text),
        cmocka_unit_test(compact_json_can_be_indented),
        cmocka_unit_test(strings_are_escaped_and_always_valid),
        cmocka_unit_test(doubles_have_no_exponent_and_nine_digits_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
