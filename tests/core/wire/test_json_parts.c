/* Parts of a JSON text come out as they were written. */
#include "core/wire/json/parts.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct io_bytes bytes_of(const char *text)
{
    return (struct io_bytes){(const uint8_t *)text, strlen(text)};
}

static void expect(struct io_bytes found, const char *expected)
{
    if (found.size != strlen(expected) || memcmp(found.data, expected, found.size) != 0)
        fail_msg("expected %s, found %.*s", expected, (int)found.size, (const char *)found.data);
}

static void elements_are_split_unchanged(void **state)
{
    (void)state;
    struct io_bytes *elements;
    size_t count;
    assert_true(json_split_array(bytes_of(" [ {\"a\" : [1, 2]} ,12,\t\"x,]\", null,[],true ] "), &elements, &count));
    assert_int_equal(count, 6);
    expect(elements[0], "{\"a\" : [1, 2]}");
    expect(elements[1], "12");
    expect(elements[2], "\"x,]\"");
    expect(elements[3], "null");
    expect(elements[4], "[]");
    expect(elements[5], "true");
    memory_free(elements);
    assert_true(json_split_array(bytes_of("[]"), &elements, &count));
    assert_int_equal(count, 0);
}

static void what_is_no_array_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{}", "5", "[1", "[1,]", "[1]]", "[\"\xff\"]", "nonsense"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct io_bytes *elements;
        size_t count;
        if (json_split_array(bytes_of(texts[i]), &elements, &count))
            fail_msg("%s was taken", texts[i]);
        assert_null(elements);
    }
    char deep[200];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    struct io_bytes *elements;
    size_t count;
    assert_false(json_split_array((struct io_bytes){(const uint8_t *)deep, sizeof deep}, &elements, &count));
}

static void members_are_found(void **state)
{
    (void)state;
    struct io_bytes value;
    struct io_bytes json = bytes_of("{\"a\":1, \"b\" : {\"a\":[2]} ,\"c\":null,\"d\":\"x\",\"a\": 3}");
    assert_true(json_find_member(json, "b", &value));
    expect(value, "{\"a\":[2]}");
    assert_true(json_find_member(json, "a", &value));
    expect(value, "3");
    assert_true(json_find_member(json, "d", &value));
    expect(value, "\"x\"");
    assert_false(json_find_member(json, "c", &value));
    assert_false(json_find_member(json, "e", &value));
    assert_false(json_find_member(bytes_of("[]"), "a", &value));
    assert_false(json_find_member(bytes_of("{\"a\":1"), "a", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_split_unchanged),
        cmocka_unit_test(what_is_no_array_is_refused),
        cmocka_unit_test(members_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
