/* /services and /info/services: what users may have, have, make and delete. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/accounts/quotas.h"
#include "core/cloud_controller/rest/schema.h"
#include "core/cloud_controller/services/gateway.h"
#include "core/cloud_controller/services/offerings.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAME_SIZE = 128 };

struct create_call {
    struct call call;
    Cupola__RestService *body;
    char *label;
    struct gateway_waiter waiter;
    struct change change;
    char *service_id, *configuration, *credentials;
    char *plan_option;
    bool tells_all; /* By /services/v1/configurations: what was made is the answer. */
    struct refusal refusal;
};

struct delete_call {
    struct change_call write;
    bool by_id; /* The gateway's, not the user's name. */
};

static void handle_list(struct call *call);
static void handle_one(struct call *call);
static void handle_create(struct call *call);
static void handle_configure(struct call *call);
static void handle_unconfigure(struct call *call);
static void release_create(struct call *call);
static void on_made(struct gateway_waiter *waiter, const struct made *made);
static bool prepare_create(struct change *change);
static void on_created(struct change *change, enum change_outcome outcome);
static void handle_delete(struct call *call);
static bool prepare_delete(struct change *change);
static void on_deleted(struct change_call *request);
static void handle_catalogue(struct call *call);

static const struct route routes[] = {
    {"GET", "/services", ACCESS_USER, sizeof(struct call), handle_list, NULL, NULL, NULL},
    {"POST", "/services", ACCESS_USER, sizeof(struct create_call), handle_create, release_create, NULL, NULL},
    {"POST", "/services/v1/configurations", ACCESS_USER, sizeof(struct create_call), handle_configure, release_create,
     NULL, NULL},
    {"DELETE", "/services/v1/configurations/:", ACCESS_USER, sizeof(struct delete_call), handle_unconfigure, NULL, NULL,
     NULL},
    {"GET", "/services/:", ACCESS_USER, sizeof(struct call), handle_one, NULL, NULL, NULL},
    {"DELETE", "/services/:", ACCESS_USER, sizeof(struct delete_call), handle_delete, NULL, NULL, NULL},
    {"GET", "/info/services", ACCESS_USER, sizeof(struct call), handle_catalogue, NULL, NULL, NULL},
};
const struct route_table cc_service_routes = {routes, sizeof routes / sizeof routes[0]};

/* ---- Reading ---- */

static void write_service(const Cupola__JournalService *value, struct text *json)
{
    text_add_string(json, "{\"name\":");
    json_write_string(json, value->name);
    text_addf(json, ",\"type\":\"%s\",\"vendor\":", cc_label_type(value->label));
    char *vendor = memory_copy_bytes(value->label, cc_label_name_size(value->label));
    json_write_string(json, vendor);
    memory_free(vendor);
    text_add_string(json, ",\"version\":");
    json_write_string(json, cc_label_version(value->label));
    text_add_string(json, ",\"tier\":");
    json_write_string(json, value->plan == NULL ? "free" : value->plan);
    text_addf(json, ",\"properties\":{},\"meta\":{\"created\":%lld,\"updated\":%lld,\"tags\":[",
              (long long)value->created_s, (long long)value->created_s);
    for (size_t i = 0; i < value->n_tags; i++) {
        if (i > 0)
            text_add_char(json, ',');
        json_write_string(json, value->tags[i]);
    }
    text_add_string(json, "],\"version\":1}}");
}

static void handle_list(struct call *call)
{
    struct text json = {0};
    const struct service *service = call->controller->state.services.by_id;
    text_add_char(&json, '[');
    for (; service != NULL; service = service->hh.next) {
        if (strcmp(service->value->owner, call->email) != 0)
            continue;
        if (json.size > 1)
            text_add_char(&json, ',');
        write_service(service->value, &json);
    }
    text_add_char(&json, ']');
    cc_call_answer_json(call, 200, &json);
}

