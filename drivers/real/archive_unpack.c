#include "drivers/real/archive.h"

#include "drivers/real/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MOST = 1000, CHUNK_SIZE = 65536 };

struct unpacking {
    struct archive *archive;
    int root;
    uint64_t bytes_left;
    unsigned entries_left;
    struct text *reason;
    uint8_t chunk[CHUNK_SIZE];
};

static enum io_status refuse(struct unpacking *unpacking, enum io_status status, const char *name, const char *why)
{
    text_clear(unpacking->reason);
    text_addf(unpacking->reason, "%s: %s", name, why);
    return status;
}

static enum io_status fail(struct unpacking *unpacking, const char *name)
{
    return refuse(unpacking, status_of_errno(errno), name, strerror(errno));
}

/* ---- Names ---- */

/* Copies the name without "./" and slashes at its end. False for names that are absolute, contain "..", or are too
 * long. An empty result is the folder itself. */
static bool clean_name(const char *name, char ret_name[NAME_MOST])
{
    size_t size = 0;
    if (name == NULL || name[0] == '/')
        return false;
    while (*name != 0) {
        size_t part = strcspn(name, "/");
        if (part == 2 && name[0] == '.' && name[1] == '.')
            return false;
        if (part > 0 && !(part == 1 && name[0] == '.')) {
            if (size + part + 2 > NAME_MOST)
                return false;
            if (size > 0)
                ret_name[size++] = '/';
            memcpy(ret_name + size, name, part);
            size += part;
        }
        name += part;
        name += strspn(name, "/");
    }
    ret_name[size] = 0;
    return true;
}

/* A link may climb as far as its own folder is deep, and only at its beginning: "a/.." may lead anywhere if a is a link
 * itself. */
static bool link_stays_inside(const char *name, const char *target)
{
    int depth = 0;
    for (const char *c = name; *c != 0; c++)
        depth += *c == '/';
    if (target == NULL || target[0] == 0 || target[0] == '/')
        return false;
    bool climbing = true;
    while (*target != 0) {
        size_t part = strcspn(target, "/");
        bool up = part == 2 && target[0] == '.' && target[1] == '.';
        if (up && (!climbing || --depth < 0))
            return false;
        if (!up && !(part == 1 && target[0] == '.'))
            climbing = false;
        target += part;
        target += strspn(target, "/");
    }
    return true;
}

/* Opens (and makes) one folder below another, following no link. */
static int enter_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The folder in which the last part of the name lives; -1 and errno if it cannot be. */
static int open_parent(const struct unpacking *unpacking, const char *name, const char **ret_last)
{
    int folder = dup(unpacking->root);
    const char *slash;
    while (folder >= 0 && (slash = strchr(name, '/')) != NULL) {
        struct path part = path_of("%.*s", (int)(slash - name), name);
        int child = enter_folder(folder, part.text);
        int error = errno;
        close(folder);
        errno = error;
        folder = child;
        name = slash + 1;
    }
    *ret_last = name;
    return folder;
}

/* ---- Entries ---- */

static enum io_status write_content(struct unpacking *unpacking, const char *name, int descriptor)
{
    for (;;) {
        la_ssize_t size = archive_read_data(unpacking->archive, unpacking->chunk, CHUNK_SIZE);
        if (size == 0)
            return IO_OK;
        if (size < 0)
            return refuse(unpacking, IO_INVALID, name, archive_error_string(unpacking->archive));
        if ((uint64_t)size > unpacking->bytes_left)
            return refuse(unpacking, IO_FULL, name, "the whole is larger than may be unpacked");
        unpacking->bytes_left -= (uint64_t)size;
        if (files_write_all(descriptor, unpacking->chunk, (size_t)size) != 0)
            return fail(unpacking, name);
    }
}

