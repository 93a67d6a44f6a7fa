/* POST /resources: a client tells what files it has, and learns which of them it need not send. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/memory.h"
#include "core/cloud_controller/blobs/resources.h"

struct resources_call {
    struct call call;
    struct text body;
    struct resources resources;
    struct op op;
};

static void begin(struct call *call);
static void take(struct call *call, const uint8_t *bytes, size_t size);
static void handle(struct call *call);
static void release(struct call *call);
static void on_found(struct op *op, const struct op_result *result);

static const struct route routes[] = {
    {"POST", "/resources", ACCESS_USER, sizeof(struct resources_call), handle, release, begin, take},
};
const struct route_table cc_resource_routes = {routes, sizeof routes / sizeof routes[0]};

static void release(struct call *call)
{
    struct resources_call *request = container_of(call, struct resources_call, call);
    op_forget(&request->op);
    cc_resources_free(&request->resources);
    text_free(&request->body);
}

/* Lists of many files are longer than other bodies may be. */
static void begin(struct call *call)
{
    const struct http_head *head = &call->exchange->head;
    if (head->body == HTTP_BODY_LENGTH && head->content_length > MAX_RESOURCES_SIZE)
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, "too many files", NULL);
}

static void take(struct call *call, const uint8_t *bytes, size_t size)
{
    struct resources_call *request = container_of(call, struct resources_call, call);
    if (size > MAX_RESOURCES_SIZE - request->body.size) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, "too many files", NULL);
        return;
    }
    text_add(&request->body, bytes, size);
    http_exchange_read(call->exchange);
}

static void handle(struct call *call)
{
    struct resources_call *request = container_of(call, struct resources_call, call);
    cc_resources_read_wanted(&request->resources,
                             (struct io_bytes){(const uint8_t *)text_string(&request->body), request->body.size});
    op_pool_find(&call->controller->machine, &request->op, text_string(&request->resources.lines), on_found);
}

/* A pool that does not answer has nothing: then everything is sent. */
static void on_found(struct op *op, const struct op_result *result)
{
    struct resources_call *request = container_of(op, struct resources_call, op);
    struct text json = {0};
    struct io_bytes found = result->status == IO_OK ? result->data : (struct io_bytes){0};
    cc_resources_write_found(&request->resources, found, &json);
    cc_call_answer_json(&request->call, 200, &json);
}
