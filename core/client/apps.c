/* What is read as it is: info, apps, app; and delete. */
#include "core/client/client.h"

#include "core/wire/json.h"

#include <string.h>

enum { CODE_APP_NOT_FOUND = 301 };

static void ask_info(struct client *client);
static void take_info(struct client *client, const struct answer *answer);
static void ask_freshness(struct client *client);
static void take_freshness(struct client *client, const struct answer *answer);
static bool forgive_freshness(struct client *client, const struct answer *answer);
static void ask_apps(struct client *client);
static void take_apps(struct client *client, const struct answer *answer);
static void ask_read(struct client *client);
static void take_read(struct client *client, const struct answer *answer);
static void ask_delete(struct client *client);
static void take_delete(struct client *client, const struct answer *answer);
static bool forgive_delete(struct client *client, const struct answer *answer);

static const struct step info = {.name = "asking for information", .ask = ask_info, .take = take_info};
static const struct step freshness = {.name = "asking for the state of health",
                                      .ask = ask_freshness,
                                      .take = take_freshness,
                                      .forgive = forgive_freshness};
static const struct step apps = {.name = "listing the apps", .ask = ask_apps, .take = take_apps};
const struct step client_read_step = {.name = "reading the app", .ask = ask_read, .take = take_read};
static const struct step delete = {
    .name = "deleting the app", .ask = ask_delete, .take = take_delete, .forgive = forgive_delete};

const struct step *const client_info_steps[] = {&info, &freshness, NULL};
const struct step *const client_apps_steps[] = {&apps, NULL};
const struct step *const client_app_steps[] = {&client_read_step, NULL};
const struct step *const client_delete_steps[] = {&client_read_step, &delete, NULL};

/* ---- Reading answers ---- */

ProtobufCMessage *client_parse(struct client *client, const struct answer *answer, const char *field,
                               const ProtobufCMessageDescriptor *descriptor)
{
    struct text wrapped = {0};
    struct json_error error;
    if (*field != '\0')
        text_addf(&wrapped, "{\"%s\":", field);
    text_add(&wrapped, answer->body.data, answer->body.size);
    if (*field != '\0')
        text_add_char(&wrapped, '}');
    struct io_bytes bytes = {(const uint8_t *)text_string(&wrapped), wrapped.size};
    ProtobufCMessage *message = json_read(descriptor, bytes, JSON_LENIENT, &error);
    text_free(&wrapped);
    if (message == NULL)
        client_fail(client, "%s: the answer makes no sense (%s); is it a cloud controller? Check the target",
                    client_step(client)->name, error.text);
    return message;
}

void client_pass_on(struct client *client, const struct answer *answer, const char *field,
                    const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = client_parse(client, answer, field, descriptor);
    if (message == NULL)
        return;
    protobuf_c_message_free_unpacked(message, NULL);
    struct text json = {0};
    text_add(&json, answer->body.data, answer->body.size);
    client_succeed(client, &json);
}

bool client_keep_app(struct client *client, const struct answer *answer)
{
    Cupola__RestApp *app = (Cupola__RestApp *)client_parse(client, answer, "", &cupola__rest_app__descriptor);
    if (app == NULL)
        return false;
    if (client->app != NULL)
        cupola__rest_app__free_unpacked(client->app, NULL);
    client->app = app;
    client->is_fresh = true;
    text_clear(&client->app_json);
    text_add(&client->app_json, answer->body.data, answer->body.size);
    return true;
}

bool client_app_is_started(const struct client *client)
{
    return client->app != NULL && client->app->state != NULL && strcmp(client->app->state, "STARTED") == 0;
}

/* ---- The steps ---- */

static void ask_info(struct client *client)
{
    session_ask(client, "GET", "/info", NULL);
}

static void take_info(struct client *client, const struct answer *answer)
{
    Cupola__RestInfo *known = (Cupola__RestInfo *)client_parse(client, answer, "", &cupola__rest_info__descriptor);
    if (known == NULL)
        return;
    text_clear(&client->info);
    text_add(&client->info, answer->body.data, answer->body.size);
    bool is_logged_in = known->user != NULL;
    cupola__rest_info__free_unpacked(known, NULL);
    if (is_logged_in)
        client_next(client);
    else
        client_succeed(client, &client->info);
}

static void ask_freshness(struct client *client)
{
    session_ask(client, "GET", "/cupola/v1/freshness", NULL);
}

/* The answer to `info` is an object: this becomes its last member. */
static void take_freshness(struct client *client, const struct answer *answer)
{
    ProtobufCMessage *known = client_parse(client, answer, "", &cupola__rest_freshness__descriptor);
    if (known == NULL)
        return;
    protobuf_c_message_free_unpacked(known, NULL);
    const char *end = strrchr(text_string(&client->info), '}');
    struct text json = {0};
    text_add(&json, text_string(&client->info), end == NULL ? 0 : (size_t)(end - text_string(&client->info)));
    text_add_string(&json, ",\"health\":");
    text_add(&json, answer->body.data, answer->body.size);
    text_add_char(&json, '}');
    client_succeed(client, &json);
}

/* Controllers of 2011 do not know. */
static bool forgive_freshness(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_succeed(client, &client->info);
    return true;
}

static void ask_apps(struct client *client)
{
    session_ask(client, "GET", "/apps", NULL);
}

static void take_apps(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "apps", &cupola__rest_apps__descriptor);
}

/* Nothing to ask while what was read is still what is there. */
static void ask_read(struct client *client)
{
    if (client->is_fresh) {
        client_next(client);
        return;
    }
    struct text target = {0};
    session_app_target(client, &target, "");
    session_ask(client, "GET", text_string(&target), NULL);
    text_free(&target);
}

static void take_read(struct client *client, const struct answer *answer)
{
    if (client_keep_app(client, answer))
        client_next(client);
}

static void ask_delete(struct client *client)
{
    struct text target = {0};
    session_app_target(client, &target, "");
    session_ask(client, "DELETE", text_string(&target), NULL);
    text_free(&target);
}

static void take_delete(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_log(client, "%s is deleted", client->config->app);
    client_next(client);
}

/* It was there a moment ago: gone by an attempt of ours whose answer was lost, or that a router has repeated when the
 * controller died over it. */
static bool forgive_delete(struct client *client, const struct answer *answer)
{
    if (answer->code != CODE_APP_NOT_FOUND)
        return false;
    take_delete(client, answer);
    return true;
}
