/* /users: registration, tokens, passwords, and for admins the rest. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/accounts/limits.h"
#include "core/cloud_controller/accounts/passwords.h"
#include "core/cloud_controller/accounts/tokens.h"
#include "core/cloud_controller/accounts/users.h"
#include "core/cloud_controller/services/gateway.h"

#include <string.h>

/* A request that hashes a password, and perhaps stores the hash. */
struct password_call {
    struct call call;
    Cupola__RestCredentials *body;
    struct op op;
    struct change change;
    struct text hash;
    char *email;       /* Whose password. */
    char *stored_hash; /* Tokens: what it must be equal to; NULL: there is no such user. */
    struct refusal refusal;
};

static void handle_create(struct call *call);
static void handle_token(struct call *call);
static void handle_get(struct call *call);
static void handle_put(struct call *call);
static void handle_delete(struct call *call);
static void handle_list(struct call *call);
static void release_password_call(struct call *call);
static void on_token_hashed(struct op *op, const struct op_result *result);
static void on_password_hashed(struct op *op, const struct op_result *result);
static bool prepare_create(struct change *change);
static bool prepare_put(struct change *change);
static void on_stored(struct change *change, enum change_outcome outcome);
static bool prepare_delete(struct change *change);
static void on_deleted(struct change_call *request);

static const struct route routes[] = {
    {"POST", "/users", ACCESS_ANYBODY, sizeof(struct password_call), handle_create, release_password_call, NULL, NULL},
    {"GET", "/users", ACCESS_ADMIN, sizeof(struct call), handle_list, NULL, NULL, NULL},
    {"POST", "/users/:/tokens", ACCESS_LOGIN, sizeof(struct password_call), handle_token, release_password_call, NULL,
     NULL},
    {"GET", "/users/:", ACCESS_USER, sizeof(struct call), handle_get, NULL, NULL, NULL},
    {"PUT", "/users/:", ACCESS_USER, sizeof(struct password_call), handle_put, release_password_call, NULL, NULL},
    {"DELETE", "/users/:", ACCESS_ADMIN, sizeof(struct change_call), handle_delete, NULL, NULL, NULL},
};
const struct route_table cc_user_routes = {routes, sizeof routes / sizeof routes[0]};

static void release_password_call(struct call *call)
{
    struct password_call *request = container_of(call, struct password_call, call);
    op_forget(&request->op);
    cupola__rest_credentials__free_unpacked(request->body, NULL);
    text_free(&request->hash);
    memory_free(request->email);
    memory_free(request->stored_hash);
}

/* Reads the body and looks at the password. False: the call was failed. */
static bool read_credentials(struct password_call *request)
{
    if (!cc_call_read_body(&request->call, &cupola__rest_credentials__descriptor, &request->body))
        return false;
    const char *password = request->body->password;
    if (password == NULL || *password == '\0') {
        cc_call_fail(&request->call, ERROR_SYSTEM_AT, "password: missing", NULL);
        return false;
    }
    if (strlen(password) > MAX_PASSWORD_SIZE) {
        cc_call_fail(&request->call, ERROR_BAD_REQUEST_AT, "password: too long", NULL);
        return false;
    }
    return true;
}

static void hash_and_store(struct password_call *request, bool (*prepare)(struct change *change))
{
    request->change.prepare = prepare;
    request->change.done = on_stored;
    if (!cc_password_hash(request->call.controller, &request->op, request->body->password, on_password_hashed))
        cc_call_fail(&request->call, ERROR_SYSTEM_AT, "too many passwords are being hashed", NULL);
}

static void on_password_hashed(struct op *op, const struct op_result *result)
{
    struct password_call *request = container_of(op, struct password_call, op);
    cc_password_hashed(request->call.controller);
    if (result->status != IO_OK) {
        cc_call_fail(&request->call, ERROR_SYSTEM, NULL, NULL);
        return;
    }
    text_add(&request->hash, result->data.data, result->data.size);
    cc_journal_submit(request->call.controller, &request->change);
}

static struct io_bytes hash_of(const struct password_call *request)
{
    return (struct io_bytes){(const uint8_t *)text_string(&request->hash), request->hash.size};
}

static void on_stored(struct change *change, enum change_outcome outcome)
{
    struct password_call *request = container_of(change, struct password_call, change);
    if (outcome == CHANGE_DURABLE)
        cc_call_answer_nothing(&request->call);
    else
        cc_call_fail_change(&request->call, outcome, &request->refusal);
}

/* ---- POST /users ---- */

