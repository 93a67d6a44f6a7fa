#include "core/cloud_controller/staging/staging.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/blobs/blobs.h"
#include "core/cloud_controller/blobs/collector.h"
#include "core/cloud_controller/staging/stage_log.h"
#include "core/cloud_controller/staging/stage_order.h"
#include "core/cloud_controller/state/runs.h"

#include <string.h>

enum { MAX_STAGING_LOG = 4096 }; /* Kept in the journal: its end. */
static const uint64_t sweep_interval_ns = 5 * NS_PER_S;

enum stage_state { STAGE_QUEUED = 1, STAGE_FETCHING, STAGE_RUNNING, STAGE_RECORDING };

struct stage_job {
    struct controller *controller;
    enum stage_state state;
    int64_t app_id;
    char package_sha1[41];
    struct blob_need package;
    struct stage_order order; /* RUNNING on a DEA, */
    struct op op;             /* or on our own driver. */
    struct change change;
    bool succeeded;
    bool holds; /* The collector. */
    char droplet_sha1[41];
    uint64_t droplet_bytes;
    struct text log;
    struct stage_waiter *waiters;
    struct stage_job *next;
};

static void start_jobs(struct controller *controller);
static void fail_to_fetch(struct stage_job *job, const struct app *app, enum io_status status);
static void on_package_here(struct blob_need *need, enum io_status status);
static void on_order_done(struct stage_order *order, enum stage_verdict verdict);
static void on_staged(struct op *op, const struct op_result *result);
static bool prepare_result(struct change *change);
static void on_recorded(struct change *change, enum change_outcome outcome);
static void on_wait_over(struct timer *timer);
static void on_sweep(struct timer *timer);

/* ---- Jobs ---- */

static struct stage_job *find_job(const struct controller *controller, const struct app *app)
{
    for (struct stage_job *job = controller->stage_jobs; job != NULL; job = job->next)
        if (job->app_id == app->id)
            return job;
    return NULL;
}

/* A running job for an older package of the app ends without effect; its end brings the new one (on_recorded). */
static struct stage_job *ensure_job(struct controller *controller, struct app *app)
{
    assert_that(cc_app_needs_staging(app->value));
    struct stage_job *job = find_job(controller, app);
    if (job != NULL)
        return job;
    job = memory_new(sizeof *job);
    job->controller = controller;
    job->state = STAGE_QUEUED;
    job->app_id = app->id;
    struct stage_job **end = &controller->stage_jobs;
    while (*end != NULL)
        end = &(*end)->next;
    *end = job;
    start_jobs(controller);
    return job;
}

void cc_staging_request(struct controller *controller, struct app *app)
{
    ensure_job(controller, app);
}

static void start_job(struct stage_job *job, const struct app *app)
{
    struct controller *controller = job->controller;
    const Cupola__JournalApp *value = app->value;
    job->state = STAGE_FETCHING;
    memcpy(job->package_sha1, value->package_sha1, sizeof job->package_sha1);
    if (!job->holds)
        cc_collector_hold(controller);
    job->holds = true;
    controller->stages_running++;
    controller->stagings++;
    cc_blob_need(controller, &job->package, BLOB_PACKAGE, app, job->package_sha1, on_package_here);
}

static void on_output(struct op *op, struct io_bytes bytes)
{
    const struct stage_job *job = container_of(op, struct stage_job, op);
    cc_stage_log_say(job->controller, job->app_id, job->package_sha1, bytes);
}

static void stage_here(struct stage_job *job, const struct app *app)
{
    const Cupola__JournalApp *value = app->value;
    op_stage(&job->controller->machine, &job->op, job->package_sha1, value->framework, value->runtime,
             value->command == NULL ? "" : value->command, (uint32_t)value->memory_mb, on_staged);
    op_hear(&job->op, on_output);
}

