/* The bits of apps: packages for their owners, droplets for DEAs. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/blobs/blobs.h"
#include "core/cloud_controller/blobs/downloads.h"

#include <stdlib.h>
#include <string.h>

/* A blob on its way out: whether it is here is asked first, because an answer cannot be taken back. */
struct blob_call {
    struct call call;
    struct blob_need need;
    const char *content_type;
};

static void handle_package(struct call *call);
static void handle_bits(struct call *call);
static void handle_droplet(struct call *call);
static void release_blob_call(struct call *call);
static void on_here(struct blob_need *need, enum io_status status);

static const struct route routes[] = {
    {"GET", "/apps/:/application", ACCESS_USER, sizeof(struct blob_call), handle_package, release_blob_call, NULL,
     NULL},
    {"GET", "/packages/:/:", ACCESS_ANYBODY, sizeof(struct blob_call), handle_bits, release_blob_call, NULL, NULL},
    {"GET", "/staged_droplets/:/:", ACCESS_ANYBODY, sizeof(struct blob_call), handle_droplet, release_blob_call, NULL,
     NULL},
};
const struct route_table cc_bits_routes = {routes, sizeof routes / sizeof routes[0]};

static void release_blob_call(struct call *call)
{
    cc_blob_need_release(&container_of(call, struct blob_call, call)->need);
}

static void send_blob(struct call *call, enum blob_kind kind, const struct app *app, const char *digest)
{
    struct blob_call *request = container_of(call, struct blob_call, call);
    request->content_type = kind == BLOB_PACKAGE ? "application/zip" : "application/octet-stream";
    cc_blob_need(call->controller, &request->need, kind, app, digest, on_here);
}

static void on_here(struct blob_need *need, enum io_status status)
{
    struct blob_call *request = container_of(need, struct blob_call, need);
    if (status == IO_OK)
        cc_call_answer_blob(&request->call, request->content_type, need->digest, need->bytes);
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
        send_blob(call, BLOB_PACKAGE, app, app->value->package_sha1);
}

static const struct app *find_by_hash(const struct call *call, enum blob_kind kind)
{
    const char *id = call->arguments[0];
    char *end = NULL;
    long long number = strtoll(id, &end, 10);
    const struct app *app = *end == '\0' ? cc_state_find_app(&call->controller->state, number) : NULL;
    if (app == NULL)
        return NULL;
    const char *holder;
    return cc_blob_find(app, kind, call->arguments[1], &holder) ? app : NULL;
}

static void send_by_hash(struct call *call, enum blob_kind kind)
{
    const struct app *app = find_by_hash(call, kind);
    if (app != NULL && !cc_download_check(call->controller, call->exchange->path, call->exchange->head.query))
        cc_call_fail(call, ERROR_FORBIDDEN, NULL, NULL);
    else if (app == NULL)
        cc_call_fail(call, ERROR_APP_NOT_FOUND, NULL, NULL);
    else
        send_blob(call, kind, app, call->arguments[1]);
}

static void handle_bits(struct call *call)
{
    send_by_hash(call, BLOB_PACKAGE);
}

static void handle_droplet(struct call *call)
{
    send_by_hash(call, BLOB_DROPLET);
}
