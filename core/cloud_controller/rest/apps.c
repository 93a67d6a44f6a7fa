/* /apps: list, read, create, delete. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/instances/health.h"
#include "core/cloud_controller/rest/app_request.h"

#include <string.h>

/* v1's defaults of a new app. */
enum { DEFAULT_MEMORY_MB = 256, DEFAULT_DISK_MB = 2048, DEFAULT_DESCRIPTORS = 256, MAX_NAME_SIZE = 128 };

struct read_call {
    struct call call;
    struct health_query health;
};

struct create_call {
    struct call call;
    struct change change;
    struct app_request request;
    char nonce[33];
    struct refusal refusal;
};

static void handle_list(struct call *call);
static void handle_get(struct call *call);
static void handle_create(struct call *call);
static void handle_delete(struct call *call);
static void release_create(struct call *call);
static void answer_list(struct health_query *health);
static void answer_get(struct health_query *health);
static bool prepare_create(struct change *change);
static void on_created(struct change *change, enum change_outcome outcome);
static bool prepare_delete(struct change *change);
static void on_deleted(struct change_call *request);

static const struct route routes[] = {
    {"GET", "/apps", ACCESS_USER, sizeof(struct read_call), handle_list, NULL, NULL, NULL},
    {"POST", "/apps", ACCESS_USER, sizeof(struct create_call), handle_create, release_create, NULL, NULL},
    {"GET", "/apps/:", ACCESS_USER, sizeof(struct read_call), handle_get, NULL, NULL, NULL},
    {"DELETE", "/apps/:", ACCESS_USER, sizeof(struct change_call), handle_delete, NULL, NULL, NULL},
};
const struct route_table cc_app_routes = {routes, sizeof routes / sizeof routes[0]};

/* ---- Reading ---- */

/* What the journal did not confirm is marked as stale: people still see what they have, and a write that rests on it is
 * checked by its lock version. `running` -1: nobody knows. v1 says so by null, and its clients look at the key without
 * asking whether it is there.
 */
static void write_app(const struct call *call, const struct app *app, const struct health_query *health,
                      int32_t running, struct text *json)
{
    const Cupola__JournalApp *value = app->value;
    Cupola__RestStaging staging = CUPOLA__REST_STAGING__INIT;
    staging.model = value->framework;
    staging.stack = value->runtime;
    staging.command = value->command;
    Cupola__RestResources resources = CUPOLA__REST_RESOURCES__INIT;
    resources.has_memory = resources.has_disk = resources.has_fds = true;
    resources.memory = value->memory_mb;
    resources.disk = value->disk_mb;
    resources.fds = value->descriptors;
    Cupola__RestMeta meta = CUPOLA__REST_META__INIT;
    meta.has_version = meta.has_created = true;
    meta.version = value->lock_version;
    meta.has_stale = meta.stale = call->is_stale;                    /* Only then there at all. */
    meta.created = machine_wall_seconds(&call->controller->machine); /* As v1: the time of the answer. */
    int64_t health_age_s = value->started && running >= 0 ? cc_health_age_s(health, app) : -1;
    meta.has_health_age = health_age_s >= 0;
    meta.health_age = health_age_s;
    char version[VERSION_CAPACITY];
    cc_app_version(value, version);

    Cupola__RestApp answer = CUPOLA__REST_APP__INIT;
    answer.name = value->name;
    answer.staging = &staging;
    answer.uris = value->uris;
    answer.n_uris = value->n_uris;
    answer.has_instances = true;
    answer.instances = value->instances;
    answer.has_runninginstances = running >= 0;
    answer.runninginstances = running;
    answer.resources = &resources;
    answer.state = (char *)(uintptr_t)cc_app_state_name(value);
    answer.version = version;
    answer.env = value->env;
    answer.n_env = call->is_auditor ? 0 : value->n_env;
    answer.meta = &meta;
    answer.services = memory_new(value->n_bindings * sizeof(char *));
    for (size_t i = 0; i < value->n_bindings; i++) {
        const struct service *service = cc_service_find(&call->controller->state, value->bindings[i]->service);
        answer.services[answer.n_services++] = service->value->name;
    }
    answer.package = (char *)(uintptr_t)cc_app_package_name(value);
    struct text object = {0};
    json_write(&object, &answer.base);
    memory_free(answer.services);
    assert_that(object.size > 2);
    text_add_string(json, running >= 0 ? "{" : "{\"runningInstances\":null,");
    text_add(json, text_string(&object) + 1, object.size - 1);
    text_free(&object);
}

static void handle_list(struct call *call)
{
    struct read_call *request = container_of(call, struct read_call, call);
    cc_health_ask(call->controller, &request->health, call->email, NULL, answer_list);
}

static void answer_list(struct health_query *health)
{
    struct read_call *request = container_of(health, struct read_call, health);
    struct call *call = &request->call;
    struct text json = {0};
    text_add_char(&json, '[');
    const struct state *state = &call->controller->state;
    struct visible_apps cursor = {.email = call->email};
    for (const struct app *app; (app = cc_lists_next_visible(state, &cursor)) != NULL;) {
        if (json.size > 1)
            text_add_char(&json, ',');
        write_app(call, app, health, app->value->started ? cc_health_of(health, app) : -1, &json);
    }
    text_add_char(&json, ']');
    cc_call_answer_json(call, 200, &json);
}

