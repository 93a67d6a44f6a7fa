/* /apps/NAME/instances, /crashes and /update: what DEAs and the health manager say about an app's instances. Whoever
 * does not answer in time is left out. */
#include "core/cloud_controller/rest.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/health.h"
#include "core/cloud_controller/placement.h"

#include <string.h>

enum instance_fate { FATE_DOWN = 0, FATE_FLAPPING, FATE_STARTING, FATE_RUNNING };

struct instance_line {
    enum instance_fate fate;
    int64_t since_s;
};

/* Two questions at once: the DEAs about what there is, the health manager about what flaps. */
struct instances_call {
    struct call call;
    struct bus_request find;
    struct bus_request flapping;
    int64_t app_id;
    struct layout layout;
    struct instance_line *lines;
    size_t count;
    unsigned open_questions;
};

struct crashes_call {
    struct call call;
    struct bus_request request;
    struct text json;
};

struct update_call {
    struct call call;
    struct health_query health;
    struct bus_request request;
    bool has_crashes;
};

static void handle_instances(struct call *call);
static void release_instances(struct call *call);
static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_find_end(struct bus_request *request, bool timed_out);
static bool on_flapping(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_flapping_end(struct bus_request *request, bool timed_out);
static void handle_crashes(struct call *call);
static void release_crashes(struct call *call);
static bool on_crashed(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_crashed_end(struct bus_request *request, bool timed_out);
static void handle_update(struct call *call);
static void on_update_health(struct health_query *health);
static bool on_update_crashed(struct bus_request *request, const ProtobufCMessage *parsed,
                              const struct bus_message *message);
static void on_update_end(struct bus_request *request, bool timed_out);

static const struct route routes[] = {
    {"GET", "/apps/:/instances", ACCESS_USER, sizeof(struct instances_call), handle_instances, release_instances, NULL,
     NULL},
    {"GET", "/apps/:/crashes", ACCESS_USER, sizeof(struct crashes_call), handle_crashes, release_crashes, NULL, NULL},
    {"GET", "/apps/:/update", ACCESS_USER, sizeof(struct update_call), handle_update, NULL, NULL, NULL},
};
const struct route_table cc_instance_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct bus_request_handlers find_handlers = {.on_answer = on_found, .on_end = on_find_end};
static const struct bus_request_handlers flapping_handlers = {.on_answer = on_flapping, .on_end = on_flapping_end};
static const struct bus_request_handlers crashed_handlers = {.on_answer = on_crashed, .on_end = on_crashed_end};
static const struct bus_request_handlers update_handlers = {.on_answer = on_update_crashed, .on_end = on_update_end};

static void ask_health_manager(struct call *call, const struct app *app, const char *state, struct bus_request *request,
                               const ProtobufCMessageDescriptor *answer, const struct bus_request_handlers *handlers)
{
    char version[VERSION_CAPACITY];
    cc_app_version(app->value, version);
    Cupola__HealthStatusRequest message = CUPOLA__HEALTH_STATUS_REQUEST__INIT;
    message.has_droplet = true;
    message.droplet = app->id;
    message.version = version;
    message.state = (char *)(uintptr_t)state;
    bus_request_start(&call->controller->bus, request, "healthmanager.status", &message.base, answer, 1,
                      call->controller->config->health_timeout_ms * NS_PER_MS, handlers);
}

/* ---- GET /apps/NAME/instances ---- */

static void release_instances(struct call *call)
{
    memory_free(container_of(call, struct instances_call, call)->lines);
}

static void handle_instances(struct call *call)
{
    struct instances_call *request = container_of(call, struct instances_call, call);
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    if (!app->value->started || app->value->instances == 0) {
        Cupola__RestInstances none = CUPOLA__REST_INSTANCES__INIT;
        cc_call_answer(call, 200, &none.base);
        return;
    }
    request->app_id = app->id;
    request->count = (size_t)app->value->instances;
    request->lines = memory_new(request->count * sizeof *request->lines);
    for (size_t i = 0; i < request->count; i++)
        request->lines[i].since_s = app->value->changed_s;
    request->open_questions = 2;

    cc_app_layout(app->value, &request->layout);
    char *states[] = {(char *)(uintptr_t) "STARTING", (char *)(uintptr_t) "RUNNING"};
    Cupola__DeaFindDroplet find = CUPOLA__DEA_FIND_DROPLET__INIT;
    find.has_droplet = true;
    find.droplet = app->id;
    find.version = app->value->update == NULL ? request->layout.version : NULL;
    find.states = states;
    find.n_states = 2;
    bus_request_start(&call->controller->bus, &request->find, "dea.find.droplet", &find.base,
                      &cupola__dea_found__descriptor, (uint32_t)request->count,
                      call->controller->config->find_timeout_ms * NS_PER_MS, &find_handlers);
    ask_health_manager(call, app, "FLAPPING", &request->flapping, &cupola__flapping_reply__descriptor,
                       &flapping_handlers);
}

/* Of two instances on one index the more alive one is shown. */
static void note_fate(struct instances_call *request, int64_t index, enum instance_fate fate, int64_t since_s)
{
    if (index < 0 || index >= (int64_t)request->count || fate <= request->lines[index].fate)
        return;
    request->lines[index] = (struct instance_line){fate, since_s};
}

static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    const Cupola__DeaFound *found = (const Cupola__DeaFound *)parsed;
    struct instances_call *call = container_of(request, struct instances_call, find);
    bool is_running = found->state != NULL && strcmp(found->state, "RUNNING") == 0;
    const char *wanted = cc_layout_version(&call->layout, found->index);
    if (wanted == NULL || found->version == NULL || strcmp(wanted, found->version) == 0)
        note_fate(call, found->index, is_running ? FATE_RUNNING : FATE_STARTING, found->state_timestamp);
    return true;
}

static bool on_flapping(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    const Cupola__FlappingReply *reply = (const Cupola__FlappingReply *)parsed;
    for (size_t i = 0; i < reply->n_indices; i++)
        note_fate(container_of(request, struct instances_call, flapping), reply->indices[i]->index, FATE_FLAPPING,
                  reply->indices[i]->since);
    return true;
}

static void answer_instances(struct instances_call *request)
{
    static const char *const names[] = {"DOWN", "FLAPPING", "STARTING", "RUNNING"};
    assert_that(request->open_questions > 0);
    if (--request->open_questions > 0)
        return;
    Cupola__RestInstances answer = CUPOLA__REST_INSTANCES__INIT;
    Cupola__RestInstance *instances = memory_new(request->count * sizeof *instances);
    answer.instances = memory_new(request->count * sizeof *answer.instances);
    for (size_t i = 0; i < request->count; i++) {
        Cupola__RestInstance *instance = &instances[i];
        cupola__rest_instance__init(instance);
        instance->has_index = instance->has_since = true;
        instance->index = (int32_t)i;
        instance->state = (char *)(uintptr_t)names[request->lines[i].fate];
        instance->since = request->lines[i].since_s;
        if (request->lines[i].fate == FATE_DOWN)
            instance->reason =
                (char *)(uintptr_t)cc_placement_reason(request->call.controller, request->app_id, (int32_t)i);
        answer.instances[answer.n_instances++] = instance;
    }
    struct text json = {0};
    json_write(&json, &answer.base);
    memory_free(answer.instances);
    memory_free(instances);
    cc_call_answer_json(&request->call, 200, &json);
}

static void on_find_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    answer_instances(container_of(request, struct instances_call, find));
}

