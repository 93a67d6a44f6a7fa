/* A journal in a SQLite file, which any number of controllers on one machine share: WAL, synchronous FULL. */
#include "core/base/memory.h"
#include "drivers/real/journal/store.h"

#include <sqlite3.h>
#include <string.h>

enum { LOG_BYTES = 1000 * (4096 + 24) + 32 }; /* So long SQLite lets its log become before it is begun anew. */

struct journal_file {
    struct journal_store store;
    sqlite3 *database;
    sqlite3_stmt *begin, *commit, *rollback, *head, *insert, *select, *version, *keep_only;
    sqlite3_stmt *snapshot, *insert_snapshot, *drop_snapshot, *drop_older, *drop_covered;
    int64_t seen_version; /* Of the file, when everything in it had been read; 0: there may be more. */
    uint64_t read_to;
    bool is_lengthened; /* The log, by us. */
};

static enum io_status fail(const struct journal_file *file, const char *what, struct text *ret_reason)
{
    int code = file->database == NULL ? SQLITE_NOMEM : sqlite3_errcode(file->database);
    text_clear(ret_reason);
    text_addf(ret_reason, "journal: %s: %s", what,
              file->database == NULL ? "no memory" : sqlite3_errmsg(file->database));
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return IO_TIMED_OUT;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        return IO_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return IO_CORRUPT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return IO_DENIED;
    default:
        return IO_FAILED;
    }
}

static bool prepare(struct journal_file *file, const char *sql, sqlite3_stmt **ret_statement)
{
    return sqlite3_prepare_v3(file->database, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) == SQLITE_OK;
}

static bool prepare_all(struct journal_file *file)
{
    return prepare(file, "BEGIN IMMEDIATE", &file->begin) && prepare(file, "COMMIT", &file->commit) &&
           prepare(file, "ROLLBACK", &file->rollback) &&
           prepare(file,
                   "SELECT max(coalesce((SELECT max(sequence) FROM entries), 0), "
                   "coalesce((SELECT max(sequence) FROM snapshots), 0))",
                   &file->head) &&
           prepare(file, "INSERT INTO entries(sequence, data, checksum) VALUES (?, ?, ?)", &file->insert) &&
           prepare(file, "SELECT sequence, data, checksum FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?",
                   &file->select) &&
           prepare(file, "PRAGMA data_version", &file->version) &&
           prepare(file, "DELETE FROM entries WHERE sequence <= ? OR sequence > ?", &file->keep_only);
}

static bool prepare_snapshots(struct journal_file *file)
{
    return prepare(file,
                   "SELECT sequence, data, checksum FROM snapshots WHERE sequence < ? ORDER BY sequence DESC LIMIT 1",
                   &file->snapshot) &&
           prepare(file,
                   "INSERT INTO snapshots SELECT ?1, ?2, ?3 WHERE "
                   "NOT EXISTS (SELECT 1 FROM snapshots WHERE sequence >= ?1) AND "
                   "(EXISTS (SELECT 1 FROM entries WHERE sequence = ?1) OR "
                   "NOT EXISTS (SELECT 1 FROM entries) AND NOT EXISTS (SELECT 1 FROM snapshots))",
                   &file->insert_snapshot) &&
           prepare(file, "DELETE FROM snapshots WHERE sequence = ?", &file->drop_snapshot) &&
           prepare(file,
                   "DELETE FROM snapshots WHERE sequence < "
                   "(SELECT max(sequence) FROM snapshots WHERE sequence < (SELECT max(sequence) FROM snapshots))",
                   &file->drop_older) &&
           prepare(file,
                   "DELETE FROM entries WHERE sequence <= "
                   "(SELECT max(sequence) FROM snapshots WHERE sequence < (SELECT max(sequence) FROM snapshots))",
                   &file->drop_covered);
}

static void close_file(struct journal_store *store)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    sqlite3_stmt *statements[] = {file->begin,       file->commit,          file->rollback,      file->head,
                                  file->insert,      file->select,          file->version,       file->keep_only,
                                  file->snapshot,    file->insert_snapshot, file->drop_snapshot, file->drop_older,
                                  file->drop_covered};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(file->database);
    memory_free(file);
}

