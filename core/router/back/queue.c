/* Requests for whom all backends are full: they wait in the order in which they came, each for its route, until a
 * backend has room or their time is up. */
#include "core/base/memory.h"
#include "core/router/back/backend.h"

#include <utlist.h>

/* Those who wait for one route. */
struct queue {
    struct route *route; /* The key. It has users: it stays. */
    struct session *first;
    UT_hash_handle hh;
};

bool queue_wait(struct session *session)
{
    struct router *router = session->router;
    struct exchange *exchange = &session->exchange;
    if (router->queued_count >= router->settings.max_queued || router->settings.queue_ns == 0)
        return false;
    struct queue *queue = NULL;
    HASH_FIND_PTR(router->queues, &exchange->route, queue);
    if (queue == NULL) {
        queue = memory_new(sizeof *queue);
        queue->route = exchange->route;
        HASH_ADD_PTR(router->queues, route, queue);
    }
    DL_APPEND2(queue->first, session, previous_queued, next_queued);
    session->queue = queue;
    router->queued_count++;
    session_move(session, SESSION_QUEUED);
    session_set_deadline(session, router->settings.queue_ns);
    return true;
}

void queue_leave(struct session *session)
{
    struct queue *queue = session->queue;
    if (queue == NULL)
        return;
    struct router *router = session->router;
    DL_DELETE2(queue->first, session, previous_queued, next_queued);
    session->queue = NULL;
    router->queued_count--;
    if (queue->first != NULL)
        return;
    HASH_DELETE(hh, router->queues, queue);
    memory_free(queue);
}

static void serve(struct late_work *work)
{
    struct router *router = container_of(work, struct router, queue_work);
    struct queue *queue, *next;
    HASH_ITER (hh, router->queues, queue, next) {
        bool is_last = false;
        while (!is_last) {
            struct session *session = queue->first;
            is_last = session->next_queued == NULL; /* With it the queue itself goes. */
            if (!request_resume(session))
                break;
        }
    }
}

/* Put off to the end of the step: whoever gave a backend back has not ended yet. */
void queue_on_room(struct router *router)
{
    if (router->queued_count > 0)
        machine_run_late(&router->machine, &router->queue_work, serve);
}
