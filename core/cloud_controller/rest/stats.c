/* GET /apps/NAME/stats: what each instance uses, as its DEA tells. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/instances/known.h"

struct stats_call {
    struct call call;
    struct bus_request request;
    struct bus_request seen_request;
    struct timer soon;
    int64_t app_id;
    struct text *entries;    /* By index: a RestStat as JSON, empty until its DEA has answered. */
    struct known_line *seen; /* By the health manager. */
    size_t count;
};

/* A DEA tells of its instances so often; one that has been silent for longer is not waited for. */
static const uint64_t beat_ns = 12 * NS_PER_S;

static void handle(struct call *call);
static void release(struct call *call);
static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_end(struct bus_request *request, bool timed_out);
static bool on_seen(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_seen_end(struct bus_request *request, bool timed_out);
static void on_soon(struct timer *timer);

static const struct route routes[] = {
    {"GET", "/apps/:/stats", ACCESS_USER, sizeof(struct stats_call), handle, release, NULL, NULL},
};
const struct route_table cc_stats_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct bus_request_handlers handlers = {.on_answer = on_found, .on_end = on_end};
static const struct bus_request_handlers seen_handlers = {.on_answer = on_seen, .on_end = on_seen_end};

static void release(struct call *call)
{
    struct stats_call *request = container_of(call, struct stats_call, call);
    for (size_t i = 0; i < request->count; i++)
        text_free(&request->entries[i]);
    memory_free(request->entries);
    memory_free(request->seen);
}

static void handle(struct call *call)
{
    struct stats_call *request = container_of(call, struct stats_call, call);
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    if (!app->value->started || app->value->instances == 0) {
        struct text json = {0};
        text_add_string(&json, "{}");
        cc_call_answer_json(call, 200, &json);
        return;
    }
    request->count = (size_t)app->value->instances;
    request->entries = memory_new(request->count * sizeof *request->entries);
    request->seen = memory_new(request->count * sizeof *request->seen);
    request->app_id = app->id;
    cc_known_ask_health_manager(call->controller, app, &request->seen_request, &seen_handlers);
    timer_set(&call->controller->machine, &request->soon, KNOWN_SOON_NS, on_soon);
    char version[VERSION_CAPACITY];
    cc_app_version(app->value, version);
    char *running = (char *)(uintptr_t) "RUNNING";
    Cupola__DeaFindDroplet find = CUPOLA__DEA_FIND_DROPLET__INIT;
    find.has_droplet = find.has_include_stats = true;
    find.droplet = app->id;
    find.version = app->value->update == NULL ? version : NULL; /* While one takes over, both serve. */
    find.states = &running;
    find.n_states = 1;
    find.include_stats = true;
    bus_request_start(&call->controller->bus, &request->request, "dea.find.droplet", &find.base,
                      &cupola__dea_found__descriptor, (uint32_t)request->count,
                      call->controller->config->find_timeout_ms * NS_PER_MS, &handlers);
}

static bool on_seen(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct stats_call *call = container_of(request, struct stats_call, seen_request);
    const struct app *app = cc_state_find_app(&call->call.controller->state, call->app_id);
    if (app != NULL && app->value->update == NULL)
        cc_known_take_seen(call->call.controller, app, (const Cupola__FlappingReply *)parsed, call->seen, call->count);
    return true;
}

static void on_seen_end(struct bus_request *request, bool timed_out)
{
    (void)request; /* It only adds to what the DEAs say. */
    (void)timed_out;
}

static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct stats_call *call = container_of(request, struct stats_call, request);
    const Cupola__DeaFound *found = (const Cupola__DeaFound *)parsed;
    if (found->index < 0 || (size_t)found->index >= call->count)
        return true;
    Cupola__RestStat stat = CUPOLA__REST_STAT__INIT;
    stat.state = found->state;
    stat.stats = found->stats;
    text_clear(&call->entries[found->index]);
    json_write(&call->entries[found->index], &stat.base);
    return true;
}

