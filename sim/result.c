#include "sim/result.h"

#include "core/base/memory.h"
#include "sim/mark.h"
#include "sim/measure.h"

#include <string.h>

static char *hash_text(uint64_t hash)
{
    struct text text = {0};
    text_addf(&text, "%016llx", (unsigned long long)hash);
    char *copy = memory_copy_text(text_string(&text));
    text_free(&text);
    return copy;
}

static const char *unit_name(enum measure_unit unit)
{
    return unit == UNIT_NS ? "ns" : unit == UNIT_BYTES ? "bytes" : "count";
}

static void add_measurements(Cupola__RunResult *result, struct cloud *cloud)
{
    size_t count = cloud_measurement_count(cloud);
    result->measurements = memory_new(count * sizeof(Cupola__Measurement *));
    result->n_measurements = count;
    for (size_t i = 0; i < count; i++) {
        const struct measurement *measured = cloud_measurement(cloud, i);
        Cupola__Measurement *measurement = memory_new(sizeof *measurement);
        cupola__measurement__init(measurement);
        measurement->name = memory_copy_text(measured->name);
        measurement->unit = memory_copy_text(unit_name(measured->unit));
        measurement->has_value = 1;
        measurement->value = measured->value;
        measurement->has_at_ns = 1;
        measurement->at_ns = measured->at_ns;
        result->measurements[i] = measurement;
    }
}

static void add_marks(Cupola__RunResult *result, const struct cloud *cloud)
{
    size_t count = cloud_mark_count(cloud);
    result->marks = memory_new(count * sizeof(Cupola__Mark *));
    result->n_marks = count;
    for (size_t i = 0; i < count; i++) {
        const struct mark *from = cloud_mark_at(cloud, i);
        Cupola__Mark *mark = memory_new(sizeof *mark);
        cupola__mark__init(mark);
        mark->name = memory_copy_text(from->name);
        mark->has_is_reached = mark->has_reached_ns = 1;
        mark->is_reached = from->is_reached;
        mark->reached_ns = from->reached_ns;
        result->marks[i] = mark;
    }
}

Cupola__RunResult *result_of_run(struct scenario *scenario, const char *file, bool passed, uint64_t real_ns)
{
    struct cloud *cloud = scenario_cloud(scenario);
    Cupola__RunResult *result = memory_new(sizeof *result);
    cupola__run_result__init(result);
    result->scenario = memory_copy_text(file);
    result->title = memory_copy_text(scenario_title(scenario));
    result->has_seed = 1;
    result->seed = cloud_seed(cloud);
    result->has_passed = 1;
    result->passed = passed;
    result->failure = memory_copy_text(scenario_failure(scenario));
    result->hash = hash_text(cloud_hash(cloud));
    result->has_virtual_ns = 1;
    result->virtual_ns = cloud_now_ns(cloud);
    result->has_real_ns = 1;
    result->real_ns = real_ns;
    result->has_steps = 1;
    result->steps = cloud_step_count(cloud);
    add_measurements(result, cloud);
    add_marks(result, cloud);
    return result;
}

void result_add_mark(size_t *count, Cupola__MarkSummary ***summaries, const Cupola__Mark *mark)
{
    size_t place = 0;
    while (place < *count && strcmp((*summaries)[place]->name, mark->name) != 0)
        place++;
    if (place == *count) {
        size_t size = *count * sizeof(Cupola__MarkSummary *);
        *summaries = memory_grow(*summaries, size, size + sizeof(Cupola__MarkSummary *));
        Cupola__MarkSummary *summary = memory_new(sizeof *summary);
        cupola__mark_summary__init(summary);
        summary->name = memory_copy_text(mark->name);
        summary->has_runs = summary->has_reached = 1;
        (*summaries)[(*count)++] = summary;
    }
    (*summaries)[place]->runs++;
    (*summaries)[place]->reached += mark->is_reached ? 1 : 0;
}

size_t result_count_unreached(size_t count, Cupola__MarkSummary *const *summaries)
{
    size_t unreached = 0;
    for (size_t i = 0; i < count; i++)
        unreached += summaries[i]->reached == 0;
    return unreached;
}

bool result_is_complete(const Cupola__CampaignResult *result)
{
    return result->runs == result->last_seed - result->first_seed + 1;
}

void result_print_value(struct text *text, const char *unit, uint64_t value)
{
    bool is_time = unit != NULL && unit[0] == 'n';
    bool is_size = unit != NULL && unit[0] == 'b';
    struct measurement measurement = {
        .name = "",
        .unit = is_time   ? UNIT_NS
                : is_size ? UNIT_BYTES
                          : UNIT_COUNT,
        .value = value,
    };
    measure_print(&measurement, text);
}

void result_print_ratio(struct text *text, uint64_t virtual_ns, uint64_t real_ns)
{
    uint64_t tenths = real_ns == 0 ? 0 : virtual_ns / (real_ns / 10 > 0 ? real_ns / 10 : 1);
    if (tenths >= 100)
        text_addf(text, "%llu x", (unsigned long long)(tenths / 10));
    else
        text_addf(text, "%llu.%llu x", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
}
