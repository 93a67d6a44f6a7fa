/* Buffers with a reference count, and memory that is always zeroed. */
#include "core/base/buffer.h"
#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_new_buffer_is_zeroed_and_has_one_owner(void **state)
{
    (void)state;
    struct buffer *buffer = buffer_new(64);
    assert_int_equal(buffer->references, 1);
    assert_int_equal(buffer->capacity, 64);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(buffer->bytes[i], 0);
    buffer_unref(buffer);
}

static void it_lives_until_the_last_owner_lets_go(void **state)
{
    (void)state;
    struct slice slice = slice_copy("abc", 3);
    struct buffer *second = buffer_ref(slice.buffer);
    assert_ptr_equal(second, slice.buffer);
    buffer_unref(slice.buffer);
    assert_int_equal(second->references, 1);
    assert_memory_equal(slice_data(slice), "abc", 3);
    buffer_unref(second);
    buffer_unref(NULL); /* Nobody's buffer. */
}

static void a_slice_sees_its_part_only(void **state)
{
    (void)state;
    struct slice whole = slice_copy("0123456789", 10);
    struct slice part = {.buffer = whole.buffer, .offset = 3, .size = 4};
    assert_memory_equal(slice_data(part), "3456", 4);
    struct slice nothing = {0};
    assert_string_equal((const char *)slice_data(nothing), "");
    buffer_unref(whole.buffer);
}

static void grown_memory_is_zeroed_behind_what_it_held(void **state)
{
    (void)state;
    uint8_t *memory = memory_grow(NULL, 0, 4);
    assert_memory_equal(memory, "\0\0\0\0", 4);
    memcpy(memory, "abcd", 4);
    memory = memory_grow(memory, 4, 4096);
    assert_memory_equal(memory, "abcd", 4);
    for (size_t i = 4; i < 4096; i++)
        assert_int_equal(memory[i], 0);
    memory_free(memory);
}

static void copies_of_texts_are_texts(void **state)
{
    (void)state;
    char *copy = memory_copy_text("abc");
    assert_string_equal(copy, "abc");
    memory_free(copy);
    assert_null(memory_copy_text(NULL));
    copy = memory_copy_bytes("abcdef", 3);
    assert_string_equal(copy, "abc");
    memory_free(copy);
    copy = memory_copy_bytes(NULL, 0);
    assert_string_equal(copy, "");
    memory_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_is_zeroed_and_has_one_owner),
        cmocka_unit_test(it_lives_until_the_last_owner_lets_go),
        cmocka_unit_test(a_slice_sees_its_part_only),
        cmocka_unit_test(grown_memory_is_zeroed_behind_what_it_held),
        cmocka_unit_test(copies_of_texts_are_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
