/* GET /apps/NAME/stats: what each instance uses, as its DEA tells. */
#include "core/cloud_controller/rest.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"

struct stats_call {
    struct call call;
    struct bus_request request;
    struct text *entries; /* By index: a RestStat as JSON, empty until its DEA has answered. */
    size_t count;
    int64_t changed_s;
};

static void handle(struct call *call);
static void release(struct call *call);
static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_end(struct bus_request *request, bool timed_out);

static const struct route routes[] = {
    {"GET", "/apps/:/stats", ACCESS_USER, sizeof(struct stats_call), handle, release, NULL, NULL},
};
const struct route_table cc_stats_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct bus_request_handlers handlers = {.on_answer = on_found, .on_end = on_end};

static void release(struct call *call)
{
    struct stats_call *request = container_of(call, struct stats_call, call);
    for (size_t i = 0; i < request->count; i++)
        text_free(&request->entries[i]);
    memory_free(request->entries);
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
    request->changed_s = app->value->changed_s;
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

static void on_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct stats_call *call = container_of(request, struct stats_call, request);
    struct text json = {0};
    text_add_char(&json, '{');
    for (size_t i = 0; i < call->count; i++) {
        text_addf(&json, i > 0 ? ",\"%zu\":" : "\"%zu\":", i);
        if (call->entries[i].size > 0)
            text_add(&json, text_string(&call->entries[i]), call->entries[i].size);
        else
            text_addf(&json, "{\"state\":\"DOWN\",\"since\":%lld}", (long long)call->changed_s);
    }
    text_add_char(&json, '}');
    cc_call_answer_json(&call->call, 200, &json);
}
