#include "core/cloud_controller/state/events.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/memory.h"
#include "core/cloud_controller/state/runs.h"
#include "core/cloud_controller/state/snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The events of one app. */
struct app_history {
    int64_t app_id;
    struct app_event *oldest, *newest;
    size_t count;
    UT_hash_handle hh;
};

/* ---- Keeping ---- */

static struct app_history *find_history(const struct controller *controller, int64_t app_id)
{
    struct app_history *history = NULL;
    HASH_FIND(hh, controller->histories, &app_id, sizeof app_id, history);
    return history;
}

static void drop_event(struct controller *controller, struct app_event *event)
{
    struct app_events *all = &controller->events;
    struct app_history *history = find_history(controller, event->app_id);
    assert_that(history != NULL && history->count > 0);
    *(event->older == NULL ? &all->oldest : &event->older->newer) = event->newer;
    *(event->newer == NULL ? &all->newest : &event->newer->older) = event->older;
    *(event->older_of_app == NULL ? &history->oldest : &event->older_of_app->newer_of_app) = event->newer_of_app;
    *(event->newer_of_app == NULL ? &history->newest : &event->newer_of_app->older_of_app) = event->older_of_app;
    all->count--;
    if (--history->count == 0) {
        HASH_DELETE(hh, controller->histories, history);
        memory_free(history);
    }
    memory_free(event);
}

static struct app_event *add_event(struct controller *controller, int64_t app_id, const char *kind, int64_t at_s)
{
    struct app_events *all = &controller->events;
    struct app_history *history = find_history(controller, app_id);
    if (history == NULL) {
        history = memory_new(sizeof *history);
        history->app_id = app_id;
        HASH_ADD(hh, controller->histories, app_id, sizeof history->app_id, history);
    }
    struct app_event *event = memory_new(sizeof *event);
    uint64_t number = cc_events_newest(controller) + 1;
    *event = (struct app_event){.app_id = app_id, .number = number, .at_s = at_s, .kind = kind, .index = -1};
    event->older = all->newest;
    *(all->newest == NULL ? &all->oldest : &all->newest->newer) = event;
    all->newest = event;
    all->count++;
    event->older_of_app = history->newest;
    *(history->newest == NULL ? &history->oldest : &history->newest->newer_of_app) = event;
    history->newest = event;
    if (++history->count > MAX_EVENTS_OF_APP)
        drop_event(controller, history->oldest);
    if (all->count > controller->config->max_events)
        drop_event(controller, all->oldest);
    return event;
}

const struct app_event *cc_events_of(const struct controller *controller, int64_t app_id)
{
    const struct app_history *history = find_history(controller, app_id);
    return history == NULL ? NULL : history->oldest;
}

uint64_t cc_events_newest(const struct controller *controller)
{
    return controller->events.newest == NULL ? 0 : controller->events.newest->number;
}

void cc_events_destroy(struct controller *controller)
{
    while (controller->events.oldest != NULL)
        drop_event(controller, controller->events.oldest);
}

/* ---- From the journal ---- */

