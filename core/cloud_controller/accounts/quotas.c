#include "core/cloud_controller/accounts/quotas.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <string.h>

static const struct quota admin_quota = {.memory_mb = 32768, .apps = 200, .uris = 16, .services = 32};

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* What is configured for users may be more than what v1 gave its admins. */
struct quota cc_quota_of(const struct controller *controller, const char *email)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    struct quota quota = {config->max_memory_mb, config->max_apps, config->max_uris, config->max_services};
    if (controller_is_admin(controller, email)) {
        quota.memory_mb = larger(quota.memory_mb, admin_quota.memory_mb);
        quota.apps = larger(quota.apps, admin_quota.apps);
        quota.uris = larger(quota.uris, admin_quota.uris);
        quota.services = larger(quota.services, admin_quota.services);
    }
    return quota;
}

static uint64_t memory_of(const Cupola__JournalApp *value)
{
    assert_that(value->instances >= 0 && value->memory_mb >= 0);
    return value->started ? (uint64_t)value->instances * (uint64_t)value->memory_mb : 0;
}

struct usage cc_usage_of(const struct controller *controller, const char *email)
{
    struct usage usage = {0, 0};
    for (const struct app *app = cc_lists_first_of(&controller->state, email); app != NULL; app = app->links.newer) {
        usage.memory_mb += memory_of(app->value);
        if (app->value->started)
            usage.started_apps++;
    }
    return usage;
}

static void refuse(struct refusal *refusal, enum cloud_error error, size_t used, size_t allowed)
{
    char first[32], second[32];
    snprintf(first, sizeof first, "%zu", used);
    snprintf(second, sizeof second, "%zu", allowed);
    cc_refusal_set(refusal, error, first, second);
}

bool cc_quota_check(const struct controller *controller, const Cupola__JournalApp *old, const Cupola__JournalApp *new,
                    struct refusal *ret_refusal)
{
    struct quota quota = cc_quota_of(controller, new->owner);
    if (old == NULL) {
        const struct user *owner = cc_state_find_user(&controller->state, new->owner);
        assert_that(owner != NULL);
        if (owner->app_count >= quota.apps) {
            refuse(ret_refusal, ERROR_TOO_MANY_APPS, owner->app_count, quota.apps);
            return false;
        }
    }
    if (new->started) {
        uint64_t others_mb = cc_usage_of(controller, new->owner).memory_mb - (old == NULL ? 0 : memory_of(old));
        bool needs_more = old == NULL || memory_of(new) > memory_of(old);
        if (needs_more && others_mb + memory_of(new) > quota.memory_mb) {
            char allowed[32];
            snprintf(allowed, sizeof allowed, "%uM", quota.memory_mb);
            cc_refusal_set(ret_refusal, ERROR_MEMORY, allowed, NULL);
            return false;
        }
    }
    bool more_uris = old == NULL || new->n_uris > old->n_uris;
    if (more_uris && new->n_uris > quota.uris) {
        refuse(ret_refusal, ERROR_TOO_MANY_URIS, new->n_uris, quota.uris);
        return false;
    }
    return true;
}
