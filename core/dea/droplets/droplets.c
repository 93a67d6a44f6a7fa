#include "core/dea/droplets/droplets.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/dea/dea.h"
#include "core/dea/droplets/address.h"

#include <string.h>

enum { DIGEST_SIZE = 41, FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 5000 };

enum droplet_state {
    DROPLET_LOOKING = 1, /* The driver is asked whether it is here already. */
    DROPLET_DOWNLOADING,
    DROPLET_PAUSED, /* Before the next attempt, or before telling those who wait (attempts used up). */
    DROPLET_HERE,
};

struct droplet {
    struct droplets *droplets;
    char digest[DIGEST_SIZE];
    enum droplet_state state;
    uint64_t size; /* While HERE. */
    char *uri;     /* Of the order that asked last. */
    uint32_t attempts;
    uint64_t pause_ms;
    const char *why;          /* The last attempt failed. Static. */
    struct instance *waiting; /* In no order that matters: all are told in one step. */
    struct op op;
    struct http_call call;
    struct timer timer;
    struct op delete_op;
    UT_hash_handle hh;
};

static void begin_download(struct droplet *droplet);

void dea_droplets_open(struct droplets *droplets, struct dea *dea)
{
    droplets->dea = dea;
}

static struct droplet *new_droplet(struct droplets *droplets, const char *digest)
{
    struct droplet *droplet = memory_new(sizeof *droplet);
    droplet->droplets = droplets;
    droplet->pause_ms = FIRST_PAUSE_MS;
    memcpy(droplet->digest, digest, DIGEST_SIZE);
    return droplet;
}

static void free_droplet(struct droplet *droplet)
{
    op_forget(&droplet->op);
    timer_cancel(&droplet->droplets->dea->machine, &droplet->timer);
    if (droplet->call.handlers != NULL)
        http_call_release(&droplet->call);
    HASH_DELETE(hh, droplet->droplets->by_digest, droplet);
    memory_free(droplet->uri);
    memory_free(droplet);
}

void dea_droplets_destroy(struct droplets *droplets)
{
    struct droplet *droplet, *next;
    HASH_ITER (hh, droplets->by_digest, droplet, next) {
        free_droplet(droplet);
    }
}

/* ---- Those who wait ---- */

static void add_waiting(struct droplet *droplet, struct instance *instance)
{
    assert_that(instance->next_waiting == NULL);
    struct instance **end = &droplet->waiting;
    while (*end != NULL)
        end = &(*end)->next_waiting;
    *end = instance;
}

static void tell_here(struct droplet *droplet)
{
    while (droplet->waiting != NULL) {
        struct instance *instance = droplet->waiting;
        droplet->waiting = instance->next_waiting;
        instance->next_waiting = NULL;
        dea_start_on_droplet(instance);
    }
}

static void give_up(struct droplet *droplet)
{
    struct instance *instance = droplet->waiting;
    const char *why = droplet->why;
    droplet->waiting = NULL;
    free_droplet(droplet);
    while (instance != NULL) {
        struct instance *next = instance->next_waiting;
        instance->next_waiting = NULL;
        dea_start_give_up(instance, why);
        instance = next;
    }
}

void dea_droplets_unwant(struct droplets *droplets, struct instance *instance)
{
    struct droplet *droplet = NULL;
    HASH_FIND_STR(droplets->by_digest, instance->order->sha1, droplet);
    if (droplet == NULL)
        return;
    for (struct instance **at = &droplet->waiting; *at != NULL; at = &(*at)->next_waiting) {
        if (*at == instance) {
            *at = instance->next_waiting;
            instance->next_waiting = NULL;
            return; /* The download goes on: what is half here is worth having whole. */
        }
    }
}

/* ---- The cache ---- */

static bool is_used(const struct droplets *droplets, const struct droplet *droplet)
{
    if (droplet->state != DROPLET_HERE || droplet->waiting != NULL)
        return true;
    const struct instance *instance, *next;
    HASH_ITER (hh, droplets->dea->instances, instance, next) {
        if (dea_instance_is_live(instance) && strcmp(instance->order->sha1, droplet->digest) == 0)
            return true;
    }
    return false;
}

static void on_deleted(struct op *op, const struct op_result *result)
{
    (void)result;
    memory_free(op);
}

void dea_droplets_delete_blob(struct dea *dea, const char *digest)
{
    struct op *op = memory_new(sizeof *op);
    op_blob_delete(&dea->machine, op, digest, on_deleted);
}

static void evict_unused(struct droplets *droplets)
{
    uint64_t most_bytes = (uint64_t)droplets->dea->config->droplet_cache_mb << 20;
    struct droplet *droplet, *next;
    HASH_ITER (hh, droplets->by_digest, droplet, next) {
        if (droplets->stored_bytes <= most_bytes)
            return;
        if (is_used(droplets, droplet))
            continue;
        droplets->stored_bytes -= droplet->size;
        dea_droplets_delete_blob(droplets->dea, droplet->digest);
        free_droplet(droplet);
    }
}

static void become_here(struct droplet *droplet, uint64_t size)
{
    struct droplets *droplets = droplet->droplets;
    droplet->state = DROPLET_HERE;
    droplet->size = size;
    droplet->attempts = 0;
    droplets->stored_bytes += size;
    tell_here(droplet);
    evict_unused(droplets);
}

/* ---- Downloads ---- */

static void on_pause_over(struct timer *timer)
{
    begin_download(container_of(timer, struct droplet, timer));
}

