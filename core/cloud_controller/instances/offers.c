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

static struct offer_rank rank_of(const struct dea_offer *offer, size_t place)
{
    return (struct offer_rank){(uint64_t)offer->siblings << 32 | offer->load_permille, offer->chance, (uint32_t)place};
}

static bool is_better(const struct offer_rank *one, const struct offer_rank *other)
{
    return one->burden != other->burden ? one->burden < other->burden : one->chance < other->chance;
}

static void sift_up(struct offers *offers, size_t place, struct offer_rank rank)
{
    while (place > 0 && is_better(&rank, &offers->heap[(place - 1) / 2])) {
        offers->heap[place] = offers->heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    offers->heap[place] = rank;
}

static void sift_down(struct offers *offers, struct offer_rank rank)
{
    size_t place = 0;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < offers->waiting && is_better(&offers->heap[child + 1], &offers->heap[child]))
            child++;
        if (child >= offers->waiting || !is_better(&offers->heap[child], &rank))
            break;
        offers->heap[place] = offers->heap[child];
        place = child;
    }
    offers->heap[place] = rank;
}

void cc_offers_add(struct offers *offers, const struct dea_offer *offer)
{
    if (offer->room == 0 || offers->count >= OFFERS_MOST)
        return;
    offers->all = memory_room(offers->all, offers->count, &offers->capacity, sizeof *offers->all);
    offers->heap = memory_room(offers->heap, offers->waiting, &offers->heap_capacity, sizeof *offers->heap);
    offers->all[offers->count] = *offer;
    sift_up(offers, offers->waiting++, rank_of(offer, offers->count));
    offers->count++;
}

bool cc_offers_take(struct offers *offers, struct dea_offer *ret_offer)
{
    if (offers->waiting == 0)
        return false;
    size_t place = offers->heap[0].offer;
    struct dea_offer *best = &offers->all[place];
    assert_that(best->room > 0);
    *ret_offer = *best;
    best->siblings++;
    best->room--;
    struct offer_rank rank = best->room > 0 ? rank_of(best, place) : offers->heap[--offers->waiting];
    if (offers->waiting > 0)
        sift_down(offers, rank);
    return true;
}

void cc_offers_free(struct offers *offers)
{
    memory_free(offers->all);
    memory_free(offers->heap);
    *offers = (struct offers){0};
}
