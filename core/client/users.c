/* Users: register, login, passwd; and for admins the others: users, add-user, delete-user. */
#include "core/client/client.h"

#include "core/base/memory.h"
#include "core/wire/json.h"

enum { CODE_BAD_REQUEST = 100, CODE_FORBIDDEN = 200, CODE_USER_NOT_FOUND = 201 };

static void ask_create(struct client *client);
static void take_create(struct client *client, const struct answer *answer);
static bool forgive_create(struct client *client, const struct answer *answer);
static void ask_token(struct client *client);
static void take_token(struct client *client, const struct answer *answer);
static bool refuse_create(struct client *client, const struct answer *answer);
static void ask_password(struct client *client);
static void take_password(struct client *client, const struct answer *answer);
static void ask_made(struct client *client);
static void take_made(struct client *client, const struct answer *answer);
static void ask_list(struct client *client);
static void take_list(struct client *client, const struct answer *answer);
static void ask_delete(struct client *client);
static void take_delete(struct client *client, const struct answer *answer);
static bool forgive_delete(struct client *client, const struct answer *answer);
static void ask_revoke(struct client *client);
static bool forgive_revoke(struct client *client, const struct answer *answer);

static const struct step create = {
    .name = "creating the user", .ask = ask_create, .take = take_create, .forgive = forgive_create};
static const struct step own_token = {
    .name = "creating the user", .ask = ask_token, .take = take_token, .forgive = refuse_create};
static const struct step token = {.name = "logging in", .ask = ask_token, .take = take_token};
static const struct step password = {.name = "changing the password", .ask = ask_password, .take = take_password};
static const struct step made = {
    .name = "creating the user", .ask = ask_made, .take = take_made, .forgive = refuse_create};
static const struct step list = {.name = "listing the users", .ask = ask_list, .take = take_list};
static const struct step delete = {
    .name = "deleting the user", .ask = ask_delete, .take = take_delete, .forgive = forgive_delete};
static const struct step revoke = {
    .name = "taking back the logins", .ask = ask_revoke, .take = take_delete, .forgive = forgive_revoke};

const struct step *const client_register_steps[] = {&create, &own_token, NULL};
const struct step *const client_login_steps[] = {&token, NULL};
const struct step *const client_passwd_steps[] = {&password, NULL};
const struct step *const client_add_user_steps[] = {&create, &made, NULL};
const struct step *const client_users_steps[] = {&list, NULL};
const struct step *const client_delete_user_steps[] = {&delete, NULL};
const struct step *const client_revoke_steps[] = {&revoke, NULL};

static void send_credentials(struct client *client, const char *method, const char *target, char *email, char *secret)
{
    Cupola__RestCredentials credentials = CUPOLA__REST_CREDENTIALS__INIT;
    credentials.email = email;
    credentials.password = secret;
    struct text json = {0};
    json_write(&json, &credentials.base);
    session_ask(client, method, target, &json);
}

static void ask_create(struct client *client)
{
    send_credentials(client, "POST", "/users", client->config->email, client->config->password);
}

static void take_create(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_log(client, "%s is registered", client->config->email);
    client_next(client);
}

/* An attempt whose answer was lost, ours or a former command's, may have made the user: the log-in that follows shows
 * whether it is ours. */
static bool forgive_create(struct client *client, const struct answer *answer)
{
    if (answer->code != CODE_BAD_REQUEST)
        return false;
    memory_free(client->refusal);
    client->refusal = memory_copy_text(answer->description);
    client_next(client);
    return true;
}

/* It is not ours: the command fails with what the making was refused with. */
static bool refuse_create(struct client *client, const struct answer *answer)
{
    if (client->refusal == NULL)
        return false;
    struct answer refusal = {.status = answer->status, .code = CODE_BAD_REQUEST, .description = client->refusal};
    client_fail_answer(client, &refusal);
    return true;
}

static void ask_token(struct client *client)
{
    struct text target = {0};
    text_add_string(&target, "/users/");
    uri_encode(&target, client->config->email);
    text_add_string(&target, "/tokens");
    send_credentials(client, "POST", text_string(&target), NULL, client->config->password);
    text_free(&target);
}

static void take_token(struct client *client, const struct answer *answer)
{
    Cupola__RestToken *message = (Cupola__RestToken *)client_parse(client, answer, "", &cupola__rest_token__descriptor);
    if (message == NULL)
        return;
    if (message->token == NULL) {
        client_fail(client, "logging in: the answer has no token; is it a cloud controller? Check the target");
    } else {
        struct text json = {0};
        json_write(&json, &message->base);
        client_succeed(client, &json);
    }
    cupola__rest_token__free_unpacked(message, NULL);
}

static void ask_password(struct client *client)
{
    struct text target = {0};
    text_add_string(&target, "/users/");
    uri_encode(&target, client->config->email);
    send_credentials(client, "PUT", text_string(&target), client->config->email, client->config->new_password);
    text_free(&target);
}

static void take_password(struct client *client, const struct answer *answer)
{
    (void)answer;
    client_next(client);
}

/* ---- Of others ---- */

static void succeed_with_email(struct client *client)
{
    struct text json = {0};
    text_add_string(&json, "{\"email\":");
    json_write_string(&json, client->config->email);
    text_add_char(&json, '}');
    client_succeed(client, &json);
}

/* Whoever makes a user stays who he is: a token is asked for only where that shows whose the user is. */
static void ask_made(struct client *client)
{
    if (client->refusal == NULL)
        succeed_with_email(client);
    else
        ask_token(client);
}

static void take_made(struct client *client, const struct answer *answer)
{
    (void)answer;
    succeed_with_email(client);
}

static void ask_list(struct client *client)
{
    session_ask(client, "GET", "/users", NULL);
}

static void take_list(struct client *client, const struct answer *answer)
{
    client_pass_on(client, answer, "users", &cupola__rest_users__descriptor);
}

static void ask_delete(struct client *client)
{
    struct text target = {0};
    text_add_string(&target, "/users/");
    uri_encode(&target, client->config->email);
    session_ask(client, "DELETE", text_string(&target), NULL);
    text_free(&target);
}

static void take_delete(struct client *client, const struct answer *answer)
{
    (void)answer;
    succeed_with_email(client);
}

/* After a lost answer it may be gone already. */
static bool forgive_delete(struct client *client, const struct answer *answer)
{
    if (answer->code != CODE_USER_NOT_FOUND || !client->session.is_uncertain)
        return false;
    succeed_with_email(client);
    return true;
}

static void ask_revoke(struct client *client)
{
    struct text target = {0};
    text_add_string(&target, "/cupola/v1/users/");
    uri_encode(&target, client->config->email);
    text_add_string(&target, "/tokens");
    session_ask(client, "DELETE", text_string(&target), NULL);
    text_free(&target);
}

/* After a lost answer the login that is shown may be one of those that are taken back already. */
static bool forgive_revoke(struct client *client, const struct answer *answer)
{
    if (answer->code != CODE_FORBIDDEN || !client->session.is_uncertain)
        return false;
    succeed_with_email(client);
    return true;
}
