/* Frames of `cupola exec`: whole, cut, and such as nobody sends. */
#include "core/wire/exec_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct io_bytes bytes_of(const struct text *text, size_t size)
{
    return (struct io_bytes){(const uint8_t *)text_string(text), size};
}

static void frames_come_out_as_they_went_in_and_only_whole(void **state)
{
    (void)state;
    struct text text = {0};
    enum exec_frame_kind kind;
    struct io_bytes payload;
    exec_frame_add(&text, EXEC_STDERR, "oops", 4);
    size_t first = text.size;
    exec_frame_add(&text, EXEC_STDIN_END, NULL, 0);
    for (size_t size = 0; size < first; size++)
        assert_int_equal(exec_frame_read(bytes_of(&text, size), &kind, &payload), EXEC_FRAME_INCOMPLETE);
    assert_int_equal(exec_frame_read(bytes_of(&text, text.size), &kind, &payload), EXEC_FRAME_WHOLE);
    assert_int_equal(kind, EXEC_STDERR);
    assert_int_equal(payload.size, 4);
    assert_memory_equal(payload.data, "oops", 4);
    text_consume(&text, EXEC_FRAME_HEAD + payload.size);
    assert_int_equal(exec_frame_read(bytes_of(&text, text.size), &kind, &payload), EXEC_FRAME_WHOLE);
    assert_int_equal(kind, EXEC_STDIN_END);
    assert_int_equal(payload.size, 0);
    text_free(&text);
}

static void what_no_frame_begins_with_and_what_is_too_large_are_malformed(void **state)
{
    (void)state;
    enum exec_frame_kind kind;
    struct io_bytes payload;
    static const uint8_t wrong[][EXEC_FRAME_HEAD] = {
        {0, 0, 0, 0, 1}, {EXEC_ERROR + 1, 0, 0, 0, 0}, {EXEC_STDIN, 0, 0, 0x80, 1}, {EXEC_STDOUT, 0xff, 0, 0, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct io_bytes bytes = {wrong[i], EXEC_FRAME_HEAD};
        assert_int_equal(exec_frame_read(bytes, &kind, &payload), EXEC_FRAME_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in_and_only_whole),
        cmocka_unit_test(what_no_frame_begins_with_and_what_is_too_large_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
