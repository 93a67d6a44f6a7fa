/* Every now and then: here I am, and what shall there be? What the handles name is known from then on; what they do not
 * name, twice in a row, and what is old enough to have been recorded, is deleted. */
#include "core/base/duration.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"
#include "drivers/sim/gateway/state.h"

#include <string.h>

enum { MOST_HANDLES_BYTES = 1 << 20, STATUS_OK = 200 };
static const uint64_t timeout_ns = 10 * NS_PER_S;

static void on_upkeep(struct timer *timer);
static void on_offered(struct http_call *call, enum io_status status);
static void on_handles(struct http_call *call, enum io_status status);

static const struct http_call_handlers offer_handlers = {.on_done = on_offered};
static const struct http_call_handlers handles_handlers = {.on_done = on_handles};

/* ---- Calls ---- */

static void ask(struct sim_gateway *gateway, const char *method, const struct text *target, const struct text *body,
                const struct http_call_handlers *handlers)
{
    const Cupola__SimGatewayConfig *config = gateway->config;
    struct text headers = {0};
    text_addf(&headers, "Content-Type: application/json\r\nX-VCAP-Service-Token: %s\r\n", config->token);
    struct http_request request = {
        .host = config->controllers[gateway->controller],
        .port = (uint16_t)config->controller_port,
        .method = method,
        .target = text_string(target),
        .headers = text_string(&headers),
        .body = {(const uint8_t *)text_string(body), body->size},
        .has_body = body->size > 0,
        .timeout_ns = timeout_ns,
        .max_body_bytes = MOST_HANDLES_BYTES,
    };
    http_call_start(&gateway->machine, &gateway->call, &request, handlers);
    text_free(&headers);
}

/* Another controller is asked the next time if this one was no good. */
static void wait(struct sim_gateway *gateway, bool is_good)
{
    const Cupola__SimGatewayConfig *config = gateway->config;
    if (gateway->is_stopping)
        return;
    if (!is_good)
        gateway->controller = (gateway->controller + 1) % config->n_controllers;
    timer_set(&gateway->machine, &gateway->upkeep, (is_good ? config->offer_ms : config->retry_ms) * NS_PER_MS,
              on_upkeep);
}

static bool is_answered(const struct http_call *call, enum io_status status)
{
    return status == IO_OK && call->status == STATUS_OK;
}

static void on_upkeep(struct timer *timer)
{
    struct sim_gateway *gateway = container_of(timer, struct sim_gateway, upkeep);
    const Cupola__SimGatewayConfig *config = gateway->config;
    struct text target = {0}, body = {0};
    text_add_string(&target, "/services/v1/offerings");
    text_addf(&body, "{\"label\":\"%s\",\"url\":\"http://%s:%u\",\"plans\":[\"free\"],\"active\":true}", config->label,
              config->host, config->port);
    ask(gateway, "POST", &target, &body, &offer_handlers);
    text_free(&target);
    text_free(&body);
}

static void on_offered(struct http_call *call, enum io_status status)
{
    struct sim_gateway *gateway = container_of(call, struct sim_gateway, call);
    if (!is_answered(call, status) || gateway->is_stopping) {
        wait(gateway, false);
        return;
    }
    struct text target = {0};
    text_addf(&target, "/services/v1/offerings/%s/handles", gateway->config->label);
    ask(gateway, "GET", &target, &(struct text){0}, &handles_handlers);
    text_free(&target);
}

/* ---- Handles ---- */

static void take_handle(struct sim_gateway *gateway, struct io_bytes handle)
{
    struct io_bytes id;
    if (!json_find_member(handle, "service_id", &id) || id.size < 2)
        return;
    char *text = memory_copy_bytes(id.data + 1, id.size - 2);
    struct thing *thing = gateway_find(gateway, text);
    if (thing != NULL)
        thing->is_known = thing->is_listed = true;
    else
        machine_log(&gateway->machine, LOG_WARNING, "a controller has %s, which is not here", text);
    memory_free(text);
}

static bool is_unowned(const struct sim_gateway *gateway, const struct thing *thing)
{
    uint64_t reap_ns = gateway->config->reap_ms * NS_PER_MS;
    return reap_ns > 0 && !thing->is_listed && !thing->was_listed &&
           gateway->machine.now_ns - thing->since_ns > reap_ns;
}

static void reap(struct sim_gateway *gateway)
{
    bool has_changed = false;
    struct thing *next;
    for (struct thing *thing = gateway->things; thing != NULL; thing = next) {
        next = thing->next;
        if (!is_unowned(gateway, thing))
            continue;
        machine_log(&gateway->machine, LOG_INFO, "nobody has %s: it goes", thing->id);
        gateway_remove(gateway, thing);
        has_changed = true;
    }
    if (has_changed)
        gateway_save(gateway);
}

static void on_handles(struct http_call *call, enum io_status status)
{
    struct sim_gateway *gateway = container_of(call, struct sim_gateway, call);
    struct io_bytes body = {(const uint8_t *)text_string(&call->body), call->body.size}, list, *handles;
    size_t count;
    bool is_good = is_answered(call, status) && json_find_member(body, "handles", &list) &&
                   json_split_array(list, &handles, &count);
    if (is_good) {
        for (struct thing *thing = gateway->things; thing != NULL; thing = thing->next) {
            thing->was_listed = thing->is_listed;
            thing->is_listed = false;
        }
        for (size_t i = 0; i < count; i++)
            take_handle(gateway, handles[i]);
        memory_free(handles);
        reap(gateway);
    }
    wait(gateway, is_good);
}

void gateway_upkeep_begin(struct sim_gateway *gateway)
{
    if (gateway->config->n_controllers > 0)
        timer_set(&gateway->machine, &gateway->upkeep, 0, on_upkeep);
}

void gateway_upkeep_end(struct sim_gateway *gateway)
{
    timer_cancel(&gateway->machine, &gateway->upkeep);
    http_call_cancel(&gateway->call);
}
