/* /cupola/v1/apps/NAME/...: what v1 has no words for and changes an app: rollback, the end of an update, settings,
 * collaborators. docs/api/openapi.yaml describes each. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/memory.h"
#include "core/cloud_controller/state/runs.h"

#include <stdio.h>
#include <string.h>

enum { MAX_COLLABORATORS = 64, MAX_HOLD_MS = 3600000, MAX_GRACE_MS = 600000, MAX_TEXT = 128, MAX_PROBE_MS = 600000 };

struct own_call {
    struct call call;
    struct change change;
    struct refusal refusal;
    ProtobufCMessage *body; /* Of its route's kind. */
    bool removes;           /* The collaborator. */
};

static void handle_rollback(struct call *call);
static void handle_cancel(struct call *call);
static void handle_get_settings(struct call *call);
static void handle_put_settings(struct call *call);
static void handle_list_collaborators(struct call *call);
static void handle_add_collaborator(struct call *call);
static void handle_remove_collaborator(struct call *call);
static void release(struct call *call);

#define OWN(method, pattern, handle)                                                                                   \
    {                                                                                                                  \
        method, "/cupola/v1/apps/:/" pattern, ACCESS_USER, sizeof(struct own_call), handle, release, NULL, NULL        \
    }
static const struct route routes[] = {
    OWN("POST", "rollback", handle_rollback),
    OWN("DELETE", "update", handle_cancel),
    OWN("GET", "settings", handle_get_settings),
    OWN("PUT", "settings", handle_put_settings),
    OWN("GET", "collaborators", handle_list_collaborators),
    OWN("PUT", "collaborators/:", handle_add_collaborator),
    OWN("DELETE", "collaborators/:", handle_remove_collaborator),
};
const struct route_table cc_own_routes = {routes, sizeof routes / sizeof routes[0]};

static void release(struct call *call)
{
    struct own_call *request = container_of(call, struct own_call, call);
    if (request->body != NULL)
        protobuf_c_message_free_unpacked(request->body, NULL);
}

static void on_changed(struct change *change, enum change_outcome outcome)
{
    struct own_call *request = container_of(change, struct own_call, change);
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(&request->call, outcome, &request->refusal);
        return;
    }
    cc_follow_up(change->controller, &change->difference);
    cc_call_answer_nothing(&request->call);
}

static void submit(struct own_call *request, bool (*prepare)(struct change *change))
{
    request->change.prepare = prepare;
    request->change.done = on_changed;
    cc_journal_submit(request->call.controller, &request->change);
}

/* NULL: the change is refused. */
static const struct app *find_app(struct own_call *request)
{
    const struct app *app =
        cc_state_find_app_for(&request->call.controller->state, request->call.email, request->call.arguments[0]);
    if (app == NULL)
        cc_refusal_set(&request->refusal, ERROR_APP_NOT_FOUND, NULL, NULL);
    return app;
}

static bool refuse(struct own_call *request, enum cloud_error error, const char *text)
{
    cc_refusal_set(&request->refusal, error, text, NULL);
    return false;
}

/* Writes the value back as a whole new one. */
static bool write_value(struct own_call *request, Cupola__AppChangeKind kind, const struct app *app,
                        Cupola__JournalApp *value)
{
    value->has_lock_version = true;
    value->lock_version++;
    cc_change_write_app(&request->change, kind, app->value, value, request->call.email);
    return true;
}

/* ---- POST rollback ---- */

static bool prepare_rollback(struct change *change);

static void handle_rollback(struct call *call)
{
    struct own_call *request = container_of(call, struct own_call, call);
    if (call->exchange->body.size > 0 && !cc_call_read_body(call, &cupola__rest_rollback__descriptor, &request->body))
        return;
    submit(request, prepare_rollback);
}

/* The one that was named, or the newest before the current one. */
static const Cupola__JournalRun *choose_revision(const struct own_call *request, const Cupola__JournalApp *value)
{
    const Cupola__RestRollback *body = (const Cupola__RestRollback *)request->body;
    if (body != NULL && body->has_revision)
        return cc_run_find_revision(value, body->revision);
    const Cupola__JournalRun *chosen = NULL;
    for (size_t i = 0; i < value->n_revisions; i++)
        if (value->revisions[i]->revision < value->revision)
            chosen = value->revisions[i];
    return chosen;
}