static void on_flapping_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    answer_instances(container_of(request, struct instances_call, flapping));
}

/* ---- GET /apps/NAME/crashes ---- */

static void release_crashes(struct call *call)
{
    text_free(&container_of(call, struct crashes_call, call)->json);
}

static void handle_crashes(struct call *call)
{
    struct crashes_call *request = container_of(call, struct crashes_call, call);
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app != NULL)
        ask_health_manager(call, app, "CRASHED", &request->request, &cupola__crashed_reply__descriptor,
                           &crashed_handlers);
}

/* `since` must be a number: v1 clients break on null. */
static bool on_crashed(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct crashes_call *call = container_of(request, struct crashes_call, request);
    const Cupola__CrashedReply *reply = (const Cupola__CrashedReply *)parsed;
    Cupola__RestCrashes answer = CUPOLA__REST_CRASHES__INIT;
    Cupola__RestCrash *crashes = memory_new(reply->n_instances * sizeof *crashes);
    answer.crashes = memory_new(reply->n_instances * sizeof *answer.crashes);
    for (size_t i = 0; i < reply->n_instances; i++) {
        if (reply->instances[i]->instance == NULL)
            continue;
        Cupola__RestCrash *crash = &crashes[answer.n_crashes];
        cupola__rest_crash__init(crash);
        crash->instance = reply->instances[i]->instance;
        crash->has_since = true;
        crash->since = reply->instances[i]->since;
        crash->reason = reply->instances[i]->reason;
        answer.crashes[answer.n_crashes++] = crash;
    }
    text_clear(&call->json);
    json_write(&call->json, &answer.base);
    memory_free(answer.crashes);
    memory_free(crashes);
    return true;
}

