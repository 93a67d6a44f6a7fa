/* A part of one_of_each, without any grace: no router has two endpoints for one host that come from one order to start
 * one index (app, index and epoch are the same). Two orders for one index may overlap for a while, one order never
 * makes two instances. */
#include "core/base/memory.h"
#include "core/router/view.h"
#include "sim/survey.h"

#include <stdio.h>
#include <string.h>

/* Compared as bytes: zeroed before it is filled in. */
struct order_key {
    int64_t app;
    int64_t epoch;
    int64_t index;
    char host[192];
};

struct ordered_route {
    struct order_key key;
    char endpoint[80];
    UT_hash_handle hh;
};

static void look_at_route(struct cloud *cloud, const struct component *router, const struct route_view *view,
                          struct ordered_route **seen)
{
    struct ordered_route *route = memory_new(sizeof *route);
    route->key.app = view->app;
    route->key.epoch = view->epoch;
    route->key.index = view->index;
    strncpy(route->key.host, view->host, sizeof route->key.host - 1);
    snprintf(route->endpoint, sizeof route->endpoint, "%.60s:%u", view->endpoint_host, view->endpoint_port);
    struct ordered_route *other = NULL;
    HASH_FIND(hh, *seen, &route->key, sizeof route->key, other);
    if (other == NULL) {
        HASH_ADD(hh, *seen, key, sizeof route->key, route);
        return;
    }
    cloud_violate(cloud, "one_of_each", "%s routes %s to %s and %s, both from one order to start index %d",
                  router->name, view->host, other->endpoint, route->endpoint, view->index);
    memory_free(route);
}

static void look_at_router(struct cloud *cloud, const struct component *router)
{
    struct ordered_route *seen = NULL;
    struct route_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    struct route_view view;
    while (router_next_route(component_machine(router), &cursor, &view))
        if (view.has_app && view.has_index && view.has_epoch && view.epoch != 0)
            look_at_route(cloud, router, &view, &seen);
    struct ordered_route *route, *next;
    HASH_ITER (hh, seen, route, next) {
        HASH_DELETE(hh, seen, route);
        memory_free(route);
    }
}

void epochs_look(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_ROUTER]; i++)
        if (component_is_running(&cloud->components[ROLE_ROUTER][i]))
            look_at_router(cloud, &cloud->components[ROLE_ROUTER][i]);
}
