#include "core/dea/routes/uris.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

#include <string.h>

enum { MOST_ASKED = 4096, ANSWER_MS = 1000, AGAIN_MS = 2000 };

static bool is_same(const Cupola__DeaUpdate *update, const Cupola__DeaStart *order)
{
    if (update->n_uris != order->n_uris)
        return false;
    for (size_t i = 0; i < order->n_uris; i++)
        if (strcmp(update->uris[i], order->uris[i]) != 0)
            return false;
    return true;
}

/* Taken up like any other update, where it says something new: what stays the same need not be registered again. */
static void take(struct dea *dea, const Cupola__DeaUpdate *update)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->droplet == update->droplet && dea_instance_is_live(instance) &&
            !is_same(update, instance->order)) {
            dea_routes_on_update(&dea->bus, &update->base, NULL);
            return;
        }
    }
}

static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct dea *dea = container_of(request, struct dea, uris.request);
    const Cupola__UrisReply *reply = (const Cupola__UrisReply *)parsed;
    for (size_t i = 0; i < reply->n_apps; i++)
        take(dea, reply->apps[i]);
    return false;
}

static void on_again(struct timer *timer)
{
    dea_uris_ask(container_of(timer, struct dea, uris.again));
}

static void on_end(struct bus_request *request, bool timed_out)
{
    struct dea *dea = container_of(request, struct dea, uris.request);
    if (timed_out && dea->phase != DEA_LEAVING)
        timer_set(&dea->machine, &dea->uris.again, AGAIN_MS * NS_PER_MS + dea_jitter_ns(dea, AGAIN_MS * NS_PER_MS),
                  on_again);
}

static bool is_listed(const int64_t *droplets, size_t count, int64_t droplet)
{
    for (size_t i = 0; i < count; i++)
        if (droplets[i] == droplet)
            return true;
    return false;
}

void dea_uris_ask(struct dea *dea)
{
    static const struct bus_request_handlers handlers = {.on_answer = on_answer, .on_end = on_end};
    Cupola__UrisRequest request = CUPOLA__URIS_REQUEST__INIT;
    struct instance *instance, *next;
    if (mutation_is(DEA_TRUSTS_ITS_NOTES) || !dea->bus.is_connected || dea->phase == DEA_LEAVING)
        return;
    bus_request_cancel(&dea->uris.request);
    timer_cancel(&dea->machine, &dea->uris.again);
    request.droplets = memory_new(HASH_COUNT(dea->instances) * sizeof *request.droplets);
    HASH_ITER (hh, dea->instances, instance, next) {
        if (dea_instance_is_live(instance) && request.n_droplets < MOST_ASKED &&
            !is_listed(request.droplets, request.n_droplets, instance->droplet))
            request.droplets[request.n_droplets++] = instance->droplet;
    }
    if (request.n_droplets > 0)
        bus_request_start(&dea->bus, &dea->uris.request, "cloudcontroller.uris", &request.base,
                          &cupola__uris_reply__descriptor, 1, ANSWER_MS * NS_PER_MS, &handlers);
    memory_free(request.droplets);
}

void dea_uris_close(struct uris *uris, struct machine *machine)
{
    timer_cancel(machine, &uris->again);
    bus_request_cancel(&uris->request);
}
