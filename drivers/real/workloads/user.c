#include "drivers/real/workloads/user.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a. */
    for (; *text != 0; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619U;
    return hash;
}

static bool read_owner(const struct path *link, struct path *ret_owner)
{
    ssize_t size = readlink(link->text, ret_owner->text, sizeof ret_owner->text - 1);
    ret_owner->text[size > 0 ? size : 0] = 0;
    return size > 0;
}

/* Renaming a link over it would take it from somebody who has just taken it over: hence unlink, and try again. */
static bool take(const char *users_folder, const struct path *link, const char *workload_folder)
{
    struct path owner;
    if (symlink(workload_folder, link->text) == 0)
        return true;
    if (errno == ENOENT && mkdir(users_folder, 0755) == 0 && symlink(workload_folder, link->text) == 0)
        return true; /* The last user's agent had just removed the folder, or there never was one. */
    if (errno != EEXIST || !read_owner(link, &owner) || access(owner.text, F_OK) == 0)
        return false;
    unlink(link->text);
    return symlink(workload_folder, link->text) == 0;
}

uint32_t user_take(const char *users_folder, const struct user_range *range, const char *workload_folder)
{
    if (geteuid() != 0 || range->first == 0 || range->count == 0)
        return 0;
    uint32_t begin = hash_of(workload_folder);
    for (uint32_t i = 0; i < range->count; i++) {
        uint32_t uid = range->first + (begin + i) % range->count;
        struct path link = path_of("%s/%u", users_folder, uid);
        if (take(users_folder, &link, workload_folder))
            return uid;
    }
    return 0;
}

bool user_pass_on(const char *users_folder, uint32_t uid, const char *from_folder, const char *to_folder)
{
    struct path link = path_of("%s/%u", users_folder, uid), owner;
    if (uid == 0)
        return true; /* It runs as we do. */
    if (!read_owner(&link, &owner) || strcmp(owner.text, from_folder) != 0)
        return false;
    unlink(link.text);
    return take(users_folder, &link, to_folder);
}

void user_give_back(const char *users_folder, uint32_t uid, const char *workload_folder)
{
    struct path link = path_of("%s/%u", users_folder, uid), owner;
    if (uid == 0 || !read_owner(&link, &owner) || strcmp(owner.text, workload_folder) != 0)
        return;
    unlink(link.text);
    rmdir(users_folder); /* Unless there are others. */
}

void user_give_back_all(const char *users_folder, const char *workload_folder)
{
    DIR *users = opendir(users_folder);
    const struct dirent *entry;
    while (users != NULL && (entry = readdir(users)) != NULL)
        user_give_back(users_folder, (uint32_t)strtoul(entry->d_name, NULL, 10), workload_folder);
    if (users != NULL)
        closedir(users);
}

bool user_can_reach(const char *folder)
{
    struct path path = path_of("%s", folder);
    struct stat info;
    for (;;) {
        if (stat(path.text[0] == 0 ? "/" : path.text, &info) != 0 || (info.st_mode & S_IXOTH) == 0)
            return false;
        if (path.text[0] == 0)
            return true;
        char *slash = strrchr(path.text, '/');
        *(slash == NULL ? path.text : slash) = 0;
    }
}

bool user_own_tree(const char *folder, uint32_t uid)
{
    struct path root = path_of("%s", folder);
    char *const roots[] = {root.text, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (walk == NULL)
        return false;
    bool is_done = true;
    const FTSENT *entry;
    while ((entry = fts_read(walk)) != NULL) {
        if (entry->fts_info != FTS_DP)
            is_done = lchown(entry->fts_accpath, uid, uid) == 0 && is_done;
    }
    fts_close(walk);
    return chmod(folder, 0700) == 0 && is_done;
}
