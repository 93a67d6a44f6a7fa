/* GET /apps/NAME/instances: what DEAs and the health manager say about an app's instances. Of whom does not answer in
 * time it is told what was heard last, and when (known.h). */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/cloud_controller/instances/known.h"
#include "core/cloud_controller/instances/placement.h"

#include <string.h>

/* Two questions at once: the DEAs about what there is, the health manager about what it has seen. */
struct instances_call {
    struct call call;
    struct bus_request find;
    struct bus_request flapping;
    struct timer soon;
    int64_t app_id;
    struct layout layout;
    struct known_line *found; /* By DEAs, now. */
    struct known_line *seen;  /* By the health manager. */
    size_t count;
    unsigned open_questions;
};

static void handle_instances(struct call *call);
static void release_instances(struct call *call);
static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_find_end(struct bus_request *request, bool timed_out);
static bool on_flapping(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_flapping_end(struct bus_request *request, bool timed_out);
static void on_soon(struct timer *timer);

static const struct route routes[] = {
    {"GET", "/apps/:/instances", ACCESS_USER, sizeof(struct instances_call), handle_instances, release_instances, NULL,
     NULL},
};
const struct route_table cc_instance_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct bus_request_handlers find_handlers = {.on_answer = on_found, .on_end = on_find_end};
static const struct bus_request_handlers flapping_handlers = {.on_answer = on_flapping, .on_end = on_flapping_end};

/* ---- GET /apps/NAME/instances ---- */

static void release_instances(struct call *call)
{
    struct instances_call *request = container_of(call, struct instances_call, call);
    memory_free(request->found);
    memory_free(request->seen);
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
    request->found = memory_new(request->count * sizeof *request->found);
    request->seen = memory_new(request->count * sizeof *request->seen);
    request->open_questions = 2;
    timer_set(&call->controller->machine, &request->soon, KNOWN_SOON_NS, on_soon);

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
    cc_known_ask_health_manager(call->controller, app, &request->flapping, &flapping_handlers);
}

/* Of two instances on one index the more alive one is shown. */
static void note_found(struct instances_call *request, int64_t index, enum instance_fate fate, int64_t since_s)
{
    if (index >= 0 && index < (int64_t)request->count && fate > request->found[index].fate)
        cc_known_note(&request->found[index], fate, since_s, request->call.controller->machine.now_ns);
}

static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    const Cupola__DeaFound *found = (const Cupola__DeaFound *)parsed;
    struct instances_call *call = container_of(request, struct instances_call, find);
    bool is_running = found->state != NULL && strcmp(found->state, "RUNNING") == 0;
    const char *wanted = cc_layout_version(&call->layout, found->index);
    if (wanted == NULL || found->version == NULL || strcmp(wanted, found->version) == 0)
        note_found(call, found->index, is_running ? FATE_RUNNING : FATE_STARTING, found->state_timestamp);
    return true;
}

static bool on_flapping(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct instances_call *call = container_of(request, struct instances_call, flapping);
    const Cupola__FlappingReply *reply = (const Cupola__FlappingReply *)parsed;
    const struct app *app = cc_state_find_app(&call->call.controller->state, call->app_id);
    if (app != NULL && app->value->update == NULL)
        cc_known_take_seen(call->call.controller, app, reply, call->seen, call->count);
    for (size_t i = 0; i < reply->n_indices; i++) {
        int32_t index = reply->indices[i]->index;
        if (index >= 0 && (size_t)index < call->count)
            cc_known_note(&call->seen[index], FATE_FLAPPING, reply->indices[i]->since,
                          call->call.controller->machine.now_ns);
    }
    return true;
}

/* ---- The answer ---- */

/* Its DEA knows best, then whoever has heard of it; NULL: nobody. */
static const struct known_line *best_line(const struct instances_call *request, const struct known_app *known, size_t i)
{
    const struct controller *controller = request->call.controller;
    if (request->found[i].fate != FATE_UNHEARD)
        return &request->found[i];
    if (cc_known_is_fresh(controller, &request->seen[i]))
        return &request->seen[i];
    return cc_known_is_fresh(controller, &known->lines[i]) ? &known->lines[i] : NULL;
}