/* The bits are on this controller's disk, or not to be had. */
static void on_package_here(struct blob_need *need, enum io_status status)
{
    struct stage_job *job = container_of(need, struct stage_job, package);
    struct controller *controller = job->controller;
    const struct app *app = cc_state_find_app(&controller->state, job->app_id);
    assert_that(job->state == STAGE_FETCHING);
    if (app == NULL || status != IO_OK) {
        controller->stages_running--;
        fail_to_fetch(job, app, status);
        return;
    }
    job->state = STAGE_RUNNING;
    if (controller->config->stage_on_deas)
        cc_stage_order_begin(controller, &job->order, app, job->package_sha1, on_order_done);
    else
        stage_here(job, app);
}

static void remove_job(struct stage_job *job)
{
    struct stage_job **place = &job->controller->stage_jobs;
    while (*place != job)
        place = &(*place)->next;
    *place = job->next;
}

/* Tells everybody who waits, and frees the job. */
static void end_job(struct stage_job *job, const struct refusal *failure)
{
    remove_job(job);
    while (job->waiters != NULL) {
        struct stage_waiter *waiter = job->waiters;
        job->waiters = waiter->next;
        waiter->job = NULL;
        timer_cancel(&job->controller->machine, &waiter->timer);
        waiter->done(waiter, failure);
    }
    if (job->holds)
        cc_collector_release(job->controller);
    if (job->droplet_sha1[0] != '\0') /* Stored for nothing, if no app has come to refer to it. */
        cc_refs_give_up(&job->controller->state.refs, job->droplet_sha1, job->controller->machine.now_ns);
    text_free(&job->log);
    cc_stage_order_release(&job->order);
    memory_free(job);
}

/* Bits that nobody can hand over now are no fault of theirs: the package stays pending, and is tried again later. */
static void fail_to_fetch(struct stage_job *job, const struct app *app, enum io_status status)
{
    struct controller *controller = job->controller;
    struct refusal failure = {0};
    if (app != NULL && status != IO_CANCELLED) {
        machine_log(&controller->machine, LOG_WARNING, "the bits of app %lld are not to be had from %s: %s",
                    (long long)job->app_id,
                    app->value->package_holder == NULL ? "anywhere" : app->value->package_holder,
                    io_status_name(status));
        cc_refusal_set(&failure, ERROR_PACKAGING, "the bits are not to be had now; upload them again", NULL);
    }
    end_job(job, failure.error == ERROR_NONE ? NULL : &failure);
    start_jobs(controller);
}

static struct stage_job *next_queued(const struct controller *controller)
{
    struct stage_job *job = controller->stage_jobs;
    while (job != NULL && job->state != STAGE_QUEUED)
        job = job->next;
    return job;
}

static void start_jobs(struct controller *controller)
{
    while (controller->stages_running < controller->config->stage_jobs) {
        struct stage_job *job = next_queued(controller);
        if (job == NULL)
            return;
        const struct app *app = cc_state_find_app(&controller->state, job->app_id);
        if (app != NULL && cc_app_needs_staging(app->value))
            start_job(job, app);
        else
            end_job(job, NULL); /* Nothing is left to do. */
    }
}

static void record(struct stage_job *job)
{
    struct controller *controller = job->controller;
    assert_that(job->state == STAGE_RUNNING);
    assert_that(controller->stages_running > 0);
    controller->stages_running--;
    job->state = STAGE_RECORDING;
    if (!job->succeeded)
        controller->staging_failures++;
    start_jobs(controller);
    job->change.prepare = prepare_result;
    job->change.done = on_recorded;
    job->change.is_internal = true;
    cc_journal_submit(controller, &job->change);
}

static void leave_pending(struct stage_job *job)
{
    struct controller *controller = job->controller;
    controller->stages_running--;
    end_job(job, NULL);
    start_jobs(controller);
}

static void on_order_done(struct stage_order *order, enum stage_verdict verdict)
{
    struct stage_job *job = container_of(order, struct stage_job, order);
    const struct app *app = cc_state_find_app(&job->controller->state, job->app_id);
    if (app == NULL) {
        leave_pending(job);
        return;
    }
    if (verdict == STAGE_NOWHERE) {
        stage_here(job, app);
        return;
    }
    job->succeeded = verdict == STAGE_STAGED;
    if (job->succeeded) {
        memcpy(job->droplet_sha1, order->droplet, sizeof job->droplet_sha1);
        job->droplet_bytes = order->droplet_bytes;
    } else {
        text_add_string(&job->log, order->log.size > 0 ? text_string(&order->log) : "staging failed");
    }
    record(job);
}

