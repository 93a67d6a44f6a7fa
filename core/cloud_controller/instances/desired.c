/* What should be, told to health managers: one app as a delta, all of them as pages. */
#include "core/base/memory.h"
#include "core/cloud_controller/controller.h"

enum { MOST_APPS_A_PAGE = 500 };

void cc_desired_describe(const struct app *app, Cupola__DesiredApp *ret_desired, struct layout *ret_layout)
{
    const Cupola__JournalApp *value = app->value;
    cupola__desired_app__init(ret_desired);
    cc_app_layout(value, ret_layout);
    if (!value->run_live)
        cc_app_version(value, ret_layout->version); /* Nothing is wanted, but it has a name. */
    if (value->update != NULL) {
        ret_desired->old_version = ret_layout->old_version;
        ret_desired->has_old_first = ret_desired->has_old_end = true;
        ret_desired->old_first = ret_layout->old_first;
        ret_desired->old_end = ret_layout->old_end;
    }
    ret_desired->has_droplet = ret_desired->has_instances = ret_desired->has_last_updated = true;
    ret_desired->has_memory = ret_desired->has_staged = true;
    ret_desired->droplet = app->id;
    ret_desired->version = ret_layout->version;
    ret_desired->state = (char *)(uintptr_t)cc_app_state_name(value);
    ret_desired->instances = value->run_live ? ret_layout->count : value->instances;
    ret_desired->last_updated = value->changed_s;
    ret_desired->name = value->name;
    ret_desired->framework = value->framework;
    ret_desired->runtime = value->runtime;
    ret_desired->memory = value->memory_mb;
    ret_desired->has_singleton = ret_desired->singleton = value->settings != NULL && value->settings->singleton;
    /* A started app whose new droplet is not there yet has nothing that could be missing. */
    ret_desired->staged =
        value->started ? value->run_live : value->package_state == CUPOLA__PACKAGE_STATE__PACKAGE_STAGED;
}

static const struct app *first_after(const struct state *state, int64_t id)
{
    const struct app *app = cc_state_find_app(state, id);
    if (app != NULL)
        return app->hh.next;
    for (app = state->apps; app != NULL && app->id <= id; app = app->hh.next)
        ;
    return app;
}

void cc_on_desired_request(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct controller *controller = container_of(bus, struct controller, bus);
    const Cupola__DesiredRequest *request = (const Cupola__DesiredRequest *)parsed;
    if (!controller->journal.is_caught_up || message->reply == NULL)
        return; /* Silence: we do not know either, perhaps another one does. */
    size_t limit = MOST_APPS_A_PAGE;
    if (request->has_limit && request->limit > 0 && request->limit < MOST_APPS_A_PAGE)
        limit = (size_t)request->limit;
    Cupola__DesiredApp *apps = memory_new(limit * sizeof *apps);
    Cupola__DesiredApp **places = memory_new(limit * sizeof *places);
    struct layout *layouts = memory_new(limit * sizeof *layouts);
    Cupola__DesiredPage page = CUPOLA__DESIRED_PAGE__INIT;
    page.apps = places;
    const struct app *app = first_after(&controller->state, request->after_droplet);
    for (; app != NULL && page.n_apps < limit; app = app->hh.next) {
        places[page.n_apps] = &apps[page.n_apps];
        cc_desired_describe(app, &apps[page.n_apps], &layouts[page.n_apps]);
        page.n_apps++;
    }
    page.has_sequence = page.has_last = true;
    page.sequence = (int64_t)controller->state.app_sequence;
    page.last = app == NULL;
    bus_answer(bus, message, &page.base);
    memory_free(layouts);
    memory_free(places);
    memory_free(apps);
}
