/* PUT /apps/NAME/application: the zipped bits stream into a blob, and become the app's package.
 *
 * v1 clients send a POST whose form says `_method=put`. The form is multipart with the file, or, if we have every file
 * already (resources.c), urlencoded without one. What was sent and what we have are made into one package; nothing
 * that is not sound gets so far.
 */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/blobs/collector.h"
#include "core/cloud_controller/blobs/resources.h"
#include "core/http/multipart.h"

#include <string.h>

enum { MAX_FORM_SIZE = 3 * MAX_RESOURCES_SIZE }; /* Each byte may be written as three. */

enum upload_part { PART_NONE = 0, PART_METHOD, PART_FILE, PART_RESOURCES, PART_OTHER };

struct upload_call {
    struct call call;
    struct multipart multipart;
    bool is_multipart;
    enum upload_part part; /* The one that is coming in. */
    struct text method;
    struct text resources;
    struct resources pooled; /* Points into `resources`. */
    struct text form;        /* The whole body, if it is urlencoded. */
    struct io_blob blob;
    bool has_blob; /* Begun, and neither committed nor discarded. */
    bool holds;    /* The collector. */
    uint64_t file_bytes;
    struct op op;
    struct change change;
    char upload_sha1[41]; /* Stored for as long as the package is being made. */
    char package_sha1[41];
    uint64_t package_bytes;
    struct refusal refusal;
};

static void begin(struct call *call);
static void take(struct call *call, const uint8_t *bytes, size_t size);
static void finish(struct call *call);
static void release(struct call *call);
static void on_part(struct multipart *multipart, const struct multipart_part *part);
static void on_data(struct multipart *multipart, const uint8_t *bytes, size_t size);
static void on_part_end(struct multipart *multipart);
static bool read_form(struct upload_call *request);
static void on_committed(struct op *op, const struct op_result *result);
static void on_assembled(struct op *op, const struct op_result *result);
static bool prepare(struct change *change);
static void on_recorded(struct change *change, enum change_outcome outcome);

static const struct route routes[] = {
    {"POST", "/apps/:/application", ACCESS_USER, sizeof(struct upload_call), finish, release, begin, take},
    {"PUT", "/apps/:/application", ACCESS_USER, sizeof(struct upload_call), finish, release, begin, take},
};
const struct route_table cc_upload_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct multipart_handlers multipart_handlers = {
    .on_part = on_part, .on_data = on_data, .on_part_end = on_part_end};

static void release(struct call *call)
{
    struct upload_call *request = container_of(call, struct upload_call, call);
    if (request->has_blob && !call->controller->is_destroyed)
        blob_discard(&call->controller->machine, request->blob);
    if (request->holds)
        cc_collector_release(call->controller);
    struct blob_refs *refs = &call->controller->state.refs;
    if (request->upload_sha1[0] != '\0')
        cc_refs_give_up(refs, request->upload_sha1, call->controller->machine.now_ns);
    if (request->package_sha1[0] != '\0') /* Stored for nothing, if no app has come to refer to it. */
        cc_refs_give_up(refs, request->package_sha1, call->controller->machine.now_ns);
    op_forget(&request->op);
    multipart_free(&request->multipart);
    cc_resources_free(&request->pooled);
    text_free(&request->method);
    text_free(&request->resources);
    text_free(&request->form);
}

/* ---- The body comes ---- */

static bool begins_with(struct http_text text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text.size >= size && http_text_is((struct http_text){text.data, size}, prefix);
}

static void begin(struct call *call)
{
    struct upload_call *request = container_of(call, struct upload_call, call);
    const struct http_head *head = &call->exchange->head;
    if (head->body == HTTP_BODY_LENGTH && head->content_length > call->controller->config->max_upload_bytes) {
        cc_call_fail(call, ERROR_PACKAGING, "too large", NULL);
        return;
    }
    const struct http_header *header = http_find(head, "Content-Type");
    struct http_text type = header == NULL ? (struct http_text){"", 0} : header->value;
    cc_collector_hold(call->controller);
    request->holds = true;
    request->is_multipart = !begins_with(type, "application/x-www-form-urlencoded");
    if (request->is_multipart && !multipart_begin(&request->multipart, &multipart_handlers, type))
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, request->multipart.error, NULL);
}

