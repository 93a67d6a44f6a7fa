/* WORKLOAD_EXEC: has a session (exec_session.h) made ready for a command beside a workload's processes. */
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MS = 10000, FIXED_WORDS = 7 };

struct exec_job {
    struct job job;
    struct path folder;
    const struct workload_kind *kind;
    char rows[8], columns[8];
    size_t word_count;
    char **words; /* Copies. */
};

/* "ok PORT SECRET" or "error TEXT" */
static bool read_answer(struct job *job, int session)
{
    char line[600] = "", secret[64] = "";
    size_t size = 0;
    unsigned port = 0;
    struct pollfd ready = {.fd = session, .events = POLLIN};
    while (memchr(line, '\n', size) == NULL && size < sizeof line - 1 && poll(&ready, 1, ANSWER_MS) > 0) {
        ssize_t got = read(session, line + size, sizeof line - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "error ", 6) == 0)
        return job_fail(job, IO_DENIED, "%s", line + 6);
    if (sscanf(line, "ok %u %63s", &port, secret) != 2)
        return job_fail(job, IO_FAILED, "the session has not answered");
    job->number = port;
    text_add_string(&job->data, secret);
    return true;
}

static void work(struct job *job)
{
    struct exec_job *exec = container_of(job, struct exec_job, job);
    static char name[] = "cupola", command[] = REAL_EXEC_COMMAND;
    char **argv = memory_new((FIXED_WORDS + exec->word_count + 1) * sizeof *argv);
    char *const fixed[FIXED_WORDS] = {name,
                                      command,
                                      (char *)(uintptr_t)exec->kind->name,
                                      exec->folder.text,
                                      job->driver->config->oci_runtime,
                                      exec->rows,
                                      exec->columns};
    memcpy(argv, fixed, sizeof fixed);
    memcpy(argv + FIXED_WORDS, exec->words, exec->word_count * sizeof *argv);
    int session = supervisor_start_as(argv);
    if (session < 0) {
        job_fail(job, status_of_errno(errno), "cannot start a session: %s", strerror(errno));
    } else {
        read_answer(job, session);
        close(session);
    }
    memory_free(argv);
}

static void finish(struct job *job)
{
    struct exec_job *exec = container_of(job, struct exec_job, job);
    job_answer(job);
    for (size_t i = 0; i < exec->word_count; i++)
        memory_free(exec->words[i]);
    memory_free(exec->words);
    memory_free(exec);
}

void workload_exec(struct real_driver *driver, const struct effect *effect)
{
    const struct workload *workload = workload_find(driver, effect->workload_exec.workload);
    if (workload == NULL || workload->state != WORKLOAD_RUNNING || workload->kind == NULL) {
        driver_done_text(driver, effect->op, IO_NOT_FOUND, "its processes have ended");
        return;
    }
    struct exec_job *exec = memory_new(sizeof *exec);
    exec->folder = workload->folder;
    exec->kind = workload->kind;
    snprintf(exec->rows, sizeof exec->rows, "%u", effect->workload_exec.rows);
    snprintf(exec->columns, sizeof exec->columns, "%u", effect->workload_exec.columns);
    while (effect->workload_exec.argv[exec->word_count] != NULL)
        exec->word_count++;
    exec->words = memory_new((exec->word_count + 1) * sizeof *exec->words);
    for (size_t i = 0; i < exec->word_count; i++)
        exec->words[i] = memory_copy_text(effect->workload_exec.argv[i]);
    job_start(driver, &exec->job, effect->op, work, finish);
}
