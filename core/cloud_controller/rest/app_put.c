/* PUT /apps/NAME: start, stop, scale, map, and everything else that v1 clients do by writing back what they read.
 *
 * One entry holds the whole change, validated as a whole: nothing of a refused request is stored. A change of the state
 * or of the number of instances waits for staging, but never longer than clients do.
 */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/cloud_controller/rest/app_request.h"
#include "core/cloud_controller/staging/staging.h"

struct put_call {
    struct call call;
    struct change change;
    struct app_request request;
    struct stage_waiter waiter;
    bool waits; /* The state or the number of instances changes. */
    struct refusal refusal;
};

struct rerun_call {
    struct call call;
    struct change change;
    struct stage_waiter waiter;
    bool has_meta;
    int64_t meta_version;
    struct refusal refusal;
};

static void handle_put(struct call *call);
static void release_put(struct call *call);
static void on_bound(struct binder *binder);
static bool prepare_put(struct change *change);
static void on_put(struct change *change, enum change_outcome outcome);
static void on_put_staged(struct stage_waiter *waiter, const struct refusal *failure);
static void handle_rerun(struct call *call);
static bool prepare_rerun(struct change *change);
static void on_rerun(struct change *change, enum change_outcome outcome);
static void on_rerun_staged(struct stage_waiter *waiter, const struct refusal *failure);

static const struct route routes[] = {
    {"PUT", "/apps/:", ACCESS_USER, sizeof(struct put_call), handle_put, release_put, NULL, NULL},
    {"PUT", "/apps/:/update", ACCESS_USER, sizeof(struct rerun_call), handle_rerun, NULL, NULL, NULL},
};
const struct route_table cc_app_put_routes = {routes, sizeof routes / sizeof routes[0]};

static void release_put(struct call *call)
{
    cc_app_request_free(&container_of(call, struct put_call, call)->request);
}

static void submit(struct put_call *request)
{
    request->change.prepare = prepare_put;
    request->change.done = on_put;
    cc_journal_submit(request->call.controller, &request->change);
}

static void handle_put(struct call *call)
{
    struct put_call *request = container_of(call, struct put_call, call);
    if (!cc_app_request_read(&request->request, call))
        return;
    const struct app *app = cc_state_find_app_for(&call->controller->state, call->email, call->arguments[0]);
    const Cupola__RestApp *body = request->request.body;
    bool is_outdated =
        app != NULL && body->meta != NULL && body->meta->has_version && body->meta->version != app->value->lock_version;
    /* For those nothing is made; the change says why, once the journal has confirmed it. */
    if (app == NULL || is_outdated)
        submit(request);
    else
        cc_binder_begin(&request->request.binder, call->controller, app, body->services, body->n_services, on_bound);
}

static void on_bound(struct binder *binder)
{
    struct put_call *request = container_of(binder, struct put_call, request.binder);
    if (binder->refusal.error == ERROR_NONE) {
        submit(request);
        return;
    }
    cc_binder_settle(binder, CHANGE_REFUSED);
    cc_call_refuse(&request->call, &binder->refusal);
}

