#include "sim/search/moments.h"

#include "core/base/random.h"

enum { DRAWN_FROM = 8 };

void moments_add(struct moments *moments, const struct moment *moment)
{
    uint64_t place = __atomic_fetch_add(&moments->added, 1, __ATOMIC_RELAXED) % MOMENTS_KEPT;
    struct moment *to = &moments->all[place];
    __atomic_store_n(&to->is_whole, 0, __ATOMIC_RELEASE);
    *to = *moment;
    to->tries = 0;
    __atomic_store_n(&to->is_whole, 1, __ATOMIC_RELEASE);
}

/* What was met by fewer runs first, then what was tried from less often. */
static bool is_better(const struct coverage *coverage, const struct moment *one, const struct moment *other)
{
    uint32_t rarity = coverage_rarity(coverage, one->feature), others = coverage_rarity(coverage, other->feature);
    return rarity != others ? rarity < others : one->tries < other->tries;
}

bool moments_draw(struct moments *moments, const struct coverage *coverage, struct moment *ret_moment,
                  uint64_t *ret_future)
{
    uint64_t added = __atomic_load_n(&moments->added, __ATOMIC_RELAXED), drawn;
    uint64_t count = added < MOMENTS_KEPT ? added : MOMENTS_KEPT;
    if (count == 0)
        return false;
    drawn = __atomic_add_fetch(&moments->drawn, 1, __ATOMIC_RELAXED);
    struct random_stream stream = random_numbered(drawn, "moments", 0);
    struct moment *best = NULL;
    for (int i = 0; i < DRAWN_FROM; i++) {
        struct moment *moment = &moments->all[random_below(&stream, count)];
        if (__atomic_load_n(&moment->is_whole, __ATOMIC_ACQUIRE) != 0 &&
            (best == NULL || is_better(coverage, moment, best)))
            best = moment;
    }
    if (best == NULL)
        return false;
    best->tries++;
    *ret_moment = *best;
    *ret_future = random_draw(&stream);
    /* Somebody may have written it meanwhile: then it is not used. */
    return __atomic_load_n(&best->is_whole, __ATOMIC_ACQUIRE) != 0 && ret_moment->turn_count < MOMENT_MOST_TURNS;
}
