/* /services/v1/offerings: what gateways say, and ask. They show the token that is configured for their service. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/cloud_controller/rest/schema.h"
#include "core/cloud_controller/services/gateway.h"
#include "core/wire/json/parts.h"

#include <string.h>

enum { MAX_LABEL_SIZE = 128 };

struct offering_call {
    struct call call;
    Cupola__RestOffering *body;
    Cupola__RestHandle *handle;
    char *plan_options, *configuration, *credentials;
    struct change change;
    bool is_known; /* Nothing changes. */
    struct refusal refusal;
};

static void handle_put(struct call *call);
static void handle_delete(struct call *call);
static void handle_handles(struct call *call);
static void handle_handle(struct call *call);
static void release(struct call *call);
static bool prepare_put(struct change *change);
static bool prepare_delete(struct change *change);
static bool prepare_handle(struct change *change);
static void on_done(struct change *change, enum change_outcome outcome);
static void on_confirmed(struct change *change, enum change_outcome outcome);

static const struct route routes[] = {
    {"POST", "/services/v1/offerings", ACCESS_ANYBODY, sizeof(struct offering_call), handle_put, release, NULL, NULL},
    {"DELETE", "/services/v1/offerings/:", ACCESS_ANYBODY, sizeof(struct offering_call), handle_delete, release, NULL,
     NULL},
    {"GET", "/services/v1/offerings/:/handles", ACCESS_ANYBODY, sizeof(struct offering_call), handle_handles, release,
     NULL, NULL},
    {"POST", "/services/v1/offerings/:/handles/:", ACCESS_ANYBODY, sizeof(struct offering_call), handle_handle, release,
     NULL, NULL},
};
const struct route_table cc_offering_routes = {routes, sizeof routes / sizeof routes[0]};

static void release(struct call *call)
{
    struct offering_call *request = container_of(call, struct offering_call, call);
    cupola__rest_offering__free_unpacked(request->body, NULL);
    cupola__rest_handle__free_unpacked(request->handle, NULL);
    memory_free(request->plan_options);
    memory_free(request->configuration);
    memory_free(request->credentials);
}

