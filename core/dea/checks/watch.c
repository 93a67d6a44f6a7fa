/* The checks of an instance that is up, for as long as it is: liveness ends it, readiness only takes its routes away.
 *
 * Several bad looks in a row count, one good one makes up for all.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

#include <stdio.h>

static void on_liveness_due(struct timer *timer);
static void on_readiness_due(struct timer *timer);

/* ---- Liveness ---- */

static void plan_liveness(struct instance *instance)
{
    const Cupola__HealthProbe *probe = instance->order->health->liveness;
    timer_set(&instance->dea->machine, &instance->liveness.timer, dea_checkup_interval_ns(probe), on_liveness_due);
}

static void on_liveness(struct checkup *checkup, bool is_good)
{
    struct instance *instance = container_of(checkup, struct instance, liveness.checkup);
    const Cupola__HealthProbe *probe = instance->order->health->liveness;
    assert_that(dea_instance_is_up(instance));
    instance->liveness.failures = is_good || mutation_is(DEA_FORGETS_LIVENESS) ? 0 : instance->liveness.failures + 1;
    if (instance->liveness.failures < dea_checkup_failures(probe)) {
        plan_liveness(instance);
        return;
    }
    char detail[64 + CHECKUP_WHY_SIZE];
    snprintf(detail, sizeof detail, "its liveness check failed %u times: %s", instance->liveness.failures,
             checkup->why);
    dea_crash_instance(instance, detail);
}

static void on_liveness_due(struct timer *timer)
{
    struct instance *instance = container_of(timer, struct instance, liveness.timer);
    dea_checkup_begin(&instance->liveness.checkup, instance, instance->order->health->liveness, on_liveness);
}

/* ---- Readiness ---- */

static void plan_readiness(struct instance *instance)
{
    const Cupola__HealthProbe *probe = instance->order->health->readiness;
    timer_set(&instance->dea->machine, &instance->readiness.timer, dea_checkup_interval_ns(probe), on_readiness_due);
}

static void become_unready(struct instance *instance, const char *why)
{
    machine_log(&instance->dea->machine, LOG_WARNING, "%s-%d-%s is not ready: %s", instance->order->name,
                instance->index, instance->id, why);
    dea_routes_unregister(instance);
    dea_instance_move(instance, INSTANCE_UNREADY);
    dea_heartbeat_publish_one(instance);
}

static void on_readiness(struct checkup *checkup, bool is_good)
{
    struct instance *instance = container_of(checkup, struct instance, readiness.checkup);
    const Cupola__HealthProbe *probe = instance->order->health->readiness;
    assert_that(dea_instance_is_up(instance));
    instance->readiness.failures = is_good ? 0 : instance->readiness.failures + 1;
    if (mutation_is(DEA_RESTARTS_THE_UNREADY) && instance->readiness.failures >= dea_checkup_failures(probe)) {
        dea_crash_instance(instance, checkup->why);
        return;
    }
    if (is_good && instance->state == INSTANCE_UNREADY)
        dea_start_serve(instance);
    else if (instance->state == INSTANCE_RUNNING && instance->readiness.failures >= dea_checkup_failures(probe))
        become_unready(instance, checkup->why);
    plan_readiness(instance);
}

static void on_readiness_due(struct timer *timer)
{
    struct instance *instance = container_of(timer, struct instance, readiness.timer);
    dea_checkup_begin(&instance->readiness.checkup, instance, instance->order->health->readiness, on_readiness);
}

/* ---- Both ---- */

void dea_watch_begin(struct instance *instance)
{
    const Cupola__HealthChecks *health = instance->order->health;
    assert_that(dea_instance_is_up(instance));
    if (health == NULL)
        return;
    if (health->liveness != NULL)
        plan_liveness(instance);
    if (health->readiness != NULL)
        on_readiness_due(&instance->readiness.timer);
}

void dea_watch_end(struct instance *instance)
{
    struct machine *machine = &instance->dea->machine;
    timer_cancel(machine, &instance->liveness.timer);
    timer_cancel(machine, &instance->readiness.timer);
    dea_checkup_end(&instance->liveness.checkup);
    dea_checkup_end(&instance->readiness.checkup);
}