static void handle_get(struct call *call)
{
    struct read_call *request = container_of(call, struct read_call, call);
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app != NULL)
        cc_health_ask(call->controller, &request->health, call->email, call->arguments[0], answer_get);
}

static void answer_get(struct health_query *health)
{
    struct read_call *request = container_of(health, struct read_call, health);
    struct call *call = &request->call;
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    struct text json = {0};
    write_app(call, app, health, app->value->started ? cc_health_of(health, app) : 0, &json);
    cc_call_answer_json(call, 200, &json);
}

/* ---- POST /apps ---- */

static bool is_name(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return size > 0 && size <= MAX_NAME_SIZE;
}

static void release_create(struct call *call)
{
    cc_app_request_free(&container_of(call, struct create_call, call)->request);
}

static void handle_create(struct call *call)
{
    struct create_call *request = container_of(call, struct create_call, call);
    if (!cc_app_request_read(&request->request, call))
        return;
    const char *name = request->request.body->name;
    if (name == NULL || !is_name(name)) {
        cc_call_fail(call, ERROR_APP_INVALID_AT, "name: expected letters, digits, _ and - only", NULL);
        return;
    }
    random_hex(&call->controller->nonces, request->nonce, 16);
    request->change.prepare = prepare_create;
    request->change.done = on_created;
    cc_journal_submit(call->controller, &request->change);
}

static Cupola__JournalApp new_value(const struct create_call *request, const struct controller *controller)
{
    Cupola__JournalApp value = CUPOLA__JOURNAL_APP__INIT;
    value.has_id = value.has_memory_mb = value.has_disk_mb = value.has_descriptors = value.has_instances = true;
    value.has_run_count = value.has_created_s = value.has_package_state = true;
    value.id = controller->state.last_app_id + 1;
    value.owner = request->call.email;
    value.name = request->request.body->name;
    value.memory_mb = DEFAULT_MEMORY_MB;
    value.disk_mb = DEFAULT_DISK_MB;
    value.descriptors = DEFAULT_DESCRIPTORS;
    value.created_s = machine_wall_seconds(&controller->machine);
    value.nonce = (char *)(uintptr_t)request->nonce;
    value.package_state = CUPOLA__PACKAGE_STATE__PACKAGE_NONE;
    return value;
}

/* v1 let two apps have one name and then found only the first; its clients look before they create. */
static bool prepare_create(struct change *change)
{
    struct create_call *request = container_of(change, struct create_call, change);
    const struct controller *controller = change->controller;
    if (cc_state_find_user(&controller->state, request->call.email) == NULL) {
        cc_refusal_set(&request->refusal, ERROR_FORBIDDEN, NULL, NULL);
        return false;
    }
    if (cc_state_find_owned(&controller->state, request->call.email, request->request.body->name) != NULL) {
        cc_refusal_set(&request->refusal, ERROR_APP_INVALID_AT, "name: there is such an app already", NULL);
        return false;
    }
    Cupola__JournalApp value = new_value(request, controller);
    struct run_draft draft = {0};
    if (!cc_app_request_apply(&request->request, controller, NULL, &value, &draft, &request->refusal))
        return false;
    cc_change_write_app(change, CUPOLA__APP_CHANGE_KIND__APP_CREATED, NULL, &value, request->call.email);
    return true;
}

static void on_created(struct change *change, enum change_outcome outcome)
{
    struct create_call *request = container_of(change, struct create_call, change);
    struct call *call = &request->call;
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(call, outcome, &request->refusal);
        return;
    }
    cc_follow_up(change->controller, &change->difference);
    struct text location = {0};
    if (call->exchange != NULL) {
        struct http_text host = call->exchange->head.host;
        text_addf(&location, "http://%.*s/apps/%s", (int)host.size, host.data, request->request.body->name);
    }
    Cupola__RestCreated answer = CUPOLA__REST_CREATED__INIT;
    answer.result = (char *)(uintptr_t) "success";
    answer.redirect = (char *)(uintptr_t)text_string(&location);
    cc_call_answer_moved(call, text_string(&location), &answer.base);
    text_free(&location);
}

/* ---- DELETE /apps/NAME ---- */

static void handle_delete(struct call *call)
{
    cc_change_call_submit(container_of(call, struct change_call, call), prepare_delete, on_deleted);
}

static bool prepare_delete(struct change *change)
{
    struct change_call *request = container_of(change, struct change_call, change);
    const struct app *app =
        cc_state_find_owned(&change->controller->state, request->call.email, request->call.arguments[0]);
    if (app == NULL) {
        cc_refusal_set(&request->refusal, ERROR_APP_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__AppDeletion deletion = CUPOLA__APP_DELETION__INIT;
    deletion.has_id = true;
    deletion.id = app->id;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_APP_DELETED;
    entry.app_deleted = &deletion;
    cc_change_write(change, &entry, request->call.email);
    return true;
}

static void on_deleted(struct change_call *request)
{
    cc_follow_up(request->call.controller, &request->change.difference);
    cc_gateway_clean_up(request->call.controller);
    cc_call_answer_blank(&request->call);
}
