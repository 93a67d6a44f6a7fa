/* PUT /staged_droplets/APP/ORDER: a DEA hands over the droplet that it was ordered to make (stage_order.h), at an
 * address that we have signed for that one order. */
#include "core/cloud_controller/rest/rest.h"

#include "core/cloud_controller/blobs/collector.h"
#include "core/cloud_controller/blobs/downloads.h"
#include "core/cloud_controller/staging/stage_order.h"

#include <stdlib.h>
#include <string.h>

enum { DROPLET_PER_UPLOAD = 4 }; /* A droplet may be so many times larger than what may be uploaded. */

struct staged_call {
    struct call call;
    struct io_blob blob;
    bool has_blob; /* Begun, and neither committed nor discarded. */
    bool holds;    /* The collector. */
    struct op op;
};

static void begin(struct call *call);
static void take(struct call *call, const uint8_t *bytes, size_t size);
static void finish(struct call *call);
static void release(struct call *call);
static void on_committed(struct op *op, const struct op_result *result);

static const struct route routes[] = {
    {"PUT", "/staged_droplets/:/:", ACCESS_ANYBODY, sizeof(struct staged_call), finish, release, begin, take},
};
const struct route_table cc_staged_routes = {routes, sizeof routes / sizeof routes[0]};

static void release(struct call *call)
{
    struct staged_call *request = container_of(call, struct staged_call, call);
    if (request->has_blob && !call->controller->is_destroyed)
        blob_discard(&call->controller->machine, request->blob);
    if (request->holds)
        cc_collector_release(call->controller);
    op_forget(&request->op);
}

static struct stage_order *find_order(const struct call *call)
{
    char *end = NULL;
    long long app_id = strtoll(call->arguments[0], &end, 10);
    return *end == '\0' ? cc_stage_order_find(call->controller, app_id, call->arguments[1]) : NULL;
}

static uint64_t most_bytes(const struct call *call)
{
    return call->controller->config->max_upload_bytes * DROPLET_PER_UPLOAD;
}

static void begin(struct call *call)
{
    struct staged_call *request = container_of(call, struct staged_call, call);
    const struct http_head *head = &call->exchange->head;
    if (!cc_download_check(call->controller, call->exchange->path, head->query)) {
        cc_call_fail(call, ERROR_FORBIDDEN, NULL, NULL);
        return;
    }
    if (find_order(call) == NULL) {
        cc_call_fail(call, ERROR_APP_NOT_FOUND, NULL, NULL);
        return;
    }
    if (head->body != HTTP_BODY_LENGTH || head->content_length > most_bytes(call)) {
        cc_call_fail(call, ERROR_PACKAGING, "too large", NULL);
        return;
    }
    cc_collector_hold(call->controller);
    request->holds = true;
    request->blob = blob_open(&call->controller->machine);
    request->has_blob = true;
}

static void take(struct call *call, const uint8_t *bytes, size_t size)
{
    struct staged_call *request = container_of(call, struct staged_call, call);
    blob_write(&call->controller->machine, request->blob, slice_copy(bytes, size));
    http_exchange_read(call->exchange);
}

static void finish(struct call *call)
{
    struct staged_call *request = container_of(call, struct staged_call, call);
    request->has_blob = false;
    op_blob_commit(&call->controller->machine, &request->op, request->blob, on_committed);
}

/* The order may have been given up meanwhile: then nobody will refer to the droplet. */
static void on_committed(struct op *op, const struct op_result *result)
{
    struct staged_call *request = container_of(op, struct staged_call, op);
    struct call *call = &request->call;
    struct controller *controller = call->controller;
    char digest[41] = "";
    if (result->status != IO_OK || result->data.size != sizeof digest - 1) {
        machine_log(&controller->machine, LOG_ERROR, "cannot store a droplet: %s", io_status_name(result->status));
        cc_call_fail(call, ERROR_PACKAGING, "cannot store it", NULL);
        return;
    }
    memcpy(digest, result->data.data, sizeof digest - 1);
    struct stage_order *order = find_order(call);
    if (order == NULL) {
        cc_refs_give_up(&controller->state.refs, digest, controller->machine.now_ns);
        cc_call_fail(call, ERROR_APP_NOT_FOUND, NULL, NULL);
        return;
    }
    cc_stage_order_take(order, digest, result->number);
    cc_call_answer_blank(call);
}