static void say(struct app_event *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct app_event *event, const char *format, ...)
{
    size_t used = strlen(event->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(event->text + used, sizeof event->text - used, format, arguments);
    va_end(arguments);
}

static const char *separator(const struct app_event *event)
{
    return event->text[0] == '\0' ? "" : "; ";
}

static bool same_list(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
    bool same = a_count == b_count;
    for (size_t i = 0; same && i < a_count; i++)
        same = strcmp(a[i], b[i]) == 0;
    return same;
}

static void say_uris(struct app_event *event, const Cupola__JournalApp *value)
{
    say(event, "%sserved at", separator(event));
    for (size_t i = 0; i < value->n_uris; i++)
        say(event, "%s %s", i == 0 ? "" : ",", value->uris[i]);
    if (value->n_uris == 0)
        say(event, " no address");
}

/* Values of variables are secrets: they are not told. */
static void say_changes(struct app_event *event, const Cupola__JournalApp *old, const Cupola__JournalApp *new)
{
    if (old->started != new->started)
        say(event, "%s%s", separator(event), new->started ? "started" : "stopped");
    if (old->instances != new->instances)
        say(event, "%s%d instances instead of %d", separator(event), new->instances, old->instances);
    if (old->memory_mb != new->memory_mb)
        say(event, "%s%d MB instead of %d", separator(event), new->memory_mb, old->memory_mb);
    if (!same_list(old->uris, old->n_uris, new->uris, new->n_uris))
        say_uris(event, new);
    if (!same_list(old->env, old->n_env, new->env, new->n_env))
        say(event, "%sother environment variables", separator(event));
    if (!same_list(old->collaborators, old->n_collaborators, new->collaborators, new->n_collaborators))
        say(event, "%sother collaborators", separator(event));
    if (event->text[0] == '\0')
        say(event, "nothing that shows");
}

static void say_step(struct app_event *event, const Cupola__JournalApp *new)
{
    const Cupola__JournalUpdate *update = new->update;
    if (update == NULL)
        return;
    if (update->is_return)
        say(event, "%d instances have still to go back", update->first);
    else if (update->first == 0)
        say(event, "%d extra instances of the new version start", update->surge);
    else
        say(event, "%d of %d instances are of the new version", update->first, new->instances);
}

static void say_last_line(struct app_event *event, const char *log)
{
    const char *line = log == NULL ? "" : log;
    for (const char *newline = strchr(line, '\n'); newline != NULL && newline[1] != '\0'; newline = strchr(line, '\n'))
        line = newline + 1;
    say(event, "%.*s", (int)strcspn(line, "\n"), line);
}

static const char started_again[] = "started again";
static const char command_run[] = "command";

static const char *const kinds[] = {
    [CUPOLA__APP_CHANGE_KIND__APP_CREATED] = "created",
    [CUPOLA__APP_CHANGE_KIND__APP_CHANGED] = "changed",
    [CUPOLA__APP_CHANGE_KIND__APP_PACKAGE_SET] = "uploaded",
    [CUPOLA__APP_CHANGE_KIND__APP_STAGED] = "staged",
    [CUPOLA__APP_CHANGE_KIND__APP_STAGING_FAILED] = "staging failed",
    [CUPOLA__APP_CHANGE_KIND__APP_UPDATED] = "update",
    [CUPOLA__APP_CHANGE_KIND__APP_UPDATE_STEP] = "update goes on",
    [CUPOLA__APP_CHANGE_KIND__APP_UPDATE_DONE] = "update done",
    [CUPOLA__APP_CHANGE_KIND__APP_UPDATE_RETURNS] = "update goes back",
    [CUPOLA__APP_CHANGE_KIND__APP_ROLLED_BACK] = "rollback",
    [CUPOLA__APP_CHANGE_KIND__APP_SETTINGS] = "settings changed",
};

static const char *kind_of(Cupola__AppChangeKind kind)
{
    size_t place = (size_t)kind;
    return place < sizeof kinds / sizeof kinds[0] && kinds[place] != NULL ? kinds[place] : "changed";
}

static void describe(struct app_event *event, Cupola__AppChangeKind kind, const Cupola__JournalApp *old,
                     const Cupola__JournalApp *new)
{
    bool is_end =
        kind == CUPOLA__APP_CHANGE_KIND__APP_UPDATE_RETURNS || kind == CUPOLA__APP_CHANGE_KIND__APP_UPDATE_DONE;
    if (kind == CUPOLA__APP_CHANGE_KIND__APP_CREATED || old == NULL) {
        say(event, "%s, %d instances of %d MB", new->framework, new->instances, new->memory_mb);
    } else if (kind == CUPOLA__APP_CHANGE_KIND__APP_CHANGED) {
        say_changes(event, old, new);
    } else if (kind == CUPOLA__APP_CHANGE_KIND__APP_STAGING_FAILED) {
        say_last_line(event, new->staging_log);
    } else if (kind == CUPOLA__APP_CHANGE_KIND__APP_PACKAGE_SET) {
        say(event, "%llu bytes", (unsigned long long)new->package_bytes);
    } else if (is_end && new->last_update_reason != NULL) {
        say(event, "%s", new->last_update_reason);
    } else {
        say_step(event, new);
    }
    if (new->revision != (old == NULL ? 0 : old->revision))
        say(event, "%srevision %lld", separator(event), (long long)new->revision);
}

static void note_app(struct controller *controller, uint64_t sequence, const Cupola__JournalEntry *entry)
{
    const Cupola__AppChange *change = entry->app_put;
    if (change->app == NULL || change->app->framework == NULL)
        return;
    const struct app *app = cc_state_find_app(&controller->state, change->app->id);
    struct app_event *event = add_event(controller, change->app->id, kind_of(change->kind), entry->at_s);
    snprintf(event->key, sizeof event->key, "entry-%llu", (unsigned long long)sequence);
    snprintf(event->actor, sizeof event->actor, "%s", entry->actor == NULL ? "" : entry->actor);
    describe(event, change->kind, app == NULL ? NULL : app->value, change->app);
}

static void note_starts(struct controller *controller, uint64_t sequence, const Cupola__JournalEntry *entry)
{
    for (size_t i = 0; i < entry->starts_ordered->n_orders; i++) {
        const Cupola__StartOrder *order = entry->starts_ordered->orders[i];
        for (size_t j = 0; j < order->n_indices; j++) {
            struct app_event *event = add_event(controller, order->app, started_again, entry->at_s);
            event->index = order->indices[j];
            snprintf(event->key, sizeof event->key, "entry-%llu-%zu-%zu", (unsigned long long)sequence, i, j);
            say(event, "the instance was missing");
        }
    }
}

static void note_command(struct controller *controller, uint64_t sequence, const Cupola__JournalEntry *entry)
{
    const Cupola__AppNote *note = entry->app_noted;
    if (cc_state_find_app(&controller->state, note->app) == NULL)
        return; /* It was deleted in between. */
    struct app_event *event = add_event(controller, note->app, command_run, entry->at_s);
    snprintf(event->key, sizeof event->key, "entry-%llu", (unsigned long long)sequence);
    snprintf(event->actor, sizeof event->actor, "%s", entry->actor == NULL ? "" : entry->actor);
    say(event, "%s", note->text == NULL ? "" : note->text);
}

void cc_events_note_entry(struct controller *controller, uint64_t sequence, const Cupola__JournalEntry *entry)
{
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_APP_PUT) {
        note_app(controller, sequence, entry);
    } else if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_STARTS_ORDERED) {
        note_starts(controller, sequence, entry);
    } else if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_APP_NOTED) {
        note_command(controller, sequence, entry);
    } else if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_APP_DELETED) {
        struct app_history *history = find_history(controller, entry->app_deleted->id);
        for (size_t left = history == NULL ? 0 : history->count; left > 0; left--)
            drop_event(controller, find_history(controller, entry->app_deleted->id)->oldest);
    }
}

