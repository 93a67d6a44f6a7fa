/* logs: what the instances of an app have written, those that crashed included, and the log of a staging that failed.
 *
 * One round reads the app and its crashes, which tell where to look, and then fetches each file whole: v1's REST API
 * has no way to ask for the end of one. To follow is to repeat the round every second and tell the lines that are new.
 */
#include "core/client/client.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/client/paths.h"
#include "core/proto/client.pb-c.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SOURCES = 256, MAX_CRASHES = 4, CODE_NO_INSTANCE = 304, CODE_APP_STOPPED = 305, CODE_FILE = 306 };
static const uint64_t follow_pause_ns = NS_PER_S;

struct log_source {
    char instance[40]; /* An index, or the id of a crashed instance. */
    const char *path;
    size_t seen_bytes; /* Of whole lines, when following. */
    struct text content;
};

static void take_app(struct client *client, const struct answer *answer);
static void ask_app(struct client *client);
static void ask_crashes(struct client *client);
static void take_crashes(struct client *client, const struct answer *answer);
static void ask_file(struct client *client);
static void take_file(struct client *client, const struct answer *answer);
static bool forgive_file(struct client *client, const struct answer *answer);

static const struct step app = {.name = "reading the app", .ask = ask_app, .take = take_app};
static const struct step crashes = {.name = "looking for crashes", .ask = ask_crashes, .take = take_crashes};
static const struct step file = {.name = "fetching a log", .ask = ask_file, .take = take_file, .forgive = forgive_file};

const struct step *const client_logs_steps[] = {&app, &crashes, &file, NULL};

void client_logs_free(struct client *client)
{
    for (size_t i = 0; i < client->log_count; i++)
        text_free(&client->logs[i].content);
    memory_free(client->logs);
}

/* ---- Where to look ---- */

/* Known ones keep what was seen of them. */
static void add_source(struct client *client, const char *instance, const char *path)
{
    for (size_t i = 0; i < client->log_count; i++)
        if (strcmp(client->logs[i].instance, instance) == 0 && strcmp(client->logs[i].path, path) == 0)
            return;
    if (client->log_count == MAX_SOURCES || strlen(instance) >= sizeof client->logs->instance)
        return;
    size_t bytes = client->log_count * sizeof *client->logs;
    client->logs = memory_grow(client->logs, bytes, bytes + sizeof *client->logs);
    struct log_source *source = &client->logs[client->log_count++];
    snprintf(source->instance, sizeof source->instance, "%s", instance);
    source->path = path;
}

static void add_instance(struct client *client, const char *instance)
{
    add_source(client, instance, "logs/stdout.log");
    add_source(client, instance, "logs/stderr.log");
}

static void ask(struct client *client, const char *rest)
{
    struct text target = {0};
    session_app_target(client, &target, rest);
    session_ask(client, "GET", text_string(&target), NULL);
    text_free(&target);
}

static void ask_app(struct client *client)
{
    ask(client, "");
}

static void take_app(struct client *client, const struct answer *answer)
{
    const Cupola__ClientConfig *config = client->config;
    if (!client_keep_app(client, answer))
        return;
    add_source(client, "0", "logs/staging.log");
    int32_t first = config->has_index ? config->index : 0;
    int32_t end = config->has_index ? first + 1 : client->app->instances;
    for (int32_t i = first; i < end && client->log_count < MAX_SOURCES; i++) {
        char index[16];
        snprintf(index, sizeof index, "%d", (int)i);
        add_instance(client, index);
    }
    client_next(client);
}

/* Whoever asks for one index wants to see that one. */
static void ask_crashes(struct client *client)
{
    client->log_at = 0;
    if (client->config->has_index)
        client_next(client);
    else
        ask(client, "/crashes");
}

static void take_crashes(struct client *client, const struct answer *answer)
{
    Cupola__RestCrashes *message =
        (Cupola__RestCrashes *)client_parse(client, answer, "", &cupola__rest_crashes__descriptor);
    if (message == NULL)
        return;
    for (size_t i = 0; i < message->n_crashes && i < MAX_CRASHES; i++)
        if (message->crashes[i]->instance != NULL)
            add_instance(client, message->crashes[i]->instance);
    cupola__rest_crashes__free_unpacked(message, NULL);
    client_next(client);
}

/* ---- The files ---- */

static void ask_file(struct client *client)
{
    assert_that(client->log_at < client->log_count);
    const struct log_source *source = &client->logs[client->log_at];
    struct text rest = {0};
    path_add_file(&rest, source->instance, source->path);
    ask(client, text_string(&rest));
    text_free(&rest);
}

static void write_logs(const struct client *client, struct text *json)
{
    Cupola__ClientLogs result = CUPOLA__CLIENT_LOGS__INIT;
    Cupola__ClientLog *logs = memory_new(client->log_count * sizeof *logs);
    result.app = client->config->app;
    result.logs = memory_new(client->log_count * sizeof *result.logs);
    for (size_t i = 0; i < client->log_count; i++) {
        struct log_source *source = &client->logs[i];
        if (source->content.size == 0)
            continue;
        cupola__client_log__init(&logs[i]);
        logs[i].instance = source->instance;
        logs[i].path = (char *)(uintptr_t)source->path;
        logs[i].content = (char *)(uintptr_t)text_string(&source->content);
        result.logs[result.n_logs++] = &logs[i];
    }
    json_write(json, &result.base);
    memory_free(result.logs);
    memory_free(logs);
}

static void end_round(struct client *client)
{
    if (client->config->follow) {
        client_back(client, 2, follow_pause_ns);
        return;
    }
    struct text json = {0};
    write_logs(client, &json);
    client_succeed(client, &json);
}

static void next_file(struct client *client)
{
    if (++client->log_at < client->log_count)
        ask_file(client);
    else
        end_round(client);
}

static void tell_line(struct client *client, const struct log_source *source, const char *bytes, size_t size)
{
    Cupola__ClientLogLine message = CUPOLA__CLIENT_LOG_LINE__INIT;
    message.instance = (char *)(uintptr_t)source->instance;
    message.path = (char *)(uintptr_t)source->path;
    message.line = memory_copy_bytes((const uint8_t *)bytes, size);
    client_tell(client, &message.base);
    memory_free(message.line);
}

/* Tells the whole lines behind those that were told before. A file that has become shorter is another one. */
static void tell_new_lines(struct client *client, struct log_source *source, struct io_bytes body)
{
    if (body.size < source->seen_bytes)
        source->seen_bytes = 0;
    const char *bytes = (const char *)body.data;
    for (;;) {
        const char *line = bytes + source->seen_bytes;
        const char *end = memchr(line, '\n', body.size - source->seen_bytes);
        if (end == NULL)
            return;
        tell_line(client, source, line, (size_t)(end - line));
        source->seen_bytes += (size_t)(end - line) + 1;
    }
}

static void take_file(struct client *client, const struct answer *answer)
{
    struct log_source *source = &client->logs[client->log_at];
    if (client->config->follow) {
        tell_new_lines(client, source, answer->body);
    } else {
        text_clear(&source->content);
        text_add(&source->content, answer->body.data, answer->body.size);
    }
    next_file(client);
}

/* An instance that is not there, or has not written that file, says nothing. */
static bool forgive_file(struct client *client, const struct answer *answer)
{
    bool is_absent = answer->code == CODE_NO_INSTANCE || answer->code == CODE_APP_STOPPED ||
                     answer->code == CODE_FILE || (answer->code == 0 && answer->status == 404);
    if (is_absent)
        next_file(client);
    return is_absent;
}
