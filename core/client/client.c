/* The client as a machine: reads what it is asked for, walks through the steps of that command, and exits. */
#include "core/client/client.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/client/hints.h"
#include "core/components.h"
#include "core/proto/client.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_FAILED = 1, STATUS_STOPPED = 130, MAX_LINE = 1024 }; /* 130: as after an interrupt from the keyboard. */

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved);
static void stop(struct machine *machine);
static void destroy(struct machine *machine);
static void inspect(struct machine *machine, struct text *ret_json);
static void enter_step(struct client *client);
static void on_pause_over(struct timer *timer);
static void on_deadline(struct timer *timer);

const struct machine_class client_class = {
    .name = "client",
    .configuration = &cupola__client_config__descriptor,
    .size = sizeof(struct client),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};

static const struct command commands[] = {
    {"info", 0, client_info_steps, 10000}, /* The first thing that people ask of a target: it may be a typing error. */
    {"register", NEEDS_CREDENTIALS, client_register_steps, 0},
    {"login", NEEDS_CREDENTIALS, client_login_steps, 0},
    {"passwd", NEEDS_NEW_PASSWORD, client_passwd_steps, 0},
    {"users", 0, client_users_steps, 0},
    {"add-user", NEEDS_CREDENTIALS, client_add_user_steps, 0},
    {"delete-user", NEEDS_EMAIL, client_delete_user_steps, 0},
    {"revoke", NEEDS_EMAIL, client_revoke_steps, 0},
    {"push", NEEDS_APP | NEEDS_BITS, client_push_steps, 0},
    {"match", 0, client_match_steps, 0},
    {"catalogue", 0, client_catalogue_steps, 0},
    {"services", 0, client_services_steps, 0},
    {"create-service", NEEDS_SERVICE | NEEDS_VENDOR, client_create_service_steps, 0},
    {"delete-service", NEEDS_SERVICE, client_delete_service_steps, 0},
    {"bind-service", NEEDS_SERVICE | NEEDS_APP, client_bind_service_steps, 900000},
    {"unbind-service", NEEDS_SERVICE | NEEDS_APP, client_unbind_service_steps, 900000},
    {"apps", 0, client_apps_steps, 0},
    {"app", NEEDS_APP, client_app_steps, 0},
    {"scale", NEEDS_APP | NEEDS_SIZE, client_scale_steps, 0},
    {"start", NEEDS_APP, client_start_steps, 0},
    {"stop", NEEDS_APP, client_stop_steps, 0},
    {"events", NEEDS_APP, client_events_steps, 0},
    {"exec", NEEDS_APP | NEEDS_ARGUMENTS, client_exec_steps, 0},
    {"revisions", NEEDS_APP, client_revisions_steps, 0},
    {"rollback", NEEDS_APP, client_rollback_steps, 0},
    {"cancel", NEEDS_APP, client_cancel_steps, 0},
    {"settings", NEEDS_APP, client_settings_steps, 0},
    {"update", NEEDS_APP, client_update_steps, 0},
    {"restart", NEEDS_APP, client_restart_steps, 0},
    {"delete", NEEDS_APP, client_delete_steps, 0},
    {"instances", NEEDS_APP, client_instances_steps, 0},
    {"stats", NEEDS_APP, client_stats_steps, 0},
    {"crashes", NEEDS_APP, client_crashes_steps, 0},
    {"files", NEEDS_APP, client_files_steps, 0},
    {"logs", NEEDS_APP, client_logs_steps, 0},
    {"map", NEEDS_APP | NEEDS_URIS, client_map_steps, 0},
    {"unmap", NEEDS_APP | NEEDS_URIS, client_unmap_steps, 0},
    {"env-add", NEEDS_APP | NEEDS_ENV, client_env_add_steps, 0},
    {"env-del", NEEDS_APP | NEEDS_ENV, client_env_del_steps, 0},
};

/* ---- The beginning ---- */

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static bool is_empty(const char *text)
{
    return text == NULL || *text == '\0';
}

/* What becomes a header field must not end it. */
static bool is_one_line(const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    return true;
}

/* What is missing for the command, as a text that says what to give; or NULL. */
static const char *find_missing(const Cupola__ClientConfig *config, unsigned needs)
{
    if ((needs & NEEDS_APP) && is_empty(config->app))
        return "name the app";
    if ((needs & NEEDS_SERVICE) && is_empty(config->service))
        return "name the service";
    if ((needs & NEEDS_VENDOR) && is_empty(config->vendor))
        return "say which service: `cupola services` lists what there is";
    if ((needs & NEEDS_URIS) && config->n_uris == 0)
        return "name at least one URI, like shop.example.com";
    if ((needs & NEEDS_ENV) && config->n_env == 0)
        return "name at least one variable";
    if ((needs & NEEDS_BITS) && is_empty(config->bits))
        return "the app's files are missing: name the folder to push";
    if ((needs & NEEDS_CREDENTIALS) && (is_empty(config->email) || is_empty(config->password)))
        return "give an e-mail address and a password";
    if ((needs & NEEDS_NEW_PASSWORD) && (is_empty(config->email) || is_empty(config->new_password)))
        return "give an e-mail address and the new password";
    if ((needs & NEEDS_ARGUMENTS) && config->n_arguments == 0)
        return "say which command to run";
    if ((needs & NEEDS_EMAIL) && is_empty(config->email))
        return "give the user's e-mail address";
    if ((needs & NEEDS_SIZE) && !config->has_instances && !config->has_instances_by && !config->has_memory_mb)
        return "give the number of instances, or their memory in MB";
    return NULL;
}

