/* How many placements a controller decides in a second: bursts over some DEAs, the offers read anew for each burst.
 * Prints "deas <n> burst <n> decisions_per_s <median> spread <most - least>" for each pair.
 */
#include "core/base/duration.h"
#include "core/base/random.h"
#include "core/cloud_controller/instances/offers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 21, MOST_DEAS = 10000 };

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int by_size(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static void gather(struct offers *offers, uint32_t deas, struct random_stream *stream)
{
    for (uint32_t i = 0; i < deas; i++) {
        struct dea_offer offer = {
            .load_permille = (uint32_t)random_below(stream, 900), .room = 1000, .chance = random_draw(stream)};
        snprintf(offer.dea, sizeof offer.dea, "%u", i);
        cc_offers_add(offers, &offer);
    }
}

static void measure(uint32_t deas, uint32_t burst)
{
    static uint32_t got[MOST_DEAS];
    uint64_t passed_ns[ROUNDS];
    struct random_stream stream = random_named(1, "bench.placement");
    uint32_t least = burst, most = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct offers offers = {0};
        struct dea_offer offer;
        for (uint32_t i = 0; i < deas; i++)
            got[i] = 0;
        uint64_t began_ns = clock_ns();
        gather(&offers, deas, &stream);
        for (uint32_t i = 0; i < burst && cc_offers_take(&offers, &offer); i++)
            got[strtoul(offer.dea, NULL, 10)]++;
        passed_ns[round] = clock_ns() - began_ns;
        cc_offers_free(&offers);
        for (uint32_t i = 0; i < deas; i++) {
            least = got[i] < least ? got[i] : least;
            most = got[i] > most ? got[i] : most;
        }
    }
    qsort(passed_ns, ROUNDS, sizeof passed_ns[0], by_size);
    printf("deas %u burst %u decisions_per_s %llu spread %u\n", deas, burst,
           (unsigned long long)(burst * NS_PER_S / passed_ns[ROUNDS / 2]), most - least);
}

int main(void)
{
    measure(4, 8);
    measure(100, 500);
    measure(100, 9600);
    measure(1000, 100000);
    measure(MOST_DEAS, 100000);
    return 0;
}
