/* How many events a second the simulator's queue moves with 100,000 pending: each is taken and put again later.
 * usage: event_queue [PENDING] */
#include "core/base/random.h"
#include "drivers/sim/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void nothing(struct wake *wake)
{
    (void)wake;
}

static double seconds_of_cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    enum { EVENTS = 10000000 };
    size_t pending = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    struct wake *wakes = calloc(pending, sizeof *wakes);
    struct queue queue = {.seed = 1};
    struct random_stream stream = random_named(1, "bench");
    for (size_t i = 0; i < pending; i++) {
        wakes[i] = (struct wake){.happen = nothing, .key = i};
        queue_put(&queue, &wakes[i], random_below(&stream, 1000000000));
    }
    double began = seconds_of_cpu();
    for (size_t i = 0; i < EVENTS; i++) {
        struct wake *wake = queue_take(&queue);
        queue_put(&queue, wake, wake->at_ns + random_below(&stream, 1000000000));
    }
    double took = seconds_of_cpu() - began;
    printf("%zu pending: %.1f million events a second of one core\n", pending, EVENTS / took / 1e6);
    queue_release(&queue);
    free(wakes);
    return 0;
}
