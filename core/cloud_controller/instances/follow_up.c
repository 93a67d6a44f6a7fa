/* What follows from a change of an app, once it is durable and was made by this controller: the health manager hears of
 * it, and the DEAs stop, start and map. If we die on the way, the health manager misses what was not started. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/instances/dea_messages.h"
#include "core/cloud_controller/instances/placement.h"
#include "core/cloud_controller/instances/updates.h"

#include <string.h>

static void tell_health_manager(struct controller *controller, const struct difference *difference,
                                const struct app *app)
{
    Cupola__DropletUpdated updated = CUPOLA__DROPLET_UPDATED__INIT;
    updated.has_droplet = updated.has_sequence = updated.has_previous = true;
    updated.droplet = difference->app_id;
    updated.sequence = (int64_t)difference->sequence;
    updated.previous = (int64_t)difference->previous;
    Cupola__DesiredApp desired;
    struct layout layout;
    if (app != NULL) {
        cc_desired_describe(app, &desired, &layout);
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

/* Stops the indices that were wanted in that version and are not any more. */
static void stop_version(struct controller *controller, const struct difference *difference, const char *version)
{
    const struct layout *before = &difference->before, *after = &difference->after;
    Cupola__DeaStop stop = new_stop(difference);
    stop.version = (char *)(uintptr_t)version;
    stop.indices = memory_new((size_t)before->count * sizeof *stop.indices);
    bool is_wanted_still = false;
    for (int32_t index = 0; index < after->count; index++)
        is_wanted_still = is_wanted_still || strcmp(cc_layout_version(after, index), version) == 0;
    for (int32_t index = 0; index < before->count && is_wanted_still; index++) {
        const char *now = cc_layout_version(after, index);
        if (strcmp(cc_layout_version(before, index), version) == 0 && (now == NULL || strcmp(now, version) != 0))
            stop.indices[stop.n_indices++] = index;
    }
    if (stop.n_indices > 0 || !is_wanted_still)
        cc_dea_stop(controller, &stop);
    memory_free(stop.indices);
}

static void stop_unwanted(struct controller *controller, const struct difference *difference)
{
    const struct layout *before = &difference->before, *after = &difference->after;
    if (before->count == 0 && before->version[0] == '\0')
        return; /* Nothing was live. */
    if (after->version[0] == '\0') {
        Cupola__DeaStop stop = new_stop(difference);
        cc_dea_stop(controller, &stop);
        return;
    }
    stop_version(controller, difference, before->version);
    if (before->old_version[0] != '\0')
        stop_version(controller, difference, before->old_version);
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
    stop_unwanted(controller, difference);
    if (app == NULL)
        return;
    bool some_stay = strcmp(difference->before.version, difference->after.version) == 0 || app->value->update != NULL;
    if (difference->after.count > 0 && some_stay && difference->uris_changed)
        cc_dea_update(controller, app);
    start_ordered(controller, difference, app);
    cc_updates_drive(controller, app);
}
