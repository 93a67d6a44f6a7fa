#include "core/cloud_controller/state/services.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/state/state.h"
#include "core/wire/message.h"

#include <string.h>

/* ---- Finding ---- */

struct offering *cc_offering_find(const struct state *state, const char *label)
{
    struct offering *offering = NULL;
    HASH_FIND(hh, state->services.offerings, label, strlen(label), offering);
    return offering;
}

struct service *cc_service_find(const struct state *state, int64_t id)
{
    struct service *service = NULL;
    HASH_FIND(hh, state->services.by_id, &id, sizeof id, service);
    return service;
}

struct service *cc_service_find_named(const struct state *state, const char *owner, const char *name)
{
    for (struct service *service = state->services.by_id; service != NULL; service = service->hh.next)
        if (strcmp(service->value->owner, owner) == 0 && strcmp(service->value->name, name) == 0)
            return service;
    return NULL;
}

struct service *cc_service_find_at_gateway(const struct state *state, const char *label, const char *service_id)
{
    for (struct service *service = state->services.by_id; service != NULL; service = service->hh.next)
        if (strcmp(service->value->label, label) == 0 && strcmp(service->value->service_id, service_id) == 0)
            return service;
    return NULL;
}

struct service *cc_service_find_owned(const struct state *state, const char *owner, const char *service_id)
{
    for (struct service *service = state->services.by_id; service != NULL; service = service->hh.next)
        if (strcmp(service->value->owner, owner) == 0 && strcmp(service->value->service_id, service_id) == 0)
            return service;
    return NULL;
}

struct service *cc_service_find_for(const struct state *state, const Cupola__JournalApp *value, const char *name)
{
    for (size_t i = 0; i < value->n_bindings; i++) {
        struct service *service = cc_service_find(state, value->bindings[i]->service);
        if (strcmp(service->value->name, name) == 0)
            return service;
    }
    return cc_service_find_named(state, value->owner, name);
}

static bool is_token(const char *known, const char *token)
{
    return known != NULL && strcmp(known, token) == 0;
}

/* Those that were made for a binding are with it. */
struct service *cc_binding_token_find(const struct state *state, const char *token, const char **ret_options)
{
    for (struct service *service = state->services.by_id; service != NULL; service = service->hh.next) {
        for (size_t i = 0; i < service->value->n_tokens; i++) {
            if (!is_token(service->value->tokens[i]->token, token))
                continue;
            *ret_options = service->value->tokens[i]->options;
            return service;
        }
    }
    for (const struct app *app = state->apps; app != NULL; app = app->hh.next) {
        for (size_t i = 0; i < app->value->n_bindings; i++) {
            const Cupola__JournalBinding *binding = app->value->bindings[i];
            if (!is_token(binding->token, token))
                continue;
            *ret_options = binding->options == NULL ? "{}" : binding->options;
            return cc_service_find(state, binding->service);
        }
    }
    return NULL;
}

size_t cc_service_count(const struct state *state, const char *owner)
{
    size_t count = 0;
    for (const struct service *service = state->services.by_id; service != NULL; service = service->hh.next)
        count += strcmp(service->value->owner, owner) == 0;
    return count;
}

const Cupola__JournalBinding *cc_binding_find(const Cupola__JournalApp *value, int64_t service)
{
    for (size_t i = 0; i < value->n_bindings; i++)
        if (value->bindings[i]->service == service)
            return value->bindings[i];
    return NULL;
}

