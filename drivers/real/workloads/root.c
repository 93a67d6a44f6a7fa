#include "drivers/real/workloads/root.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const system_folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
static const char *const etc[] = {"alternatives", "ca-certificates", "group",    "hosts", "ld.so.cache",
                                  "localtime",    "mime.types",      "passwd",   "pki",   "nsswitch.conf",
                                  "protocols",    "resolv.conf",     "services", "ssl",   "python3"};

static size_t add(struct root_entry *entries, size_t count, const char *path, const struct stat *info)
{
    struct root_entry *entry = &entries[count];
    *entry = (struct root_entry){.kind = S_ISDIR(info->st_mode) ? ROOT_FOLDER : ROOT_FILE,
                                 .path = path_of("%s", path),
                                 .size = (uint64_t)info->st_size};
    return count + 1;
}

static size_t add_system_folder(struct root_entry *entries, size_t count, const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return count;
    if (!S_ISLNK(info.st_mode))
        return add(entries, count, path, &info);
    struct root_entry *entry = &entries[count];
    *entry = (struct root_entry){.kind = ROOT_LINK, .path = path_of("%s", path)};
    return readlink(path, entry->target.text, sizeof entry->target.text - 1) > 0 ? count + 1 : count;
}

struct path workload_runtime_prefix(const char *runtime)
{
    char real[PATH_MAX];
    if (runtime[0] != '/' || realpath(runtime, real) == NULL || strncmp(real, "/usr/", 5) == 0 ||
        strncmp(real, "/bin/", 5) == 0)
        return path_of("%s", "");
    const char *prefix = dirname(dirname(real));
    return path_of("%s", strcmp(prefix, "/") == 0 ? "" : prefix);
}

static size_t add_runtime(struct root_entry *entries, size_t count, const char *runtime)
{
    struct path prefix = workload_runtime_prefix(runtime);
    struct stat info;
    bool is_folder = prefix.text[0] != 0 && stat(prefix.text, &info) == 0;
    return is_folder ? add(entries, count, prefix.text, &info) : count;
}

size_t workload_root_list(struct root_entry ret_entries[ROOT_ENTRIES_MOST], const char *runtime)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof system_folders / sizeof system_folders[0]; i++)
        count = add_system_folder(ret_entries, count, system_folders[i]);
    for (size_t i = 0; i < sizeof etc / sizeof etc[0]; i++) {
        struct path path = path_of("/etc/%s", etc[i]);
        struct stat info;
        if (stat(path.text, &info) == 0)
            count = add(ret_entries, count, path.text, &info);
    }
    return add_runtime(ret_entries, count, runtime);
}
