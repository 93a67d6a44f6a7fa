/* How many durable changes a second a journal in a SQLite file takes, beside what the disk itself syncs.
 *
 *     journal_rate FOLDER      (on the disk that is meant)
 *
 * Prints "<what> <changes a second>" for each way, and the ratio to a bare fdatasync of as many bytes behind a file.
 */
#include "core/base/duration.h"
#include "drivers/real/journal/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ENTRY_BYTES = 400, MOST_GROUP = 256, ROUNDS = 80, WARM_GROUPS = 100 };
static const uint64_t slice_ns = NS_PER_S / 40;

/* One way to make changes durable. All take turns, because a disk that others use is not the same from one second to
 * the next. */
struct way {
    const char *what;
    size_t group; /* Changes that are synced together; 0: a bare file. */
    bool is_warm; /* Its log has come to its beginning again before it is looked at. */
    int file;
    struct journal_store *store;
    uint64_t head, count, passed_ns;
};

static uint8_t entry[ENTRY_BYTES], warm[4096];

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

/* As many as wait while the group before them is synced. */
static void append(struct way *way, size_t group)
{
    static struct journal_append appends[MOST_GROUP];
    struct text reason = {0};
    for (size_t i = 0; i < group; i++)
        appends[i] = (struct journal_append){.expected_head = way->head + i, .data = {entry, sizeof entry}};
    if (way->store->class->append(way->store, appends, group, &reason) != IO_OK)
        fail(text_string(&reason));
    way->head += group;
    text_free(&reason);
}

static void open_way(struct way *way, const char *folder, int number)
{
    char path[512];
    struct text reason = {0};
    snprintf(path, sizeof path, "%s/%d.db", folder, number);
    if (way->group == 0) {
        way->file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (way->file < 0)
            fail("cannot write there");
    } else if (journal_sqlite_class.open(path, 1000, &way->store, &reason) != IO_OK) {
        fail(text_string(&reason));
    }
    for (int i = 0; way->is_warm && i < WARM_GROUPS; i++) {
        if (way->group > 0)
            append(way, MOST_GROUP);
        else if (write(way->file, warm, sizeof warm) != sizeof warm)
            fail("cannot write there");
    }
    if (way->group == 0)
        fsync(way->file);
    text_free(&reason);
}

/* Behind what is there, or again over the first bytes of it. */
static void sync_entry(struct way *way)
{
    off_t place = way->is_warm ? (off_t)(way->count % WARM_GROUPS * ENTRY_BYTES) : (off_t)(way->count * ENTRY_BYTES);
    if (pwrite(way->file, entry, sizeof entry, place) != sizeof entry || fdatasync(way->file) != 0)
        fail("cannot sync");
}

static void run(struct way *way)
{
    uint64_t began_ns = clock_ns();
    while (clock_ns() - began_ns < slice_ns) {
        if (way->group > 0)
            append(way, way->group);
        else
            sync_entry(way);
        way->count += way->group > 0 ? way->group : 1;
    }
    way->passed_ns += clock_ns() - began_ns;
}

static void close_way(struct way *way, const char *folder, int number)
{
    char command[1600];
    if (way->store != NULL)
        way->store->class->close(way->store);
    else
        close(way->file);
    snprintf(command, sizeof command, "rm -f '%s/%d.db' '%s/%d.db-wal' '%s/%d.db-shm'", folder, number, folder, number,
             folder, number);
    if (system(command) != 0)
        fail("cannot clean up");
}

int main(int argc, char **argv)
{
    struct way ways[] = {{.what = "fdatasync of 400 bytes"},
                         {.what = "the same, written over", .is_warm = true},
                         {.what = "SQLite, one by one, new", .group = 1},
                         {.what = "SQLite, one by one", .group = 1, .is_warm = true},
                         {.what = "SQLite, groups of 8", .group = 8, .is_warm = true},
                         {.what = "SQLite, groups of 256", .group = 256, .is_warm = true}};
    enum { WAYS = sizeof ways / sizeof ways[0] };
    if (argc != 2)
        fail("say which folder: `journal_rate FOLDER`");
    memset(entry, 7, sizeof entry);
    for (int i = 0; i < WAYS; i++)
        open_way(&ways[i], argv[1], i);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < WAYS; i++)
            run(&ways[i]);
    double syncs = (double)ways[0].count * (double)NS_PER_S / (double)ways[0].passed_ns;
    for (int i = 0; i < WAYS; i++) {
        double rate = (double)ways[i].count * (double)NS_PER_S / (double)ways[i].passed_ns;
        printf("%-28s %8.0f changes/s   %6.2f of the disk's syncs\n", ways[i].what, rate, rate / syncs);
        close_way(&ways[i], argv[1], i);
    }
    return 0;
}
