#include "core/health_manager/view.h"

#include "core/base/assert.h"
#include "core/components.h"
#include "core/health_manager/health_manager.h"

#include <string.h>

static const struct health_manager *of_machine(const struct machine *machine)
{
    assert_that(machine->class == &health_manager_class);
    return (const struct health_manager *)(const void *)machine; /* `machine` is its first member. */
}

void hm_view(const struct machine *machine, struct hm_view *ret_view)
{
    const struct health_manager *hm = of_machine(machine);
    *ret_view = (struct hm_view){
        .is_connected = hm->bus.is_connected,
        .knows_desired = hm->desired.is_known,
        .sequence = hm->desired.sequence,
        .scans = hm->counters.scans,
        .start_requests = hm->counters.start_requests,
        .stop_requests = hm->counters.stop_requests,
        .speaks = hm_speaker_speaks(hm),
        .hosts = hm_deas_known(hm),
        .fresh_hosts = hm->leases.counts[LEASE_FRESH],
    };
    ret_view->is_fresh = hm->bus.is_connected && hm->desired.is_known && !hm->desired.is_stale &&
                         hm->machine.now_ns - hm->connected_at_ns >= hm->times.droplet_lost_ns;
    for (const struct app *app = hm->apps.apps; app != NULL; app = app->hh.next)
        ret_view->desired_apps += app->is_desired;
    for (const struct hm_line *line = hm->leases.lines; line != NULL; line = line->next)
        ret_view->lines++;
}

static void fill_app(const struct app *app, struct hm_app_view *ret_view)
{
    *ret_view = (struct hm_app_view){
        .droplet = app->id,
        .version = app->version,
        .is_desired = app->is_desired,
        .wanted = app->instance_count,
        .running = hm_app_count_state(app, INSTANCE_RUNNING),
        .starting = hm_app_count_state(app, INSTANCE_STARTING),
        .down = hm_app_count_state(app, INSTANCE_DOWN) + hm_app_count_state(app, INSTANCE_UNKNOWN),
        .flapping = hm_app_count_state(app, INSTANCE_FLAPPING),
        .strays = app->stray_count,
    };
}

bool hm_view_app(const struct machine *machine, int64_t droplet, struct hm_app_view *ret_view)
{
    const struct app *app = hm_app_find(&of_machine(machine)->apps, droplet);
    if (app == NULL)
        return false;
    fill_app(app, ret_view);
    return true;
}

bool hm_view_index(const struct machine *machine, int64_t droplet, size_t index, struct hm_index_view *ret_view)
{
    const struct app *app = hm_app_find(&of_machine(machine)->apps, droplet);
    if (app == NULL || index >= app->instance_count)
        return false;
    const struct instance *instance = &app->instances[index];
    *ret_view = (struct hm_index_view){
        .state = hm_instance_state_name(instance->state),
        .instance = instance->claim.id,
        .epoch = instance->claim.epoch,
        .crashes = instance->crashes,
    };
    return true;
}

const char *hm_view_host_state(const struct machine *machine, const char *dea)
{
    const struct hm_deas *deas = &of_machine(machine)->deas;
    for (uint32_t i = 0; i < deas->count; i++)
        if (strcmp(deas->table[i]->id, dea) == 0)
            return hm_lease_state_name(deas->table[i]->lease.state);
    return hm_lease_state_name(LEASE_NONE);
}
