/* /info: what this cloud is, and for somebody who is logged in what he has and may have. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/cloud_controller/accounts/quotas.h"
#include "core/cloud_controller/staging/frameworks.h"

enum { BUILD = 2222 }; /* v1's; its clients want one. */

static void handle_info(struct call *call);
static void handle_runtimes(struct call *call);

static const struct route routes[] = {
    {"GET", "/info", ACCESS_ANYBODY, sizeof(struct call), handle_info, NULL, NULL, NULL},
    {"GET", "/info/runtimes", ACCESS_USER, sizeof(struct call), handle_runtimes, NULL, NULL, NULL},
};
const struct route_table cc_info_routes = {routes, sizeof routes / sizeof routes[0]};

static void describe_quota(const struct call *call, Cupola__RestLimits *limits, Cupola__RestUsage *usage)
{
    struct quota quota = cc_quota_of(call->controller, call->email);
    limits->has_memory = limits->has_app_uris = limits->has_services = limits->has_apps = true;
    limits->memory = (int32_t)quota.memory_mb;
    limits->app_uris = (int32_t)quota.uris;
    limits->services = (int32_t)quota.services;
    limits->apps = (int32_t)quota.apps;
    struct usage used = cc_usage_of(call->controller, call->email);
    usage->has_memory = usage->has_apps = usage->has_services = true;
    usage->memory = (int32_t)used.memory_mb;
    usage->apps = (int32_t)used.started_apps;
    usage->services = (int32_t)cc_service_count(&call->controller->state, call->email);
}

static void handle_info(struct call *call)
{
    const Cupola__CloudControllerConfig *config = call->controller->config;
    Cupola__RestLimits limits = CUPOLA__REST_LIMITS__INIT;
    Cupola__RestUsage usage = CUPOLA__REST_USAGE__INIT;
    Cupola__RestInfo info = CUPOLA__REST_INFO__INIT;
    info.name = (char *)(uintptr_t) "vcap";
    info.has_build = true;
    info.build = BUILD;
    info.support = config->support;
    info.version = (char *)(uintptr_t) "0.999";
    info.description = config->description;
    if (call->email != NULL) {
        describe_quota(call, &limits, &usage);
        info.user = call->email;
        info.limits = &limits;
        info.usage = &usage;
    }
    struct text json = {0};
    json_write(&json, &info.base);
    if (call->email != NULL) { /* Detection rules have keys of their own, which no message can describe. */
        struct text whole = {0};
        assert_that(json.size > 2);
        text_add(&whole, text_string(&json), json.size - 1);
        text_add_string(&whole, ",\"frameworks\":");
        cc_frameworks_write(call->controller, &whole);
        text_add_char(&whole, '}');
        text_free(&json);
        json = whole;
    }
    cc_call_answer_json(call, 200, &json);
}

static void handle_runtimes(struct call *call)
{
    struct text json = {0};
    cc_runtimes_write(call->controller, &json);
    cc_call_answer_json(call, 200, &json);
}
