/* What the stager says, while the command waits for it: a second call beside the one of the step, from the upload until
 * the staging ends. Nothing depends on it: where it fails it is tried a few times more, and the log's end comes with
 * the refusal in any case. */
#include "core/client/client.h"

#include "core/base/duration.h"

#include <string.h>

enum { ATTEMPTS_MOST = 3, LINE_MOST = 400 };
static const uint64_t retry_ns = NS_PER_S;
static const uint64_t silence_ns = 1200 * NS_PER_S;
static const uint64_t last_words_ns = 300 * NS_PER_MS;

static void on_bytes(struct http_call *call, const uint8_t *bytes, size_t size);
static void on_done(struct http_call *call, enum io_status status);
static void on_pause_over(struct timer *timer);

static const struct http_call_handlers handlers = {.on_body = on_bytes, .on_done = on_done};

void client_stager_follow(struct client *client)
{
    struct stager_words *words = &client->stager;
    if (!client->config->show_staging || http_call_is_under_way(&words->call) || timer_is_set(&words->pause) ||
        words->attempts == ATTEMPTS_MOST)
        return;
    struct text target = {0};
    text_add_string(&target, "/cupola/v1");
    session_app_target(client, &target, "/staging/log?follow=1");
    struct http_request request = {.method = "GET", .target = text_string(&target), .timeout_ns = silence_ns};
    words->attempts++;
    session_start_call(client, &words->call, &request, NULL, &handlers);
    text_free(&target);
}

static void tell_line(struct client *client)
{
    struct stager_words *words = &client->stager;
    text_make_printable(&words->line);
    if (words->line.size > 0)
        client_log(client, CLIENT_STAGER_PREFIX "%s", text_string(&words->line));
    text_clear(&words->line);
}

static void on_bytes(struct http_call *call, const uint8_t *bytes, size_t size)
{
    struct client *client = container_of(call, struct client, stager.call);
    if (call->status != 200)
        return; /* Not the log, but why there is none: an older controller, perhaps. */
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || client->stager.line.size == LINE_MOST)
            tell_line(client);
        if (bytes[i] != '\n')
            text_add_char(&client->stager.line, (char)bytes[i]);
    }
}

static void on_done(struct http_call *call, enum io_status status)
{
    struct client *client = container_of(call, struct client, stager.call);
    if (status == IO_OK && call->status == 200)
        tell_line(client);
    text_clear(&client->stager.line);
    if (client->has_ended)
        client_exit(client);
    else if (status != IO_OK)
        timer_set(&client->machine, &client->stager.pause, retry_ns, on_pause_over);
}

static void on_pause_over(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, stager.pause);
    if (client->has_ended)
        http_call_cancel(&client->stager.call);
    else
        client_stager_follow(client);
}

/* A staging that failed may have its last words still on their way. */
void client_stager_end(struct client *client)
{
    struct stager_words *words = &client->stager;
    timer_cancel(&client->machine, &words->pause);
    if (!http_call_is_under_way(&words->call))
        return;
    if (client->status == 1)
        timer_set(&client->machine, &words->pause, last_words_ns, on_pause_over);
    else
        http_call_cancel(&words->call);
}

void client_stager_release(struct client *client)
{
    http_call_release(&client->stager.call);
    text_free(&client->stager.line);
}
