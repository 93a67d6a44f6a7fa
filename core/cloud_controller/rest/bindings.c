/* /services/v1/bindings and /services/v1/binding_tokens: services for apps, one by one, also of somebody else who has
 * handed over a token. vmc does not use them; it writes the list of services of an app (app_put.c). */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/rest/schema.h"
#include "core/cloud_controller/services/bindings.h"

#include <string.h>

enum { MAX_TOKENS_OF_SERVICE = 64, MAX_OPTIONS_SIZE = 4096 };

struct binding_call {
    struct call call;
    Cupola__RestBinding *body;
    struct gateway_waiter waiter;
    struct change change;
    struct refusal refusal;
    int64_t service;
    char *label, *service_id;
    char *handle, *configuration, *credentials; /* As the gateway has made them. */
    char *options;
    char token[BINDING_TOKEN_SIZE];
    bool is_done; /* Some app has lost a binding. */
};

static void handle_bind(struct call *call);
static void handle_bind_external(struct call *call);
static void handle_unbind(struct call *call);
static void handle_new_token(struct call *call);
static void handle_show_token(struct call *call);
static void handle_delete_token(struct call *call);
static void release(struct call *call);
static void on_made(struct gateway_waiter *waiter, const struct made *made);
static bool prepare_bind(struct change *change);
static void on_bound(struct change *change, enum change_outcome outcome);
static bool prepare_unbind(struct change *change);
static void on_unbound(struct change *change, enum change_outcome outcome);
static void on_confirmed(struct change *change, enum change_outcome outcome);
static bool prepare_token(struct change *change);
static bool prepare_token_deletion(struct change *change);
static void on_token(struct change *change, enum change_outcome outcome);

#define ROUTE(method, pattern, access, handle)                                                                         \
    {                                                                                                                  \
        method, "/services/v1/" pattern, access, sizeof(struct binding_call), handle, release, NULL, NULL              \
    }
static const struct route routes[] = {
    ROUTE("POST", "bindings", ACCESS_USER, handle_bind),
    ROUTE("POST", "bindings/external", ACCESS_USER, handle_bind_external),
    ROUTE("DELETE", "bindings/:", ACCESS_USER, handle_unbind),
    ROUTE("POST", "binding_tokens", ACCESS_USER, handle_new_token),
    ROUTE("GET", "binding_tokens/:", ACCESS_ANYBODY, handle_show_token),
    ROUTE("DELETE", "binding_tokens/:", ACCESS_USER, handle_delete_token),
};
const struct route_table cc_binding_routes = {routes, sizeof routes / sizeof routes[0]};

static void release(struct call *call)
{
    struct binding_call *request = container_of(call, struct binding_call, call);
    cupola__rest_binding__free_unpacked(request->body, NULL);
    memory_free(request->label);
    memory_free(request->service_id);
    memory_free(request->handle);
    memory_free(request->configuration);
    memory_free(request->credentials);
    memory_free(request->options);
}

static void submit(struct binding_call *request, bool (*prepare)(struct change *change),
                   void (*done)(struct change *change, enum change_outcome outcome))
{
    request->change = (struct change){.prepare = prepare, .done = done};
    cc_journal_submit(request->call.controller, &request->change);
}

static void answer_nothing(struct call *call)
{
    struct text json = {0};
    text_add_string(&json, "{}");
    cc_call_answer_json(call, 200, &json);
}

static void answer_token(struct binding_call *request)
{
    struct text json = {0};
    text_add_string(&json, "{\"binding_token\":");
    json_write_string(&json, request->token);
    text_add_string(&json, ",\"label\":");
    json_write_string(&json, request->label);
    text_add_char(&json, '}');
    cc_call_answer_json(&request->call, 200, &json);
}

/* ---- Binding ---- */

