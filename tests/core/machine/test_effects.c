/* The list of effects of one step. */
#include "core/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void effects_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct effects *effects = effects_new();
    for (uint64_t i = 0; i < 100; i++)
        effects_add(effects, EFFECT_DEADLINE)->deadline.at_ns = i;
    assert_int_equal(effects_count(effects), 100);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(effects_at(effects, i)->deadline.at_ns, i);
    effects_free(effects);
}

static void a_new_effect_is_zeroed_even_where_an_old_one_was(void **state)
{
    (void)state;
    struct effects *effects = effects_new();
    memset(&effects_add(effects, EFFECT_LISTEN)->listen, 0xff, sizeof(((struct effect *)0)->listen));
    effects_reset(effects);
    struct effect *effect = effects_add(effects, EFFECT_LISTEN);
    assert_int_equal(effect->listen.port, 0);
    assert_null(effect->listen.host);
    assert_int_equal(effect->op.id, 0);
    effects_free(effects);
}

static void texts_stay_where_they_are_however_many_follow(void **state)
{
    (void)state;
    struct effects *effects = effects_new();
    const char *kept[2000];
    char text[32];
    for (int i = 0; i < 2000; i++) {
        memset(text, 'a' + i % 26, sizeof text);
        text[1 + i % 30] = 0;
        kept[i] = effects_keep_text(effects, text);
    }
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(strlen(kept[i]), 1 + i % 30);
        assert_int_equal(kept[i][0], 'a' + i % 26);
    }
    static char large[100000];
    memset(large, 'x', sizeof large - 1);
    assert_string_equal(effects_keep_text(effects, large), large);
    effects_free(effects);
}

static void lists_and_bytes_are_copied_whole(void **state)
{
    (void)state;
    struct effects *effects = effects_new();
    const char *list[] = {"a", "", "c", NULL};
    const char *const *kept = effects_keep_list(effects, list);
    list[0] = "changed";
    assert_string_equal(kept[0], "a");
    assert_string_equal(kept[1], "");
    assert_string_equal(kept[2], "c");
    assert_null(kept[3]);
    struct io_bytes bytes = effects_keep_bytes(effects, (struct io_bytes){(const uint8_t *)"\0\1\2", 3});
    assert_memory_equal(bytes.data, "\0\1\2", 3);
    assert_int_equal(effects_keep_bytes(effects, (struct io_bytes){0}).size, 0);
    effects_free(effects);
}

static void a_buffer_is_released_unless_it_was_taken(void **state)
{
    (void)state;
    struct effects *effects = effects_new();
    struct slice taken = slice_copy("taken", 5), left = slice_copy("left", 4);
    struct buffer *witness = buffer_ref(left.buffer);
    effects_add(effects, EFFECT_WRITE)->write.slice = taken;
    effects_add(effects, EFFECT_SAVE)->save.slice = left;
    struct slice slice = effect_take_slice(effects_at(effects, 0));
    effects_reset(effects);
    assert_int_equal(slice.buffer->references, 1);
    assert_memory_equal(slice_data(slice), "taken", 5);
    assert_int_equal(witness->references, 1); /* Only ours is left. */
    buffer_unref(slice.buffer);
    buffer_unref(witness);
    effects_free(effects);
}

static void every_status_has_a_word(void **state)
{
    (void)state;
    for (int status = IO_OK; status <= IO_FAILED; status++) {
        assert_true(strlen(io_status_name((enum io_status)status)) > 1);
        for (int other = IO_OK; other < status; other++)
            assert_string_not_equal(io_status_name((enum io_status)status), io_status_name((enum io_status)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_new_effect_is_zeroed_even_where_an_old_one_was),
        cmocka_unit_test(texts_stay_where_they_are_however_many_follow),
        cmocka_unit_test(lists_and_bytes_are_copied_whole),
        cmocka_unit_test(a_buffer_is_released_unless_it_was_taken),
        cmocka_unit_test(every_status_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
