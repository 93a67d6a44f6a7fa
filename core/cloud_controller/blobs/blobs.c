#include "core/cloud_controller/blobs/blobs.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/blobs/downloads.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ERROR_BYTES = 4096 };
static const uint64_t fetch_timeout_ns = 60 * NS_PER_S;

static void on_stat(struct op *op, const struct op_result *result);
static void on_response(struct http_call *call, const struct http_head *head);
static void on_fetched(struct http_call *call, enum io_status status);

static const struct http_call_handlers handlers = {.on_response = on_response, .on_done = on_fetched};

static bool is_digest(const char *known, const char *asked)
{
    return known != NULL && strcmp(known, asked) == 0;
}

static bool is_droplet_of(const Cupola__JournalRun *run, const char *digest, const char **ret_holder)
{
    if (run == NULL || !is_digest(run->droplet_sha1, digest))
        return false;
    *ret_holder = run->droplet_holder;
    return true;
}

bool cc_blob_find(const struct app *app, enum blob_kind kind, const char *digest, const char **ret_holder)
{
    const Cupola__JournalApp *value = app->value;
    if (kind == BLOB_PACKAGE) {
        *ret_holder = value->package_holder;
        return is_digest(value->package_sha1, digest);
    }
    *ret_holder = value->droplet_holder;
    bool is_found = is_digest(value->droplet_sha1, digest) || is_droplet_of(value->next, digest, ret_holder) ||
                    (value->update != NULL && is_droplet_of(value->update->other, digest, ret_holder));
    for (size_t i = 0; i < value->n_revisions && !is_found; i++)
        is_found = is_droplet_of(value->revisions[i], digest, ret_holder);
    return is_found;
}

void cc_blob_need(struct controller *controller, struct blob_need *need, enum blob_kind kind, const struct app *app,
                  const char *digest, void (*done)(struct blob_need *need, enum io_status status))
{
    const char *holder = NULL;
    bool is_known = cc_blob_find(app, kind, digest, &holder);
    assert_that(is_known);
    need->controller = controller;
    need->done = done;
    memcpy(need->digest, digest, strnlen(digest, sizeof need->digest - 1));
    text_clear(&need->holder);
    text_clear(&need->path);
    if (holder != NULL && strcmp(holder, controller_address(controller)) != 0)
        text_add_string(&need->holder, holder);
    text_addf(&need->path, "/%s/%lld/%s", kind == BLOB_PACKAGE ? "packages" : "staged_droplets", (long long)app->id,
              need->digest);
    char *path = memory_copy_text(text_string(&need->path));
    cc_download_sign(controller, path, &need->path);
    memory_free(path);
    op_blob_stat(&controller->machine, &need->op, need->digest, on_stat);
}

void cc_blob_need_release(struct blob_need *need)
{
    op_forget(&need->op);
    http_call_release(&need->fetch);
    text_free(&need->holder);
    text_free(&need->path);
}

/* `done` may free the need. */
static void finish(struct blob_need *need, enum io_status status)
{
    text_free(&need->holder);
    text_free(&need->path);
    http_call_release(&need->fetch);
    need->done(need, status);
}

static void fetch(struct blob_need *need)
{
    char *host = memory_copy_text(text_string(&need->holder));
    char *colon = strrchr(host, ':');
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, NULL, 10);
    if (port == 0 || port > UINT16_MAX) {
        memory_free(host);
        finish(need, IO_NOT_FOUND);
        return;
    }
    *colon = '\0';
    struct http_request request = {
        .host = host,
        .port = (uint16_t)port,
        .method = "GET",
        .target = text_string(&need->path),
        .headers = "",
        .timeout_ns = fetch_timeout_ns,
        .max_body_bytes = MAX_ERROR_BYTES,
    };
    http_call_start(&need->controller->machine, &need->fetch, &request, &handlers);
    memory_free(host);
}

static void on_stat(struct op *op, const struct op_result *result)
{
    struct blob_need *need = container_of(op, struct blob_need, op);
    need->bytes = result->number;
    if (result->status == IO_NOT_FOUND && need->holder.size > 0)
        fetch(need);
    else
        finish(need, result->status);
}

static void on_response(struct http_call *call, const struct http_head *head)
{
    const struct blob_need *need = container_of(call, struct blob_need, fetch);
    bool is_sound = head->status == 200 && head->body == HTTP_BODY_LENGTH &&
                    head->content_length <= need->controller->config->max_upload_bytes * 4;
    if (is_sound)
        http_call_receive_blob(call);
}

static void on_fetched(struct http_call *call, enum io_status status)
{
    struct blob_need *need = container_of(call, struct blob_need, fetch);
    if (status == IO_OK && call->status != 200)
        status = IO_NOT_FOUND;
    if (status == IO_OK && strcmp(call->blob_digest, need->digest) != 0)
        status = IO_CORRUPT;
    need->bytes = call->blob_size;
    finish(need, status);
}
