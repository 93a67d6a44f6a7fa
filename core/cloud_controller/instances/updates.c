#include "core/cloud_controller/instances/updates.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/state/runs.h"

#include <stdio.h>
#include <string.h>

enum { MOST_CRASHES = 3, DEFAULT_HOLD_MS = 1000, DEFAULT_READY_MS = 120000 };
static const uint64_t takeover_ns = 10 * NS_PER_S;
static const uint64_t ask_timeout_ns = 250 * NS_PER_MS;
static const uint64_t ask_pause_ns = 100 * NS_PER_MS;

enum update_state { UPDATE_IDLE = 1, UPDATE_ASKING, UPDATE_PAUSED, UPDATE_HOLDING, UPDATE_RECORDING };

struct update {
    struct controller *controller;
    int64_t app_id;
    enum update_state state;
    int64_t step;
    uint64_t step_began_ns;
    bool is_held;     /* All ran hold_ms ago. */
    uint32_t crashes; /* Of the version that takes over. */
    char why[160];    /* Of the last crash. */
    bool goes_back;   /* What is being recorded is a return. */
    bool *awaited;    /* By index: it should run, and no answer has said so yet. */
    size_t count;     /* Of `awaited`. */
    size_t missing;   /* How many are true. */
    struct bus_request find;
    struct timer timer;
    struct change change;
    struct update *next;
};

static void ask(struct update *update, const struct app *app);
static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_find_end(struct bus_request *request, bool timed_out);
static void on_timer(struct timer *timer);
static bool prepare(struct change *change);
static void on_recorded(struct change *change, enum change_outcome outcome);

static const struct bus_request_handlers find_handlers = {.on_answer = on_found, .on_end = on_find_end};

/* ---- The list ---- */

static struct update *find(const struct controller *controller, int64_t app_id)
{
    struct update *update = controller->updates;
    while (update != NULL && update->app_id != app_id)
        update = update->next;
    return update;
}

static void free_update(struct update *update)
{
    memory_free(update->awaited);
    memory_free(update);
}

/* A change that is under way keeps its update until it is done. */
static void remove_update(struct update *update)
{
    struct controller *controller = update->controller;
    assert_that(update->state != UPDATE_RECORDING);
    struct update **place = &controller->updates;
    while (*place != update)
        place = &(*place)->next;
    *place = update->next;
    if (update->state == UPDATE_ASKING)
        bus_request_cancel(&update->find);
    timer_cancel(&controller->machine, &update->timer);
    free_update(update);
}

size_t cc_updates_count(const struct controller *controller)
{
    size_t count = 0;
    for (const struct update *update = controller->updates; update != NULL; update = update->next)
        count++;
    return count;
}

void cc_updates_destroy(struct controller *controller)
{
    while (controller->updates != NULL) {
        struct update *update = controller->updates;
        controller->updates = update->next;
        free_update(update);
    }
}

/* ---- Who drives ---- */

static void rest(struct update *update, enum update_state state, uint64_t pause_ns)
{
    if (update->state == UPDATE_ASKING)
        bus_request_cancel(&update->find);
    update->state = state;
    timer_set(&update->controller->machine, &update->timer, pause_ns, on_timer);
}

void cc_updates_note(struct controller *controller, const struct difference *difference)
{
    const struct app *app = cc_state_find_app(&controller->state, difference->app_id);
    struct update *update = find(controller, difference->app_id);
    if (app == NULL || app->value->update == NULL) {
        if (update != NULL && update->state != UPDATE_RECORDING)
            remove_update(update);
        return;
    }
    if (update == NULL) {
        update = memory_new(sizeof *update);
        update->controller = controller;
        update->app_id = difference->app_id;
        update->state = UPDATE_IDLE;
        update->next = controller->updates;
        controller->updates = update;
    }
    if (update->state == UPDATE_RECORDING)
        return;
    bool drives = update->step == app->value->update->step && update->state != UPDATE_IDLE;
    update->step = app->value->update->step;
    update->is_held = false;
    rest(update, drives ? UPDATE_PAUSED : UPDATE_IDLE, drives ? ask_pause_ns : takeover_ns); /* It may be scaled. */
}

