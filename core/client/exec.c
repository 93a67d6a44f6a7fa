/* A command in an instance: asks for it to be prepared. What comes back is where it waits; the rest is no REST call. */
#include "core/client/client.h"

#include "core/wire/json.h"

static void ask_order(struct client *client);
static void take_order(struct client *client, const struct answer *answer);

/* May be asked for twice: what nobody comes for is forgotten. */
static const struct step order = {.name = "preparing the command", .ask = ask_order, .take = take_order};

const struct step *const client_exec_steps[] = {&order, NULL};

static void ask_order(struct client *client)
{
    const Cupola__ClientConfig *config = client->config;
    Cupola__RestExec message = CUPOLA__REST_EXEC__INIT;
    struct text json = {0}, target = {0};
    message.has_index = true;
    message.index = config->has_index ? config->index : 0;
    message.command = config->arguments;
    message.n_command = config->n_arguments;
    message.has_rows = message.has_columns = config->has_rows && config->rows > 0;
    message.rows = (int32_t)config->rows;
    message.columns = (int32_t)config->columns;
    json_write(&json, &message.base);
    text_add_string(&target, "/cupola/v1/apps/");
    uri_encode(&target, config->app);
    text_add_string(&target, "/exec");
    session_ask(client, "POST", text_string(&target), &json);
    text_free(&target);
}

static void take_order(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "", &cupola__rest_exec_session__descriptor);
}
