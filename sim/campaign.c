/* Many runs of one scenario, summed up: distributions of what they measured, failures by signature. */
#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/memory.h"
#include "core/base/random.h"
#include "sim/baseline.h"
#include "sim/result.h"
#include "sim/search/signature.h"

#include <stdlib.h>
#include <string.h>

/* Everything measured under one name. */
struct series {
    char *name;
    char *unit;
    uint64_t *values;
    size_t count, capacity;
    UT_hash_handle hh;
};

struct signature {
    char *text;
    char *example;
    uint64_t count;
    uint64_t first_seed;
    UT_hash_handle hh;
};

struct campaign {
    char *file;
    char *title;
    uint64_t first_seed, last_seed;
    uint64_t runs, failed, virtual_ns, steps;
    uint64_t *hashes; /* By seed. */
    struct series *series;
    struct signature *signatures;
    Cupola__MarkSummary **marks;
    size_t mark_count;
};

struct campaign *campaign_new(const char *file, uint64_t first_seed, uint64_t last_seed)
{
    assert_that(first_seed <= last_seed);
    struct campaign *campaign = memory_new(sizeof *campaign);
    campaign->file = memory_copy_text(file);
    campaign->first_seed = first_seed;
    campaign->last_seed = last_seed;
    campaign->hashes = memory_new((last_seed - first_seed + 1) * sizeof *campaign->hashes);
    return campaign;
}

void campaign_free(struct campaign *campaign)
{
    if (campaign == NULL)
        return;
    struct series *series, *next_series;
    HASH_ITER (hh, campaign->series, series, next_series) {
        HASH_DELETE(hh, campaign->series, series);
        memory_free(series->name);
        memory_free(series->unit);
        memory_free(series->values);
        memory_free(series);
    }
    struct signature *signature, *next_signature;
    HASH_ITER (hh, campaign->signatures, signature, next_signature) {
        HASH_DELETE(hh, campaign->signatures, signature);
        memory_free(signature->text);
        memory_free(signature->example);
        memory_free(signature);
    }
    for (size_t i = 0; i < campaign->mark_count; i++)
        cupola__mark_summary__free_unpacked(campaign->marks[i], NULL);
    memory_free(campaign->marks);
    memory_free(campaign->hashes);
    memory_free(campaign->file);
    memory_free(campaign->title);
    memory_free(campaign);
}

static void add_value(struct campaign *campaign, const Cupola__Measurement *measurement)
{
    struct series *series = NULL;
    HASH_FIND_STR(campaign->series, measurement->name, series);
    if (series == NULL) {
        series = memory_new(sizeof *series);
        series->name = memory_copy_text(measurement->name);
        series->unit = memory_copy_text(measurement->unit);
        HASH_ADD_KEYPTR(hh, campaign->series, series->name, strlen(series->name), series);
    }
    series->values = memory_room(series->values, series->count, &series->capacity, sizeof *series->values);
    series->values[series->count++] = measurement->value;
}

static void add_failure(struct campaign *campaign, const Cupola__RunResult *result)
{
    char *text = signature_of(result->failure);
    struct signature *signature = NULL;
    HASH_FIND_STR(campaign->signatures, text, signature);
    if (signature == NULL) {
        signature = memory_new(sizeof *signature);
        signature->text = text;
        signature->first_seed = UINT64_MAX;
        HASH_ADD_KEYPTR(hh, campaign->signatures, signature->text, strlen(signature->text), signature);
    } else {
        memory_free(text);
    }
    signature->count++;
    if (result->seed < signature->first_seed) {
        signature->first_seed = result->seed;
        memory_free(signature->example);
        signature->example = memory_copy_text(result->failure);
    }
}

void campaign_add(struct campaign *campaign, const Cupola__RunResult *result)
{
    assert_that(result->seed >= campaign->first_seed && result->seed <= campaign->last_seed);
    if (campaign->title == NULL)
        campaign->title = memory_copy_text(result->title);
    campaign->runs++;
    campaign->virtual_ns += result->virtual_ns;
    campaign->steps += result->steps;
    campaign->hashes[result->seed - campaign->first_seed] = strtoull(result->hash, NULL, 16);
    for (size_t i = 0; i < result->n_measurements; i++)
        add_value(campaign, result->measurements[i]);
    for (size_t i = 0; i < result->n_marks; i++)
        result_add_mark(&campaign->mark_count, &campaign->marks, result->marks[i]);
    if (!result->passed) {
        campaign->failed++;
        add_failure(campaign, result);
    }
}

uint64_t campaign_run_count(const struct campaign *campaign)
{
    return campaign->runs;
}

uint64_t campaign_failed_count(const struct campaign *campaign)
{
    return campaign->failed;
}

/* ---- Summing up ---- */

