/* What follows from a change of an app, once it is durable and was made by this controller: the health manager hears of
 * it, and the DEAs stop, start and map. If we die on the way, the health manager misses what was not started. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/dea_messages.h"
#include "core/cloud_controller/placement.h"

static void tell_health_manager(struct controller *controller, const struct difference *difference,
                                const struct app *app)
{
    Cupola__DropletUpdated updated = CUPOLA__DROPLET_UPDATED__INIT;
    updated.has_droplet = updated.has_sequence = updated.has_previous = true;
    updated.droplet = difference->app_id;
    updated.sequence = (int64_t)difference->sequence;
    updated.previous = (int64_t)difference->previous;
    Cupola__DesiredApp desired;
    char version[VERSION_CAPACITY];
    if (app != NULL) {
        cc_desired_describe(app, &desired, version);
        updated.app = &desired;
    }
    bus_publish_message(&controller->bus, "droplet.updated", NULL, &updated.base);
}

/* Every stop bears the epoch of the change that asks for it, so that a late one cannot hit what is started afterwards.
 */
static Cupola__DeaStop new_stop(const struct difference *difference)
{
    Cupola__DeaStop stop = CUPOLA__DEA_STOP__INIT;
    stop.has_droplet = stop.has_epoch = true;
    stop.droplet = difference->app_id;
    stop.epoch = (int64_t)difference->sequence;
    return stop;
}

static void stop_run(struct controller *controller, const struct difference *difference, const char *version)
{
    Cupola__DeaStop stop = new_stop(difference);
    stop.version = (char *)(uintptr_t)version;
    cc_dea_stop(controller, &stop);
}

static void stop_highest(struct controller *controller, const struct difference *difference)
{
    size_t count = (size_t)(difference->old_instances - difference->new_instances);
    Cupola__DeaStop stop = new_stop(difference);
    stop.version = (char *)(uintptr_t)difference->old_version;
    stop.indices = memory_new(count * sizeof *stop.indices);
    for (int32_t index = difference->new_instances; index < difference->old_instances; index++)
        stop.indices[stop.n_indices++] = index;
    cc_dea_stop(controller, &stop);
    memory_free(stop.indices);
}

/* Only what this very change has ordered: a later one has its own follow-up. */
static void start_ordered(struct controller *controller, const struct difference *difference, const struct app *app)
{
    for (size_t i = 0; i < app->index_count; i++) {
        if (app->indices[i].epoch != difference->sequence)
            continue;
        cc_placement_start(controller, app, (int32_t)i);
        controller->starts_ordered++;
    }
}

void cc_follow_up(struct controller *controller, const struct difference *difference)
{
    if (difference->app_id == 0)
        return;
    struct app *app = cc_state_find_app(&controller->state, difference->app_id);
    tell_health_manager(controller, difference, difference->deleted ? NULL : app);
    if (difference->was_live && !difference->is_live)
        stop_run(controller, difference, NULL);
    else if (difference->was_live && difference->new_run)
        stop_run(controller, difference, difference->old_version);
    else if (difference->was_live && difference->new_instances < difference->old_instances)
        stop_highest(controller, difference);
    if (app == NULL)
        return;
    if (difference->is_live && !difference->new_run && difference->uris_changed)
        cc_dea_update(controller, app);
    start_ordered(controller, difference, app);
}
