/* Watching a run for its report: see recording.h. */
#include "sim/report/recording.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/cloud_controller/view.h"
#include "sim/cloud_state.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_MESSAGES = 12000, /* Of a class. */
    MOST_TEXTS = 20000,
    MOST_DETAIL = 180,     /* Bytes of a payload. */
    MOST_STATE = 100000,   /* Bytes of one state of one component. */
    MOST_STATES = 6000000, /* Bytes of all. */
    MOST_HEALTH = 3000,
    MOST_APPS = 200,
    MOST_LIVES = 20000,
};
#define LOOK_NS (UINT64_C(50) * 1000000)
#define LEAST_STATE_INTERVAL_NS (UINT64_C(10) * 1000000)
#define FIRST_STATE_INTERVAL_NS (UINT64_C(250) * 1000000)

/* ---- Texts ---- */

static uint32_t keep_text(struct recording *recording, const char *text)
{
    struct recorded_text *found = NULL;
    HASH_FIND_STR(recording->texts, text, found);
    if (found != NULL)
        return found->number;
    if (recording->text_count >= MOST_TEXTS)
        return 0; /* "" */
    recording->text_by_number = memory_room(recording->text_by_number, recording->text_count, &recording->text_capacity,
                                            sizeof(struct recorded_text *));
    struct recorded_text *kept = memory_new(sizeof *kept);
    kept->text = memory_copy_text(text);
    kept->number = (uint32_t)recording->text_count;
    recording->text_by_number[recording->text_count++] = kept;
    HASH_ADD_KEYPTR(hh, recording->texts, kept->text, strlen(kept->text), kept);
    return kept->number;
}

const char *recording_text(const struct recording *recording, uint32_t number)
{
    assert_that(number < recording->text_count);
    return recording->text_by_number[number]->text;
}

/* ---- Messages ---- */

static void thin_messages(struct recorded_messages *messages)
{
    size_t kept = 0;
    for (size_t i = 0; i < messages->count; i++) {
        if (i % 2 == 0)
            messages->all[kept++] = messages->all[i];
        else
            memory_free(messages->all[i].detail);
    }
    messages->count = kept;
    messages->stride *= 2;
}

/* Requests that have to do with a controller are not those of an app's users. */
static enum message_class class_of(const struct cloud_message *message, enum message_class class)
{
    if (class == MESSAGE_BUS)
        return class;
    bool is_of_controller =
        strncmp(message->from, "controller", 10) == 0 || strncmp(message->to, "controller", 10) == 0;
    return is_of_controller ? MESSAGE_REST : MESSAGE_REQUEST;
}

/* Printable, and short. NULL without a payload. */
static char *detail_of(const struct segment_message *message)
{
    size_t size = message->payload_size < MOST_DETAIL ? message->payload_size : MOST_DETAIL;
    if (size == 0)
        return NULL;
    char *detail = memory_copy_bytes(message->payload, size);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)detail[i] < 0x20 || (unsigned char)detail[i] > 0x7e)
            detail[i] = ' ';
    }
    return detail;
}

static void keep_message(struct recording *recording, const struct cloud_message *message,
                         const struct segment_message *said)
{
    struct recorded_messages *messages = &recording->messages[class_of(message, said->class)];
    if (messages->seen++ % messages->stride != 0)
        return;
    if (messages->count >= MOST_MESSAGES)
        thin_messages(messages);
    messages->all = memory_room(messages->all, messages->count, &messages->capacity, sizeof *messages->all);
    messages->all[messages->count++] = (struct recorded_message){
        .sent_ns = message->sent_ns,
        .arrived_ns = message->arrived_ns,
        .from = keep_text(recording, message->from),
        .to = keep_text(recording, message->to),
        .words = keep_text(recording, said->words),
        .detail = detail_of(said),
    };
    struct recorded_message *kept = &messages->all[messages->count - 1];
    for (size_t i = 0; i < MESSAGE_CLASS_COUNT; i++)
        kept->number += recording->messages[i].seen;
}

