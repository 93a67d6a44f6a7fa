/* one_order: what operators were told of all apps fits one order, in which nobody sees less than somebody before him.
 *
 * Each command that ended well names the versions of the apps in its answer ("meta"); a command that changes and names
 * a version that nobody has named before has written it. Apps of the same name that were made at different times are
 * different objects.
 */
#include "core/base/memory.h"
#include "sim/cloud_state.h"
#include "sim/dependencies.h"

#include <yajl/yajl_tree.h>

#include <stdio.h>
#include <string.h>

enum { MOST_APPS = 512, MOST_NAME = 128, MOST_ERROR = 128 };

struct answer {
    struct dependency_access accesses[MOST_APPS];
    char names[MOST_APPS][MOST_NAME];
    size_t count;
};

/* Adds the app if the value is one. */
static void take_app(struct dependencies *history, yajl_val value, bool may_write, struct answer *answer)
{
    const char *name_path[] = {"name", NULL};
    const char *version_path[] = {"meta", "version", NULL};
    const char *created_path[] = {"meta", "created", NULL};
    const char *name = YAJL_GET_STRING(yajl_tree_get(value, name_path, yajl_t_string));
    yajl_val version = yajl_tree_get(value, version_path, yajl_t_number);
    yajl_val created = yajl_tree_get(value, created_path, yajl_t_number);
    if (name == NULL || !YAJL_IS_INTEGER(version) || !YAJL_IS_INTEGER(created) || answer->count == MOST_APPS)
        return;
    char *object = answer->names[answer->count];
    snprintf(object, MOST_NAME, "%s of %lld", name, YAJL_GET_INTEGER(created));
    uint64_t number = (uint64_t)YAJL_GET_INTEGER(version);
    answer->accesses[answer->count++] = (struct dependency_access){
        .object = object, .version = number, .is_write = may_write && number > dependencies_newest(history, object)};
}

void dependencies_note(struct cloud *cloud, const char *what, const char *command, const char *result,
                       uint64_t began_ns)
{
    if (!check_is_on(cloud, CHECK_ONE_ORDER))
        return;
    if (cloud->history == NULL)
        cloud->history = dependencies_new();
    char error[MOST_ERROR];
    yajl_val tree = yajl_tree_parse(result, error, sizeof error);
    if (tree == NULL)
        return;
    bool only_looks = strcmp(command, "app") == 0 || strcmp(command, "apps") == 0;
    struct answer *answer = memory_new(sizeof *answer);
    if (YAJL_IS_OBJECT(tree))
        take_app(cloud->history, tree, !only_looks, answer);
    for (size_t i = 0; YAJL_IS_ARRAY(tree) && i < YAJL_GET_ARRAY(tree)->len; i++)
        take_app(cloud->history, YAJL_GET_ARRAY(tree)->values[i], false, answer);
    if (answer->count > 0) {
        dependencies_add(cloud->history, what, began_ns, cloud_now_ns(cloud), answer->accesses, answer->count);
        struct text cycle = {0};
        if (!dependencies_have_order(cloud->history, &cycle))
            cloud_violate(cloud, "one_order", "no order of the commands explains their answers: %s",
                          text_string(&cycle));
        text_free(&cycle);
    }
    memory_free(answer);
    yajl_tree_free(tree);
}
