/* The bits of apps: packages for their owners, droplets for DEAs, fingerprints of what need not be sent again. */
#include "core/cloud_controller/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* A blob on its way out: whether it is here is asked first, because an answer cannot be taken back. */
struct blob_call {
    struct call call;
    struct op op;
    char digest[41];
    const char *content_type;
};

static void handle_package(struct call *call);
static void handle_droplet(struct call *call);
static void handle_resources(struct call *call);
static void release_blob_call(struct call *call);
static void on_stat(struct op *op, const struct op_result *result);

static const struct route routes[] = {
    {"GET", "/apps/:/application", ACCESS_USER, sizeof(struct blob_call), handle_package, release_blob_call, NULL,
     NULL},
    {"GET", "/staged_droplets/:/:", ACCESS_ANYBODY, sizeof(struct blob_call), handle_droplet, release_blob_call, NULL,
     NULL},
    {"POST", "/resources", ACCESS_USER, sizeof(struct call), handle_resources, NULL, NULL, NULL},
};
const struct route_table cc_bits_routes = {routes, sizeof routes / sizeof routes[0]};

static void release_blob_call(struct call *call)
{
    op_forget(&container_of(call, struct blob_call, call)->op);
}

static void send_blob(struct call *call, const char *digest, const char *content_type)
{
    struct blob_call *request = container_of(call, struct blob_call, call);
    memcpy(request->digest, digest, strnlen(digest, 40));
    request->content_type = content_type;
    op_blob_stat(&call->controller->machine, &request->op, request->digest, on_stat);
}

static void on_stat(struct op *op, const struct op_result *result)
{
    struct blob_call *request = container_of(op, struct blob_call, op);
    if (result->status == IO_OK)
        cc_call_answer_blob(&request->call, request->content_type, request->digest, result->number);
    else
        cc_call_fail(&request->call, ERROR_APP_NOT_FOUND, NULL, NULL);
}

static void handle_package(struct call *call)
{
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    if (app->value->package_sha1 == NULL)
        cc_call_fail(call, ERROR_APP_NOT_FOUND, NULL, NULL);
    else
        send_blob(call, app->value->package_sha1, "application/zip");
}

/* DEAs have no login: knowing the hash of the current droplet is what lets them in, as in v1. */
static void handle_droplet(struct call *call)
{
    const char *id = call->arguments[0];
    char *end = NULL;
    long long number = strtoll(id, &end, 10);
    const struct app *app = *id != '\0' && *end == '\0' ? cc_state_find_app(&call->controller->state, number) : NULL;
    if (app == NULL || app->value->droplet_sha1 == NULL || strcmp(app->value->droplet_sha1, call->arguments[1]) != 0)
        cc_call_fail(call, ERROR_APP_NOT_FOUND, NULL, NULL);
    else
        send_blob(call, app->value->droplet_sha1, "application/octet-stream");
}

/* No pool of files is kept: nothing is known. */
static void handle_resources(struct call *call)
{
    struct text json = {0};
    text_add_string(&json, "[]");
    cc_call_answer_json(call, 200, &json);
}