static bool prepare_rollback(struct change *change)
{
    struct own_call *request = container_of(change, struct own_call, change);
    const struct app *app = find_app(request);
    if (app == NULL)
        return false;
    if (app->value->update != NULL)
        return refuse(request, ERROR_UPDATING, NULL);
    const Cupola__JournalRun *run = choose_revision(request, app->value);
    if (run == NULL)
        return refuse(request, ERROR_BAD_REQUEST_AT, "revision: there is no such revision to go back to");
    Cupola__JournalApp value = *app->value;
    struct run_draft draft = {.now_s = machine_wall_seconds(&change->controller->machine)};
    cc_run_adopt(&value, run);
    if (value.run_live)
        cc_run_replace(&draft, app->value, &value, "rolled back");
    return write_value(request, CUPOLA__APP_CHANGE_KIND__APP_ROLLED_BACK, app, &value);
}

/* ---- DELETE update ---- */

static bool prepare_cancel(struct change *change)
{
    struct own_call *request = container_of(change, struct own_call, change);
    const struct app *app = find_app(request);
    if (app == NULL)
        return false;
    if (app->value->update == NULL || app->value->update->is_return)
        return refuse(request, ERROR_BAD_REQUEST_AT, "there is no update to cancel");
    Cupola__JournalApp value = *app->value;
    struct run_draft draft = {.now_s = machine_wall_seconds(&change->controller->machine)};
    char reason[160];
    snprintf(reason, sizeof reason, "cancelled by %s", request->call.email);
    cc_update_return(&draft, &value, CUPOLA__UPDATE_END__UPDATE_CANCELLED, reason);
    return write_value(request, CUPOLA__APP_CHANGE_KIND__APP_UPDATE_RETURNS, app, &value);
}

static void handle_cancel(struct call *call)
{
    submit(container_of(call, struct own_call, call), prepare_cancel);
}

/* ---- Settings ---- */

static void handle_get_settings(struct call *call)
{
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    Cupola__JournalSettings none = CUPOLA__JOURNAL_SETTINGS__INIT;
    cc_call_answer(call, 200, app->value->settings == NULL ? &none.base : &app->value->settings->base);
}

static bool is_in(bool is_given, int32_t number, int32_t low, int32_t high)
{
    return !is_given || (number >= low && number <= high);
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count && text != NULL; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return text == NULL;
}

/* What is wrong with a probe, or NULL. */
static const char *find_probe_fault(const Cupola__HealthProbe *probe)
{
    static const char *const types[] = {"port", "http", "process"};
    if (probe == NULL)
        return NULL;
    if (!is_one_of(probe->type, types, 3))
        return "type: expected port, http or process";
    if (probe->path != NULL && (probe->path[0] != '/' || strlen(probe->path) > MAX_TEXT))
        return "path: expected one that begins with /";
    if (!is_in(probe->has_interval_ms, probe->interval_ms, 100, MAX_PROBE_MS) ||
        !is_in(probe->has_timeout_ms, probe->timeout_ms, 10, MAX_PROBE_MS))
        return "interval_ms or timeout_ms: out of range";
    return is_in(probe->has_failures, probe->failures, 1, 100) ? NULL : "failures: expected 1 to 100";
}

static bool check_health(const Cupola__HealthChecks *health, char *ret_fault, size_t size)
{
    if (health == NULL)
        return true;
    const Cupola__HealthProbe *probes[] = {health->startup, health->liveness, health->readiness};
    static const char *const names[] = {"startup", "liveness", "readiness"};
    for (size_t i = 0; i < 3; i++) {
        const char *fault = find_probe_fault(probes[i]);
        if (fault == NULL)
            continue;
        snprintf(ret_fault, size, "health.%s.%s", names[i], fault);
        return false;
    }
    if (is_in(health->has_startup_timeout_ms, health->startup_timeout_ms, 1000, MAX_PROBE_MS))
        return true;
    snprintf(ret_fault, size, "health.startup_timeout_ms: expected 1000 to %d", MAX_PROBE_MS);
    return false;
}