void cc_updates_drive(struct controller *controller, struct app *app)
{
    struct update *update = find(controller, app->id);
    if (update == NULL || app->value->update == NULL || update->state == UPDATE_RECORDING)
        return;
    if (app->value->update->step == 1)
        update->crashes = 0;
    update->step = app->value->update->step;
    update->step_began_ns = controller->machine.now_ns;
    update->is_held = false;
    if (update->state == UPDATE_ASKING)
        bus_request_cancel(&update->find);
    timer_cancel(&controller->machine, &update->timer);
    ask(update, app);
}

/* ---- Does all run that was ordered? ---- */

static uint64_t hold_ns(const struct app *app)
{
    const Cupola__JournalSettings *settings = app->value->settings;
    bool is_set = settings != NULL && settings->has_hold_ms;
    return (uint64_t)(is_set ? settings->hold_ms : DEFAULT_HOLD_MS) * NS_PER_MS;
}

static uint64_t ready_ns(const struct app *app)
{
    const Cupola__JournalSettings *settings = app->value->settings;
    bool is_set = settings != NULL && settings->has_ready_ms;
    return (uint64_t)(is_set ? settings->ready_ms : DEFAULT_READY_MS) * NS_PER_MS;
}

static bool takes_over(const struct layout *layout, int32_t index)
{
    const char *version = cc_layout_version(layout, index);
    return version != NULL && strcmp(version, layout->version) == 0;
}

static void ask(struct update *update, const struct app *app)
{
    struct layout layout;
    cc_app_layout(app->value, &layout);
    memory_free(update->awaited);
    update->count = (size_t)layout.count;
    update->awaited = memory_new(update->count * sizeof *update->awaited);
    update->missing = 0;
    for (int32_t i = 0; i < layout.count; i++) {
        update->awaited[i] = takes_over(&layout, i);
        update->missing += update->awaited[i];
    }
    char *running = (char *)(uintptr_t) "RUNNING";
    Cupola__DeaFindDroplet message = CUPOLA__DEA_FIND_DROPLET__INIT;
    message.has_droplet = true;
    message.droplet = app->id;
    message.version = layout.version;
    message.states = &running;
    message.n_states = 1;
    update->state = UPDATE_ASKING;
    bus_request_start(&update->controller->bus, &update->find, "dea.find.droplet", &message.base,
                      &cupola__dea_found__descriptor, 0, ask_timeout_ns, &find_handlers);
}

static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct update *update = container_of(request, struct update, find);
    const Cupola__DeaFound *found = (const Cupola__DeaFound *)parsed;
    if (found->index >= 0 && (size_t)found->index < update->count && update->awaited[found->index]) {
        update->awaited[found->index] = false;
        update->missing--;
    }
    return update->missing > 0;
}

static void record(struct update *update, bool goes_back)
{
    update->state = UPDATE_RECORDING;
    update->goes_back = goes_back;
    update->change = (struct change){.prepare = prepare, .done = on_recorded, .is_internal = true};
    cc_journal_submit(update->controller, &update->change);
}

/* Who looks on only steps in when nothing has happened for long. */
static struct app *find_app(struct update *update)
{
    struct app *app = cc_state_find_app(&update->controller->state, update->app_id);
    if (app != NULL && app->value->update != NULL)
        return app;
    remove_update(update);
    return NULL;
}

