/* GET /cupola/v1/freshness: how fresh the picture is by which the platform heals, and why healing is held back, if it
 * is; as the health manager that speaks tells it. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/duration.h"
#include "core/wire/json.h"

enum { MOST_ANSWERS = 16 };

struct freshness_call {
    struct call call;
    struct bus_request request;
    struct text json; /* Empty until somebody has answered. */
};

static void handle_freshness(struct call *call);
static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_end(struct bus_request *request, bool timed_out);

static const struct route routes[] = {
    {"GET", "/cupola/v1/freshness", ACCESS_USER, sizeof(struct freshness_call), handle_freshness, NULL, NULL, NULL},
};
const struct route_table cc_freshness_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct bus_request_handlers handlers = {.on_answer = on_answer, .on_end = on_end};

static void handle_freshness(struct call *call)
{
    struct freshness_call *request = container_of(call, struct freshness_call, call);
    Cupola__FreshnessRequest question = CUPOLA__FRESHNESS_REQUEST__INIT;
    bus_request_start(&call->controller->bus, &request->request, "healthmanager.freshness", &question.base,
                      &cupola__freshness_reply__descriptor, MOST_ANSWERS,
                      call->controller->config->health_timeout_ms * NS_PER_MS, &handlers);
}

/* The others know as much, but what is held back is the business of the one that speaks. */
static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct freshness_call *call = container_of(request, struct freshness_call, request);
    const Cupola__FreshnessReply *reply = (const Cupola__FreshnessReply *)parsed;
    Cupola__RestFreshness answer = CUPOLA__REST_FRESHNESS__INIT;
    answer.has_hosts = answer.has_fresh_hosts = answer.has_oldest_ms = true;
    answer.hosts = reply->hosts;
    answer.fresh_hosts = reply->fresh_hosts;
    answer.oldest_ms = reply->oldest_ms;
    answer.freshness = reply->freshness;
    answer.brakes = reply->brakes;
    answer.n_brakes = reply->n_brakes;
    text_clear(&call->json);
    json_write(&call->json, &answer.base);
    return !reply->speaks;
}

static void on_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct freshness_call *call = container_of(request, struct freshness_call, request);
    struct text json = call->json;
    call->json = (struct text){0};
    if (json.size == 0)
        text_add_string(&json, "{\"freshness\":\"no health manager answers\",\"brakes\":[]}");
    cc_call_answer_json(&call->call, 200, &json);
}
