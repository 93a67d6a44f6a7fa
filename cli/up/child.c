/* One component as a child process: its lines, its end, its next life. */
#include "cli/terminal.h"
#include "cli/up/up.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 5000, STEADY_MS = 10000 };

/* ---- Lines ---- */

static void take_line(struct up_child *child)
{
    child->line[child->line_size] = 0;
    if (child->line_size > 0)
        up_tell_line(child, child->line);
    child->line_size = 0;
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_room)
{
    static char room[UP_LINE_MOST];
    (void)handle;
    (void)suggested;
    *ret_room = uv_buf_init(room, sizeof room);
}

static void on_closed(uv_handle_t *handle)
{
    struct up_child *child = handle->data;
    if (--child->open_handles == 0)
        up_child_ended(child);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *room)
{
    struct up_child *child = stream->data;
    if (size < 0) {
        take_line(child);
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        if (room->base[i] == '\n' || child->line_size == UP_LINE_MOST - 1)
            take_line(child);
        if (room->base[i] != '\n')
            child->line[child->line_size++] = room->base[i];
    }
}

/* ---- Life ---- */

static void on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct up_child *child = process->data;
    struct up *up = child->up;
    child->is_running = false;
    if (!up->is_stopping && signal_number != 0)
        up_tell(up, "%s was killed by signal %d (%s)", child->name, signal_number, strsignal(signal_number));
    else if (!up->is_stopping)
        up_tell(up, "%s ended by itself with status %lld", child->name, (long long)status);
    uv_close((uv_handle_t *)process, on_closed);
}

static void on_again(uv_timer_t *timer)
{
    struct up_child *child = timer->data;
    child->is_pausing = false;
    if (!child->up->is_stopping)
        up_child_start(child);
}

/* Each failure in a row doubles the pause; who has lived for a while begins anew. */
void up_child_restart(struct up_child *child)
{
    bool was_steady = uv_now(&child->up->loop) - child->started_ms >= STEADY_MS;
    child->pause_ms = was_steady || child->pause_ms == 0 ? PAUSE_FIRST_MS : child->pause_ms * 2;
    if (child->pause_ms > PAUSE_MOST_MS)
        child->pause_ms = PAUSE_MOST_MS;
    up_tell(child->up, "%s is started again in %llu ms", child->name, (unsigned long long)child->pause_ms);
    child->is_pausing = true;
    uv_timer_start(&child->again, on_again, child->pause_ms, 0);
}

static void fill_arguments(struct up_child *child, char **arguments)
{
    size_t count = 0;
    arguments[count++] = (char *)(uintptr_t) "cupola";
    arguments[count++] = (char *)(uintptr_t) "run";
    arguments[count++] = (char *)(uintptr_t)child->role;
    arguments[count++] = (char *)(uintptr_t) "--config";
    arguments[count++] = child->config;
    arguments[count++] = (char *)(uintptr_t) "--end-with-parent";
    child->life++;
    child->trace[0] = 0;
    if (child->up->options.record) {
        /* A life is a trace: a new one must not overwrite the end of the last. */
        if (child->life == 1)
            snprintf(child->trace, sizeof child->trace, "%s/%s.trace", child->up->dir, child->name);
        else
            snprintf(child->trace, sizeof child->trace, "%s/%s-life-%u.trace", child->up->dir, child->name,
                     child->life);
        arguments[count++] = (char *)(uintptr_t) "--record";
        arguments[count++] = child->trace;
    }
    arguments[count] = NULL;
}

void up_child_start(struct up_child *child)
{
    struct up *up = child->up;
    char *arguments[12];
    fill_arguments(child, arguments);
    uv_pipe_init(&up->loop, &child->lines, 0);
    child->lines.data = child->process.data = child->again.data = child;
    /* Components say everything on standard error. */
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->lines},
    };
    uv_process_options_t options = {
        .file = "/proc/self/exe",
        .args = arguments,
        .exit_cb = on_exit,
        .flags = UV_PROCESS_DETACHED, /* Ctrl-C is for us; we tell the others, in order. */
        .stdio = stdio,
        .stdio_count = 3,
    };
    child->started_ms = uv_now(&up->loop);
    child->open_handles = 2;
    child->is_running = true;
    int error = uv_spawn(&up->loop, &child->process, &options);
    if (error != 0) {
        child->is_running = false;
        up_tell(up, "%s cannot be started: %s", child->name, uv_strerror(error));
        uv_close((uv_handle_t *)&child->process, on_closed);
        uv_close((uv_handle_t *)&child->lines, on_closed);
        return;
    }
    uv_read_start((uv_stream_t *)&child->lines, give_room, on_read);
    up_write_facts(up);
}

void up_child_signal(struct up_child *child, int number)
{
    if (child->is_running)
        uv_process_kill(&child->process, number);
}
