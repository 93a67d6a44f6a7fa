#include "sim/search/orders.h"

#include "core/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct orders_totals *orders_share(void)
{
    void *memory = mmap(NULL, sizeof(struct orders_totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void add(uint64_t *count)
{
    __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
}

/* Waits for all children; the first process counts for the whole search. */
static void wait_for_children(void)
{
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

static _Noreturn void leave(struct orders *orders)
{
    __atomic_sub_fetch(&orders->totals->running, 1, __ATOMIC_RELAXED);
    wait_for_children();
    _exit(0);
}

void orders_end(struct orders *orders, const char *failure)
{
    struct orders_totals *totals = orders->totals;
    add(&totals->runs);
    if (failure != NULL) {
        add(&totals->failed);
        if (!__atomic_exchange_n(&totals->has_failure, true, __ATOMIC_ACQ_REL)) {
            memcpy(totals->choices, orders->path, sizeof totals->choices);
            totals->choice_count = orders->path_size;
            snprintf(totals->failure, sizeof totals->failure, "%s", failure);
        }
    }
    if (orders->is_child)
        leave(orders);
    wait_for_children();
}

/* A path that repeats another, or was told to stop. The first process has no other way than to wait, too: it leaves by
 * an exit status that its parent (the caller of the search) does not see, so a search runs in a process of its own. */
static _Noreturn void cut(struct orders *orders)
{
    add(&orders->totals->cut);
    leave(orders);
}

static bool is_asleep(const struct orders *orders, const struct order_choice *choice)
{
    for (size_t i = 0; i < orders->asleep_count; i++)
        if (orders->asleep[i].id == choice->id)
            return true;
    return false;
}

static void put_to_sleep(struct orders *orders, const struct order_choice *choice)
{
    assert_that(orders->asleep_count < sizeof orders->asleep / sizeof orders->asleep[0]);
    orders->asleep[orders->asleep_count++] = *choice;
}

/* What depends on the choice that was made wakes up: its order now matters. */
static void take(struct orders *orders, const struct order_choice *choice, size_t index)
{
    size_t kept = 0;
    for (size_t i = 0; i < orders->asleep_count; i++)
        if (orders->asleep[i].owner != choice->owner)
            orders->asleep[kept++] = orders->asleep[i];
    orders->asleep_count = kept;
    orders->path[orders->path_size++] = (uint8_t)index;
}

static bool is_enough(const struct orders *orders)
{
    return orders->most_runs > 0 && __atomic_load_n(&orders->totals->runs, __ATOMIC_RELAXED) >= orders->most_runs;
}

/* Makes a process for this branch. True in the child. */
static bool branch(struct orders *orders)
{
    fflush(NULL);
    uint32_t running = __atomic_add_fetch(&orders->totals->running, 1, __ATOMIC_RELAXED);
    pid_t child = fork();
    if (child == 0) {
        orders->is_child = true;
        return true;
    }
    if (child < 0)
        __atomic_sub_fetch(&orders->totals->running, 1, __ATOMIC_RELAXED);
    int status = 0;
    /* Earlier branches need not be over: that they were begun is what the sleep set tells. */
    while (child > 0 && running >= orders->jobs && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return false;
}

size_t orders_choose(struct orders *orders, const struct order_choice *choices, size_t count)
{
    assert_that(count >= 1 && count <= ORDERS_MOST_CHOICES);
    if (orders->given != NULL) {
        size_t at = orders->path_size;
        size_t index = at < orders->given_count && orders->given[at] < count ? orders->given[at] : 0;
        orders->path_size += at < ORDERS_MOST_DEPTH;
        return index;
    }
    if (orders->path_size >= orders->depth || orders->path_size >= ORDERS_MOST_DEPTH)
        return 0;
    if (is_enough(orders))
        cut(orders);
    add(&orders->totals->points);
    size_t last = count;
    for (size_t i = 0; i < count; i++)
        if (orders->is_unreduced || !is_asleep(orders, &choices[i]))
            last = i;
    if (last == count)
        cut(orders);
    for (size_t i = 0; i < last; i++) {
        if (!orders->is_unreduced && is_asleep(orders, &choices[i]))
            continue;
        if (branch(orders)) {
            take(orders, &choices[i], i);
            return i;
        }
        if (!orders->is_unreduced)
            put_to_sleep(orders, &choices[i]);
    }
    take(orders, &choices[last], last);
    return last;
}
