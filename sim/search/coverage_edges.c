/* Edges of the compiled program, where the compiler counts them (clang -fsanitize-coverage=inline-8bit-counters, the
 * preset "guided"): it calls the function below with the range of the counters before main begins. */
#include "core/base/random.h"
#include "sim/search/coverage.h"

#include <stddef.h>
#include <string.h>

static uint8_t *counters, *counters_end;

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);
void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end)
{
    counters = begin;
    counters_end = end;
}

bool coverage_has_edges(void)
{
    return counters != counters_end;
}

void coverage_clear_edges(void)
{
    if (coverage_has_edges())
        memset(counters, 0, (size_t)(counters_end - counters));
}

/* How often, in steps that grow: once, twice, a few times, many times. */
static uint64_t class_of(uint8_t count)
{
    return count < 3 ? count : count < 8 ? 3 : count < 32 ? 4 : 5;
}

uint64_t coverage_note_edges(struct coverage *coverage, uint32_t *ret_newest)
{
    uint64_t news = 0;
    for (size_t i = 0; counters + i < counters_end; i++) {
        if (counters[i] == 0)
            continue;
        uint32_t place = (uint32_t)(random_mix(i, class_of(counters[i])) % COVERAGE_EDGES);
        uint8_t *edge = &coverage->edges[place];
        if (*edge == 0) {
            news++;
            *ret_newest = COVERAGE_BUCKETS + place;
        }
        *edge = (uint8_t)(*edge + (*edge < UINT8_MAX));
    }
    coverage->edge_count += news;
    return news;
}
