#include "sim/check.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/survey.h"

#include <stdio.h>
#include <string.h>

static const char *const names[CHECK_ALWAYS_END] = {
    [CHECK_NEVER_MISROUTED] = "never_misrouted",
    [CHECK_NO_LOST_APP] = "no_lost_app",
    [CHECK_ONE_OF_EACH] = "one_of_each",
    [CHECK_MEMORY_WITHIN_LIMITS] = "memory_within_limits",
    [CHECK_NO_FAILED_REQUEST] = "no_failed_request",
};

const char *always_check_name(enum always_check check)
{
    return names[check];
}

enum always_check always_check_find(const char *name)
{
    for (int check = 1; check < CHECK_ALWAYS_END; check++) {
        if (strcmp(names[check], name) == 0)
            return (enum always_check)check;
    }
    return 0;
}

void cloud_check_always(struct cloud *cloud, enum always_check check)
{
    cloud->always |= 1u << check;
}

void cloud_check_always_with(struct cloud *cloud, const char *name, cloud_predicate *predicate, void *context)
{
    struct own_check **end = &cloud->own_checks;
    while (*end != NULL)
        end = &(*end)->next;
    struct own_check *check = memory_new(sizeof *check);
    check->name = memory_copy_text(name);
    check->holds = predicate;
    check->context = context;
    *end = check;
}

void checks_release(struct cloud *cloud)
{
    while (cloud->own_checks != NULL) {
        struct own_check *check = cloud->own_checks;
        cloud->own_checks = check->next;
        memory_free(check->name);
        memory_free(check);
    }
    struct double_instance *pair, *next;
    HASH_ITER (hh, cloud->doubles, pair, next) {
        HASH_DELETE(hh, cloud->doubles, pair);
        memory_free(pair);
    }
    promises_release(cloud);
}

/* ---- memory_within_limits ---- */

static void look_at_memory(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        struct component *dea = &cloud->components[ROLE_DEA][i];
        for (const struct workload *at = dea->host->workloads; at != NULL; at = at->next) {
            uint64_t used = workload_memory_bytes(at);
            if (at->is_running && at->limits.memory_bytes > 0 && used > at->limits.memory_bytes)
                cloud_violate(cloud, "memory_within_limits", "%s on %s uses %llu bytes of %llu", at->label, dea->name,
                              (unsigned long long)used, (unsigned long long)at->limits.memory_bytes);
        }
        if (!component_is_running(dea))
            continue;
        struct dea_view view;
        dea_view(component_machine(dea), &view);
        if (view.reserved_mb > view.max_mb)
            cloud_violate(cloud, "memory_within_limits", "%s has promised %llu MB of %llu", dea->name,
                          (unsigned long long)view.reserved_mb, (unsigned long long)view.max_mb);
    }
}

/* ---- one_of_each ---- */

/* One that runs and takes requests: seen through the first router that reaches its host and routes to it. */
struct served {
    char key[256]; /* "droplet/version/index" */
    size_t count;
    UT_hash_handle hh;
};

static bool router_serves(struct cloud *cloud, const struct component *router, const struct component *dea,
                          uint16_t port)
{
    if (!component_is_running(router) || network_is_blocked(&cloud->world->network, router->host, dea->host))
        return false;
    struct route_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    struct route_view route;
    while (router_next_route(component_machine(router), &cursor, &route)) {
        if (route.endpoint_port == port && strcmp(route.endpoint_host, dea->host->address) == 0)
            return true;
    }
    return false;
}

static bool is_served(struct cloud *cloud, const struct component *dea, uint16_t port)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_ROUTER]; i++) {
        if (router_serves(cloud, &cloud->components[ROLE_ROUTER][i], dea, port))
            return true;
    }
    return false;
}

static void note_double(struct cloud *cloud, const char *key)
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
    if (now_ns - pair->since_ns > ONE_OF_EACH_GRACE_NS)
        cloud_violate(cloud, "one_of_each", "app, version and index %s are served by two instances for %llu s", key,
                      (unsigned long long)((now_ns - pair->since_ns) / NS_PER_S));
}

static void forget_former_doubles(struct cloud *cloud)
{
    struct double_instance *pair, *next;
    HASH_ITER (hh, cloud->doubles, pair, next) {
        if (pair->seen_ns == cloud->world->now_ns)
            continue;
        HASH_DELETE(hh, cloud->doubles, pair);
        memory_free(pair);
    }
}

/* How many instances run under each key; those under the same one are then looked up in the routers. */
static struct served *count_running(struct cloud *cloud)
{
    struct served *all = NULL;
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        struct component *dea = &cloud->components[ROLE_DEA][i];
        for (const struct workload *at = dea->host->workloads; at != NULL; at = at->next) {
            if (!at->is_running || !at->is_listening)
                continue;
            struct served *served = NULL;
            char key[256];
            snprintf(key, sizeof key, "%s/%s/%d", at->app->name, at->version, at->index);
            HASH_FIND_STR(all, key, served);
            if (served == NULL) {
                served = memory_new(sizeof *served);
                memcpy(served->key, key, sizeof key);
                HASH_ADD_STR(all, key, served);
            }
            served->count++;
        }
    }
    return all;
}

static size_t count_served(struct cloud *cloud, const char *key)
{
    size_t count = 0;
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        struct component *dea = &cloud->components[ROLE_DEA][i];
        for (const struct workload *at = dea->host->workloads; at != NULL; at = at->next) {
            char own[256];
            if (!at->is_running || !at->is_listening)
                continue;
            snprintf(own, sizeof own, "%s/%s/%d", at->app->name, at->version, at->index);
            count += strcmp(own, key) == 0 && is_served(cloud, dea, at->port.number);
        }
    }
    return count;
}

static void look_at_doubles(struct cloud *cloud)
{
    struct served *all = count_running(cloud);
    struct served *served, *next;
    HASH_ITER (hh, all, served, next) {
        if (served->count > 1 && count_served(cloud, served->key) > 1)
            note_double(cloud, served->key);
        HASH_DELETE(hh, all, served);
        memory_free(served);
    }
    forget_former_doubles(cloud);
}

/* ---- All of them ---- */

void checks_look(struct cloud *cloud)
{
    if (check_is_on(cloud, CHECK_MEMORY_WITHIN_LIMITS))
        look_at_memory(cloud);
    if (check_is_on(cloud, CHECK_NO_LOST_APP))
        promises_look(cloud);
    if (check_is_on(cloud, CHECK_ONE_OF_EACH)) {
        look_at_doubles(cloud);
        epochs_look(cloud);
    }
    for (const struct own_check *check = cloud->own_checks; check != NULL; check = check->next) {
        struct text why = {0};
        if (!check->holds(cloud, check->context, &why))
            cloud_violate(cloud, check->name, "%s", text_string(&why));
        text_free(&why);
    }
}
