#include "core/cloud_controller/rest/app_request.h"

#include "core/base/memory.h"
#include "core/cloud_controller/accounts/quotas.h"
#include "core/cloud_controller/staging/frameworks.h"
#include "core/wire/json/keys.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_ENV = 256,
    MAX_ENV_BYTES = 65536,
    MAX_URIS = 256,
    MAX_COMMAND_SIZE = 1024,
    MAX_DISK_MB = 1048576,
    MAX_DESCRIPTORS = 1048576,
};

/* ---- Reading ---- */

static bool is_listed(char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

/* Why an entry is no good, or NULL. The names are v1's own in an instance. */
static const char *find_env_fault(const char *entry, enum cloud_error *ret_error)
{
    *ret_error = ERROR_BAD_REQUEST_AT;
    const char *equals = strchr(entry, '=');
    if (equals == NULL || equals == entry)
        return "expected NAME=VALUE";
    if (strncmp(entry, "VCAP_", 5) == 0 || strncmp(entry, "VMC_", 4) == 0) {
        *ret_error = ERROR_FORBIDDEN;
        return "reserved";
    }
    for (const char *c = entry; c < equals; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') && *c != '_')
            return "the name may have letters, digits and _ only";
    return NULL;
}

static bool read_env(struct app_request *request, struct refusal *refusal)
{
    const Cupola__RestApp *body = request->body;
    if (body->n_env > MAX_ENV) {
        cc_refusal_set(refusal, ERROR_BAD_REQUEST_AT, "env: too many entries", NULL);
        return false;
    }
    size_t bytes = 0;
    request->env = memory_new(body->n_env * sizeof(char *));
    for (size_t i = 0; i < body->n_env; i++) {
        enum cloud_error error;
        const char *fault = find_env_fault(body->env[i], &error);
        bytes += strlen(body->env[i]);
        if (fault == NULL && bytes > MAX_ENV_BYTES)
            fault = "too long";
        if (fault != NULL) {
            char text[120];
            snprintf(text, sizeof text, "env[%zu]: %s", i, fault);
            cc_refusal_set(refusal, error, text, NULL);
            return false;
        }
        if (!is_listed(request->env, request->env_count, body->env[i]))
            request->env[request->env_count++] = body->env[i];
    }
    return true;
}

bool cc_app_request_read(struct app_request *request, struct call *call)
{
    static const char *const keys[] = {"uris", "env"};
    struct io_bytes bytes = call->exchange->body;
    if (!cc_call_read_body(call, &cupola__rest_app__descriptor, &request->body))
        return false;
    unsigned present = json_find_keys(bytes, keys, 2);
    request->has_uris = (present & 1) != 0;
    request->has_env = (present & 2) != 0;
    struct refusal refusal = {0};
    if (request->body->n_uris > MAX_URIS)
        cc_refusal_set(&refusal, ERROR_BAD_REQUEST_AT, "uris: too many", NULL);
    else
        request->uris = cc_uris_normalise(request->body->uris, request->body->n_uris);
    if (refusal.error == ERROR_NONE && read_env(request, &refusal))
        return true;
    cc_call_refuse(call, &refusal);
    return false;
}

void cc_app_request_free(struct app_request *request)
{
    cupola__rest_app__free_unpacked(request->body, NULL);
    cc_uris_free(&request->uris);
    cc_binder_release(&request->binder);
    memory_free(request->env);
}

/* ---- Applying ---- */

static bool apply_state(const struct app_request *request, Cupola__JournalApp *new);
static bool apply_staging(const struct app_request *request, const struct controller *controller,
                          const Cupola__JournalApp *old, Cupola__JournalApp *new, struct refusal *refusal);
static bool apply_size(const struct app_request *request, const struct controller *controller, Cupola__JournalApp *new,
                       struct refusal *refusal);

bool cc_app_request_apply(struct app_request *request, const struct controller *controller,
                          const Cupola__JournalApp *old, Cupola__JournalApp *new, struct run_draft *draft,
                          struct refusal *ret_refusal)
{
    const Cupola__RestApp *body = request->body;
    int64_t stored_version = old == NULL ? 0 : old->lock_version;
    if (body->meta != NULL && body->meta->has_version && body->meta->version != stored_version) {
        cc_refusal_set(ret_refusal, ERROR_LOCKING, NULL, NULL);
        return false;
    }
    if (old == NULL && body->n_services > 0) { /* No client does that: services come with a PUT. */
        cc_refusal_set(ret_refusal, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
        return false;
    }
    if (old != NULL && !cc_binder_apply(&request->binder, &controller->state, new, ret_refusal))
        return false;
    new->has_lock_version = true;
    new->lock_version = stored_version + 1;
    if (request->has_env) {
        new->env = request->env;
        new->n_env = request->env_count;
    }
    if (request->has_uris) {
        new->uris = request->uris.uris;
        new->n_uris = request->uris.count;
    }
    bool begins = apply_state(request, new);
    if (!apply_size(request, controller, new, ret_refusal) || !cc_quota_check(controller, old, new, ret_refusal) ||
        !apply_staging(request, controller, old, new, ret_refusal) ||
        (request->has_uris && !cc_uris_check(controller, new->owner, &request->uris, ret_refusal)))
        return false;
    draft->now_s = machine_wall_seconds(&controller->machine);
    cc_update_adapt(draft, new);
    if (begins && new->droplet_sha1 != NULL &&new->package_state == CUPOLA__PACKAGE_STATE__PACKAGE_STAGED)
        cc_run_begin(draft, new, "started");
    return true;
}

static char to_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* v1 takes the text as a pattern: it only has to contain the word. */
static bool contains_word(const char *text, const char *word)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (word[i] != '\0' && to_upper(text[i]) == word[i])
            i++;
        if (word[i] == '\0')
            return true;
    }
    return false;
}

/* True if it asks for a run that is not there. */
static bool apply_state(const struct app_request *request, Cupola__JournalApp *new)
{
    const char *state = request->body->state;
    bool was_started = new->started;
    if (state != NULL && contains_word(state, "STARTED"))
        new->started = true;
    else if (state != NULL && contains_word(state, "STOPPED"))
        new->started = new->run_live = false;
    new->has_started = new->has_run_live = true;
    return new->started && !was_started;
}

static bool apply_staging(const struct app_request *request, const struct controller *controller,
                          const Cupola__JournalApp *old, Cupola__JournalApp *new, struct refusal *refusal)
{
    const Cupola__RestStaging *staging = request->body->staging;
    if (staging == NULL && old != NULL)
        return true;
    if (staging == NULL) {
        cc_refusal_set(refusal, ERROR_APP_INVALID_AT, "staging: missing", NULL);
        return false;
    }
    bool by_model = staging->model != NULL;
    const char *framework = by_model ? staging->model : staging->framework;
    const char *runtime = by_model ? staging->stack : staging->runtime;
    struct staging_choice choice;
    if (!cc_frameworks_choose(controller, framework, runtime, &choice, refusal))
        return false;
    new->framework = (char *)(uintptr_t)choice.framework;
    new->runtime = (char *)(uintptr_t)choice.runtime;
    if (staging->command != NULL) {
        if (strlen(staging->command) > MAX_COMMAND_SIZE) {
            cc_refusal_set(refusal, ERROR_APP_INVALID_AT, "staging.command: too long", NULL);
            return false;
        }
        new->command = staging->command;
    }
    return true;
}

static bool is_between(struct refusal *refusal, const char *field, int64_t number, int64_t lowest, int64_t highest)
{
    if (number >= lowest && number <= highest)
        return true;
    char text[120];
    snprintf(text, sizeof text, "%s: %lld is not between %lld and %lld", field, (long long)number, (long long)lowest,
             (long long)highest);
    cc_refusal_set(refusal, ERROR_APP_INVALID_AT, text, NULL);
    return false;
}

static bool apply_size(const struct app_request *request, const struct controller *controller, Cupola__JournalApp *new,
                       struct refusal *refusal)
{
    const Cupola__RestApp *body = request->body;
    const Cupola__CloudControllerConfig *config = controller->config;
    if (body->has_instances) {
        new->has_instances = true;
        new->instances = body->instances;
    }
    const Cupola__RestResources *resources = body->resources;
    if (resources != NULL && resources->has_memory) {
        new->has_memory_mb = true;
        new->memory_mb = resources->memory;
    }
    if (resources != NULL && resources->has_disk) {
        new->has_disk_mb = true;
        new->disk_mb = resources->disk;
    }
    if (resources != NULL && resources->has_fds) {
        new->has_descriptors = true;
        new->descriptors = resources->fds;
    }
    return is_between(refusal, "instances", new->instances, 0, config->max_instances) &&
           is_between(refusal, "resources.memory", new->memory_mb, 1, config->max_app_memory_mb) &&
           is_between(refusal, "resources.disk", new->disk_mb, 1, MAX_DISK_MB) &&
           is_between(refusal, "resources.fds", new->descriptors, 1, MAX_DESCRIPTORS);
}