static const char *find_fault(const Cupola__ClientConfig *config, const struct command *command)
{
    const Cupola__Endpoint *target = config->target;
    if (target == NULL || is_empty(target->host) || target->port == 0 || target->port > UINT16_MAX)
        return "no target: name the cloud with `cupola target HOST:PORT`";
    if (!is_one_line(config->token) || !is_one_line(config->host_header) || !is_one_line(config->proxy_user))
        return "the token, the target's name and the user may not contain control characters: log in again";
    return find_missing(config, command->needs);
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)saved;
    struct client *client = container_of(machine, struct client, machine);
    client->config = message_copy(configuration);
    client->session.jitter = random_named(machine->seed, "client.retry");
    struct random_stream boundary = random_named(machine->seed, "client.boundary");
    random_hex(&boundary, client->boundary, 16);
    client->until_ns = NEVER_NS;
    client->command = find_command(client->config->command);
    if (client->command == NULL) {
        client_fail(client, "there is no command '%s': `cupola help` lists them",
                    client->config->command == NULL ? "" : client->config->command);
        return;
    }
    const char *fault = find_fault(client->config, client->command);
    if (fault != NULL) {
        client_fail(client, "%s: %s", client->command->name, fault);
        return;
    }
    bool is_given = client->config->has_timeout_ms || client->command->timeout_ms == 0;
    client->timeout_ms = is_given ? client->config->timeout_ms : client->command->timeout_ms;
    if (!client->config->follow) {
        client->until_ns = machine->now_ns + client->timeout_ms * NS_PER_MS;
        timer_set_at(machine, &client->deadline, client->until_ns, on_deadline);
    }
    enter_step(client);
}

void client_take_time(struct client *client, uint32_t timeout_ms)
{
    if (client->config->has_timeout_ms || client->config->follow || client->timeout_ms >= timeout_ms)
        return;
    client->timeout_ms = timeout_ms;
    client->until_ns = client->machine.now_ns + client->timeout_ms * NS_PER_MS;
    timer_set_at(&client->machine, &client->deadline, client->until_ns, on_deadline);
}

/* ---- From step to step ---- */

const struct step *client_step(const struct client *client)
{
    return client->command->steps[client->position];
}

static void enter_step(struct client *client)
{
    assert_that(!client->has_ended);
    assert_that(!http_call_is_under_way(&client->session.call));
    client_step(client)->ask(client);
}

/* Behind the last step: what is known of the app is the result. */
void client_next(struct client *client)
{
    assert_that(client_step(client) != NULL);
    client->position++;
    if (client_step(client) != NULL) {
        enter_step(client);
        return;
    }
    struct text json = {0};
    if (client->app_json.size > 0)
        text_add(&json, text_string(&client->app_json), client->app_json.size);
    else
        text_add_string(&json, "{}");
    client_succeed(client, &json);
}

void client_back(struct client *client, size_t steps, uint64_t pause_ns)
{
    assert_that(!client->has_ended);
    assert_that(steps <= client->position);
    assert_that(!timer_is_set(&client->pause));
    client->position -= steps;
    timer_set(&client->machine, &client->pause, pause_ns, on_pause_over);
}

static void on_pause_over(struct timer *timer)
{
    enter_step(container_of(timer, struct client, pause));
}

