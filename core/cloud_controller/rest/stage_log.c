/* GET /cupola/v1/apps/NAME/staging/log: what the stager says or has said. With follow=1 from the beginning of the
 * staging that is pending until it ends; nothing if none is. */
#include "core/cloud_controller/rest/rest.h"

#include "core/cloud_controller/rest/followers.h"
#include "core/cloud_controller/staging/stage_log.h"
#include "core/cloud_controller/staging/staging.h"

#include <stdio.h>
#include <string.h>

struct log_call {
    struct follower follower; /* First. */
    char package_sha1[41];
    uint64_t told;
    bool is_over; /* At the last look: the log's last words may still have been under way then. */
};

static void handle(struct call *call);
static bool pump(struct follower *follower);

static const struct route routes[] = {
    {"GET", "/cupola/v1/apps/:/staging/log", ACCESS_USER, sizeof(struct log_call), handle, NULL, NULL, NULL},
};
const struct route_table cc_stage_log_routes = {routes, sizeof routes / sizeof routes[0]};

static void handle(struct call *call)
{
    struct log_call *request = (struct log_call *)call;
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    const struct stage_log *log = cc_stage_log_find(call->controller, app->id);
    bool is_pending = cc_app_needs_staging(app->value);
    if (!cc_call_follows(call) || !is_pending) {
        struct io_bytes text = {(const uint8_t *)"", 0};
        if (log != NULL && !cc_call_follows(call))
            text = (struct io_bytes){(const uint8_t *)text_string(&log->text), log->text.size};
        cc_call_answer_text(call, 200, text);
        return;
    }
    snprintf(request->package_sha1, sizeof request->package_sha1, "%s", app->value->package_sha1);
    cc_follow(call, app->id, "text/plain; charset=utf-8", pump);
}

static void tell_new(struct log_call *request)
{
    struct follower *follower = &request->follower;
    const struct stage_log *log = cc_stage_log_find(follower->call.controller, follower->app_id);
    if (log == NULL || strcmp(log->package_sha1, request->package_sha1) != 0)
        return;
    uint64_t from = request->told > log->left_out ? request->told - log->left_out : 0;
    if (from < log->text.size)
        cc_follower_tell(follower,
                         (struct io_bytes){(const uint8_t *)text_string(&log->text) + from, log->text.size - from});
    request->told = log->left_out + log->text.size;
}

static bool pump(struct follower *follower)
{
    struct log_call *request = container_of(follower, struct log_call, follower);
    const struct app *app = cc_state_find_app(&follower->call.controller->state, follower->app_id);
    tell_new(request);
    bool was_over = request->is_over;
    request->is_over = app == NULL || !cc_app_needs_staging(app->value) ||
                       strcmp(app->value->package_sha1, request->package_sha1) != 0;
    return !was_over;
}