/* False: the call was failed. */
static bool read_body(struct binding_call *request)
{
    if (!cc_call_check_json(&request->call) ||
        !cc_schema_read(&request->call, "errors", &cupola__rest_binding__descriptor, &request->body))
        return false;
    const Cupola__JsonValue *options = request->body->binding_options;
    bool is_object = options == NULL || (options->json[0] == '{' && strlen(options->json) <= MAX_OPTIONS_SIZE);
    if (!is_object) {
        cc_schema_fail(&request->call, "errors", "binding_options: expected a small object");
        return false;
    }
    request->options = memory_copy_text(options == NULL ? "{}" : options->json);
    return true;
}

static struct app *find_app(const struct binding_call *request)
{
    const struct state *state = &request->call.controller->state;
    struct app *app = cc_state_find_app(state, request->body->app_id);
    return app != NULL && cc_state_may_see(app, request->call.email) ? app : NULL;
}

static void keep_service(struct binding_call *request, const struct service *service)
{
    request->service = service->id;
    request->label = memory_copy_text(service->value->label);
    request->service_id = memory_copy_text(service->value->service_id);
}

/* An app has a service once: whoever binds it again gets the token that there is. */
static void bind(struct binding_call *request, const struct service *service)
{
    const struct app *app = find_app(request);
    if (service == NULL || app == NULL) {
        cc_call_fail(&request->call, service == NULL ? ERROR_SERVICE_NOT_FOUND : ERROR_APP_NOT_FOUND, NULL, NULL);
        return;
    }
    keep_service(request, service);
    const Cupola__JournalBinding *known = cc_binding_find(app->value, service->id);
    if (known != NULL) {
        cc_binding_token_copy(known->token, request->token);
        answer_token(request);
        return;
    }
    struct text body = {0};
    cc_binding_write_order(service->value, request->options, &body);
    request->waiter.done = on_made;
    cc_gateway_make(request->call.controller, request->label, request->service_id, text_string(&body),
                    &request->waiter);
    text_free(&body);
}

static const struct service *find_own_service(const struct binding_call *request)
{
    const struct state *state = &request->call.controller->state;
    const char *id = request->body->service_id;
    return id == NULL ? NULL : cc_service_find_owned(state, request->call.email, id);
}

static void handle_bind(struct call *call)
{
    struct binding_call *request = container_of(call, struct binding_call, call);
    if (!read_body(request))
        return;
    cc_binding_token_draw(call->controller, request->token);
    bind(request, find_own_service(request));
}

static void handle_bind_external(struct call *call)
{
    struct binding_call *request = container_of(call, struct binding_call, call);
    if (!read_body(request))
        return;
    const char *options, *token = request->body->binding_token;
    const struct service *service =
        token == NULL ? NULL : cc_binding_token_find(&call->controller->state, token, &options);
    if (service == NULL) {
        cc_call_fail(call, ERROR_TOKEN_NOT_FOUND, NULL, NULL);
        return;
    }
    cc_binding_token_copy(token, request->token);
    memory_free(request->options);
    request->options = memory_copy_text(options);
    bind(request, service);
}

static void on_made(struct gateway_waiter *waiter, const struct made *made)
{
    struct binding_call *request = container_of(waiter, struct binding_call, waiter);
    if (made == NULL) {
        cc_call_fail(&request->call, ERROR_GATEWAY, NULL, NULL);
        return;
    }
    request->handle = memory_copy_text(made->id);
    request->configuration = memory_copy_text(made->configuration);
    request->credentials = memory_copy_text(made->credentials);
    submit(request, prepare_bind, on_bound);
}

static enum cloud_error find_fault(const struct binding_call *request, const struct app *app)
{
    const struct state *state = &request->call.controller->state;
    const char *options;
    if (app == NULL)
        return ERROR_APP_NOT_FOUND;
    if (cc_service_find(state, request->service) == NULL)
        return ERROR_SERVICE_NOT_FOUND;
    if (request->body->binding_token != NULL &&
        cc_binding_token_find(state, request->body->binding_token, &options) == NULL)
        return ERROR_TOKEN_NOT_FOUND;
    if (cc_binding_find(app->value, request->service) != NULL)
        return ERROR_LOCKING;
    return app->value->n_bindings >= MAX_BINDINGS ? ERROR_BAD_REQUEST : ERROR_NONE;
}

