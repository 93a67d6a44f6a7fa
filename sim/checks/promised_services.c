/* no_lost_app, of services and bindings: what a controller has acknowledged to an operator stays true. "cache" is a
 * service, "shop/cache" a binding; a command that failed may have been carried out or not. */
#include "core/base/memory.h"
#include "core/cloud_controller/view.h"
#include "sim/cloud_state.h"

#include <stdio.h>
#include <string.h>

enum { MOST_KEY = 300 };

struct promised_service {
    UT_hash_handle hh;
    bool exists, may_be_either;
    char key[];
};

static void promise(struct cloud *cloud, const char *key, bool exists, bool is_good)
{
    struct promised_service *service = NULL;
    size_t size = strlen(key);
    HASH_FIND(hh, cloud->promised_services, key, size, service);
    if (service == NULL) {
        service = memory_new(sizeof *service + size + 1);
        memcpy(service->key, key, size + 1);
        HASH_ADD_KEYPTR(hh, cloud->promised_services, service->key, size, service);
    }
    service->may_be_either = !is_good;
    if (is_good)
        service->exists = exists;
}

/* What goes with it: the bindings of an app, or of a service. */
static void end_bindings(struct cloud *cloud, const char *app, const char *name, bool is_good)
{
    for (struct promised_service *at = cloud->promised_services; at != NULL; at = at->hh.next) {
        const char *slash = strchr(at->key, '/');
        bool is_meant = slash != NULL && (app != NULL ? strlen(app) == (size_t)(slash - at->key) &&
                                                            strncmp(at->key, app, (size_t)(slash - at->key)) == 0
                                                      : name != NULL && strcmp(slash + 1, name) == 0);
        if (!is_meant)
            continue;
        at->may_be_either = at->may_be_either || !is_good;
        at->exists = at->exists && !is_good;
    }
}

void promised_services_note(struct cloud *cloud, const Cupola__ClientConfig *config, bool is_good)
{
    const char *command = config->command, *service = config->service;
    char binding[MOST_KEY];
    if (strcmp(command, "delete") == 0)
        end_bindings(cloud, config->app, NULL, is_good);
    if (service == NULL || service[0] == 0)
        return;
    snprintf(binding, sizeof binding, "%s/%s", config->app == NULL ? "" : config->app, service);
    if (strcmp(command, "create-service") == 0) {
        promise(cloud, service, true, is_good);
    } else if (strcmp(command, "delete-service") == 0) {
        promise(cloud, service, false, is_good);
        end_bindings(cloud, NULL, service, is_good);
    } else if (strcmp(command, "bind-service") == 0) {
        promise(cloud, binding, true, is_good);
    } else if (strcmp(command, "unbind-service") == 0) {
        promise(cloud, binding, false, is_good);
    }
}

void promised_services_look(struct cloud *cloud, const struct machine *controller)
{
    if (!operators_rest(cloud))
        return; /* It may have been carried out already. */
    for (const struct promised_service *at = cloud->promised_services; at != NULL; at = at->hh.next) {
        const char *slash = strchr(at->key, '/');
        char app[MOST_KEY] = "";
        if (slash != NULL)
            snprintf(app, sizeof app, "%.*s", (int)(slash - at->key), at->key);
        bool exists =
            controller_view_has_service(controller, slash == NULL ? NULL : app, slash == NULL ? at->key : slash + 1);
        if (!at->may_be_either && exists != at->exists)
            cloud_violate(cloud, "no_lost_app", "%s %s was acknowledged as %s, and is %s",
                          slash == NULL ? "service" : "binding", at->key, at->exists ? "made" : "deleted",
                          exists ? "there" : "not there");
    }
}

void promised_services_release(struct cloud *cloud)
{
    struct promised_service *service, *next;
    HASH_ITER (hh, cloud->promised_services, service, next) {
        HASH_DELETE(hh, cloud->promised_services, service);
        memory_free(service);
    }
}
