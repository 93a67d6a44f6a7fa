#include "core/dea/view.h"

#include "core/base/assert.h"
#include "core/components.h"
#include "core/dea/dea.h"

void dea_view(const struct machine *machine, struct dea_view *ret_view)
{
    assert_that(machine->class == &dea_class);
    const struct dea *dea = container_of(machine, const struct dea, machine);
    *ret_view = (struct dea_view){
        .uuid = dea->monitor.uuid,
        .is_connected = dea->bus.is_connected,
        .is_evacuating = dea->phase == DEA_EVACUATING || dea->phase == DEA_LEAVING,
        .life = dea->life,
        .granted_until_ns = dea->lease.granted_until_ns,
        .reserved_mb = dea->reserved_mb,
        .max_mb = dea->config == NULL ? 0 : dea->config->max_memory_mb,
        .instance_count = HASH_COUNT(dea->instances),
    };
}

bool dea_view_next(const struct machine *machine, const void **at, struct dea_instance_view *ret_view)
{
    assert_that(machine->class == &dea_class);
    const struct dea *dea = container_of(machine, const struct dea, machine);
    const struct instance *previous = *at;
    const struct instance *instance = previous == NULL ? dea->instances : previous->hh.next;
    *at = instance;
    if (instance == NULL)
        return false;
    const char *state = dea_instance_state_text(instance);
    *ret_view = (struct dea_instance_view){
        .instance = instance->id,
        .droplet = instance->droplet,
        .version = instance->order->version,
        .index = instance->index,
        .epoch = instance->epoch,
        .state = state == NULL ? "STOPPED" : state,
        .phase = dea_instance_state_name(instance->state),
        .port = instance->port,
        .memory_mb = instance->memory_mb,
        .holds_memory = instance->holds_resources,
        .is_registered = instance->is_registered,
        .is_surrendered = instance->is_surrendered,
    };
    return true;
}