static enum io_status make_file(struct unpacking *unpacking, const char *name, int folder, const char *last,
                                mode_t permissions)
{
    unlinkat(folder, last, 0); /* The last of several entries with one name counts. */
    mode_t mode = (permissions & 0777) | 0600;
    int descriptor = openat(folder, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (descriptor < 0)
        return fail(unpacking, name);
    fchmod(descriptor, mode);
    enum io_status status = write_content(unpacking, name, descriptor);
    close(descriptor);
    return status;
}

static enum io_status make_link(struct unpacking *unpacking, const char *name, int folder, const char *last,
                                const char *target)
{
    if (!link_stays_inside(name, target))
        return refuse(unpacking, IO_INVALID, name, "a link that leads out of the package");
    unlinkat(folder, last, 0);
    return symlinkat(target, folder, last) == 0 ? IO_OK : fail(unpacking, name);
}

static enum io_status make_hard_link(struct unpacking *unpacking, const char *name, int folder, const char *last,
                                     const char *target)
{
    char clean[NAME_MOST];
    if (!clean_name(target, clean) || clean[0] == 0)
        return refuse(unpacking, IO_INVALID, name, "a link that leads out of the package");
    const char *target_last;
    int target_folder = open_parent(unpacking, clean, &target_last);
    if (target_folder < 0)
        return fail(unpacking, name);
    unlinkat(folder, last, 0);
    int result = linkat(target_folder, target_last, folder, last, 0);
    enum io_status status = result == 0 ? IO_OK : fail(unpacking, name);
    close(target_folder);
    return status;
}

static enum io_status make_folder(struct unpacking *unpacking, const char *name, int folder, const char *last)
{
    int child = enter_folder(folder, last);
    if (child < 0)
        return fail(unpacking, name);
    close(child);
    return IO_OK;
}

static enum io_status unpack_entry(struct unpacking *unpacking, struct archive_entry *entry)
{
    char name[NAME_MOST];
    const char *raw = archive_entry_pathname(entry);
    if (!clean_name(raw, name))
        return refuse(unpacking, IO_INVALID, raw == NULL ? "?" : raw, "a name that leads out of the package");
    if (name[0] == 0)
        return IO_OK;
    if (unpacking->entries_left-- == 0)
        return refuse(unpacking, IO_FULL, name, "too many entries");
    const char *last;
    int folder = open_parent(unpacking, name, &last);
    if (folder < 0)
        return fail(unpacking, name);
    enum io_status status;
    if (archive_entry_hardlink(entry) != NULL)
        status = make_hard_link(unpacking, name, folder, last, archive_entry_hardlink(entry));
    else if (archive_entry_filetype(entry) == AE_IFREG)
        status = make_file(unpacking, name, folder, last, archive_entry_perm(entry));
    else if (archive_entry_filetype(entry) == AE_IFDIR)
        status = make_folder(unpacking, name, folder, last);
    else if (archive_entry_filetype(entry) == AE_IFLNK)
        status = make_link(unpacking, name, folder, last, archive_entry_symlink(entry));
    else
        status = refuse(unpacking, IO_INVALID, name, "neither a file nor a folder nor a link");
    close(folder);
    return status;
}

static enum io_status unpack_all(struct unpacking *unpacking)
{
    struct archive_entry *entry;
    for (;;) {
        int result = archive_read_next_header(unpacking->archive, &entry);
        if (result == ARCHIVE_EOF)
            return IO_OK;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return refuse(unpacking, IO_INVALID, "the archive cannot be read",
                          archive_error_string(unpacking->archive));
        enum io_status status = unpack_entry(unpacking, entry);
        if (status != IO_OK)
            return status;
    }
}

enum io_status archive_unpack(const char *archive, const char *folder, uint64_t bytes_most, struct text *ret_reason)
{
    struct unpacking unpacking = {
        .bytes_left = bytes_most, .entries_left = UNPACKED_ENTRIES_MOST, .reason = ret_reason};
    unpacking.root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (unpacking.root < 0)
        return fail(&unpacking, folder);
    unpacking.archive = archive_read_new();
    archive_read_support_format_zip(unpacking.archive);
    archive_read_support_format_tar(unpacking.archive);
    archive_read_support_filter_gzip(unpacking.archive);
    enum io_status status;
    if (archive_read_open_filename(unpacking.archive, archive, CHUNK_SIZE) != ARCHIVE_OK)
        status = refuse(&unpacking, IO_INVALID, "the archive cannot be read", archive_error_string(unpacking.archive));
    else
        status = unpack_all(&unpacking);
    archive_read_free(unpacking.archive);
    close(unpacking.root);
    return status;
}
