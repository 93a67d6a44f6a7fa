#include "drivers/real/blobs/archive.h"

#include "drivers/real/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_MOST = 1000,
    DEPTH_MOST = 200, /* Of folders; files_remove_tree can follow. */
    CHUNK_SIZE = 65536
};

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
    text_addf(unpacking->reason, "%.160s: %s", name, why == NULL ? "unreadable" : why);
    return status;
}

/* Most of what can go wrong with an entry is the archive's fault, not ours: names that stand in each other's way, or
 * that no file can have. */
static enum io_status fail(struct unpacking *unpacking, const char *name)
{
    static const int faults[] = {ENOENT, EEXIST,       ENOTDIR, EISDIR, ENOTEMPTY,
                                 ELOOP,  ENAMETOOLONG, EMLINK,  EINVAL, EILSEQ};
    enum io_status status = status_of_errno(errno);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (errno == faults[i])
            status = IO_INVALID;
    return refuse(unpacking, status, name, strerror(errno));
}

/* Takes so much off what the whole may have. */
static bool take_bytes(struct unpacking *unpacking, uint64_t size)
{
    if (size > unpacking->bytes_left)
        return false;
    unpacking->bytes_left -= size;
    return true;
}

static enum io_status refuse_size(struct unpacking *unpacking, const char *name)
{
    return refuse(unpacking, IO_FULL, name, "the whole is larger than may be unpacked");
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

/* Opens (and makes) one folder below another, following no link. Those that no entry names count like entries: a name
 * may bring many. */
static int enter_folder(struct unpacking *unpacking, int parent, const char *name)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0 || errno != ENOENT)
        return folder;
    if (unpacking->entries_left == 0) {
        errno = EDQUOT;
        return -1;
    }
    unpacking->entries_left--;
    if (mkdirat(parent, name, 0755) != 0)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static enum io_status fail_to_enter(struct unpacking *unpacking, const char *name)
{
    if (unpacking->entries_left == 0)
        return refuse(unpacking, IO_FULL, name, "too many entries");
    return fail(unpacking, name);
}

/* The folder in which the last part of the name lives; -1 and errno if it cannot be. */
static int open_parent(struct unpacking *unpacking, const char *name, const char **ret_last)
{
    int folder = dup(unpacking->root);
    const char *slash;
    while (folder >= 0 && (slash = strchr(name, '/')) != NULL) {
        struct path part = path_of("%.*s", (int)(slash - name), name);
        int child = enter_folder(unpacking, folder, part.text);
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
        if (!take_bytes(unpacking, (uint64_t)size))
            return refuse_size(unpacking, name);
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

/* Only of files: a symbolic link means something else in another folder. It counts with its size, for packed again it
 * is a file of its own. */
static enum io_status link_file(struct unpacking *unpacking, const char *name, int folder, const char *last,
                                int target_folder, const char *target_last)
{
    struct stat info;
    if (fstatat(target_folder, target_last, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(unpacking, name);
    if (!S_ISREG(info.st_mode))
        return refuse(unpacking, IO_INVALID, name, "a hard link to what is no file");
    if (!take_bytes(unpacking, (uint64_t)info.st_size))
        return refuse_size(unpacking, name);
    unlinkat(folder, last, 0);
    return linkat(target_folder, target_last, folder, last, 0) == 0 ? IO_OK : fail(unpacking, name);
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
        return fail_to_enter(unpacking, name);
    enum io_status status = link_file(unpacking, name, folder, last, target_folder, target_last);
    close(target_folder);
    return status;
}

static enum io_status make_folder(struct unpacking *unpacking, const char *name, int folder, const char *last)
{
    if (mkdirat(folder, last, 0755) != 0 && errno != EEXIST)
        return fail(unpacking, name);
    int child = openat(folder, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0)
        return fail(unpacking, name);
    close(child);
    return IO_OK;
}

static enum io_status make_entry(struct unpacking *unpacking, struct archive_entry *entry, const char *name, int folder,
                                 const char *last)
{
    if (archive_entry_hardlink(entry) != NULL)
        return make_hard_link(unpacking, name, folder, last, archive_entry_hardlink(entry));
    if (archive_entry_filetype(entry) == AE_IFREG)
        return make_file(unpacking, name, folder, last, archive_entry_perm(entry));
    if (archive_entry_filetype(entry) == AE_IFDIR)
        return make_folder(unpacking, name, folder, last);
    if (archive_entry_filetype(entry) == AE_IFLNK)
        return make_link(unpacking, name, folder, last, archive_entry_symlink(entry));
    return refuse(unpacking, IO_INVALID, name, "neither a file nor a folder nor a link");
}

static bool is_deep(const char *name)
{
    unsigned depth = 0;
    for (; *name != '\0'; name++)
        depth += *name == '/';
    return depth >= DEPTH_MOST;
}

static enum io_status unpack_entry(struct unpacking *unpacking, struct archive_entry *entry)
{
    char name[NAME_MOST];
    const char *raw = archive_entry_pathname(entry);
    if (!clean_name(raw, name))
        return refuse(unpacking, IO_INVALID, raw == NULL ? "?" : raw,
                      "a name that is too long or leads out of the package");
    if (name[0] == 0)
        return IO_OK;
    if (is_deep(name))
        return refuse(unpacking, IO_INVALID, name, "too many folders in each other");
    if (unpacking->entries_left == 0)
        return refuse(unpacking, IO_FULL, name, "too many entries");
    unpacking->entries_left--;
    const char *last;
    int folder = open_parent(unpacking, name, &last);
    if (folder < 0)
        return fail_to_enter(unpacking, name);
    enum io_status status = make_entry(unpacking, entry, name, folder, last);
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
    locale_t before = archive_names_begin();
    unpacking.archive = archive_read_new();
    archive_read_support_format_zip_seekable(
        unpacking.archive); /* By its list at the end: no cut one passes for whole. */
    archive_read_support_format_tar(unpacking.archive);
    archive_read_support_filter_gzip(unpacking.archive);
    enum io_status status;
    if (archive_read_open_filename(unpacking.archive, archive, CHUNK_SIZE) != ARCHIVE_OK)
        status = refuse(&unpacking, IO_INVALID, "the archive cannot be read", archive_error_string(unpacking.archive));
    else
        status = unpack_all(&unpacking);
    archive_read_free(unpacking.archive);
    archive_names_end(before);
    close(unpacking.root);
    return status;
}