/* ---- In snapshots ---- */

void cc_events_write(const struct controller *controller, struct text *snapshot)
{
    for (struct app_event *event = controller->events.oldest; event != NULL; event = event->newer) {
        if (strncmp(event->key, "entry-", 6) != 0)
            continue; /* What this controller heard on the bus is its own. */
        Cupola__SnapshotEvent item = CUPOLA__SNAPSHOT_EVENT__INIT;
        item.has_app = item.has_at_s = item.has_index = true;
        item.app = event->app_id;
        item.at_s = event->at_s;
        item.kind = (char *)(uintptr_t)event->kind;
        item.key = event->key;
        item.actor = event->actor[0] == '\0' ? NULL : event->actor;
        item.index = event->index;
        item.text = event->text[0] == '\0' ? NULL : event->text;
        Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
        entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_EVENT;
        entry.snapshot_event = &item;
        cc_snapshot_add(snapshot, &entry);
    }
}

/* The same word, but our own. */
static const char *known_kind(const char *kind)
{
    if (kind != NULL && strcmp(kind, started_again) == 0)
        return started_again;
    if (kind != NULL && strcmp(kind, command_run) == 0)
        return command_run;
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i] != NULL && strcmp(kinds[i], kind) == 0)
            return kinds[i];
    return "changed";
}

void cc_events_load(struct controller *controller, const Cupola__SnapshotEvent *item)
{
    struct app_event *event = add_event(controller, item->app, known_kind(item->kind), item->at_s);
    event->index = item->index;
    snprintf(event->key, sizeof event->key, "%s", item->key == NULL ? "" : item->key);
    snprintf(event->actor, sizeof event->actor, "%s", item->actor == NULL ? "" : item->actor);
    snprintf(event->text, sizeof event->text, "%s", item->text == NULL ? "" : item->text);
}

/* ---- From the bus ---- */

static const char *kind_of_exit(const char *reason)
{
    static const char *const words[][2] = {
        {"CRASHED", "crashed"}, {"STOPPED", "stopped"}, {"DEA_SHUTDOWN", "moved"}, {"DEA_EVACUATION", "moved"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (reason != NULL && strcmp(reason, words[i][0]) == 0)
            return words[i][1];
    return NULL;
}

void cc_events_on_exited(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct controller *controller = container_of(bus, struct controller, bus);
    const Cupola__DropletExited *exited = (const Cupola__DropletExited *)parsed;
    const char *kind = kind_of_exit(exited->reason);
    if (kind == NULL || cc_state_find_app(&controller->state, exited->droplet) == NULL)
        return;
    struct app_event *event = add_event(controller, exited->droplet, kind, machine_wall_seconds(&controller->machine));
    event->index = exited->index;
    snprintf(event->instance, sizeof event->instance, "%.32s", exited->instance == NULL ? "" : exited->instance);
    snprintf(event->key, sizeof event->key, "exit-%s-%lld", event->instance, (long long)exited->epoch);
    if (exited->has_signal && exited->signal != 0)
        say(event, "killed by signal %d", exited->signal);
    else if (exited->has_exit_code)
        say(event, "exited with status %d", exited->exit_code);
    if (exited->detail != NULL)
        say(event, "%s%s", separator(event), exited->detail);
    if (event->text[0] == '\0' && strcmp(kind, "stopped") != 0)
        say(event, "%s", strcmp(kind, "moved") == 0 ? "its DEA is going away" : "its DEA did not say why");
}