static enum io_status open_file(const char *path, int busy_ms, struct journal_store **ret_store,
                                struct text *ret_reason)
{
    struct journal_file *file = memory_new(sizeof *file);
    file->store.class = &journal_sqlite_class;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    const char *settings = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           "CREATE TABLE IF NOT EXISTS entries("
                           "sequence INTEGER PRIMARY KEY, data BLOB NOT NULL, checksum BLOB NOT NULL);"
                           "CREATE TABLE IF NOT EXISTS snapshots("
                           "sequence INTEGER PRIMARY KEY, data BLOB NOT NULL, checksum BLOB NOT NULL)";
    bool ok = sqlite3_open_v2(path, &file->database, flags, NULL) == SQLITE_OK &&
              /* Opening may meet another process that is just making the file. */
              sqlite3_busy_timeout(file->database, 5000) == SQLITE_OK &&
              sqlite3_exec(file->database, settings, NULL, NULL, NULL) == SQLITE_OK && prepare_all(file) &&
              prepare_snapshots(file);
    if (!ok) {
        enum io_status status = fail(file, path, ret_reason);
        close_file(&file->store);
        return status;
    }
    sqlite3_busy_timeout(file->database, busy_ms);
    *ret_store = &file->store;
    return IO_OK;
}

static bool run(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE;
}

/* ---- Appending ---- */

static bool read_head(struct journal_file *file, uint64_t *ret_head)
{
    bool is_read = sqlite3_step(file->head) == SQLITE_ROW;
    if (is_read)
        *ret_head = (uint64_t)sqlite3_column_int64(file->head, 0);
    sqlite3_reset(file->head);
    return is_read;
}

/* An entry or a snapshot. */
static bool insert(sqlite3_stmt *statement, uint64_t sequence, struct io_bytes data)
{
    uint8_t checksum[JOURNAL_CHECKSUM_SIZE];
    journal_checksum(sequence, data, checksum);
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)sequence);
    sqlite3_bind_blob64(statement, 2, data.size == 0 ? (const void *)"" : data.data, data.size, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, checksum, sizeof checksum, SQLITE_TRANSIENT);
    bool is_done = run(statement);
    sqlite3_clear_bindings(statement);
    return is_done;
}

/* Writes zeros behind what is in the log. To write over bytes that are there is one write to the disk; to make the file
 * longer, too, as SQLite does until it comes to the beginning again, is two. Only who holds the lock of writers may;
 * zeros are no frame, so that readers end before them. What cannot be done is not missed. */
static void lengthen_log(struct journal_file *file)
{
    static const uint8_t zeros[65536];
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;
    file->is_lengthened = true;
    bool is_there = sqlite3_file_control(file->database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
                    log != NULL && log->pMethods != NULL && log->pMethods->xFileSize(log, &size) == SQLITE_OK;
    if (!is_there || size >= LOG_BYTES)
        return;
    while (size < LOG_BYTES && log->pMethods->xWrite(log, zeros, sizeof zeros, size) == SQLITE_OK)
        size += (sqlite3_int64)sizeof zeros;
    log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
}

static bool append_all(struct journal_file *file, struct journal_append *appends, size_t count)
{
    uint64_t head;
    if (!read_head(file, &head))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool fits = appends[i].expected_head == head;
        bool is_question = appends[i].data.size == 0; /* Only whether the head is still there. */
        if (fits && !is_question && !insert(file->insert, head + 1, appends[i].data))
            return false;
        head += fits && !is_question;
        appends[i].status = fits ? IO_OK : IO_CONFLICT;
        appends[i].sequence = head;
    }
    return true;
}

static enum io_status append(struct journal_store *store, struct journal_append *appends, size_t count,
                             struct text *ret_reason)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    file->seen_version = 0;
    if (!run(file->begin))
        return fail(file, "begin", ret_reason);
    if (!file->is_lengthened)
        lengthen_log(file);
    if (append_all(file, appends, count) && run(file->commit))
        return IO_OK;
    enum io_status status = fail(file, "append", ret_reason);
    run(file->rollback);
    return status;
}

/* ---- Reading ---- */

/* Changes whenever some other connection has committed. 0 if it cannot be told now. */
static int64_t version_of(struct journal_file *file)
{
    int64_t version = sqlite3_step(file->version) == SQLITE_ROW ? sqlite3_column_int64(file->version, 0) : 0;
    sqlite3_reset(file->version);
    return version;
}

