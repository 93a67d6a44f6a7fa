/* The life of a driver: start, bring events one at a time, end. */
#include "drivers/real/driver.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/message.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/files.h"
#include "drivers/real/journal/journal.h"
#include "drivers/real/recorder.h"
#include "drivers/real/save.h"
#include "drivers/real/streams/handover.h"
#include "drivers/real/streams/stream.h"
#include "drivers/real/streams/tls.h"
#include "drivers/real/workloads/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    NEWS_AT_ONCE = 256, /* Delivered in one go before the loop may look at sockets and timers again. */
    OWN_HANDLES = 5,    /* again, awake, ahead, deadline, sweep */
};

static const uint64_t overslept_ns = 100 * NS_PER_MS;

struct pending_done {
    struct pending_done *next;
    struct io_op op;
    enum io_status status;
    uint64_t number;
    size_t size;
    uint8_t data[];
};

/* ---- Events ---- */

static int64_t wall_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * (int64_t)NS_PER_S + now.tv_nsec;
}

void driver_step(struct real_driver *driver, struct event *event)
{
    assert_that(!driver->exited);
    event->now_ns = uv_hrtime();
    event->wall_ns = wall_now_ns();
    driver->context.event_number++;
    machine_step(driver->machine, event, driver->effects);
    recorder_add_step(driver->recorder, event, driver->effects);
    for (size_t i = 0; i < effects_count(driver->effects) && !driver->exited; i++)
        driver_carry_out(driver, effects_at(driver->effects, i));
    effects_reset(driver->effects);
    if (!driver->more_is_coming || driver->unflushed_size >= STREAMS_UNFLUSHED_MOST)
        streams_flush(driver);
}

static bool deliver_pending_done(struct real_driver *driver)
{
    struct pending_done *pending = driver->first_done;
    if (pending == NULL)
        return false;
    driver->first_done = pending->next;
    if (driver->first_done == NULL)
        driver->last_done = &driver->first_done;
    struct event event = {.kind = EVENT_DONE};
    event.done.op = pending->op;
    event.done.status = pending->status;
    event.done.number = pending->number;
    event.done.data = (struct io_bytes){pending->data, pending->size};
    driver_step(driver, &event);
    memory_free(pending);
    return true;
}

static void on_again(uv_idle_t *idle)
{
    driver_pump(idle->data);
}

/* Operations first: the cancelled transfers of a connection must come before its CLOSED. */
static void deliver_news(struct real_driver *driver)
{
    assert_that(driver->busy);
    for (int i = 0; i < NEWS_AT_ONCE && !driver->exited; i++) {
        if (!deliver_pending_done(driver) && !streams_deliver_news(driver)) {
            uv_idle_stop(&driver->again);
            listenings_notify(driver);
            return;
        }
    }
    if (!driver->exited)
        uv_idle_start(&driver->again, on_again);
}

void driver_pump(struct real_driver *driver)
{
    if (driver->busy || driver->exited)
        return;
    driver->busy = true;
    deliver_news(driver);
    driver->busy = false;
}

void driver_deliver(struct real_driver *driver, struct event *event)
{
    assert_that(!driver->busy);
    if (driver->exited)
        return;
    driver->busy = true;
    driver_step(driver, event);
    deliver_news(driver);
    driver->busy = false;
}

void driver_done(struct real_driver *driver, struct io_op op, enum io_status status, uint64_t number,
                 struct io_bytes data)
{
    if (op.id == 0 || driver->exited)
        return;
    struct pending_done *pending = memory_new(sizeof *pending + data.size);
    *pending = (struct pending_done){.op = op, .status = status, .number = number, .size = data.size};
    if (data.size > 0)
        memcpy(pending->data, data.data, data.size);
    *driver->last_done = pending;
    driver->last_done = &pending->next;
}

void driver_done_number_text(struct real_driver *driver, struct io_op op, enum io_status status, uint64_t number,
                             const char *text)
{
    driver_done(driver, op, status, number, (struct io_bytes){(const uint8_t *)text, strlen(text)});
}

void driver_done_text(struct real_driver *driver, struct io_op op, enum io_status status, const char *text)
{
    driver_done_number_text(driver, op, status, 0, text);
}

/* An idle handle is all that keeps libuv from sleeping. */
static void on_awake(uv_idle_t *idle)
{
    struct real_driver *driver = idle->data;
    if (spin_is_over(&driver->spin, uv_hrtime()))
        uv_idle_stop(idle);
}

static uint64_t times_preempted(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nivcsw : 0;
}

void driver_spin(struct real_driver *driver)
{
    if (spin_heard(&driver->spin, uv_hrtime(), times_preempted))
        uv_idle_start(&driver->awake, on_awake);
}

