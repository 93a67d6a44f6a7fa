/* Services: what there is, what one has, and which app uses it. */
#include "core/client/client.h"

#include "core/client/draft.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"

#include <string.h>

enum { CODE_SERVICE_NOT_FOUND = 500, STATUS_BAD_REQUEST = 400 };

static void ask_catalogue(struct client *client);
static void take_catalogue(struct client *client, const struct answer *answer);
static void ask_list(struct client *client);
static void take_list(struct client *client, const struct answer *answer);
static void ask_create(struct client *client);
static bool forgive_create(struct client *client, const struct answer *answer);
static void ask_confirmation(struct client *client);
static void take_confirmation(struct client *client, const struct answer *answer);
static void ask_service(struct client *client);
static void take_made(struct client *client, const struct answer *answer);
static void ask_delete(struct client *client);
static bool forgive_delete(struct client *client, const struct answer *answer);
static bool change_bind(struct client *client, struct draft *draft);
static bool change_unbind(struct client *client, struct draft *draft);

static const struct step catalogue = {
    .name = "reading the catalogue of services", .ask = ask_catalogue, .take = take_catalogue};
static const struct step list = {.name = "listing the services", .ask = ask_list, .take = take_list};
static const struct step create = {
    .name = "creating the service", .ask = ask_create, .take = take_made, .forgive = forgive_create};
static const struct step confirm = {
    .name = "looking for the service", .ask = ask_confirmation, .take = take_confirmation};
static const struct step find = {.name = "looking for the service", .ask = ask_service, .take = take_made};
static const struct step delete = {
    .name = "deleting the service", .ask = ask_delete, .take = take_made, .forgive = forgive_delete};
static const struct step bind = {.name = "binding the service",
                                 .ask = client_ask_change,
                                 .take = client_take_change,
                                 .change = change_bind,
                                 .back = 1};
static const struct step unbind = {.name = "unbinding the service",
                                   .ask = client_ask_change,
                                   .take = client_take_change,
                                   .change = change_unbind,
                                   .back = 1};

/* What an app is bound to reaches it with its next run. */
#define RUN_ANEW                                                                                                       \
    &client_read_step, &client_update_step, &client_update_follow_step, &client_read_step, &client_wait_step,          \
        &client_crashes_step, &client_why_step

const struct step *const client_catalogue_steps[] = {&catalogue, NULL};
const struct step *const client_services_steps[] = {&list, NULL};
const struct step *const client_create_service_steps[] = {&create, &confirm, NULL};
const struct step *const client_delete_service_steps[] = {&find, &delete, NULL};
const struct step *const client_bind_service_steps[] = {&client_read_step, &bind, RUN_ANEW, NULL};
const struct step *const client_unbind_service_steps[] = {&client_read_step, &unbind, RUN_ANEW, NULL};

/* Handed on as it is, once it is known to be JSON of that shape. */
static void pass_on(struct client *client, const struct answer *answer, bool is_sound)
{
    struct text json = {0};
    text_add(&json, answer->body.data, answer->body.size);
    if (is_sound) {
        client_succeed(client, &json);
        return;
    }
    text_free(&json);
    client_fail(client, "%s: the answer makes no sense; is it a cloud controller? Check the target",
                client_step(client)->name);
}

static void ask_catalogue(struct client *client)
{
    session_ask(client, "GET", "/info/services", NULL);
}

static void ignore_member(void *context, const char *key, struct io_bytes value)
{
    (void)context;
    (void)key;
    (void)value;
}

static void take_catalogue(struct client *client, const struct answer *answer)
{
    pass_on(client, answer, json_each_member(answer->body, ignore_member, NULL));
}

static void ask_list(struct client *client)
{
    session_ask(client, "GET", "/services", NULL);
}

static void take_list(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "services", &cupola__rest_services__descriptor);
}

/* Any type and version of that vendor: the controller takes the first, as v1 did. */
static void ask_create(struct client *client)
{
    struct text json = {0};
    text_add_string(&json, "{\"type\":\"\",\"tier\":\"free\",\"version\":\"\",\"vendor\":");
    json_write_string(&json, client->config->vendor);
    text_add_string(&json, ",\"name\":");
    json_write_string(&json, client->config->service);
    text_add_char(&json, '}');
    session_ask(client, "POST", "/services", &json);
}

static void take_made(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_next(client);
}

/* After a lost answer there may be one of that name because we have made it. */
static bool forgive_create(struct client *client, const struct answer *answer)
{
    if (answer->status != STATUS_BAD_REQUEST || !client->session.is_uncertain)
        return false;
    client_next(client);
    return true;
}

static void ask_for_service(struct client *client, const char *method)
{
    struct text target = {0};
    text_add_string(&target, "/services/");
    uri_encode(&target, client->config->service);
    session_ask(client, method, text_string(&target), NULL);
    text_free(&target);
}

static void ask_service(struct client *client)
{
    ask_for_service(client, "GET");
}

static void ask_confirmation(struct client *client)
{
    if (client->session.is_uncertain)
        ask_service(client);
    else
        client_next(client);
}

static void take_confirmation(struct client *client, const struct answer *answer)
{
    struct text wanted = {0};
    struct io_bytes found;
    json_write_string(&wanted, client->config->vendor);
    bool is_ours = json_find_member(answer->body, "vendor", &found) && found.size == wanted.size &&
                   memcmp(found.data, text_string(&wanted), found.size) == 0;
    text_free(&wanted);
    if (is_ours)
        client_next(client);
    else
        client_fail(client, "there is a service named %s already, which is of another kind", client->config->service);
}

static void ask_delete(struct client *client)
{
    ask_for_service(client, "DELETE");
}

/* It was there a moment ago: gone by an attempt of ours whose answer was lost, or that a router has repeated when the
 * controller died over it. */
static bool forgive_delete(struct client *client, const struct answer *answer)
{
    if (answer->code != CODE_SERVICE_NOT_FOUND)
        return false;
    client_next(client);
    return true;
}

static bool runs_anew(struct client *client, bool differs)
{
    if (differs && client_app_is_started(client) && !client->config->no_start)
        client->updates = true;
    return differs;
}

static bool change_bind(struct client *client, struct draft *draft)
{
    const Cupola__ClientConfig *config = client->config;
    bool differs = draft_add_service(draft, config->service);
    for (size_t i = 0; i < config->n_services; i++)
        differs = draft_add_service(draft, config->services[i]) || differs;
    return runs_anew(client, differs);
}

static bool change_unbind(struct client *client, struct draft *draft)
{
    return runs_anew(client, draft_remove_service(draft, client->config->service));
}
