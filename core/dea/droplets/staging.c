#include "core/dea/droplets/staging.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/dea/dea.h"
#include "core/dea/droplets/address.h"
#include "core/wire/message.h"

#include <string.h>

enum {
    DIGEST_SIZE = 41,
    TASK_ID_SIZE = 33,
    MAX_LOG = 4096, /* Its end is what tells. */
    MAX_ATTEMPTS = 3,
    RETRY_MS = 250,
    WORD_MS = 1000,       /* Between two words that it goes on. */
    OUTPUT_MS = 100,      /* Between two messages with what the stager says, */
    OUTPUT_PIECE = 32768, /* each so long at most, */
    OUTPUT_MOST = 65536,  /* and all that is said meanwhile. */
};
static const uint64_t default_deadline_ns = 900 * NS_PER_S;

enum task_state { TASK_FETCHING = 1, TASK_STAGING, TASK_SENDING };

struct stage_task {
    struct dea *dea;
    enum task_state state;
    Cupola__DeaStage *order;
    char *reply;
    bool is_told; /* The last word: what is still under way ends unheard. */
    uint32_t attempts;
    uint32_t memory_mb;
    bool has_package;
    char droplet[DIGEST_SIZE];
    uint64_t droplet_bytes;
    struct op op;
    struct http_call call;
    struct timer retry;
    struct timer word;
    struct timer output;
    struct text said; /* By the stager; not told yet. */
    uint64_t unsaid;  /* Bytes behind it that were too many. */
    struct timer deadline;
    struct stage_task *next;
};

static void begin_fetch(struct stage_task *task);
static void begin_send(struct stage_task *task);

/* ---- What the controller hears ---- */

static void say(const struct stage_task *task, const char *state, const char *log)
{
    struct dea *dea = task->dea;
    Cupola__DeaStageReply reply = CUPOLA__DEA_STAGE_REPLY__INIT;
    reply.task = task->order->task;
    reply.dea = dea->monitor.uuid;
    reply.state = (char *)(uintptr_t)state;
    reply.log = (char *)(uintptr_t)log;
    if (task->droplet[0] != '\0') {
        reply.sha1 = (char *)(uintptr_t)task->droplet;
        reply.has_bytes = true;
        reply.bytes = (int64_t)task->droplet_bytes;
    }
    bus_publish_message(&dea->bus, task->reply, NULL, &reply.base);
}

static void on_word(struct timer *timer)
{
    struct stage_task *task = container_of(timer, struct stage_task, word);
    say(task, "working", NULL);
    timer_set(&task->dea->machine, &task->word, WORD_MS * NS_PER_MS, on_word);
}

/* Anybody may ask any controller for it, so that all are told. */
static void tell_output(struct stage_task *task)
{
    struct dea *dea = task->dea;
    if (task->unsaid > 0)
        text_addf(&task->said, "\n[%llu bytes left out: too much at once]\n", (unsigned long long)task->unsaid);
    task->unsaid = 0;
    text_make_printable(&task->said);
    const char *text = text_string(&task->said);
    for (size_t told = 0; told < task->said.size; told += OUTPUT_PIECE) {
        struct text piece = {0};
        size_t left = task->said.size - told;
        text_add(&piece, text + told, left > OUTPUT_PIECE ? OUTPUT_PIECE : left);
        Cupola__StagingOutput output = CUPOLA__STAGING_OUTPUT__INIT;
        output.has_droplet = true;
        output.droplet = task->order->droplet;
        output.package_sha1 = task->order->package_sha1;
        output.text = (char *)(uintptr_t)text_string(&piece);
        bus_publish_message(&dea->bus, "cloudcontroller.staging", NULL, &output.base);
        text_free(&piece);
    }
    text_clear(&task->said);
}

static void on_output_due(struct timer *timer)
{
    tell_output(container_of(timer, struct stage_task, output));
}

