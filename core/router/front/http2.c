/* Clients that speak HTTP/2. */
#include "core/router/front/http2.h"
#include "core/base/memory.h"

#include <string.h>

struct http2_front {
    struct h2_link link;
    struct session *session;
};

static bool on_stream(struct h2_link *link, struct carriage *carriage)
{
    struct http2_front *front = container_of(link, struct http2_front, link);
    return session_carry(front->session, carriage);
}

static void on_closed(struct h2_link *link)
{
    struct http2_front *front = container_of(link, struct http2_front, link);
    struct router *router = front->session->router;
    session_free(front->session);
    router_finish_if_drained(router);
}

static const struct h2_link_class link_class = {.on_stream = on_stream, .on_closed = on_closed};

bool http2_take_over(struct session *session, size_t head_size)
{
    static const char preface[] = H2_PREFACE_HEAD;
    if (head_size != sizeof preface - 1 || session->conn.carriage != NULL ||
        memcmp(slice_data(session->input), preface, head_size) != 0)
        return false;
    struct http2_front *front = memory_new(sizeof *front);
    front->session = session;
    front->link.class = &link_class;
    front->link.limits = &session->router->settings.http2;
    session->http2 = front;
    session_move(session, SESSION_HTTP2);
    timer_cancel(&session->router->machine, &session->timer);
    h2_serve_from(&front->link, &session->conn, (struct io_bytes){slice_data(session->input), session->input.size});
    session_consume_input(session, session->input.size);
    if (session->router->is_draining) /* It came just before the stop. */
        http2_drain(session);
    return true;
}

void http2_drain(struct session *session)
{
    h2_drain(&session->http2->link);
}

void http2_forget(struct session *session)
{
    if (session->http2 == NULL)
        return;
    h2_link_free(&session->http2->link);
    memory_free(session->http2);
    session->http2 = NULL;
}