void cc_services_each_made(const struct state *state, void (*act)(void *context, const struct made_thing *thing),
                           void *context)
{
    for (const struct service *service = state->services.by_id; service != NULL; service = service->hh.next) {
        const Cupola__JournalService *value = service->value;
        act(context, &(struct made_thing){.label = value->label,
                                          .service_id = value->service_id,
                                          .configuration = value->configuration,
                                          .credentials = value->credentials});
    }
    for (const struct app *app = state->apps; app != NULL; app = app->hh.next) {
        for (size_t i = 0; i < app->value->n_bindings; i++) {
            const Cupola__JournalBinding *binding = app->value->bindings[i];
            const struct service *service = cc_service_find(state, binding->service);
            assert_that(service != NULL);
            act(context, &(struct made_thing){.label = service->value->label,
                                              .service_id = service->value->service_id,
                                              .handle = binding->handle,
                                              .configuration = binding->configuration,
                                              .credentials = binding->credentials});
        }
    }
    for (const struct leftover *leftover = state->services.leftovers; leftover != NULL; leftover = leftover->next)
        act(context, &(struct made_thing){.label = leftover->value->label,
                                          .service_id = leftover->value->service_id,
                                          .handle = leftover->value->handle,
                                          .configuration = leftover->value->configuration,
                                          .credentials = leftover->value->credentials,
                                          .is_left = true});
}

/* ---- Labels ---- */

const char *cc_label_version(const char *label)
{
    const char *dash = strrchr(label, '-');
    return dash == NULL ? "" : dash + 1;
}

size_t cc_label_name_size(const char *label)
{
    const char *dash = strrchr(label, '-');
    return dash == NULL ? strlen(label) : (size_t)(dash - label);
}

const char *cc_label_type(const char *label)
{
    static const struct {
        const char *name, *type;
    } types[] = {{"mysql", "database"}, {"postgresql", "database"}, {"redis", "key-value"}, {"mongodb", "key-value"}};
    size_t size = cc_label_name_size(label);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strlen(types[i].name) == size && strncmp(types[i].name, label, size) == 0)
            return types[i].type;
    return "generic";
}

/* ---- The fold ---- */

static void add_leftover(struct state *state, const Cupola__JournalLeftover *value)
{
    struct leftover *leftover = memory_new(sizeof *leftover);
    leftover->value = message_copy(&value->base);
    leftover->value->has_id = true;
    leftover->value->id = ++state->services.last_leftover_id;
    struct leftover **end = &state->services.leftovers;
    while (*end != NULL)
        end = &(*end)->next;
    *end = leftover;
}

/* The service itself (`binding` is NULL), or a binding of it. */
static void leave(struct state *state, const Cupola__JournalService *service, const Cupola__JournalBinding *binding)
{
    Cupola__JournalLeftover value = CUPOLA__JOURNAL_LEFTOVER__INIT;
    value.label = service->label;
    value.service_id = service->service_id;
    value.handle = binding == NULL ? NULL : binding->handle;
    value.configuration = binding == NULL ? service->configuration : binding->configuration;
    value.credentials = binding == NULL ? service->credentials : binding->credentials;
    add_leftover(state, &value);
}

static bool same_handle(const Cupola__JournalBinding *a, const Cupola__JournalBinding *b)
{
    return a != NULL && b != NULL && strcmp(a->handle, b->handle) == 0;
}

bool cc_services_fold_app(struct state *state, const Cupola__JournalApp *old, const Cupola__JournalApp *new)
{
    for (size_t i = 0; new != NULL &&i < new->n_bindings; i++)
        if (new->bindings[i]->handle == NULL || cc_service_find(state, new->bindings[i]->service) == NULL)
            return false;
    for (size_t i = 0; old != NULL && i < old->n_bindings; i++) {
        const Cupola__JournalBinding *binding = old->bindings[i];
        const struct service *service = cc_service_find(state, binding->service);
        assert_that(service != NULL);
        if (new == NULL || !same_handle(binding, cc_binding_find(new, binding->service)))
            leave(state, service->value, binding);
    }
    return true;
}

static void remove_offering(struct state *state, struct offering *offering)
{
    HASH_DELETE(hh, state->services.offerings, offering);
    cupola__journal_offering__free_unpacked(offering->value, NULL);
    memory_free(offering);
}