static struct io_bytes column(sqlite3_stmt *statement, int number)
{
    return (struct io_bytes){sqlite3_column_blob(statement, number), (size_t)sqlite3_column_bytes(statement, number)};
}

static enum io_status read_rows(struct journal_file *file, struct journal_entries *ret_entries, struct text *ret_reason)
{
    for (;;) {
        int result = sqlite3_step(file->select);
        if (result == SQLITE_DONE)
            return IO_OK;
        if (result != SQLITE_ROW)
            return fail(file, "read", ret_reason);
        uint64_t sequence = (uint64_t)sqlite3_column_int64(file->select, 0);
        enum io_status status =
            journal_entries_add(ret_entries, sequence, column(file->select, 1), column(file->select, 2), ret_reason);
        if (status != IO_OK)
            return status;
    }
}

/* The version is read before the entries: what is committed in between is then seen again at the next read. */
static enum io_status read_entries(struct journal_store *store, uint64_t after, struct journal_entries *ret_entries,
                                   struct text *ret_reason)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    journal_entries_reset(ret_entries, after + 1);
    int64_t version = version_of(file);
    if (version != 0 && version == file->seen_version && after == file->read_to)
        return IO_OK;
    sqlite3_bind_int64(file->select, 1, (sqlite3_int64)after);
    sqlite3_bind_int(file->select, 2, JOURNAL_READ_MOST);
    enum io_status status = read_rows(file, ret_entries, ret_reason);
    sqlite3_reset(file->select);
    file->read_to = after + ret_entries->count;
    file->seen_version = status == IO_OK && ret_entries->count < JOURNAL_READ_MOST ? version : 0;
    return status;
}

static enum io_status keep_only(struct journal_store *store, uint64_t after, uint64_t until, struct text *ret_reason)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    file->seen_version = 0;
    sqlite3_bind_int64(file->keep_only, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(file->keep_only, 2, (sqlite3_int64)until);
    return run(file->keep_only) ? IO_OK : fail(file, "delete", ret_reason);
}

/* ---- Snapshots ---- */

static enum io_status read_snapshot(struct journal_store *store, uint64_t before, uint64_t *ret_sequence,
                                    struct text *ret_data, struct text *ret_reason)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    enum io_status status = IO_OK;
    *ret_sequence = 0;
    sqlite3_bind_int64(file->snapshot, 1, before > INT64_MAX ? INT64_MAX : (sqlite3_int64)before);
    int result = sqlite3_step(file->snapshot);
    if (result == SQLITE_ROW) {
        *ret_sequence = (uint64_t)sqlite3_column_int64(file->snapshot, 0);
        status = journal_take_snapshot(*ret_sequence, column(file->snapshot, 1), column(file->snapshot, 2), ret_data,
                                       ret_reason);
    } else if (result != SQLITE_DONE) {
        status = fail(file, "read a snapshot", ret_reason);
    }
    sqlite3_reset(file->snapshot);
    return status;
}

static enum io_status write_snapshot(struct journal_store *store, uint64_t sequence, struct io_bytes data,
                                     struct text *ret_reason)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    if (!insert(file->insert_snapshot, sequence, data))
        return fail(file, "store a snapshot", ret_reason);
    return sqlite3_changes(file->database) == 1 ? IO_OK : IO_CONFLICT;
}

static enum io_status compact(struct journal_store *store, struct text *ret_reason)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    if (!run(file->begin))
        return fail(file, "begin", ret_reason);
    if (run(file->drop_covered) && run(file->drop_older) && run(file->commit))
        return IO_OK;
    enum io_status status = fail(file, "compact", ret_reason);
    run(file->rollback);
    return status;
}

static enum io_status drop_snapshot(struct journal_store *store, uint64_t sequence, struct text *ret_reason)
{
    struct journal_file *file = container_of(store, struct journal_file, store);
    sqlite3_bind_int64(file->drop_snapshot, 1, (sqlite3_int64)sequence);
    return run(file->drop_snapshot) ? IO_OK : fail(file, "drop a snapshot", ret_reason);
}

const struct journal_store_class journal_sqlite_class = {
    .open = open_file,
    .close = close_file,
    .append = append,
    .read = read_entries,
    .read_snapshot = read_snapshot,
    .write_snapshot = write_snapshot,
    .compact = compact,
    .drop_snapshot = drop_snapshot,
    .keep_only = keep_only,
};
