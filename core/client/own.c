/* What goes beyond v1 (docs/api/openapi.yaml): events, revisions, rollback, the end of an update, settings. */
#include "core/client/client.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/client/update.h"
#include "core/wire/json.h"

#include <string.h>

enum { LINE_MOST = 4096, EVENTS_REMEMBERED = 1000 };
static const uint64_t follow_pause_ns = NS_PER_S;
static const uint64_t stream_timeout_ns = 3600 * NS_PER_S;

static void ask_events(struct client *client);
static void take_events(struct client *client, const struct answer *answer);
static void on_event_bytes(struct http_call *call, const uint8_t *bytes, size_t size);
static void on_events_end(struct http_call *call, enum io_status status);
static void follow_stream(struct client *client);
static void ask_revisions(struct client *client);
static void take_revisions(struct client *client, const struct answer *answer);
static void ask_rollback(struct client *client);
static void take_change(struct client *client, const struct answer *answer);
static void ask_cancel(struct client *client);
static void ask_settings(struct client *client);
static void take_settings(struct client *client, const struct answer *answer);

static const struct http_call_handlers stream_handlers = {.on_body = on_event_bytes, .on_done = on_events_end};

static const struct step events = {.name = "asking for events", .ask = ask_events, .take = take_events};
static const struct step revisions = {.name = "asking for revisions", .ask = ask_revisions, .take = take_revisions};
static const struct step rollback = {.name = "going back", .ask = ask_rollback, .take = take_change, .back = 1};
static const struct step cancel = {.name = "cancelling the update", .ask = ask_cancel, .take = take_change};
static const struct step settings = {.name = "asking for settings", .ask = ask_settings, .take = take_settings};

const struct step *const client_events_steps[] = {&events, NULL};
const struct step *const client_revisions_steps[] = {&revisions, NULL};
const struct step *const client_rollback_steps[] = {
    &client_read_step, &rollback, &client_update_follow_step, &client_read_step, NULL,
};
const struct step *const client_cancel_steps[] = {&client_read_step, &cancel, &client_read_step, NULL};
const struct step *const client_settings_steps[] = {&settings, NULL};

/* "/cupola/v1/apps/NAME" and what follows it. */
static void ask(struct client *client, const char *method, const char *rest, struct text *json)
{
    struct text target = {0};
    text_add_string(&target, "/cupola/v1");
    session_app_target(client, &target, rest);
    session_ask(client, method, text_string(&target), json);
    text_free(&target);
}

/* ---- Events ---- */

static void ask_events(struct client *client)
{
    ask(client, "GET", "/events", NULL);
}

/* Each controller has its own list, in an order of its own; what was told is known by its keys. */
static bool was_told(const Cupola__RestEvents *told, const char *key)
{
    for (size_t i = 0; told != NULL && i < told->n_events; i++)
        if (told->events[i]->key != NULL && strcmp(told->events[i]->key, key) == 0)
            return true;
    return false;
}

static void take_events(struct client *client, const struct answer *answer)
{
    if (!client->config->follow) {
        client_pass_on(client, answer, "", &cupola__rest_events__descriptor);
        return;
    }
    Cupola__RestEvents *found =
        (Cupola__RestEvents *)client_parse(client, answer, "", &cupola__rest_events__descriptor);
    if (found == NULL)
        return;
    for (size_t i = 0; i < found->n_events; i++)
        if (found->events[i]->key != NULL && !was_told(client->told_events, found->events[i]->key))
            client_tell(client, &found->events[i]->base);
    if (client->told_events != NULL)
        cupola__rest_events__free_unpacked(client->told_events, NULL);
    client->told_events = found;
    follow_stream(client);
}