static void take(struct call *call, const uint8_t *bytes, size_t size)
{
    struct upload_call *request = container_of(call, struct upload_call, call);
    if (!request->is_multipart) {
        text_add(&request->form, bytes, size);
        if (request->form.size > MAX_FORM_SIZE) {
            cc_call_fail(call, ERROR_BAD_REQUEST_AT, "the form is too large", NULL);
            return;
        }
    } else if (!multipart_feed(&request->multipart, bytes, size)) {
        if (request->refusal.error == ERROR_NONE)
            cc_refusal_set(&request->refusal, ERROR_BAD_REQUEST_AT, request->multipart.error, NULL);
        cc_call_refuse(call, &request->refusal);
        return;
    }
    http_exchange_read(call->exchange);
}

static void on_part(struct multipart *multipart, const struct multipart_part *part)
{
    struct upload_call *request = container_of(multipart, struct upload_call, multipart);
    request->part = PART_OTHER;
    if (strcmp(part->name, "_method") == 0) {
        request->part = PART_METHOD;
        text_clear(&request->method);
    } else if (strcmp(part->name, "resources") == 0) {
        request->part = PART_RESOURCES;
        text_clear(&request->resources);
    } else if (strcmp(part->name, "application") == 0) {
        if (request->has_blob) {
            multipart_fail(multipart, "application: given twice");
            return;
        }
        request->part = PART_FILE;
        request->blob = blob_open(&request->call.controller->machine);
        request->has_blob = true;
    }
}

static void add_to_field(struct upload_call *request, struct text *field, const uint8_t *bytes, size_t size)
{
    if (size > MAX_RESOURCES_SIZE - field->size)
        multipart_fail(&request->multipart, "a field is too large");
    else
        text_add(field, bytes, size);
}

static void add_to_file(struct upload_call *request, const uint8_t *bytes, size_t size)
{
    request->file_bytes += size;
    if (request->file_bytes > request->call.controller->config->max_upload_bytes) {
        cc_refusal_set(&request->refusal, ERROR_PACKAGING, "too large", NULL);
        multipart_fail(&request->multipart, "application: too large");
        return;
    }
    blob_write(&request->call.controller->machine, request->blob, slice_copy(bytes, size));
}

static void on_data(struct multipart *multipart, const uint8_t *bytes, size_t size)
{
    struct upload_call *request = container_of(multipart, struct upload_call, multipart);
    switch (request->part) {
    case PART_METHOD:
        add_to_field(request, &request->method, bytes, size);
        break;
    case PART_RESOURCES:
        add_to_field(request, &request->resources, bytes, size);
        break;
    case PART_FILE:
        if (size > 0)
            add_to_file(request, bytes, size);
        break;
    case PART_OTHER:
    case PART_NONE:
        break;
    }
}

static void on_part_end(struct multipart *multipart)
{
    container_of(multipart, struct upload_call, multipart)->part = PART_NONE;
}

/* ---- The body is whole ---- */

static bool is_put(const struct upload_call *request)
{
    return strcmp(request->call.route->method, "PUT") == 0 || strcmp(text_string(&request->method), "put") == 0 ||
           strcmp(text_string(&request->method), "PUT") == 0;
}

static struct io_bytes resources_of(const struct upload_call *request)
{
    return (struct io_bytes){(const uint8_t *)text_string(&request->resources), request->resources.size};
}

static void assemble(struct upload_call *request)
{
    op_assemble(&request->call.controller->machine, &request->op, request->upload_sha1,
                text_string(&request->pooled.lines), on_assembled);
}

/* Neither a file nor names of files: what the app has is what it should have. */
static void finish_empty(struct upload_call *request)
{
    struct call *call = &request->call;
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app != NULL && app->value->package_sha1 == NULL)
        cc_call_fail(call, ERROR_PACKAGING, "no files", NULL);
    else if (app != NULL)
        cc_call_answer_blank(call);
}

static void finish(struct call *call)
{
    struct upload_call *request = container_of(call, struct upload_call, call);
    if (cc_call_find_app(call, call->arguments[0]) == NULL)
        return;
    if (request->is_multipart ? !multipart_end(&request->multipart) : !read_form(request)) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT,
                     request->is_multipart ? request->multipart.error : "the form is malformed", NULL);
    } else if (!is_put(request)) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, "_method: expected put", NULL);
    } else if (!cc_resources_read_given(&request->pooled, resources_of(request), &request->refusal)) {
        cc_call_refuse(call, &request->refusal);
    } else if (request->has_blob) {
        request->has_blob = false;
        op_blob_commit(&call->controller->machine, &request->op, request->blob, on_committed);
    } else if (request->pooled.count > 0) {
        assemble(request);
    } else {
        finish_empty(request);
    }
}

