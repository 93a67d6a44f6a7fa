#include "drivers/real/recorder.h"

#include "core/base/memory.h"
#include "core/trace/trace.h"
#include "drivers/real/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BUFFERED_BYTES_MOST = 1 << 20 };

struct recorder {
    struct real_driver *driver;
    int descriptor; /* -1 after a failure: recording ends, the component goes on. */
    uint64_t number;
    struct text buffered;
};

static void write_header(struct recorder *recorder, struct io_bytes packed)
{
    const struct real_driver *driver = recorder->driver;
    Cupola__TraceHeader header = CUPOLA__TRACE_HEADER__INIT;
    header.has_schema = 1;
    header.schema = TRACE_SCHEMA;
    header.role = (char *)(uintptr_t)driver->machine->class->name;
    header.name = header.role;
    header.build = (char *)(uintptr_t)("cupola, " __VERSION__);
    header.has_config = 1;
    header.config.data = (uint8_t *)(uintptr_t)packed.data;
    header.config.len = packed.size;
    trace_write_header(&recorder->buffered, &header);
}

enum io_status recorder_open(struct real_driver *driver, struct io_bytes packed, struct text *ret_reason)
{
    const char *path = driver->config->record;
    if (path == NULL || path[0] == 0)
        return IO_OK;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) {
        text_addf(ret_reason, "record to %s: %s", path, strerror(errno));
        return status_of_errno(errno);
    }
    struct recorder *recorder = memory_new(sizeof *recorder);
    recorder->driver = driver;
    recorder->descriptor = descriptor;
    driver->recorder = recorder;
    snprintf(driver->context.replay_command, sizeof driver->context.replay_command, "cupola sim replay %s", path);
    write_header(recorder, packed);
    recorder_flush(recorder);
    return IO_OK;
}

void recorder_flush(struct recorder *recorder)
{
    if (recorder == NULL || recorder->buffered.size == 0 || recorder->descriptor < 0)
        return;
    if (files_write_all(recorder->descriptor, text_string(&recorder->buffered), recorder->buffered.size) != 0) {
        driver_log(recorder->driver, LOG_ERROR, "recording ends: %s", strerror(errno));
        close(recorder->descriptor);
        recorder->descriptor = -1;
    }
    text_clear(&recorder->buffered);
}

void recorder_add_step(struct recorder *recorder, const struct event *event, struct effects *effects)
{
    if (recorder == NULL || recorder->descriptor < 0)
        return;
    trace_write_step(&recorder->buffered, ++recorder->number, event, effects);
    if (recorder->buffered.size > BUFFERED_BYTES_MOST)
        recorder_flush(recorder);
}

void recorder_close(struct real_driver *driver)
{
    struct recorder *recorder = driver->recorder;
    if (recorder == NULL)
        return;
    recorder_flush(recorder);
    if (recorder->descriptor >= 0)
        close(recorder->descriptor);
    text_free(&recorder->buffered);
    memory_free(recorder);
    driver->recorder = NULL;
}
