#include "core/cloud_controller/services/gateway.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/proto/config.pb-c.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ANSWER = 65536, STATUS_OK = 200 };

struct gateway_order {
    struct controller *controller;
    struct http_call call;
    struct timer patience;
    struct gateway_waiter *waiter; /* NULL: told already. */
    char *label;
    char *service_id; /* NULL: a service is to be made. */
    struct gateway_order *next;
};

static void on_made(struct http_call *call, enum io_status status);
static void on_impatient(struct timer *timer);

static const struct http_call_handlers make_handlers = {.on_done = on_made};

/* ---- Calls ---- */

static const char *token_of(const struct controller *controller, const char *label)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    size_t size = cc_label_name_size(label);
    for (size_t i = 0; i < config->n_builtin_services; i++) {
        const Cupola__ServiceConfig *service = config->builtin_services[i];
        if (service->name != NULL && strlen(service->name) == size && strncmp(service->name, label, size) == 0)
            return service->token;
    }
    return NULL;
}

/* http://HOST:PORT/BASE */
static bool split_url(const char *url, char **ret_host, uint16_t *ret_port, const char **ret_base)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *host = url + sizeof scheme - 1;
    size_t size = strcspn(host, ":/");
    unsigned long port = host[size] == ':' ? strtoul(host + size + 1, NULL, 10) : 80;
    *ret_base = host + strcspn(host, "/");
    *ret_port = (uint16_t)port;
    *ret_host = size == 0 || port == 0 || port > UINT16_MAX ? NULL : memory_copy_bytes(host, size);
    return *ret_host != NULL;
}

bool cc_gateway_call(struct controller *controller, struct http_call *call, const char *label, const char *method,
                     const struct text *path, const char *body, uint64_t timeout_ns,
                     const struct http_call_handlers *handlers)
{
    const struct offering *offering = cc_offering_find(&controller->state, label);
    const char *base, *token = token_of(controller, label);
    char *host;
    uint16_t port;
    if (offering == NULL || token == NULL || !split_url(offering->value->url, &host, &port, &base))
        return false;
    struct text target = {0}, headers = {0};
    size_t base_size = strlen(base);
    while (base_size > 0 && base[base_size - 1] == '/')
        base_size--;
    text_add(&target, base, base_size);
    text_add(&target, text_string(path), path->size);
    text_addf(&headers, "Content-Type: application/json\r\nAccept: application/json\r\nX-VCAP-Service-Token: %s\r\n",
              token);
    struct http_request request = {
        .host = host,
        .port = port,
        .method = method,
        .target = text_string(&target),
        .headers = text_string(&headers),
        .body = {(const uint8_t *)body, strlen(body)},
        .has_body = true,
        .timeout_ns = timeout_ns,
        .max_body_bytes = MAX_ANSWER,
    };
    http_call_start(&controller->machine, call, &request, handlers);
    memory_free(host);
    text_free(&target);
    text_free(&headers);
    return true;
}

/* ---- Making ---- */

static void end_order(struct gateway_order *order)
{
    struct gateway_order **place = &order->controller->gateway.orders;
    while (*place != order)
        place = &(*place)->next;
    *place = order->next;
    timer_cancel(&order->controller->machine, &order->patience);
    http_call_release(&order->call);
    memory_free(order->label);
    memory_free(order->service_id);
    memory_free(order);
}

static void tell(struct gateway_order *order, const struct made *made)
{
    struct gateway_waiter *waiter = order->waiter;
    order->waiter = NULL;
    if (waiter != NULL)
        waiter->done(waiter, made);
}

void cc_gateway_make(struct controller *controller, const char *label, const char *service_id, const char *body,
                     struct gateway_waiter *waiter)
{
    struct gateway_order *order = memory_new(sizeof *order);
    struct text path = {0};
    order->controller = controller;
    order->label = memory_copy_text(label);
    order->service_id = service_id == NULL ? NULL : memory_copy_text(service_id);
    order->waiter = waiter;
    order->next = controller->gateway.orders;
    controller->gateway.orders = order;
    text_add_string(&path, "/gateway/v1/configurations");
    if (service_id != NULL) {
        text_add_char(&path, '/');
        uri_encode(&path, service_id);
        text_add_string(&path, "/handles");
    }
    bool is_begun = cc_gateway_call(controller, &order->call, label, "POST", &path, body,
                                    controller->config->gateway_timeout_ms * NS_PER_MS, &make_handlers);
    text_free(&path);
    if (is_begun) {
        timer_set(&controller->machine, &order->patience, controller->config->gateway_wait_ms * NS_PER_MS,
                  on_impatient);
        return;
    }
    tell(order, NULL);
    end_order(order);
}

static void on_impatient(struct timer *timer)
{
    struct gateway_order *order = container_of(timer, struct gateway_order, patience);
    machine_log(&order->controller->machine, LOG_WARNING, "the gateway of %s takes too long; what it makes goes",
                order->label);
    tell(order, NULL);
}

static char *copy_member(struct io_bytes json, const char *key)
{
    struct io_bytes value;
    return json_find_member(json, key, &value) ? memory_copy_bytes(value.data, value.size) : NULL;
}

static void leave(const struct gateway_order *order, const struct made *made)
{
    bool is_service = order->service_id == NULL;
    cc_gateway_leave(order->controller, &(struct made_thing){.label = order->label,
                                                             .service_id = is_service ? made->id : order->service_id,
                                                             .handle = is_service ? NULL : made->id,
                                                             .configuration = made->configuration,
                                                             .credentials = made->credentials});
}

static void on_made(struct http_call *call, enum io_status status)
{
    struct gateway_order *order = container_of(call, struct gateway_order, call);
    struct controller *controller = order->controller;
    struct io_bytes body = {(const uint8_t *)text_string(&call->body), call->body.size};
    struct json_error ignored;
    Cupola__RestHandle *handle = NULL;
    if (status == IO_OK && call->status == STATUS_OK)
        handle = (Cupola__RestHandle *)json_read(&cupola__rest_handle__descriptor, body, JSON_LENIENT, &ignored);
    if (handle == NULL || handle->service_id == NULL) {
        const char *outcome = status == IO_OK ? "made nothing" : "may have made something that nobody knows of";
        machine_log(&controller->machine, LOG_WARNING, "the gateway of %s %s: %s %d %.200s", order->label, outcome,
                    io_status_name(status), call->status, text_string(&call->body));
        tell(order, NULL);
    } else {
        char *configuration = copy_member(body, order->service_id == NULL ? "data" : "configuration");
        char *credentials = copy_member(body, "credentials");
        struct made made = {handle->service_id, configuration == NULL ? "{}" : configuration,
                            credentials == NULL ? "{}" : credentials};
        if (order->waiter == NULL)
            leave(order, &made);
        else
            tell(order, &made);
        memory_free(configuration);
        memory_free(credentials);
    }
    cupola__rest_handle__free_unpacked(handle, NULL);
    end_order(order);
}

void cc_gateway_destroy(struct controller *controller)
{
    while (controller->gateway.orders != NULL) {
        struct gateway_order *order = controller->gateway.orders;
        controller->gateway.orders = order->next;
        http_call_release(&order->call);
        memory_free(order->label);
        memory_free(order->service_id);
        memory_free(order);
    }
}
