/* Containers in stock: made before it is known what will run in them, which is the larger part of a start.
 *
 *   DATA/spare-containers/N/root/    is bound into the container N as its home, and has its user already
 *
 * An order moves that folder to where the workload's root is: a mount follows its folder. Everything else of the order
 * (files, command, environment, limits) comes then. Who waits in a container has no rights, and ends with its
 * supervisor, as that does with the agent; the folder is removed by the agent, or by its next life. */
#include "drivers/real/workloads/root.h"
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct path containers_folder(const char *data_dir)
{
    return path_of("%s/spare-containers", data_dir);
}

static struct path root_in(const struct path *folder)
{
    return path_of("%s/root", folder->text);
}

/* ---- Making ---- */

static bool make_folder(struct workload_order *order)
{
    const Cupola__DriverConfig *config = order->job.driver->config;
    static atomic_uint made;
    order->folder = path_of("%s/%d-%u", containers_folder(config->data_dir).text, (int)getpid(), ++made);
    struct path root = root_in(&order->folder);
    if (files_make_folder(root.text, NULL) != IO_OK)
        return false;
    struct user_range range = {config->first_user, config->user_count};
    order->uid = user_take(USERS_FOLDER, &range, order->folder.text);
    return order->uid == 0 || user_own_tree(root.text, order->uid);
}

void spare_container_make(struct workload_order *order)
{
    if (order->kind == NULL)
        order->kind = workload_kind_chosen(order->job.driver->config);
    if (order->kind == NULL || order->kind->make == NULL)
        return;
    bool has_folder = make_folder(order);
    order->spare.folder = order->folder;
    order->spare.uid = order->uid;
    order->spare.prefix = workload_runtime_prefix(order->runtime);
    if (!has_folder || !supervisor_order_send(order->spare.connection, order))
        spare_drop(&order->spare);
}

/* ---- Using ---- */

bool spare_container_use(struct workload_order *order)
{
    struct spare *spare = &order->spare;
    if (spare->folder.text[0] == 0)
        return false;
    struct path from = root_in(&spare->folder), to = root_in(&order->folder);
    struct path prefix = workload_runtime_prefix(order->runtime);
    bool is_ours = strcmp(prefix.text, spare->prefix.text) == 0 &&
                   user_pass_on(USERS_FOLDER, spare->uid, spare->folder.text, order->folder.text);
    char whole;
    if (!is_ours || read(spare->connection, &whole, 1) != 1 || rename(from.text, to.text) != 0) {
        spare_drop(spare);
        return false;
    }
    order->uid = spare->uid;
    return true;
}

/* ---- Away with it ---- */

static void remove_folder(const struct path *folder)
{
    struct path root = root_in(folder);
    struct stat info;
    if (lstat(root.text, &info) == 0)
        user_give_back(USERS_FOLDER, info.st_uid, folder->text);
    files_remove_tree(folder->text, NULL);
}

void spare_drop(struct spare *spare)
{
    if (spare->connection >= 0)
        close(spare->connection);
    if (spare->folder.text[0] != 0)
        remove_folder(&spare->folder);
    *spare = (struct spare){.connection = -1};
}

static int is_container(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

void spare_containers_sweep(const char *data_dir)
{
    struct path parent = containers_folder(data_dir);
    struct dirent **entries;
    int count = scandir(parent.text, &entries, is_container, alphasort);
    for (int i = 0; i < count; i++) {
        struct path folder = path_of("%s/%s", parent.text, entries[i]->d_name);
        remove_folder(&folder);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    rmdir(parent.text);
}
