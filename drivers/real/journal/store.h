/* Where a journal is kept: one interface for a SQLite file and for a PostgreSQL database. Blocking, for one thread at a
 * time; no loop.
 *
 * Both hold entries(sequence, data, checksum): sequence numbers count from 1 without gaps, and the checksum is the
 * SHA-1 of (sequence, data), so that what is read is what was written, in the place where it was written.
 *
 * Beside them stand snapshots(sequence, data, checksum), each of which is as good as all entries up to its number.
 * There are at most two, and all entries after the older one: should the newer one be damaged, nothing is lost. The
 * first snapshot is as good as the nothing before entry 1. To store one is two transactions: the snapshot, then the
 * deletion of what it makes superfluous; whoever dies in between leaves too much, which the next one deletes.
 */
#ifndef CUPOLA_DRIVERS_REAL_JOURNAL_STORE_H
#define CUPOLA_DRIVERS_REAL_JOURNAL_STORE_H

#include "core/base/text.h"
#include "core/io.h"

enum {
    JOURNAL_READ_MOST = 512, /* Entries of one read. */
    JOURNAL_CHECKSUM_SIZE = 20,
};

/* One append of a batch. Without data it is a question: is that the head? */
struct journal_append {
    uint64_t expected_head;
    struct io_bytes data;
    enum io_status status; /* Result: IO_OK or IO_CONFLICT. */
    uint64_t sequence;     /* Result: its own, or the head that it met. */
};

/* Entries in a row, copied. Zeroed at first; release it with journal_entries_free. */
struct journal_entries {
    uint64_t first; /* Sequence of the first one. */
    size_t count;
    struct text data;
    size_t ends[JOURNAL_READ_MOST]; /* Of each, in `data`. */
};

struct journal_store;

struct journal_store_class {
    /* False and a reason if it cannot be opened. `busy_ms`: how long to wait for another process's lock. */
    enum io_status (*open)(const char *place, int busy_ms, struct journal_store **ret_store, struct text *ret_reason);
    void (*close)(struct journal_store *store);
    /* All in one transaction: durable on return. Another status than IO_OK means that nothing was appended, or, when
     * the connection broke in the commit (IO_FAILED), that nobody knows. */
    enum io_status (*append)(struct journal_store *store, struct journal_append *appends, size_t count,
                             struct text *ret_reason);
    /* The entries after a sequence number, as many as there are up to JOURNAL_READ_MOST; none is IO_OK too.
     * IO_TIMED_OUT, IO_UNREACHABLE: not now. IO_CORRUPT: the next one is missing or damaged; those before it are given.
     */
    enum io_status (*read)(struct journal_store *store, uint64_t after, struct journal_entries *ret_entries,
                           struct text *ret_reason);
    /* The newest snapshot before a sequence number (UINT64_MAX: of all), copied; sequence 0: there is none.
     * IO_CORRUPT: it is damaged; *ret_sequence is its number all the same. */
    enum io_status (*read_snapshot)(struct journal_store *store, uint64_t before, uint64_t *ret_sequence,
                                    struct text *ret_data, struct text *ret_reason);
    /* Durable on return. IO_CONFLICT: there is one of that or a later number, or no such entry. Into an empty store
     * (import) any goes. */
    enum io_status (*write_snapshot)(struct journal_store *store, uint64_t sequence, struct io_bytes data,
                                     struct text *ret_reason);
    /* Deletes what the newest snapshot makes superfluous. */
    enum io_status (*compact)(struct journal_store *store, struct text *ret_reason);
    /* For `cupola journal check --repair`. */
    enum io_status (*drop_snapshot)(struct journal_store *store, uint64_t sequence, struct text *ret_reason);
    /* For `cupola journal check --repair`: deletes all entries up to `after` and all that come after `until`. */
    enum io_status (*keep_only)(struct journal_store *store, uint64_t after, uint64_t until, struct text *ret_reason);
};

struct journal_store {
    const struct journal_store_class *class;
};

extern const struct journal_store_class journal_sqlite_class, journal_postgres_class;

/* A connection string that begins with "postgresql://" or "postgres://" is a database, anything else a file. */
const struct journal_store_class *journal_store_class_of(const char *place);

/* The bytes of a snapshot as they were read: into ret_data, unless they are damaged (IO_CORRUPT). */
enum io_status journal_take_snapshot(uint64_t sequence, struct io_bytes data, struct io_bytes checksum,
                                     struct text *ret_data, struct text *ret_reason);
/* Reads the newest snapshot before `before` that is not damaged; those that are, are told of in ret_reason. */
enum io_status journal_read_sound_snapshot(struct journal_store *store, uint64_t before, uint64_t *ret_sequence,
                                           struct text *ret_data, struct text *ret_reason);
void journal_checksum(uint64_t sequence, struct io_bytes data, uint8_t ret_checksum[JOURNAL_CHECKSUM_SIZE]);
/* For stores: the next one that was read. IO_CORRUPT if it is not the one that should follow, or damaged. */
enum io_status journal_entries_add(struct journal_entries *entries, uint64_t sequence, struct io_bytes data,
                                   struct io_bytes checksum, struct text *ret_reason);
struct io_bytes journal_entries_at(const struct journal_entries *entries, size_t index);
/* Empty, to be filled from `first` on. */
void journal_entries_reset(struct journal_entries *entries, uint64_t first);
void journal_entries_free(struct journal_entries *entries);

#endif
