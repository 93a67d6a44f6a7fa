/* The table of apps, and the sorting of what runs into wanted indices and strays. */
#include "core/health_manager/state/app.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"

#include <stdio.h>
#include <string.h>

/* ---- The table ---- */

struct app *hm_app_find(const struct app_table *table, int64_t id)
{
    struct app *app;
    HASH_FIND(hh, table->apps, &id, sizeof id, app);
    return app;
}

struct app *hm_app_find_or_add(struct app_table *table, int64_t id, uint64_t now_ns)
{
    struct app *app = hm_app_find(table, id);
    if (app != NULL || HASH_COUNT(table->apps) >= MAX_APPS)
        return app;
    app = memory_new(sizeof *app);
    app->id = id;
    app->undesired_since_ns = now_ns;
    HASH_ADD(hh, table->apps, id, sizeof app->id, app);
    return app;
}

static void free_app(struct app *app)
{
    memory_free(app->instances);
    memory_free(app->strays);
    memory_free(app->crashes);
    memory_free(app);
}

void hm_app_remove(struct app_table *table, struct app *app)
{
    assert_that(!app->is_dirty);
    assert_that(!app->is_desired && app->stray_count == 0);
    HASH_DELETE(hh, table->apps, app);
    free_app(app);
}

void hm_app_table_free(struct app_table *table)
{
    struct app *app, *next;
    HASH_ITER (hh, table->apps, app, next) {
        HASH_DELETE(hh, table->apps, app);
        free_app(app);
    }
}

static bool copy_text(char *ret_text, size_t capacity, const char *text)
{
    if (text == NULL || text[0] == '\0' || strlen(text) >= capacity)
        return false;
    snprintf(ret_text, capacity, "%s", text);
    return true;
}

bool hm_copy_id(char ret_id[INSTANCE_ID_SIZE], const char *text)
{
    return copy_text(ret_id, INSTANCE_ID_SIZE, text);
}

bool hm_copy_version(char ret_version[VERSION_SIZE], const char *text)
{
    return copy_text(ret_version, VERSION_SIZE, text);
}

/* ---- What should be ---- */

/* Every instance that is not where it belongs becomes a stray; strays that fill an index by now take it. */
static void sort_strays_in(struct app *app, uint64_t now_ns)
{
    for (size_t i = 0; i < app->stray_count;) {
        struct stray *stray = &app->strays[i];
        struct instance *instance = hm_app_index_for(app, stray->version, stray->index);
        if (instance == NULL || instance->claim.id[0] != '\0' || stray->stop_asked_at_ns != 0) {
            i++;
            continue;
        }
        instance->claim = stray->claim;
        if (strcmp(instance->ended_id, stray->claim.id) == 0)
            instance->ended_id[0] = '\0'; /* It lives after all. */
        hm_instance_move_to(instance, stray->claim.is_running ? INSTANCE_RUNNING : INSTANCE_STARTING, now_ns);
        hm_app_remove_stray(app, stray);
    }
}

/* Indices from `count` on are not wanted any more. */
static void cut_instances(struct app *app, size_t count, uint64_t now_ns)
{
    for (size_t i = count; i < app->instance_count; i++)
        if (app->instances[i].claim.id[0] != '\0')
            hm_app_add_stray(app, &app->instances[i].claim, hm_app_version_of(app, i), (int32_t)i, now_ns);
    if (count < app->instance_count)
        app->instance_count = count;
}

/* What fills an index that is wanted in another version from now on belongs nowhere. `before` is the app as it was. */
static void renew_instances(struct app *app, const struct app *before, uint64_t now_ns)
{
    for (size_t i = 0; i < app->instance_count; i++) {
        struct instance *instance = &app->instances[i];
        const char *version = hm_app_version_of(before, i);
        if (strcmp(version, hm_app_version_of(app, i)) == 0)
            continue;
        if (instance->claim.id[0] != '\0')
            hm_app_add_stray(app, &instance->claim, version, (int32_t)i, now_ns);
        *instance = (struct instance){.state = INSTANCE_STARTING, .asked_at_ns = now_ns, .changed_at_ns = now_ns};
    }
}

static void grow_instances(struct app *app, size_t count, enum instance_state state, uint64_t now_ns)
{
    if (count > app->instance_capacity) {
        app->instances = memory_grow(app->instances, app->instance_capacity * sizeof *app->instances,
                                     count * sizeof *app->instances);
        app->instance_capacity = count;
    }
    for (size_t i = app->instance_count; i < count; i++)
        app->instances[i] = (struct instance){.state = state, .asked_at_ns = now_ns, .changed_at_ns = now_ns};
    if (count > app->instance_count)
        app->instance_count = count;
}

static bool says_started(const Cupola__DesiredApp *desired)
{
    return desired->state != NULL && strcmp(desired->state, "STARTED") == 0;
}

static size_t wanted_count(const Cupola__DesiredApp *desired)
{
    bool can_start = says_started(desired) && (!desired->has_staged || desired->staged) && desired->version != NULL &&
                     strlen(desired->version) < VERSION_SIZE;
    if (!can_start || desired->instances < 0)
        return 0;
    return desired->instances < MAX_INDICES ? (size_t)desired->instances : MAX_INDICES;
}

static void take_versions(struct app *app, const Cupola__DesiredApp *desired)
{
    app->version[0] = app->old_version[0] = '\0';
    hm_copy_version(app->version, desired->version);
    bool rolls = hm_copy_version(app->old_version, desired->old_version);
    app->old_first = rolls ? desired->old_first : 0;
    app->old_end = rolls ? desired->old_end : 0;
}

