/* The complaints. The controllers decide what to do about them; of several health managers one says them. */
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

static void publish(struct health_manager *hm, Cupola__HealthManagerRequest *request)
{
    if (mutation_is(HM_NEVER_COMPLAINS))
        return;
    bus_publish_message(&hm->bus, "cloudcontrollers.hm.requests", NULL, &request->base);
}

static void fill_request(Cupola__HealthManagerRequest *ret_request, const struct app *app, const char *op,
                         const char *reason)
{
    cupola__health_manager_request__init(ret_request);
    ret_request->has_droplet = true;
    ret_request->droplet = app->id;
    ret_request->op = (char *)(uintptr_t)op;
    ret_request->has_last_updated = true;
    ret_request->last_updated = app->last_updated;
    ret_request->reason = (char *)(uintptr_t)reason;
}

void hm_request_start(struct health_manager *hm, const struct hm_start *start)
{
    if (!hm_speaker_speaks(hm))
        return;
    Cupola__HealthManagerRequest request;
    fill_request(&request, start->app, "START", start->reason);
    request.version = (char *)(uintptr_t)start->version;
    request.indices = (int32_t *)(uintptr_t)start->indices;
    request.n_indices = start->count;
    request.epochs = (int64_t *)(uintptr_t)start->epochs;
    request.n_epochs = start->count;
    request.has_flapping = start->is_flapping;
    request.flapping = start->is_flapping;
    hm->counters.start_requests += start->count;
    machine_log(&hm->machine, LOG_INFO, "app %lld: start %zu from index %d: %s", (long long)start->app->id,
                start->count, start->indices[0], start->reason);
    publish(hm, &request);
}

void hm_request_stop(struct health_manager *hm, const struct app *app, char *const *instances, size_t count,
                     const char *reason)
{
    if (!hm_speaker_speaks(hm))
        return;
    Cupola__HealthManagerRequest request;
    fill_request(&request, app, "STOP", reason);
    request.instances = (char **)(uintptr_t)instances;
    request.n_instances = count;
    hm->counters.stop_requests += count;
    machine_log(&hm->machine, LOG_INFO, "app %lld: stop %zu from instance %s: %s", (long long)app->id, count,
                instances[0], reason);
    publish(hm, &request);
}