static bool put_offering(struct state *state, const Cupola__JournalOffering *value)
{
    if (value->label == NULL || value->url == NULL)
        return false;
    struct offering *old = cc_offering_find(state, value->label);
    if (old != NULL)
        remove_offering(state, old);
    struct offering *offering = memory_new(sizeof *offering);
    offering->value = message_copy(&value->base);
    HASH_ADD_KEYPTR(hh, state->services.offerings, offering->value->label, strlen(offering->value->label), offering);
    return true;
}

static bool delete_offering(struct state *state, const Cupola__OfferingDeletion *deletion)
{
    struct offering *offering = deletion->label == NULL ? NULL : cc_offering_find(state, deletion->label);
    if (offering == NULL)
        return false;
    remove_offering(state, offering);
    return true;
}

static bool put_service(struct state *state, const Cupola__JournalService *value)
{
    bool is_whole = value->owner != NULL && value->name != NULL && value->label != NULL && value->service_id != NULL;
    if (!is_whole || value->id <= state->services.last_service_id ||
        cc_service_find_named(state, value->owner, value->name) != NULL)
        return false;
    struct service *service = memory_new(sizeof *service);
    service->id = state->services.last_service_id = value->id;
    service->value = message_copy(&value->base);
    HASH_ADD(hh, state->services.by_id, id, sizeof service->id, service);
    return true;
}

static void free_service(struct services *services, struct service *service)
{
    HASH_DELETE(hh, services->by_id, service);
    cupola__journal_service__free_unpacked(service->value, NULL);
    memory_free(service);
}

/* With a token only what was bound by it. */
static void unbind(struct state *state, struct app *app, const struct service *service, const char *token)
{
    Cupola__JournalApp *value = app->value;
    for (size_t i = 0; i < value->n_bindings; i++) {
        Cupola__JournalBinding *binding = value->bindings[i];
        if (binding->service != service->id || (token != NULL && !is_token(binding->token, token)))
            continue;
        leave(state, service->value, binding);
        cupola__journal_binding__free_unpacked(binding, NULL);
        value->n_bindings--; /* The others keep their order, in which people see them. */
        memmove(&value->bindings[i], &value->bindings[i + 1],
                (value->n_bindings - i) * sizeof(Cupola__JournalBinding *));
        i--;
    }
}

/* Its bindings first: a gateway deletes in this order. */
static void remove_service(struct state *state, struct service *service)
{
    for (struct app *app = state->apps; app != NULL; app = app->hh.next)
        unbind(state, app, service, NULL);
    leave(state, service->value, NULL);
    free_service(&state->services, service);
}

static bool delete_service(struct state *state, const Cupola__ServiceDeletion *deletion)
{
    struct service *service = cc_service_find(state, deletion->id);
    if (service == NULL)
        return false;
    remove_service(state, service);
    return true;
}

void cc_services_fold_user_deleted(struct state *state, const char *email)
{
    struct service *service, *next;
    HASH_ITER (hh, state->services.by_id, service, next)
        if (strcmp(service->value->owner, email) == 0)
            remove_service(state, service);
}

static void free_leftover(struct leftover *leftover)
{
    cupola__journal_leftover__free_unpacked(leftover->value, NULL);
    memory_free(leftover);
}

/* Another controller may have said so already. */
static bool forget_leftover(struct state *state, const Cupola__LeftoverGone *gone)
{
    struct leftover **place = &state->services.leftovers;
    while (*place != NULL && (*place)->value->id != gone->id)
        place = &(*place)->next;
    struct leftover *leftover = *place;
    if (leftover == NULL)
        return true;
    *place = leftover->next;
    free_leftover(leftover);
    return true;
}

/* protobuf-c allocates texts with the C library, which memory_free gives back to. */
static void replace(char **text, const char *with)
{
    memory_free(*text);
    *text = with == NULL ? NULL : memory_copy_text(with);
}