/* Where others could not run meanwhile there is nothing to wait for. */
static uint64_t spin_window_ns(const struct real_driver *driver, const struct machine_class *class)
{
    if (driver->config->has_spin_us)
        return driver->config->spin_us * NS_PER_US;
    return class->passes_on && sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPIN_US_OF_TRAFFIC * NS_PER_US : 0;
}

/* ---- The one deadline ---- */

static void on_deadline(uv_timer_t *timer);

/* libuv's clock counts ms; rounded up, so that the event is never early. A timer that is armed for something earlier
 * is left alone: deadlines move back more often than they fire. */
static void arm_deadline(struct real_driver *driver)
{
    uint64_t due_ms = driver->deadline_ns / NS_PER_MS + (driver->deadline_ns % NS_PER_MS != 0);
    if (driver->deadline_ns == NEVER_NS || driver->armed_ms <= due_ms)
        return;
    uint64_t now_ms = uv_now(driver->loop);
    driver->armed_ms = due_ms;
    uv_timer_start(&driver->deadline, on_deadline, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* Who was stopped, or starved, hears first what came meanwhile: libuv tells of timers before it looks at sockets, and a
 * peer that answered in time would be taken for silent. */
static bool lets_others_first(struct real_driver *driver, uint64_t now_ns)
{
    driver->deadline_waits = !driver->deadline_waits && now_ns - driver->deadline_ns >= overslept_ns;
    if (!driver->deadline_waits)
        return false;
    driver->armed_ms = 0; /* Nothing is earlier. */
    uv_timer_start(&driver->deadline, on_deadline, 1, 0);
    return true;
}

static void on_deadline(uv_timer_t *timer)
{
    struct real_driver *driver = timer->data;
    uint64_t now_ns = uv_hrtime();
    driver->armed_ms = UINT64_MAX;
    if (driver->deadline_ns > now_ns) {
        driver->deadline_waits = false;
        arm_deadline(driver);
        return;
    }
    if (lets_others_first(driver, now_ns))
        return;
    driver->deadline_ns = NEVER_NS;
    struct event event = {.kind = EVENT_DEADLINE};
    driver_deliver(driver, &event);
}

void driver_set_deadline(struct real_driver *driver, uint64_t at_ns)
{
    driver->deadline_ns = at_ns;
    arm_deadline(driver);
}

/* ---- Start ---- */

static void on_ahead(uv_prepare_t *prepare)
{
    struct real_driver *driver = prepare->data;
    streams_end_round(driver);
    driver_pump(driver);
    streams_end_round(driver);
    recorder_flush(driver->recorder);
}

static void init_handles(struct real_driver *driver)
{
    uv_idle_init(driver->loop, &driver->again);
    uv_idle_init(driver->loop, &driver->awake);
    uv_prepare_init(driver->loop, &driver->ahead);
    uv_timer_init(driver->loop, &driver->deadline);
    uv_timer_init(driver->loop, &driver->sweep);
    driver->again.data = driver->awake.data = driver->ahead.data = driver->deadline.data = driver->sweep.data = driver;
    driver->handle_count = OWN_HANDLES;
    uv_prepare_start(&driver->ahead, on_ahead);
}

static struct real_driver *new_driver(uv_loop_t *loop, const struct machine_class *class,
                                      const Cupola__DriverConfig *config, real_log *log)
{
    struct real_driver *driver = memory_new(sizeof *driver);
    driver->loop = loop;
    driver->machine = machine_create(class);
    driver->effects = effects_new();
    driver->config = message_copy(&config->base);
    driver->spin.window_ns = spin_window_ns(driver, class);
    driver->log = log != NULL ? log : log_to_stderr;
    driver->log_level = log_level_of(driver->config->log_level);
    driver->context.component = class->name;
    driver->started_wall_ns = wall_now_ns();
    driver->last_done = &driver->first_done;
    driver->last_news = &driver->first_news;
    driver->lowest_odd_id = 1;
    driver->deadline_ns = NEVER_NS;
    driver->armed_ms = UINT64_MAX;
    driver->round = 1; /* A new stream has sent nothing in it. */
    init_handles(driver);
    return driver;
}

static void deliver_start(struct real_driver *driver, struct io_bytes packed, const struct text *saved)
{
    struct event event = {.kind = EVENT_START};
    event.start.config = packed;
    event.start.saved = (struct io_bytes){(const uint8_t *)text_string(saved), saved->size};
    ssize_t size = getrandom(event.start.seed, sizeof event.start.seed, 0);
    assert_that(size == (ssize_t)sizeof event.start.seed);
    driver_deliver(driver, &event);
}

/* Supervisors and OCI runtimes work from other directories than ours. */
static enum io_status open_data_dir(struct real_driver *driver, struct text *ret_reason)
{
    enum io_status status = files_make_folder(driver->config->data_dir, ret_reason);
    char *absolute = status == IO_OK ? realpath(driver->config->data_dir, NULL) : NULL;
    if (absolute == NULL)
        return status == IO_OK ? IO_FAILED : status;
    /* An unpacked message points to its descriptor's own default where the field was absent. */
    if (driver->config->data_dir != cupola__driver_config__data_dir__default_value)
        free(driver->config->data_dir);
    driver->config->data_dir = absolute;
    return IO_OK;
}

struct real_driver *real_driver_start(uv_loop_t *loop, const struct machine_class *class,
                                      const Cupola__DriverConfig *config, struct io_bytes packed, real_log *log)
{
    struct real_driver *driver = new_driver(loop, class, config, log);
    assertion_set_context(&driver->context);
    struct text saved = {0};
    struct text reason = {0};
    enum io_status status = open_data_dir(driver, &reason);
    if (status == IO_OK)
        status = tls_settings_open(driver, &reason) ? IO_OK : IO_INVALID;
    if (status == IO_OK)
        status = save_load(driver, &saved, &reason);
    if (status == IO_OK)
        status = recorder_open(driver, packed, &reason);
    if (status != IO_OK) {
        driver_log(driver, LOG_ERROR, "cannot start: %s", text_string(&reason));
        driver_exit(driver, 1, (struct io_bytes){0});
    } else {
        blobs_clean_up(driver->config->data_dir);
        handover_open(driver);
        deliver_start(driver, packed, &saved);
    }
    text_free(&saved);
    text_free(&reason);
    return driver;
}

/* ---- End ---- */

void real_driver_stop(struct real_driver *driver)
{
    listenings_accept_waiting(driver);
    struct event event = {.kind = EVENT_STOP};
    driver_deliver(driver, &event);
}

void real_driver_reload(struct real_driver *driver)
{
    tls_settings_reload(driver);
}

void real_driver_evacuate(struct real_driver *driver)
{
    struct event event = {.kind = EVENT_EVACUATE};
    driver_deliver(driver, &event);
}

void driver_exit(struct real_driver *driver, int status, struct io_bytes data)
{
    assert_that(!driver->exited);
    driver->exited = true;
    driver->exit_status = status;
    text_add(&driver->exit_data, data.data, data.size);
}

bool real_driver_has_exited(const struct real_driver *driver)
{
    return driver->exited;
}

int real_driver_result(const struct real_driver *driver, struct text *ret_result)
{
    if (ret_result != NULL)
        text_add(ret_result, text_string(&driver->exit_data), driver->exit_data.size);
    return driver->exit_status;
}

struct machine *real_driver_machine(struct real_driver *driver)
{
    return driver->machine;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct real_driver *driver = handle->data;
    assert_that(driver->handle_count > 0);
    driver->handle_count--;
}

static void close_handles(struct real_driver *driver)
{
    uv_close((uv_handle_t *)&driver->again, on_handle_closed);
    uv_close((uv_handle_t *)&driver->awake, on_handle_closed);
    uv_close((uv_handle_t *)&driver->ahead, on_handle_closed);
    uv_close((uv_handle_t *)&driver->deadline, on_handle_closed);
    uv_close((uv_handle_t *)&driver->sweep, on_handle_closed);
}

static void drop_pending_dones(struct real_driver *driver)
{
    while (driver->first_done != NULL) {
        struct pending_done *pending = driver->first_done;
        driver->first_done = pending->next;
        memory_free(pending);
    }
}

static void free_driver(struct real_driver *driver)
{
    drop_pending_dones(driver);
    machine_destroy(driver->machine);
    effects_free(driver->effects);
    cupola__driver_config__free_unpacked(driver->config, NULL);
    buffer_unref(driver->read_buffer);
    memory_free(driver->streams);
    memory_free(driver->cipher_room);
    text_free(&driver->exit_data);
    assertion_set_context(NULL);
    memory_free(driver);
}

void real_driver_destroy(struct real_driver *driver)
{
    assert_that(!driver->busy);
    driver->exited = true; /* From here on nothing reaches the component. */
    streams_close_all(driver);
    handover_close(driver);
    workloads_forget_all(driver);
    journal_close(driver);
    while (driver->handle_count > OWN_HANDLES || driver->job_count > 0)
        uv_run(driver->loop, UV_RUN_ONCE);
    journal_free(driver);
    blob_writers_free(driver);
    save_free(driver);
    recorder_close(driver);
    tls_settings_free(driver);
    close_handles(driver);
    while (driver->handle_count > 0)
        uv_run(driver->loop, UV_RUN_ONCE);
    free_driver(driver);
}