/* ---- The answer ---- */

static struct known_app *take_known(const struct stats_call *request, const struct app *app)
{
    char version[VERSION_CAPACITY];
    cc_app_version(app->value, version);
    return cc_known_take(request->call.controller, app->id, app->value->update == NULL ? version : "", request->count);
}

static int64_t age_s(const struct controller *controller, uint64_t heard_ns)
{
    return (int64_t)((controller->machine.now_ns - heard_ns) / NS_PER_S);
}

/* What its DEA told a moment ago is told again, with its age. */
static void write_known(const struct stats_call *request, const struct app *app, const struct known_line *line,
                        const struct known_line *seen, struct text *json)
{
    const struct controller *controller = request->call.controller;
    bool is_there = cc_known_is_fresh(controller, seen) && seen->fate == FATE_RUNNING;
    bool may_be_there = is_there || !cc_known_is_fresh(controller, seen);
    if (may_be_there && line->stats.size > 0 && age_s(controller, line->stats_heard_ns) < 30) {
        text_add(json, text_string(&line->stats), line->stats.size - 1);
        text_addf(json, ",\"age\":%lld}", (long long)age_s(controller, line->stats_heard_ns));
    } else if (is_there) {
        text_addf(json, "{\"state\":\"RUNNING\",\"since\":%lld,\"age\":%lld}", (long long)seen->since_s,
                  (long long)age_s(controller, seen->heard_ns));
    } else {
        text_addf(json, "{\"state\":\"DOWN\",\"since\":%lld}", (long long)app->value->changed_s);
    }
}

static void answer(struct stats_call *call)
{
    struct controller *controller = call->call.controller;
    const struct app *app = cc_state_find_app(&controller->state, call->app_id);
    bus_request_cancel(&call->request);
    bus_request_cancel(&call->seen_request);
    timer_cancel(&controller->machine, &call->soon);
    if (app == NULL) { /* Deleted meanwhile. */
        cc_call_fail(&call->call, ERROR_APP_NOT_FOUND, NULL, NULL);
        return;
    }
    struct known_app *known = take_known(call, app);
    struct text json = {0};
    text_add_char(&json, '{');
    for (size_t i = 0; i < call->count; i++) {
        struct known_line *line = &known->lines[i];
        text_addf(&json, i > 0 ? ",\"%zu\":" : "\"%zu\":", i);
        if (call->entries[i].size == 0) {
            write_known(call, app, line, &call->seen[i], &json);
            continue;
        }
        text_add(&json, text_string(&call->entries[i]), call->entries[i].size);
        text_clear(&line->stats);
        text_add(&line->stats, text_string(&call->entries[i]), call->entries[i].size);
        line->stats_heard_ns = controller->machine.now_ns;
    }
    text_add_char(&json, '}');
    cc_call_answer_json(&call->call, 200, &json);
}

/* Nothing will come, or nothing more than what is known: its DEA has been silent for a while. */
static bool is_told(const struct stats_call *request, const struct known_line *line, size_t i)
{
    const struct controller *controller = request->call.controller;
    const struct known_line *seen = &request->seen[i];
    if (request->entries[i].size > 0 || (line->stats.size > 0 && age_s(controller, line->stats_heard_ns) < 30))
        return true;
    bool is_seen = cc_known_is_fresh(controller, seen);
    return is_seen && (seen->fate != FATE_RUNNING || controller->machine.now_ns - seen->heard_ns > beat_ns);
}

static void on_soon(struct timer *timer)
{
    struct stats_call *request = container_of(timer, struct stats_call, soon);
    const struct app *app = cc_state_find_app(&request->call.controller->state, request->app_id);
    if (app == NULL || app->value->update != NULL)
        return;
    const struct known_app *known = take_known(request, app);
    for (size_t i = 0; i < request->count; i++)
        if (!is_told(request, &known->lines[i], i))
            return;
    answer(request);
}

static void on_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    answer(container_of(request, struct stats_call, request));
}
