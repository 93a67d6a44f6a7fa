/* Supervisors in stock: born ahead, waiting for an order. They cost a little memory and save a start some
 * milliseconds. One whose agent ends goes by itself. */
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"

#include <poll.h>
#include <unistd.h>

enum { SPARES_MOST = 16 };

struct spares {
    int connections[SPARES_MOST];
    size_t count;
    size_t under_way;
};

struct spare_job {
    struct job job;
    int connection;
};

static size_t wanted(const struct real_driver *driver)
{
    uint32_t count = driver->config->spare_supervisors;
    return count < SPARES_MOST ? count : SPARES_MOST;
}

static void work(struct job *job)
{
    container_of(job, struct spare_job, job)->connection = supervisor_start();
}

static void finish(struct job *job)
{
    struct spare_job *starting = container_of(job, struct spare_job, job);
    struct spares *spares = job->driver->spares;
    if (spares != NULL)
        spares->under_way--;
    if (starting->connection >= 0 && spares != NULL && spares->count < wanted(job->driver))
        spares->connections[spares->count++] = starting->connection;
    else if (starting->connection >= 0)
        close(starting->connection);
    memory_free(starting);
}

void spares_fill(struct real_driver *driver)
{
    if (driver->spares == NULL)
        driver->spares = memory_new(sizeof *driver->spares);
    struct spares *spares = driver->spares;
    while (spares->count + spares->under_way < wanted(driver)) {
        struct spare_job *starting = memory_new(sizeof *starting);
        spares->under_way++;
        job_start(driver, &starting->job, (struct io_op){0}, work, finish);
    }
}

/* Nothing ever comes from one that waits: what can be read is its end. */
static bool is_gone(int connection)
{
    struct pollfd end = {.fd = connection, .events = POLLIN};
    return poll(&end, 1, 0) != 0;
}

int spares_take(struct real_driver *driver)
{
    struct spares *spares = driver->spares;
    int connection = -1;
    while (connection < 0 && spares != NULL && spares->count > 0) {
        connection = spares->connections[--spares->count];
        if (is_gone(connection)) {
            close(connection);
            connection = -1;
        }
    }
    return connection;
}

void spares_dismiss(struct real_driver *driver)
{
    struct spares *spares = driver->spares;
    driver->spares = NULL; /* Those under way find nobody. */
    for (size_t i = 0; spares != NULL && i < spares->count; i++)
        close(spares->connections[i]);
    memory_free(spares);
}