static bool change_handle(struct state *state, const Cupola__HandleChange *change)
{
    struct service *service = cc_service_find(state, change->service);
    if (service == NULL)
        return false;
    if (change->handle == NULL) {
        replace(&service->value->configuration, change->configuration);
        replace(&service->value->credentials, change->credentials);
        return true;
    }
    for (struct app *app = state->apps; app != NULL; app = app->hh.next) {
        for (size_t i = 0; i < app->value->n_bindings; i++) {
            Cupola__JournalBinding *binding = app->value->bindings[i];
            if (binding->service != change->service || strcmp(binding->handle, change->handle) != 0)
                continue;
            replace(&binding->configuration, change->configuration);
            replace(&binding->credentials, change->credentials);
        }
    }
    return true;
}

static void add_token(Cupola__JournalService *value, const Cupola__JournalBindingToken *token)
{
    size_t size = value->n_tokens * sizeof value->tokens[0];
    value->tokens = memory_grow(value->tokens, size, size + sizeof value->tokens[0]);
    value->tokens[value->n_tokens++] = message_copy(&token->base);
}

static void remove_token(Cupola__JournalService *value, const char *token)
{
    for (size_t i = 0; i < value->n_tokens; i++) {
        if (!is_token(value->tokens[i]->token, token))
            continue;
        cupola__journal_binding_token__free_unpacked(value->tokens[i], NULL);
        memmove(&value->tokens[i], &value->tokens[i + 1], (value->n_tokens - i - 1) * sizeof value->tokens[0]);
        value->n_tokens--;
        return;
    }
}

static bool change_token(struct state *state, const Cupola__BindingTokenChange *change)
{
    struct service *service = cc_service_find(state, change->service);
    bool is_whole =
        change->made != NULL ? change->made->token != NULL && change->made->options != NULL : change->deleted != NULL;
    if (service == NULL || !is_whole)
        return false;
    if (change->made != NULL) {
        add_token(service->value, change->made);
        return true;
    }
    remove_token(service->value, change->deleted);
    for (struct app *app = state->apps; app != NULL; app = app->hh.next)
        unbind(state, app, service, change->deleted);
    return true;
}

bool cc_services_fold(struct state *state, const Cupola__JournalEntry *entry)
{
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_PUT)
        return put_offering(state, entry->offering_put);
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_DELETED)
        return delete_offering(state, entry->offering_deleted);
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_PUT)
        return put_service(state, entry->service_put);
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_DELETED)
        return delete_service(state, entry->service_deleted);
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_GONE)
        return forget_leftover(state, entry->leftover_gone);
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_HANDLE_CHANGED)
        return change_handle(state, entry->handle_changed);
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_BINDING_TOKEN_CHANGED)
        return change_token(state, entry->binding_token_changed);
    assert_that(entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_PUT);
    if (entry->leftover_put->label == NULL || entry->leftover_put->service_id == NULL)
        return false;
    add_leftover(state, entry->leftover_put);
    return true;
}

/* A leftover keeps the number that gateways' answers are known by. */
bool cc_services_load(struct state *state, const Cupola__JournalEntry *entry)
{
    if (entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_PUT)
        state->services.last_leftover_id = entry->leftover_put->id - 1;
    return cc_services_fold(state, entry);
}

void cc_services_free(struct services *services)
{
    struct offering *offering, *next_offering;
    HASH_ITER (hh, services->offerings, offering, next_offering) {
        HASH_DELETE(hh, services->offerings, offering);
        cupola__journal_offering__free_unpacked(offering->value, NULL);
        memory_free(offering);
    }
    struct service *service, *next_service;
    HASH_ITER (hh, services->by_id, service, next_service)
        free_service(services, service);
    while (services->leftovers != NULL) {
        struct leftover *leftover = services->leftovers;
        services->leftovers = leftover->next;
        free_leftover(leftover);
    }
}
