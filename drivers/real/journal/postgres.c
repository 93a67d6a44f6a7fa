/* A journal in a PostgreSQL database: for controllers on more than one machine.
 *
 * Writers hold a lock on the table from reading its head to the commit, so commits come in the order of the sequence
 * numbers and readers never see a gap. A connection that breaks is made again by the next call.
 */
#include "core/base/memory.h"
#include "drivers/real/journal/store.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct journal_database {
    struct journal_store store;
    PGconn *connection; /* NULL while there is none. */
    char *place;
    int busy_ms;
};

static const char schema[] = "SET client_min_messages = warning;"
                             "CREATE TABLE IF NOT EXISTS cupola_journal ("
                             "sequence bigint PRIMARY KEY, data bytea NOT NULL, checksum bytea NOT NULL);"
                             "CREATE TABLE IF NOT EXISTS cupola_snapshots ("
                             "sequence bigint PRIMARY KEY, data bytea NOT NULL, checksum bytea NOT NULL)";

/* ---- Connection and errors ---- */

static void drop(struct journal_database *database)
{
    PQfinish(database->connection);
    database->connection = NULL;
}

/* By the class of its SQLSTATE; without one the connection is gone. */
static enum io_status fail(struct journal_database *database, const PGresult *result, const char *what,
                           struct text *ret_reason)
{
    static const struct {
        const char *state;
        enum io_status status;
    } states[] = {{"55P03", IO_TIMED_OUT}, {"57014", IO_TIMED_OUT}, {"53", IO_FULL},        {"42501", IO_DENIED},
                  {"28", IO_DENIED},       {"57", IO_UNREACHABLE},  {"08", IO_UNREACHABLE}, {"25006", IO_UNREACHABLE}};
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = result == NULL ? PQerrorMessage(database->connection) : PQresultErrorMessage(result);
    text_clear(ret_reason);
    text_addf(ret_reason, "journal: %s: %.*s", what, (int)strcspn(message, "\n"), message);
    enum io_status status = state == NULL ? IO_UNREACHABLE : IO_FAILED;
    for (size_t i = 0; state != NULL && i < sizeof states / sizeof states[0] && status == IO_FAILED; i++)
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
            status = states[i].status;
    if (PQstatus(database->connection) != CONNECTION_OK || status == IO_UNREACHABLE)
        drop(database);
    return status;
}

static enum io_status execute(struct journal_database *database, const char *sql, struct text *ret_reason)
{
    PGresult *result = PQexec(database->connection, sql);
    ExecStatusType kind = PQresultStatus(result);
    bool ok = kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK;
    enum io_status status = ok ? IO_OK : fail(database, result, sql, ret_reason);
    PQclear(result);
    return status;
}

/* Gives up on a server that does not answer, instead of hanging with it. */
static enum io_status connect_to(struct journal_database *database, struct text *ret_reason)
{
    static const char *const words[] = {"dbname",          "connect_timeout",  "tcp_user_timeout",
                                        "keepalives_idle", "application_name", NULL};
    const char *const values[] = {database->place, "3", "5000", "5", "cupola", NULL};
    if (database->connection != NULL)
        return IO_OK;
    database->connection = PQconnectdbParams(words, values, 1);
    if (PQstatus(database->connection) != CONNECTION_OK)
        return fail(database, NULL, "connect", ret_reason);
    char limits[128];
    snprintf(limits, sizeof limits, "SET lock_timeout = %d; SET statement_timeout = 30000", database->busy_ms);
    enum io_status status = execute(database, limits, ret_reason);
    return status == IO_OK ? execute(database, schema, ret_reason) : status;
}

static void close_database(struct journal_store *store)
{
    struct journal_database *database = container_of(store, struct journal_database, store);
    PQfinish(database->connection);
    memory_free(database->place);
    memory_free(database);
}

static enum io_status open_database(const char *place, int busy_ms, struct journal_store **ret_store,
                                    struct text *ret_reason)
{
    struct journal_database *database = memory_new(sizeof *database);
    database->store.class = &journal_postgres_class;
    database->place = memory_copy_text(place);
    database->busy_ms = busy_ms;
    enum io_status status = connect_to(database, ret_reason);
    if (status == IO_OK)
        *ret_store = &database->store;
    else
        close_database(&database->store);
    return status;
}

/* ---- Appending: the new rows in PostgreSQL's binary COPY format ---- */

static void add_number(struct text *copy, uint64_t number, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        text_add_char(copy, (char)(number >> shift));
}

static void add_field(struct text *copy, const void *bytes, size_t size)
{
    add_number(copy, size, 4);
    text_add(copy, bytes, size);
}

static void add_row(struct text *copy, uint64_t sequence, struct io_bytes data)
{
    uint8_t checksum[JOURNAL_CHECKSUM_SIZE];
    journal_checksum(sequence, data, checksum);
    add_number(copy, 3, 2);
    add_number(copy, 8, 4);
    add_number(copy, sequence, 8);
    add_field(copy, data.data, data.size);
    add_field(copy, checksum, sizeof checksum);
}