static void on_output(struct op *op, struct io_bytes bytes)
{
    struct stage_task *task = container_of(op, struct stage_task, op);
    if (task->is_told)
        return;
    size_t room = OUTPUT_MOST - task->said.size;
    size_t size = bytes.size < room ? bytes.size : room;
    text_add(&task->said, bytes.data, size);
    task->unsaid += bytes.size - size;
    if (!timer_is_set(&task->output))
        timer_set(&task->dea->machine, &task->output, OUTPUT_MS * NS_PER_MS, on_output_due);
}

static void say_last(struct stage_task *task, const char *state, const char *log)
{
    if (task->is_told)
        return;
    task->is_told = true;
    timer_cancel(&task->dea->machine, &task->output);
    tell_output(task);
    timer_cancel(&task->dea->machine, &task->word);
    timer_cancel(&task->dea->machine, &task->deadline);
    say(task, state, log);
}

/* ---- The end ---- */

static bool needs_package(const struct dea *dea, const char *digest)
{
    for (const struct stage_task *task = dea->staging.tasks; task != NULL; task = task->next)
        if (strcmp(task->order->package_sha1, digest) == 0)
            return true;
    return false;
}

static void remove_task(struct stage_task *task)
{
    struct dea_staging *staging = &task->dea->staging;
    struct stage_task **place = &staging->tasks;
    while (*place != task)
        place = &(*place)->next;
    *place = task->next;
    staging->count--;
    task->dea->reserved_mb -= task->memory_mb;
}

static void free_task(struct stage_task *task)
{
    op_forget(&task->op);
    if (task->call.handlers != NULL)
        http_call_release(&task->call);
    memory_free(task->reply);
    text_free(&task->said);
    cupola__dea_stage__free_unpacked(task->order, NULL);
    memory_free(task);
}

/* Nothing of it is under way any more. Its droplet may be run here in a moment, and is a droplet like all others. */
static void end_task(struct stage_task *task)
{
    struct dea *dea = task->dea;
    assert_that(task->is_told);
    remove_task(task);
    timer_cancel(&dea->machine, &task->retry);
    if (task->has_package && !needs_package(dea, task->order->package_sha1))
        dea_droplets_delete_blob(dea, task->order->package_sha1);
    if (task->droplet[0] != '\0')
        dea_droplets_keep(&dea->droplets, task->droplet, task->droplet_bytes);
    free_task(task);
}

static void refuse(struct stage_task *task, const char *why)
{
    task->dea->staging.refused++;
    say_last(task, "refused", why);
    end_task(task);
}

/* Time is up, or the agent ends: what is under way comes to its end first. */
static void abandon(struct stage_task *task)
{
    if (timer_is_set(&task->retry))
        end_task(task);
    else
        http_call_cancel(&task->call);
}

static void on_deadline(struct timer *timer)
{
    struct stage_task *task = container_of(timer, struct stage_task, deadline);
    task->dea->staging.failed++;
    say_last(task, "failed", "staging took too long");
    abandon(task);
}

/* ---- The package ---- */

static void on_retry(struct timer *timer)
{
    struct stage_task *task = container_of(timer, struct stage_task, retry);
    if (task->state == TASK_FETCHING)
        begin_fetch(task);
    else
        begin_send(task);
}

static void try_again(struct stage_task *task, const char *why)
{
    struct dea *dea = task->dea;
    if (task->is_told) {
        end_task(task);
    } else if (task->attempts >= MAX_ATTEMPTS) {
        refuse(task, why);
    } else {
        machine_log(&dea->machine, LOG_WARNING, "staging of app %lld: %s; trying again",
                    (long long)task->order->droplet, why);
        timer_set(&dea->machine, &task->retry, RETRY_MS * NS_PER_MS * task->attempts, on_retry);
    }
}

static void on_response(struct http_call *call, const struct http_head *head)
{
    if (head->status == 200)
        http_call_receive_blob(call);
}

