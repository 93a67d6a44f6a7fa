/* What work on a thread has to say while it goes on, on its way to the component as EVENT_OUTPUT.
 *
 *   telling_open --> telling_say, on any thread --> telling_close, on the loop: the rest is told --> closed
 *
 * Embed it in the struct of the work, which may be freed in `closed` and no earlier.
 */
#ifndef CUPOLA_DRIVERS_REAL_TELLING_H
#define CUPOLA_DRIVERS_REAL_TELLING_H

#include "drivers/real/driver.h"

#include <pthread.h>

struct telling {
    struct real_driver *driver;
    struct io_op op;
    uv_async_t wake;
    pthread_mutex_t lock;
    struct text text; /* Said, not told yet; under the lock. */
    void (*closed)(struct telling *telling);
};

void telling_open(struct real_driver *driver, struct telling *telling, struct io_op op);
/* What is said faster than the component hears it is kept up to a megabyte; the rest is dropped. */
void telling_say(struct telling *telling, struct io_bytes bytes);
void telling_close(struct telling *telling, void (*closed)(struct telling *telling));

#endif
