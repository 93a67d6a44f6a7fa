/* The trace event format; "Trace Event Format" by the Chromium authors is its description. Times are microseconds with
 * three digits behind the point, so that nothing of the virtual nanoseconds is lost. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/json.h"
#include "sim/clients/load.h"
#include "sim/report/export.h"
#include "sim/report/words.h"

#include <stdlib.h>
#include <string.h>

enum { PID_CLOUD = 1, PID_FIRST = 2 };
enum { TID_LIFE = 1, TID_MESSAGES, TID_LOG };
#define LONGEST_SLICE_NS (UINT64_C(50) * 1000)

/* One end of a message, on the track of whoever it is of. */
struct end {
    const struct recorded_message *message;
    uint64_t at_ns, until_ns;
    uint32_t who; /* A text of the recording. */
    enum message_class class;
    bool is_arrival;
};

struct exporter {
    const struct recording *recording;
    struct text *json;
    uint32_t *pids; /* By text number; 0: not told yet. */
    uint32_t next_pid;
    bool has_event;
};

/* {"ph":"X","name":..,"ts":..,"pid":..,"tid":..  without its end. */
static void begin_event(struct exporter *exporter, const char *phase, const char *name, uint64_t at_ns, uint32_t pid,
                        uint32_t tid)
{
    text_add_string(exporter->json, exporter->has_event ? ",\n" : "\n");
    exporter->has_event = true;
    text_addf(exporter->json, "{\"ph\":\"%s\",\"ts\":%llu.%03llu,\"pid\":%u,\"tid\":%u,\"name\":", phase,
              (unsigned long long)(at_ns / 1000), (unsigned long long)(at_ns % 1000), pid, tid);
    json_write_string(exporter->json, name);
}

static void end_event(struct exporter *exporter)
{
    text_add_char(exporter->json, '}');
}

static void add_text_argument(struct exporter *exporter, const char *key, const char *value)
{
    text_addf(exporter->json, ",\"args\":{\"%s\":", key);
    json_write_string(exporter->json, value);
    text_add_char(exporter->json, '}');
}

static void add_duration(struct exporter *exporter, uint64_t duration_ns)
{
    text_addf(exporter->json, ",\"dur\":%llu.%03llu", (unsigned long long)(duration_ns / 1000),
              (unsigned long long)(duration_ns % 1000));
}

static void name_track(struct exporter *exporter, const char *what, const char *name, uint32_t pid, uint32_t tid)
{
    begin_event(exporter, "M", what, 0, pid, tid);
    add_text_argument(exporter, "name", name);
    end_event(exporter);
}

static uint32_t name_process(struct exporter *exporter, const char *name)
{
    uint32_t pid = exporter->next_pid++;
    name_track(exporter, "process_name", name, pid, 0);
    begin_event(exporter, "M", "process_sort_index", 0, pid, 0);
    text_addf(exporter->json, ",\"args\":{\"sort_index\":%u}", pid);
    end_event(exporter);
    name_track(exporter, "thread_name", "life", pid, TID_LIFE);
    name_track(exporter, "thread_name", "messages", pid, TID_MESSAGES);
    name_track(exporter, "thread_name", "log", pid, TID_LOG);
    return pid;
}

/* The process of whoever is named; components come first, for they were told first. */
static uint32_t pid_of(struct exporter *exporter, uint32_t who)
{
    if (exporter->pids[who] != 0)
        return exporter->pids[who];
    const char *name = recording_text(exporter->recording, who);
    for (size_t i = 0; i < exporter->recording->component_count; i++)
        if (strcmp(exporter->recording->components[i]->name, name) == 0)
            return exporter->pids[who] = PID_FIRST + (uint32_t)i;
    return exporter->pids[who] = name_process(exporter, name);
}

/* ---- Lives, faults, soundness, load ---- */