static void on_staged(struct op *op, const struct op_result *result)
{
    struct stage_task *task = container_of(op, struct stage_task, op);
    if (result->status == IO_OK && result->data.size == DIGEST_SIZE - 1) {
        memcpy(task->droplet, result->data.data, DIGEST_SIZE - 1);
        task->droplet_bytes = result->number;
        task->state = TASK_SENDING;
        task->attempts = 0;
        begin_send(task);
        return;
    }
    if (result->status == IO_INVALID || result->status == IO_FAILED) {
        struct text log = {0};
        size_t size = result->data.size > MAX_LOG ? MAX_LOG : result->data.size;
        if (size > 0)
            text_add(&log, result->data.data + result->data.size - size, size);
        text_make_printable(&log);
        task->dea->staging.failed++;
        say_last(task, "failed", text_string(&log));
        text_free(&log);
        end_task(task);
        return;
    }
    refuse(task, io_status_name(result->status));
}

static void on_fetched(struct http_call *call, enum io_status status)
{
    struct stage_task *task = container_of(call, struct stage_task, call);
    const Cupola__DeaStage *order = task->order;
    if (status == IO_OK && call->status == 200 && strcmp(call->blob_digest, order->package_sha1) != 0) {
        dea_droplets_delete_blob(task->dea, call->blob_digest);
        try_again(task, "another package came");
    } else if (status != IO_OK || call->status != 200) {
        try_again(task, status != IO_OK ? io_status_name(status) : "the controller does not have the package");
    } else if (task->is_told) {
        task->has_package = true;
        end_task(task);
    } else {
        task->has_package = true;
        task->state = TASK_STAGING;
        op_stage(&task->dea->machine, &task->op, order->package_sha1, order->framework, order->runtime, order->command,
                 task->memory_mb, on_staged);
        op_hear(&task->op, on_output);
    }
}

static bool begin_call(struct stage_task *task, const char *uri, struct http_request request,
                       const struct http_call_handlers *handlers)
{
    char host[256];
    request.host = host;
    request.headers = "";
    request.timeout_ns = task->dea->config->download_timeout_ms * NS_PER_MS;
    request.max_body_bytes = 4096; /* Of an error that nobody reads. */
    task->attempts++;
    if (!dea_address_split(uri, host, sizeof host, &request.port, &request.target))
        return false;
    http_call_start(&task->dea->machine, &task->call, &request, handlers);
    return true;
}

static void begin_fetch(struct stage_task *task)
{
    static const struct http_call_handlers handlers = {.on_response = on_response, .on_done = on_fetched};
    struct http_request request = {.method = "GET"};
    if (!begin_call(task, task->order->package_uri, request, &handlers))
        refuse(task, "package_uri is not http://host:port/path");
}

/* ---- The droplet ---- */

static void on_sent(struct http_call *call, enum io_status status)
{
    struct stage_task *task = container_of(call, struct stage_task, call);
    if (status != IO_OK) {
        try_again(task, io_status_name(status));
    } else if (call->status != 200) {
        refuse(task, "the controller does not wait for it");
    } else {
        task->dea->staging.staged++;
        say_last(task, "staged", NULL);
        end_task(task);
    }
}

static void begin_send(struct stage_task *task)
{
    static const struct http_call_handlers handlers = {.on_done = on_sent};
    struct http_request request = {
        .method = "PUT",
        .has_body = true,
        .blob_digest = task->droplet,
        .blob_size = task->droplet_bytes,
    };
    if (task->is_told)
        end_task(task);
    else if (!begin_call(task, task->order->upload_uri, request, &handlers))
        refuse(task, "upload_uri is not http://host:port/path");
}

/* ---- Orders ---- */

static uint32_t count_room(const struct dea *dea)
{
    uint32_t most = dea->config->stage_jobs;
    return dea->staging.count < most ? most - dea->staging.count : 0;
}

static uint32_t memory_of(bool is_given, int32_t memory_mb)
{
    return is_given && memory_mb > 0 ? (uint32_t)memory_mb : 0;
}

