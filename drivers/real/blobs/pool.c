#include "drivers/real/blobs/pool.h"

#include "core/base/memory.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/job.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_SIZE = 65536 };

bool pool_read_line(const char **at, struct pool_line *ret_line)
{
    unsigned long long size = 0;
    int used = 0;
    *ret_line = (struct pool_line){0};
    if (sscanf(*at, "%40[0-9a-f] %llu %o %n", ret_line->digest, &size, &ret_line->mode, &used) != 3 || used == 0)
        return false;
    ret_line->size = size;
    ret_line->name = *at + used;
    ret_line->name_size = strcspn(ret_line->name, "\n");
    *at = ret_line->name + ret_line->name_size;
    *at += **at == '\n';
    return strlen(ret_line->digest) == DIGEST_SIZE - 1;
}

static struct path pooled_path(const char *data_dir, const char *digest)
{
    return path_of("%s/pool/%.2s/%s", data_dir, digest, digest);
}

int pool_open(const char *data_dir, const char *digest, uint64_t size)
{
    struct path path = pooled_path(data_dir, digest);
    struct stat info;
    int file = open(path.text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return -1;
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size != size) {
        close(file);
        return -1;
    }
    futimens(file, NULL);
    return file;
}

/* ---- Adding ---- */

static bool hash_file(const char *path, char ret_digest[DIGEST_SIZE])
{
    uint8_t *chunk = memory_new(CHUNK_SIZE);
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx hash;
    sha1_init(&hash);
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t size = -1;
    while (file >= 0 && (size = read(file, chunk, CHUNK_SIZE)) > 0)
        sha1_update(&hash, (size_t)size, chunk);
    if (file >= 0)
        close(file);
    memory_free(chunk);
    sha1_digest(&hash, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_digest + 2 * i, 3, "%02x", digest[i]);
    return size == 0;
}

/* Not synced: what a loss of power cuts short is found out when its digest is looked at. */
static void take_file(const char *data_dir, const char *from, uint64_t size)
{
    char digest[DIGEST_SIZE];
    if (!hash_file(from, digest))
        return;
    int known = pool_open(data_dir, digest, size);
    if (known >= 0) {
        close(known);
        return;
    }
    struct path folder = path_of("%s/pool/%.2s", data_dir, digest);
    struct path path = pooled_path(data_dir, digest);
    if (files_make_folder(folder.text, NULL) == IO_OK && rename(from, path.text) == 0) {
        chmod(path.text, 0644);
        utimensat(AT_FDCWD, path.text, NULL, 0);
    }
}

void pool_take_tree(const char *data_dir, const char *folder)
{
    char *roots[] = {(char *)(uintptr_t)folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return;
    for (const FTSENT *file; (file = fts_read(walk)) != NULL;)
        if (file->fts_info == FTS_F && file->fts_statp->st_size >= POOLED_BYTES_LEAST)
            take_file(data_dir, file->fts_path, (uint64_t)file->fts_statp->st_size);
    fts_close(walk);
}

/* ---- Shrinking ---- */

struct pooled {
    struct path path;
    uint64_t size;
    struct timespec used;
};

static int compare_age(const void *a, const void *b)
{
    const struct pooled *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

void pool_shrink(const char *data_dir, uint64_t bytes_most)
{
    struct path pool = path_of("%s/pool", data_dir);
    char *roots[] = {pool.text, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    struct pooled *files = NULL;
    size_t count = 0;
    uint64_t bytes = 0;
    for (const FTSENT *file; walk != NULL && (file = fts_read(walk)) != NULL;) {
        if (file->fts_info != FTS_F)
            continue;
        files = memory_grow(files, count * sizeof *files, (count + 1) * sizeof *files);
        files[count].path = path_of("%s", file->fts_path);
        files[count].size = (uint64_t)file->fts_statp->st_size;
        files[count].used = file->fts_statp->st_mtim;
        bytes += files[count++].size;
    }
    if (walk != NULL)
        fts_close(walk);
    if (bytes > bytes_most)
        qsort(files, count, sizeof *files, compare_age);
    for (size_t i = 0; i < count && bytes > bytes_most; i++) {
        unlink(files[i].path.text);
        bytes -= files[i].size;
    }
    memory_free(files);
}

/* ---- Which are there ---- */

struct find_job {
    struct job job;
    char *files;
};

static void find(struct job *job)
{
    struct find_job *search = container_of(job, struct find_job, job);
    const char *at = search->files;
    for (struct pool_line line; pool_read_line(&at, &line);) {
        int file = pool_open(job->driver->config->data_dir, line.digest, line.size);
        text_add_char(&job->data, file < 0 ? '0' : '1');
        if (file >= 0)
            close(file);
    }
}

static void finish(struct job *job)
{
    struct find_job *search = container_of(job, struct find_job, job);
    job_answer(job);
    memory_free(search->files);
    memory_free(search);
}

void pool_find_begin(struct real_driver *driver, const struct effect *effect)
{
    struct find_job *search = memory_new(sizeof *search);
    search->files = memory_copy_text(effect->pool.files);
    job_start(driver, &search->job, effect->op, find, finish);
}
