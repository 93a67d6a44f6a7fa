/* Whole processes: a daemon with signals, and a one-shot run for the client. */
#include "drivers/real/driver.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/files.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct run {
    uv_loop_t loop;
    uv_signal_t signals[4];
    struct real_driver *driver;
    bool is_once; /* For somebody who waits: there is nothing to reload, and the end of his terminal is an end. */
    bool stop_asked;
};

enum { SIGNAL_BASE = 128 };

/* Every connection is a descriptor, and the component's own limits are far above the usual soft one. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *run = handle->data;
    if (number == SIGUSR2) {
        real_driver_evacuate(run->driver);
        return;
    }
    if (number == SIGHUP && !run->is_once) {
        real_driver_reload(run->driver);
        return;
    }
    if (run->stop_asked)
        _exit(SIGNAL_BASE + number);
    run->stop_asked = true;
    real_driver_stop(run->driver);
}

static void watch_signals(struct run *run)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR2, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
}

/* Staging and unpacking are long jobs; with libuv's four threads they would hold up the short ones. */
static void prepare_process(void)
{
    setenv("UV_THREADPOOL_SIZE", "12", 0);
    raise_descriptor_limit();
}

static int run_component(const struct machine_class *class, const Cupola__DriverConfig *config, struct io_bytes packed,
                         real_log *log, struct text *ret_result)
{
    prepare_process();
    struct run *run = memory_new(sizeof *run);
    run->is_once = ret_result != NULL;
    int error = uv_loop_init(&run->loop);
    assert_that(error == 0);
    watch_signals(run); /* Before the component starts: a signal that comes early must not kill it half-way. */
    run->driver = real_driver_start(&run->loop, class, config, packed, log);
    while (!real_driver_has_exited(run->driver))
        uv_run(&run->loop, UV_RUN_ONCE);
    int status = real_driver_result(run->driver, ret_result);
    real_driver_destroy(run->driver);
    for (size_t i = 0; i < sizeof run->signals / sizeof run->signals[0]; i++)
        uv_close((uv_handle_t *)&run->signals[i], NULL);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    error = uv_loop_close(&run->loop);
    assert_that(error == 0);
    memory_free(run);
    return status;
}

int real_run(const struct machine_class *class, const Cupola__DriverConfig *config, struct io_bytes packed)
{
    return run_component(class, config, packed, NULL, NULL);
}

int real_run_once(const struct machine_class *class, const char *data_dir, struct io_bytes packed, real_log *log,
                  struct text *ret_result)
{
    Cupola__DriverConfig config = CUPOLA__DRIVER_CONFIG__INIT;
    config.data_dir = (char *)(uintptr_t)data_dir;
    return run_component(class, &config, packed, log, ret_result);
}

bool real_remove_folder(const char *path, struct text *ret_reason)
{
    return files_remove_tree(path, ret_reason) == IO_OK;
}
