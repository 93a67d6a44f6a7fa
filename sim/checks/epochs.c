/* A part of one_of_each, without any grace: one order to start one index never makes two instances. Two orders for one
 * index may overlap for a while (doubles.c).
 *
 * No router has two endpoints for one host that have app, index and epoch in common; nor do two routers, wherever they
 * are, if instances of that app and index run behind both.
 */
#include "core/base/memory.h"
#include "core/router/view.h"
#include "sim/checks/survey.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The key is compared as bytes, all of it: the numbers and as much of the host as there is. Zeroed before it is filled
 * in. */
struct ordered_route {
    const struct component *router; /* The last one that was seen to have it. */
    char address[48];
    uint16_t port;
    UT_hash_handle hh;
    struct order_key {
        int64_t app;
        int64_t epoch;
        int64_t index;
        char host[192];
    } key;
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
    if (route->router == other->router || are_both_there(cloud, route, other))
        cloud_violate(cloud, "one_of_each",
                      "%s routes %s to %s:%u, and %s to %s:%u, both from one order to start index %d",
                      route->router->name, route->key.host, route->address, route->port, other->router->name,
                      other->address, other->port, (int)route->key.index);
}

static size_t fill_key(struct order_key *key, const struct route_view *view)
{
    memset(key, 0, offsetof(struct order_key, host));
    key->app = view->app;
    key->epoch = view->epoch;
    key->index = view->index;
    size_t size = strnlen(view->host, sizeof key->host - 1);
    memcpy(key->host, view->host, size);
    return offsetof(struct order_key, host) + size;
}

static void look_at_route(struct cloud *cloud, const struct component *router, const struct route_view *view,
                          struct ordered_route **seen)
{
    struct ordered_route route = {.router = router, .port = view->endpoint_port};
    snprintf(route.address, sizeof route.address, "%s", view->endpoint_host);
    size_t size = fill_key(&route.key, view);
    struct ordered_route *other = NULL;
    HASH_FIND(hh, *seen, &route.key, size, other);
    if (other == NULL) {
        struct ordered_route *kept = memory_new(offsetof(struct ordered_route, key) + size);
        memcpy(kept, &route, offsetof(struct ordered_route, key) + size);
        HASH_ADD_KEYPTR(hh, *seen, &kept->key, size, kept);
    } else if (route.port == other->port && strcmp(route.address, other->address) == 0) {
        other->router = router; /* If this one has another endpoint, too, it has both. */
    } else {
        compare(cloud, &route, other);
    }
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
    struct route_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    struct route_view view;
    while (router_next_route(component_machine(router), &cursor, &view)) {
        if (!view.has_app || !view.has_index || !view.has_epoch || view.epoch == 0)
            continue;
        look_at_route(cloud, router, &view, all);
    }
}

void epochs_look(struct cloud *cloud)
{
    struct ordered_route *all = NULL;
    for (size_t i = 0; i < cloud->component_counts[ROLE_ROUTER]; i++)
        if (component_is_running(&cloud->components[ROLE_ROUTER][i]))
            look_at_router(cloud, &cloud->components[ROLE_ROUTER][i], &all);
    forget(all);
}
