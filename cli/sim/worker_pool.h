/* Worker processes that send messages through pipes to the one that started them; a death is told, not suffered.
 *
 * Ctrl-C and SIGTERM end the pool with what has arrived so far.
 */
#ifndef CUPOLA_CLI_SIM_WORKER_POOL_H
#define CUPOLA_CLI_SIM_WORKER_POOL_H

#include "core/base/text.h"
#include "core/io.h"

#include <stdbool.h>
#include <stdint.h>

struct worker_pool {
    uint32_t jobs;
    void *context;
    /* In worker `worker`: sends with worker_send, and returns when it is done. The return value is its exit status. */
    int (*work)(void *context, uint32_t worker, int pipe);
    /* In the parent: one message, lent. */
    void (*on_message)(void *context, uint32_t worker, struct io_bytes message);
    /* In the parent: a worker has ended by a signal or with another status than 0. True: start it again. */
    bool (*on_death)(void *context, uint32_t worker, int wait_status);
    /* In the parent, five times a second. False: it is enough. May be NULL. */
    bool (*on_tick)(void *context);
};

/* Runs until every worker has ended, on_tick has enough, or an interrupt; true in the first case. */
bool worker_pool_run(const struct worker_pool *pool);
/* Whether the last worker_pool_run was ended by Ctrl-C or SIGTERM. */
bool worker_pool_was_interrupted(void);
/* One message to the parent; false if it is gone. */
bool worker_send(int pipe, const void *bytes, size_t size);

#endif
