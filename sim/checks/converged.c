/* Desired = actual = routed, no extras: the predicates that scenarios wait for. */
#include "core/base/memory.h"
#include "sim/checks/survey.h"

#include <string.h>

/* Says why not; the answer is false. */
static bool no(struct text *why, const char *format, const char *a, long long b, const char *c)
{
    if (why != NULL)
        text_addf(why, format, a, b, c);
    return false;
}

/* ---- Actual ---- */

static bool places_are_right(const struct survey *survey, struct text *why)
{
    for (const struct place *place = survey->places; place != NULL; place = place->hh.next) {
        if (place->app == NULL)
            return no(why, "%s%lld%s", "an instance of app ", place->key.droplet, " runs that is not wanted");
        if (place->running == 0)
            return no(why, "%s/%lld %s", place->app, place->key.index, "does not run");
        if (place->running > 1)
            return no(why, "%s/%lld %s", place->app, place->key.index, "runs more than once");
        if (place->others > 0)
            return no(why, "%s/%lld %s", place->app, place->key.index, "has another instance beside it");
    }
    return true;
}

/* The hosts know of processes that no living DEA tells of. */
static bool processes_are_right(struct cloud *cloud, const char *only, const struct survey *survey, struct text *why)
{
    size_t running = cloud_instances(cloud, only, NULL, 0);
    if (running == survey->wanted)
        return true;
    if (why != NULL)
        text_addf(why, "%zu processes run on the hosts instead of %zu", running, survey->wanted);
    return false;
}

/* ---- Routed ---- */

static struct place *find_endpoint(const struct survey *survey, const struct route_view *route)
{
    for (struct place *place = survey->places; place != NULL; place = place->hh.next) {
        if (place->address != NULL && place->port == route->endpoint_port &&
            strcmp(place->address, route->endpoint_host) == 0)
            return place;
    }
    return NULL;
}

static struct place *find_route(const struct survey *survey, const struct route_view *route)
{
    if (!route->has_app || !route->has_index)
        return find_endpoint(survey, route);
    struct place_key key;
    memset(&key, 0, sizeof key);
    key.droplet = route->app;
    key.index = route->index;
    struct place *place = NULL;
    HASH_FIND(hh, survey->places, &key, sizeof key, place);
    if (place != NULL && place->address != NULL && place->port == route->endpoint_port &&
        strcmp(place->address, route->endpoint_host) == 0)
        return place;
    return NULL;
}

static bool is_controller(const struct cloud *cloud, const struct route_view *route)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_CONTROLLER]; i++) {
        if (strcmp(cloud->components[ROLE_CONTROLLER][i].host->address, route->endpoint_host) == 0)
            return true;
    }
    return false;
}

/* Counts the routes to each place; false at one that leads elsewhere. */
static bool count_routes(const struct cloud *cloud, const struct component *router, const struct survey *survey,
                         const struct controller_app_view *only, struct text *why)
{
    for (struct place *place = survey->places; place != NULL; place = place->hh.next)
        place->routes = 0;
    struct route_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    struct route_view route;
    while (router_next_route(component_machine(router), &cursor, &route)) {
        if (is_controller(cloud, &route) || (only != NULL && route.has_app && route.app != only->id))
            continue;
        struct place *place = find_route(survey, &route);
        /* DEAs of 2011 do not say whose route it is. */
        if (only != NULL && !route.has_app && (place == NULL || place->key.droplet != only->id))
            continue;
        if (place == NULL) {
            if (why != NULL)
                text_addf(why, "%s routes %s to %s:%u, where nothing of it should be", router->name, route.host,
                          route.endpoint_host, route.endpoint_port);
            return false;
        }
        place->routes++;
    }
    return true;
}

