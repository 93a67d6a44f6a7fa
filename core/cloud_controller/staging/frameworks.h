/* Frameworks and their runtimes: v1's table, what configuration adds, and the names that old clients use. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_FRAMEWORKS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_FRAMEWORKS_H

#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/errors.h"

/* What a request says about staging, resolved to names that we know. Static or lent. */
struct staging_choice {
    const char *framework;
    const char *runtime;
};

/* `framework` and `runtime` as the client gave them; the latter may be NULL. False: refused. */
bool cc_frameworks_choose(const struct controller *controller, const char *framework, const char *runtime,
                          struct staging_choice *ret_choice, struct refusal *ret_refusal);
/* Appends the JSON object of GET /info: name -> description. */
void cc_frameworks_write(const struct controller *controller, struct text *json);
/* Appends the JSON object of GET /info/runtimes: name -> version. */
void cc_runtimes_write(const struct controller *controller, struct text *json);

#endif
