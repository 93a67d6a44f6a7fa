/* What the controllers have of services, beside what there is at the gateways. */
#include "core/cloud_controller/view.h"
#include "drivers/sim/gateway/gateway.h"
#include "sim/cloud_state.h"

#include <string.h>

struct comparison {
    struct cloud *cloud;
    struct text *ret_why;
    bool is_right;
    size_t recorded; /* By the controllers. */
};

static void differ(struct comparison *comparison, const char *what, const char *label, const char *id)
{
    if (comparison->is_right && comparison->ret_why != NULL)
        text_addf(comparison->ret_why, "%s: %s of %s", what, id, label);
    comparison->is_right = false;
}

static const struct machine *find_gateway(struct cloud *cloud, const char *label)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_GATEWAY]; i++) {
        const struct machine *machine = component_machine(&cloud->components[ROLE_GATEWAY][i]);
        if (machine != NULL && strcmp(gateway_view_label(machine), label) == 0)
            return machine;
    }
    return NULL;
}

static void look_at_record(void *context, const char *label, const char *service_id, const char *handle)
{
    struct comparison *comparison = context;
    const struct machine *gateway = find_gateway(comparison->cloud, label);
    const char *id = handle == NULL ? service_id : handle;
    struct gateway_thing_view thing;
    comparison->recorded++;
    for (const void *at = NULL; gateway != NULL && gateway_view_next(gateway, &at, &thing);) {
        if (strcmp(thing.id, id) != 0 || strcmp(thing.service, handle == NULL ? "" : service_id) != 0)
            continue;
        if (!thing.is_known)
            differ(comparison, "its gateway has forgotten it", label, id);
        return;
    }
    differ(comparison, gateway == NULL ? "its gateway does not run" : "it is not at its gateway", label, id);
}

static bool are_all_up(struct cloud *cloud, size_t *ret_things)
{
    *ret_things = 0;
    for (size_t i = 0; i < cloud->component_counts[ROLE_GATEWAY]; i++) {
        const struct machine *machine = component_machine(&cloud->components[ROLE_GATEWAY][i]);
        struct gateway_thing_view thing;
        if (machine == NULL)
            return false;
        for (const void *at = NULL; gateway_view_next(machine, &at, &thing);)
            ++*ret_things;
    }
    return true;
}

bool services_are_right(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    const struct machine *controller = cloud_knowing_controller(cloud);
    size_t things;
    if (controller == NULL || !are_all_up(cloud, &things)) {
        if (ret_why != NULL)
            text_add_string(ret_why, "no controller that knows everything runs, or a gateway does not");
        return false;
    }
    size_t leftovers = controller_view_leftover_count(controller);
    if (leftovers > 0) {
        if (ret_why != NULL)
            text_addf(ret_why, "%zu things wait to be deleted at their gateways", leftovers);
        return false;
    }
    struct comparison comparison = {.cloud = cloud, .ret_why = ret_why, .is_right = true};
    controller_view_each_handle(controller, look_at_record, &comparison);
    if (comparison.is_right && things != comparison.recorded) {
        comparison.is_right = false;
        if (ret_why != NULL)
            text_addf(ret_why, "the gateways have %zu things, of which the controllers know %zu", things,
                      comparison.recorded);
    }
    return comparison.is_right;
}
