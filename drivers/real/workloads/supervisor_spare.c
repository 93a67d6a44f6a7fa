/* Supervisors in stock: born ahead, waiting for an order. They cost a little memory and save a start some
 * milliseconds. One whose agent ends goes by itself. */
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"

#include <poll.h>
#include <string.h>

enum { SPARES_MOST = 16, QUIET_MS = 250 };

struct spares {
    uv_timer_t quiet; /* Since the last start. */
    struct real_driver *driver;
    struct spare stock[SPARES_MOST]; /* Those with a container are behind those without. */
    size_t count;
    size_t under_way;
    char *runtime; /* What was started last. */
};

static size_t wanted(const struct real_driver *driver)
{
    uint32_t count = driver->config->spare_supervisors;
    return count < SPARES_MOST ? count : SPARES_MOST;
}

static bool has_container(const struct spare *spare)
{
    return spare->folder.text[0] != 0;
}

/* ---- Making ---- */

/* Starts one, or has one that was in stock make a container. */
static void work(struct job *job)
{
    struct workload_order *order = container_of(job, struct workload_order, job);
    if (order->spare.connection < 0)
        order->spare.connection = supervisor_start();
    else
        spare_container_make(order);
}

/* It is given. */
static void put_back(struct spares *spares, struct spare *spare)
{
    size_t place = has_container(spare) ? spares->count : 0;
    memmove(&spares->stock[place + 1], &spares->stock[place], (spares->count - place) * sizeof *spare);
    spares->stock[place] = *spare;
    spares->count++;
    *spare = (struct spare){.connection = -1};
}

static void finish(struct job *job)
{
    struct workload_order *order = container_of(job, struct workload_order, job);
    struct spares *spares = job->driver->spares;
    if (spares != NULL)
        spares->under_way--;
    if (order->spare.connection >= 0 && spares != NULL && spares->count < wanted(job->driver))
        put_back(spares, &order->spare);
    workload_order_free(order);
}

static void start_making(struct spares *spares, const struct spare *spare)
{
    static char *nothing[] = {NULL};
    struct workload_order *order = memory_new(sizeof *order);
    order->kind = spares->driver->workload_kind;
    order->spare = *spare;
    order->argv = workload_copy_list((const char *const *)nothing);
    order->envp = workload_copy_list((const char *const *)nothing);
    order->runtime = memory_copy_text(spares->runtime);
    spares->under_way++;
    job_start(spares->driver, &order->job, (struct io_op){0}, work, finish);
}

static size_t count_containers(const struct spares *spares)
{
    size_t count = 0;
    for (size_t i = 0; i < spares->count; i++)
        count += has_container(&spares->stock[i]);
    return count;
}

static struct spare take_out(struct spares *spares, size_t index)
{
    struct spare spare = spares->stock[index];
    spares->count--;
    memmove(&spares->stock[index], &spares->stock[index + 1], (spares->count - index) * sizeof spare);
    return spare;
}

/* Those who are at the front have none. */
static void on_quiet(uv_timer_t *timer)
{
    struct spares *spares = timer->data;
    size_t most = spares->driver->config->spare_containers, missing = count_containers(spares);
    for (missing = missing < most ? most - missing : 0; missing > 0 && spares->count > 0; missing--) {
        struct spare first = spares->stock[0];
        if (has_container(&first))
            return;
        take_out(spares, 0);
        start_making(spares, &first);
    }
}

static void open_stock(struct real_driver *driver)
{
    struct spares *spares = memory_new(sizeof *spares);
    spares->driver = driver;
    spares->runtime = memory_copy_text("");
    uv_timer_init(driver->loop, &spares->quiet);
    spares->quiet.data = spares;
    driver->handle_count++;
    driver->spares = spares;
}

void spares_fill(struct real_driver *driver, const char *runtime)
{
    if (driver->spares == NULL)
        open_stock(driver);
    struct spares *spares = driver->spares;
    if (runtime != NULL) {
        memory_free(spares->runtime);
        spares->runtime = memory_copy_text(runtime);
    }
    static const struct spare none = {.connection = -1};
    while (spares->count + spares->under_way < wanted(driver))
        start_making(spares, &none);
    bool can_be_contained = driver->workload_kind == NULL || driver->workload_kind->make != NULL;
    if (driver->config->spare_containers > 0 && can_be_contained)
        uv_timer_start(&spares->quiet, on_quiet, QUIET_MS, 0);
}

/* ---- For starts ---- */

enum spare_state { SPARE_GONE, SPARE_UNREADY, SPARE_READY };

/* One with a container says a byte when that is whole. */
static enum spare_state state_of(const struct spare *spare)
{
    struct pollfd said = {.fd = spare->connection, .events = POLLIN};
    poll(&said, 1, 0);
    if ((said.revents & (POLLHUP | POLLERR)) != 0)
        return SPARE_GONE;
    return !has_container(spare) || said.revents != 0 ? SPARE_READY : SPARE_UNREADY;
}

struct spare spares_take(struct real_driver *driver)
{
    struct spares *spares = driver->spares;
    for (size_t i = spares == NULL ? 0 : spares->count; i > 0; i--) {
        enum spare_state state = state_of(&spares->stock[i - 1]);
        if (state == SPARE_UNREADY)
            continue;
        struct spare spare = take_out(spares, i - 1);
        if (state == SPARE_READY)
            return spare;
        spare_drop(&spare);
    }
    return (struct spare){.connection = -1};
}

bool spares_have_container(const struct real_driver *driver)
{
    const struct spares *spares = driver->spares;
    size_t last = spares == NULL ? 0 : spares->count;
    return last > 0 && has_container(&spares->stock[last - 1]) && state_of(&spares->stock[last - 1]) == SPARE_READY;
}

/* ---- The end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct spares *spares = handle->data;
    spares->driver->handle_count--;
    memory_free(spares->runtime);
    memory_free(spares);
}

void spares_dismiss(struct real_driver *driver)
{
    struct spares *spares = driver->spares;
    driver->spares = NULL; /* Those under way find nobody. */
    if (spares == NULL)
        return;
    for (size_t i = 0; i < spares->count; i++)
        spare_drop(&spares->stock[i]);
    uv_close((uv_handle_t *)&spares->quiet, on_closed);
}