void dea_staging_on_discover(struct bus_client *client, const ProtobufCMessage *parsed,
                             const struct bus_message *message)
{
    struct dea *dea = dea_of_bus(client);
    const Cupola__StageDiscover *discover = (const Cupola__StageDiscover *)parsed;
    uint32_t memory_mb = memory_of(discover->has_memory_mb, discover->memory_mb);
    const char *runtime = discover->runtime == NULL ? "" : discover->runtime;
    if (count_room(dea) == 0 || dea_placement_refuses(dea, memory_mb, runtime) != NULL)
        return;
    uint64_t most_mb = dea->config->max_memory_mb > 0 ? dea->config->max_memory_mb : 1;
    Cupola__DeaHello hello;
    dea_fill_hello(dea, &hello);
    hello.has_siblings = hello.has_load_permille = hello.has_room = true;
    hello.siblings = (int32_t)dea->staging.count;
    hello.load_permille = (int32_t)(dea->reserved_mb * 1000 / most_mb);
    hello.room = (int32_t)count_room(dea);
    bus_answer(&dea->bus, message, &hello.base);
}

static bool is_whole(const Cupola__DeaStage *order)
{
    return order->task != NULL && strlen(order->task) < TASK_ID_SIZE && order->package_sha1 != NULL &&
           strlen(order->package_sha1) == DIGEST_SIZE - 1 && order->package_uri != NULL && order->upload_uri != NULL &&
           order->framework != NULL && order->runtime != NULL && order->command != NULL;
}

static void answer_refused(struct dea *dea, const Cupola__DeaStage *order, const struct bus_message *message,
                           const char *why)
{
    Cupola__DeaStageReply reply = CUPOLA__DEA_STAGE_REPLY__INIT;
    reply.task = order->task;
    reply.dea = dea->monitor.uuid;
    reply.state = (char *)(uintptr_t) "refused";
    reply.log = (char *)(uintptr_t)why;
    dea->staging.refused++;
    bus_answer(&dea->bus, message, &reply.base);
}

static void begin_task(struct dea *dea, const Cupola__DeaStage *order, uint32_t memory_mb, const char *reply)
{
    struct stage_task *task = memory_new(sizeof *task);
    task->dea = dea;
    task->state = TASK_FETCHING;
    task->order = message_copy(&order->base);
    task->reply = memory_copy_text(reply);
    task->memory_mb = memory_mb;
    struct stage_task **end = &dea->staging.tasks;
    while (*end != NULL)
        end = &(*end)->next;
    *end = task;
    dea->staging.count++;
    dea->reserved_mb += memory_mb;
    uint64_t deadline_ns = default_deadline_ns;
    if (order->has_deadline_ms && order->deadline_ms > 0 && order->deadline_ms < INT32_MAX)
        deadline_ns = (uint64_t)order->deadline_ms * NS_PER_MS;
    timer_set(&dea->machine, &task->deadline, deadline_ns, on_deadline);
    on_word(&task->word);
    begin_fetch(task);
}

/* The same order twice is one: the bus may say it again. */
void dea_staging_on_order(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct dea *dea = dea_of_bus(client);
    const Cupola__DeaStage *order = (const Cupola__DeaStage *)parsed;
    if (message->reply == NULL || !is_whole(order))
        return;
    for (const struct stage_task *task = dea->staging.tasks; task != NULL; task = task->next)
        if (strcmp(task->order->task, order->task) == 0)
            return;
    uint32_t memory_mb = memory_of(order->has_memory_mb, order->memory_mb);
    const char *why = dea_placement_refuses(dea, memory_mb, order->runtime);
    if (why == NULL && count_room(dea) == 0)
        why = "too many stagings";
    if (why != NULL)
        answer_refused(dea, order, message, why);
    else
        begin_task(dea, order, memory_mb, message->reply);
}

void dea_staging_leave(struct dea *dea)
{
    struct stage_task *next;
    for (struct stage_task *task = dea->staging.tasks; task != NULL; task = next) {
        next = task->next;
        say_last(task, "refused", "the agent ends");
        abandon(task);
    }
}

void dea_staging_destroy(struct dea *dea)
{
    while (dea->staging.tasks != NULL) {
        struct stage_task *task = dea->staging.tasks;
        dea->staging.tasks = task->next;
        free_task(task);
    }
}
