#include "tests/drivers/real/puppet.h"

#include "core/base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void puppet_do(struct real_driver *driver, void (*task)(struct puppet *puppet))
{
    puppet_of(real_driver_machine(driver))->task = task;
    real_driver_evacuate(driver);
}

/* ---- The stage ---- */

static void ignore_log(enum log_level level, const char *component, const char *text)
{
    if (getenv("PUPPET_LOG") != NULL)
        fprintf(stderr, "%d %s: %s\n", (int)level, component, text);
}

struct real_driver *stage_add(struct stage *stage, const char *data_dir, struct puppet **ret_puppet)
{
    Cupola__DriverConfig config = stage->config;
    config.data_dir = (char *)(uintptr_t)data_dir;
    struct real_driver *driver =
        real_driver_start(&stage->loop, &puppet_class, &config, (struct io_bytes){0}, ignore_log);
    *ret_puppet = puppet_of(real_driver_machine(driver));
    return driver;
}

void stage_open(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    uv_loop_init(&stage->loop);
    snprintf(stage->dir, sizeof stage->dir, "/tmp/cupola-real-XXXXXX");
    assert_non_null(mkdtemp(stage->dir));
    cupola__driver_config__init(&stage->config);
    stage->config.workloads = (char *)(uintptr_t) "process";
    stage->driver = stage_add(stage, stage->dir, &stage->puppet);
}

void stage_restart(struct stage *stage)
{
    real_driver_destroy(stage->driver);
    stage->driver = stage_add(stage, stage->dir, &stage->puppet);
}

void stage_close(struct stage *stage)
{
    real_driver_destroy(stage->driver);
    real_remove_workloads(stage->dir, "runc");
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    run_shell("rm -rf %s", stage->dir);
}

static void on_turn(uv_timer_t *timer)
{
    (void)timer;
}

uint64_t stage_patience_ns(void)
{
    const char *factor = getenv("CUPOLA_PATIENCE");
    return 30 * NS_PER_S * (factor == NULL || atoi(factor) < 1 ? 1 : (uint64_t)atoi(factor));
}

void stage_turn(struct stage *stage)
{
    uv_timer_t limit;
    uv_timer_init(&stage->loop, &limit);
    uv_timer_start(&limit, on_turn, 50, 50); /* Again and again: the first may be over before we sleep. */
    uv_run(&stage->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&stage->loop, UV_RUN_NOWAIT);
}

const char *stage_import(struct stage *stage, const void *bytes, size_t size)
{
    static char digest[41];
    char path[96];
    snprintf(path, sizeof path, "%s/import", stage->dir);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    uint64_t stored;
    struct text error = {0};
    assert_int_equal(real_blob_import(stage->dir, path, digest, &stored, &error), IO_OK);
    assert_int_equal(stored, size);
    return digest;
}

void run_shell(const char *format, ...)
{
    char command[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0)
        fail_msg("%s", command);
}
