/* Service gateways: what each offers, how it and the controllers find and trust each other, and what must hold of both
 * sides together. */
#include "core/cloud_controller/view.h"
#include "drivers/sim/gateway.h"
#include "sim/cloud_state.h"

#include <stdio.h>
#include <string.h>

enum { GATEWAY_PORT = 9500, MOST_CONTROLLERS = 64, MOST_LABEL = 64 };

#define GATEWAY_TOKEN "the token of a simulated gateway"

/* Those of the deck. */
static const char *const vendors[GATEWAYS_MOST] = {"redis", "mysql", "mongodb", "rabbitmq", "postgresql"};

struct slice gateway_configure(const struct cloud *cloud, const struct component *component,
                               const struct component_settings *settings)
{
    Cupola__SimGatewayConfig config = CUPOLA__SIM_GATEWAY_CONFIG__INIT;
    if (settings->given != NULL)
        config = *(const Cupola__SimGatewayConfig *)settings->given;
    char label[MOST_LABEL];
    char *controllers[MOST_CONTROLLERS];
    snprintf(label, sizeof label, "%s-1.0", vendors[component->index]);
    for (size_t i = 0; i < cloud->component_counts[ROLE_CONTROLLER] && i < MOST_CONTROLLERS; i++)
        controllers[config.n_controllers++] = cloud->components[ROLE_CONTROLLER][i].host->address;
    config.controllers = controllers;
    config.has_controller_port = config.has_port = true;
    config.controller_port = CONTROLLER_PORT;
    config.host = component->host->address;
    config.port = GATEWAY_PORT;
    config.label = label;
    config.token = (char *)(settings->is_wrong ? "another token" : GATEWAY_TOKEN);
    return cloud_pack(&config.base);
}

void gateways_permit(const struct cloud *cloud, Cupola__CloudControllerConfig *config, struct gateway_permits *permits)
{
    if (config->n_builtin_services > 0)
        return;
    for (size_t i = 0; i < cloud->component_counts[ROLE_GATEWAY]; i++) {
        cupola__service_config__init(&permits->services[i]);
        permits->services[i].name = (char *)(uintptr_t)vendors[i];
        permits->services[i].token = (char *)GATEWAY_TOKEN;
        permits->list[i] = &permits->services[i];
    }
    config->n_builtin_services = cloud->component_counts[ROLE_GATEWAY];
    config->builtin_services = permits->list;
}

/* ---- services_are_right ---- */

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