static bool prepare_bind(struct change *change)
{
    struct binding_call *request = container_of(change, struct binding_call, change);
    const struct app *app = find_app(request);
    enum cloud_error fault = find_fault(request, app);
    if (fault != ERROR_NONE) {
        cc_refusal_set(&request->refusal, fault, NULL, NULL);
        return false;
    }
    Cupola__JournalBinding binding = CUPOLA__JOURNAL_BINDING__INIT;
    binding.has_service = true;
    binding.service = request->service;
    binding.handle = request->handle;
    binding.configuration = request->configuration;
    binding.credentials = request->credentials;
    binding.token = request->token;
    binding.options = request->options;
    Cupola__JournalApp value = *app->value;
    Cupola__JournalBinding *list[MAX_BINDINGS];
    if (value.n_bindings > 0)
        memcpy(list, value.bindings, value.n_bindings * sizeof list[0]);
    list[value.n_bindings++] = &binding;
    value.bindings = list;
    value.has_lock_version = true;
    value.lock_version++;
    cc_change_write_app(change, CUPOLA__APP_CHANGE_KIND__APP_CHANGED, app->value, &value, request->call.email);
    return true;
}

static void on_bound(struct change *change, enum change_outcome outcome)
{
    struct binding_call *request = container_of(change, struct binding_call, change);
    if (outcome != CHANGE_DURABLE)
        cc_gateway_leave(change->controller, &(struct made_thing){.label = request->label,
                                                                  .service_id = request->service_id,
                                                                  .handle = request->handle,
                                                                  .configuration = request->configuration,
                                                                  .credentials = request->credentials});
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(&request->call, outcome, &request->refusal);
        return;
    }
    cc_follow_up(change->controller, &change->difference);
    answer_token(request);
}

/* ---- Unbinding ---- */

static bool has_token(const Cupola__JournalBinding *binding, const char *token)
{
    return binding->token != NULL && strcmp(binding->token, token) == 0;
}

static const struct app *find_bound(const struct binding_call *request)
{
    for (const struct app *app = request->call.controller->state.apps; app != NULL; app = app->hh.next)
        for (size_t i = 0; i < app->value->n_bindings && cc_state_may_see(app, request->call.email); i++)
            if (has_token(app->value->bindings[i], request->call.arguments[0]))
                return app;
    return NULL;
}

static void handle_unbind(struct call *call)
{
    submit(container_of(call, struct binding_call, call), prepare_unbind, on_unbound);
}