/* Decides each append against the head as those before it left it. False if there is nothing to write. */
static bool decide(struct journal_append *appends, size_t count, uint64_t head, struct text *copy)
{
    static const char signature[] = "PGCOPY\n\377\r\n"; /* And its NUL. */
    uint64_t before = head;
    text_add(copy, signature, sizeof signature);
    add_number(copy, 0, 8);
    for (size_t i = 0; i < count; i++) {
        bool fits = appends[i].expected_head == head;
        if (fits && appends[i].data.size > 0)
            add_row(copy, ++head, appends[i].data);
        appends[i].status = fits ? IO_OK : IO_CONFLICT;
        appends[i].sequence = head;
    }
    add_number(copy, 0xffff, 2);
    return head > before;
}

static enum io_status write_rows(struct journal_database *database, const struct text *copy, struct text *ret_reason)
{
    PGresult *result = PQexec(database->connection, "COPY cupola_journal FROM STDIN (FORMAT binary)");
    bool ok = PQresultStatus(result) == PGRES_COPY_IN &&
              PQputCopyData(database->connection, text_string(copy), (int)copy->size) == 1 &&
              PQputCopyEnd(database->connection, NULL) == 1;
    if (ok) {
        PQclear(result);
        result = PQgetResult(database->connection);
        ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    }
    enum io_status status = ok ? IO_OK : fail(database, result, "append", ret_reason);
    PQclear(result);
    while (database->connection != NULL && (result = PQgetResult(database->connection)) != NULL)
        PQclear(result);
    return status;
}

/* Leaves the transaction open. */
static enum io_status lock_and_read_head(struct journal_database *database, uint64_t *ret_head, struct text *ret_reason)
{
    PGresult *result = PQexec(database->connection, "BEGIN; LOCK TABLE cupola_journal IN EXCLUSIVE MODE; "
                                                    "SELECT greatest((SELECT max(sequence) FROM cupola_journal), "
                                                    "(SELECT max(sequence) FROM cupola_snapshots), 0)");
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (ok)
        *ret_head = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    enum io_status status = ok ? IO_OK : fail(database, result, "lock", ret_reason);
    PQclear(result);
    return status;
}

static enum io_status append_locked(struct journal_database *database, struct journal_append *appends, size_t count,
                                    struct text *ret_reason)
{
    uint64_t head = 0;
    struct text copy = {0};
    enum io_status status = lock_and_read_head(database, &head, ret_reason);
    if (status == IO_OK && decide(appends, count, head, &copy))
        status = write_rows(database, &copy, ret_reason);
    text_free(&copy);
    return status;
}

static enum io_status append(struct journal_store *store, struct journal_append *appends, size_t count,
                             struct text *ret_reason)
{
    struct journal_database *database = container_of(store, struct journal_database, store);
    enum io_status status = connect_to(database, ret_reason);
    if (status == IO_OK)
        status = append_locked(database, appends, count, ret_reason);
    if (status == IO_OK) {
        status = execute(database, "COMMIT", ret_reason);
        return status == IO_OK ? IO_OK : IO_FAILED; /* It may have come through. */
    }
    if (database->connection != NULL) {
        struct text ignored = {0};
        execute(database, "ROLLBACK", &ignored);
        text_free(&ignored);
    }
    return status;
}

/* ---- Reading ---- */

static struct io_bytes field(const PGresult *result, int row, int column)
{
    return (struct io_bytes){(const uint8_t *)PQgetvalue(result, row, column),
                             (size_t)PQgetlength(result, row, column)};
}

static uint64_t number_of(struct io_bytes bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.size; i++)
        number = number << 8 | bytes.data[i];
    return number;
}

