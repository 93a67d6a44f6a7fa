#include "core/cloud_controller/accounts/limits.h"

#include "core/base/duration.h"

bool cc_limit_take(const struct controller *controller, struct user *user)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    if (config->user_requests_per_s == 0)
        return true;
    uint64_t now_ns = controller->machine.now_ns;
    uint64_t cost_ns = NS_PER_S / config->user_requests_per_s; /* The bucket counts time: a request costs so much. */
    uint64_t room_ns = cost_ns * config->user_requests_burst;
    if (user->bucket_from_ns + room_ns < now_ns)
        user->bucket_from_ns = now_ns - room_ns;
    if (user->bucket_from_ns + cost_ns > now_ns)
        return false;
    user->bucket_from_ns += cost_ns;
    return true;
}

bool cc_login_is_open(const struct controller *controller, const struct user *user)
{
    return controller->machine.now_ns >= user->locked_until_ns;
}

void cc_login_failed(const struct controller *controller, struct user *user)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    if (config->lockout_failures == 0 || ++user->login_failures < config->lockout_failures)
        return;
    user->login_failures = 0;
    user->locked_until_ns = controller->machine.now_ns + config->lockout_ms * NS_PER_MS;
}

void cc_login_succeeded(struct user *user)
{
    user->login_failures = 0;
}
