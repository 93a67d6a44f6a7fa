/* What an app does: instances, stats, crashes, and the files of an instance. */
#include "core/client/client.h"

#include "core/base/memory.h"
#include "core/client/paths.h"
#include "core/proto/client.pb-c.h"
#include "core/wire/json.h"

static void ask_instances(struct client *client);
static void take_instances(struct client *client, const struct answer *answer);
static void ask_stats(struct client *client);
static void take_stats(struct client *client, const struct answer *answer);
static void ask_crashes(struct client *client);
static void take_crashes(struct client *client, const struct answer *answer);
static void ask_file(struct client *client);
static void take_file(struct client *client, const struct answer *answer);
static bool forgive_file(struct client *client, const struct answer *answer);

static const struct step instances = {.name = "asking for instances", .ask = ask_instances, .take = take_instances};
static const struct step stats = {.name = "asking for usage", .ask = ask_stats, .take = take_stats};
static const struct step crashes = {.name = "asking for crashes", .ask = ask_crashes, .take = take_crashes};
static const struct step file = {
    .name = "fetching the file", .ask = ask_file, .take = take_file, .forgive = forgive_file};

const struct step *const client_instances_steps[] = {&instances, NULL};
const struct step *const client_stats_steps[] = {&stats, NULL};
const struct step *const client_crashes_steps[] = {&crashes, NULL};
const struct step *const client_files_steps[] = {&file, NULL};

static void ask(struct client *client, const char *rest)
{
    struct text target = {0};
    session_app_target(client, &target, rest);
    session_ask(client, "GET", text_string(&target), NULL);
    text_free(&target);
}

static void ask_instances(struct client *client)
{
    ask(client, "/instances");
}

static void take_instances(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "", &cupola__rest_instances__descriptor);
}

static void ask_stats(struct client *client)
{
    ask(client, "/stats");
}

static void take_stats(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "stats", &cupola__rest_stats__descriptor);
}

static void ask_crashes(struct client *client)
{
    ask(client, "/crashes");
}

static void take_crashes(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "", &cupola__rest_crashes__descriptor);
}

/* ---- files ---- */

static const char *path_of(const struct client *client)
{
    return client->config->path == NULL ? "" : client->config->path;
}

static void ask_file(struct client *client)
{
    struct text rest = {0}, index = {0};
    text_addf(&index, "%d", client->config->has_index ? (int)client->config->index : 0);
    path_add_file(&rest, text_string(&index), path_of(client));
    ask(client, text_string(&rest));
    text_free(&rest);
    text_free(&index);
}

static void take_file(struct client *client, const struct answer *answer)
{
    Cupola__ClientFile result = CUPOLA__CLIENT_FILE__INIT;
    result.path = (char *)(uintptr_t)path_of(client);
    result.content = memory_copy_bytes(answer->body.data, answer->body.size);
    struct text json = {0};
    json_write(&json, &result.base);
    memory_free(result.content);
    client_succeed(client, &json);
}

/* The file viewer of a DEA answers in plain words. */
static bool forgive_file(struct client *client, const struct answer *answer)
{
    if (answer->code != 0 || (answer->status != 403 && answer->status != 404))
        return false;
    client_fail(client, "'%s' %s: `cupola files %s` lists what there is", path_of(client),
                answer->status == 403 ? "may not be read" : "does not exist", client->config->app);
    return true;
}