static bool check_settings(const Cupola__JournalSettings *settings, char *ret_fault, size_t size)
{
    static const char *const balances[] = {"round-robin", "least-connection", "random", "hash"};
    static const char *const protocols[] = {"http1", "http2"};
    const char *fault = NULL;
    if (!is_in(settings->has_canary, settings->canary, 1, 1000))
        fault = "canary: expected 1 to 1000";
    else if (!is_in(settings->has_batch_percent, settings->batch_percent, 1, 100))
        fault = "batch_percent: expected 1 to 100";
    else if (!is_in(settings->has_hold_ms, settings->hold_ms, 0, MAX_HOLD_MS))
        fault = "hold_ms: expected 0 to 3600000";
    else if (!is_in(settings->has_ready_ms, settings->ready_ms, 1000, MAX_HOLD_MS))
        fault = "ready_ms: expected 1000 to 3600000";
    else if (!is_in(settings->has_grace_ms, settings->grace_ms, 0, MAX_GRACE_MS))
        fault = "grace_ms: expected 0 to 600000";
    else if (!is_one_of(settings->balance, balances, 4))
        fault = "balance: expected round-robin, least-connection, random or hash";
    else if (settings->balance_header != NULL && strlen(settings->balance_header) > MAX_TEXT)
        fault = "balance_header: too long";
    else if (!is_one_of(settings->protocol, protocols, 2))
        fault = "protocol: expected http1 or http2";
    if (fault == NULL)
        return check_health(settings->health, ret_fault, size);
    snprintf(ret_fault, size, "%s", fault);
    return false;
}

static bool prepare_settings(struct change *change)
{
    struct own_call *request = container_of(change, struct own_call, change);
    const struct app *app = find_app(request);
    if (app == NULL)
        return false;
    Cupola__JournalApp value = *app->value;
    value.settings = (Cupola__JournalSettings *)request->body;
    return write_value(request, CUPOLA__APP_CHANGE_KIND__APP_SETTINGS, app, &value);
}

static void handle_put_settings(struct call *call)
{
    struct own_call *request = container_of(call, struct own_call, call);
    char fault[160];
    if (!cc_call_read_strictly(call, &cupola__journal_settings__descriptor, &request->body))
        return;
    if (check_settings((const Cupola__JournalSettings *)request->body, fault, sizeof fault))
        submit(request, prepare_settings);
    else
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, fault, NULL);
}

/* ---- Collaborators ---- */

static void handle_list_collaborators(struct call *call)
{
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    Cupola__RestCollaborators answer = CUPOLA__REST_COLLABORATORS__INIT;
    answer.owner = app->value->owner;
    answer.collaborators = app->value->collaborators;
    answer.n_collaborators = app->value->n_collaborators;
    cc_call_answer(call, 200, &answer.base);
}

static bool prepare_collaborators(struct change *change)
{
    struct own_call *request = container_of(change, struct own_call, change);
    const struct state *state = &change->controller->state;
    const struct app *app = cc_state_find_owned(state, request->call.email, request->call.arguments[0]);
    const char *email = request->call.arguments[1];
    if (app == NULL) /* Only the owner decides who else may. */
        return refuse(request, ERROR_APP_NOT_FOUND, NULL);
    if (!request->removes && cc_state_find_user(state, email) == NULL)
        return refuse(request, ERROR_USER_NOT_FOUND, NULL);
    char *list[MAX_COLLABORATORS + 1];
    size_t count = 0;
    for (size_t i = 0; i < app->value->n_collaborators; i++)
        if (strcmp(app->value->collaborators[i], email) != 0)
            list[count++] = app->value->collaborators[i];
    if (!request->removes && count == MAX_COLLABORATORS)
        return refuse(request, ERROR_BAD_REQUEST_AT, "too many collaborators");
    if (!request->removes && strcmp(email, app->value->owner) != 0)
        list[count++] = (char *)(uintptr_t)email;
    Cupola__JournalApp value = *app->value;
    value.collaborators = list;
    value.n_collaborators = count;
    return write_value(request, CUPOLA__APP_CHANGE_KIND__APP_CHANGED, app, &value);
}

static void handle_add_collaborator(struct call *call)
{
    submit(container_of(call, struct own_call, call), prepare_collaborators);
}

static void handle_remove_collaborator(struct call *call)
{
    struct own_call *request = container_of(call, struct own_call, call);
    request->removes = true;
    submit(request, prepare_collaborators);
}
