/* Commands that read an app, change it, and write it back; and see to it that the change reaches running instances. */
#include "core/client/client.h"

#include "core/base/assert.h"
#include "core/client/draft.h"
#include "core/wire/json.h"

static bool change_start(struct client *client, struct draft *draft);
static bool change_stop(struct client *client, struct draft *draft);
static bool change_size(struct client *client, struct draft *draft);
static bool change_map(struct client *client, struct draft *draft);
static bool change_unmap(struct client *client, struct draft *draft);
static bool change_env_add(struct client *client, struct draft *draft);
static bool change_env_del(struct client *client, struct draft *draft);

/* Each stands behind a read, to which it returns when the app turns out to be another than the one read. */
#define CHANGE_STEP(text, function)                                                                                    \
    {                                                                                                                  \
        .name = text, .ask = client_ask_change, .take = client_take_change, .change = function, .back = 1              \
    }
const struct step client_start_step = CHANGE_STEP("starting the app", change_start);
const struct step client_stop_step = CHANGE_STEP("stopping the app", change_stop);
static const struct step size = CHANGE_STEP("scaling the app", change_size);
static const struct step map = CHANGE_STEP("mapping URIs", change_map);
static const struct step unmap = CHANGE_STEP("unmapping URIs", change_unmap);
static const struct step env_add = CHANGE_STEP("setting variables", change_env_add);
static const struct step env_del = CHANGE_STEP("removing variables", change_env_del);

#define READ &client_read_step
#define WAIT &client_wait_step, &client_crashes_step, &client_why_step
#define UPDATE_IF_NEEDED READ, &client_update_step, &client_update_follow_step, READ, WAIT

const struct step *const client_start_steps[] = {READ, &client_start_step, WAIT, NULL};
const struct step *const client_stop_steps[] = {READ, &client_stop_step, READ, NULL};
const struct step *const client_restart_steps[] = {READ, &client_stop_step, READ, &client_start_step, WAIT, NULL};
const struct step *const client_scale_steps[] = {READ, &size, UPDATE_IF_NEEDED, NULL};
const struct step *const client_map_steps[] = {READ, &map, READ, NULL};
const struct step *const client_unmap_steps[] = {READ, &unmap, READ, NULL};
const struct step *const client_env_add_steps[] = {READ, &env_add, UPDATE_IF_NEEDED, NULL};
const struct step *const client_env_del_steps[] = {READ, &env_del, UPDATE_IF_NEEDED, NULL};

/* ---- Writing back ---- */

/* The whole object goes back, as v1's clients do it: its meta.version makes the controller refuse what rests on an old
 * reading. */
void client_ask_change(struct client *client)
{
    struct draft draft;
    assert_that(client->app != NULL); /* A read comes before every change. */
    assert_that(client_step(client)->back > 0);
    draft_begin(&draft, client->app, client->config);
    bool differs = client_step(client)->change(client, &draft);
    /* A controller that was cut off may tell of the past: whether it still is so, only a write can tell. */
    if (client->app->meta != NULL && client->app->meta->stale)
        differs = true;
    struct text json = {0}, target = {0};
    if (differs) {
        json_write(&json, &draft.app.base);
        session_app_target(client, &target, "");
    }
    draft_end(&draft);
    if (!differs) {
        client_next(client);
        return;
    }
    client_log(client, "%s: %s", client->config->app, client_step(client)->name);
    client->is_fresh = false;
    session_ask(client, "PUT", text_string(&target), &json);
    text_free(&target);
}

void client_take_change(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_next(client);
}

/* ---- The changes ---- */

static bool change_start(struct client *client, struct draft *draft)
{
    client->expects_run = true;
    client_stager_follow(client);
    return draft_set_state(draft, "STARTED");
}

static bool change_stop(struct client *client, struct draft *draft)
{
    (void)client;
    return draft_set_state(draft, "STOPPED");
}

/* Decided while it is still known that something changes: after a lost answer the reading may show it done. */
static void plan_update(struct client *client, bool differs)
{
    if (differs && client_app_is_started(client) && !client->config->no_start)
        client->updates = true;
}

/* Once: when the change is written again because its answer was lost, the reading may show it done. */
static void settle_size(Cupola__ClientConfig *config, const Cupola__RestApp *app)
{
    if (!config->has_instances_by)
        return;
    int64_t instances = (int64_t)app->instances + config->instances_by;
    config->instances = instances < 0 ? 0 : instances > INT32_MAX ? INT32_MAX : (int32_t)instances;
    config->has_instances = true;
    config->has_instances_by = false;
}

static bool change_size(struct client *client, struct draft *draft)
{
    const Cupola__ClientConfig *config = client->config;
    settle_size(client->config, client->app);
    bool memory = config->has_memory_mb && draft_set_memory(draft, config->memory_mb);
    bool instances = config->has_instances && draft_set_instances(draft, config->instances);
    plan_update(client, memory);
    return memory || instances;
}

static bool change_map(struct client *client, struct draft *draft)
{
    return draft_add_uris(draft, client->config->uris, client->config->n_uris);
}

static bool change_unmap(struct client *client, struct draft *draft)
{
    return draft_remove_uris(draft, client->config->uris, client->config->n_uris);
}

static bool change_env_add(struct client *client, struct draft *draft)
{
    bool differs = draft_add_env(draft, client->config->env, client->config->n_env);
    plan_update(client, differs);
    return differs;
}

static bool change_env_del(struct client *client, struct draft *draft)
{
    bool differs = draft_remove_env(draft, client->config->env, client->config->n_env);
    plan_update(client, differs);
    return differs;
}
