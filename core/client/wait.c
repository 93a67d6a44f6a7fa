/* Until the instances run that were asked for.
 *
 *   wait: GET the app --all run--> the end
 *     |  `--not yet, at first--> wait, a little longer each time
 *     v not yet, for more than a second
 *   crashes: how often it has ended by itself --> why: what the instances are waiting for --> wait
 *
 * Ends early when every instance keeps crashing, and when the app was stopped meanwhile.
 */
#include "core/client/client.h"

#include "core/base/duration.h"

#include <string.h>

enum { ROUNDS_BETWEEN_REASONS = 5 };

static const uint64_t first_pause_ns = 50 * NS_PER_MS;
static const uint64_t most_pause_ns = NS_PER_S;

static void ask_app(struct client *client);
static void take_app(struct client *client, const struct answer *answer);
static void ask_crashes(struct client *client);
static void take_crashes(struct client *client, const struct answer *answer);
static void ask_instances(struct client *client);
static void take_instances(struct client *client, const struct answer *answer);

const struct step client_wait_step = {.name = "waiting for the instances", .ask = ask_app, .take = take_app};
const struct step client_crashes_step = {.name = "looking for crashes", .ask = ask_crashes, .take = take_crashes};
const struct step client_why_step = {.name = "looking at the instances", .ask = ask_instances, .take = take_instances};

static void ask(struct client *client, const char *rest)
{
    struct text target = {0};
    session_app_target(client, &target, rest);
    session_ask(client, "GET", text_string(&target), NULL);
    text_free(&target);
}

/* The steps behind wait are its own: the command is over when it is. */
static void end_wait(struct client *client)
{
    struct text json = {0};
    text_add(&json, text_string(&client->app_json), client->app_json.size);
    client_succeed(client, &json);
}

static void ask_app(struct client *client)
{
    ask(client, "");
}

static void note_progress(struct client *client)
{
    struct progress *progress = &client->progress;
    const Cupola__RestApp *app = client->app;
    int32_t running = app->has_runninginstances ? app->runninginstances : 0;
    text_clear(&progress->waits_for);
    if (!app->has_runninginstances)
        text_add_string(&progress->waits_for, "the health manager does not tell how many instances run");
    else
        text_addf(&progress->waits_for, "%d of %d instances run", (int)running, (int)app->instances);
    if (progress->crashes > 0)
        text_addf(&progress->waits_for, ", %zu have crashed", progress->crashes);
    text_add(&progress->waits_for, text_string(&progress->reason), progress->reason.size);
    if (progress->rounds == 0 || running != progress->told_running)
        client_log(client, "%s: %s", client->config->app, text_string(&progress->waits_for));
    progress->told_running = running;
}

static void take_app(struct client *client, const struct answer *answer)
{
    struct progress *progress = &client->progress;
    if (!client_keep_app(client, answer))
        return;
    const Cupola__RestApp *app = client->app;
    if (!client_app_is_started(client)) {
        if (client->expects_run)
            client_fail(client, "%s was stopped while it started: `cupola logs %s` tells whether its staging failed",
                        client->config->app, client->config->app);
        else
            end_wait(client);
        return;
    }
    bool is_up = app->instances == 0 || (app->has_runninginstances && app->runninginstances == app->instances);
    if (is_up) {
        client_log(client, "%s: %d of %d instances run", client->config->app, (int)app->instances, (int)app->instances);
        end_wait(client);
        return;
    }
    note_progress(client);
    progress->rounds++;
    progress->pause_ns = progress->pause_ns == 0 ? first_pause_ns : 2 * progress->pause_ns;
    if (progress->pause_ns < most_pause_ns) {
        client_back(client, 0, progress->pause_ns);
        return;
    }
    progress->pause_ns = most_pause_ns;
    client_next(client);
}

/* ---- Why not ---- */

static void ask_crashes(struct client *client)
{
    ask(client, "/crashes");
}

static void take_crashes(struct client *client, const struct answer *answer)
{
    struct progress *progress = &client->progress;
    Cupola__RestCrashes *message =
        (Cupola__RestCrashes *)client_parse(client, answer, "", &cupola__rest_crashes__descriptor);
    if (message == NULL)
        return;
    if (message->n_crashes > progress->crashes)
        client_log(client, "%s: %zu instances have crashed; `cupola logs %s` shows what they said", client->config->app,
                   message->n_crashes, client->config->app);
    progress->crashes = message->n_crashes;
    cupola__rest_crashes__free_unpacked(message, NULL);
    if (progress->crashes > 0 || progress->rounds % ROUNDS_BETWEEN_REASONS == 0)
        client_next(client);
    else
        client_back(client, 1, progress->pause_ns);
}

static void ask_instances(struct client *client)
{
    ask(client, "/instances");
}

static bool is_state(const Cupola__RestInstance *instance, const char *state)
{
    return instance->state != NULL && strcmp(instance->state, state) == 0;
}

static void take_instances(struct client *client, const struct answer *answer)
{
    struct progress *progress = &client->progress;
    Cupola__RestInstances *message =
        (Cupola__RestInstances *)client_parse(client, answer, "", &cupola__rest_instances__descriptor);
    if (message == NULL)
        return;
    size_t flapping = 0;
    const Cupola__RestInstance *waiting = NULL;
    for (size_t i = 0; i < message->n_instances; i++) {
        flapping += is_state(message->instances[i], "FLAPPING");
        if (waiting == NULL && message->instances[i]->reason != NULL)
            waiting = message->instances[i];
    }
    bool is_news = waiting != NULL && progress->reason.size == 0;
    text_clear(&progress->reason);
    if (waiting != NULL)
        text_addf(&progress->reason, "; instance %d: %s", (int)waiting->index, waiting->reason);
    if (is_news)
        client_log(client, "%s waits%s", client->config->app, text_string(&progress->reason));
    bool is_hopeless = message->n_instances > 0 && flapping == message->n_instances;
    cupola__rest_instances__free_unpacked(message, NULL);
    if (is_hopeless)
        client_fail(client, "%s keeps crashing: `cupola logs %s` shows what it says", client->config->app,
                    client->config->app);
    else
        client_back(client, 2, progress->pause_ns);
}
