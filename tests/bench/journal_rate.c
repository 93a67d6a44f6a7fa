/* How many durable changes a second a journal in a SQLite file takes, beside what the disk itself syncs.
 *
 *     journal_rate FOLDER      (on the disk that is meant)
 *
 * Prints "<what> <changes a second>" for each way, and the ratio to a bare fdatasync of as many bytes.
 */
#include "core/base/duration.h"
#include "drivers/real/journal/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ENTRY_BYTES = 400, MOST_GROUP = 256 };
static const uint64_t run_ns = 2 * NS_PER_S;

static uint8_t entry[ENTRY_BYTES];

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "journal_rate: %s\n", what);
    exit(1);
}

static uint64_t sync_rate(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/synced", folder);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        fail("cannot write there");
    uint64_t began_ns = clock_ns(), count = 0;
    while (clock_ns() - began_ns < run_ns) {
        if (write(file, entry, sizeof entry) != sizeof entry || fdatasync(file) != 0)
            fail("cannot sync");
        count++;
    }
    uint64_t passed_ns = clock_ns() - began_ns;
    close(file);
    unlink(path);
    return count * NS_PER_S / passed_ns;
}

/* Entries a second, in groups: as many as wait while the group before them is synced. */
static uint64_t journal_rate(const char *folder, size_t group)
{
    static struct journal_append appends[MOST_GROUP];
    char path[512], command[1600];
    struct journal_store *store;
    struct text reason = {0};
    snprintf(path, sizeof path, "%s/journal.db", folder);
    if (journal_sqlite_class.open(path, 1000, &store, &reason) != IO_OK)
        fail(text_string(&reason));
    uint64_t began_ns = clock_ns(), head = 0;
    while (clock_ns() - began_ns < run_ns) {
        for (size_t i = 0; i < group; i++)
            appends[i] = (struct journal_append){.expected_head = head + i, .data = {entry, sizeof entry}};
        if (store->class->append(store, appends, group, &reason) != IO_OK)
            fail(text_string(&reason));
        head += group;
    }
    uint64_t passed_ns = clock_ns() - began_ns;
    store->class->close(store);
    text_free(&reason);
    snprintf(command, sizeof command, "rm -f '%s' '%s-wal' '%s-shm'", path, path, path);
    if (system(command) != 0)
        fail("cannot clean up");
    return head * NS_PER_S / passed_ns;
}

static void print_rate(const char *what, uint64_t rate, uint64_t syncs)
{
    printf("%-28s %8llu changes/s   %6.2f of the disk's syncs\n", what, (unsigned long long)rate,
           (double)rate / (double)syncs);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        fail("say which folder: `journal_rate FOLDER`");
    memset(entry, 7, sizeof entry);
    uint64_t syncs = sync_rate(argv[1]);
    print_rate("fdatasync of 400 bytes", syncs, syncs);
    print_rate("SQLite, one by one", journal_rate(argv[1], 1), syncs);
    print_rate("SQLite, groups of 8", journal_rate(argv[1], 8), syncs);
    print_rate("SQLite, groups of 256", journal_rate(argv[1], 256), syncs);
    print_rate("fdatasync again", sync_rate(argv[1]), syncs);
    return 0;
}
