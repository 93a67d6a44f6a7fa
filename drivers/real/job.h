/* Work that may block, on libuv's thread pool.
 *
 *   job_start --> work, on a thread: touches only what the job owns --> finish, on the loop --> freed by finish
 *
 * Embed it first in the struct of the work. `finish` is always called, also after the component has exited (then
 * driver_done does nothing).
 */
#ifndef CUPOLA_DRIVERS_REAL_JOB_H
#define CUPOLA_DRIVERS_REAL_JOB_H

#include "drivers/real/driver.h"

struct job {
    uv_work_t request;
    struct real_driver *driver;
    void (*work)(struct job *job);
    void (*finish)(struct job *job);

    /* The answer, as `work` leaves it. */
    struct io_op op;
    enum io_status status;
    uint64_t number;
    struct text data;
};

void job_start(struct real_driver *driver, struct job *job, struct io_op op, void (*work)(struct job *job),
               void (*finish)(struct job *job));
/* For `finish`: answers the op with status, number and data, and frees the data. */
void job_answer(struct job *job);
/* For `work`: fails with a reason. Returns false, so that a chain of steps can end with it. */
bool job_fail(struct job *job, enum io_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
