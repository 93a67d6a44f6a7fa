#include "core/cloud_controller/services/bindings.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <string.h>

static void bind_next(struct binder *binder);
static void on_made(struct gateway_waiter *waiter, const struct made *made);

/* ---- At the gateways ---- */

static struct made_binding *find_made(struct binder *binder, int64_t service)
{
    for (size_t i = 0; i < binder->made_count; i++)
        if (binder->made[i].value.service == service)
            return &binder->made[i];
    return NULL;
}

void cc_binder_begin(struct binder *binder, struct controller *controller, const struct app *app, char *const *names,
                     size_t name_count, void (*done)(struct binder *binder))
{
    binder->controller = controller;
    binder->app_id = app->id;
    binder->names = names;
    binder->name_count = name_count;
    binder->done = done;
    if (name_count > MAX_BINDINGS)
        cc_refusal_set(&binder->refusal, ERROR_BAD_REQUEST_AT, "services: too many", NULL);
    bind_next(binder);
}

/* The next service that is not bound yet; NULL if there is none, or with a refusal. */
static const struct service *find_next(struct binder *binder)
{
    const struct state *state = &binder->controller->state;
    const struct app *app = cc_state_find_app(state, binder->app_id);
    if (app == NULL)
        cc_refusal_set(&binder->refusal, ERROR_APP_NOT_FOUND, NULL, NULL);
    for (; app != NULL && binder->at < binder->name_count; binder->at++) {
        const struct service *service = cc_service_find_for(state, app->value, binder->names[binder->at]);
        if (service == NULL) {
            cc_refusal_set(&binder->refusal, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
            return NULL;
        }
        if (cc_binding_find(app->value, service->id) == NULL && find_made(binder, service->id) == NULL)
            return service;
    }
    return NULL;
}

void cc_binding_write_order(const Cupola__JournalService *service, const char *options, struct text *body)
{
    text_add_string(body, "{\"service_id\":");
    json_write_string(body, service->service_id);
    text_add_string(body, ",\"label\":");
    json_write_string(body, service->label);
    text_add_string(body, ",\"email\":");
    json_write_string(body, service->owner);
    text_add_string(body, ",\"binding_options\":");
    text_add_string(body, options);
    text_add_char(body, '}');
}

void cc_binding_token_draw(struct controller *controller, char ret_token[BINDING_TOKEN_SIZE])
{
    char digits[33];
    random_hex(&controller->nonces, digits, 16);
    snprintf(ret_token, BINDING_TOKEN_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12, digits + 16,
             digits + 20);
}

void cc_binding_token_copy(const char *token, char ret_token[BINDING_TOKEN_SIZE])
{
    snprintf(ret_token, BINDING_TOKEN_SIZE, "%s", token == NULL ? "" : token);
}

static void bind_next(struct binder *binder)
{
    const struct service *service = binder->refusal.error == ERROR_NONE ? find_next(binder) : NULL;
    if (service == NULL) {
        binder->done(binder);
        return;
    }
    const Cupola__JournalService *value = service->value;
    struct made_binding *made = &binder->made[binder->made_count];
    cupola__journal_binding__init(&made->value);
    made->value.has_service = true;
    made->value.service = service->id;
    made->label = memory_copy_text(value->label);
    made->service_id = memory_copy_text(value->service_id);
    cc_binding_token_draw(binder->controller, made->token);
    made->value.token = made->token;
    struct text body = {0};
    cc_binding_write_order(value, "{}", &body);
    binder->waiter.done = on_made;
    cc_gateway_make(binder->controller, made->label, made->service_id, text_string(&body), &binder->waiter);
    text_free(&body);
}

static void free_made(struct made_binding *made)
{
    memory_free(made->label);
    memory_free(made->service_id);
    memory_free(made->value.handle);
    memory_free(made->value.configuration);
    memory_free(made->value.credentials);
    *made = (struct made_binding){0};
}

static void on_made(struct gateway_waiter *waiter, const struct made *made)
{
    struct binder *binder = container_of(waiter, struct binder, waiter);
    struct made_binding *binding = &binder->made[binder->made_count];
    if (made == NULL) {
        free_made(binding);
        cc_refusal_set(&binder->refusal, ERROR_GATEWAY, NULL, NULL);
        binder->done(binder);
        return;
    }
    binding->value.handle = memory_copy_text(made->id);
    binding->value.configuration = memory_copy_text(made->configuration);
    binding->value.credentials = memory_copy_text(made->credentials);
    binder->made_count++;
    binder->at++;
    bind_next(binder);
}

/* ---- The app ---- */

bool cc_binder_apply(struct binder *binder, const struct state *state, Cupola__JournalApp *new,
                     struct refusal *ret_refusal)
{
    Cupola__JournalApp old = *new;
    new->bindings = binder->list;
    new->n_bindings = 0;
    for (size_t i = 0; i < binder->name_count; i++) {
        const struct service *service = cc_service_find_for(state, &old, binder->names[i]);
        if (service == NULL) {
            cc_refusal_set(ret_refusal, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
            return false;
        }
        if (cc_binding_find(new, service->id) != NULL)
            continue; /* Named twice. */
        const Cupola__JournalBinding *known = cc_binding_find(&old, service->id);
        struct made_binding *made = find_made(binder, service->id);
        if (known == NULL && made == NULL) { /* Somebody else has unbound it in between. */
            cc_refusal_set(ret_refusal, ERROR_LOCKING, NULL, NULL);
            return false;
        }
        binder->list[new->n_bindings++] = known != NULL ? (Cupola__JournalBinding *)(uintptr_t)known : &made->value;
    }
    return true;
}

/* Whether a lost change comes after all nobody knows yet: whoever leaves what was made looks for that. */
void cc_binder_settle(struct binder *binder, enum change_outcome outcome)
{
    if (binder->controller == NULL)
        return; /* Never begun. */
    const struct app *app = cc_state_find_app(&binder->controller->state, binder->app_id);
    for (size_t i = 0; i < binder->made_count; i++) {
        const struct made_binding *made = &binder->made[i];
        const Cupola__JournalBinding *bound = app == NULL ? NULL : cc_binding_find(app->value, made->value.service);
        if (outcome == CHANGE_LOST || bound == NULL || strcmp(bound->handle, made->value.handle) != 0)
            cc_gateway_leave(binder->controller, &(struct made_thing){.label = made->label,
                                                                      .service_id = made->service_id,
                                                                      .handle = made->value.handle,
                                                                      .configuration = made->value.configuration,
                                                                      .credentials = made->value.credentials});
    }
    cc_gateway_clean_up(binder->controller);
}

void cc_binder_release(struct binder *binder)
{
    for (size_t i = 0; i < MAX_BINDINGS; i++)
        free_made(&binder->made[i]);
}

/* ---- For DEAs ---- */

static Cupola__ServiceBinding *describe(const Cupola__JournalService *service, const Cupola__JournalBinding *binding)
{
    struct text json = {0};
    struct json_error ignored;
    const char *credentials = binding->credentials == NULL ? "{}" : binding->credentials;
    text_add_string(&json, "{\"name\":");
    json_write_string(&json, service->name);
    text_add_string(&json, ",\"label\":");
    json_write_string(&json, service->label);
    text_addf(&json, ",\"type\":\"%s\",\"version\":", cc_label_type(service->label));
    json_write_string(&json, cc_label_version(service->label));
    char *vendor = memory_copy_bytes(service->label, cc_label_name_size(service->label));
    text_add_string(&json, ",\"vendor\":");
    json_write_string(&json, vendor);
    memory_free(vendor);
    text_add_string(&json, ",\"plan\":");
    json_write_string(&json, service->plan == NULL ? "free" : service->plan);
    text_add_string(&json, ",\"tags\":[");
    for (size_t i = 0; i < service->n_tags; i++) {
        if (i > 0)
            text_add_char(&json, ',');
        json_write_string(&json, service->tags[i]);
    }
    text_add_string(&json, "],\"credentials\":");
    text_add_string(&json, credentials);
    text_add_char(&json, '}');
    Cupola__ServiceBinding *described = (Cupola__ServiceBinding *)json_read(
        &cupola__service_binding__descriptor, (struct io_bytes){(const uint8_t *)text_string(&json), json.size},
        JSON_LENIENT, &ignored);
    text_free(&json);
    return described;
}

/* A gateway whose credentials are no JSON object is not understood. */
void cc_bindings_fill(const struct state *state, const Cupola__JournalApp *value, Cupola__DeaStart *start)
{
    start->services = memory_new(value->n_bindings * sizeof(Cupola__ServiceBinding *));
    start->n_services = 0;
    for (size_t i = 0; i < value->n_bindings; i++) {
        const struct service *service = cc_service_find(state, value->bindings[i]->service);
        assert_that(service != NULL);
        Cupola__ServiceBinding *described = describe(service->value, value->bindings[i]);
        if (described != NULL)
            start->services[start->n_services++] = described;
    }
}

void cc_bindings_free(Cupola__DeaStart *start)
{
    for (size_t i = 0; i < start->n_services; i++)
        cupola__service_binding__free_unpacked(start->services[i], NULL);
    memory_free(start->services);
}
