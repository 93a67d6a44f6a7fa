#include "core/cloud_controller/view.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/instances/placement.h"
#include "core/cloud_controller/instances/updates.h"
#include "core/cloud_controller/rest/rest.h"
#include "core/components.h"

#include <string.h>

static const struct controller *controller_of(const struct machine *machine)
{
    assert_that(machine->class == &cloud_controller_class);
    return container_of((struct machine *)(uintptr_t)machine, struct controller, machine);
}

size_t controller_view_app_count(const struct machine *machine)
{
    return HASH_COUNT(controller_of(machine)->state.apps);
}

static void show(const struct app *app, struct controller_app_view *ret_view)
{
    const Cupola__JournalApp *value = app->value;
    *ret_view = (struct controller_app_view){
        .id = app->id,
        .owner = value->owner,
        .name = value->name,
        .package = value->package_sha1,
        .droplet = value->droplet_sha1,
        .state = cc_app_state_name(value),
        .is_live = value->run_live,
        .instances = value->instances,
        .memory_mb = value->memory_mb,
        .uris = value->uris,
        .uri_count = value->n_uris,
    };
    cc_app_version(value, ret_view->version);
}

void controller_view_app(const struct machine *machine, size_t place, struct controller_app_view *ret_view)
{
    const struct app *app = controller_of(machine)->state.apps;
    for (; app != NULL && place > 0; place--)
        app = app->hh.next;
    assert_that(app != NULL);
    show(app, ret_view);
}

bool controller_view_find_app(const struct machine *machine, const char *name, struct controller_app_view *ret_view)
{
    for (const struct app *app = controller_of(machine)->state.apps; app != NULL; app = app->hh.next) {
        if (strcmp(app->value->name, name) == 0) {
            show(app, ret_view);
            return true;
        }
    }
    return false;
}

uint64_t controller_view_head_sequence(const struct machine *machine)
{
    return controller_of(machine)->state.head_sequence;
}

bool controller_view_is_caught_up(const struct machine *machine)
{
    return controller_of(machine)->journal.is_caught_up;
}

size_t controller_view_pending_count(const struct machine *machine)
{
    const struct controller *controller = controller_of(machine);
    size_t calls = 0;
    for (const struct call *call = controller->calls; call != NULL; call = call->next)
        calls++;
    return calls + controller->journal.count + controller->stages_running + cc_placement_count(controller) +
           cc_updates_count(controller);
}

uint64_t controller_view_epoch(const struct machine *machine, int64_t app_id, int32_t index)
{
    const struct app *app = cc_state_find_app(&controller_of(machine)->state, app_id);
    return app != NULL && index >= 0 && (size_t)index < app->index_count ? app->indices[index].epoch : 0;
}

bool controller_view_needs_blob(const struct machine *machine, const char *digest)
{
    return cc_refs_count(&controller_of(machine)->state.refs, digest) > 0;
}

struct handle_act {
    void (*act)(void *context, const char *label, const char *service_id, const char *handle);
    void *context;
};

static void act_on_handle(void *context, const struct made_thing *thing)
{
    const struct handle_act *act = context;
    if (!thing->is_left)
        act->act(act->context, thing->label, thing->service_id, thing->handle);
}

void controller_view_each_handle(const struct machine *machine,
                                 void (*act)(void *context, const char *label, const char *service_id,
                                             const char *handle),
                                 void *context)
{
    cc_services_each_made(&controller_of(machine)->state, act_on_handle, &(struct handle_act){act, context});
}

size_t controller_view_leftover_count(const struct machine *machine)
{
    size_t count = 0;
    for (const struct leftover *at = controller_of(machine)->state.services.leftovers; at != NULL; at = at->next)
        count++;
    return count;
}

static bool is_bound(const struct state *state, const Cupola__JournalApp *value, const char *service)
{
    for (size_t i = 0; i < value->n_bindings; i++)
        if (strcmp(cc_service_find(state, value->bindings[i]->service)->value->name, service) == 0)
            return true;
    return false;
}

bool controller_view_has_service(const struct machine *machine, const char *app, const char *service)
{
    const struct state *state = &controller_of(machine)->state;
    for (const struct service *at = state->services.by_id; app == NULL && at != NULL; at = at->hh.next)
        if (strcmp(at->value->name, service) == 0)
            return true;
    for (const struct app *at = state->apps; app != NULL && at != NULL; at = at->hh.next)
        if (strcmp(at->value->name, app) == 0 && is_bound(state, at->value, service))
            return true;
    return false;
}
