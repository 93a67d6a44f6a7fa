/* Which DEA gets the next instance: spread within one, whatever the numbers. */
#include "core/base/duration.h"
#include "core/base/random.h"
#include "core/cloud_controller/instances/offers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add(struct offers *offers, int dea, uint32_t siblings, uint32_t load_permille, uint32_t room)
{
    struct random_stream stream = random_numbered(7, "test.chance", (uint64_t)dea);
    struct dea_offer offer = {
        .siblings = siblings, .load_permille = load_permille, .room = room, .chance = random_draw(&stream)};
    snprintf(offer.dea, sizeof offer.dea, "%d", dea);
    cc_offers_add(offers, &offer);
}

/* Places so many; tells how many each got. Returns how many found a place. */
static size_t place(struct offers *offers, size_t count, uint32_t *ret_got)
{
    size_t placed = 0;
    struct dea_offer offer;
    while (placed < count && cc_offers_take(offers, &offer)) {
        ret_got[atoi(offer.dea)]++;
        placed++;
    }
    return placed;
}

static void expect_spread(const uint32_t *got, size_t deas, uint32_t least, uint32_t most)
{
    for (size_t i = 0; i < deas; i++) {
        assert_true(got[i] >= least);
        assert_true(got[i] <= most);
    }
}

static void any_number_is_spread_within_one(void **state)
{
    static const struct {
        size_t instances, deas;
    } bursts[] = {{8, 4}, {9, 4}, {100, 7}, {500, 100}, {1000, 99}, {9600, 100}};
    (void)state;
    for (size_t i = 0; i < sizeof bursts / sizeof *bursts; i++) {
        uint32_t got[100] = {0};
        struct offers offers = {0};
        for (size_t dea = 0; dea < bursts[i].deas; dea++)
            add(&offers, (int)dea, 0, (uint32_t)(dea * 37 % 1000), 1000);
        assert_int_equal(place(&offers, bursts[i].instances, got), bursts[i].instances);
        uint32_t least = (uint32_t)(bursts[i].instances / bursts[i].deas);
        bool is_even = bursts[i].instances % bursts[i].deas == 0;
        expect_spread(got, bursts[i].deas, least, is_even ? least : least + 1);
        cc_offers_free(&offers);
    }
}

static void an_empty_dea_among_full_ones_gets_no_more_than_its_share(void **state)
{
    (void)state;
    uint32_t got[100] = {0};
    struct offers offers = {0};
    for (int dea = 0; dea < 100; dea++)
        add(&offers, dea, 0, dea == 42 ? 0 : 900, dea == 42 ? 128 : 12);
    assert_int_equal(place(&offers, 500, got), 500);
    expect_spread(got, 100, 5, 5);
    cc_offers_free(&offers);
}

static void who_has_no_room_gets_none_and_the_rest_share(void **state)
{
    (void)state;
    uint32_t got[4] = {0};
    struct offers offers = {0};
    add(&offers, 0, 0, 0, 0);
    add(&offers, 1, 0, 0, 1);
    add(&offers, 2, 0, 0, 100);
    add(&offers, 3, 0, 0, 3);
    assert_int_equal(place(&offers, 10, got), 10);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[1], 1);
    assert_int_equal(got[2], 6);
    assert_int_equal(got[3], 3);
    assert_int_equal(place(&offers, 1000, got), 94); /* Then all are full. */
    cc_offers_free(&offers);
}

static void those_who_have_siblings_wait_for_the_others(void **state)
{
    (void)state;
    uint32_t got[3] = {0};
    struct offers offers = {0};
    add(&offers, 0, 4, 0, 100);
    add(&offers, 1, 1, 900, 100);
    add(&offers, 2, 0, 500, 100);
    assert_int_equal(place(&offers, 7, got), 7); /* Together with those that were there: 4, 4, 4. */
    assert_int_equal(got[0], 0);
    assert_int_equal(got[1], 3);
    assert_int_equal(got[2], 4);
    cc_offers_free(&offers);
}

static void among_equals_the_least_loaded_comes_first(void **state)
{
    struct offers offers = {0};
    struct dea_offer offer;
    (void)state;
    for (int dea = 0; dea < 50; dea++)
        add(&offers, dea, 2, (uint32_t)(50 - dea) * 10, 1);
    for (int dea = 49; dea >= 0; dea--) {
        assert_true(cc_offers_take(&offers, &offer));
        assert_int_equal(atoi(offer.dea), dea);
    }
    assert_false(cc_offers_take(&offers, &offer));
    cc_offers_free(&offers);
}

static void there_is_an_end_to_offers(void **state)
{
    struct offers offers = {0};
    (void)state;
    for (int dea = 0; dea < OFFERS_MOST + 10; dea++)
        add(&offers, dea, 0, 0, 1);
    assert_int_equal(offers.count, OFFERS_MOST);
    cc_offers_free(&offers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_is_spread_within_one),
        cmocka_unit_test(an_empty_dea_among_full_ones_gets_no_more_than_its_share),
        cmocka_unit_test(who_has_no_room_gets_none_and_the_rest_share),
        cmocka_unit_test(those_who_have_siblings_wait_for_the_others),
        cmocka_unit_test(among_equals_the_least_loaded_comes_first),
        cmocka_unit_test(there_is_an_end_to_offers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
