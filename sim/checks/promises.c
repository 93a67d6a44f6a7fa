/* no_lost_app: what a controller has acknowledged to an operator stays true.
 *
 * The model is the list of acknowledged commands, one at a time. A command that failed may have been carried out or
 * not, and of two about one app at the same time either may have had the last word: what they would have changed may
 * be either, until the next command that says how it shall be succeeds.
 */
#include "core/base/memory.h"
#include "sim/checks/survey.h"

#include <string.h>

struct promised_app {
    UT_hash_handle hh;
    bool exists, may_or_may_not_exist;
    bool is_started, may_be_either;
    int32_t instances; /* 0: nobody knows. */
    char name[];
};

static struct promised_app *get_app(struct cloud *cloud, const char *name)
{
    struct promised_app *app = NULL;
    size_t size = strlen(name);
    HASH_FIND(hh, cloud->promised, name, size, app);
    if (app != NULL)
        return app;
    app = memory_new(sizeof *app + size + 1);
    memcpy(app->name, name, size + 1);
    HASH_ADD_KEYPTR(hh, cloud->promised, app->name, size, app);
    return app;
}

void promises_note(struct cloud *cloud, const Cupola__ClientConfig *config, bool is_good, bool is_alone)
{
    promised_services_note(cloud, config, is_good);
    if (config->app == NULL || config->app[0] == 0)
        return;
    const char *command = config->command;
    bool is_push = strcmp(command, "push") == 0;
    bool is_scale = strcmp(command, "scale") == 0;
    bool is_start = strcmp(command, "start") == 0 || strcmp(command, "restart") == 0;
    bool is_stop = strcmp(command, "stop") == 0;
    bool is_delete = strcmp(command, "delete") == 0;
    if (!is_push && !is_scale && !is_start && !is_stop && !is_delete)
        return;
    struct promised_app *app = get_app(cloud, config->app);
    bool starts_or_stops = is_push || is_start || is_stop;
    if (is_good || is_push || is_delete)
        app->may_or_may_not_exist = !is_good || (is_delete && !is_alone);
    if (starts_or_stops)
        app->may_be_either = !is_good || !is_alone;
    if (config->has_instances)
        app->instances = is_good && is_alone ? config->instances : 0;
    if (!is_good)
        return;
    app->exists = !is_delete;
    if (starts_or_stops)
        app->is_started = is_push ? !config->no_start : is_start;
}

void promises_look(struct cloud *cloud)
{
    const struct machine *controller = cloud_knowing_controller(cloud);
    if (controller == NULL)
        return;
    promised_services_look(cloud, controller);
    for (const struct promised_app *app = cloud->promised; app != NULL; app = app->hh.next) {
        if (app->may_or_may_not_exist || !operation_leaves_alone(cloud, app->name))
            continue; /* A command that is under way may have been carried out already. */
        struct controller_app_view view;
        bool exists = controller_view_find_app(controller, app->name, &view);
        if (exists != app->exists) {
            cloud_violate(cloud, "no_lost_app", "app %s was acknowledged as %s, and is %s", app->name,
                          app->exists ? "made" : "deleted", exists ? "there" : "not there");
        } else if (exists && app->instances > 0 && view.instances != app->instances) {
            cloud_violate(cloud, "no_lost_app", "app %s was acknowledged with %d instances, and has %d", app->name,
                          app->instances, view.instances);
        } else if (exists && !app->may_be_either && (strcmp(view.state, "STARTED") == 0) != app->is_started) {
            cloud_violate(cloud, "no_lost_app", "app %s was acknowledged as %s, and is %s", app->name,
                          app->is_started ? "started" : "stopped", view.state);
        }
    }
}

void promises_release(struct cloud *cloud)
{
    promised_services_release(cloud);
    struct promised_app *app, *next;
    HASH_ITER (hh, cloud->promised, app, next) {
        HASH_DELETE(hh, cloud->promised, app);
        memory_free(app);
    }
}
