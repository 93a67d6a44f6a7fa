#include "cli/client/fingerprints.h"

#include "cli/client/package.h"
#include "cli/terminal.h"
#include "core/base/memory.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 65536 }; /* Controllers keep no smaller ones. */

static bool hash_file(const char *path, char ret_sha1[41])
{
    uint8_t block[65536], digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx hash;
    sha1_init(&hash);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = -1;
    while (file >= 0 && (size = read(file, block, sizeof block)) > 0)
        sha1_update(&hash, (size_t)size, block);
    int error = errno;
    if (file >= 0)
        close(file);
    errno = error;
    sha1_digest(&hash, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_sha1 + 2 * i, 3, "%02x", digest[i]);
    return file >= 0 && size == 0;
}

static bool add_file(void *context, const FTSENT *file, const char *name)
{
    struct fingerprints *prints = context;
    if (file->fts_info != FTS_F || file->fts_statp->st_size < LARGE)
        return true;
    struct fingerprint print = {.size = (uint64_t)file->fts_statp->st_size, .mode = file->fts_statp->st_mode & 0777};
    if (!hash_file(file->fts_accpath, print.sha1)) {
        terminal_error("cannot read %s: %s", file->fts_path, strerror(errno));
        return false;
    }
    print.name = memory_copy_text(name);
    prints->files = memory_grow(prints->files, prints->count * sizeof print, (prints->count + 1) * sizeof print);
    prints->files[prints->count++] = print;
    return true;
}

bool fingerprints_read(struct fingerprints *prints, const char *folder)
{
    *prints = (struct fingerprints){0};
    return package_walk(folder, add_file, prints);
}

void fingerprints_free(struct fingerprints *prints)
{
    for (size_t i = 0; i < prints->count; i++)
        memory_free(prints->files[i].name);
    memory_free(prints->files);
    *prints = (struct fingerprints){0};
}

void fingerprints_write(const struct fingerprints *prints, bool those_there, struct text *json)
{
    bool is_first = true;
    text_add_char(json, '[');
    for (size_t i = 0; i < prints->count; i++) {
        const struct fingerprint *print = &prints->files[i];
        if (those_there && !print->is_there)
            continue;
        Cupola__RestResource resource = CUPOLA__REST_RESOURCE__INIT;
        resource.has_size = resource.has_mode = true;
        resource.size = (int64_t)print->size;
        resource.mode = (int32_t)print->mode;
        resource.sha1 = (char *)(uintptr_t)print->sha1;
        resource.fn = print->name;
        if (!is_first)
            text_add_char(json, ',');
        is_first = false;
        json_write(json, &resource.base);
    }
    text_add_char(json, ']');
}

static void mark(struct fingerprints *prints, const Cupola__RestResource *resource)
{
    for (size_t i = 0; i < prints->count; i++)
        if (resource->fn != NULL && strcmp(prints->files[i].name, resource->fn) == 0)
            prints->files[i].is_there = true;
}

void fingerprints_take(struct fingerprints *prints, const struct text *answer)
{
    struct text wrapped = {0};
    struct json_error ignored;
    text_add_string(&wrapped, "{\"resources\":");
    text_add(&wrapped, text_string(answer), answer->size);
    text_add_char(&wrapped, '}');
    Cupola__RestResourceList *list = (Cupola__RestResourceList *)json_read(
        &cupola__rest_resource_list__descriptor,
        (struct io_bytes){(const uint8_t *)text_string(&wrapped), wrapped.size}, JSON_LENIENT, &ignored);
    text_free(&wrapped);
    for (size_t i = 0; list != NULL && i < list->n_resources; i++)
        mark(prints, list->resources[i]);
    cupola__rest_resource_list__free_unpacked(list, NULL);
}

bool fingerprints_is_there(const void *context, const char *name)
{
    const struct fingerprints *prints = context;
    for (size_t i = 0; i < prints->count; i++)
        if (prints->files[i].is_there && strcmp(prints->files[i].name, name) == 0)
            return true;
    return false;
}

static bool is_known(void *context, const FTSENT *file, const char *name)
{
    (void)file;
    return fingerprints_is_there(context, name);
}

bool fingerprints_are_all(const struct fingerprints *prints, const char *folder)
{
    return package_walk(folder, is_known, (void *)(uintptr_t)prints);
}