static void on_staged(struct op *op, const struct op_result *result)
{
    struct stage_job *job = container_of(op, struct stage_job, op);
    if (result->status == IO_CANCELLED) { /* We are being stopped: it did not fail. */
        leave_pending(job);
        return;
    }
    job->succeeded = result->status == IO_OK && result->data.size == 40;
    if (job->succeeded) {
        memcpy(job->droplet_sha1, result->data.data, 40);
        job->droplet_bytes = result->number;
    } else {
        size_t size = result->data.size > MAX_STAGING_LOG ? MAX_STAGING_LOG : result->data.size;
        text_add(&job->log, result->data.data + result->data.size - size, size);
        if (job->log.size == 0)
            text_add_string(&job->log, io_status_name(result->status));
    }
    record(job);
}

/* ---- Their results ---- */

/* v1: the run count begins anew with another droplet, and goes up with every staging and every start. */
static void apply_success(const struct stage_job *job, const Cupola__JournalApp *old, Cupola__JournalApp *new,
                          struct run_draft *draft)
{
    bool same = old->droplet_sha1 != NULL && strcmp(old->droplet_sha1, job->droplet_sha1) == 0;
    new->has_package_state = true;
    new->package_state = CUPOLA__PACKAGE_STATE__PACKAGE_STAGED;
    if (old->update != NULL) { /* One after the other. */
        cupola__journal_run__init(&draft->next);
        draft->next.has_droplet_bytes = true;
        draft->next.droplet_sha1 = (char *)(uintptr_t)job->droplet_sha1;
        draft->next.droplet_bytes = job->droplet_bytes;
        draft->next.droplet_holder = (char *)(uintptr_t)controller_address(job->controller);
        new->next = &draft->next;
        return;
    }
    new->has_droplet_bytes = new->has_run_count = true;
    new->droplet_sha1 = (char *)(uintptr_t)job->droplet_sha1;
    new->droplet_bytes = job->droplet_bytes;
    new->droplet_holder = (char *)(uintptr_t)controller_address(job->controller);
    new->run_count = same ? old->run_count + 1 : 0;
    new->staging_log = NULL;
    if (new->run_live)
        cc_run_replace(draft, old, new, "new bits");
    else if (new->started)
        cc_run_begin(draft, new, "new bits");
}

/* A run that is live goes on with its old droplet; one that only waited for this is over. */
static void apply_failure(struct stage_job *job, Cupola__JournalApp *new)
{
    text_make_printable(&job->log); /* protobuf texts end at a NUL; the journal must stay readable. */
    new->has_package_state = true;
    new->package_state = CUPOLA__PACKAGE_STATE__PACKAGE_FAILED;
    new->staging_log = (char *)(uintptr_t)text_string(&job->log);
    if (new->started && !new->run_live)
        new->started = false;
}

static bool prepare_result(struct change *change)
{
    struct stage_job *job = container_of(change, struct stage_job, change);
    const struct app *app = cc_state_find_app(&change->controller->state, job->app_id);
    if (app == NULL || !cc_app_needs_staging(app->value) || strcmp(app->value->package_sha1, job->package_sha1) != 0)
        return false;
    Cupola__JournalApp value = *app->value;
    struct run_draft draft = {.now_s = machine_wall_seconds(&change->controller->machine)};
    if (job->succeeded)
        apply_success(job, app->value, &value, &draft);
    else
        apply_failure(job, &value);
    cc_change_write_app(
        change, job->succeeded ? CUPOLA__APP_CHANGE_KIND__APP_STAGED : CUPOLA__APP_CHANGE_KIND__APP_STAGING_FAILED,
        app->value, &value, NULL);
    return true;
}

