/* update: a new run takes over from the one that is live, without a gap; and what became of it.
 *
 *   update: PUT /apps/NAME/update --> follow: GET /apps/NAME/update --SUCCEEDED--> next step
 *                                        '--UPDATING--> follow, after a pause     '--CANARY_FAILED--> it went back
 */
#include "core/client/update.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <string.h>

enum { CODE_UPDATING = 390 };
static const uint64_t first_pause_ns = 100 * NS_PER_MS;
static const uint64_t most_pause_ns = NS_PER_S;
static const uint32_t most_ms = 900000; /* Each step may take minutes: the controller gives a bad version up sooner. */

static void ask_update(struct client *client);
static void take_update(struct client *client, const struct answer *answer);
static bool forgive_update(struct client *client, const struct answer *answer);
static void ask_follow(struct client *client);
static void take_follow(struct client *client, const struct answer *answer);
static void expect_update(struct client *client);

const struct step client_update_step = {
    .name = "updating the app", .ask = ask_update, .take = take_update, .forgive = forgive_update, .back = 1};
const struct step client_update_follow_step = {.name = "watching the update", .ask = ask_follow, .take = take_follow};
static const struct step want = {.name = "planning the update", .ask = expect_update};

const struct step *const client_update_steps[] = {
    &client_read_step, &want, &client_read_step, &client_update_step, &client_update_follow_step,
    &client_read_step, NULL,
};

/* ---- Asking for it ---- */

/* `cupola update` wants one in any case; other commands decide by what they have changed. */
static void expect_update(struct client *client)
{
    if (!client_app_is_started(client)) {
        client_fail(client, "%s is stopped: `cupola start %s` brings it up", client->config->app, client->config->app);
        return;
    }
    client->updates = true;
    client_next(client);
}

bool client_update_was_carried_out(struct client *client)
{
    const char *version = client->app->version == NULL ? "" : client->app->version;
    if (client->run_before == NULL) {
        client->run_before = memory_copy_text(version);
        return false;
    }
    return client->session.is_uncertain && strcmp(client->run_before, version) != 0;
}

/* A push of what is there already: the same files, and nothing else that is new. */
static bool changes_nothing(const struct client *client)
{
    return client->pushes && !client->differs && client->app->package != NULL &&
           strcmp(client->app->package, "STAGED") == 0;
}

static void ask_update(struct client *client)
{
    if (!client->updates || changes_nothing(client) || !client_app_is_started(client) ||
        client_update_was_carried_out(client)) {
        client_next(client);
        return;
    }
    struct text json = {0}, target = {0};
    text_add_string(&json, "{\"meta\":{\"version\":");
    text_add_number(&json, client->app->meta == NULL ? 0 : (uint64_t)client->app->meta->version);
    text_add_string(&json, "}}");
    session_app_target(client, &target, "/update");
    client_log(client, "%s: the new version takes over step by step", client->config->app);
    client->is_fresh = false;
    client->follows_update = true;
    session_ask(client, "PUT", text_string(&target), &json);
    text_free(&target);
}

static void take_update(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_next(client);
}

static bool forgive_update(struct client *client, const struct answer *answer)
{
    if (answer->code != CODE_UPDATING || !client->session.is_uncertain)
        return false;
    client_next(client); /* Ours: the answer was lost. */
    return true;
}

/* ---- What becomes of it ---- */

static void ask_follow(struct client *client)
{
    if (!client->follows_update) {
        client_next(client);
        return;
    }
    struct text target = {0};
    client_take_time(client, most_ms);
    session_app_target(client, &target, "/update");
    session_ask(client, "GET", text_string(&target), NULL);
    text_free(&target);
}

static void look_again(struct client *client, const Cupola__RestUpdate *update)
{
    struct progress *progress = &client->progress;
    progress->pause_ns = progress->pause_ns == 0 ? first_pause_ns : 2 * progress->pause_ns;
    if (progress->pause_ns > most_pause_ns)
        progress->pause_ns = most_pause_ns;
    if (update->has_replaced && update->replaced != progress->told_running)
        client_log(client, "%s: %d of %d instances are of the new version", client->config->app, update->replaced,
                   update->instances);
    progress->told_running = update->replaced;
    client_back(client, 0, progress->pause_ns);
}

static void take_follow(struct client *client, const struct answer *answer)
{
    Cupola__RestUpdate *update =
        (Cupola__RestUpdate *)client_parse(client, answer, "", &cupola__rest_update__descriptor);
    if (update == NULL)
        return;
    const char *state = update->state == NULL ? "" : update->state;
    if (strcmp(state, "UPDATING") == 0) {
        look_again(client, update);
    } else if (strcmp(state, "CANARY_FAILED") == 0 && update->reason != NULL &&
               strncmp(update->reason, "cancelled ", 10) == 0) {
        client_fail(client, "the update of %s was %s, and the version before runs again", client->config->app,
                    update->reason);
    } else if (strcmp(state, "CANARY_FAILED") == 0) {
        client_fail(client,
                    "the new version of %s did not hold, and the one before runs again: %s; `cupola logs %s` "
                    "and `cupola events %s` tell more",
                    client->config->app, update->reason == NULL ? "its staging failed" : update->reason,
                    client->config->app, client->config->app);
    } else {
        client->progress.pause_ns = 0;
        client_next(client);
    }
    cupola__rest_update__free_unpacked(update, NULL);
}
