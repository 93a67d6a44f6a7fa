/* What POST /apps and PUT /apps/NAME ask for, and the app that would come of it. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_REST_APP_REQUEST_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_REST_APP_REQUEST_H

#include "core/cloud_controller/rest/rest.h"
#include "core/cloud_controller/services/bindings.h"
#include "core/cloud_controller/state/runs.h"
#include "core/cloud_controller/uris.h"

struct app_request {
    Cupola__RestApp *body;
    struct uri_list uris;
    bool has_uris; /* The key is there, also when it is []. */
    bool has_env;
    char **env; /* The body's, without doubles; the texts are the body's. */
    size_t env_count;
    struct binder binder; /* Of an app that is there already: what `services` asks for was made, or is there. */
};

/* Reads the body of a call. False: the call was failed. Free it in both cases. */
bool cc_app_request_read(struct app_request *request, struct call *call);
void cc_app_request_free(struct app_request *request);

/* Applies it to a value: `new` is a copy of the stored value or a fresh one, and points into the request, the draft and
 * what it was copied from. `old` is NULL for a new app. Checks everything; false: refused, and `new` is of no use. */
bool cc_app_request_apply(struct app_request *request, const struct controller *controller,
                          const Cupola__JournalApp *old, Cupola__JournalApp *new, struct run_draft *draft,
                          struct refusal *ret_refusal);

#endif