static bool prepare_put(struct change *change)
{
    struct put_call *request = container_of(change, struct put_call, change);
    const struct controller *controller = change->controller;
    const struct app *app = cc_state_find_app_for(&controller->state, request->call.email, request->call.arguments[0]);
    if (app == NULL) {
        cc_refusal_set(&request->refusal, ERROR_APP_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__JournalApp value = *app->value;
    struct run_draft draft = {0};
    if (!cc_app_request_apply(&request->request, controller, app->value, &value, &draft, &request->refusal))
        return false;
    request->waits = value.started != app->value->started || value.instances != app->value->instances;
    cc_change_write_app(change, CUPOLA__APP_CHANGE_KIND__APP_CHANGED, app->value, &value, request->call.email);
    return true;
}

static void on_put(struct change *change, enum change_outcome outcome)
{
    struct put_call *request = container_of(change, struct put_call, change);
    struct call *call = &request->call;
    struct controller *controller = change->controller;
    cc_binder_settle(&request->request.binder, outcome);
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(call, outcome, &request->refusal);
        return;
    }
    cc_follow_up(controller, &change->difference);
    struct app *app = cc_state_find_app_for(&controller->state, call->email, call->arguments[0]);
    bool stages = app != NULL && cc_app_needs_staging(app->value);
    if (stages && request->waits) {
        cc_staging_wait(controller, app, &request->waiter, on_put_staged);
        return;
    }
    if (stages)
        cc_staging_request(controller, app);
    cc_call_answer_blank(call);
}

static void on_put_staged(struct stage_waiter *waiter, const struct refusal *failure)
{
    struct put_call *request = container_of(waiter, struct put_call, waiter);
    if (failure == NULL)
        cc_call_answer_blank(&request->call);
    else
        cc_call_refuse(&request->call, failure);
}

/* ---- PUT /apps/NAME/update: a new run in the place of the old one, without a gap ---- */

/* The body is optional; all that counts in it is the lock. */
static void handle_rerun(struct call *call)
{
    struct rerun_call *request = container_of(call, struct rerun_call, call);
    if (call->exchange->body.size > 0) {
        Cupola__RestApp *body = NULL;
        if (!cc_call_read_body(call, &cupola__rest_app__descriptor, &body))
            return;
        request->has_meta = body->meta != NULL && body->meta->has_version;
        request->meta_version = request->has_meta ? body->meta->version : 0;
        cupola__rest_app__free_unpacked(body, NULL);
    }
    request->change.prepare = prepare_rerun;
    request->change.done = on_rerun;
    cc_journal_submit(call->controller, &request->change);
}

static enum cloud_error find_rerun_fault(const struct rerun_call *request, const struct app *app)
{
    if (app == NULL)
        return ERROR_APP_NOT_FOUND;
    if (!app->value->started)
        return ERROR_APP_STOPPED;
    if (request->has_meta && request->meta_version != app->value->lock_version)
        return ERROR_LOCKING;
    if (app->value->update != NULL)
        return ERROR_UPDATING;
    return ERROR_NONE;
}

static bool prepare_rerun(struct change *change)
{
    struct rerun_call *request = container_of(change, struct rerun_call, change);
    const struct app *app =
        cc_state_find_app_for(&change->controller->state, request->call.email, request->call.arguments[0]);
    enum cloud_error fault = find_rerun_fault(request, app);
    if (fault != ERROR_NONE) {
        cc_refusal_set(&request->refusal, fault, NULL, NULL);
        return false;
    }
    Cupola__JournalApp value = *app->value;
    value.has_lock_version = true;
    value.lock_version++;
    struct run_draft draft = {.now_s = machine_wall_seconds(&change->controller->machine)};
    bool can_run = !cc_app_needs_staging(&value) && value.droplet_sha1 != NULL; /* Otherwise the end of staging can. */
    if (can_run && value.run_live)
        cc_run_replace(&draft, app->value, &value, "updated");
    else if (can_run)
        cc_run_begin(&draft, &value, "updated");
    cc_change_write_app(change, CUPOLA__APP_CHANGE_KIND__APP_UPDATED, app->value, &value, request->call.email);
    return true;
}

static void on_rerun(struct change *change, enum change_outcome outcome)
{
    struct rerun_call *request = container_of(change, struct rerun_call, change);
    struct call *call = &request->call;
    struct controller *controller = change->controller;
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(call, outcome, &request->refusal);
        return;
    }
    cc_follow_up(controller, &change->difference);
    struct app *app = cc_state_find_app_for(&controller->state, call->email, call->arguments[0]);
    if (app != NULL && cc_app_needs_staging(app->value))
        cc_staging_wait(controller, app, &request->waiter, on_rerun_staged);
    else
        cc_call_answer_nothing(call);
}

static void on_rerun_staged(struct stage_waiter *waiter, const struct refusal *failure)
{
    struct rerun_call *request = container_of(waiter, struct rerun_call, waiter);
    if (failure == NULL)
        cc_call_answer_nothing(&request->call);
    else
        cc_call_refuse(&request->call, failure);
}
