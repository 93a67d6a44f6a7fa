/* The store itself: writing one blob, finding one, cleaning up. Nothing of the loop in here. */
#include "drivers/real/blobs/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/version.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KNOWN_MOST = 256, SETTLED_S = 2 };

void blob_file_begin(struct blob_file *file, const char *data_dir, uint64_t number, uint64_t size_most)
{
    *file = (struct blob_file){.descriptor = -1, .size_most = size_most};
    sha1_init(&file->hash);
    file->folder = path_of("%s/blobs", data_dir);
    file->temp = path_of("%s/blobs/temp/%d-%llu", data_dir, (int)getpid(), (unsigned long long)number);
    struct path folder = path_of("%s/temp", file->folder.text);
    file->status = files_make_folder(folder.text, NULL);
    if (file->status != IO_OK)
        return;
    file->descriptor = open(file->temp.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file->descriptor < 0)
        file->status = status_of_errno(errno);
}

void blob_file_write(struct blob_file *file, const void *bytes, size_t size)
{
    if (file->status != IO_OK)
        return;
    if (file->size_most != 0 && size > file->size_most - file->size) {
        file->status = IO_FULL;
        return;
    }
    sha1_update(&file->hash, size, bytes);
    if (files_write_all(file->descriptor, bytes, size) != 0)
        file->status = status_of_errno(errno);
    file->size += size;
}

static void finish_digest(struct blob_file *file, char ret_digest[DIGEST_SIZE])
{
    uint8_t bytes[SHA1_DIGEST_SIZE];
    sha1_digest(&file->hash, sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_digest + 2 * i, 3, "%02x", bytes[i]);
}

enum io_status blob_file_commit(struct blob_file *file, char ret_digest[DIGEST_SIZE])
{
    ret_digest[0] = 0;
    if (file->status == IO_OK && fsync(file->descriptor) != 0)
        file->status = status_of_errno(errno);
    if (file->status == IO_OK) {
        finish_digest(file, ret_digest);
        struct path folder = path_of("%s/%.2s", file->folder.text, ret_digest);
        struct path path = path_of("%s/%s", folder.text, ret_digest);
        file->status = files_make_folder(folder.text, NULL);
        if (file->status == IO_OK && rename(file->temp.text, path.text) != 0)
            file->status = status_of_errno(errno);
        if (file->status == IO_OK)
            file->status = files_sync_folder(folder.text);
        if (file->status == IO_OK)
            file->status = files_sync_folder(file->folder.text);
    }
    enum io_status status = file->status;
    blob_file_discard(file);
    return status;
}

/* Also the end of a commit: then there is no temporary file any more. */
void blob_file_discard(struct blob_file *file)
{
    if (file->descriptor >= 0) {
        close(file->descriptor);
        unlink(file->temp.text);
    }
    file->descriptor = -1;
    file->status = IO_FAILED;
}

bool blob_path(const char *data_dir, const char *digest, struct path *ret_path)
{
    if (strlen(digest) != DIGEST_SIZE - 1 || strspn(digest, "0123456789abcdef") != DIGEST_SIZE - 1)
        return false;
    *ret_path = path_of("%s/blobs/%.2s/%s", data_dir, digest, digest);
    return true;
}

static enum io_status hash_file(int descriptor, struct sha1_ctx *hash)
{
    uint8_t *buffer = malloc(1 << 16);
    if (buffer == NULL)
        return IO_FULL;
    ssize_t size;
    while ((size = read(descriptor, buffer, 1 << 16)) > 0)
        sha1_update(hash, (size_t)size, buffer);
    enum io_status status = size == 0 ? IO_OK : status_of_errno(errno);
    free(buffer);
    return status;
}

/* ---- What was verified before ---- */

/* A file whose status has not changed since holds what it held. Jobs of several threads ask. */
static struct {
    pthread_mutex_t lock;
    struct {
        char digest[DIGEST_SIZE];
        struct stat info;
    } entries[KNOWN_MOST];
    size_t next;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool is_known(const char *digest, const struct stat *info)
{
    bool is_found = false;
    pthread_mutex_lock(&known.lock);
    for (size_t i = 0; i < KNOWN_MOST && !is_found; i++)
        is_found = strcmp(known.entries[i].digest, digest) == 0 && is_same_file(&known.entries[i].info, info);
    pthread_mutex_unlock(&known.lock);
    return is_found;
}

/* Of a file that changed a moment ago, a second change might bear the same time. */
static void note_known(const char *digest, const struct stat *info)
{
    if (time(NULL) - info->st_ctim.tv_sec < SETTLED_S)
        return;
    pthread_mutex_lock(&known.lock);
    snprintf(known.entries[known.next].digest, DIGEST_SIZE, "%s", digest);
    known.entries[known.next].info = *info;
    known.next = (known.next + 1) % KNOWN_MOST;
    pthread_mutex_unlock(&known.lock);
}

static enum io_status verify(int descriptor, const char *digest)
{
    struct blob_file file = {0};
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        return status_of_errno(errno);
    if (is_known(digest, &info))
        return IO_OK;
    sha1_init(&file.hash);
    enum io_status status = hash_file(descriptor, &file.hash);
    if (status != IO_OK)
        return status;
    char found[DIGEST_SIZE];
    finish_digest(&file, found);
    if (strcmp(found, digest) != 0)
        return IO_CORRUPT;
    note_known(digest, &info);
    return IO_OK;
}

enum io_status blob_verify(const char *data_dir, const char *digest)
{
    struct path path;
    if (!blob_path(data_dir, digest, &path))
        return IO_NOT_FOUND;
    int descriptor = open(path.text, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return status_of_errno(errno);
    enum io_status status = verify(descriptor, digest);
    close(descriptor);
    return status;
}

void blobs_clean_up(const char *data_dir)
{
    struct path folder = path_of("%s/blobs/temp", data_dir);
    DIR *stream = opendir(folder.text);
    if (stream == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        int process = atoi(entry->d_name);
        if (process > 0 && process != getpid() && (kill(process, 0) == 0 || errno == EPERM))
            continue; /* Somebody else is writing it. */
        if (process > 0)
            unlinkat(dirfd(stream), entry->d_name, 0);
    }
    closedir(stream);
}

enum io_status real_blob_import(const char *data_dir, const char *path, char ret_digest[DIGEST_SIZE],
                                uint64_t *ret_size, struct text *ret_error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        text_addf(ret_error, "open %s: %s", path, strerror(errno));
        return status_of_errno(errno);
    }
    static uint64_t imports = 0;
    struct blob_file file;
    blob_file_begin(&file, data_dir, UINT64_MAX - imports++, 0);
    struct text chunk = {0};
    ssize_t size;
    while ((size = read(descriptor, text_room(&chunk, 1 << 16), 1 << 16)) > 0)
        blob_file_write(&file, text_room(&chunk, 1 << 16), (size_t)size);
    if (size < 0)
        file.status = status_of_errno(errno);
    close(descriptor);
    text_free(&chunk);
    *ret_size = file.size;
    enum io_status status = blob_file_commit(&file, ret_digest);
    if (status != IO_OK)
        text_addf(ret_error, "cannot store %s below %s: %s", path, data_dir, io_status_name(status));
    return status;
}
