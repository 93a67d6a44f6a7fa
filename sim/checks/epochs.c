/* A part of one_of_each, without any grace: one order to start one index never makes two instances. Two orders for one
 * index may overlap for a while (doubles.c).
 *
 * No router has two endpoints for one host that have app, index and epoch in common; nor do two routers, wherever they
 * are, if instances of that app and index run behind both.
 */
#include "core/base/memory.h"
#include "core/router/view.h"
#include "sim/checks/survey.h"

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
    char address[64];
    uint16_t port;
    const struct component *router;
    UT_hash_handle hh;
};

/* What runs and listens there; NULL: nothing. */
static const struct workload *find_instance(const struct cloud *cloud, const struct ordered_route *route)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        const struct host *host = cloud->components[ROLE_DEA][i].host;
        for (const struct workload *at = host->workloads; at != NULL; at = at->next) {
            if (at->is_running && at->is_listening && at->port.number == route->port &&
                strcmp(host->address, route->address) == 0)
                return at;
        }
    }
    return NULL;
}

/* A router that hears nothing may lead to what has ended, even if its port is used again. */
static bool are_both_there(const struct cloud *cloud, const struct ordered_route *a, const struct ordered_route *b)
{
    const struct workload *one = find_instance(cloud, a), *other = find_instance(cloud, b);
    return one != NULL && other != NULL && one->index == a->key.index && strcmp(one->label, other->label) == 0;
}

static void compare(struct cloud *cloud, const struct ordered_route *route, const struct ordered_route *other)
{
    if (route->port == other->port && strcmp(route->address, other->address) == 0)
        return;
    if (route->router == other->router || are_both_there(cloud, route, other))
        cloud_violate(cloud, "one_of_each",
                      "%s routes %s to %s:%u, and %s to %s:%u, both from one order to start index %d",
                      route->router->name, route->key.host, route->address, route->port, other->router->name,
                      other->address, other->port, (int)route->key.index);
}

static void look_at_route(struct cloud *cloud, const struct component *router, const struct route_view *view,
                          struct ordered_route **seen)
{
    struct ordered_route *route = memory_new(sizeof *route);
    route->key.app = view->app;
    route->key.epoch = view->epoch;
    route->key.index = view->index;
    strncpy(route->key.host, view->host, sizeof route->key.host - 1);
    snprintf(route->address, sizeof route->address, "%s", view->endpoint_host);
    route->port = view->endpoint_port;
    route->router = router;
    struct ordered_route *other = NULL;
    HASH_FIND(hh, *seen, &route->key, sizeof route->key, other);
    if (other == NULL) {
        HASH_ADD(hh, *seen, key, sizeof route->key, route);
        return;
    }
    compare(cloud, route, other);
    memory_free(route);
}

static void forget(struct ordered_route *seen)
{
    struct ordered_route *route, *next;
    HASH_ITER (hh, seen, route, next) {
        HASH_DELETE(hh, seen, route);
        memory_free(route);
    }
}

static void look_at_router(struct cloud *cloud, const struct component *router, struct ordered_route **all)
{
    struct ordered_route *own = NULL;
    struct route_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    struct route_view view;
    while (router_next_route(component_machine(router), &cursor, &view)) {
        if (!view.has_app || !view.has_index || !view.has_epoch || view.epoch == 0)
            continue;
        look_at_route(cloud, router, &view, &own);
        look_at_route(cloud, router, &view, all);
    }
    forget(own);
}

void epochs_look(struct cloud *cloud)
{
    struct ordered_route *all = NULL;
    for (size_t i = 0; i < cloud->component_counts[ROLE_ROUTER]; i++)
        if (component_is_running(&cloud->components[ROLE_ROUTER][i]))
            look_at_router(cloud, &cloud->components[ROLE_ROUTER][i], &all);
    forget(all);
}
