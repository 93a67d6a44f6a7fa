/* The workloads that we know, and their exits. */
#include "drivers/real/workloads/workload.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Closed apart from the workload, which may be gone by then. */
struct workload_watch {
    uv_poll_t poll;
    struct real_driver *driver;
    struct workload *workload;
    int pidfd;
};

struct workload *workload_find(struct real_driver *driver, const char *name)
{
    struct workload *workload = NULL;
    HASH_FIND_STR(driver->workloads, name, workload);
    return workload;
}

struct workload *workload_add(struct real_driver *driver, const char *name, const struct path *folder)
{
    struct workload *workload = memory_new(sizeof *workload);
    snprintf(workload->name, sizeof workload->name, "%s", name);
    workload->driver = driver;
    workload->folder = *folder;
    HASH_ADD_STR(driver->workloads, name, workload);
    return workload;
}

void workload_drop(struct workload *workload)
{
    workload_unwatch(workload);
    HASH_DELETE(hh, workload->driver->workloads, workload);
    memory_free(workload);
}

/* ---- Exits ---- */

static void on_watch_closed(uv_handle_t *handle)
{
    struct workload_watch *watch = handle->data;
    watch->driver->handle_count--;
    close(watch->pidfd);
    memory_free(watch);
}

void workload_unwatch(struct workload *workload)
{
    if (workload->watch == NULL)
        return;
    workload->watch->workload = NULL;
    uv_close((uv_handle_t *)&workload->watch->poll, on_watch_closed);
    workload->watch = NULL;
}

/* A supervisor that ended without a word was killed, and its workload is told to die with it: make sure of that. */
static struct workload_status read_end(const struct workload *workload)
{
    struct workload_status status;
    if (workload_read_status(&workload->folder, &status))
        return status;
    if (process_is_alive(workload->pids.main))
        process_signal_descendants(workload->pids.main.pid, SIGKILL);
    process_kill_group(workload->pids.main);
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    if (workload->pids.group[0] != 0)
        cgroup_kill(&tree, workload->pids.group, 0);
    return (struct workload_status){.exit_code = -1, .signal = SIGKILL};
}

static void tell_exit(struct workload *workload)
{
    struct real_driver *driver = workload->driver;
    struct workload_status status = read_end(workload);
    workload->state = WORKLOAD_DEAD;
    workload_unwatch(workload);
    struct event event = {.kind = EVENT_WORKLOAD_EXITED};
    event.workload_exited.workload = workload->name;
    event.workload_exited.exit_code = status.exit_code;
    event.workload_exited.signal = status.signal;
    event.workload_exited.breach = status.breach;
    driver_deliver(driver, &event);
}

static void on_supervisor_ended(uv_poll_t *poll, int error, int events)
{
    (void)error;
    (void)events;
    struct workload_watch *watch = poll->data;
    assert_that(watch->workload != NULL);
    tell_exit(watch->workload);
}

void workload_watch_or_tell(struct workload *workload)
{
    if (!workload_watch(workload))
        tell_exit(workload);
}

bool workload_watch(struct workload *workload)
{
    struct real_driver *driver = workload->driver;
    int pidfd = process_open(workload->pids.supervisor);
    if (pidfd < 0) {
        workload->state = WORKLOAD_DEAD;
        return false;
    }
    struct workload_watch *watch = memory_new(sizeof *watch);
    watch->driver = driver;
    watch->workload = workload;
    watch->pidfd = pidfd;
    watch->poll.data = watch;
    int error = uv_poll_init(driver->loop, &watch->poll, pidfd);
    assert_that(error == 0);
    driver->handle_count++;
    uv_poll_start(&watch->poll, UV_READABLE, on_supervisor_ended);
    workload->watch = watch;
    workload->state = WORKLOAD_RUNNING;
    return true;
}

/* ---- Effects ---- */

static void signal_workload(struct real_driver *driver, const char *name, int signal)
{
    const struct workload *workload = workload_find(driver, name);
    if (workload == NULL || workload->state != WORKLOAD_RUNNING || !process_is_alive(workload->pids.supervisor))
        return;
    bool has_guard = workload->kind != NULL && workload->kind->main_is_a_guard && signal != SIGKILL;
    process_signal_descendants(has_guard ? workload->pids.main.pid : workload->pids.supervisor.pid, signal);
}

void workload_carry_out(struct real_driver *driver, const struct effect *effect)
{
    if (effect->kind == EFFECT_WORKLOAD_LIST) {
        workload_list(driver, effect->op);
    } else if (effect->kind == EFFECT_WORKLOAD_START) {
        workload_start(driver, effect);
    } else if (effect->kind == EFFECT_WORKLOAD_SIGNAL) {
        signal_workload(driver, effect->workload_signal.workload, effect->workload_signal.signal);
    } else if (effect->kind == EFFECT_WORKLOAD_REMOVE) {
        workload_remove(driver, effect->op, effect->workload_name.workload);
    } else if (effect->kind == EFFECT_WORKLOAD_MEASURE) {
        workloads_measure(driver, effect->op);
    } else if (effect->kind == EFFECT_WORKLOAD_EXEC) {
        workload_exec(driver, effect);
    } else {
        assert_that(effect->kind == EFFECT_WORKLOAD_READ_FILE);
        workload_read_file(driver, effect);
    }
}

void workloads_forget_all(struct real_driver *driver)
{
    struct workload *workload, *next;
    HASH_ITER (hh, driver->workloads, workload, next) {
        workload_drop(workload);
    }
    spares_dismiss(driver);
    spare_roots_dismiss(driver);
}