static void on_crashed_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct crashes_call *call = container_of(request, struct crashes_call, request);
    struct text json = call->json;
    call->json = (struct text){0};
    if (json.size == 0)
        text_add_string(&json, "{\"crashes\":[]}");
    cc_call_answer_json(&call->call, 200, &json);
}

/* ---- GET /apps/NAME/update ---- */

static void answer_update(struct update_call *request, const struct app *app, const char *state)
{
    Cupola__RestUpdate answer = CUPOLA__REST_UPDATE__INIT;
    answer.state = (char *)(uintptr_t)state;
    answer.has_since = true;
    answer.since = app->value->changed_s;
    answer.reason = app->value->last_update_reason;
    if (app->value->update != NULL) {
        answer.has_replaced = answer.has_instances = true;
        answer.replaced = app->value->update->first;
        answer.instances = app->value->instances;
    }
    cc_call_answer(&request->call, 200, &answer.base);
}

static void handle_update(struct call *call)
{
    struct update_call *request = container_of(call, struct update_call, call);
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    const Cupola__JournalApp *value = app->value;
    bool has_failed = value->package_state == CUPOLA__PACKAGE_STATE__PACKAGE_FAILED ||
                      (value->has_last_update && value->last_update == CUPOLA__UPDATE_END__UPDATE_RETURNED);
    if (!value->started || (has_failed && value->update == NULL))
        answer_update(request, app, "CANARY_FAILED");
    else if (cc_app_needs_staging(value) || value->update != NULL)
        answer_update(request, app, "UPDATING");
    else if (value->has_last_update && value->last_update == CUPOLA__UPDATE_END__UPDATE_SUCCEEDED)
        answer_update(request, app, "SUCCEEDED"); /* Each instance has proven itself. */
    else
        cc_health_ask(call->controller, &request->health, call->email, app->value->name, on_update_health);
}

static void on_update_health(struct health_query *health)
{
    struct update_call *request = container_of(health, struct update_call, health);
    const struct app *app = cc_call_find_app(&request->call, request->call.arguments[0]);
    if (app == NULL)
        return;
    if (cc_health_of(health, app) >= app->value->instances)
        answer_update(request, app, "SUCCEEDED");
    else
        ask_health_manager(&request->call, app, "CRASHED", &request->request, &cupola__crashed_reply__descriptor,
                           &update_handlers);
}

static bool on_update_crashed(struct bus_request *request, const ProtobufCMessage *parsed,
                              const struct bus_message *message)
{
    (void)message;
    container_of(request, struct update_call, request)->has_crashes =
        ((const Cupola__CrashedReply *)parsed)->n_instances > 0;
    return true;
}

static void on_update_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct update_call *call = container_of(request, struct update_call, request);
    const struct app *app = cc_call_find_app(&call->call, call->call.arguments[0]);
    if (app != NULL)
        answer_update(call, app, call->has_crashes ? "CANARY_FAILED" : "UPDATING");
}
