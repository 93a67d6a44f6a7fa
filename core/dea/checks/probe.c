/* The startup check: looks whether an instance is up, again and again, with pauses of a share of the time that it has
 * taken so far: what is up is found out that share later, and slow ones cost few looks. Nobody listened on its port
 * before the launch (port_check.c), and the process is known to be alive while this goes on: so it is the instance that
 * answers. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/dea/dea.h"

enum { PAUSE_SHARE = 8 };

static void look(struct instance *instance);

static void on_pause_over(struct timer *timer)
{
    look(container_of(timer, struct instance, probe_timer));
}

static void on_looked(struct checkup *checkup, bool is_good)
{
    struct instance *instance = container_of(checkup, struct instance, startup);
    struct dea *dea = instance->dea;
    assert_that(instance->state == INSTANCE_PROBING);
    if (is_good) {
        dea_start_on_ready(instance);
        return;
    }
    uint64_t least_ns = dea->config->probe_ms * NS_PER_MS;
    uint64_t most_ns = dea->config->probe_most_ms * NS_PER_MS;
    uint64_t pause_ns = (dea->machine.now_ns - instance->probed_since_ns) / PAUSE_SHARE;
    pause_ns = pause_ns > least_ns ? pause_ns : least_ns;
    timer_set(&dea->machine, &instance->probe_timer, pause_ns < most_ns ? pause_ns : most_ns, on_pause_over);
}

static void look(struct instance *instance)
{
    const Cupola__HealthChecks *health = instance->order->health;
    assert_that(instance->state == INSTANCE_PROBING);
    dea_checkup_begin(&instance->startup, instance, health == NULL ? NULL : health->startup, on_looked);
}

void dea_probe_begin(struct instance *instance)
{
    instance->probed_since_ns = instance->dea->machine.now_ns;
    look(instance);
}

void dea_probe_end(struct instance *instance)
{
    timer_cancel(&instance->dea->machine, &instance->probe_timer);
    dea_checkup_end(&instance->startup);
    conn_abort(&instance->probe);
}
