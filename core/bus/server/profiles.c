/* What each component of the platform needs to say and to hear, and no more: a DEA cannot order a start, nobody but a
 * health manager complains, and only a controller tells what is desired. docs/protocol.md lists who says what. */
#include "core/bus/server/users.h"

#include <string.h>

static const char *const nothing[] = {NULL};

static const char *const router_says[] = {"vcap.component.announce", "router.>", "dea.*.routes", NULL};
static const char *const router_never_says[] = {"router.register", "router.unregister", NULL};
static const char *const router_hears[] = {"vcap.component.discover", "router.>", NULL};

static const char *const dea_says[] = {
    "vcap.component.announce",
    "router.register",
    "router.unregister",
    "router.digest",
    "dea.start",
    "dea.heartbeat",
    "dea.advertise",
    "droplet.exited",
    "logs.>",
    "cloudcontroller.uris",
    "cloudcontroller.staging",
    NULL,
};
static const char *const dea_hears[] = {
    "vcap.component.discover", "router.>", "dea.>", "droplet.status", "healthmanager.start", "healthmanager.beat", NULL,
};

static const char *const controller_says[] = {
    "vcap.component.announce", "vcap.cc.events",       "dea.>",
    "droplet.updated",         "healthmanager.health", "healthmanager.status",
    "healthmanager.freshness", "router.register",      "router.unregister",
    "router.digest",           "cloudcontroller.>",    NULL,
};
static const char *const controller_never_says[] = {"dea.heartbeat", "dea.start", "dea.advertise", NULL};
static const char *const controller_hears[] = {
    "vcap.component.discover",
    "cloudcontroller.>",
    "cloudcontrollers.>",
    "router.>",
    "dea.>",
    "droplet.>",
    "healthmanager.>",
    NULL,
};

static const char *const health_manager_says[] = {
    "vcap.component.announce",
    "healthmanager.>",
    "cloudcontrollers.hm.requests",
    "cloudcontroller.desired",
    "dea.*.probe",
    "dea.*.tell",
    NULL,
};
static const char *const health_manager_hears[] = {
    "vcap.component.discover", "dea.>", "droplet.>", "healthmanager.>", "cloudcontroller.>", NULL,
};

static const struct bus_profile profiles[] = {
    {"router", router_says, router_never_says, router_hears},
    {"dea", dea_says, nothing, dea_hears},
    {"cloud_controller", controller_says, controller_never_says, controller_hears},
    {"health_manager", health_manager_says, nothing, health_manager_hears},
};

const struct bus_profile *bus_profile_find(const char *name)
{
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    }
    return NULL;
}
