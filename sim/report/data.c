/* The data that the moving part of a run's report shows, as JSON (read by timeline.js). Times are microseconds.
 */
#include "core/wire/json.h"
#include "sim/clients/load.h"
#include "sim/faults/state.h"
#include "sim/report/report.h"
#include "sim/report/words.h"

#include <string.h>

static uint64_t us(uint64_t at_ns)
{
    return at_ns / 1000;
}

static void add_separator(struct text *json, size_t index)
{
    if (index > 0)
        text_add_char(json, ',');
}

static void add_components(struct text *json, const struct recording *recording)
{
    text_add_string(json, "\"components\":[");
    for (size_t i = 0; i < recording->component_count; i++) {
        const struct component *component = recording->components[i];
        add_separator(json, i);
        text_add_string(json, "{\"name\":");
        json_write_string(json, component->name);
        struct text about = {0};
        text_addf(&about, "%s on %s, zone %u", component->name, component_address(component),
                  component_zone(component));
        text_addf(json, ",\"role\":\"%s\",\"about\":", component_role_name(component->role));
        json_write_string(json, text_string(&about));
        text_free(&about);
        text_add_char(json, '}');
    }
    text_add_string(json, "],\n");
}

/* [from, to, words, lanes]; no lanes: it is nobody's in particular. */
static void add_faults(struct text *json, const struct recording *recording)
{
    text_add_string(json, "\"faults\":[");
    size_t count = 0;
    for (size_t i = 0; i < cloud_fault_count(recording->cloud); i++) {
        const struct fault *fault = cloud_fault(recording->cloud, i);
        if (fault->state == FAULT_PLANNED)
            continue;
        struct text words = {0};
        report_fault_words(&fault->spec, &words);
        add_separator(json, count++);
        uint64_t ended_ns = fault->ended_ns < recording->ending_ns ? fault->ended_ns : recording->ending_ns;
        text_addf(json, "[%llu,%llu,", (unsigned long long)us(fault->began_ns), (unsigned long long)us(ended_ns));
        json_write_string(json, text_string(&words));
        text_free(&words);
        text_add_string(json, ",[");
        size_t lanes = 0;
        for (size_t k = 0; k < recording->component_count; k++) {
            uint32_t host = recording->components[k]->host->number;
            if (fault->hosts != NULL && host < fault->host_count && fault->hosts[host]) {
                add_separator(json, lanes++);
                text_add_number(json, k);
            }
        }
        text_add_string(json, "]]");
    }
    text_add_string(json, "],\n");
}

static void add_lives(struct text *json, const struct recording *recording)
{
    text_add_string(json, "\"lives\":[");
    for (size_t i = 0; i < recording->life_count; i++) {
        const struct recorded_life *life = &recording->lives[i];
        add_separator(json, i);
        text_addf(json, "[%llu,%u,%d]", (unsigned long long)us(life->at_ns), life->component, life->runs);
    }
    text_add_string(json, "],\n\"health\":[");
    for (size_t i = 0; i < recording->health_count; i++) {
        const struct recorded_health *health = &recording->health[i];
        add_separator(json, i);
        text_addf(json, "[%llu,%d,%u]", (unsigned long long)us(health->at_ns), health->is_sound, health->why);
    }
    text_add_string(json, "],\n");
}

static void add_messages(struct text *json, const struct recording *recording)
{
    text_add_string(json, "\"messages\":{");
    for (size_t class = 0; class < MESSAGE_CLASS_COUNT; class ++) {
        const struct recorded_messages *messages = &recording->messages[class];
        add_separator(json, class);
        text_addf(json, "\"%s\":{\"seen\":%llu,\"stride\":%llu,\"all\":[",
                  message_class_name((enum message_class) class), (unsigned long long)messages->seen,
                  (unsigned long long)messages->stride);
        for (size_t i = 0; i < messages->count; i++) {
            const struct recorded_message *message = &messages->all[i];
            add_separator(json, i);
            text_addf(json, "[%llu,%llu,%u,%u,%u", (unsigned long long)us(message->sent_ns),
                      (unsigned long long)us(message->arrived_ns - message->sent_ns), message->from, message->to,
                      message->words);
            if (message->detail != NULL) {
                text_add_char(json, ',');
                json_write_string(json, message->detail);
            }
            text_add_char(json, ']');
        }
        text_add_string(json, "]}\n");
    }
    text_add_string(json, "},\n");
}

static void add_states(struct text *json, const struct recording *recording)
{
    text_add_string(json, "\"states\":[");
    for (size_t i = 0; i < recording->state_count; i++) {
        const struct recorded_state *state = &recording->states[i];
        add_separator(json, i);
        text_addf(json, "[%llu,%u,%s]\n", (unsigned long long)us(state->at_ns), state->component, state->json);
    }
    text_add_string(json, "],\n");
}

/* The story's texts go behind those of the recording. */
static void add_story(struct text *json, const struct recording *recording)
{
    struct text texts = {0};
    text_add_string(json, "\"story\":[");
    const struct story_line *line;
    size_t number = recording->text_count;
    for (size_t i = 0; (line = cloud_story(recording->cloud, i)) != NULL; i++) {
        add_separator(json, i);
        text_addf(json, "[%llu,\"%s\",%d,%zu,%zu]", (unsigned long long)us(line->at_ns), story_kind_name(line->kind),
                  (int)line->level, number, number + 1);
        number += 2;
        text_add_char(&texts, ',');
        json_write_string(&texts, line->who);
        text_add_char(&texts, ',');
        json_write_string(&texts, line->text);
    }
    text_add_string(json, "],\n\"texts\":[");
    for (size_t i = 0; i < recording->text_count; i++) {
        add_separator(json, i);
        json_write_string(json, recording_text(recording, (uint32_t)i));
    }
    text_add(json, text_string(&texts), texts.size);
    text_free(&texts);
    text_add_string(json, "]");
}

/* The first moment to look at: what broke last, or the end. */
static const struct disruption *last_of(const struct disruptions *disruptions)
{
    return disruptions->count == 0 ? NULL : &disruptions->all[disruptions->count - 1];
}

void report_data_json(struct text *html, const struct recording *recording)
{
    struct disruptions disruptions = {0};
    disruptions_gather(recording->cloud, recording->ending_ns, &disruptions);
    const struct disruption *last = last_of(&disruptions);
    struct text json = {0};
    text_addf(&json, "{\"end\":%llu,\"ending\":%llu,\"focus\":%llu,\"who\":",
              (unsigned long long)us(cloud_now_ns(recording->cloud)), (unsigned long long)us(recording->ending_ns),
              (unsigned long long)us(last == NULL ? recording->ending_ns : last->at_ns));
    json_write_string(&json, last == NULL ? "" : last->who);
    text_add_string(&json, ",\n");
    add_components(&json, recording);
    add_faults(&json, recording);
    add_lives(&json, recording);
    add_messages(&json, recording);
    add_states(&json, recording);
    add_story(&json, recording);
    text_add_string(&json, "}");
    disruptions_free(&disruptions);
    /* Within <script> nothing may look like its end: "<" only occurs in texts, where it can be written otherwise. */
    for (const char *at = text_string(&json); *at != 0; at++) {
        if (*at == '<')
            text_add_string(html, "\\u003c");
        else
            text_add_char(html, *at);
    }
    text_free(&json);
}
