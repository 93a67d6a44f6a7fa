/* Instances that registered with protocol http2: one link carries the streams
 * of many backends. A link that is full stays with its backends, and a new one
 * takes its place. */
#include "core/router/back/http2.h"
#include "core/base/memory.h"

#include "core/base/map.h"

#include <utlist.h>

struct http2_back {
    struct h2_link link;
    struct router *router;
    uint32_t endpoint;
    bool is_newest; /* In the router's table: takes new streams. */
    struct http2_back *previous, *next;
    UT_hash_handle hh;
};

static void stop_taking(struct http2_back *back)
{
    if (back->is_newest)
        HASH_DELETE(hh, back->router->newest_links, back);
    back->is_newest = false;
}

static void free_back(struct http2_back *back)
{
    stop_taking(back);
    DL_DELETE2(back->router->links, back, previous, next);
    h2_link_free(&back->link);
    memory_free(back);
}

static bool on_stream(struct h2_link *link, struct carriage *carriage)
{
    (void)link;
    (void)carriage;
    return false; /* Servers begin no streams: push is off. */
}

static void on_closed(struct h2_link *link)
{
    free_back(container_of(link, struct http2_back, link));
}

static const struct h2_link_class link_class = {.on_stream = on_stream, .on_closed = on_closed};

void http2_connect(struct router *router, uint32_t endpoint, struct conn *conn, const struct conn_handlers *handlers,
                   const char *host, uint16_t port)
{
    struct http2_back *back = NULL;
    HASH_FIND(hh, router->newest_links, &endpoint, sizeof endpoint, back);
    if (back != NULL && h2_open(&back->link, conn, handlers))
        return;
    if (back != NULL)
        stop_taking(back);
    back = memory_new(sizeof *back);
    back->router = router;
    back->endpoint = endpoint;
    back->is_newest = true;
    back->link.class = &link_class;
    back->link.limits = &router->settings.http2;
    HASH_ADD(hh, router->newest_links, endpoint, sizeof endpoint, back);
    DL_APPEND2(router->links, back, previous, next);
    h2_connect(&router->machine, &back->link, host, port);
    h2_open(&back->link, conn, handlers);
}

void http2_drain_links(struct router *router)
{
    for (struct http2_back *back = router->links; back != NULL; back = back->next)
        h2_drain(&back->link);
}

void http2_free_links(struct router *router)
{
    while (router->links != NULL)
        free_back(router->links);
}