void client_log(struct client *client, const char *format, ...)
{
    char line[MAX_LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    machine_log(&client->machine, LOG_INFO, "%s", line);
}

/* machine_log would cut a long one. */
void client_tell(struct client *client, const ProtobufCMessage *message)
{
    struct text json = {0};
    struct effects *effects = client->machine.effects;
    json_write(&json, message);
    struct effect *effect = effects_add(effects, EFFECT_LOG);
    effect->log.level = LOG_INFO;
    effect->log.text = effects_keep_text(effects, text_string(&json));
    text_free(&json);
}

/* ---- The end ---- */

/* The first outcome counts. A call that is under way is cut, and the exit waits for its end. */
static void end(struct client *client, int status, struct text *given)
{
    if (client->has_ended) {
        text_free(given);
        return;
    }
    client->has_ended = true;
    client->status = status;
    client->result = *given;
    *given = (struct text){0};
    timer_cancel(&client->machine, &client->deadline);
    timer_cancel(&client->machine, &client->pause);
    if (http_call_is_under_way(&client->session.call))
        http_call_cancel(&client->session.call);
    client_stager_end(client);
    client_events_end(client);
    client_exit(client);
}

void client_exit(struct client *client)
{
    assert_that(client->has_ended);
    if (http_call_is_under_way(&client->session.call) || http_call_is_under_way(&client->stager.call) ||
        http_call_is_under_way(&client->stream.call))
        return;
    timer_cancel(&client->machine, &client->stager.pause);
    machine_exit(&client->machine, client->status,
                 (struct io_bytes){(const uint8_t *)text_string(&client->result), client->result.size});
}

void client_succeed(struct client *client, struct text *json)
{
    end(client, 0, json);
}

static void fail(struct client *client, int code, int status, const char *error)
{
    Cupola__ClientFailure failure = CUPOLA__CLIENT_FAILURE__INIT;
    failure.error = (char *)(uintptr_t)error;
    failure.has_code = code != 0;
    failure.code = code;
    failure.has_status = status != 0;
    failure.status = status;
    struct text json = {0};
    json_write(&json, &failure.base);
    end(client, STATUS_FAILED, &json);
}

void client_fail(struct client *client, const char *format, ...)
{
    char error[MAX_LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, sizeof error, format, arguments);
    va_end(arguments);
    fail(client, 0, 0, error);
}

void client_fail_answer(struct client *client, const struct answer *answer)
{
    struct text error = {0};
    text_addf(&error, "%s: ", client_step(client)->name);
    if (*answer->description != '\0')
        text_addf(&error, "%s (%d)", answer->description, answer->code);
    else if (client->session.router_error[0] != '\0')
        text_addf(&error, "the router answered %d %s", answer->status, client->session.router_error);
    else
        text_addf(&error, "%s:%u answered %d", client->config->target->host, (unsigned)client->config->target->port,
                  answer->status);
    text_add_string(&error, "; ");
    hint_add(&error, client->config->command, answer->code, answer->status, client->config->app);
    fail(client, answer->code, answer->status, text_string(&error));
    text_free(&error);
}

static void on_deadline(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, deadline);
    const struct progress *progress = &client->progress;
    unsigned seconds = client->timeout_ms / 1000;
    if (progress->waits_for.size > 0)
        client_fail(
            client,
            "%s is not up after %u s: %s. It may still come: `cupola app %s` tells; `cupola logs %s` shows what "
            "it says",
            client->config->app, seconds, text_string(&progress->waits_for), client->config->app, client->config->app);
    else if (client->follows_update && client->session.attempts == 0)
        client_fail(client,
                    "the update of %s is still under way after %u s: `cupola events %s` tells how far it is, "
                    "`cupola update %s --cancel` ends it",
                    client->config->app, seconds, client->config->app, client->config->app);
    else if (client->session.attempts > 0)
        client_fail(client, "%s: gave up after %u s: %s. Check the target, and whether the cloud is up",
                    client_step(client)->name, seconds, text_string(&client->session.trouble));
    else
        client_fail(client, "%s: no answer within %u s. Try again, or allow more time with --timeout",
                    client_step(client)->name, seconds);
}

static void stop(struct machine *machine)
{
    struct text json = {0};
    text_add_string(&json, "{\"error\":\"stopped\"}");
    end(container_of(machine, struct client, machine), STATUS_STOPPED, &json);
}

static void destroy(struct machine *machine)
{
    struct client *client = container_of(machine, struct client, machine);
    session_release(client);
    client_stager_release(client);
    client_events_release(client);
    client_logs_free(client);
    memory_free(client->run_before);
    memory_free(client->refusal);
    if (client->told_events != NULL)
        cupola__rest_events__free_unpacked(client->told_events, NULL);
    text_free(&client->app_json);
    text_free(&client->info);
    text_free(&client->result);
    text_free(&client->progress.waits_for);
    text_free(&client->progress.reason);
    if (client->app != NULL)
        cupola__rest_app__free_unpacked(client->app, NULL);
    if (client->config != NULL)
        cupola__client_config__free_unpacked(client->config, NULL);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    const struct client *client = container_of(machine, struct client, machine);
    const struct step *step = client->command == NULL ? NULL : client_step(client);
    text_add_string(ret_json, "{\"command\":");
    json_write_string(ret_json, client->command == NULL ? "" : client->command->name);
    text_add_string(ret_json, ",\"step\":");
    json_write_string(ret_json, step == NULL ? "" : step->name);
    text_add_string(ret_json, ",\"trouble\":");
    json_write_string(ret_json, client->session.attempts == 0 ? "" : text_string(&client->session.trouble));
    text_addf(ret_json, ",\"attempts\":%u,\"ended\":%s}", (unsigned)client->session.attempts,
              client->has_ended ? "true" : "false");
}
