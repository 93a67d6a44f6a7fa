#include "drivers/real/files.h"

#include "drivers/real/driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How deep we go into somebody else's folders at once: a level costs two descriptors. */
enum { DEPTH_MOST = 256 };

struct path path_of(const char *format, ...)
{
    struct path path;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path.text, sizeof path.text, format, arguments);
    va_end(arguments);
    return path;
}

static enum io_status fail(struct text *ret_reason, const char *what, const char *path)
{
    int error = errno;
    if (ret_reason != NULL) {
        text_clear(ret_reason);
        text_addf(ret_reason, "%s %s: %s", what, path, strerror(error));
    }
    return status_of_errno(error);
}

enum io_status files_make_folder(const char *path, struct text *ret_reason)
{
    struct path partial = path_of("%s", path);
    for (char *c = partial.text + 1; *c != 0; c++) {
        if (*c != '/')
            continue;
        *c = 0;
        mkdir(partial.text, 0755);
        *c = '/';
    }
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return fail(ret_reason, "mkdir", path);
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return fail(ret_reason, "mkdir", path);
    }
    return IO_OK;
}

int files_write_all(int descriptor, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(descriptor, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

enum io_status files_sync_folder(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return status_of_errno(errno);
    int result = fsync(descriptor);
    enum io_status status = result == 0 ? IO_OK : status_of_errno(errno);
    close(descriptor);
    return status;
}

static enum io_status write_new_file(const char *path, struct io_bytes content, mode_t mode, struct text *ret_reason)
{
    unlink(path);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0)
        return fail(ret_reason, "create", path);
    enum io_status status = IO_OK;
    if (files_write_all(descriptor, content.data, content.size) != 0)
        status = fail(ret_reason, "write", path);
    else if (fsync(descriptor) != 0)
        status = fail(ret_reason, "fsync", path);
    close(descriptor);
    return status;
}

enum io_status files_replace(const char *path, struct io_bytes content, mode_t mode, struct text *ret_reason)
{
    struct path temp = path_of("%s.new-%d", path, (int)getpid());
    enum io_status status = write_new_file(temp.text, content, mode, ret_reason);
    if (status == IO_OK && rename(temp.text, path) != 0)
        status = fail(ret_reason, "rename to", path);
    if (status != IO_OK) {
        unlink(temp.text);
        return status;
    }
    struct path copy = path_of("%s", path);
    return files_sync_folder(dirname(copy.text));
}

enum io_status files_read(const char *path, size_t most, struct text *ret_content, struct text *ret_reason)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail(ret_reason, "open", path);
    enum io_status status = IO_OK;
    size_t total = 0;
    for (;;) {
        ssize_t size = read(descriptor, text_room(ret_content, 16384), 16384);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            status = fail(ret_reason, "read", path);
        if (size <= 0)
            break;
        text_grow(ret_content, (size_t)size);
        total += (size_t)size;
        if (total > most) {
            errno = EFBIG;
            status = fail(ret_reason, "read", path);
            break;
        }
    }
    close(descriptor);
    return status;
}

/* ---- Trees ---- */

/* Calls `visit` for each entry but . and .. */
static void each_entry(int folder, dev_t device, int depth,
                       void (*visit)(int folder, dev_t device, const char *name, int depth, void *context),
                       void *context)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* Reads from the beginning, unlike a dup. */
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (stream == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(folder, device, entry->d_name, depth, context);
    }
    closedir(stream);
}

/* A tree that is being removed. What lies too deep is lifted to its top, for another pass. */
struct removal {
    int top;
    unsigned lifted;
    bool has_more;
};

static void lift(struct removal *removal, int folder, const char *name)
{
    enum { TRIES = 100 }; /* The tree may have such names itself. */
    for (int i = 0; i < TRIES; i++) {
        struct path lifted = path_of("lifted-%u", removal->lifted++);
        if (renameat(folder, name, removal->top, lifted.text) == 0) {
            removal->has_more = true;
            return;
        }
    }
}

static void remove_entry(int folder, dev_t device, const char *name, int depth, void *context)
{
    if (unlinkat(folder, name, 0) == 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0)
        return;
    if (depth >= DEPTH_MOST) {
        lift(context, folder, name);
        return;
    }
    int child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (child >= 0 && fstat(child, &info) == 0 && info.st_dev == device) {
        fchmod(child, 0700);
        each_entry(child, device, depth + 1, remove_entry, context);
    }
    if (child >= 0)
        close(child);
    unlinkat(folder, name, AT_REMOVEDIR);
}

enum io_status files_remove_tree(const char *path, struct text *ret_reason)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return IO_OK;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (folder < 0 || fstat(folder, &info) != 0) {
        enum io_status status = fail(ret_reason, "open", path);
        if (folder >= 0)
            close(folder);
        return status;
    }
    struct removal removal = {.top = folder};
    do {
        removal.has_more = false;
        each_entry(folder, info.st_dev, 0, remove_entry, &removal);
    } while (removal.has_more);
    close(folder);
    return rmdir(path) == 0 || errno == ENOENT ? IO_OK : fail(ret_reason, "remove", path);
}

static void measure_entry(int folder, dev_t device, const char *name, int depth, void *context)
{
    uint64_t *bytes = context;
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_dev != device)
        return;
    *bytes += (uint64_t)info.st_blocks * 512;
    if (!S_ISDIR(info.st_mode))
        return;
    if (depth >= DEPTH_MOST) { /* Nobody hides from his quota in the depths. */
        *bytes |= FILES_TOO_DEEP_TO_MEASURE;
        return;
    }
    int child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0)
        return;
    each_entry(child, device, depth + 1, measure_entry, bytes);
    close(child);
}

uint64_t files_measure_tree(const char *path)
{
    uint64_t bytes = 0;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (folder >= 0 && fstat(folder, &info) == 0)
        each_entry(folder, info.st_dev, 0, measure_entry, &bytes);
    if (folder >= 0)
        close(folder);
    return bytes;
}
