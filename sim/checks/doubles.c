/* A part of one_of_each: no two instances of one (app, version, index) run and take requests beside each other for
 * longer than a grace.
 *
 * Two orders for one index have two epochs. Who is cut off goes on with the older one, and its routers lead there: that
 * is promised (docs/healing.md). So the grace counts from when everybody concerned can reach everybody: the hosts of
 * the instances, the routers that lead to them, the bus. Instances of one epoch have no grace (epochs.c).
 */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/checks/survey.h"

#include <stdio.h>
#include <string.h>

/* Instances of one key that run. */
struct running {
    char key[256]; /* "app/version/index" */
    size_t count;
    UT_hash_handle hh;
};

static bool leads_to(const struct cloud *cloud, const struct component *router, const struct workload *instance)
{
    if (!component_is_running(router) || network_is_blocked(&cloud->world->network, router->host, instance->host))
        return false;
    struct route_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    struct route_view route;
    while (router_next_route(component_machine(router), &cursor, &route)) {
        if (route.endpoint_port == instance->port.number && strcmp(route.endpoint_host, instance->host->address) == 0)
            return true;
    }
    return false;
}

/* Whether it takes requests; then its host and the routers that lead there are concerned. */
static bool is_served(const struct cloud *cloud, const struct workload *instance, bool *concerned)
{
    bool serves = false;
    for (size_t i = 0; i < cloud->component_counts[ROLE_ROUTER]; i++) {
        const struct component *router = &cloud->components[ROLE_ROUTER][i];
        if (!leads_to(cloud, router, instance))
            continue;
        concerned[router->host->number] = concerned[instance->host->number] = true;
        serves = true;
    }
    return serves;
}

static void print_key(const struct workload *instance, char ret_key[256])
{
    snprintf(ret_key, 256, "%s/%s/%d", instance->app->name, instance->version, instance->index);
}

static bool are_together(const struct cloud *cloud, bool *concerned)
{
    const struct world *world = cloud->world;
    for (size_t i = 0; i < cloud->component_counts[ROLE_BUS_SERVER]; i++)
        concerned[cloud->components[ROLE_BUS_SERVER][i].host->number] = true;
    for (size_t i = 0; i < world->host_count; i++) {
        for (size_t j = 0; concerned[i] && j < world->host_count; j++) {
            if (concerned[j] && network_is_blocked(&world->network, world->hosts[i], world->hosts[j]))
                return false;
        }
    }
    return true;
}

static void note_double(struct cloud *cloud, const char *key, bool is_together)
{
    uint64_t now_ns = cloud->world->now_ns;
    struct double_instance *pair = NULL;
    HASH_FIND_STR(cloud->doubles, key, pair);
    if (pair == NULL) {
        pair = memory_new(sizeof *pair);
        snprintf(pair->key, sizeof pair->key, "%s", key);
        pair->since_ns = now_ns;
        HASH_ADD_STR(cloud->doubles, key, pair);
    }
    pair->seen_ns = now_ns;
    if (!is_together)
        pair->since_ns = now_ns;
    else if (now_ns - pair->since_ns > ONE_OF_EACH_GRACE_NS)
        cloud_violate(cloud, "one_of_each", "app, version and index %s are served by two instances for %llu s", key,
                      (unsigned long long)((now_ns - pair->since_ns) / NS_PER_S));
}

static void forget(struct cloud *cloud, bool all)
{
    struct double_instance *pair, *next;
    HASH_ITER (hh, cloud->doubles, pair, next) {
        if (!all && pair->seen_ns == cloud->world->now_ns)
            continue;
        HASH_DELETE(hh, cloud->doubles, pair);
        memory_free(pair);
    }
}

static void count_on_host(const struct host *host, struct running **all)
{
    for (const struct workload *at = host->workloads; at != NULL; at = at->next) {
        if (!at->is_running || !at->is_listening)
            continue;
        struct running *running = NULL;
        char key[256];
        print_key(at, key);
        HASH_FIND_STR(*all, key, running);
        if (running == NULL) {
            running = memory_new(sizeof *running);
            memcpy(running->key, key, sizeof key);
            HASH_ADD_STR(*all, key, running);
        }
        running->count++;
    }
}

static void look_at_key(struct cloud *cloud, const char *key)
{
    bool *concerned = memory_new(cloud->world->host_count);
    size_t served = 0;
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        const struct host *host = cloud->components[ROLE_DEA][i].host;
        for (const struct workload *at = host->workloads; at != NULL; at = at->next) {
            char own[256];
            print_key(at, own);
            if (at->is_running && at->is_listening && strcmp(own, key) == 0)
                served += is_served(cloud, at, concerned);
        }
    }
    if (served > 1)
        note_double(cloud, key, are_together(cloud, concerned));
    memory_free(concerned);
}

void doubles_look(struct cloud *cloud)
{
    struct running *all = NULL, *running, *next;
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++)
        count_on_host(cloud->components[ROLE_DEA][i].host, &all);
    HASH_ITER (hh, all, running, next) {
        if (running->count > 1)
            look_at_key(cloud, running->key);
        HASH_DELETE(hh, all, running);
        memory_free(running);
    }
    forget(cloud, false);
}

void doubles_release(struct cloud *cloud)
{
    forget(cloud, true);
}
