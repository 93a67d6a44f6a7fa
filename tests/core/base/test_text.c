/* Texts: growing runs of bytes. */
#include "core/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_text_is_an_empty_string(void **state)
{
    (void)state;
    struct text text = {0};
    assert_string_equal(text_string(&text), "");
    text_add(&text, NULL, 0);
    assert_null(text.buffer); /* Nothing was allocated for nothing. */
    text_free(&text);
}

static void what_is_added_stays_in_order_and_ends_with_nul(void **state)
{
    (void)state;
    struct text text = {0};
    text_add_string(&text, "a=");
    text_add_number(&text, 0);
    text_add_char(&text, ' ');
    text_add_number(&text, UINT64_MAX);
    text_addf(&text, " %s/%d", "x", -7);
    text_add_hex(&text, (const uint8_t *)"\x00\xff\x1a", 3);
    assert_string_equal(text_string(&text), "a=0 18446744073709551615 x/-700ff1a");
    assert_int_equal(text.size, strlen(text_string(&text)));
    text_free(&text);
}

static void it_grows_over_many_sizes_without_losing_a_byte(void **state)
{
    (void)state;
    struct text text = {0};
    for (int i = 0; i < 5000; i++)
        text_add_char(&text, (char)('a' + i % 26));
    assert_int_equal(text.size, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(text_string(&text)[i], 'a' + i % 26);
    assert_int_equal(text_string(&text)[5000], 0);
    text_free(&text);
}

static void a_nul_byte_is_a_byte_like_any_other(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "a\0b", 3);
    assert_int_equal(text.size, 3);
    assert_memory_equal(text_string(&text), "a\0b", 4);
    text_free(&text);
}

static void consuming_takes_from_the_front(void **state)
{
    (void)state;
    struct text text = {0};
    text_add_string(&text, "PING\r\nPONG\r\n");
    text_consume(&text, 6);
    assert_string_equal(text_string(&text), "PONG\r\n");
    text_consume(&text, 0);
    text_consume(&text, 6);
    assert_string_equal(text_string(&text), "");
    assert_int_equal(text.size, 0);
    text_free(&text);
}

static void taking_hands_the_bytes_over_and_leaves_an_empty_text(void **state)
{
    (void)state;
    struct text text = {0};
    text_add_string(&text, "hello");
    struct slice slice = text_take(&text);
    assert_int_equal(slice.size, 5);
    assert_memory_equal(slice_data(slice), "hello", 5);
    assert_string_equal(text_string(&text), "");
    text_add_string(&text, "other"); /* Touches nothing of what was taken. */
    assert_memory_equal(slice_data(slice), "hello", 5);
    buffer_unref(slice.buffer);
    text_free(&text);
}

static void taking_from_an_empty_text_gives_an_empty_slice(void **state)
{
    (void)state;
    struct text text = {0};
    struct slice slice = text_take(&text);
    assert_int_equal(slice.size, 0);
    assert_non_null(slice.buffer);
    buffer_unref(slice.buffer);
}

static void room_can_be_used_in_part(void **state)
{
    (void)state;
    struct text text = {0};
    memcpy(text_room(&text, 100), "abc", 3);
    text_grow(&text, 3);
    assert_string_equal(text_string(&text), "abc");
    text_clear(&text);
    assert_string_equal(text_string(&text), "");
    text_free(&text);
}

static void what_people_cannot_read_becomes_question_marks(void **state)
{
    (void)state;
    struct text text = {0};
    text_make_printable(&text); /* Nothing, of nothing. */
    text_add(&text, "a\tb\n\x1b[1m\0\xc3\xa4~\x7f", 13);
    text_make_printable(&text);
    assert_string_equal(text_string(&text), "a\tb\n?[1m???~?");
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_an_empty_string),
        cmocka_unit_test(what_is_added_stays_in_order_and_ends_with_nul),
        cmocka_unit_test(it_grows_over_many_sizes_without_losing_a_byte),
        cmocka_unit_test(a_nul_byte_is_a_byte_like_any_other),
        cmocka_unit_test(consuming_takes_from_the_front),
        cmocka_unit_test(taking_hands_the_bytes_over_and_leaves_an_empty_text),
        cmocka_unit_test(taking_from_an_empty_text_gives_an_empty_slice),
        cmocka_unit_test(room_can_be_used_in_part),
        cmocka_unit_test(what_people_cannot_read_becomes_question_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
