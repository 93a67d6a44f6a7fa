/* Randomness by name: what is drawn depends on the seed, the name and the count, and on nothing else. */
#include "core/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void the_same_name_and_seed_give_the_same_values(void **state)
{
    (void)state;
    struct random_stream one = random_named(7, "router.pick_backend");
    struct random_stream two = random_named(7, "router.pick_backend");
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_draw(&one), random_draw(&two));
}

/* The values themselves are part of the contract: a trace of today must replay tomorrow and on other machines. */
static void the_values_are_these_on_every_machine(void **state)
{
    (void)state;
    struct random_stream stream = random_named(42, "test");
    uint64_t first = random_draw(&stream), second = random_draw(&stream);
    assert_int_equal(first, 0x008bc7e4f4ce8779u);
    assert_int_equal(second, 0xe7ca83c6396acf8eu);
    assert_int_equal(random_hash(1, "abcdefghijk", 11), 0x3d9bf2ccb829baf8u);
}

static void another_name_seed_or_number_is_another_stream(void **state)
{
    (void)state;
    struct random_stream streams[] = {random_named(7, "a"),       random_named(7, "b"),       random_named(8, "a"),
                                      random_numbered(7, "a", 0), random_numbered(7, "a", 1), random_named(7, "a\1"),
                                      random_named(7, "aa")};
    size_t count = sizeof streams / sizeof streams[0];
    uint64_t firsts[sizeof streams / sizeof streams[0]];
    for (size_t i = 0; i < count; i++)
        firsts[i] = random_draw(&streams[i]);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(firsts[i], firsts[j]);
}

static void a_draw_in_one_stream_moves_no_other(void **state)
{
    (void)state;
    struct random_stream undisturbed = random_named(7, "a");
    uint64_t expected = random_draw(&undisturbed);
    struct random_stream other = random_named(7, "b");
    random_draw(&other);
    struct random_stream stream = random_named(7, "a");
    random_draw(&other);
    assert_int_equal(random_draw(&stream), expected);
}

static void bounded_values_stay_within_and_reach_their_bounds(void **state)
{
    (void)state;
    struct random_stream stream = random_named(7, "dice");
    unsigned seen[7] = {0};
    for (int i = 0; i < 6000; i++) {
        uint64_t value = random_between(&stream, 1, 6);
        assert_in_range(value, 1, 6);
        seen[value]++;
    }
    for (int i = 1; i <= 6; i++)
        assert_in_range(seen[i], 850, 1150); /* 1000 expected; five standard deviations. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_below(&stream, 1), 0);
    assert_int_equal(random_between(&stream, 5, 5), 5);
    random_between(&stream, 0, UINT64_MAX);
}

static void hex_digits_are_lower_case_and_of_the_asked_length(void **state)
{
    (void)state;
    struct random_stream stream = random_named(7, "id");
    char id[33], other[33];
    random_hex(&stream, id, 16);
    random_hex(&stream, other, 16);
    assert_int_equal(strlen(id), 32);
    assert_int_equal(strspn(id, "0123456789abcdef"), 32);
    assert_string_not_equal(id, other);
    char nothing[1];
    random_hex(&stream, nothing, 0);
    assert_string_equal(nothing, "");
}

static void every_byte_counts_in_a_hash(void **state)
{
    (void)state;
    uint8_t bytes[19] = {0};
    uint64_t plain = random_hash(3, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        assert_int_not_equal(random_hash(3, bytes, sizeof bytes), plain);
        bytes[i] = 0;
    }
    assert_int_not_equal(random_hash(3, bytes, 18), plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_name_and_seed_give_the_same_values),
        cmocka_unit_test(the_values_are_these_on_every_machine),
        cmocka_unit_test(another_name_seed_or_number_is_another_stream),
        cmocka_unit_test(a_draw_in_one_stream_moves_no_other),
        cmocka_unit_test(bounded_values_stay_within_and_reach_their_bounds),
        cmocka_unit_test(hex_digits_are_lower_case_and_of_the_asked_length),
        cmocka_unit_test(every_byte_counts_in_a_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