static bool prepare_unbind(struct change *change)
{
    struct binding_call *request = container_of(change, struct binding_call, change);
    const struct app *app = find_bound(request);
    if (app == NULL) {
        cc_refusal_set(&request->refusal, ERROR_BINDING_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__JournalApp value = *app->value;
    Cupola__JournalBinding *list[MAX_BINDINGS];
    value.n_bindings = 0;
    for (size_t i = 0; i < app->value->n_bindings; i++)
        if (!has_token(app->value->bindings[i], request->call.arguments[0]))
            list[value.n_bindings++] = app->value->bindings[i];
    value.bindings = list;
    value.has_lock_version = true;
    value.lock_version++;
    cc_change_write_app(change, CUPOLA__APP_CHANGE_KIND__APP_CHANGED, app->value, &value, request->call.email);
    return true;
}

/* One app after the other. */
static void on_unbound(struct change *change, enum change_outcome outcome)
{
    struct binding_call *request = container_of(change, struct binding_call, change);
    if (outcome == CHANGE_DURABLE) {
        request->is_done = true;
        cc_follow_up(change->controller, &change->difference);
        cc_gateway_clean_up(change->controller);
        submit(request, prepare_unbind, on_unbound);
    } else if (outcome == CHANGE_REFUSED && request->is_done) {
        answer_nothing(&request->call);
    } else {
        cc_call_fail_change(&request->call, outcome, &request->refusal);
    }
}

/* ---- Tokens ---- */

static void handle_new_token(struct call *call)
{
    struct binding_call *request = container_of(call, struct binding_call, call);
    if (!read_body(request))
        return;
    const struct service *service = find_own_service(request);
    if (service == NULL) {
        cc_call_fail(call, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
        return;
    }
    keep_service(request, service);
    cc_binding_token_draw(call->controller, request->token);
    submit(request, prepare_token, on_token);
}

static bool write_change(struct change *change, Cupola__BindingTokenChange *value, const char *email)
{
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_BINDING_TOKEN_CHANGED;
    entry.binding_token_changed = value;
    cc_change_write(change, &entry, email);
    return true;
}

static bool prepare_token(struct change *change)
{
    struct binding_call *request = container_of(change, struct binding_call, change);
    const struct service *service = cc_service_find(&change->controller->state, request->service);
    if (service == NULL) {
        cc_refusal_set(&request->refusal, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
        return false;
    }
    if (service->value->n_tokens >= MAX_TOKENS_OF_SERVICE) {
        cc_refusal_set(&request->refusal, ERROR_BAD_REQUEST_AT, "this service has 64 binding tokens already", NULL);
        return false;
    }
    Cupola__JournalBindingToken token = CUPOLA__JOURNAL_BINDING_TOKEN__INIT;
    token.token = request->token;
    token.options = request->options;
    Cupola__BindingTokenChange value = CUPOLA__BINDING_TOKEN_CHANGE__INIT;
    value.has_service = true;
    value.service = request->service;
    value.made = &token;
    return write_change(change, &value, request->call.email);
}

static void on_token(struct change *change, enum change_outcome outcome)
{
    struct binding_call *request = container_of(change, struct binding_call, change);
    if (outcome != CHANGE_DURABLE)
        cc_call_fail_change(&request->call, outcome, &request->refusal);
    else if (request->token[0] != '\0')
        answer_token(request);
    else {
        cc_gateway_clean_up(change->controller);
        answer_nothing(&request->call);
    }
}

/* Anybody may ask, but what changes from one moment to the next is told as the journal confirms it. */
static void handle_show_token(struct call *call)
{
    struct binding_call *request = container_of(call, struct binding_call, call);
    cc_journal_confirm(call->controller, &request->change, on_confirmed);
}

static void on_confirmed(struct change *change, enum change_outcome outcome)
{
    struct call *call = &container_of(change, struct binding_call, change)->call;
    const char *options;
    const struct service *service = cc_binding_token_find(&call->controller->state, call->arguments[0], &options);
    call->is_stale = outcome == CHANGE_LOST;
    if (service == NULL) {
        cc_call_fail(call, ERROR_TOKEN_NOT_FOUND, NULL, NULL);
        return;
    }
    struct text json = {0};
    text_add_string(&json, "{\"service_id\":");
    json_write_string(&json, service->value->service_id);
    text_add_string(&json, ",\"binding_options\":");
    text_add_string(&json, options);
    text_add_char(&json, '}');
    cc_call_answer_json(call, 200, &json);
}

static void handle_delete_token(struct call *call)
{
    submit(container_of(call, struct binding_call, call), prepare_token_deletion, on_token);
}

/* Whatever is bound by it loses the service. */
static bool prepare_token_deletion(struct change *change)
{
    struct binding_call *request = container_of(change, struct binding_call, change);
    const char *options;
    const struct service *service =
        cc_binding_token_find(&change->controller->state, request->call.arguments[0], &options);
    if (service == NULL || strcmp(service->value->owner, request->call.email) != 0) {
        cc_refusal_set(&request->refusal, ERROR_TOKEN_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__BindingTokenChange value = CUPOLA__BINDING_TOKEN_CHANGE__INIT;
    value.has_service = true;
    value.service = service->id;
    value.deleted = request->call.arguments[0];
    return write_change(change, &value, request->call.email);
}