static void add_lives(struct exporter *exporter)
{
    const struct recording *recording = exporter->recording;
    uint64_t *since = memory_new((recording->component_count + 1) * sizeof *since);
    uint64_t end_ns = cloud_now_ns(recording->cloud);
    for (size_t i = 0; i <= recording->life_count + recording->component_count; i++) {
        bool is_life = i < recording->life_count;
        size_t component = is_life ? recording->lives[i].component : i - recording->life_count;
        if (!is_life && component >= recording->component_count)
            break;
        if (is_life && recording->lives[i].runs) {
            since[component] = recording->lives[i].at_ns + 1;
        } else if (since[component] > 0) {
            uint64_t began_ns = since[component] - 1, to_ns = is_life ? recording->lives[i].at_ns : end_ns;
            begin_event(exporter, "X", "runs", began_ns, PID_FIRST + (uint32_t)component, TID_LIFE);
            add_duration(exporter, to_ns - began_ns);
            end_event(exporter);
            since[component] = 0;
        }
    }
    memory_free(since);
}

static void add_faults(struct exporter *exporter)
{
    struct disruptions disruptions = {0};
    disruptions_gather(exporter->recording->cloud, exporter->recording->ending_ns, &disruptions);
    for (size_t i = 0; i < disruptions.count; i++) {
        const struct disruption *disruption = &disruptions.all[i];
        uint64_t ended_ns = disruption->ended_ns == UINT64_MAX ? exporter->recording->ending_ns : disruption->ended_ns;
        for (int end = 0; end < 2; end++) {
            begin_event(exporter, end == 0 ? "b" : "e", disruption->words, end == 0 ? disruption->at_ns : ended_ns,
                        PID_CLOUD, 1);
            text_addf(exporter->json, ",\"cat\":\"fault\",\"id\":%zu", i + 1);
            end_event(exporter);
        }
    }
    disruptions_free(&disruptions);
}

static void add_counters(struct exporter *exporter)
{
    const struct recording *recording = exporter->recording;
    for (size_t i = 0; i < recording->health_count; i++) {
        begin_event(exporter, "C", "cloud is sound", recording->health[i].at_ns, PID_CLOUD, 1);
        text_addf(exporter->json, ",\"args\":{\"sound\":%d}", recording->health[i].is_sound);
        end_event(exporter);
    }
    for (size_t load = 0; load < cloud_load_count(recording->cloud); load++) {
        for (size_t second = 0; second < cloud_load_window_count(recording->cloud, load); second++) {
            struct load_counts counts = cloud_load_window(recording->cloud, load, second);
            begin_event(exporter, "C", cloud_load_host(recording->cloud, load), second * NS_PER_S, PID_CLOUD, 1);
            text_addf(exporter->json, ",\"args\":{\"answered\":%llu,\"failed\":%llu}", (unsigned long long)counts.ok,
                      (unsigned long long)load_counts_failed(&counts));
            end_event(exporter);
        }
    }
}

static void add_story(struct exporter *exporter)
{
    const struct recording *recording = exporter->recording;
    const struct story_line *line;
    for (size_t i = 0; (line = cloud_story(recording->cloud, i)) != NULL; i++) {
        if (line->kind == STORY_FAULT)
            continue; /* Spans of their own. */
        uint32_t pid = PID_CLOUD;
        for (size_t k = 0; k < recording->component_count; k++)
            if (strcmp(recording->components[k]->name, line->who) == 0)
                pid = PID_FIRST + (uint32_t)k;
        begin_event(exporter, "i", line->text, line->at_ns, pid, TID_LOG);
        text_addf(exporter->json, ",\"s\":\"t\",\"cat\":\"%s\"", story_kind_name(line->kind));
        add_text_argument(exporter, "who", line->who);
        end_event(exporter);
    }
}

/* ---- Messages ---- */