void hm_app_desire(struct app *app, const Cupola__DesiredApp *desired, bool is_first_sight, uint64_t now_ns)
{
    size_t wanted = wanted_count(desired);
    cut_instances(app, wanted, now_ns);

    app->is_desired = true;
    app->was_deleted = false;
    app->is_started = wanted > 0;
    app->is_settling = says_started(desired) && desired->has_staged && !desired->staged;
    struct app before = *app;
    take_versions(app, desired);
    renew_instances(app, &before, now_ns);
    app->last_updated = desired->last_updated;
    app->memory_mb = desired->memory;
    app->is_singleton = desired->singleton;
    const char *framework = mutation_is(HM_NAMES_APPS) ? desired->name : desired->framework;
    snprintf(app->framework, sizeof app->framework, "%s", framework == NULL ? "" : framework);
    snprintf(app->runtime, sizeof app->runtime, "%s", desired->runtime == NULL ? "" : desired->runtime);
    grow_instances(app, wanted, is_first_sight ? INSTANCE_UNKNOWN : INSTANCE_STARTING, now_ns);
    sort_strays_in(app, now_ns);
}

void hm_app_undesire(struct app *app, bool was_deleted, uint64_t now_ns)
{
    cut_instances(app, 0, now_ns);
    if (app->is_desired)
        app->undesired_since_ns = now_ns;
    app->is_desired = false;
    app->is_started = app->is_settling = false;
    app->was_deleted = was_deleted;
    app->last_updated = 0;
    app->version[0] = app->old_version[0] = '\0';
    app->old_first = app->old_end = 0;
}

/* ---- What is ---- */

const char *hm_app_version_of(const struct app *app, size_t index)
{
    bool is_old = index < MAX_INDICES && (int32_t)index >= app->old_first && (int32_t)index < app->old_end;
    return is_old ? app->old_version : app->version;
}

struct instance *hm_app_index_for(struct app *app, const char *version, int32_t index)
{
    if (index < 0 || (size_t)index >= app->instance_count ||
        strcmp(version, hm_app_version_of(app, (size_t)index)) != 0)
        return NULL;
    return &app->instances[index];
}

size_t hm_app_count_state(const struct app *app, enum instance_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < app->instance_count; i++)
        count += app->instances[i].state == state;
    return count;
}

bool hm_app_unsay(struct app *app, uint64_t since_ns, uint64_t now_ns)
{
    bool any = false;
    for (size_t i = 0; i < app->instance_count; i++) {
        struct instance *instance = &app->instances[i];
        if (instance->state != INSTANCE_STARTING || instance->claim.id[0] != '\0' || instance->asks == 0 ||
            instance->asked_at_ns < since_ns)
            continue;
        instance->asks--;
        instance->restart_at_ns = now_ns;
        hm_instance_move_to(instance, INSTANCE_DOWN, now_ns);
        any = true;
    }
    for (size_t i = 0; i < app->stray_count; i++) {
        if (app->strays[i].stop_asked_at_ns < since_ns)
            continue;
        any = any || app->strays[i].stop_asked_at_ns != 0;
        app->strays[i].stop_asked_at_ns = 0;
    }
    return any;
}

struct stray *hm_app_find_stray(struct app *app, const char *id)
{
    for (size_t i = 0; i < app->stray_count; i++)
        if (strcmp(app->strays[i].claim.id, id) == 0)
            return &app->strays[i];
    return NULL;
}

void hm_app_add_stray(struct app *app, const struct claim *claim, const char *version, int32_t index, uint64_t now_ns)
{
    struct stray *known = hm_app_find_stray(app, claim->id);
    if (known != NULL) {
        known->claim = *claim;
        return;
    }
    if (app->stray_count >= MAX_STRAYS)
        return; /* Those that are known will be stopped, then there is room. */
    app->strays = memory_room(app->strays, app->stray_count, &app->stray_capacity, sizeof *app->strays);
    struct stray *stray = &app->strays[app->stray_count++];
    *stray = (struct stray){.claim = *claim, .index = index, .since_ns = now_ns};
    hm_copy_version(stray->version, version);
}

/* The order of the others stays: it is the order of complaints. */
void hm_app_remove_stray(struct app *app, struct stray *stray)
{
    size_t at = (size_t)(stray - app->strays);
    assert_that(at < app->stray_count);
    memmove(stray, stray + 1, (app->stray_count - at - 1) * sizeof *stray);
    app->stray_count--;
}

/* ---- Crashes ---- */

static void note_reason(struct crash *crash, const char *reason)
{
    if (reason != NULL && crash->reason[0] == '\0')
        snprintf(crash->reason, sizeof crash->reason, "%s", reason);
}

void hm_app_note_crash(struct app *app, const char *id, const char *reason, int64_t since_s, uint64_t now_ns)
{
    for (size_t i = 0; i < app->crash_count; i++) {
        if (strcmp(app->crashes[i].id, id) == 0) {
            app->crashes[i].heard_at_ns = now_ns;
            note_reason(&app->crashes[i], reason);
            return;
        }
    }
    if (app->crash_count == MAX_CRASHES) { /* The oldest makes room. */
        memmove(app->crashes, app->crashes + 1, (MAX_CRASHES - 1) * sizeof *app->crashes);
        app->crash_count--;
    }
    app->crashes = memory_room(app->crashes, app->crash_count, &app->crash_capacity, sizeof *app->crashes);
    struct crash *crash = &app->crashes[app->crash_count++];
    *crash = (struct crash){.since_s = since_s, .heard_at_ns = now_ns};
    hm_copy_id(crash->id, id);
    note_reason(crash, reason);
}

void hm_app_forget_crashes_before(struct app *app, uint64_t heard_before_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < app->crash_count; i++)
        if (app->crashes[i].heard_at_ns >= heard_before_ns)
            app->crashes[kept++] = app->crashes[i];
    app->crash_count = kept;
}
