/* The journal's SQLite file: entries(sequence, data, checksum), WAL, synchronous FULL. Blocking, one connection, no
 * loop.
 *
 * The checksum is the SHA-1 of (sequence, data): what is read is what was written, in the place where it was written.
 * Sequence numbers count from 1 without gaps.
 */
#ifndef CUPOLA_DRIVERS_REAL_JOURNAL_FILE_H
#define CUPOLA_DRIVERS_REAL_JOURNAL_FILE_H

#include "core/base/text.h"
#include "core/io.h"

#include <sqlite3.h>

struct journal_file {
    sqlite3 *database; /* NULL while it is not open. */
    sqlite3_stmt *begin, *commit, *rollback, *head, *insert, *select, *version;
};

/* busy_ms: how long to wait for another process's lock. */
enum io_status journal_file_open(struct journal_file *file, const char *path, int busy_ms, struct text *ret_reason);
void journal_file_close(struct journal_file *file);

/* One append of a batch. */
struct journal_append {
    uint64_t expected_head;
    struct io_bytes data;
    enum io_status status; /* Result: IO_OK or IO_CONFLICT. */
    uint64_t sequence;     /* Result: its own, or the head that it met. */
};
/* All in one transaction: durable on return. Another status means that nothing was appended. */
enum io_status journal_file_append(struct journal_file *file, struct journal_append *appends, size_t count,
                                   struct text *ret_reason);

/* Changes whenever some other connection has committed. 0 if it cannot be told now. */
int64_t journal_file_version(struct journal_file *file);
/* Reads the entry after `sequence`: IO_NOT_FOUND if there is none yet, IO_TIMED_OUT if the file is busy. The data are
 * lent until the next call. */
enum io_status journal_file_next(struct journal_file *file, uint64_t sequence, struct io_bytes *ret_data,
                                 struct text *ret_reason);
/* Ends a run of journal_file_next. */
void journal_file_rest(struct journal_file *file);

#endif
