#include "core/base/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_result_is_the_same_on_every_machine(void **state)
{
    (void)state;
    static const char text[] = "a text that is longer than two words, and odd";
    assert_int_equal(fold_bytes(7, text, sizeof text - 1), 0x6f7dc60bf80e4b00u);
    assert_int_equal(fold_words(1, 2, 3), 0xe800f630eea3e434u);
}

static void every_bit_counts(void **state)
{
    (void)state;
    uint8_t bytes[40] = {0};
    for (size_t size = 1; size <= sizeof bytes; size++) {
        uint64_t plain = fold_bytes(3, bytes, size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_not_equal(fold_bytes(3, bytes, size), plain);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_not_equal(fold_bytes(3, bytes, size - 1), plain);
        assert_int_not_equal(fold_bytes(4, bytes, size), plain);
    }
}

static void the_order_counts(void **state)
{
    (void)state;
    assert_int_not_equal(fold_words(0, 1, 2), fold_words(0, 2, 1));
    assert_int_not_equal(fold_words(fold_words(0, 1, 2), 3, 4), fold_words(fold_words(0, 3, 4), 1, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_result_is_the_same_on_every_machine),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(the_order_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