/* Each user costs some memory of every controller for ever, and anybody may become one. */
static enum cloud_error may_register(const struct call *call)
{
    const struct controller *controller = call->controller;
    if (call->is_admin)
        return ERROR_NONE;
    if (!controller->config->allow_registration)
        return ERROR_FORBIDDEN;
    if (!cc_call_is_secure_enough(call, NULL))
        return ERROR_HTTPS;
    return HASH_COUNT(controller->state.users) < controller->config->max_users ? ERROR_NONE : ERROR_TOO_MANY_USERS;
}

static void handle_create(struct call *call)
{
    struct password_call *request = container_of(call, struct password_call, call);
    const struct controller *controller = call->controller;
    enum cloud_error refusal = may_register(call);
    if (refusal != ERROR_NONE) {
        cc_call_fail(call, refusal, NULL, NULL);
        return;
    }
    if (!read_credentials(request))
        return;
    if (request->body->email == NULL || !cc_email_is_valid(request->body->email)) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, "email: not an e-mail address", NULL);
        return;
    }
    request->email = memory_copy_text(request->body->email);
    if (cc_state_find_user(&controller->state, request->email) != NULL)
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, "email: there is such a user already", NULL);
    else
        hash_and_store(request, prepare_create);
}

static bool prepare_create(struct change *change)
{
    struct password_call *request = container_of(change, struct password_call, change);
    struct controller *controller = change->controller;
    if (cc_state_find_user(&controller->state, request->email) != NULL) {
        cc_refusal_set(&request->refusal, ERROR_BAD_REQUEST_AT, "email: there is such a user already", NULL);
        return false;
    }
    cc_change_write_user(change, NULL, request->email, hash_of(request), request->call.email);
    return true;
}

/* ---- POST /users/EMAIL/tokens ---- */

/* A user who does not exist costs the same hash as a wrong password, so that time does not tell who exists. */
static void handle_token(struct call *call)
{
    struct password_call *request = container_of(call, struct password_call, call);
    if (!cc_call_is_secure_enough(call, call->arguments[0])) {
        cc_call_fail(call, ERROR_HTTPS, NULL, NULL);
        return;
    }
    if (!read_credentials(request))
        return;
    request->email = memory_copy_text(call->arguments[0]);
    const struct user *user = cc_state_find_user(&call->controller->state, request->email);
    if (user != NULL && !cc_login_is_open(call->controller, user)) {
        cc_call_fail(call, ERROR_LOCKED_OUT, NULL, NULL);
        return;
    }
    request->stored_hash = user == NULL ? NULL : memory_copy_text(user->value->password_hash);
    bool begun = user == NULL
                     ? cc_password_hash(call->controller, &request->op, request->body->password, on_token_hashed)
                     : cc_password_hash_as(call->controller, &request->op, request->body->password,
                                           request->stored_hash, on_token_hashed);
    if (!begun)
        cc_call_fail(call, ERROR_SYSTEM_AT, "too many passwords are being hashed", NULL);
}

static void on_token_hashed(struct op *op, const struct op_result *result)
{
    struct password_call *request = container_of(op, struct password_call, op);
    struct controller *controller = request->call.controller;
    cc_password_hashed(controller);
    bool is_right = result->status == IO_OK && request->stored_hash != NULL &&
                    cc_password_hash_equals(result->data, request->stored_hash);
    struct user *user = cc_state_find_user(&controller->state, request->email);
    if (user != NULL && result->status == IO_OK) {
        if (is_right)
            cc_login_succeeded(user);
        else
            cc_login_failed(controller, user);
    }
    if (!is_right || user == NULL) {
        bool failed = result->status != IO_OK && request->stored_hash != NULL;
        cc_call_fail(&request->call, failed ? ERROR_SYSTEM : ERROR_FORBIDDEN, NULL, NULL);
        return;
    }
    struct text token = {0};
    cc_token_make(controller, user->value, &token);
    Cupola__RestToken answer = CUPOLA__REST_TOKEN__INIT;
    answer.token = (char *)(uintptr_t)text_string(&token);
    cc_call_answer(&request->call, 200, &answer.base);
    text_free(&token);
}

/* ---- GET and PUT /users/EMAIL ---- */

/* Oneself, or anybody for admins. NULL: the call was failed. */
static const struct user *find_subject(struct call *call)
{
    const char *email = call->arguments[0];
    if (strcmp(email, call->email) != 0 && !call->is_admin) {
        cc_call_fail(call, ERROR_FORBIDDEN, NULL, NULL);
        return NULL;
    }
    const struct user *user = cc_state_find_user(&call->controller->state, email);
    if (user == NULL)
        cc_call_fail(call, ERROR_USER_NOT_FOUND, NULL, NULL);
    return user;
}