static void handle_one(struct call *call)
{
    const struct service *service = cc_service_find_named(&call->controller->state, call->email, call->arguments[0]);
    if (service == NULL) {
        cc_call_fail(call, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
        return;
    }
    struct text json = {0};
    write_service(service->value, &json);
    cc_call_answer_json(call, 200, &json);
}

static void handle_catalogue(struct call *call)
{
    struct text json = {0};
    cc_offerings_write(&call->controller->state, call->email, &json);
    cc_call_answer_json(call, 200, &json);
}

/* ---- Creating ---- */

static void release_create(struct call *call)
{
    struct create_call *request = container_of(call, struct create_call, call);
    cupola__rest_service__free_unpacked(request->body, NULL);
    memory_free(request->label);
    memory_free(request->service_id);
    memory_free(request->configuration);
    memory_free(request->credentials);
    memory_free(request->plan_option);
}

static bool is_allowed(const struct create_call *request, struct refusal *refusal)
{
    const struct controller *controller = request->call.controller;
    size_t count = cc_service_count(&controller->state, request->call.email);
    uint32_t most = cc_quota_of(controller, request->call.email).services;
    if (count < most)
        return true;
    char used[24], allowed[24];
    snprintf(used, sizeof used, "%zu", count);
    snprintf(allowed, sizeof allowed, "%u", most);
    cc_refusal_set(refusal, ERROR_TOO_MANY_SERVICES, used, allowed);
    return false;
}

static bool is_name(const char *name)
{
    size_t size = 0;
    for (; name != NULL && name[size] != '\0'; size++)
        if ((unsigned char)name[size] <= 0x20 || name[size] == '/' || name[size] == 0x7F)
            return false;
    return size > 0 && size <= MAX_NAME_SIZE;
}

static void order(struct create_call *request)
{
    struct text body = {0};
    text_add_string(&body, "{\"label\":");
    json_write_string(&body, request->label);
    text_add_string(&body, ",\"name\":");
    json_write_string(&body, request->body->name);
    text_add_string(&body, ",\"plan\":");
    json_write_string(&body, request->body->tier == NULL ? "free" : request->body->tier);
    if (request->plan_option != NULL) {
        text_add_string(&body, ",\"plan_option\":");
        json_write_string(&body, request->plan_option);
    }
    text_add_string(&body, ",\"email\":");
    json_write_string(&body, request->call.email);
    text_add_char(&body, '}');
    request->waiter.done = on_made;
    cc_gateway_make(request->call.controller, request->label, NULL, text_string(&body), &request->waiter);
    text_free(&body);
}

static void create(struct create_call *request, const struct offering *offering)
{
    struct call *call = &request->call;
    const struct state *state = &call->controller->state;
    const Cupola__RestService *body = request->body;
    const char *key = request->tells_all ? "errors" : "description";
    if (body->vendor == NULL)
        cc_schema_fail(call, key, "vendor: missing");
    else if (body->name == NULL)
        cc_schema_fail(call, key, "name: missing");
    else if (offering == NULL)
        cc_call_fail(call, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
    else if (!is_name(body->name))
        cc_schema_fail(call, key, "name: expected up to 128 characters, without blanks and slashes");
    else if (cc_service_find_named(state, call->email, body->name) != NULL)
        cc_schema_fail(call, key, "name: there is a service of that name already");
    else if (!is_allowed(request, &request->refusal))
        cc_call_refuse(call, &request->refusal);
    else {
        request->label = memory_copy_text(offering->value->label);
        order(request);
    }
}

static const struct offering *choose(const struct create_call *request)
{
    const Cupola__RestService *body = request->body;
    return body->vendor == NULL ? NULL
                                : cc_offerings_choose(&request->call.controller->state, request->call.email,
                                                      body->vendor, body->version);
}

static void handle_create(struct call *call)
{
    struct create_call *request = container_of(call, struct create_call, call);
    if (cc_schema_read(call, "description", &cupola__rest_service__descriptor, &request->body))
        create(request, choose(request));
}

/* The same by another name: the label says which, and nothing else will do. */
static void handle_configure(struct call *call)
{
    struct create_call *request = container_of(call, struct create_call, call);
    Cupola__RestConfiguration *body = NULL;
    if (!cc_call_check_json(call) || !cc_schema_read(call, "errors", &cupola__rest_configuration__descriptor, &body))
        return;
    if (body->label == NULL) {
        cupola__rest_configuration__free_unpacked(body, NULL);
        cc_schema_fail(call, "errors", "label: missing");
        return;
    }
    const char *label = body->label;
    request->tells_all = true;
    request->plan_option = body->plan_option == NULL ? NULL : memory_copy_text(body->plan_option);
    request->body = memory_new(sizeof *request->body);
    cupola__rest_service__init(request->body);
    request->body->vendor = memory_copy_bytes(label, cc_label_name_size(label));
    request->body->version = memory_copy_text(cc_label_version(label));
    request->body->name = body->name == NULL ? NULL : memory_copy_text(body->name);
    request->body->tier = body->plan == NULL ? NULL : memory_copy_text(body->plan);
    const struct offering *offering = choose(request);
    bool is_same = offering != NULL && strcmp(offering->value->label, label) == 0;
    cupola__rest_configuration__free_unpacked(body, NULL);
    create(request, is_same ? offering : NULL);
}

static void on_made(struct gateway_waiter *waiter, const struct made *made)
{
    struct create_call *request = container_of(waiter, struct create_call, waiter);
    if (made == NULL) {
        cc_call_fail(&request->call, ERROR_GATEWAY, NULL, NULL);
        return;
    }
    request->service_id = memory_copy_text(made->id);
    request->configuration = memory_copy_text(made->configuration);
    request->credentials = memory_copy_text(made->credentials);
    request->change.prepare = prepare_create;
    request->change.done = on_created;
    cc_journal_submit(request->call.controller, &request->change);
}

static bool prepare_create(struct change *change)
{
    struct create_call *request = container_of(change, struct create_call, change);
    const struct state *state = &change->controller->state;
    if (cc_state_find_user(state, request->call.email) == NULL) {
        cc_refusal_set(&request->refusal, ERROR_FORBIDDEN, NULL, NULL);
        return false;
    }
    if (cc_service_find_named(state, request->call.email, request->body->name) != NULL) {
        cc_refusal_set(&request->refusal, ERROR_BAD_REQUEST_AT, "name: there is such a service already", NULL);
        return false;
    }
    if (!is_allowed(request, &request->refusal))
        return false;
    const struct offering *offering = cc_offering_find(state, request->label);
    Cupola__JournalService value = CUPOLA__JOURNAL_SERVICE__INIT;
    value.has_id = value.has_created_s = true;
    value.id = state->services.last_service_id + 1;
    value.owner = request->call.email;
    value.name = request->body->name;
    value.label = request->label;
    value.plan = request->body->tier;
    value.plan_option = request->plan_option;
    value.service_id = request->service_id;
    value.configuration = request->configuration;
    value.credentials = request->credentials;
    value.tags = offering == NULL ? NULL : offering->value->tags;
    value.n_tags = offering == NULL ? 0 : offering->value->n_tags;
    value.created_s = machine_wall_seconds(&change->controller->machine);
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_PUT;
    entry.service_put = &value;
    cc_change_write(change, &entry, request->call.email);
    return true;
}

/* A change that is lost may still appear: whoever leaves what was made looks for that. */
static void on_created(struct change *change, enum change_outcome outcome)
{
    struct create_call *request = container_of(change, struct create_call, change);
    if (outcome != CHANGE_DURABLE)
        cc_gateway_leave(change->controller, &(struct made_thing){.label = request->label,
                                                                  .service_id = request->service_id,
                                                                  .configuration = request->configuration,
                                                                  .credentials = request->credentials});
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(&request->call, outcome, &request->refusal);
        return;
    }
    struct text json = {0};
    if (request->tells_all) {
        text_add_string(&json, "{\"service_id\":");
        json_write_string(&json, request->service_id);
        text_add_string(&json, ",\"data\":");
        text_add_string(&json, request->configuration);
        text_add_string(&json, ",\"credentials\":");
        text_add_string(&json, request->credentials);
        text_add_char(&json, '}');
    } else {
        text_add_string(&json, "{}");
    }
    cc_call_answer_json(&request->call, 200, &json);
}

/* ---- Deleting: the record first, then the gateway ---- */

static void handle_unconfigure(struct call *call)
{
    container_of(call, struct delete_call, write.call)->by_id = true;
    handle_delete(call);
}

static void handle_delete(struct call *call)
{
    cc_change_call_submit(container_of(call, struct change_call, call), prepare_delete, on_deleted);
}

static bool prepare_delete(struct change *change)
{
    struct change_call *request = container_of(change, struct change_call, change);
    bool is_by_id = container_of(request, struct delete_call, write)->by_id;
    const struct state *state = &change->controller->state;
    const char *email = request->call.email, *name = request->call.arguments[0];
    const struct service *service =
        is_by_id ? cc_service_find_owned(state, email, name) : cc_service_find_named(state, email, name);
    if (service == NULL) {
        cc_refusal_set(&request->refusal, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__ServiceDeletion deletion = CUPOLA__SERVICE_DELETION__INIT;
    deletion.has_id = true;
    deletion.id = service->id;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_DELETED;
    entry.service_deleted = &deletion;
    cc_change_write(change, &entry, request->call.email);
    return true;
}

static void on_deleted(struct change_call *request)
{
    cc_gateway_clean_up(request->call.controller);
    struct text json = {0};
    text_add_string(&json, "{}");
    cc_call_answer_json(&request->call, 200, &json);
}