static int compare_values(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The smallest value that at least `permille` of all do not exceed. */
static uint64_t percentile(const struct series *series, uint64_t permille)
{
    size_t rank = (size_t)((series->count * permille + 999) / 1000);
    return series->values[rank == 0 ? 0 : rank - 1];
}

uint64_t result_bin_width(uint64_t least, uint64_t most)
{
    return (most - least) / RESULT_BINS + 1;
}

static void add_bins(const struct series *series, Cupola__MeasurementSummary *summary)
{
    uint64_t width = result_bin_width(summary->least, summary->most);
    summary->n_bins = (size_t)((summary->most - summary->least) / width) + 1;
    summary->bins = memory_new(summary->n_bins * sizeof(uint64_t));
    summary->has_total = 1;
    for (size_t i = 0; i < series->count; i++) {
        summary->bins[(series->values[i] - summary->least) / width]++;
        summary->total += series->values[i];
    }
}

static Cupola__MeasurementSummary *summarise(struct series *series)
{
    qsort(series->values, series->count, sizeof series->values[0], compare_values);
    Cupola__MeasurementSummary *summary = memory_new(sizeof *summary);
    cupola__measurement_summary__init(summary);
    summary->name = memory_copy_text(series->name);
    summary->unit = memory_copy_text(series->unit);
    summary->has_count = summary->has_least = summary->has_p50 = 1;
    summary->has_p90 = summary->has_p99 = summary->has_most = 1;
    summary->count = series->count;
    summary->least = series->values[0];
    summary->p50 = percentile(series, 500);
    summary->p90 = percentile(series, 900);
    summary->p99 = percentile(series, 990);
    summary->most = series->values[series->count - 1];
    size_t low = 0, high = 0;
    baseline_interval(series->count, 500, &low, &high);
    summary->has_p50_low = summary->has_p50_high = summary->has_p99_low = summary->has_p99_high = 1;
    summary->p50_low = series->values[low];
    summary->p50_high = series->values[high];
    baseline_interval(series->count, 990, &low, &high);
    summary->p99_low = series->values[low];
    summary->p99_high = series->values[high];
    add_bins(series, summary);
    return summary;
}

static int compare_summaries(const void *a, const void *b)
{
    const Cupola__MeasurementSummary *x = *(Cupola__MeasurementSummary *const *)a;
    const Cupola__MeasurementSummary *y = *(Cupola__MeasurementSummary *const *)b;
    return strcmp(x->name, y->name); /* Names are unique. */
}

static void add_summaries(struct campaign *campaign, Cupola__CampaignResult *result)
{
    size_t count = HASH_COUNT(campaign->series);
    result->measurements = memory_new(count * sizeof(Cupola__MeasurementSummary *));
    struct series *series, *next;
    HASH_ITER (hh, campaign->series, series, next) {
        result->measurements[result->n_measurements++] = summarise(series);
    }
    if (count > 0)
        qsort(result->measurements, count, sizeof(Cupola__MeasurementSummary *), compare_summaries);
}

/* The most frequent first, then the one seen with the smallest seed. */
static int compare_signatures(const void *a, const void *b)
{
    const Cupola__FailureSignature *x = *(Cupola__FailureSignature *const *)a;
    const Cupola__FailureSignature *y = *(Cupola__FailureSignature *const *)b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->first_seed != y->first_seed)
        return x->first_seed < y->first_seed ? -1 : 1;
    return strcmp(x->text, y->text);
}

static void add_signatures(struct campaign *campaign, Cupola__CampaignResult *result)
{
    size_t count = HASH_COUNT(campaign->signatures);
    result->failures = memory_new(count * sizeof(Cupola__FailureSignature *));
    struct signature *signature, *next;
    HASH_ITER (hh, campaign->signatures, signature, next) {
        Cupola__FailureSignature *failure = memory_new(sizeof *failure);
        cupola__failure_signature__init(failure);
        failure->text = memory_copy_text(signature->text);
        failure->example = memory_copy_text(signature->example);
        failure->has_count = failure->has_first_seed = 1;
        failure->count = signature->count;
        failure->first_seed = signature->first_seed;
        result->failures[result->n_failures++] = failure;
    }
    if (count > 0)
        qsort(result->failures, count, sizeof(Cupola__FailureSignature *), compare_signatures);
}

static char *hash_of_hashes(const struct campaign *campaign)
{
    uint64_t hash = 0;
    for (uint64_t i = 0; i <= campaign->last_seed - campaign->first_seed; i++)
        hash = random_mix(hash, campaign->hashes[i]);
    struct text text = {0};
    text_addf(&text, "%016llx", (unsigned long long)hash);
    char *copy = memory_copy_text(text_string(&text));
    text_free(&text);
    return copy;
}

static int compare_marks(const void *a, const void *b)
{
    const Cupola__MarkSummary *x = *(Cupola__MarkSummary *const *)a;
    const Cupola__MarkSummary *y = *(Cupola__MarkSummary *const *)b;
    return strcmp(x->name, y->name); /* Names are unique. */
}

static void add_marks(const struct campaign *campaign, Cupola__CampaignResult *result)
{
    result->marks = memory_new(campaign->mark_count * sizeof(Cupola__MarkSummary *));
    for (size_t i = 0; i < campaign->mark_count; i++) {
        Cupola__MarkSummary *mark = memory_new(sizeof *mark);
        *mark = *campaign->marks[i];
        mark->name = memory_copy_text(campaign->marks[i]->name);
        result->marks[result->n_marks++] = mark;
    }
    if (result->n_marks > 0)
        qsort(result->marks, result->n_marks, sizeof(Cupola__MarkSummary *), compare_marks);
}

Cupola__CampaignResult *campaign_result(struct campaign *campaign, uint64_t real_ns)
{
    Cupola__CampaignResult *result = memory_new(sizeof *result);
    cupola__campaign_result__init(result);
    result->scenario = memory_copy_text(campaign->file);
    result->title = memory_copy_text(campaign->title);
    result->has_first_seed = result->has_last_seed = result->has_runs = result->has_failed = 1;
    result->has_virtual_ns = result->has_real_ns = result->has_steps = 1;
    result->first_seed = campaign->first_seed;
    result->last_seed = campaign->last_seed;
    result->runs = campaign->runs;
    result->failed = campaign->failed;
    result->hash = hash_of_hashes(campaign);
    result->virtual_ns = campaign->virtual_ns;
    result->real_ns = real_ns;
    result->steps = campaign->steps;
    add_summaries(campaign, result);
    add_signatures(campaign, result);
    add_marks(campaign, result);
    return result;
}
