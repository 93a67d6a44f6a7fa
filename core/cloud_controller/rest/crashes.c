/* GET /apps/NAME/crashes and /update: what the health manager says about an app's crashes, and what became of an
 * update.
 *
 * While the health manager is silent, those who have heard of crashes or keep them are asked: ourselves, if the app is
 * no older than we are, or else the DEAs, which keep the files of crashed instances for an hour. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/instances/health.h"
#include "core/cloud_controller/instances/known.h"
#include "core/cloud_controller/state/events.h"

#include <string.h>

struct crashes_call {
    struct call call;
    struct bus_request request;
    struct bus_request find; /* Asks the DEAs. */
    bool is_finding;
    struct timer soon;
    int64_t app_id;
    Cupola__RestCrash *found; /* By DEAs; texts are our own. */
    size_t found_count;
    struct text json;
};

struct update_call {
    struct call call;
    struct health_query health;
    struct bus_request request;
    bool has_crashes;
};

static void handle_crashes(struct call *call);
static void on_crashes_soon(struct timer *timer);
static void release_crashes(struct call *call);
static bool on_crashed(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_crashed_end(struct bus_request *request, bool timed_out);
static void answer_without_health_manager(struct crashes_call *request);
static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_find_end(struct bus_request *request, bool timed_out);
static void handle_update(struct call *call);
static void on_update_health(struct health_query *health);
static bool on_update_crashed(struct bus_request *request, const ProtobufCMessage *parsed,
                              const struct bus_message *message);
static void on_update_end(struct bus_request *request, bool timed_out);

static const struct route routes[] = {
    {"GET", "/apps/:/crashes", ACCESS_USER, sizeof(struct crashes_call), handle_crashes, release_crashes, NULL, NULL},
    {"GET", "/apps/:/update", ACCESS_USER, sizeof(struct update_call), handle_update, NULL, NULL, NULL},
};
const struct route_table cc_crash_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct bus_request_handlers crashed_handlers = {.on_answer = on_crashed, .on_end = on_crashed_end};
static const struct bus_request_handlers find_handlers = {.on_answer = on_found, .on_end = on_find_end};
static const struct bus_request_handlers update_handlers = {.on_answer = on_update_crashed, .on_end = on_update_end};

static void ask_health_manager(struct call *call, const struct app *app, struct bus_request *request,
                               const struct bus_request_handlers *handlers)
{
    char version[VERSION_CAPACITY];
    cc_app_version(app->value, version);
    Cupola__HealthStatusRequest message = CUPOLA__HEALTH_STATUS_REQUEST__INIT;
    message.has_droplet = true;
    message.droplet = app->id;
    message.version = version;
    message.state = (char *)(uintptr_t) "CRASHED";
    bus_request_start(&call->controller->bus, request, "healthmanager.status", &message.base,
                      &cupola__crashed_reply__descriptor, 1, call->controller->config->health_timeout_ms * NS_PER_MS,
                      handlers);
}

/* ---- GET /apps/NAME/crashes ---- */

static void release_crashes(struct call *call)
{
    struct crashes_call *request = container_of(call, struct crashes_call, call);
    for (size_t i = 0; i < request->found_count; i++) {
        memory_free(request->found[i].instance);
        memory_free(request->found[i].reason);
    }
    memory_free(request->found);
    text_free(&request->json);
}

static void handle_crashes(struct call *call)
{
    struct crashes_call *request = container_of(call, struct crashes_call, call);
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    request->app_id = app->id;
    timer_set(&call->controller->machine, &request->soon, KNOWN_SOON_NS, on_crashes_soon);
    ask_health_manager(call, app, &request->request, &crashed_handlers);
}

static void ask_deas(struct crashes_call *request, const struct app *app)
{
    struct controller *controller = request->call.controller;
    char version[VERSION_CAPACITY];
    char *state = (char *)(uintptr_t) "CRASHED";
    cc_app_version(app->value, version);
    Cupola__DeaFindDroplet find = CUPOLA__DEA_FIND_DROPLET__INIT;
    find.has_droplet = true;
    find.droplet = app->id;
    find.version = version;
    find.states = &state;
    find.n_states = 1;
    request->is_finding = true;
    bus_request_start(&controller->bus, &request->find, "dea.find.droplet", &find.base, &cupola__dea_found__descriptor,
                      MAX_EVENTS_OF_APP, controller->config->find_timeout_ms * NS_PER_MS, &find_handlers);
}

/* The health manager does not say. We have heard of the same crashes, if we were there. */
static void on_crashes_soon(struct timer *timer)
{
    struct crashes_call *request = container_of(timer, struct crashes_call, soon);
    struct controller *controller = request->call.controller;
    const struct app *app = cc_state_find_app(&controller->state, request->app_id);
    if (app == NULL)
        return;
    if (app->seen_at_ns < controller->stages_from_ns)
        ask_deas(request, app);
    else
        answer_without_health_manager(request);
}

static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct crashes_call *call = container_of(request, struct crashes_call, find);
    const Cupola__DeaFound *found = (const Cupola__DeaFound *)parsed;
    if (found->instance == NULL)
        return true;
    size_t size = call->found_count * sizeof *call->found;
    call->found = memory_grow(call->found, size, size + sizeof *call->found);
    Cupola__RestCrash *crash = &call->found[call->found_count++];
    cupola__rest_crash__init(crash);
    crash->instance = memory_copy_text(found->instance);
    crash->has_since = true;
    crash->since = found->state_timestamp;
    crash->reason = found->reason == NULL ? NULL : memory_copy_text(found->reason);
    return true;
}

