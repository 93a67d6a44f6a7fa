#include "sim/checks/survey.h"

#include "core/base/memory.h"

#include <string.h>

static struct place *get_place(struct survey *survey, int64_t droplet, int64_t index)
{
    struct place_key key;
    memset(&key, 0, sizeof key);
    key.droplet = droplet;
    key.index = index;
    struct place *place = NULL;
    HASH_FIND(hh, survey->places, &key, sizeof key, place);
    if (place != NULL)
        return place;
    place = memory_new(sizeof *place);
    place->key = key;
    HASH_ADD(hh, survey->places, key, sizeof place->key, place);
    return place;
}

const struct machine *cloud_knowing_controller(const struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_CONTROLLER]; i++) {
        const struct machine *machine = component_machine(&cloud->components[ROLE_CONTROLLER][i]);
        if (machine != NULL && controller_view_is_caught_up(machine) &&
            controller_view_head_sequence(machine) == cloud->journal->count)
            return machine;
    }
    return NULL;
}

/* The version of an app is kept with the world, since a view's text ends with the next view. */
static void want(struct cloud *cloud, struct survey *survey, const struct controller_app_view *app)
{
    const char *version = world_keep_label(cloud->world, app->version);
    for (int32_t index = 0; index < app->instances; index++) {
        struct place *place = get_place(survey, app->id, index);
        place->app = app->name;
        place->version = version;
        survey->wanted++;
    }
}

bool survey_is_gone(const struct dea_instance_view *instance)
{
    return strcmp(instance->state, "CRASHED") == 0 || strcmp(instance->state, "STOPPED") == 0;
}

static void look_at_dea(struct survey *survey, struct component *dea, int64_t only)
{
    const void *at = NULL;
    struct dea_instance_view instance;
    while (dea_view_next(component_machine(dea), &at, &instance)) {
        if (survey_is_gone(&instance) || (only != 0 && instance.droplet != only))
            continue;
        struct place *place = get_place(survey, instance.droplet, instance.index);
        bool is_right = place->version != NULL && strcmp(place->version, instance.version) == 0 &&
                        strcmp(instance.state, "RUNNING") == 0;
        if (!is_right) {
            place->others++;
            continue;
        }
        place->running++;
        place->address = dea->host->address;
        place->port = instance.port;
    }
}

bool survey_take(struct cloud *cloud, const char *only, struct survey *ret_survey, struct text *ret_why)
{
    *ret_survey = (struct survey){0};
    const struct machine *controller = cloud_knowing_controller(cloud);
    if (controller == NULL) {
        if (ret_why != NULL)
            text_add_string(ret_why, "no controller runs that knows the whole journal");
        return false;
    }
    int64_t only_id = 0;
    for (size_t i = 0; i < controller_view_app_count(controller); i++) {
        struct controller_app_view app;
        controller_view_app(controller, i, &app);
        if (only != NULL && strcmp(only, app.name) != 0)
            continue;
        only_id = only == NULL ? 0 : app.id;
        if (app.is_live)
            want(cloud, ret_survey, &app);
    }
    if (only != NULL && only_id == 0) {
        if (ret_why != NULL)
            text_addf(ret_why, "there is no app %s", only);
        return false;
    }
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        struct component *dea = &cloud->components[ROLE_DEA][i];
        if (component_is_running(dea))
            look_at_dea(ret_survey, dea, only_id);
    }
    return true;
}

void survey_release(struct survey *survey)
{
    struct place *place, *next;
    HASH_ITER (hh, survey->places, place, next) {
        HASH_DELETE(hh, survey->places, place);
        memory_free(place);
    }
}