static enum io_status read_entries(struct journal_store *store, uint64_t after, struct journal_entries *ret_entries,
                                   struct text *ret_reason)
{
    struct journal_database *database = container_of(store, struct journal_database, store);
    journal_entries_reset(ret_entries, after + 1);
    enum io_status status = connect_to(database, ret_reason);
    if (status != IO_OK)
        return status;
    char from[24], most[24];
    snprintf(from, sizeof from, "%llu", (unsigned long long)after);
    snprintf(most, sizeof most, "%d", JOURNAL_READ_MOST);
    const char *const values[] = {from, most};
    PGresult *result = PQexecParams(database->connection,
                                    "SELECT sequence, data, checksum FROM cupola_journal WHERE sequence > $1::bigint "
                                    "ORDER BY sequence LIMIT $2::bigint",
                                    2, NULL, values, NULL, NULL, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        status = fail(database, result, "read", ret_reason);
    for (int row = 0; status == IO_OK && row < PQntuples(result); row++)
        status = journal_entries_add(ret_entries, number_of(field(result, row, 0)), field(result, row, 1),
                                     field(result, row, 2), ret_reason);
    PQclear(result);
    return status;
}

static enum io_status keep_only(struct journal_store *store, uint64_t after, uint64_t until, struct text *ret_reason)
{
    struct journal_database *database = container_of(store, struct journal_database, store);
    char sql[128];
    snprintf(sql, sizeof sql, "DELETE FROM cupola_journal WHERE sequence <= %llu OR sequence > %llu",
             (unsigned long long)after, (unsigned long long)until);
    enum io_status status = connect_to(database, ret_reason);
    return status == IO_OK ? execute(database, sql, ret_reason) : status;
}

/* ---- Snapshots ---- */

static enum io_status read_snapshot(struct journal_store *store, uint64_t before, uint64_t *ret_sequence,
                                    struct text *ret_data, struct text *ret_reason)
{
    struct journal_database *database = container_of(store, struct journal_database, store);
    *ret_sequence = 0;
    enum io_status status = connect_to(database, ret_reason);
    if (status != IO_OK)
        return status;
    char limit[24];
    snprintf(limit, sizeof limit, "%llu", (unsigned long long)(before > INT64_MAX ? INT64_MAX : before));
    const char *const values[] = {limit};
    PGresult *result = PQexecParams(database->connection,
                                    "SELECT sequence, data, checksum FROM cupola_snapshots WHERE sequence < $1::bigint "
                                    "ORDER BY sequence DESC LIMIT 1",
                                    1, NULL, values, NULL, NULL, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = fail(database, result, "read a snapshot", ret_reason);
    } else if (PQntuples(result) == 1) {
        *ret_sequence = number_of(field(result, 0, 0));
        status = journal_take_snapshot(*ret_sequence, field(result, 0, 1), field(result, 0, 2), ret_data, ret_reason);
    }
    PQclear(result);
    return status;
}

/* One statement, and no lock that appends wait for: the key keeps a second one of that number out. */
static enum io_status write_snapshot(struct journal_store *store, uint64_t sequence, struct io_bytes data,
                                     struct text *ret_reason)
{
    static const char sql[] =
        "INSERT INTO cupola_snapshots SELECT $1::bigint, $2::bytea, $3::bytea WHERE "
        "NOT EXISTS (SELECT 1 FROM cupola_snapshots WHERE sequence >= $1::bigint) AND "
        "(EXISTS (SELECT 1 FROM cupola_journal WHERE sequence = $1::bigint) OR "
        "NOT EXISTS (SELECT 1 FROM cupola_journal) AND NOT EXISTS (SELECT 1 FROM cupola_snapshots))";
    struct journal_database *database = container_of(store, struct journal_database, store);
    enum io_status status = connect_to(database, ret_reason);
    if (status != IO_OK)
        return status;
    char number[24];
    uint8_t checksum[JOURNAL_CHECKSUM_SIZE];
    snprintf(number, sizeof number, "%llu", (unsigned long long)sequence);
    journal_checksum(sequence, data, checksum);
    const char *const values[] = {number, (const char *)data.data, (const char *)checksum};
    const int sizes[] = {0, (int)data.size, sizeof checksum}, formats[] = {0, 1, 1};
    PGresult *result = PQexecParams(database->connection, sql, 3, NULL, values, sizes, formats, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        status = fail(database, result, "store a snapshot", ret_reason);
    else if (strcmp(PQcmdTuples(result), "1") != 0)
        status = IO_CONFLICT;
    PQclear(result);
    return status;
}

/* The older of two snapshots stays, and all after it. */
static enum io_status compact(struct journal_store *store, struct text *ret_reason)
{
    struct journal_database *database = container_of(store, struct journal_database, store);
    enum io_status status = connect_to(database, ret_reason);
    if (status != IO_OK)
        return status;
    return execute(database,
                   "WITH older AS (SELECT max(sequence) AS sequence FROM cupola_snapshots WHERE sequence < "
                   "(SELECT max(sequence) FROM cupola_snapshots)), "
                   "gone AS (DELETE FROM cupola_snapshots WHERE sequence < (SELECT sequence FROM older)) "
                   "DELETE FROM cupola_journal WHERE sequence <= (SELECT sequence FROM older)",
                   ret_reason);
}

static enum io_status drop_snapshot(struct journal_store *store, uint64_t sequence, struct text *ret_reason)
{
    struct journal_database *database = container_of(store, struct journal_database, store);
    char sql[96];
    snprintf(sql, sizeof sql, "DELETE FROM cupola_snapshots WHERE sequence = %llu", (unsigned long long)sequence);
    enum io_status status = connect_to(database, ret_reason);
    return status == IO_OK ? execute(database, sql, ret_reason) : status;
}

const struct journal_store_class journal_postgres_class = {
    .open = open_database,
    .close = close_database,
    .append = append,
    .read = read_entries,
    .read_snapshot = read_snapshot,
    .write_snapshot = write_snapshot,
    .compact = compact,
    .drop_snapshot = drop_snapshot,
    .keep_only = keep_only,
};
