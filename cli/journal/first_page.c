#include "cli/journal/first_page.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the file format of SQLite 3 has what differs between two journals ("The Database Header"). */
enum { PAGE_SIZE = 4096, PAGES_AT = 28, FREE_PAGES_AT = 32, FREE_PAGES_SIZE = 8 };

static bool copy_bytes(const char *from, const char *to)
{
    static char bytes[65536];
    FILE *source = fopen(from, "rb"), *target = fopen(to, "wb");
    bool ok = source != NULL && target != NULL;
    for (size_t size; ok && (size = fread(bytes, 1, sizeof bytes, source)) > 0;)
        ok = fwrite(bytes, 1, size, target) == size;
    if (source != NULL)
        ok = fclose(source) == 0 && ok;
    if (target != NULL)
        ok = fclose(target) == 0 && ok;
    return ok;
}

static bool make_first_page(const char *copy, uint8_t ret_page[PAGE_SIZE])
{
    struct journal_store *fresh = NULL;
    struct text reason = {0};
    bool ok = journal_sqlite_class.open(copy, 0, &fresh, &reason) == IO_OK;
    text_free(&reason);
    if (!ok)
        return false;
    fresh->class->close(fresh);
    FILE *file = fopen(copy, "rb");
    ok = file != NULL && fread(ret_page, 1, PAGE_SIZE, file) == PAGE_SIZE;
    if (file != NULL)
        fclose(file);
    return ok;
}

/* No page is free: who looks for one takes a new one. */
static void fit(uint8_t page[PAGE_SIZE], uint32_t pages)
{
    for (size_t i = 0; i < 4; i++)
        page[PAGES_AT + i] = (uint8_t)(pages >> (24 - 8 * i));
    memset(page + FREE_PAGES_AT, 0, FREE_PAGES_SIZE);
}

static bool copy_with_first_page(const char *place, const char *copy)
{
    uint8_t page[PAGE_SIZE];
    struct stat status;
    if (stat(place, &status) != 0 || status.st_size <= PAGE_SIZE || !make_first_page(copy, page))
        return false;
    fit(page, (uint32_t)(status.st_size / PAGE_SIZE));
    char log[512], log_copy[512];
    snprintf(log, sizeof log, "%s-wal", place);
    snprintf(log_copy, sizeof log_copy, "%s-wal", copy);
    if (!copy_bytes(place, copy) || (access(log, F_OK) == 0 && !copy_bytes(log, log_copy)))
        return false;
    int file = open(copy, O_WRONLY | O_CLOEXEC);
    bool ok = file >= 0 && pwrite(file, page, sizeof page, 0) == PAGE_SIZE;
    if (file >= 0)
        close(file);
    return ok;
}

struct journal_store *journal_open_with_first_page(const char *place, const char *copy)
{
    struct journal_store *store = NULL;
    struct text reason = {0};
    journal_remove_copy(copy);
    if (copy_with_first_page(place, copy))
        journal_sqlite_class.open(copy, 0, &store, &reason);
    text_free(&reason);
    return store;
}

void journal_remove_copy(const char *copy)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s%s", copy, ends[i]);
        unlink(path);
    }
}
