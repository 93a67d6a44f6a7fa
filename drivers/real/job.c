#include "drivers/real/job.h"

#include "core/base/assert.h"

#include <stdarg.h>
#include <stdio.h>

static void on_work(uv_work_t *request)
{
    struct job *job = request->data;
    job->work(job);
}

static void on_finished(uv_work_t *request, int status)
{
    assert_that(status == 0); /* Nobody cancels jobs. */
    struct job *job = request->data;
    struct real_driver *driver = job->driver;
    assert_that(driver->job_count > 0);
    driver->job_count--;
    job->finish(job);
    driver_pump(driver);
}

void job_start(struct real_driver *driver, struct job *job, struct io_op op, void (*work)(struct job *job),
               void (*finish)(struct job *job))
{
    job->driver = driver;
    job->op = op;
    job->work = work;
    job->finish = finish;
    job->request.data = job;
    driver->job_count++;
    int error = uv_queue_work(driver->loop, &job->request, on_work, on_finished);
    assert_that(error == 0);
}

void job_answer(struct job *job)
{
    struct io_bytes data = {(const uint8_t *)text_string(&job->data), job->data.size};
    driver_done(job->driver, job->op, job->status, job->number, data);
    text_free(&job->data);
}

bool job_fail(struct job *job, enum io_status status, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    job->status = status;
    text_clear(&job->data);
    text_add_string(&job->data, text);
    return false;
}
