#include "drivers/real/journal_file.h"

#include <nettle/sha1.h>
#include <string.h>

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
           prepare(file, "SELECT coalesce(max(sequence), 0) FROM entries", &file->head) &&
           prepare(file, "INSERT INTO entries(sequence, data, checksum) VALUES (?, ?, ?)", &file->insert) &&
           prepare(file, "SELECT sequence, data, checksum FROM entries WHERE sequence > ? ORDER BY sequence",
                   &file->select) &&
           prepare(file, "PRAGMA data_version", &file->version);
}

enum io_status journal_file_open(struct journal_file *file, const char *path, int busy_ms, struct text *ret_reason)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &file->database, flags, NULL) != SQLITE_OK) {
        enum io_status status = fail(file, path, ret_reason);
        journal_file_close(file);
        return status;
    }
    /* Opening may meet another process that is just making the file. */
    sqlite3_busy_timeout(file->database, 5000);
    const char *settings = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           "CREATE TABLE IF NOT EXISTS entries("
                           "sequence INTEGER PRIMARY KEY, data BLOB NOT NULL, checksum BLOB NOT NULL)";
    if (sqlite3_exec(file->database, settings, NULL, NULL, NULL) != SQLITE_OK || !prepare_all(file)) {
        enum io_status status = fail(file, path, ret_reason);
        journal_file_close(file);
        return status;
    }
    sqlite3_busy_timeout(file->database, busy_ms);
    return IO_OK;
}

void journal_file_close(struct journal_file *file)
{
    sqlite3_stmt *statements[] = {file->begin,  file->commit, file->rollback, file->head,
                                  file->insert, file->select, file->version};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(file->database);
    memset(file, 0, sizeof *file);
}

static void checksum_of(uint64_t sequence, struct io_bytes data, uint8_t ret_checksum[SHA1_DIGEST_SIZE])
{
    uint8_t number[8];
    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)(sequence >> (8 * i));
    struct sha1_ctx hash;
    sha1_init(&hash);
    sha1_update(&hash, sizeof number, number);
    sha1_update(&hash, data.size, data.data);
    sha1_digest(&hash, SHA1_DIGEST_SIZE, ret_checksum);
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

static bool insert(struct journal_file *file, uint64_t sequence, struct io_bytes data)
{
    uint8_t checksum[SHA1_DIGEST_SIZE];
    checksum_of(sequence, data, checksum);
    sqlite3_bind_int64(file->insert, 1, (sqlite3_int64)sequence);
    sqlite3_bind_blob64(file->insert, 2, data.size == 0 ? (const void *)"" : data.data, data.size, SQLITE_STATIC);
    sqlite3_bind_blob(file->insert, 3, checksum, sizeof checksum, SQLITE_TRANSIENT);
    bool is_done = run(file->insert);
    sqlite3_clear_bindings(file->insert);
    return is_done;
}

static bool append_all(struct journal_file *file, struct journal_append *appends, size_t count)
{
    uint64_t head;
    if (!read_head(file, &head))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool fits = appends[i].expected_head == head;
        bool is_question = appends[i].data.size == 0; /* Only whether the head is still there. */
        if (fits && !is_question && !insert(file, head + 1, appends[i].data))
            return false;
        head += fits && !is_question;
        appends[i].status = fits ? IO_OK : IO_CONFLICT;
        appends[i].sequence = head;
    }
    return true;
}

enum io_status journal_file_append(struct journal_file *file, struct journal_append *appends, size_t count,
                                   struct text *ret_reason)
{
    if (!run(file->begin))
        return fail(file, "begin", ret_reason);
    if (append_all(file, appends, count) && run(file->commit))
        return IO_OK;
    enum io_status status = fail(file, "append", ret_reason);
    run(file->rollback);
    return status;
}

/* ---- Following ---- */

int64_t journal_file_version(struct journal_file *file)
{
    int64_t version = sqlite3_step(file->version) == SQLITE_ROW ? sqlite3_column_int64(file->version, 0) : 0;
    sqlite3_reset(file->version);
    return version;
}

enum io_status journal_file_next(struct journal_file *file, uint64_t sequence, struct io_bytes *ret_data,
                                 struct text *ret_reason)
{
    if (!sqlite3_stmt_busy(file->select))
        sqlite3_bind_int64(file->select, 1, (sqlite3_int64)sequence);
    int result = sqlite3_step(file->select);
    if (result == SQLITE_DONE)
        return IO_NOT_FOUND;
    if (result != SQLITE_ROW)
        return fail(file, "read", ret_reason);
    struct io_bytes data = {sqlite3_column_blob(file->select, 1), (size_t)sqlite3_column_bytes(file->select, 1)};
    uint64_t found = (uint64_t)sqlite3_column_int64(file->select, 0);
    uint8_t checksum[SHA1_DIGEST_SIZE];
    checksum_of(found, data, checksum);
    bool is_sound = sqlite3_column_bytes(file->select, 2) == SHA1_DIGEST_SIZE &&
                    memcmp(sqlite3_column_blob(file->select, 2), checksum, SHA1_DIGEST_SIZE) == 0;
    if (found != sequence + 1 || !is_sound) {
        text_clear(ret_reason);
        text_addf(ret_reason, "journal: entry %llu is %s", (unsigned long long)(sequence + 1),
                  found != sequence + 1 ? "missing" : "damaged");
        return IO_CORRUPT;
    }
    *ret_data = data;
    return IO_OK;
}

void journal_file_rest(struct journal_file *file)
{
    sqlite3_reset(file->select);
}
