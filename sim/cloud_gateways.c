/* Service gateways: what each offers, and how it and the controllers find and trust each other. */
#include "sim/cloud_state.h"

#include <stdio.h>

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
        controllers[config.n_controllers++] = (char *)(uintptr_t)cloud->components[ROLE_CONTROLLER][i].home_address;
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
