#include "sim/baseline.h"

#include "sim/result.h"

#include <string.h>

static uint64_t square_root(uint64_t number)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= number)
            root += bit;
    return root;
}

void baseline_interval(size_t count, uint64_t permille, size_t *ret_low, size_t *ret_high)
{
    /* In thousandths of a rank: count * p -+ 1.96 * sqrt(count * p * (1 - p)). */
    uint64_t middle = count * permille;
    uint64_t spread = 1960 * square_root(count * permille * (1000 - permille)) / 1000;
    uint64_t low = middle > spread ? (middle - spread) / 1000 : 0;
    uint64_t high = (middle + spread + 999) / 1000;
    *ret_low = low == 0 ? 0 : (size_t)low - 1;
    *ret_high = high >= count ? count - 1 : (size_t)high;
}

static const Cupola__MeasurementSummary *find(const Cupola__CampaignResult *result, const char *name)
{
    for (size_t i = 0; i < result->n_measurements; i++)
        if (strcmp(result->measurements[i]->name, name) == 0)
            return result->measurements[i];
    return NULL;
}

static void add_interval(struct text *text, uint64_t value, uint64_t low, uint64_t high)
{
    result_print_value(text, "ns", value);
    text_add_string(text, " (");
    result_print_value(text, "ns", low);
    text_add_string(text, " to ");
    result_print_value(text, "ns", high);
    text_add_char(text, ')');
}

struct quantile {
    const char *name;
    uint64_t value, low, high;
};

/* False if it has become slower. */
static bool compare(const struct quantile *before, const struct quantile *now, struct text *text)
{
    bool is_slower = now->low > before->high;
    bool is_faster = now->high < before->low;
    text_addf(text, "    %s ", before->name);
    add_interval(text, before->value, before->low, before->high);
    text_add_string(text, " -> ");
    add_interval(text, now->value, now->low, now->high);
    text_addf(text, "  %s\n", is_slower ? "SLOWER" : is_faster ? "faster" : "the same");
    return !is_slower;
}

bool baseline_compare(const Cupola__CampaignResult *baseline, const Cupola__CampaignResult *now, struct text *ret_text)
{
    bool ok = true;
    for (size_t i = 0; i < baseline->n_measurements; i++) {
        const Cupola__MeasurementSummary *before = baseline->measurements[i];
        if (before->unit == NULL || strcmp(before->unit, "ns") != 0)
            continue;
        text_addf(ret_text, "  %s\n", before->name);
        const Cupola__MeasurementSummary *after = find(now, before->name);
        if (after == NULL) {
            text_add_string(ret_text, "    is measured no more\n");
            ok = false;
            continue;
        }
        const struct quantile p50 = {"p50", before->p50, before->p50_low, before->p50_high};
        const struct quantile p99 = {"p99", before->p99, before->p99_low, before->p99_high};
        const struct quantile now50 = {"p50", after->p50, after->p50_low, after->p50_high};
        const struct quantile now99 = {"p99", after->p99, after->p99_low, after->p99_high};
        ok = compare(&p50, &now50, ret_text) && ok;
        ok = compare(&p99, &now99, ret_text) && ok;
    }
    return ok;
}
