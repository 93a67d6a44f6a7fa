/* Both kinds of journals keep the same promises. */
#include "core/base/memory.h"
#include "drivers/real/journal/store.h"
#include "tests/drivers/real/postgres.h"
#include "tests/drivers/real/puppet.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[] = "/tmp/cupola-journal-XXXXXX";
static char database_place[256];
static char place[256];
static struct journal_store *store;
static struct journal_entries entries;
static struct text reason;

static void open_store(void)
{
    assert_int_equal(journal_store_class_of(place)->open(place, 2000, &store, &reason), IO_OK);
}

static void close_store(void)
{
    store->class->close(store);
    store = NULL;
}

/* Straight into the store, past all checks. */
static void meddle(const char *for_sqlite, const char *for_postgres)
{
    if (store->class == &journal_sqlite_class) {
        sqlite3 *file;
        assert_int_equal(sqlite3_open(place, &file), SQLITE_OK);
        assert_int_equal(sqlite3_exec(file, for_sqlite, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(file);
        return;
    }
    PGconn *connection = PQconnectdb(place);
    PGresult *result = PQexec(connection, for_postgres);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    PQfinish(connection);
}

static int open_file(void **state)
{
    (void)state;
    snprintf(place, sizeof place, "%s/journal.db", folder);
    open_store();
    return 0;
}

static int open_database(void **state)
{
    (void)state;
    snprintf(place, sizeof place, "%s", database_place);
    open_store();
    return 0;
}

static void drop_snapshots(void)
{
    uint64_t sequence;
    struct text data = {0};
    do {
        store->class->read_snapshot(store, UINT64_MAX, &sequence, &data, &reason);
        store->class->drop_snapshot(store, sequence, &reason);
    } while (sequence > 0);
    text_free(&data);
}

static int leave_nothing(void **state)
{
    (void)state;
    if (store != NULL) {
        store->class->keep_only(store, 0, 0, &reason);
        drop_snapshots();
        close_store();
    }
    journal_entries_free(&entries);
    text_free(&reason);
    return 0;
}

static struct io_bytes bytes_of(const char *text)
{
    return (struct io_bytes){(const uint8_t *)text, strlen(text)};
}

static enum io_status append(uint64_t head, const char *text, uint64_t *ret_sequence)
{
    struct journal_append one = {.expected_head = head, .data = bytes_of(text)};
    enum io_status status = store->class->append(store, &one, 1, &reason);
    *ret_sequence = one.sequence;
    return status == IO_OK ? one.status : status;
}

static void expect_read(uint64_t after, const char *const *texts, size_t count)
{
    assert_int_equal(store->class->read(store, after, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, count);
    for (size_t i = 0; i < count; i++) {
        struct io_bytes data = journal_entries_at(&entries, i);
        assert_int_equal(data.size, strlen(texts[i]));
        assert_memory_equal(data.data, texts[i], data.size);
    }
}

static void what_was_appended_is_read_in_its_order(void **state)
{
    (void)state;
    uint64_t sequence;
    expect_read(0, NULL, 0);
    assert_int_equal(append(0, "one", &sequence), IO_OK);
    assert_int_equal(sequence, 1);
    assert_int_equal(append(1, "two", &sequence), IO_OK);
    expect_read(0, (const char *[]){"one", "two"}, 2);
    expect_read(1, (const char *[]){"two"}, 1);
    close_store();
    open_store();
    expect_read(0, (const char *[]){"one", "two"}, 2);
    expect_read(2, NULL, 0);
}

static void who_comes_second_meets_a_conflict(void **state)
{
    (void)state;
    uint64_t sequence;
    struct journal_store *other;
    assert_int_equal(store->class->open(place, 2000, &other, &reason), IO_OK);
    assert_int_equal(append(0, "mine", &sequence), IO_OK);
    struct journal_append theirs = {.expected_head = 0, .data = bytes_of("theirs")};
    assert_int_equal(other->class->append(other, &theirs, 1, &reason), IO_OK);
    assert_int_equal(theirs.status, IO_CONFLICT);
    assert_int_equal(theirs.sequence, 1);
    theirs.expected_head = 1;
    assert_int_equal(other->class->append(other, &theirs, 1, &reason), IO_OK);
    assert_int_equal(theirs.status, IO_OK);
    other->class->close(other);
    expect_read(0, (const char *[]){"mine", "theirs"}, 2);
}

static void a_batch_is_one_transaction_and_a_question_leaves_nothing(void **state)
{
    (void)state;
    struct journal_append batch[] = {{.expected_head = 0, .data = bytes_of("a")},
                                     {.expected_head = 1},
                                     {.expected_head = 0, .data = bytes_of("late")},
                                     {.expected_head = 1, .data = bytes_of("b")}};
    assert_int_equal(store->class->append(store, batch, 4, &reason), IO_OK);
    assert_int_equal(batch[0].status, IO_OK);
    assert_int_equal(batch[1].status, IO_OK);
    assert_int_equal(batch[1].sequence, 1);
    assert_int_equal(batch[2].status, IO_CONFLICT);
    assert_int_equal(batch[3].sequence, 2);
    expect_read(0, (const char *[]){"a", "b"}, 2);
}

static void many_entries_come_in_portions(void **state)
{
    (void)state;
    static struct journal_append batch[700];
    static char texts[700][24];
    for (size_t i = 0; i < 700; i++) {
        snprintf(texts[i], sizeof texts[i], "entry %zu", i + 1);
        batch[i] = (struct journal_append){.expected_head = i, .data = bytes_of(texts[i])};
    }
    assert_int_equal(store->class->append(store, batch, 700, &reason), IO_OK);
    assert_int_equal(store->class->read(store, 0, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, JOURNAL_READ_MOST);
    assert_int_equal(store->class->read(store, JOURNAL_READ_MOST, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, 700 - JOURNAL_READ_MOST);
    assert_memory_equal(journal_entries_at(&entries, entries.count - 1).data, "entry 700", 9);
}

static void a_flipped_bit_and_a_missing_entry_are_found(void **state)
{
    (void)state;
    uint64_t sequence;
    append(0, "one", &sequence);
    append(1, "two", &sequence);
    append(2, "three", &sequence);
    meddle("UPDATE entries SET data = 'twp' WHERE sequence = 2",
           "UPDATE cupola_journal SET data = 'twp' WHERE sequence = 2");
    assert_int_equal(store->class->read(store, 0, &entries, &reason), IO_CORRUPT);
    assert_int_equal(entries.count, 1);
    assert_non_null(strstr(text_string(&reason), "entry 2 is damaged"));
    meddle("DELETE FROM entries WHERE sequence = 2", "DELETE FROM cupola_journal WHERE sequence = 2");
    assert_int_equal(store->class->read(store, 0, &entries, &reason), IO_CORRUPT);
    assert_non_null(strstr(text_string(&reason), "entry 2 is missing"));
    assert_int_equal(store->class->keep_only(store, 0, 1, &reason), IO_OK);
    expect_read(0, (const char *[]){"one"}, 1);
    assert_int_equal(append(1, "two again", &sequence), IO_OK);
}

/* ---- Snapshots ---- */

static void append_many(uint64_t from, uint64_t to)
{
    uint64_t sequence;
    char text[24];
    for (uint64_t i = from; i <= to; i++) {
        snprintf(text, sizeof text, "entry %llu", (unsigned long long)i);
        assert_int_equal(append(i - 1, text, &sequence), IO_OK);
    }
}

static enum io_status store_snapshot(uint64_t sequence, const char *text)
{
    return store->class->write_snapshot(store, sequence, bytes_of(text), &reason);
}

/* The newest one before `before` that is sound. */
static void expect_snapshot(uint64_t before, uint64_t sequence, const char *text)
{
    uint64_t found;
    struct text data = {0};
    assert_int_equal(journal_read_sound_snapshot(store, before, &found, &data, &reason), IO_OK);
    assert_int_equal(found, sequence);
    if (sequence > 0)
        assert_string_equal(text_string(&data), text);
    text_free(&data);
}

static void a_snapshot_keeps_what_the_one_before_it_needs(void **state)
{
    (void)state;
    append_many(1, 10);
    assert_int_equal(store_snapshot(4, "up to 4"), IO_OK);
    assert_int_equal(store->class->compact(store, &reason), IO_OK);
    assert_int_equal(store->class->read(store, 0, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, 10); /* The first one only stands beside the entries. */
    assert_int_equal(store_snapshot(8, "up to 8"), IO_OK);
    assert_int_equal(store->class->compact(store, &reason), IO_OK);
    assert_int_equal(store->class->read(store, 0, &entries, &reason), IO_CORRUPT);
    assert_int_equal(store->class->read(store, 4, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, 6);
    expect_snapshot(UINT64_MAX, 8, "up to 8");
    expect_snapshot(8, 4, "up to 4");
    expect_snapshot(4, 0, "");
    assert_int_equal(store_snapshot(10, "up to 10"), IO_OK);
    assert_int_equal(store->class->compact(store, &reason), IO_OK);
    expect_snapshot(8, 0, "");
    append_many(11, 12);
}

static void a_snapshot_of_the_past_or_the_future_is_refused(void **state)
{
    (void)state;
    append_many(1, 5);
    assert_int_equal(store_snapshot(6, "of what is not there"), IO_CONFLICT);
    assert_int_equal(store_snapshot(4, "four"), IO_OK);
    assert_int_equal(store_snapshot(4, "four again"), IO_CONFLICT);
    assert_int_equal(store_snapshot(3, "three"), IO_CONFLICT);
    expect_snapshot(UINT64_MAX, 4, "four");
}

static void a_damaged_snapshot_is_found_and_the_one_before_it_will_do(void **state)
{
    (void)state;
    uint64_t found;
    struct text data = {0};
    append_many(1, 9);
    store_snapshot(3, "three");
    store_snapshot(6, "six");
    store->class->compact(store, &reason);
    meddle("UPDATE snapshots SET data = 'sux' WHERE sequence = 6",
           "UPDATE cupola_snapshots SET data = 'sux' WHERE sequence = 6");
    assert_int_equal(store->class->read_snapshot(store, UINT64_MAX, &found, &data, &reason), IO_CORRUPT);
    assert_int_equal(found, 6);
    assert_non_null(strstr(text_string(&reason), "the snapshot of entry 6 is damaged"));
    expect_snapshot(UINT64_MAX, 3, "three");
    assert_int_equal(store->class->read(store, 3, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, 6);
    text_free(&data);
}

static void an_empty_store_may_begin_with_a_snapshot(void **state)
{
    (void)state;
    uint64_t sequence;
    assert_int_equal(store_snapshot(41, "imported"), IO_OK);
    assert_int_equal(append(0, "no", &sequence), IO_CONFLICT);
    assert_int_equal(append(41, "the next", &sequence), IO_OK);
    assert_int_equal(sequence, 42);
    expect_read(41, (const char *[]){"the next"}, 1);
}

/* Whatever is left of it begins somewhere, and from there on nothing is missing. */
static void expect_whole(uint64_t head)
{
    uint64_t sequence;
    struct text data = {0};
    assert_int_equal(journal_read_sound_snapshot(store, UINT64_MAX, &sequence, &data, &reason), IO_OK);
    assert_int_equal(store->class->read(store, sequence, &entries, &reason), IO_OK);
    assert_int_equal(sequence + entries.count, head);
    text_free(&data);
}

static size_t log_bytes(void)
{
    char path[300];
    struct stat status;
    snprintf(path, sizeof path, "%s-wal", place);
    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* Two writers; one of them makes the log longer when there is already something in it. */
static void the_log_has_its_length_from_the_first_append(void **state)
{
    (void)state;
    uint64_t sequence;
    struct journal_store *other;
    assert_int_equal(append(0, "one", &sequence), IO_OK);
    size_t size = log_bytes();
    assert_in_range(size, 1000 * 4096, 2000 * 4096);
    assert_int_equal(store->class->open(place, 2000, &other, &reason), IO_OK);
    struct journal_append theirs = {.expected_head = 1, .data = bytes_of("two")};
    assert_int_equal(other->class->append(other, &theirs, 1, &reason), IO_OK);
    assert_int_equal(theirs.status, IO_OK);
    run_shell("cp %s %s/two.db && head -c 65536 %s-wal > %s/two.db-wal", place, folder, place, folder);
    for (uint64_t head = 2; head < 100; head++)
        assert_int_equal(append(head, "more", &sequence), IO_OK);
    assert_int_equal(log_bytes(), size);
    other->class->close(other);
    assert_int_equal(store->class->read(store, 0, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, 100);
    close_store();
    snprintf(place, sizeof place, "%s/two.db", folder);
    open_store(); /* As after a kill, with a log that is shorter again. */
    assert_int_equal(append(2, "three", &sequence), IO_OK);
    expect_read(0, (const char *[]){"one", "two", "three"}, 3);
    assert_int_equal(log_bytes(), size);
    run_shell("rm %s/journal.db", folder);
}

/* As a loss of power or a kill leaves it, at every step of storing and compacting. */
static void a_file_cut_anywhere_while_snapshots_are_stored_loses_nothing(void **state)
{
    (void)state;
    append_many(1, 30);
    close_store(); /* All of it is in the file itself now. */
    open_store();
    for (uint64_t sequence = 10; sequence <= 30; sequence += 10) {
        assert_int_equal(store_snapshot(sequence, "a snapshot of some length, so that pages are written"), IO_OK);
        assert_int_equal(store->class->compact(store, &reason), IO_OK);
    }
    run_shell("mkdir %s/cut && cp %s %s-wal %s/cut/", folder, place, place, folder);
    close_store();
    char cut[300];
    snprintf(cut, sizeof cut, "%s/cut/journal.db-wal", folder);
    FILE *log = fopen(cut, "rb");
    assert_non_null(log);
    static char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, log);
    fclose(log);
    assert_in_range(size, 4096, sizeof bytes - 1);
    for (size_t end = 0; end <= size; end += 509) {
        run_shell("cp %s/cut/journal.db %s/one.db && rm -f %s/one.db-shm", folder, folder, folder);
        snprintf(cut, sizeof cut, "%s/one.db-wal", folder);
        log = fopen(cut, "wb");
        assert_non_null(log);
        assert_int_equal(fwrite(bytes, 1, end, log), end);
        fclose(log);
        snprintf(place, sizeof place, "%s/one.db", folder);
        open_store();
        expect_whole(30);
        close_store();
    }
    run_shell("rm -rf %s/cut %s/one.db* %s/journal.db*", folder, folder, folder);
}

static void a_database_that_crashes_between_snapshot_and_compaction_loses_nothing(void **state)
{
    (void)state;
    uint64_t sequence;
    append_many(1, 12);
    store_snapshot(4, "four");
    store_snapshot(8, "eight");
    postgres_crash(folder);
    assert_int_equal(append(12, "meanwhile", &sequence), IO_UNREACHABLE);
    expect_whole(12);
    assert_int_equal(store->class->compact(store, &reason), IO_OK);
    expect_whole(12);
    assert_int_equal(store->class->read(store, 4, &entries, &reason), IO_OK);
    assert_int_equal(entries.count, 8);
}

/* ---- Trouble ---- */

static void a_place_that_cannot_be_is_said(void **state)
{
    (void)state;
    struct journal_store *none = NULL;
    assert_int_not_equal(journal_sqlite_class.open("/nowhere/journal.db", 10, &none, &reason), IO_OK);
    assert_int_equal(journal_postgres_class.open("postgresql:///x?host=/nowhere", 10, &none, &reason), IO_UNREACHABLE);
    assert_non_null(strstr(text_string(&reason), "journal: connect: "));
}

static void a_database_that_crashed_is_found_again(void **state)
{
    (void)state;
    uint64_t sequence;
    append(0, "before", &sequence);
    postgres_crash(folder);
    assert_int_equal(append(1, "meanwhile", &sequence), IO_UNREACHABLE);
    assert_int_equal(append(1, "after", &sequence), IO_OK);
    expect_read(0, (const char *[]){"before", "after"}, 2);
}

static int start_server(void **state)
{
    (void)state;
    return postgres_start(folder, database_place, sizeof database_place) ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    postgres_stop(folder);
    return 0;
}

#define both(name)                                                                                                     \
    {#name " (SQLite)", name, open_file, leave_nothing, NULL},                                                         \
    {                                                                                                                  \
#name " (PostgreSQL)", name, open_database, leave_nothing, NULL                                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        both(what_was_appended_is_read_in_its_order),
        both(who_comes_second_meets_a_conflict),
        both(a_batch_is_one_transaction_and_a_question_leaves_nothing),
        both(many_entries_come_in_portions),
        both(a_flipped_bit_and_a_missing_entry_are_found),
        both(a_snapshot_keeps_what_the_one_before_it_needs),
        both(a_snapshot_of_the_past_or_the_future_is_refused),
        both(a_damaged_snapshot_is_found_and_the_one_before_it_will_do),
        both(an_empty_store_may_begin_with_a_snapshot),
        cmocka_unit_test_setup_teardown(the_log_has_its_length_from_the_first_append, open_file, leave_nothing),
        cmocka_unit_test_setup_teardown(a_file_cut_anywhere_while_snapshots_are_stored_loses_nothing, open_file,
                                        leave_nothing),
        cmocka_unit_test_setup_teardown(a_database_that_crashes_between_snapshot_and_compaction_loses_nothing,
                                        open_database, leave_nothing),
        cmocka_unit_test_teardown(a_place_that_cannot_be_is_said, leave_nothing),
        cmocka_unit_test_setup_teardown(a_database_that_crashed_is_found_again, open_database, leave_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
