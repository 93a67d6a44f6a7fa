#include "core/router/view.h"

#include "core/components.h"
#include "core/router/front/session.h"
#include "core/router/table/parts.h"

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

static void show(const struct router *router, const struct route *route, uint32_t at, struct route_view *ret_view)
{
    const struct table *table = &router->table;
    struct endpoint *endpoint = route_endpoint(table, route, at);
    const struct place *place = endpoint_place(table, endpoint);
    const struct source *source = source_at(table, endpoint->source);
    *ret_view = (struct route_view){
        .host = names_text(&table->names, route->name),
        .endpoint_host = endpoint_host(table, endpoint),
        .endpoint_port = endpoint->port,
        .dea = names_text(&table->names, source->name),
        .is_quarantined = endpoint_quarantined_until(endpoint) > router->machine.now_ns,
        .updated_ns = (uint64_t)sources_effective(table, endpoint, endpoint->seen) << TABLE_TICK_BITS,
    };
    endpoint_instance(table, endpoint, ret_view->instance);
    if (place == NULL)
        return;
    ret_view->has_app = place->has_app;
    ret_view->app = place->app;
    ret_view->has_index = place->has_index;
    ret_view->index = place->index;
    ret_view->has_epoch = place->has_epoch;
    ret_view->epoch = place->epoch;
}

bool router_next_route(const struct machine *machine, struct route_cursor *cursor, struct route_view *ret_view)
{
    const struct router *router = router_of(machine);
    const struct table *table = &router->table;
    if (cursor->route == 0)
        cursor->route = 1;
    while (cursor->route <= table->routes.used) {
        const struct route *route = route_at(table, cursor->route); /* A free record has no endpoints. */
        if (cursor->place < route->count) {
            show(router, route, cursor->place++, ret_view);
            return true;
        }
        cursor->route++;
        cursor->place = 0;
    }
    return false;
}
