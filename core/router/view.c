#include "core/router/view.h"

#include "core/components.h"
#include "core/router/session.h"

static const struct router *router_of(const struct machine *machine)
{
    assert_that(machine->class == &router_class);
    return (const struct router *)(const void *)machine; /* It is the first member. */
}

size_t router_route_count(const struct machine *machine)
{
    return router_of(machine)->table.route_count;
}

size_t router_endpoint_count(const struct machine *machine)
{
    return router_of(machine)->table.link_count;
}

size_t router_session_count(const struct machine *machine)
{
    return router_of(machine)->session_count;
}

static void show(const struct router *router, const struct link *link, struct route_view *ret_view)
{
    const struct endpoint *endpoint = link->endpoint;
    *ret_view = (struct route_view){
        .host = link->route->host,
        .endpoint_host = endpoint->host,
        .endpoint_port = endpoint->port,
        .instance = endpoint->instance,
        .dea = endpoint->dea,
        .has_app = endpoint->has_app,
        .has_index = endpoint->has_index,
        .has_epoch = endpoint->has_epoch,
        .app = endpoint->app,
        .index = endpoint->index,
        .epoch = endpoint->epoch,
        .is_quarantined = endpoint->quarantined_until_ns > router->machine.now_ns,
        .updated_ns = link->updated_ns,
    };
}

bool router_next_route(const struct machine *machine, struct route_cursor *cursor, struct route_view *ret_view)
{
    const struct router *router = router_of(machine);
    const struct route *route = cursor->route;
    if (route == NULL && !cursor->is_over)
        route = router->table.routes;
    while (route != NULL && cursor->place >= route->link_count) {
        route = route->hh.next;
        cursor->place = 0;
    }
    cursor->route = route;
    cursor->is_over = route == NULL;
    if (route == NULL)
        return false;
    show(router, route->links[cursor->place++], ret_view);
    return true;
}