static bool router_is_right(struct cloud *cloud, const struct component *router, const char *only,
                            const struct survey *survey, struct text *why)
{
    const struct machine *controller = cloud_knowing_controller(cloud);
    struct controller_app_view only_app, app;
    if (only != NULL && !controller_view_find_app(controller, only, &only_app))
        return no(why, "%s%.0lld%s", "there is no app ", 0, only);
    if (!count_routes(cloud, router, survey, only == NULL ? NULL : &only_app, why))
        return false;
    for (const struct place *place = survey->places; place != NULL; place = place->hh.next) {
        bool is_found = controller_view_find_app(controller, place->app, &app);
        if (is_found && place->routes == app.uri_count)
            continue;
        if (why != NULL)
            text_addf(why, "%s has %zu routes to %s/%lld, not %zu", router->name, place->routes, place->app,
                      (long long)place->key.index, is_found ? app.uri_count : 0);
        return false;
    }
    return true;
}

static bool routers_are_right(struct cloud *cloud, const char *only, const struct survey *survey, struct text *why)
{
    size_t running = 0;
    for (size_t i = 0; i < cloud->component_counts[ROLE_ROUTER]; i++) {
        const struct component *router = &cloud->components[ROLE_ROUTER][i];
        if (!component_is_running(router))
            continue;
        running++;
        if (!router_is_right(cloud, router, only, survey, why))
            return false;
    }
    return running > 0 || cloud->component_counts[ROLE_ROUTER] == 0 || no(why, "%s%.0lld%s", "no router runs", 0, "");
}

/* ---- Predicates ---- */

static bool nothing_waits(const struct cloud *cloud, struct text *why)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_CONTROLLER]; i++) {
        const struct component *controller = &cloud->components[ROLE_CONTROLLER][i];
        if (!component_is_running(controller))
            continue;
        size_t pending = controller_view_pending_count(component_machine(controller));
        if (pending > 0)
            return no(why, "%s has %lld things under way%s", controller->name, (long long)pending, "");
    }
    return true;
}

/* How many instances are wanted; SIZE_MAX if no controller knows. */
static size_t wanted_instances(const struct cloud *cloud)
{
    const struct machine *controller = cloud_knowing_controller(cloud);
    size_t wanted = 0;
    if (controller == NULL)
        return SIZE_MAX;
    for (size_t i = 0; i < controller_view_app_count(controller); i++) {
        struct controller_app_view app;
        controller_view_app(controller, i, &app);
        wanted += app.is_live ? (size_t)app.instances : 0;
    }
    return wanted;
}

/* How many of the instances that DEAs tell of run, and how many do not. */
static size_t running_instances(const struct cloud *cloud, size_t *ret_others)
{
    size_t running = 0;
    *ret_others = 0;
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        const struct component *dea = &cloud->components[ROLE_DEA][i];
        struct dea_instance_view instance;
        const void *at = NULL;
        while (component_is_running(dea) && dea_view_next(component_machine(dea), &at, &instance)) {
            bool runs = strcmp(instance.state, "RUNNING") == 0;
            running += runs;
            *ret_others += !runs && !survey_is_gone(&instance);
        }
    }
    return running;
}

/* Whether as many instances run as are wanted: what most looks that say no find out, without a survey. */
static bool counts_are_right(struct cloud *cloud)
{
    size_t wanted = wanted_instances(cloud), others;
    if (wanted == SIZE_MAX || cloud_instances(cloud, NULL, NULL, 0) != wanted)
        return false;
    return running_instances(cloud, &others) == wanted && others == 0;
}

static bool is_right(struct cloud *cloud, const char *only, struct text *why)
{
    if (why == NULL && only == NULL && !counts_are_right(cloud))
        return false;
    struct survey survey;
    bool right = survey_take(cloud, only, &survey, why) && places_are_right(&survey, why) &&
                 processes_are_right(cloud, only, &survey, why) && routers_are_right(cloud, only, &survey, why);
    survey_release(&survey);
    return right;
}

bool converged(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    return operators_idle(cloud, NULL, ret_why) && is_right(cloud, NULL, ret_why) && nothing_waits(cloud, ret_why);
}