/* What comes while the stream lasts is in the next list, too. */
static void tell_line(struct client *client)
{
    struct text *line = &client->stream.line;
    struct json_error ignored;
    Cupola__RestEvent *event = NULL;
    if (line->size > 0)
        event = (Cupola__RestEvent *)json_read(&cupola__rest_event__descriptor,
                                               (struct io_bytes){(const uint8_t *)text_string(line), line->size},
                                               JSON_LENIENT, &ignored);
    text_clear(line);
    if (event == NULL)
        return;
    Cupola__RestEvents *told = client->told_events;
    if (event->key == NULL || was_told(told, event->key)) {
        cupola__rest_event__free_unpacked(event, NULL);
        return;
    }
    client_tell(client, &event->base);
    size_t size = told->n_events * sizeof told->events[0];
    told->events = memory_grow(told->events, size, size + sizeof told->events[0]);
    told->events[told->n_events++] = event;
    if (told->n_events >= EVENTS_REMEMBERED)
        http_call_cancel(&client->stream.call); /* The next list says what is still worth remembering. */
}

static void on_event_bytes(struct http_call *call, const uint8_t *bytes, size_t size)
{
    struct client *client = container_of(call, struct client, stream.call);
    for (size_t i = 0; i < size && call->status == 200; i++) {
        if (bytes[i] == '\n' || client->stream.line.size == LINE_MOST)
            tell_line(client);
        else
            text_add_char(&client->stream.line, (char)bytes[i]);
    }
}

/* It ends after a while, with its controller, or at once where a controller is too old for it: then the list again. */
static void on_events_end(struct http_call *call, enum io_status status)
{
    struct client *client = container_of(call, struct client, stream.call);
    (void)status;
    text_clear(&client->stream.line);
    if (client->has_ended)
        client_exit(client);
    else
        client_back(client, 0, follow_pause_ns);
}

static void follow_stream(struct client *client)
{
    struct text target = {0};
    text_add_string(&target, "/cupola/v1");
    session_app_target(client, &target, "/events?follow=1");
    struct http_request request = {.method = "GET", .target = text_string(&target), .timeout_ns = stream_timeout_ns};
    session_start_call(client, &client->stream.call, &request, NULL, &stream_handlers);
    text_free(&target);
}

void client_events_end(struct client *client)
{
    if (http_call_is_under_way(&client->stream.call))
        http_call_cancel(&client->stream.call);
}

void client_events_release(struct client *client)
{
    http_call_release(&client->stream.call);
    text_free(&client->stream.line);
}

/* ---- Revisions ---- */

static void ask_revisions(struct client *client)
{
    ask(client, "GET", "/revisions", NULL);
}

static void take_revisions(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "", &cupola__rest_revisions__descriptor);
}

static void ask_rollback(struct client *client)
{
    client->follows_update = client_app_is_started(client);
    if (client_update_was_carried_out(client)) {
        client_next(client);
        return;
    }
    Cupola__RestRollback body = CUPOLA__REST_ROLLBACK__INIT;
    body.has_revision = client->config->has_revision;
    body.revision = client->config->revision;
    struct text json = {0};
    json_write(&json, &body.base);
    client->is_fresh = false;
    ask(client, "POST", "/rollback", &json);
}

static void take_change(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_next(client);
}

static void ask_cancel(struct client *client)
{
    client->is_fresh = false;
    ask(client, "DELETE", "/update", NULL);
}

/* ---- Settings ---- */

/* With `settings` in the configuration they are replaced, otherwise read. */
static void ask_settings(struct client *client)
{
    struct text json = {0};
    if (client->config->settings == NULL) {
        ask(client, "GET", "/settings", NULL);
        return;
    }
    text_add_string(&json, client->config->settings);
    ask(client, "PUT", "/settings", &json);
}

static void take_settings(struct client *client, const struct answer *answer)
{
    struct text json = {0};
    if (answer->body.size > 0)
        text_add(&json, answer->body.data, answer->body.size);
    else
        text_add_string(&json, client->config->settings == NULL ? "{}" : client->config->settings);
    client_succeed(client, &json);
}