static void handle_get(struct call *call)
{
    const struct user *user = find_subject(call);
    if (user == NULL)
        return;
    Cupola__RestUser answer = CUPOLA__REST_USER__INIT;
    answer.email = user->value->email;
    answer.has_admin = true;
    answer.admin = controller_is_admin(call->controller, user->value->email);
    cc_call_answer(call, 200, &answer.base);
}

static void handle_put(struct call *call)
{
    struct password_call *request = container_of(call, struct password_call, call);
    const struct user *user = find_subject(call);
    if (user == NULL || !read_credentials(request))
        return;
    request->email = memory_copy_text(user->value->email);
    hash_and_store(request, prepare_put);
}

static bool prepare_put(struct change *change)
{
    struct password_call *request = container_of(change, struct password_call, change);
    const struct user *user = cc_state_find_user(&change->controller->state, request->email);
    if (user == NULL) {
        cc_refusal_set(&request->refusal, ERROR_USER_NOT_FOUND, NULL, NULL);
        return false;
    }
    cc_change_write_user(change, user->value, request->email, hash_of(request), request->call.email);
    return true;
}

/* ---- DELETE /users/EMAIL ---- */

static void handle_delete(struct call *call)
{
    cc_change_call_submit(container_of(call, struct change_call, call), prepare_delete, on_deleted);
}

static struct app *first_app_of(const struct state *state, const char *owner)
{
    return cc_lists_first_of(state, owner);
}

/* One entry an app and then one for the user: whatever gets lost between them, each is a whole change. */
static bool prepare_delete(struct change *change)
{
    struct change_call *request = container_of(change, struct change_call, change);
    const struct user *user = cc_state_find_user(&change->controller->state, request->call.arguments[0]);
    if (user == NULL) {
        cc_refusal_set(&request->refusal, ERROR_USER_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    Cupola__AppDeletion app_deletion = CUPOLA__APP_DELETION__INIT;
    Cupola__UserDeletion user_deletion = CUPOLA__USER_DELETION__INIT;
    const struct app *app = first_app_of(&change->controller->state, user->value->email);
    if (app != NULL) {
        app_deletion.has_id = true;
        app_deletion.id = app->id;
        entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_APP_DELETED;
        entry.app_deleted = &app_deletion;
    } else {
        user_deletion.email = user->value->email;
        entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_USER_DELETED;
        entry.user_deleted = &user_deletion;
    }
    cc_change_write(change, &entry, request->call.email);
    return true;
}

static void on_deleted(struct change_call *request)
{
    struct change *change = &request->change;
    cc_follow_up(change->controller, &change->difference);
    if (change->difference.app_id != 0) {
        cc_journal_submit(change->controller, change);
        return;
    }
    cc_gateway_clean_up(change->controller); /* The user's services are gone, too. */
    cc_call_answer_nothing(&request->call);
}

/* ---- GET /users ---- */

static void write_user(struct call *call, const struct user *user, struct text *json)
{
    Cupola__RestUserEntry entry = CUPOLA__REST_USER_ENTRY__INIT;
    entry.email = user->value->email;
    entry.has_admin = true;
    entry.admin = controller_is_admin(call->controller, user->value->email);
    Cupola__RestUserApp *apps = memory_new(user->app_count * sizeof *apps);
    Cupola__RestUserApp **places = memory_new(user->app_count * sizeof(Cupola__RestUserApp *));
    for (const struct app *app = user->first_app; app != NULL; app = app->links.newer) {
        assert_that(entry.n_apps < user->app_count);
        Cupola__RestUserApp *place = &apps[entry.n_apps];
        cupola__rest_user_app__init(place);
        place->name = app->value->name;
        place->state = (char *)(uintptr_t)cc_app_state_name(app->value);
        places[entry.n_apps++] = place;
    }
    entry.apps = places;
    json_write(json, &entry.base);
    memory_free(places);
    memory_free(apps);
}

static void handle_list(struct call *call)
{
    struct text json = {0};
    text_add_char(&json, '[');
    for (const struct user *user = call->controller->state.users; user != NULL; user = user->hh.next) {
        if (json.size > 1)
            text_add_char(&json, ',');
        write_user(call, user, &json);
    }
    text_add_char(&json, ']');
    cc_call_answer_json(call, 200, &json);
}
