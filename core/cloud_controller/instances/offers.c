#include "core/cloud_controller/instances/offers.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

/* The id becomes part of a subject: anything else than one plain token is no DEA. */
static bool is_dea_id(const char *id)
{
    size_t size = strlen(id);
    return size > 0 && size < OFFER_DEA_SIZE && strcspn(id, " \t\r\n.*>") == size;
}

static uint32_t figure(bool is_given, int32_t value, uint32_t otherwise)
{
    return is_given && value >= 0 ? (uint32_t)value : otherwise;
}

bool cc_offer_of_hello(const Cupola__DeaHello *hello, uint64_t chance, struct dea_offer *ret_offer)
{
    if (hello->id == NULL || !is_dea_id(hello->id))
        return false;
    *ret_offer = (struct dea_offer){
        .siblings = figure(hello->has_siblings, hello->siblings, 0),
        .load_permille = figure(hello->has_load_permille, hello->load_permille, 0),
        .room = figure(hello->has_room, hello->room, 1),
        .replies = hello->life != NULL,
        .chance = chance,
    };
    memcpy(ret_offer->dea, hello->id, strlen(hello->id) + 1);
    return true;
}

static bool is_better(const struct dea_offer *one, const struct dea_offer *other)
{
    if (one->siblings != other->siblings)
        return one->siblings < other->siblings;
    if (one->load_permille != other->load_permille)
        return one->load_permille < other->load_permille;
    return one->chance < other->chance;
}

static void swap(struct dea_offer *one, struct dea_offer *other)
{
    struct dea_offer kept = *one;
    *one = *other;
    *other = kept;
}

static void sift_down(struct offers *offers, size_t place)
{
    for (;;) {
        size_t best = place;
        for (size_t child = 2 * place + 1; child <= 2 * place + 2 && child < offers->count; child++)
            if (is_better(&offers->heap[child], &offers->heap[best]))
                best = child;
        if (best == place)
            return;
        swap(&offers->heap[place], &offers->heap[best]);
        place = best;
    }
}

void cc_offers_add(struct offers *offers, const struct dea_offer *offer)
{
    if (offer->room == 0 || offers->count >= OFFERS_MOST)
        return;
    offers->heap = memory_room(offers->heap, offers->count, &offers->capacity, sizeof *offers->heap);
    size_t place = offers->count++;
    offers->heap[place] = *offer;
    while (place > 0 && is_better(&offers->heap[place], &offers->heap[(place - 1) / 2])) {
        swap(&offers->heap[place], &offers->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
}

bool cc_offers_take(struct offers *offers, struct dea_offer *ret_offer)
{
    if (offers->count == 0)
        return false;
    struct dea_offer *best = &offers->heap[0];
    assert_that(best->room > 0);
    *ret_offer = *best;
    best->siblings++;
    best->room--;
    if (best->room == 0)
        *best = offers->heap[--offers->count];
    sift_down(offers, 0);
    return true;
}

void cc_offers_free(struct offers *offers)
{
    memory_free(offers->heap);
    *offers = (struct offers){0};
}
