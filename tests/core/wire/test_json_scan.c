#include "core/wire/json/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The items of a text as a word: k key, v value, o and c containers, then . for the end or ! for what is broken. */
static void expect_items(const char *json, const char *items)
{
    struct json_scanner scanner = {.bytes = {(const uint8_t *)json, strlen(json)}};
    struct text found = {0};
    enum json_item item;
    do {
        item = json_scan(&scanner);
        text_add_char(&found, "!.kvoc"[item]);
        assert_true(scanner.began <= scanner.at);
        assert_true(scanner.at <= strlen(json));
    } while (item > JSON_ITEM_END);
    assert_true((item == JSON_ITEM_BROKEN) == (scanner.problem != NULL));
    if (strcmp(text_string(&found), items) != 0)
        fail_msg("%s gives %s", json, text_string(&found));
    text_free(&found);
    json_scan_release(&scanner);
}

static void a_text_is_cut_into_items(void **state)
{
    (void)state;
    expect_items("{\"a\":[1,{\"b\":null}],\"c\":\"\"}", "okovokvcckvc.");
    expect_items(" [ ] \r\n", "oc.");
    expect_items("{}", "oc.");
    expect_items("7", "v.");
    expect_items("[-0.5e+3,true,false]", "ovvvc.");
}

static void what_is_no_json_is_broken(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "[1,]!",
        "{,",
        "{\"a\"",
        "{\"a\" 1}",
        "{\"a\":}",
        "{1:2}",
        "[1 2]",
        "[}",
        "tru",
        "nulll",
        "01",
        "-",
        "1.",
        "1e",
        "\"a",
        "\"\\",
        "\"\\u12g4",
        "\"\\ud800",
        "\"\\udc00\"",
        "\"\n\"",
        "\"\xff\"",
        "1 2",
        "\"\\ud800\\u0041\"",
        "",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct json_scanner scanner = {.bytes = {(const uint8_t *)broken[i], strlen(broken[i])}};
        enum json_item item;
        while ((item = json_scan(&scanner)) > JSON_ITEM_END)
            continue;
        if (item != JSON_ITEM_BROKEN)
            fail_msg("accepted: %s", broken[i]);
        json_scan_release(&scanner);
    }
}

/* Wherever the special character stands in the words that are looked at eight bytes a time. */
static void a_special_character_is_seen_at_any_place(void **state)
{
    (void)state;
    static const char *const specials[] = {"\\n", "\\\"", "\xc3\xa4", "\\u20ac", "\\ud83d\\ude00"};
    static const char *const meant[] = {"\n", "\"", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static const char plain[] = "abcdefghijklmnopqrstuvw";
    for (size_t special = 0; special < sizeof specials / sizeof *specials; special++) {
        for (size_t place = 0; place < sizeof plain; place++) {
            struct text json = {0}, expected = {0};
            text_addf(&json, "\"%.*s%s%s\"", (int)place, plain, specials[special], plain + place);
            text_addf(&expected, "%.*s%s%s", (int)place, plain, meant[special], plain + place);
            struct json_scanner scanner = {.bytes = {(const uint8_t *)text_string(&json), json.size}};
            assert_int_equal(json_scan(&scanner), JSON_ITEM_VALUE);
            assert_int_equal(scanner.token.size, expected.size);
            assert_memory_equal(scanner.token.bytes, text_string(&expected), expected.size);
            assert_int_equal(json_scan(&scanner), JSON_ITEM_END);
            json_scan_release(&scanner);
            text_free(&json);
            text_free(&expected);
        }
    }
}

static void depth_is_limited(void **state)
{
    (void)state;
    char deep[JSON_SCAN_DEPTH + 2];
    memset(deep, '[', sizeof deep);
    struct json_scanner scanner = {.bytes = {(const uint8_t *)deep, sizeof deep}};
    for (int i = 0; i < JSON_SCAN_DEPTH; i++)
        assert_int_equal(json_scan(&scanner), JSON_ITEM_OPEN);
    assert_int_equal(json_scan(&scanner), JSON_ITEM_BROKEN);
    assert_string_equal(scanner.problem, "nested too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_cut_into_items),
        cmocka_unit_test(what_is_no_json_is_broken),
        cmocka_unit_test(a_special_character_is_seen_at_any_place),
        cmocka_unit_test(depth_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