static void on_message(void *context, const struct cloud_message *message)
{
    struct recording *recording = context;
    struct io_bytes bytes = message->bytes;
    struct segment_message said;
    for (;;) {
        enum said_kind kind = segment_take_message(&bytes, &said);
        if (kind == SAID_NOTHING)
            return;
        if (kind == SAID_MESSAGE)
            keep_message(recording, message, &said);
        else if (kind == SAID_PING)
            recording->pings++;
        else
            recording->continuations++;
    }
}

/* ---- States ---- */

/* Every second state of each component goes. */
static void thin_states(struct recording *recording)
{
    bool *keeps_next = memory_new(recording->component_count * sizeof *keeps_next);
    size_t kept = 0;
    recording->state_bytes = 0;
    for (size_t i = 0; i < recording->state_count; i++) {
        struct recorded_state state = recording->states[i];
        keeps_next[state.component] = !keeps_next[state.component];
        if (keeps_next[state.component]) {
            recording->states[kept++] = state;
            recording->state_bytes += strlen(state.json);
        } else {
            memory_free(state.json);
        }
    }
    recording->state_count = kept;
    recording->state_interval_ns *= 2;
    memory_free(keeps_next);
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 1;
    for (; *text != 0; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static void take_state(struct recording *recording, uint32_t number)
{
    struct text json = {0};
    component_inspect(recording->components[number], &json);
    if (json.size > MOST_STATE) {
        size_t size = json.size;
        text_clear(&json);
        text_addf(&json, "{\"left out\":\"%zu bytes of state\"}", size);
    }
    uint64_t hash = hash_text(text_string(&json));
    if (hash != recording->last_states[number]) {
        recording->last_states[number] = hash;
        recording->states = memory_room(recording->states, recording->state_count, &recording->state_capacity,
                                        sizeof *recording->states);
        recording->states[recording->state_count++] = (struct recorded_state){
            .at_ns = cloud_now_ns(recording->cloud),
            .component = number,
            .json = memory_copy_text(text_string(&json)),
        };
        recording->state_bytes += json.size;
    }
    text_free(&json);
}

static void take_states(struct recording *recording)
{
    for (uint32_t i = 0; i < recording->component_count; i++)
        take_state(recording, i);
    while (recording->state_bytes > MOST_STATES)
        thin_states(recording);
    recording->last_states_ns = cloud_now_ns(recording->cloud);
    recording->next_state_ns = recording->last_states_ns + recording->state_interval_ns;
    recording->wants_states = false;
}

static void note_lives(struct recording *recording)
{
    for (uint32_t i = 0; i < recording->component_count; i++) {
        bool runs = component_is_running(recording->components[i]);
        if (runs == recording->was_running[i] || recording->life_count >= MOST_LIVES)
            continue;
        recording->was_running[i] = runs;
        recording->lives =
            memory_room(recording->lives, recording->life_count, &recording->life_capacity, sizeof *recording->lives);
        recording->lives[recording->life_count++] =
            (struct recorded_life){.at_ns = cloud_now_ns(recording->cloud), .component = i, .runs = runs};
    }
}

static void note_apps(struct recording *recording)
{
    const struct machine *controller = cloud_knowing_controller(recording->cloud);
    size_t count = controller == NULL ? 0 : controller_view_app_count(controller);
    for (size_t i = 0; i < count && recording->app_count < MOST_APPS; i++) {
        struct controller_app_view app;
        controller_view_app(controller, i, &app);
        size_t known = 0;
        while (known < recording->app_count && recording->apps[known].id != app.id)
            known++;
        if (known < recording->app_count)
            continue;
        recording->apps =
            memory_room(recording->apps, recording->app_count, &recording->app_capacity, sizeof *recording->apps);
        recording->apps[recording->app_count++] =
            (struct recorded_app){.id = app.id, .name = keep_text(recording, app.name)};
    }
}

static void note_health(struct recording *recording)
{
    struct text why = {0};
    bool is_sound = converged(recording->cloud, NULL, &why);
    uint32_t number = keep_text(recording, is_sound ? "" : text_string(&why));
    text_free(&why);
    const struct recorded_health *last =
        recording->health_count == 0 ? NULL : &recording->health[recording->health_count - 1];
    if (last != NULL && last->is_sound == is_sound && (last->why == number || recording->health_count >= MOST_HEALTH))
        return;
    if (recording->health_count >= 2 * MOST_HEALTH)
        return;
    recording->health =
        memory_room(recording->health, recording->health_count, &recording->health_capacity, sizeof *recording->health);
    recording->health[recording->health_count++] =
        (struct recorded_health){.at_ns = cloud_now_ns(recording->cloud), .is_sound = is_sound, .why = number};
}

/* ---- Watching ---- */

static void on_line(void *context, const struct story_line *line)
{
    struct recording *recording = context;
    if (line->kind != STORY_LOG)
        recording->wants_look = true;
    if (line->kind == STORY_FAULT || line->kind == STORY_CHECK || line->kind == STORY_COMPONENT)
        recording->wants_states = true;
}

static void on_moment(struct cloud *cloud, void *context)
{
    struct recording *recording = context;
    uint64_t now_ns = cloud_now_ns(cloud);
    if (cloud->is_finishing && recording->ending_ns == UINT64_MAX) {
        recording->ending_ns = now_ns;
        take_states(recording);
    }
    if (recording->wants_look || now_ns >= recording->next_look_ns) {
        recording->wants_look = false;
        recording->next_look_ns = now_ns + LOOK_NS;
        note_lives(recording);
        if (recording->ending_ns == UINT64_MAX)
            note_health(recording);
        note_apps(recording);
    }
    bool wants_states = recording->wants_states && now_ns >= recording->last_states_ns + LEAST_STATE_INTERVAL_NS;
    if (wants_states || now_ns >= recording->next_state_ns)
        take_states(recording);
}

void recording_start(struct recording *recording, struct cloud *cloud)
{
    recording->cloud = cloud;
    recording->ending_ns = UINT64_MAX;
    recording->state_interval_ns = FIRST_STATE_INTERVAL_NS;
    keep_text(recording, "");
    for (size_t i = 0; i < MESSAGE_CLASS_COUNT; i++)
        recording->messages[i].stride = 1;
    size_t capacity = 0;
    for (enum component_role role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud_component_count(cloud, role); i++) {
            recording->components =
                memory_room(recording->components, recording->component_count, &capacity, sizeof(struct component *));
            recording->components[recording->component_count++] = cloud_component(cloud, role, i);
        }
    }
    recording->was_running = memory_new((recording->component_count + 1) * sizeof(bool));
    recording->last_states = memory_new((recording->component_count + 1) * sizeof(uint64_t));
    cloud_observe(cloud, on_line, recording);
    cloud_observe_messages(cloud, on_message, recording);
    cloud_observe_moments(cloud, on_moment, recording);
}

void recording_stop(struct recording *recording)
{
    cloud_observe_messages(recording->cloud, NULL, NULL);
    cloud_observe_moments(recording->cloud, NULL, NULL);
    note_lives(recording);
    take_states(recording);
    if (recording->ending_ns == UINT64_MAX)
        recording->ending_ns = cloud_now_ns(recording->cloud);
}

void recording_free(struct recording *recording)
{
    for (size_t class = 0; class < MESSAGE_CLASS_COUNT; class ++) {
        for (size_t i = 0; i < recording->messages[class].count; i++)
            memory_free(recording->messages[class].all[i].detail);
        memory_free(recording->messages[class].all);
    }
    for (size_t i = 0; i < recording->state_count; i++)
        memory_free(recording->states[i].json);
    HASH_CLEAR(hh, recording->texts);
    for (size_t i = 0; i < recording->text_count; i++) {
        memory_free(recording->text_by_number[i]->text);
        memory_free(recording->text_by_number[i]);
    }
    memory_free(recording->text_by_number);
    memory_free(recording->components);
    memory_free(recording->was_running);
    memory_free(recording->last_states);
    memory_free(recording->states);
    memory_free(recording->lives);
    memory_free(recording->health);
    memory_free(recording->apps);
    memset(recording, 0, sizeof *recording);
}