static int compare_ends(const void *a, const void *b)
{
    const struct end *x = a, *y = b;
    if (x->who != y->who)
        return x->who < y->who ? -1 : 1;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    if (x->is_arrival != y->is_arrival)
        return x->is_arrival ? -1 : 1;
    return x->message->number < y->message->number ? -1 : x->message->number > y->message->number;
}

static size_t gather_ends(const struct recording *recording, struct end **ret_ends)
{
    size_t count = 0, capacity = 0;
    *ret_ends = NULL;
    for (size_t class = 0; class < MESSAGE_CLASS_COUNT; class ++) {
        for (size_t i = 0; i < 2 * recording->messages[class].count; i++) {
            const struct recorded_message *message = &recording->messages[class].all[i / 2];
            bool is_arrival = i % 2 == 1;
            *ret_ends = memory_room(*ret_ends, count, &capacity, sizeof **ret_ends);
            (*ret_ends)[count++] = (struct end){.message = message,
                                                .at_ns = is_arrival ? message->arrived_ns : message->sent_ns,
                                                .who = is_arrival ? message->to : message->from,
                                                .class = (enum message_class) class,
                                                .is_arrival = is_arrival};
        }
    }
    return count;
}

/* Slices of one track must not overlap: each is as long as there is room until the next one. Those of one moment have
 * the same length, and lie in each other. */
static void lay_out(struct end *ends, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        uint64_t until_ns = ends[i].at_ns + LONGEST_SLICE_NS;
        if (i + 1 < count && ends[i + 1].who == ends[i].who) {
            uint64_t next_ns = ends[i + 1].at_ns == ends[i].at_ns ? ends[i + 1].until_ns : ends[i + 1].at_ns;
            until_ns = next_ns < until_ns ? next_ns : until_ns;
        }
        ends[i].until_ns = until_ns;
    }
}

static void add_end(struct exporter *exporter, const struct end *end)
{
    const struct recorded_message *message = end->message;
    const char *words = recording_text(exporter->recording, message->words);
    uint32_t pid = pid_of(exporter, end->who);
    begin_event(exporter, "X", words, end->at_ns, pid, TID_MESSAGES);
    add_duration(exporter, end->until_ns - end->at_ns);
    text_addf(exporter->json, ",\"cat\":\"%s\",\"args\":{\"%s\":", message_class_name(end->class),
              end->is_arrival ? "from" : "to");
    json_write_string(exporter->json,
                      recording_text(exporter->recording, end->is_arrival ? message->from : message->to));
    if (message->detail != NULL) {
        text_add_string(exporter->json, ",\"payload\":");
        json_write_string(exporter->json, message->detail);
    }
    text_add_char(exporter->json, '}');
    end_event(exporter);
    begin_event(exporter, end->is_arrival ? "f" : "s", words, end->at_ns, pid, TID_MESSAGES);
    text_addf(exporter->json, ",\"cat\":\"%s\",\"id\":%llu%s", message_class_name(end->class),
              (unsigned long long)message->number, end->is_arrival ? ",\"bp\":\"e\"" : "");
    end_event(exporter);
}

void export_perfetto(const struct recording *recording, struct text *ret_json)
{
    struct exporter exporter = {.recording = recording, .json = ret_json, .next_pid = PID_CLOUD};
    exporter.pids = memory_new(recording->text_count * sizeof *exporter.pids);
    text_add_string(ret_json, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    name_process(&exporter, "the cloud");
    for (size_t i = 0; i < recording->component_count; i++)
        name_process(&exporter, recording->components[i]->name);
    add_lives(&exporter);
    add_faults(&exporter);
    add_counters(&exporter);
    add_story(&exporter);
    struct end *ends = NULL;
    size_t count = gather_ends(recording, &ends);
    if (count > 0)
        qsort(ends, count, sizeof *ends, compare_ends);
    lay_out(ends, count);
    for (size_t i = 0; i < count; i++)
        add_end(&exporter, &ends[i]);
    text_add_string(ret_json, "\n]}\n");
    memory_free(ends);
    memory_free(exporter.pids);
}
