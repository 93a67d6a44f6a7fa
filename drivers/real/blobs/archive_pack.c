#include "drivers/real/blobs/archive.h"

#include "core/base/memory.h"
#include "drivers/real/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MOST = 100 }; /* Of folders; unpacking (archive_unpack.c) goes as deep at least. */

struct packing {
    struct archive *archive;
    struct blob_file *file;
    struct text *reason;
};

static enum io_status fail(const struct packing *packing, const char *name)
{
    text_clear(packing->reason);
    text_addf(packing->reason, "pack %s: %s", name, strerror(errno));
    return status_of_errno(errno);
}

static la_ssize_t on_write(struct archive *archive, void *context, const void *bytes, size_t size)
{
    struct packing *packing = context;
    blob_file_write(packing->file, bytes, size);
    if (packing->file->status == IO_OK)
        return (la_ssize_t)size;
    archive_set_error(archive, EIO, "%s", io_status_name(packing->file->status));
    return -1;
}

static enum io_status write_header(struct packing *packing, const char *name, const struct stat *info, const char *link)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, info->st_mode & S_IFMT);
    archive_entry_set_perm(entry, info->st_mode & 0777);
    archive_entry_set_size(entry, S_ISREG(info->st_mode) ? info->st_size : 0);
    archive_entry_set_mtime(entry, 0, 0);
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    if (link != NULL)
        archive_entry_set_symlink(entry, link);
    int result = archive_write_header(packing->archive, entry);
    archive_entry_free(entry);
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) /* A name that is no UTF-8 goes as it is. */
        return IO_OK;
    text_clear(packing->reason);
    text_addf(packing->reason, "pack %s: %s", name, archive_error_string(packing->archive));
    return packing->file->status != IO_OK ? packing->file->status : IO_FAILED;
}

static enum io_status pack_content(struct packing *packing, int descriptor, const char *name)
{
    enum { CHUNK_SIZE = 65536 };
    uint8_t *chunk = memory_new(CHUNK_SIZE);
    enum io_status status = IO_OK;
    ssize_t size;
    while ((size = read(descriptor, chunk, CHUNK_SIZE)) > 0 && status == IO_OK) {
        if (archive_write_data(packing->archive, chunk, (size_t)size) < 0)
            status = packing->file->status != IO_OK ? packing->file->status : IO_FAILED;
    }
    if (size < 0)
        status = fail(packing, name);
    memory_free(chunk);
    return status;
}

static enum io_status pack_file(struct packing *packing, int folder, const char *last, const char *name)
{
    int descriptor = openat(folder, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        enum io_status status = fail(packing, name);
        if (descriptor >= 0)
            close(descriptor);
        return status;
    }
    enum io_status status = write_header(packing, name, &info, NULL);
    if (status == IO_OK)
        status = pack_content(packing, descriptor, name);
    close(descriptor);
    return status;
}

static enum io_status pack_link(struct packing *packing, int folder, const char *last, const char *name,
                                const struct stat *info)
{
    struct path target = {0};
    if (readlinkat(folder, last, target.text, sizeof target.text - 1) < 0)
        return fail(packing, name);
    return write_header(packing, name, info, target.text);
}

static enum io_status pack_folder(struct packing *packing, int folder, const char *prefix, int depth);

static enum io_status pack_entry(struct packing *packing, int folder, const char *last, const char *prefix, int depth)
{
    struct path name = path_of("%s%s", prefix, last);
    struct stat info;
    if (fstatat(folder, last, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(packing, name.text);
    if (S_ISREG(info.st_mode))
        return pack_file(packing, folder, last, name.text);
    if (S_ISLNK(info.st_mode))
        return pack_link(packing, folder, last, name.text, &info);
    if (!S_ISDIR(info.st_mode) || depth >= DEPTH_MOST) {
        text_clear(packing->reason);
        text_addf(packing->reason, "%.160s: %s", name.text,
                  S_ISDIR(info.st_mode) ? "too many folders in each other" : "neither a file nor a folder nor a link");
        return IO_INVALID;
    }
    struct path inner = path_of("%s/", name.text);
    enum io_status status = write_header(packing, inner.text, &info, NULL);
    int child = openat(folder, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0)
        return fail(packing, name.text);
    if (status == IO_OK)
        status = pack_folder(packing, child, inner.text, depth + 1);
    close(child);
    return status;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_real_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static enum io_status pack_folder(struct packing *packing, int folder, const char *prefix, int depth)
{
    struct dirent **entries;
    int count = scandirat(folder, ".", &entries, is_real_entry, compare_names);
    if (count < 0)
        return fail(packing, prefix);
    enum io_status status = IO_OK;
    for (int i = 0; i < count; i++) {
        if (status == IO_OK)
            status = pack_entry(packing, folder, entries[i]->d_name, prefix, depth);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static void choose_tgz(struct archive *archive)
{
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_gzip(archive);
    archive_write_set_filter_option(archive, "gzip", "compression-level", "4");
    archive_write_set_filter_option(archive, "gzip", "timestamp", NULL);
}

static void choose_zip(struct archive *archive)
{
    archive_write_set_format_zip(archive);
    archive_write_zip_set_compression_store(archive);
}

static enum io_status pack_whole(const char *folder, struct blob_file *file, void (*choose)(struct archive *archive),
                                 struct text *ret_reason)
{
    struct packing packing = {.file = file, .reason = ret_reason};
    int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail(&packing, folder);
    locale_t before = archive_names_begin();
    packing.archive = archive_write_new();
    choose(packing.archive);
    enum io_status status = IO_OK;
    if (archive_write_open(packing.archive, &packing, NULL, on_write, NULL) != ARCHIVE_OK)
        status = fail(&packing, folder);
    if (status == IO_OK)
        status = pack_folder(&packing, root, "", 0);
    if (archive_write_close(packing.archive) != ARCHIVE_OK && status == IO_OK)
        status = fail(&packing, folder);
    archive_write_free(packing.archive);
    archive_names_end(before);
    close(root);
    return status;
}

enum io_status archive_pack(const char *folder, struct blob_file *file, struct text *ret_reason)
{
    return pack_whole(folder, file, choose_tgz, ret_reason);
}

enum io_status archive_pack_zip(const char *folder, struct blob_file *file, struct text *ret_reason)
{
    return pack_whole(folder, file, choose_zip, ret_reason);
}
