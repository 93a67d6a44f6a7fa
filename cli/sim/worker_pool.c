#include "cli/sim/worker_pool.h"

#include "core/base/memory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 200, CHUNK = 65536 };

struct worker {
    pid_t pid;
    int pipe; /* -1 once it has ended. */
    struct text received;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

bool worker_pool_was_interrupted(void)
{
    return interrupted != 0;
}

/* ---- In the worker ---- */

static bool write_all(int pipe, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(pipe, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

bool worker_send(int pipe, const void *bytes, size_t size)
{
    uint32_t length = (uint32_t)size;
    return write_all(pipe, &length, sizeof length) && write_all(pipe, bytes, size);
}

/* ---- In the parent ---- */

/* The workers' own processes may have children; a group of its own ends them together. */
static bool start_worker(const struct worker_pool *pool, struct worker *worker, uint32_t number)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* Nobody works for a parent that was killed. */
        close(ends[0]);
        signal(SIGINT, SIG_IGN); /* The parent decides. */
        signal(SIGTERM, SIG_DFL);
        _exit(pool->work(pool->context, number, ends[1]));
    }
    setpgid(pid, pid);
    close(ends[1]);
    *worker = (struct worker){.pid = pid, .pipe = ends[0]};
    return true;
}

static void take_messages(const struct worker_pool *pool, struct worker *worker, uint32_t number)
{
    for (;;) {
        uint32_t size = 0;
        if (worker->received.size < sizeof size)
            return;
        memcpy(&size, text_string(&worker->received), sizeof size);
        if (worker->received.size < sizeof size + size)
            return;
        const uint8_t *bytes = (const uint8_t *)text_string(&worker->received) + sizeof size;
        pool->on_message(pool->context, number, (struct io_bytes){bytes, size});
        text_consume(&worker->received, sizeof size + size);
    }
}

static void end_worker(const struct worker_pool *pool, struct worker *worker, uint32_t number)
{
    int status = 0;
    close(worker->pipe);
    worker->pipe = -1;
    text_free(&worker->received);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        ;
    bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_good && !interrupted && pool->on_death(pool->context, number, status))
        start_worker(pool, worker, number);
}

static void read_from(const struct worker_pool *pool, struct worker *worker, uint32_t number)
{
    ssize_t size = read(worker->pipe, text_room(&worker->received, CHUNK), CHUNK);
    if (size > 0) {
        text_grow(&worker->received, (size_t)size);
        take_messages(pool, worker, number);
    } else if (size == 0) {
        end_worker(pool, worker, number);
    }
}

static size_t count_alive(const struct worker_pool *pool, const struct worker *workers, struct pollfd *polls)
{
    size_t alive = 0;
    for (uint32_t i = 0; i < pool->jobs; i++) {
        polls[i] = (struct pollfd){.fd = workers[i].pipe, .events = POLLIN};
        alive += workers[i].pipe >= 0;
    }
    return alive;
}

static bool gather(const struct worker_pool *pool, struct worker *workers)
{
    struct pollfd *polls = memory_new(pool->jobs * sizeof *polls);
    bool is_done = false;
    while (!interrupted && !is_done) {
        is_done = count_alive(pool, workers, polls) == 0;
        if (is_done || poll(polls, pool->jobs, TICK_MS) < 0)
            continue;
        for (uint32_t i = 0; i < pool->jobs; i++) {
            if (workers[i].pipe >= 0 && polls[i].revents != 0)
                read_from(pool, &workers[i], i);
        }
        if (pool->on_tick != NULL && !pool->on_tick(pool->context))
            break;
    }
    memory_free(polls);
    return is_done;
}

bool worker_pool_run(const struct worker_pool *pool)
{
    struct worker *workers = memory_new(pool->jobs * sizeof *workers);
    struct sigaction action = {.sa_handler = on_interrupt}, former_interrupt, former_end;
    sigaction(SIGINT, &action, &former_interrupt);
    sigaction(SIGTERM, &action, &former_end);
    bool ok = true;
    for (uint32_t i = 0; i < pool->jobs; i++) {
        workers[i].pipe = -1;
        ok = start_worker(pool, &workers[i], i) && ok;
    }
    if (!ok)
        fprintf(stderr, "cupola: cannot start worker processes: %s\n", strerror(errno));
    bool is_done = ok && gather(pool, workers);
    for (uint32_t i = 0; i < pool->jobs; i++) {
        if (workers[i].pipe < 0)
            continue;
        kill(-workers[i].pid, SIGKILL);
        close(workers[i].pipe);
        waitpid(workers[i].pid, NULL, 0);
        text_free(&workers[i].received);
    }
    memory_free(workers);
    sigaction(SIGINT, &former_interrupt, NULL);
    sigaction(SIGTERM, &former_end, NULL);
    return is_done;
}
