#include "core/dea/healing/singleton.h"

#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

enum { FIRST_GRANT_MS = 2000 };

bool dea_singleton_may_run(const struct dea *dea)
{
    return !dea->singleton.was_granted || dea->machine.now_ns < dea->lease.granted_until_ns;
}

static void on_grant_over(struct timer *timer)
{
    dea_singleton_review(container_of(timer, struct dea, singleton.timer));
}

void dea_singleton_review(struct dea *dea)
{
    bool may_run = dea_singleton_may_run(dea);
    struct instance *instance, *next;
    if (!dea->singleton.has_any || !dea->singleton.was_granted || dea->phase == DEA_LEAVING ||
        mutation_is(DEA_KEEPS_SINGLETONS))
        return;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (!instance->order->singleton || !dea_instance_is_live(instance))
            continue;
        if (!may_run)
            dea_stop_without_lease(instance);
        else if (!timer_is_set(&dea->singleton.timer) || dea->singleton.timer.at_ns != dea->lease.granted_until_ns)
            timer_set_at(&dea->machine, &dea->singleton.timer, dea->lease.granted_until_ns, on_grant_over);
    }
}

void dea_singleton_begin(struct dea *dea)
{
    if (dea->singleton.was_granted)
        dea->lease.granted_until_ns = dea->machine.now_ns + FIRST_GRANT_MS * NS_PER_MS;
    dea_singleton_review(dea);
}

void dea_singleton_on_grant(struct dea *dea)
{
    if (!dea->singleton.was_granted) {
        dea->singleton.was_granted = true;
        dea_saved_write(dea);
    }
    dea_singleton_review(dea);
}