/* The last line that says something: what fits into an error. */
static const char *last_line(struct text *log)
{
    char *bytes = (char *)(uintptr_t)text_string(log);
    size_t size = log->size;
    while (size > 0 && bytes[size - 1] == '\n')
        bytes[--size] = '\0';
    char *newline = strrchr(bytes, '\n');
    return newline == NULL ? bytes : newline + 1;
}

static void on_recorded(struct change *change, enum change_outcome outcome)
{
    struct stage_job *job = container_of(change, struct stage_job, change);
    struct controller *controller = job->controller;
    struct refusal failure = {0};
    if (outcome == CHANGE_DURABLE) {
        cc_follow_up(controller, &change->difference);
        if (!job->succeeded)
            cc_refusal_set(&failure, ERROR_STAGING, last_line(&job->log), NULL);
    } else if (outcome == CHANGE_LOST) {
        cc_refusal_set(&failure, ERROR_DATABASE, NULL, NULL); /* The sweep will find it pending. */
    } else {
        struct app *app = cc_state_find_app(&controller->state, job->app_id);
        if (app != NULL && cc_app_needs_staging(app->value)) {
            job->state = STAGE_QUEUED; /* Other bits have come meanwhile. */
            text_clear(&job->log);
            start_jobs(controller);
            return;
        }
    }
    end_job(job, failure.error == ERROR_NONE ? NULL : &failure);
}

/* ---- Waiting ---- */

void cc_staging_wait(struct controller *controller, struct app *app, struct stage_waiter *waiter,
                     void (*done)(struct stage_waiter *waiter, const struct refusal *failure))
{
    struct stage_job *job = ensure_job(controller, app);
    waiter->done = done;
    waiter->job = job;
    waiter->next = job->waiters;
    job->waiters = waiter;
    timer_set(&controller->machine, &waiter->timer, controller->config->stage_wait_ms * NS_PER_MS, on_wait_over);
}

static void on_wait_over(struct timer *timer)
{
    struct stage_waiter *waiter = container_of(timer, struct stage_waiter, timer);
    struct stage_waiter **place = &waiter->job->waiters;
    while (*place != waiter)
        place = &(*place)->next;
    *place = waiter->next;
    waiter->job = NULL;
    waiter->done(waiter, NULL);
}

/* ---- Left behind ---- */

void cc_staging_open(struct controller *controller)
{
    controller->stages_from_ns = controller->machine.now_ns;
    timer_set(&controller->machine, &controller->stage_sweep, sweep_interval_ns, on_sweep);
}

/* What came to us, and was pending already when we began, has lost its job with our last life: nobody else has it. */
static uint64_t patience_ns(const struct controller *controller, const struct app *app)
{
    const char *holder = app->value->package_holder;
    bool is_ours = holder != NULL && strcmp(holder, controller_address(controller)) == 0;
    if (is_ours && app->seen_at_ns <= controller->stages_from_ns)
        return sweep_interval_ns;
    return controller->config->stage_takeover_ms * NS_PER_MS;
}

static void on_sweep(struct timer *timer)
{
    struct controller *controller = container_of(timer, struct controller, stage_sweep);
    for (struct app *app = controller->state.apps; app != NULL; app = app->hh.next) {
        bool is_pending = app->value->package_state == CUPOLA__PACKAGE_STATE__PACKAGE_PENDING;
        bool is_waiting = cc_app_run_state(app->value) == RUN_WAITING;
        if (is_pending && is_waiting && controller->machine.now_ns - app->seen_at_ns >= patience_ns(controller, app) &&
            find_job(controller, app) == NULL) {
            machine_log(&controller->machine, LOG_WARNING, "app %lld was left waiting for staging; staging it again",
                        (long long)app->id);
            cc_staging_request(controller, app);
        }
    }
    timer_set(&controller->machine, &controller->stage_sweep, sweep_interval_ns, on_sweep);
}

void cc_staging_destroy(struct controller *controller)
{
    while (controller->stage_jobs != NULL) {
        struct stage_job *job = controller->stage_jobs;
        controller->stage_jobs = job->next;
        op_forget(&job->op);
        cc_blob_need_release(&job->package);
        cc_stage_order_release(&job->order);
        text_free(&job->log);
        memory_free(job);
    }
}
