/* one_order: what operators were told of all apps fits one order, in which nobody sees less than somebody before him.
 *
 * Each command that ended well names the versions of the apps in its answer ("meta"); a command that changes and names
 * a version that nobody has named before has written it. Apps of the same name that were made at different times are
 * different objects.
 */
#include "core/base/memory.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"
#include "sim/checks/dependencies.h"
#include "sim/cloud_state.h"

#include <stdio.h>
#include <string.h>

enum { MOST_APPS = 512, MOST_NAME = 128 };

struct answer {
    struct dependency_access accesses[MOST_APPS];
    char names[MOST_APPS][MOST_NAME];
    size_t count;
};

/* Adds the app if the value is one. */
static void take_app(struct dependencies *history, struct io_bytes value, bool may_write, struct answer *answer)
{
    struct json_error error;
    Cupola__RestApp *app = (void *)json_read(&cupola__rest_app__descriptor, value, JSON_LENIENT, &error);
    if (app == NULL)
        return;
    if (app->name != NULL && app->meta != NULL && app->meta->has_version && app->meta->has_created &&
        answer->count < MOST_APPS) {
        char *object = answer->names[answer->count];
        snprintf(object, MOST_NAME, "%s of %lld", app->name, (long long)app->meta->created);
        uint64_t number = (uint64_t)app->meta->version;
        bool is_write = may_write && number > dependencies_newest(history, object);
        answer->accesses[answer->count++] =
            (struct dependency_access){.object = object, .version = number, .is_write = is_write};
    }
    cupola__rest_app__free_unpacked(app, NULL);
}

void dependencies_note(struct cloud *cloud, const char *what, const char *command, const char *result,
                       uint64_t began_ns)
{
    if (!check_is_on(cloud, CHECK_ONE_ORDER))
        return;
    if (cloud->history == NULL)
        cloud->history = dependencies_new();
    struct io_bytes json = {(const uint8_t *)result, strlen(result)}, *elements = NULL;
    size_t count = 0;
    bool only_looks = strcmp(command, "app") == 0 || strcmp(command, "apps") == 0;
    struct answer *answer = memory_new(sizeof *answer);
    if (json_split_array(json, &elements, &count)) {
        for (size_t i = 0; i < count; i++)
            take_app(cloud->history, elements[i], false, answer);
        memory_free(elements);
    } else {
        take_app(cloud->history, json, !only_looks, answer);
    }
    if (answer->count > 0) {
        dependencies_add(cloud->history, what, began_ns, cloud_now_ns(cloud), answer->accesses, answer->count);
        struct text cycle = {0};
        if (!dependencies_have_order(cloud->history, &cycle))
            cloud_violate(cloud, "one_order", "no order of the commands explains their answers: %s",
                          text_string(&cycle));
        text_free(&cycle);
    }
    memory_free(answer);
}
