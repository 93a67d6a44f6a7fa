#include "core/client/draft.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

static char **copy_list(char **list, size_t count, size_t more)
{
    char **copy = memory_new((count + more + 1) * sizeof *copy);
    if (count > 0)
        memcpy(copy, list, count * sizeof *copy);
    return copy;
}

void draft_begin(struct draft *draft, const Cupola__RestApp *app, const Cupola__ClientConfig *config)
{
    cupola__rest_app__init(&draft->app);
    cupola__rest_staging__init(&draft->staging);
    cupola__rest_resources__init(&draft->resources);
    if (app != NULL) {
        draft->app = *app;
        if (app->staging != NULL)
            draft->staging = *app->staging;
        if (app->resources != NULL)
            draft->resources = *app->resources;
    }
    bool has_resources = app == NULL || app->resources != NULL;
    draft->app.staging = app == NULL || app->staging != NULL ? &draft->staging : NULL;
    draft->app.resources = has_resources ? &draft->resources : NULL;
    draft->app.uris = copy_list(draft->app.uris, draft->app.n_uris, config->n_uris);
    draft->app.env = copy_list(draft->app.env, draft->app.n_env, config->n_env);
    draft->app.services = copy_list(draft->app.services, draft->app.n_services, config->n_services + 1);
}

void draft_end(struct draft *draft)
{
    memory_free(draft->app.uris);
    memory_free(draft->app.env);
    memory_free(draft->app.services);
}

static bool is_same(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

bool draft_set_state(struct draft *draft, const char *state)
{
    if (is_same(draft->app.state, state))
        return false;
    draft->app.state = (char *)(uintptr_t)state;
    return true;
}

bool draft_set_instances(struct draft *draft, int32_t instances)
{
    bool differs = !draft->app.has_instances || draft->app.instances != instances;
    draft->app.has_instances = true;
    draft->app.instances = instances;
    return differs;
}

bool draft_set_memory(struct draft *draft, int32_t memory_mb)
{
    bool differs = !draft->resources.has_memory || draft->resources.memory != memory_mb;
    draft->app.resources = &draft->resources;
    draft->resources.has_memory = true;
    draft->resources.memory = memory_mb;
    return differs;
}

bool draft_set_command(struct draft *draft, char *command)
{
    bool differs = !is_same(draft->staging.command, command);
    draft->app.staging = &draft->staging;
    draft->staging.command = command;
    return differs;
}

/* What is read says model and stack, what creates says framework and runtime; the former count when both are there. */
bool draft_set_framework(struct draft *draft, char *framework, char *runtime)
{
    Cupola__RestStaging *staging = &draft->staging;
    draft->app.staging = staging;
    if (staging->model == NULL) {
        staging->framework = framework;
        staging->runtime = runtime;
        return true;
    }
    bool same_framework = is_same(staging->model, framework);
    if (same_framework && (runtime == NULL || is_same(staging->stack, runtime)))
        return false;
    staging->model = framework;
    staging->stack = runtime;
    return true;
}

/* ---- URIs ---- */

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static const char *skip_prefix(const char *text, const char *prefix)
{
    size_t i = 0;
    for (; prefix[i] != '\0'; i++)
        if (to_lower(text[i]) != prefix[i])
            return text;
    return text + i;
}

static const char *skip_scheme(const char *uri)
{
    return skip_prefix(skip_prefix(uri, "http://"), "https://");
}

/* As the controller stores them: without a scheme, in lower case. */
static bool is_same_uri(const char *a, const char *b)
{
    a = skip_scheme(a);
    b = skip_scheme(b);
    while (*a != '\0' && to_lower(*a) == to_lower(*b)) {
        a++;
        b++;
    }
    while (*a == '/')
        a++;
    while (*b == '/')
        b++;
    return *a == '\0' && *b == '\0';
}

static size_t find_uri(char **uris, size_t count, const char *uri)
{
    size_t i = 0;
    while (i < count && !is_same_uri(uris[i], uri))
        i++;
    return i;
}

static void remove_at(char **list, size_t *count, size_t at)
{
    assert_that(at < *count);
    for (size_t i = at; i + 1 < *count; i++)
        list[i] = list[i + 1];
    --*count;
}

bool draft_add_uris(struct draft *draft, char **uris, size_t count)
{
    Cupola__RestApp *app = &draft->app;
    bool differs = false;
    for (size_t i = 0; i < count; i++) {
        if (find_uri(app->uris, app->n_uris, uris[i]) < app->n_uris)
            continue;
        app->uris[app->n_uris++] = uris[i];
        differs = true;
    }
    return differs;
}

bool draft_remove_uris(struct draft *draft, char **uris, size_t count)
{
    Cupola__RestApp *app = &draft->app;
    bool differs = false;
    for (size_t i = 0; i < count; i++) {
        size_t at = find_uri(app->uris, app->n_uris, uris[i]);
        if (at == app->n_uris)
            continue;
        remove_at(app->uris, &app->n_uris, at);
        differs = true;
    }
    return differs;
}

bool draft_set_uris(struct draft *draft, char **uris, size_t count)
{
    Cupola__RestApp *app = &draft->app;
    bool differs = draft_add_uris(draft, uris, count);
    for (size_t i = app->n_uris; i > 0; i--)
        if (find_uri(uris, count, app->uris[i - 1]) == count) {
            remove_at(app->uris, &app->n_uris, i - 1);
            differs = true;
        }
    return differs;
}

/* ---- Environment ---- */

static size_t find_env(const Cupola__RestApp *app, const char *entry)
{
    size_t name = strcspn(entry, "=");
    size_t i = 0;
    while (i < app->n_env && !(strncmp(app->env[i], entry, name) == 0 && app->env[i][name] == '='))
        i++;
    return i;
}

bool draft_add_env(struct draft *draft, char **env, size_t count)
{
    Cupola__RestApp *app = &draft->app;
    bool differs = false;
    for (size_t i = 0; i < count; i++) {
        size_t at = find_env(app, env[i]);
        if (at < app->n_env && strcmp(app->env[at], env[i]) == 0)
            continue;
        app->env[at] = env[i];
        app->n_env += at == app->n_env;
        differs = true;
    }
    return differs;
}

bool draft_remove_env(struct draft *draft, char **env, size_t count)
{
    Cupola__RestApp *app = &draft->app;
    bool differs = false;
    for (size_t i = 0; i < count; i++) {
        size_t at = find_env(app, env[i]);
        if (at == app->n_env)
            continue;
        remove_at(app->env, &app->n_env, at);
        differs = true;
    }
    return differs;
}

/* ---- Services ---- */

static size_t find_service(const Cupola__RestApp *app, const char *name)
{
    size_t i = 0;
    while (i < app->n_services && !is_same(app->services[i], name))
        i++;
    return i;
}

bool draft_add_service(struct draft *draft, char *name)
{
    Cupola__RestApp *app = &draft->app;
    if (find_service(app, name) < app->n_services)
        return false;
    app->services[app->n_services++] = name;
    return true;
}

bool draft_remove_service(struct draft *draft, const char *name)
{
    Cupola__RestApp *app = &draft->app;
    size_t at = find_service(app, name);
    if (at == app->n_services)
        return false;
    remove_at(app->services, &app->n_services, at);
    return true;
}
