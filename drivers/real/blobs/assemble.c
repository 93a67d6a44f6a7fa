/* EFFECT_ASSEMBLE: unpacks what was uploaded into a folder, adds the files that the pool has, and packs the whole. What
 * a stranger sent is judged here: nothing of it is kept unless it is sound. */
#include "drivers/real/blobs/pool.h"

#include "core/base/memory.h"
#include "drivers/real/blobs/archive.h"
#include "drivers/real/job.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_SIZE = 65536, FILES_MOST = UNPACKED_ENTRIES_MOST };

struct assemble_job {
    struct job job;
    char *digest;
    char *files;
    uint64_t folder_number, blob_number;
    struct path folder;
    uint64_t bytes_left; /* That the package may still grow by, unpacked. */
};

static bool unpack_upload(struct assemble_job *assemble)
{
    const char *data_dir = assemble->job.driver->config->data_dir;
    struct path upload;
    struct text reason = {0};
    if (assemble->digest[0] == 0)
        return true;
    if (!blob_path(data_dir, assemble->digest, &upload) || access(upload.text, R_OK) != 0)
        return job_fail(&assemble->job, IO_FAILED, "the upload is not there");
    enum io_status status = archive_unpack(upload.text, assemble->folder.text, assemble->bytes_left, &reason);
    if (status != IO_OK)
        job_fail(&assemble->job, status, "%s", text_string(&reason));
    text_free(&reason);
    return status == IO_OK;
}

/* ---- Files of the pool ---- */