/* name=value&name=value, with + for a blank (the URL standard's form encoding). */
static bool read_form(struct upload_call *request)
{
    char *bytes = (char *)(uintptr_t)text_string(&request->form);
    for (size_t i = 0; i < request->form.size; i++)
        if (bytes[i] == '+')
            bytes[i] = ' ';
    const char *end = bytes + request->form.size;
    while (bytes < end) {
        const char *stop = memchr(bytes, '&', (size_t)(end - bytes));
        if (stop == NULL)
            stop = end;
        const char *equals = memchr(bytes, '=', (size_t)(stop - bytes));
        if (equals != NULL) {
            struct http_text name = {bytes, (size_t)(equals - bytes)};
            struct http_text value = {equals + 1, (size_t)(stop - equals - 1)};
            if (http_text_equals(name, "_method") && !uri_decode(&request->method, value))
                return false;
            if (http_text_equals(name, "resources") && !uri_decode(&request->resources, value))
                return false;
        }
        bytes = (char *)(uintptr_t)stop + 1;
    }
    return true;
}

/* ---- The package ---- */

static void on_committed(struct op *op, const struct op_result *result)
{
    struct upload_call *request = container_of(op, struct upload_call, op);
    struct call *call = &request->call;
    if (result->status != IO_OK || result->data.size != 40) {
        machine_log(&call->controller->machine, LOG_ERROR, "cannot store what was uploaded: %s",
                    io_status_name(result->status));
        cc_call_fail(call, ERROR_PACKAGING, "cannot store it", NULL);
        return;
    }
    memcpy(request->upload_sha1, result->data.data, 40);
    assemble(request);
}

/* What is wrong with the upload is told to whoever sent it, the rest to our own log. */
static void fail_to_assemble(struct upload_call *request, const struct op_result *result)
{
    struct controller *controller = request->call.controller;
    struct text why = {0};
    if (result->status == IO_NOT_FOUND)
        text_add_string(&why, "resources names a file that is not kept here; upload it: ");
    if (result->status == IO_NOT_FOUND || result->status == IO_INVALID || result->status == IO_FULL)
        text_add(&why, result->data.data, result->data.size);
    else
        text_add_string(&why, "cannot store it");
    if (result->status != IO_NOT_FOUND && result->status != IO_INVALID)
        machine_log(&controller->machine, LOG_ERROR, "cannot make a package: %s: %.*s", io_status_name(result->status),
                    (int)result->data.size, (const char *)result->data.data);
    cc_call_fail(&request->call, ERROR_PACKAGING, text_string(&why), NULL);
    text_free(&why);
}

static void on_assembled(struct op *op, const struct op_result *result)
{
    struct upload_call *request = container_of(op, struct upload_call, op);
    struct call *call = &request->call;
    if (result->status != IO_OK || result->data.size != 40) {
        fail_to_assemble(request, result);
        return;
    }
    memcpy(request->package_sha1, result->data.data, 40);
    request->package_bytes = result->number;
    request->change.prepare = prepare;
    request->change.done = on_recorded;
    cc_journal_submit(call->controller, &request->change);
}

static bool prepare(struct change *change)
{
    struct upload_call *request = container_of(change, struct upload_call, change);
    const struct app *app =
        cc_state_find_app_for(&change->controller->state, request->call.email, request->call.arguments[0]);
    if (app == NULL) {
        cc_refusal_set(&request->refusal, ERROR_APP_NOT_FOUND, NULL, NULL);
        return false;
    }
    Cupola__JournalApp value = *app->value;
    bool same = value.package_sha1 != NULL && strcmp(value.package_sha1, request->package_sha1) == 0;
    if (!same) {
        value.has_package_state = value.has_package_bytes = true;
        value.package_state = CUPOLA__PACKAGE_STATE__PACKAGE_PENDING;
        value.package_sha1 = request->package_sha1;
        value.package_bytes = request->package_bytes;
        value.package_holder = (char *)(uintptr_t)controller_address(change->controller);
        value.staging_log = NULL;
    }
    cc_change_write_app(change, CUPOLA__APP_CHANGE_KIND__APP_PACKAGE_SET, app->value, &value, request->call.email);
    return true;
}

static void on_recorded(struct change *change, enum change_outcome outcome)
{
    struct upload_call *request = container_of(change, struct upload_call, change);
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(&request->call, outcome, &request->refusal);
        return;
    }
    cc_follow_up(change->controller, &change->difference);
    cc_call_answer_blank(&request->call);
}
