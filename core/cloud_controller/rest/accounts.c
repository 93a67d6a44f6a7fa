/* /cupola/v1/users/EMAIL: roles, and taking back tokens. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/memory.h"
#include "core/cloud_controller/accounts/users.h"

#include <string.h>

struct account_call {
    struct change_call write;
    Cupola__RestAccount *body;
};

static void handle_get(struct call *call);
static void handle_put_role(struct call *call);
static void handle_revoke(struct call *call);
static void release(struct call *call);

static const struct route routes[] = {
    {"GET", "/cupola/v1/users/:", ACCESS_USER, sizeof(struct account_call), handle_get, release, NULL, NULL},
    {"PUT", "/cupola/v1/users/:/role", ACCESS_ADMIN, sizeof(struct account_call), handle_put_role, release, NULL, NULL},
    {"DELETE", "/cupola/v1/users/:/tokens", ACCESS_USER, sizeof(struct account_call), handle_revoke, release, NULL,
     NULL},
};
const struct route_table cc_account_routes = {routes, sizeof routes / sizeof routes[0]};

static void release(struct call *call)
{
    cupola__rest_account__free_unpacked(container_of(call, struct account_call, write.call)->body, NULL);
}

static bool is_allowed(struct call *call)
{
    if (strcmp(call->arguments[0], call->email) == 0 || call->is_admin)
        return true;
    cc_call_fail(call, ERROR_FORBIDDEN, NULL, NULL);
    return false;
}

static void handle_get(struct call *call)
{
    if (!is_allowed(call))
        return;
    const struct user *user = cc_state_find_user(&call->controller->state, call->arguments[0]);
    if (user == NULL) {
        cc_call_fail(call, ERROR_USER_NOT_FOUND, NULL, NULL);
        return;
    }
    Cupola__RestAccount answer = CUPOLA__REST_ACCOUNT__INIT;
    answer.email = user->value->email;
    answer.role = (char *)(uintptr_t)controller_role_of(call->controller, user->value->email);
    answer.has_created = true;
    answer.created = user->value->created_s;
    answer.has_apps = true;
    answer.apps = (int32_t)user->app_count;
    cc_call_answer(call, 200, &answer.base);
}

static void on_changed(struct change_call *request)
{
    cc_call_answer_nothing(&request->call);
}

static const struct user *find_user(struct change_call *request)
{
    const struct user *user = cc_state_find_user(&request->call.controller->state, request->call.arguments[0]);
    if (user == NULL)
        cc_refusal_set(&request->refusal, ERROR_USER_NOT_FOUND, NULL, NULL);
    return user;
}

static bool prepare_role(struct change *change)
{
    struct change_call *request = container_of(change, struct change_call, change);
    const struct user *user = find_user(request);
    if (user == NULL)
        return false;
    Cupola__JournalUser value = *user->value;
    value.role = container_of(request, struct account_call, write)->body->role;
    cc_change_put_user(change, &value, request->call.email);
    return true;
}

static void handle_put_role(struct call *call)
{
    struct account_call *request = container_of(call, struct account_call, write.call);
    if (!cc_call_read_strictly(call, &cupola__rest_account__descriptor, &request->body))
        return;
    const char *role = request->body->role == NULL ? "" : request->body->role;
    if (strcmp(role, "admin") != 0 && strcmp(role, "developer") != 0 && strcmp(role, "auditor") != 0) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, "role: expected admin, developer or auditor", NULL);
        return;
    }
    cc_change_call_submit(&request->write, prepare_role, on_changed);
}

static bool prepare_revoke(struct change *change)
{
    struct change_call *request = container_of(change, struct change_call, change);
    const struct user *user = find_user(request);
    if (user == NULL)
        return false;
    Cupola__JournalUser value = *user->value;
    value.has_token_generation = true;
    value.token_generation++;
    cc_change_put_user(change, &value, request->call.email);
    return true;
}

static void handle_revoke(struct call *call)
{
    if (is_allowed(call))
        cc_change_call_submit(container_of(call, struct change_call, call), prepare_revoke, on_changed);
}
