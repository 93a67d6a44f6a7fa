/* Heap memory: zeroed, and arrays that grow. */
#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_grows_keeps_its_content_and_is_zeroed_behind(void **state)
{
    (void)state;
    uint8_t *bytes = memory_grow(NULL, 0, 3);
    bytes[2] = 7;
    bytes = memory_grow(bytes, 3, 100);
    assert_int_equal(bytes[2], 7);
    for (size_t i = 3; i < 100; i++)
        assert_int_equal(bytes[i], 0);
    memory_free(bytes);
}

static void an_array_has_room_for_one_more_each_time(void **state)
{
    (void)state;
    uint32_t *numbers = NULL;
    size_t count = 0, capacity = 0, moves = 0;
    while (count < 1000) {
        size_t before = capacity;
        numbers = memory_room(numbers, count, &capacity, sizeof *numbers);
        assert_true(count < capacity);
        assert_int_equal(numbers[count], 0);
        moves += capacity != before;
        numbers[count] = (uint32_t)count;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], i);
    assert_true(moves < 12); /* Twofold: adding stays cheap. */
    memory_free(numbers);
}

static void texts_are_copied_with_their_end(void **state)
{
    (void)state;
    assert_null(memory_copy_text(NULL));
    char *text = memory_copy_text("");
    assert_string_equal(text, "");
    memory_free(text);
    char *bytes = memory_copy_bytes("abcdef", 3);
    assert_string_equal(bytes, "abc");
    memory_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_grows_keeps_its_content_and_is_zeroed_behind),
        cmocka_unit_test(an_array_has_room_for_one_more_each_time),
        cmocka_unit_test(texts_are_copied_with_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