static void on_find_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    answer_without_health_manager(container_of(request, struct crashes_call, find));
}

static bool is_among(const Cupola__RestCrashes *crashes, const char *instance)
{
    bool is = false;
    for (size_t i = 0; i < crashes->n_crashes; i++)
        is = is || strcmp(crashes->crashes[i]->instance, instance) == 0;
    return is;
}

/* What we have heard, and what DEAs have told. */
static void answer_without_health_manager(struct crashes_call *request)
{
    struct controller *controller = request->call.controller;
    bus_request_cancel(&request->request);
    Cupola__RestCrash crashes[MAX_EVENTS_OF_APP];
    Cupola__RestCrash *places[2 * MAX_EVENTS_OF_APP];
    Cupola__RestCrashes answer = CUPOLA__REST_CRASHES__INIT;
    answer.crashes = places;
    const struct app_event *event = cc_events_of(controller, request->app_id);
    for (; event != NULL; event = event->newer_of_app) {
        if (strcmp(event->kind, "crashed") != 0)
            continue;
        Cupola__RestCrash *crash = &crashes[answer.n_crashes];
        cupola__rest_crash__init(crash);
        crash->instance = (char *)(uintptr_t)event->instance;
        crash->has_since = true;
        crash->since = event->at_s;
        crash->reason = (char *)(uintptr_t)event->text;
        places[answer.n_crashes++] = crash;
    }
    for (size_t i = 0; i < request->found_count; i++)
        if (!is_among(&answer, request->found[i].instance))
            places[answer.n_crashes++] = &request->found[i];
    cc_call_answer(&request->call, 200, &answer.base);
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
    struct crashes_call *call = container_of(request, struct crashes_call, request);
    if (timed_out && call->is_finding)
        return; /* The DEAs are still telling. */
    bus_request_cancel(&call->find);
    timer_cancel(&call->call.controller->machine, &call->soon);
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
                      (value->has_last_update && value->last_update != CUPOLA__UPDATE_END__UPDATE_SUCCEEDED);
    if (!value->started || (has_failed && value->update == NULL))
        answer_update(request, app, "CANARY_FAILED");
    else if (cc_app_needs_staging(value) || value->update != NULL)
        answer_update(request, app, "UPDATING");
    else if (value->has_last_update && value->last_update == CUPOLA__UPDATE_END__UPDATE_SUCCEEDED)
        answer_update(request, app, "SUCCEEDED"); /* Each instance has proven itself. */
    else
        cc_health_ask(call->controller, &request->health, call->email, call->arguments[0], on_update_health);
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
        ask_health_manager(&request->call, app, &request->request, &update_handlers);
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