bool all_wanted_run(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    size_t others;
    if (ret_why == NULL && running_instances(cloud, &others) < wanted_instances(cloud))
        return false;
    struct survey survey;
    bool right = survey_take(cloud, NULL, &survey, ret_why);
    for (const struct place *place = survey.places; right && place != NULL; place = place->hh.next) {
        if (place->app != NULL && place->running == 0)
            right = no(ret_why, "%s/%lld %s", place->app, place->key.index, "does not run");
    }
    survey_release(&survey);
    return right;
}

bool nothing_else_runs(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    struct survey survey;
    bool right = survey_take(cloud, NULL, &survey, ret_why) && places_are_right(&survey, ret_why) &&
                 processes_are_right(cloud, NULL, &survey, ret_why);
    survey_release(&survey);
    return right;
}

bool routes_are_right(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    struct survey survey;
    bool right = survey_take(cloud, NULL, &survey, ret_why) && routers_are_right(cloud, NULL, &survey, ret_why);
    survey_release(&survey);
    return right;
}

bool app_converged(struct cloud *cloud, void *app, struct text *ret_why)
{
    return is_right(cloud, app, ret_why);
}

static bool is_up(const struct component *component)
{
    const struct machine *machine = component_machine(component);
    if (machine == NULL || component->process->is_paused)
        return false;
    if (component->role == ROLE_DEA) {
        struct dea_view view;
        dea_view(machine, &view);
        return view.is_connected;
    }
    if (component->role == ROLE_HEALTH_MANAGER) {
        struct hm_view view;
        hm_view(machine, &view);
        return view.is_connected;
    }
    if (component->role == ROLE_CONTROLLER)
        return controller_view_is_caught_up(machine);
    return true;
}

bool all_components_up(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud->component_counts[role]; i++) {
            if (!is_up(&cloud->components[role][i]))
                return no(ret_why, "%s%.0lld %s", cloud->components[role][i].name, 0, "is not up");
        }
    }
    return true;
}

bool app_is_flapping(struct cloud *cloud, void *app, struct text *ret_why)
{
    const struct machine *controller = cloud_knowing_controller(cloud);
    struct controller_app_view view;
    if (controller == NULL || !controller_view_find_app(controller, app, &view))
        return no(ret_why, "%s%.0lld%s", "no controller knows of ", 0, app);
    for (size_t i = 0; i < cloud->component_counts[ROLE_HEALTH_MANAGER]; i++) {
        const struct machine *manager = component_machine(&cloud->components[ROLE_HEALTH_MANAGER][i]);
        struct hm_app_view hm_app;
        if (manager != NULL && hm_view_app(manager, view.id, &hm_app) && hm_app.flapping > 0)
            return true;
    }
    return no(ret_why, "%s%.0lld%s", "no health manager takes it for flapping: ", 0, app);
}

static bool is_routed(const struct component *router, const struct instance_info *instance)
{
    struct route_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    struct route_view route;
    while (router_next_route(component_machine(router), &cursor, &route)) {
        if (route.endpoint_port == instance->port && strcmp(route.endpoint_host, instance->dea->host->address) == 0)
            return true;
    }
    return false;
}

size_t cloud_serving_instances(struct cloud *cloud, const char *app)
{
    size_t count = cloud_instances(cloud, app, NULL, 0);
    struct instance_info *instances = memory_new((count + 1) * sizeof *instances);
    cloud_instances(cloud, app, instances, count);
    size_t serving = 0;
    for (size_t i = 0; i < count; i++) {
        bool serves = instances[i].is_listening;
        for (size_t j = 0; j < cloud->component_counts[ROLE_ROUTER]; j++) {
            const struct component *router = &cloud->components[ROLE_ROUTER][j];
            serves = serves && (!component_is_running(router) || is_routed(router, &instances[i]));
        }
        serving += serves;
    }
    memory_free(instances);
    return serving;
}