/* Opens the folder of the last part of a name, making those that are missing and following no link. */
static int open_parent(const char *root, const char *name, const char **ret_last)
{
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *slash;
    while (folder >= 0 && (slash = strchr(name, '/')) != NULL) {
        struct path part = path_of("%.*s", (int)(slash - name), name);
        int child = mkdirat(folder, part.text, 0755) != 0 && errno != EEXIST
                        ? -1
                        : openat(folder, part.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(folder);
        folder = child;
        name = slash + 1;
    }
    *ret_last = name;
    return folder;
}

/* The names come from a client: each part must be a plain one. */
static bool is_plain_name(const char *name)
{
    do {
        size_t part = strcspn(name, "/");
        bool is_dots = (part == 1 && name[0] == '.') || (part == 2 && name[0] == '.' && name[1] == '.');
        if (part == 0 || is_dots)
            return false;
        name += part;
    } while (*name++ == '/');
    return true;
}

/* Copies and checks: the pool is not synced. */
static bool copy_pooled(int source, int target, const char *digest)
{
    uint8_t *chunk = memory_new(CHUNK_SIZE);
    uint8_t found[SHA1_DIGEST_SIZE];
    char hex[DIGEST_SIZE];
    struct sha1_ctx hash;
    ssize_t size;
    sha1_init(&hash);
    while ((size = read(source, chunk, CHUNK_SIZE)) > 0) {
        sha1_update(&hash, (size_t)size, chunk);
        if (files_write_all(target, chunk, (size_t)size) != 0)
            break;
    }
    memory_free(chunk);
    sha1_digest(&hash, sizeof found, found);
    for (size_t i = 0; i < sizeof found; i++)
        snprintf(hex + 2 * i, 3, "%02x", found[i]);
    return size == 0 && strcmp(hex, digest) == 0;
}

static bool add_pooled(struct assemble_job *assemble, const struct pool_line *line)
{
    struct path name = path_of("%.*s", (int)line->name_size, line->name);
    if (line->name_size >= sizeof name.text || !is_plain_name(name.text))
        return job_fail(&assemble->job, IO_INVALID, "%s: a name that leads out of the package", name.text);
    if (line->size > assemble->bytes_left)
        return job_fail(&assemble->job, IO_FULL, "%s: the whole is larger than may be unpacked", name.text);
    assemble->bytes_left -= line->size;
    int source = pool_open(assemble->job.driver->config->data_dir, line->digest, line->size);
    if (source < 0)
        return job_fail(&assemble->job, IO_NOT_FOUND, "%s", name.text);
    const char *last;
    int folder = open_parent(assemble->folder.text, name.text, &last);
    int target = -1;
    if (folder >= 0) {
        unlinkat(folder, last, 0);
        mode_t mode = (line->mode & 0777) | 0600;
        target = openat(folder, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (target >= 0)
            fchmod(target, mode);
        close(folder);
    }
    bool is_open = target >= 0;
    bool is_copied = is_open && copy_pooled(source, target, line->digest);
    if (is_open)
        close(target);
    close(source);
    if (!is_open)
        return job_fail(&assemble->job, IO_INVALID, "%s: no file can be there", name.text);
    return is_copied || job_fail(&assemble->job, IO_NOT_FOUND, "%s", name.text);
}

static bool add_all_pooled(struct assemble_job *assemble)
{
    const char *at = assemble->files;
    size_t count = 0;
    for (struct pool_line line; pool_read_line(&at, &line);)
        if (++count > FILES_MOST)
            return job_fail(&assemble->job, IO_FULL, "too many entries");
        else if (!add_pooled(assemble, &line))
            return false;
    return *at == 0 || job_fail(&assemble->job, IO_INVALID, "the list of files makes no sense");
}

/* ---- The package ---- */

static bool pack(struct assemble_job *assemble)
{
    const struct real_driver *driver = assemble->job.driver;
    struct blob_file file;
    struct text reason = {0};
    blob_file_begin(&file, driver->config->data_dir, assemble->blob_number, driver->config->blob_bytes);
    enum io_status status = archive_pack_zip(assemble->folder.text, &file, &reason);
    assemble->job.number = file.size;
    char digest[DIGEST_SIZE];
    if (status != IO_OK) {
        blob_file_discard(&file);
        job_fail(&assemble->job, status, "%s", text_string(&reason));
    } else {
        status = blob_file_commit(&file, digest);
        if (status == IO_OK)
            text_add_string(&assemble->job.data, digest);
        else
            job_fail(&assemble->job, status, "the package cannot be stored: %s", io_status_name(status));
    }
    text_free(&reason);
    return status == IO_OK;
}

static void work(struct job *job)
{
    struct assemble_job *assemble = container_of(job, struct assemble_job, job);
    const Cupola__DriverConfig *config = job->driver->config;
    struct text reason = {0};
    assemble->folder = path_of("%s/staging/package-%d-%llu", config->data_dir, (int)getpid(),
                               (unsigned long long)assemble->folder_number);
    assemble->bytes_left = UNPACKED_BYTES_MOST;
    files_remove_tree(assemble->folder.text, NULL);
    enum io_status status = files_make_folder(assemble->folder.text, &reason);
    if (status != IO_OK) {
        job_fail(job, status, "%s", text_string(&reason));
    } else if (unpack_upload(assemble) && add_all_pooled(assemble) && pack(assemble)) {
        pool_take_tree(config->data_dir, assemble->folder.text);
        pool_shrink(config->data_dir, config->pool_bytes);
    }
    files_remove_tree(assemble->folder.text, NULL);
    text_free(&reason);
}

static void finish(struct job *job)
{
    struct assemble_job *assemble = container_of(job, struct assemble_job, job);
    job_answer(job);
    memory_free(assemble->digest);
    memory_free(assemble->files);
    memory_free(assemble);
}

void assemble_begin(struct real_driver *driver, const struct effect *effect)
{
    struct assemble_job *assemble = memory_new(sizeof *assemble);
    assemble->digest = memory_copy_text(effect->pool.digest);
    assemble->files = memory_copy_text(effect->pool.files);
    assemble->folder_number = ++driver->temp_count;
    assemble->blob_number = ++driver->temp_count;
    job_start(driver, &assemble->job, effect->op, work, finish);
}