static void on_find_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct update *update = container_of(request, struct update, find);
    assert_that(update->state == UPDATE_ASKING);
    update->state = UPDATE_PAUSED;
    const struct app *app = find_app(update);
    if (app == NULL)
        return;
    bool runs = update->missing == 0;
    bool is_late = update->controller->machine.now_ns - update->step_began_ns >= ready_ns(app);
    if (runs && update->is_held) {
        record(update, false);
    } else if (runs) {
        rest(update, UPDATE_HOLDING, hold_ns(app));
    } else if (is_late && !app->value->update->is_return) {
        snprintf(update->why, sizeof update->why, "not all instances of the new version were ready within %llu s",
                 (unsigned long long)(ready_ns(app) / NS_PER_S));
        record(update, true);
    } else {
        update->is_held = false;
        rest(update, UPDATE_PAUSED, ask_pause_ns);
    }
}

static void on_timer(struct timer *timer)
{
    struct update *update = container_of(timer, struct update, timer);
    const struct app *app = find_app(update);
    if (app == NULL)
        return;
    if (update->state == UPDATE_IDLE) {
        update->step = app->value->update->step;
        update->step_began_ns = update->controller->machine.now_ns;
        update->is_held = false;
    } else {
        update->is_held = update->state == UPDATE_HOLDING;
    }
    ask(update, app);
}

/* ---- It does not hold ---- */

void cc_updates_on_exited(struct controller *controller, const Cupola__DropletExited *exited)
{
    struct update *update = find(controller, exited->droplet);
    const struct app *app = cc_state_find_app(&controller->state, exited->droplet);
    if (update == NULL || app == NULL || app->value->update == NULL || app->value->update->is_return ||
        exited->reason == NULL || strcmp(exited->reason, "CRASHED") != 0 ||
        !cc_app_has_version(app->value, exited->version))
        return;
    update->crashes++;
    snprintf(update->why, sizeof update->why, "instance %d of the new version crashed%s%.100s", exited->index,
             exited->detail == NULL ? "" : ": ", exited->detail == NULL ? "" : exited->detail);
    bool drives = update->state != UPDATE_IDLE && update->state != UPDATE_RECORDING;
    if (update->crashes < MOST_CRASHES || !drives)
        return;
    rest(update, UPDATE_PAUSED, ask_pause_ns);
    timer_cancel(&controller->machine, &update->timer);
    record(update, true);
}

/* ---- A step ---- */

static bool prepare(struct change *change)
{
    struct update *update = container_of(change, struct update, change);
    const struct app *app = cc_state_find_app(&change->controller->state, update->app_id);
    if (app == NULL || app->value->update == NULL || app->value->update->step != update->step)
        return false;
    Cupola__JournalApp value = *app->value;
    struct run_draft draft = {.now_s = machine_wall_seconds(&change->controller->machine)};
    Cupola__AppChangeKind kind = CUPOLA__APP_CHANGE_KIND__APP_UPDATE_RETURNS;
    if (update->goes_back && app->value->update->is_return)
        return false;
    if (update->goes_back) {
        cc_update_return(&draft, &value, CUPOLA__UPDATE_END__UPDATE_RETURNED, update->why);
    } else {
        cc_update_step(&draft, &value);
        kind =
            value.update == NULL ? CUPOLA__APP_CHANGE_KIND__APP_UPDATE_DONE : CUPOLA__APP_CHANGE_KIND__APP_UPDATE_STEP;
    }
    cc_change_write_app(change, kind, app->value, &value, NULL);
    return true;
}

static void on_recorded(struct change *change, enum change_outcome outcome)
{
    struct update *update = container_of(change, struct update, change);
    struct controller *controller = update->controller;
    update->state = UPDATE_PAUSED;
    struct difference difference = change->difference;
    struct app *app = find_app(update); /* Frees the update when it is over. */
    if (outcome == CHANGE_DURABLE) {
        cc_follow_up(controller, &difference);
        return;
    }
    if (app != NULL) { /* Another controller was first, or the journal is away. */
        update->step = app->value->update->step;
        rest(update, UPDATE_IDLE, outcome == CHANGE_LOST ? NS_PER_S : takeover_ns);
    }
}
