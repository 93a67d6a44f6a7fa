/* How much a user may have. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_QUOTAS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_QUOTAS_H

#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/errors.h"

struct quota {
    uint32_t memory_mb; /* All started apps together. */
    uint32_t apps;
    uint32_t uris; /* Of one app. */
    uint32_t services;
};
struct usage {
    uint64_t memory_mb;
    uint32_t started_apps;
};

struct quota cc_quota_of(const struct controller *controller, const char *email);
struct usage cc_usage_of(const struct controller *controller, const char *email);

/* Whether the owner may have the app as `new` says instead of `old` (NULL: it is created). */
bool cc_quota_check(const struct controller *controller, const Cupola__JournalApp *old, const Cupola__JournalApp *new,
                    struct refusal *ret_refusal);

#endif