/* Takes as long for a wrong token as for a right one. */
static bool same_token(const char *a, const char *b)
{
    size_t size = strlen(a), difference = size ^ strlen(b);
    for (size_t i = 0; i < size && b[i] != '\0'; i++)
        difference |= (size_t)(unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

/* False: the call was failed. */
static bool check_gateway(struct call *call, const char *label)
{
    const Cupola__CloudControllerConfig *config = call->controller->config;
    const char *token = http_exchange_header(call->exchange, "X-VCAP-Service-Token");
    if (!cc_call_check_json(call))
        return false;
    size_t size = cc_label_name_size(label);
    bool is_known = false;
    for (size_t i = 0; i < config->n_builtin_services && token != NULL && !is_known; i++) {
        const Cupola__ServiceConfig *service = config->builtin_services[i];
        is_known = service->name != NULL && service->token != NULL && strlen(service->name) == size &&
                   strncmp(service->name, label, size) == 0 && same_token(token, service->token);
    }
    if (!is_known)
        cc_call_fail(call, ERROR_FORBIDDEN, NULL, NULL);
    return is_known;
}

static char *copy_member(struct io_bytes json, const char *key)
{
    struct io_bytes value;
    return json_find_member(json, key, &value) ? memory_copy_bytes(value.data, value.size) : NULL;
}

/* ---- Offerings ---- */

static bool is_label(const char *label)
{
    const char *dash = label == NULL ? NULL : strrchr(label, '-');
    if (dash == NULL || dash == label || dash[1] == '\0' || strlen(label) > MAX_LABEL_SIZE)
        return false;
    for (; *label != '\0'; label++)
        if ((unsigned char)*label <= 0x20 || *label == '/' || *label == 0x7F)
            return false;
    return true;
}

static void handle_put(struct call *call)
{
    struct offering_call *request = container_of(call, struct offering_call, call);
    if (!cc_call_check_json(call) ||
        !cc_schema_read(call, "errors", &cupola__rest_offering__descriptor, &request->body))
        return;
    const Cupola__RestOffering *body = request->body;
    if (!is_label(body->label))
        cc_schema_fail(call, "errors", "label: expected NAME-VERSION");
    else if (body->url == NULL || strncmp(body->url, "http://", 7) != 0)
        cc_schema_fail(call, "errors", "url: expected http://HOST:PORT");
    else if (check_gateway(call, body->label)) {
        request->plan_options = copy_member(call->exchange->body, "plan_options");
        request->change.prepare = prepare_put;
        request->change.done = on_done;
        cc_journal_submit(call->controller, &request->change);
    }
}

static bool same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    size_t size = protobuf_c_message_get_packed_size(a);
    if (protobuf_c_message_get_packed_size(b) != size)
        return false;
    uint8_t *packed = memory_new(2 * size + 1);
    protobuf_c_message_pack(a, packed);
    protobuf_c_message_pack(b, packed + size);
    bool same = memcmp(packed, packed + size, size) == 0;
    memory_free(packed);
    return same;
}

/* Gateways say the same once a minute: only what is new is written. */
static bool prepare_put(struct change *change)
{
    struct offering_call *request = container_of(change, struct offering_call, change);
    const Cupola__RestOffering *body = request->body;
    Cupola__JournalOffering value = CUPOLA__JOURNAL_OFFERING__INIT;
    value.label = body->label;
    value.url = body->url;
    value.description = body->description;
    value.info_url = body->info_url;
    value.tags = body->tags;
    value.n_tags = body->n_tags;
    value.plans = body->plans;
    value.n_plans = body->n_plans;
    value.plan_options = request->plan_options;
    value.has_active = true;
    value.active = !body->has_active || body->active;
    if (body->acls != NULL) {
        value.users = body->acls->users;
        value.n_users = body->acls->n_users;
        value.wildcards = body->acls->wildcards;
        value.n_wildcards = body->acls->n_wildcards;
    }
    const struct offering *known = cc_offering_find(&change->controller->state, body->label);
    request->is_known = known != NULL && same_message(&known->value->base, &value.base);
    if (request->is_known)
        return false;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_PUT;
    entry.offering_put = &value;
    cc_change_write(change, &entry, NULL);
    return true;
}

static void on_done(struct change *change, enum change_outcome outcome)
{
    struct offering_call *request = container_of(change, struct offering_call, change);
    bool is_done = outcome == CHANGE_DURABLE || (outcome == CHANGE_REFUSED && request->is_known);
    if (!is_done) {
        cc_call_fail_change(&request->call, outcome, &request->refusal);
        return;
    }
    cc_gateway_clean_up(change->controller); /* It is there again. */
    struct text json = {0};
    text_add_string(&json, "{}");
    cc_call_answer_json(&request->call, 200, &json);
}

static void handle_delete(struct call *call)
{
    struct offering_call *request = container_of(call, struct offering_call, call);
    if (!check_gateway(call, call->arguments[0]))
        return;
    request->change.prepare = prepare_delete;
    request->change.done = on_done;
    cc_journal_submit(call->controller, &request->change);
}

static bool prepare_delete(struct change *change)
{
    struct offering_call *request = container_of(change, struct offering_call, change);
    if (cc_offering_find(&change->controller->state, request->call.arguments[0]) == NULL) {
        cc_refusal_set(&request->refusal, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__OfferingDeletion deletion = CUPOLA__OFFERING_DELETION__INIT;
    deletion.label = request->call.arguments[0];
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_DELETED;
    entry.offering_deleted = &deletion;
    cc_change_write(change, &entry, NULL);
    return true;
}

/* ---- Handles: a gateway deletes what is not among them, so what is told must be all there is ---- */

static void handle_handles(struct call *call)
{
    struct offering_call *request = container_of(call, struct offering_call, call);
    if (check_gateway(call, call->arguments[0]))
        cc_journal_confirm(call->controller, &request->change, on_confirmed);
}

struct handle_list {
    const char *label;
    struct text *json;
};

static void write_handle(void *context, const struct made_thing *thing)
{
    const struct handle_list *list = context;
    struct text *json = list->json;
    if (strcmp(thing->label, list->label) != 0 || (thing->is_left && mutation_is(CC_BELIEVES_THE_FORGETFUL)))
        return;
    if (text_string(json)[json->size - 1] == '}')
        text_add_char(json, ',');
    text_add_string(json, "{\"service_id\":");
    json_write_string(json, thing->handle == NULL ? thing->service_id : thing->handle);
    text_add_string(json, ",\"configuration\":");
    text_add_string(json, thing->configuration == NULL ? "{}" : thing->configuration);
    text_add_string(json, ",\"credentials\":");
    text_add_string(json, thing->credentials == NULL ? "{}" : thing->credentials);
    text_add_char(json, '}');
}

static void on_confirmed(struct change *change, enum change_outcome outcome)
{
    struct offering_call *request = container_of(change, struct offering_call, change);
    const struct state *state = &change->controller->state;
    const char *label = request->call.arguments[0];
    if (outcome == CHANGE_LOST) {
        cc_call_fail(&request->call, ERROR_DATABASE, NULL, NULL);
        return;
    }
    if (cc_offering_find(state, label) == NULL) {
        cc_call_fail(&request->call, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
        return;
    }
    struct text json = {0};
    text_add_string(&json, "{\"handles\":[");
    cc_services_each_made(state, write_handle, &(struct handle_list){label, &json});
    text_add_string(&json, "]}");
    cc_call_answer_json(&request->call, 200, &json);
}

/* ---- POST .../handles/ID: what is there has moved ---- */

static void handle_handle(struct call *call)
{
    struct offering_call *request = container_of(call, struct offering_call, call);
    if (!check_gateway(call, call->arguments[0]) ||
        !cc_schema_read(call, "errors", &cupola__rest_handle__descriptor, &request->handle))
        return;
    request->configuration = copy_member(call->exchange->body, "configuration");
    request->credentials = copy_member(call->exchange->body, "credentials");
    request->change.prepare = prepare_handle;
    request->change.done = on_done;
    cc_journal_submit(call->controller, &request->change);
}

/* The service that the handle is, or that it is a binding of. */
static const struct service *find_handle(const struct state *state, const char *label, const char *handle,
                                         bool *ret_is_binding)
{
    *ret_is_binding = false;
    const struct service *service = cc_service_find_at_gateway(state, label, handle);
    for (const struct app *app = state->apps; app != NULL && service == NULL; app = app->hh.next) {
        for (size_t i = 0; i < app->value->n_bindings; i++) {
            const struct service *bound = cc_service_find(state, app->value->bindings[i]->service);
            *ret_is_binding =
                strcmp(app->value->bindings[i]->handle, handle) == 0 && strcmp(bound->value->label, label) == 0;
            if (*ret_is_binding)
                return bound;
        }
    }
    return service;
}

static bool prepare_handle(struct change *change)
{
    struct offering_call *request = container_of(change, struct offering_call, change);
    char **arguments = request->call.arguments;
    bool is_binding;
    const struct service *service = find_handle(&change->controller->state, arguments[0], arguments[1], &is_binding);
    if (service == NULL) {
        cc_refusal_set(&request->refusal, ERROR_BINDING_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__HandleChange value = CUPOLA__HANDLE_CHANGE__INIT;
    value.has_service = true;
    value.service = service->id;
    value.handle = is_binding ? arguments[1] : NULL;
    value.configuration = request->configuration;
    value.credentials = request->credentials;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_HANDLE_CHANGED;
    entry.handle_changed = &value;
    cc_change_write(change, &entry, NULL);
    return true;
}
