/* The agent's side of supervisor.h: an order, and its answer. */
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An OCI runtime takes a second on a busy machine. */
enum { ANSWER_MS = 30000 };

static bool read_answer(struct workload_order *order)
{
    char text[600] = "";
    size_t size = 0;
    struct pollfd ready = {.fd = order->spare.connection, .events = POLLIN};
    while (memchr(text, '\n', size) == NULL && size < sizeof text - 1 && poll(&ready, 1, ANSWER_MS) > 0) {
        ssize_t got = read(order->spare.connection, text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    text[strcspn(text, "\n")] = 0;
    int error = EIO, at = 0;
    if (strncmp(text, "ok ", 3) == 0)
        return workload_read_pids(&order->folder, &order->pids) ||
               job_fail(&order->job, IO_FAILED, "the supervisor has not noted its processes down");
    if (sscanf(text, "error %d %n", &error, &at) != 1)
        return job_fail(&order->job, IO_FAILED, "the supervisor has not answered");
    return job_fail(&order->job, status_of_errno(error), "%s: %s", text + at, strerror(error));
}

bool supervisor_spawn(struct workload_order *order)
{
    bool is_spare = order->spare.connection >= 0;
    if (!is_spare)
        order->spare.connection = supervisor_start();
    if (order->spare.connection < 0)
        return job_fail(&order->job, status_of_errno(errno), "cannot start a supervisor: %s", strerror(errno));
    bool is_running;
    if (supervisor_order_send(order->spare.connection, order)) {
        is_running = read_answer(order);
    } else {
        is_running =
            job_fail(&order->job, status_of_errno(errno), "no supervisor takes the order: %s", strerror(errno));
    }
    close(order->spare.connection);
    order->spare.connection = -1;
    return is_running;
}