static void fill_instance(const struct instances_call *request, const struct known_line *line, size_t i,
                          const struct app *app, Cupola__RestInstance *instance)
{
    static const char *const names[] = {"DOWN", "DOWN", "FLAPPING", "STARTING", "RUNNING"};
    const struct controller *controller = request->call.controller;
    cupola__rest_instance__init(instance);
    instance->has_index = instance->has_since = true;
    instance->index = (int32_t)i;
    instance->state = (char *)(uintptr_t)names[line == NULL ? FATE_DOWN : line->fate];
    instance->since = line == NULL || line->fate == FATE_DOWN ? app->value->changed_s : line->since_s;
    if (line == NULL || line->fate <= FATE_DOWN) {
        instance->reason = (char *)(uintptr_t)cc_placement_reason(controller, request->app_id, (int32_t)i);
    } else if (line != &request->found[i] && line->fate != FATE_FLAPPING) {
        instance->has_age = true;
        instance->age = (int64_t)((controller->machine.now_ns - line->heard_ns) / NS_PER_S);
    }
}

/* An update has two versions at once, which are not remembered. */
static struct known_app *take_known(const struct instances_call *request, const struct app *app)
{
    char version[VERSION_CAPACITY];
    cc_app_version(app->value, version);
    return cc_known_take(request->call.controller, request->app_id, app->value->update == NULL ? version : "",
                         request->count);
}

static void write_instances(struct instances_call *request, const struct app *app, struct known_app *known,
                            struct text *json)
{
    Cupola__RestInstances answer = CUPOLA__REST_INSTANCES__INIT;
    Cupola__RestInstance *instances = memory_new(request->count * sizeof *instances);
    answer.instances = memory_new(request->count * sizeof *answer.instances);
    for (size_t i = 0; i < request->count; i++) {
        const struct known_line *line = best_line(request, known, i);
        fill_instance(request, line, i, app, &instances[i]);
        answer.instances[answer.n_instances++] = &instances[i];
        bool is_there = line != NULL && line->fate >= FATE_STARTING; /* That one is down has to be seen each time. */
        if (is_there && line != &known->lines[i] && app->value->update == NULL)
            cc_known_note(&known->lines[i], line->fate, line->since_s, line->heard_ns);
    }
    json_write(json, &answer.base);
    memory_free(answer.instances);
    memory_free(instances);
}

static void answer_instances(struct instances_call *request)
{
    struct controller *controller = request->call.controller;
    const struct app *app = cc_state_find_app(&controller->state, request->app_id);
    bus_request_cancel(&request->find);
    bus_request_cancel(&request->flapping);
    timer_cancel(&controller->machine, &request->soon);
    if (app == NULL) { /* Deleted meanwhile. */
        cc_call_fail(&request->call, ERROR_APP_NOT_FOUND, NULL, NULL);
        return;
    }
    struct text json = {0};
    write_instances(request, app, take_known(request, app), &json);
    cc_call_answer_json(&request->call, 200, &json);
}

static void end_question(struct instances_call *request)
{
    assert_that(request->open_questions > 0);
    if (--request->open_questions == 0)
        answer_instances(request);
}

/* Those who would have answered by now are not waited for if there is something to tell of each. */
static void on_soon(struct timer *timer)
{
    struct instances_call *request = container_of(timer, struct instances_call, soon);
    const struct app *app = cc_state_find_app(&request->call.controller->state, request->app_id);
    if (app == NULL || app->value->update != NULL || mutation_is(CC_AWAITS_THE_SILENT))
        return;
    const struct known_app *known = take_known(request, app);
    for (size_t i = 0; i < request->count; i++)
        if (best_line(request, known, i) == NULL)
            return;
    answer_instances(request);
}

static void on_find_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    end_question(container_of(request, struct instances_call, find));
}

static void on_flapping_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    end_question(container_of(request, struct instances_call, flapping));
}
