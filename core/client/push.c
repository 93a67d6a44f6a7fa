/* push: create or change the app, send its files, and run them. match: which files need not be sent. */
#include "core/client/client.h"

#include "core/client/draft.h"
#include "core/wire/json.h"

enum { CODE_APP_NOT_FOUND = 301, DEFAULT_MEMORY_MB = 128, DEFAULT_INSTANCES = 1 };

static void ask_find(struct client *client);
static void take_find(struct client *client, const struct answer *answer);
static bool forgive_find(struct client *client, const struct answer *answer);
static void ask_create(struct client *client);
static void take_create(struct client *client, const struct answer *answer);
static void ask_change(struct client *client);
static bool change_app(struct client *client, struct draft *draft);
static void ask_upload(struct client *client);
static void take_upload(struct client *client, const struct answer *answer);
static void ask_match(struct client *client);
static void take_match(struct client *client, const struct answer *answer);

static const struct step find = {
    .name = "looking for the app", .ask = ask_find, .take = take_find, .forgive = forgive_find};
static const struct step create = {.name = "creating the app", .ask = ask_create, .take = take_create, .back = 1};
static const struct step change = {
    .name = "changing the app", .ask = ask_change, .take = client_take_change, .change = change_app, .back = 2};
static const struct step upload = {.name = "uploading the files", .ask = ask_upload, .take = take_upload};

static const struct step match = {.name = "comparing the files", .ask = ask_match, .take = take_match};

const struct step *const client_match_steps[] = {&match, NULL};

/* New files take effect with the next run: it takes over from one that is live, without a gap. */
const struct step *const client_push_steps[] = {
    &find,
    &create,
    &change,
    &upload,
    &client_read_step,
    &client_update_step,
    &client_update_follow_step,
    &client_read_step,
    &client_start_step,
    &client_wait_step,
    &client_crashes_step,
    &client_why_step,
    NULL,
};

static void ask_find(struct client *client)
{
    struct text target = {0};
    session_app_target(client, &target, "");
    session_ask(client, "GET", text_string(&target), NULL);
    text_free(&target);
}

static void take_find(struct client *client, const struct answer *answer)
{
    if (client_keep_app(client, answer))
        client_next(client);
}

static bool forgive_find(struct client *client, const struct answer *answer)
{
    if (answer->code != CODE_APP_NOT_FOUND)
        return false;
    client_next(client);
    return true;
}

static void describe_app(const struct client *client, struct draft *draft)
{
    const Cupola__ClientConfig *config = client->config;
    draft->app.name = config->app;
    draft_set_framework(draft, config->framework, config->runtime);
    if (config->start_command != NULL)
        draft_set_command(draft, config->start_command);
    draft_set_memory(draft, config->has_memory_mb ? config->memory_mb : DEFAULT_MEMORY_MB);
    draft_set_instances(draft, config->has_instances ? config->instances : DEFAULT_INSTANCES);
    draft_set_uris(draft, config->uris, config->n_uris);
    draft_add_env(draft, config->env, config->n_env);
}

static void ask_create(struct client *client)
{
    if (client->app != NULL) {
        client_next(client);
        return;
    }
    struct draft draft;
    struct text json = {0};
    draft_begin(&draft, NULL, client->config);
    describe_app(client, &draft);
    json_write(&json, &draft.app.base);
    draft_end(&draft);
    client_log(client, "%s: creating the app", client->config->app);
    session_ask(client, "POST", "/apps", &json);
}

static void take_create(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_next(client);
}

/* An app that was just created has been given all that there is to give. */
static void ask_change(struct client *client)
{
    if (client->app == NULL)
        client_next(client);
    else
        client_ask_change(client);
}

/* What the user did not say stays as it is. */
static bool change_app(struct client *client, struct draft *draft)
{
    const Cupola__ClientConfig *config = client->config;
    bool differs = config->framework != NULL && draft_set_framework(draft, config->framework, config->runtime);
    differs = (config->start_command != NULL && draft_set_command(draft, config->start_command)) || differs;
    differs = (config->has_memory_mb && draft_set_memory(draft, config->memory_mb)) || differs;
    differs = (config->has_instances && draft_set_instances(draft, config->instances)) || differs;
    differs = (config->n_uris > 0 && draft_set_uris(draft, config->uris, config->n_uris)) || differs;
    differs = draft_add_env(draft, config->env, config->n_env) || differs;
    client->differs = client->differs || differs;
    return differs;
}

static void ask_match(struct client *client)
{
    struct text json = {0};
    text_add_string(&json, client->config->resources == NULL ? "[]" : client->config->resources);
    session_ask(client, "POST", "/resources", &json);
}

static void take_match(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "resources", &cupola__rest_resource_list__descriptor);
}

/* The form of v1's clients: a POST that says it is a PUT, the zip, and the files that the controller has. */
static void ask_upload(struct client *client)
{
    const char *boundary = client->boundary;
    struct text target = {0}, head = {0}, tail = {0}, name = {0};
    uri_encode(&name, client->config->app); /* Neither quotes nor line ends are left in it. */
    text_addf(&head, "--%s\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nput\r\n", boundary);
    text_addf(&head, "--%s\r\nContent-Disposition: form-data; name=\"application\"; filename=\"%s.zip\"\r\n", boundary,
              text_string(&name));
    text_add_string(&head, "Content-Type: application/zip\r\n\r\n");
    const char *resources = client->config->resources == NULL ? "[]" : client->config->resources;
    text_addf(&tail, "\r\n--%s\r\nContent-Disposition: form-data; name=\"resources\"\r\n\r\n", boundary);
    text_add_string(&tail, resources); /* Perhaps longer than a formatted text may be. */
    text_addf(&tail, "\r\n--%s--\r\n", boundary);
    client_log(client, "%s: uploading %llu bytes", client->config->app, (unsigned long long)client->config->bits_size);
    client->is_fresh = false;
    session_app_target(client, &target, "/application");
    session_upload(client, text_string(&target), &head, &tail);
    text_free(&target);
    text_free(&name);
}

static void take_upload(struct client *client, const struct answer *answer)
{
    (void)answer;
    if (!client->config->no_start) {
        client->updates = client->pushes = true;
        client_stager_follow(client);
        client_next(client);
        return;
    }
    struct text json = {0};
    text_add_string(&json, "{\"name\":");
    json_write_string(&json, client->config->app);
    text_add_string(&json, ",\"uploaded\":true}");
    client_succeed(client, &json);
}