static void on_told_later(struct timer *timer)
{
    give_up(container_of(timer, struct droplet, timer));
}

static void fail_attempt(struct droplet *droplet, const char *why)
{
    struct dea *dea = droplet->droplets->dea;
    droplet->state = DROPLET_PAUSED;
    droplet->why = why;
    if (droplet->waiting == NULL || droplet->attempts >= dea->config->download_attempts) {
        timer_set(&dea->machine, &droplet->timer, 0, on_told_later);
        return;
    }
    uint64_t pause_ns = droplet->pause_ms * NS_PER_MS;
    machine_log(&dea->machine, LOG_WARNING, "droplet %s: %s; trying again", droplet->digest, why);
    timer_set(&dea->machine, &droplet->timer, pause_ns + dea_jitter_ns(dea, pause_ns / 2), on_pause_over);
    droplet->pause_ms = droplet->pause_ms * 2 < LONGEST_PAUSE_MS ? droplet->pause_ms * 2 : LONGEST_PAUSE_MS;
}

static void on_response(struct http_call *call, const struct http_head *head)
{
    if (head->status == 200)
        http_call_receive_blob(call);
}

static void on_download_done(struct http_call *call, enum io_status status)
{
    struct droplet *droplet = container_of(call, struct droplet, call);
    if (status != IO_OK) {
        fail_attempt(droplet, call->reason != NULL ? call->reason : io_status_name(status));
    } else if (call->status != 200) {
        fail_attempt(droplet, "the controller does not have it");
    } else if (strcmp(call->blob_digest, droplet->digest) != 0) {
        dea_droplets_delete_blob(droplet->droplets->dea, call->blob_digest);
        fail_attempt(droplet, "what came has another digest");
    } else {
        become_here(droplet, call->blob_size);
    }
}

void dea_droplets_cancel(struct droplets *droplets)
{
    struct droplet *droplet, *next;
    HASH_ITER (hh, droplets->by_digest, droplet, next) {
        http_call_cancel(&droplet->call);
    }
}

static void begin_download(struct droplet *droplet)
{
    static const struct http_call_handlers handlers = {.on_response = on_response, .on_done = on_download_done};
    struct dea *dea = droplet->droplets->dea;
    char host[256];
    struct http_request request = {
        .host = host,
        .method = "GET",
        .headers = "",
        .timeout_ns = dea->config->download_timeout_ms * NS_PER_MS,
        .max_body_bytes = 4096, /* Of an error that nobody reads. */
    };
    droplet->attempts++;
    if (!dea_address_split(droplet->uri, host, sizeof host, &request.port, &request.target)) {
        droplet->attempts = dea->config->download_attempts;
        fail_attempt(droplet, "executableUri is not http://host:port/path");
        return;
    }
    droplet->state = DROPLET_DOWNLOADING;
    http_call_start(&dea->machine, &droplet->call, &request, &handlers);
}

static void on_looked(struct op *op, const struct op_result *result)
{
    struct droplet *droplet = container_of(op, struct droplet, op);
    if (result->status == IO_OK)
        become_here(droplet, result->number);
    else
        begin_download(droplet);
}

static void look(struct droplet *droplet)
{
    droplet->state = DROPLET_LOOKING;
    op_blob_stat(&droplet->droplets->dea->machine, &droplet->op, droplet->digest, on_looked);
}

void dea_droplets_keep(struct droplets *droplets, const char *digest, uint64_t size)
{
    struct droplet *droplet = NULL;
    HASH_FIND_STR(droplets->by_digest, digest, droplet);
    if (droplet != NULL)
        return; /* Whoever asked for it finds it, or fetches the same. */
    droplet = new_droplet(droplets, digest);
    HASH_ADD_STR(droplets->by_digest, digest, droplet);
    become_here(droplet, size);
}

void dea_droplets_distrust(struct droplets *droplets, const char *digest)
{
    struct droplet *droplet = NULL;
    HASH_FIND_STR(droplets->by_digest, digest, droplet);
    if (droplet == NULL || droplet->state != DROPLET_HERE)
        return;
    droplets->stored_bytes -= droplet->size;
    dea_droplets_delete_blob(droplets->dea, digest);
    timer_cancel(&droplets->dea->machine, &droplet->timer);
    if (droplet->waiting == NULL)
        free_droplet(droplet);
    else
        look(droplet);
}

static void on_wanted_here(struct timer *timer)
{
    tell_here(container_of(timer, struct droplet, timer));
}

void dea_droplets_want(struct droplets *droplets, struct instance *instance)
{
    struct droplet *droplet = NULL;
    const char *digest = instance->order->sha1;
    assert_that(strlen(digest) == DIGEST_SIZE - 1);
    HASH_FIND_STR(droplets->by_digest, digest, droplet);
    bool is_new = droplet == NULL;
    if (is_new) {
        droplet = new_droplet(droplets, digest);
    } else {
        HASH_DELETE(hh, droplets->by_digest, droplet); /* To the young end. */
    }
    HASH_ADD_STR(droplets->by_digest, digest, droplet);
    memory_free(droplet->uri);
    droplet->uri = memory_copy_text(instance->order->executableuri);
    add_waiting(droplet, instance);
    if (is_new)
        look(droplet);
    else if (droplet->state == DROPLET_HERE)
        timer_set(&droplets->dea->machine, &droplet->timer, 0, on_wanted_here);
}
