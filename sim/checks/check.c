#include "sim/checks/check.h"

#include "core/base/memory.h"
#include "sim/checks/dependencies.h"
#include "sim/checks/survey.h"

#include <stdio.h>
#include <string.h>

static const char *const names[CHECK_ALWAYS_END] = {
    [CHECK_NEVER_MISROUTED] = "never_misrouted",
    [CHECK_NO_LOST_APP] = "no_lost_app",
    [CHECK_ONE_OF_EACH] = "one_of_each",
    [CHECK_MEMORY_WITHIN_LIMITS] = "memory_within_limits",
    [CHECK_NO_FAILED_REQUEST] = "no_failed_request",
    [CHECK_ONE_ORDER] = "one_order",
    [CHECK_LINEARIZABLE_PER_APP] = "linearizable_per_app",
};

static const char *const promises[CHECK_ALWAYS_END] = {
    [CHECK_NEVER_MISROUTED] = "an answer comes from the app that was asked, always",
    [CHECK_NO_LOST_APP] = "what a controller has acknowledged is in the journal",
    [CHECK_ONE_OF_EACH] = "no two routed, running instances share app, version and index for longer than a grace",
    [CHECK_MEMORY_WITHIN_LIMITS] = "no DEA promises more memory than it has, no process lives above its limit",
    [CHECK_NO_FAILED_REQUEST] = "every request of the load is answered by its app",
    [CHECK_ONE_ORDER] = "the answers to all commands fit one order of them, across apps",
    [CHECK_LINEARIZABLE_PER_APP] = "what the clients were told of an app fits some order of their calls",
};

const char *always_check_promise(enum always_check check)
{
    return promises[check];
}

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
    doubles_release(cloud);
    promises_release(cloud);
    dependencies_free(cloud->history);
}

/* ---- memory_within_limits ---- */

/* The simulated kernel holds each process to its limit, as a real one does: what can go wrong is that there is none, or
 * that all limits together are too much. */
static void look_at_memory(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        struct component *dea = &cloud->components[ROLE_DEA][i];
        uint64_t granted = dea->host->granted_bytes >> 20;
        if (dea->host->unlimited_count > 0)
            cloud_violate(cloud, "memory_within_limits", "a process on %s runs without a limit", dea->name);
        if (!component_is_running(dea))
            continue;
        struct dea_view view;
        dea_view(component_machine(dea), &view);
        if (granted > view.max_mb)
            cloud_violate(cloud, "memory_within_limits", "what runs on %s may take %llu MB of %llu", dea->name,
                          (unsigned long long)granted, (unsigned long long)view.max_mb);
        if (view.reserved_mb > view.max_mb)
            cloud_violate(cloud, "memory_within_limits", "%s has promised %llu MB of %llu", dea->name,
                          (unsigned long long)view.reserved_mb, (unsigned long long)view.max_mb);
    }
}

/* ---- All of them ---- */

void checks_look(struct cloud *cloud)
{
    if (check_is_on(cloud, CHECK_MEMORY_WITHIN_LIMITS))
        look_at_memory(cloud);
    if (check_is_on(cloud, CHECK_NO_LOST_APP))
        promises_look(cloud);
    if (check_is_on(cloud, CHECK_ONE_OF_EACH)) {
        doubles_look(cloud);
        epochs_look(cloud);
    }
    if (check_is_on(cloud, CHECK_LINEARIZABLE_PER_APP))
        rest_clients_look(cloud);
    for (const struct own_check *check = cloud->own_checks; check != NULL; check = check->next) {
        struct text why = {0};
        if (!check->holds(cloud, check->context, &why))
            cloud_violate(cloud, check->name, "%s", text_string(&why));
        text_free(&why);
    }
}
