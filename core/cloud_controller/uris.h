/* Which hosts an app may be mapped to. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_URIS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_URIS_H

#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/errors.h"

struct uri_list {
    char **uris; /* Given. Sorted, without doubles, lower case, without scheme. */
    size_t count;
};

/* As the client gave them -> as they are stored. */
struct uri_list cc_uris_normalise(char *const *uris, size_t count);
void cc_uris_free(struct uri_list *list);
/* Whether the owner may map all of them: allowed, not reserved, not taken by somebody else. */
bool cc_uris_check(const struct controller *controller, const char *owner, const struct uri_list *list,
                   struct refusal *ret_refusal);

#endif
