/* What the real driver keeps, beyond what the suite that all drivers pass (../conformance) asks: journal, blobs,
 * password hashes. */
#include "core/base/memory.h"
#include "tests/drivers/real/puppet.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct stage stage;
static struct puppet_op ops[8];
static const char *digest_of_hello = "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"; /* sha1("hello world") */

static int open_stage(void **state)
{
    (void)state;
    stage_open(&stage);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    stage_close(&stage);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        puppet_op_reset(&ops[i]);
    return 0;
}

static struct slice words(const char *text)
{
    return slice_copy(text, strlen(text));
}

/* ---- Journal ---- */

static void follow(struct puppet *puppet)
{
    op_journal_follow(&puppet->machine, &ops[7].op, 0, puppet_note);
}

static void append_three(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &ops[0].op, 0, words("a"), puppet_note);
    op_journal_append(&puppet->machine, &ops[1].op, 1, words("b"), puppet_note);
    op_journal_append(&puppet->machine, &ops[2].op, 1, words("late"), puppet_note);
}

static struct puppet_op other_follow;

static void follow_elsewhere(struct puppet *puppet)
{
    op_journal_follow(&puppet->machine, &other_follow.op, 0, puppet_note);
}

static void append_from_elsewhere(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &ops[3].op, 2, words("c"), puppet_note);
}

static void append_behind_the_times(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &ops[4].op, 2, words("lost"), puppet_note);
}

static void two_controllers_share_one_journal(void **state)
{
    (void)state;
    char path[96], dir[96];
    snprintf(path, sizeof path, "%s/journal.db", stage.dir);
    snprintf(dir, sizeof dir, "%s/other", stage.dir);
    stage.config.journal = path;
    struct puppet *other;
    struct real_driver *other_driver = stage_add(&stage, dir, &other);
    puppet_do(stage.driver, follow);
    puppet_do(other_driver, follow_elsewhere);
    run_until(&stage, ops[7].done && other_follow.done);
    puppet_do(stage.driver, append_three);
    run_until(&stage, strcmp(text_string(&other->journal), "1=a 2=b ") == 0);
    puppet_do(other_driver, append_from_elsewhere);
    run_until(&stage, ops[3].done);
    assert_int_equal(ops[3].status, IO_OK);
    assert_int_equal(ops[3].number, 3);

    /* The first has not been told of entry 3 yet, perhaps; the refusal comes after it in any case. */
    puppet_do(stage.driver, append_behind_the_times);
    run_until(&stage, ops[4].done);
    assert_int_equal(ops[4].status, IO_CONFLICT);
    assert_string_equal(text_string(&stage.puppet->journal), "1=a 2=b 3=c ");
    real_driver_destroy(other_driver);
    puppet_op_reset(&other_follow);
    stage.config.journal = NULL;
}

static void append_one(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &ops[0].op, 0, words("a"), puppet_note);
}

static void append_too_much(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &ops[1].op, 1, words("lost"), puppet_note);
}

static void append_again(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &ops[2].op, 1, words("b"), puppet_note);
}

/* Of each file. */
static void limit_disk_to(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_disk_that_takes_no_more_ends_nobody(void **state)
{
    (void)state;
    puppet_do(stage.driver, follow);
    run_until(&stage, ops[7].done);
    puppet_do(stage.driver, append_one);
    run_until(&stage, ops[0].done);
    assert_int_equal(ops[0].status, IO_OK);
    signal(SIGXFSZ, SIG_IGN);
    limit_disk_to(4096);
    puppet_do(stage.driver, append_too_much);
    run_until(&stage, ops[1].done);
    limit_disk_to(RLIM_INFINITY);
    assert_int_not_equal(ops[1].status, IO_OK);
    assert_int_not_equal(ops[1].status, IO_CONFLICT);
    puppet_do(stage.driver, append_again);
    run_until(&stage, ops[2].done);
    assert_int_equal(ops[2].status, IO_OK);
    assert_string_equal(text_string(&stage.puppet->journal), "1=a 2=b ");
}

static void a_damaged_entry_is_found_out(void **state)
{
    (void)state;
    puppet_do(stage.driver, append_three);
    run_until(&stage, ops[2].done);
    real_driver_destroy(stage.driver);
    char path[96];
    snprintf(path, sizeof path, "%s/journal.db", stage.dir);
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    const char *sql = "UPDATE entries SET data = 'x' WHERE sequence = 2";
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    puppet_do(stage.driver, follow);
    run_until(&stage, ops[7].done);
    assert_int_equal(ops[7].status, IO_CORRUPT);
    assert_string_equal(text_string(&stage.puppet->journal), "1=a ");
}

/* ---- Blobs ---- */

static void write_blob(struct puppet *puppet)
{
    struct io_blob blob = blob_open(&puppet->machine);
    blob_write(&puppet->machine, blob, words("hello "));
    blob_write(&puppet->machine, blob, words("world"));
    op_blob_commit(&puppet->machine, &ops[0].op, blob, puppet_note);
    struct io_blob unwanted = blob_open(&puppet->machine);
    blob_write(&puppet->machine, unwanted, words("hello mars"));
    blob_discard(&puppet->machine, unwanted);
}

static void stat_blobs(struct puppet *puppet)
{
    op_blob_stat(&puppet->machine, &ops[1].op, digest_of_hello, puppet_note);
    op_blob_stat(&puppet->machine, &ops[2].op, "../../etc/passwd", puppet_note);
    op_blob_delete(&puppet->machine, &ops[3].op, digest_of_hello, puppet_note);
    op_blob_stat(&puppet->machine, &ops[4].op, digest_of_hello, puppet_note);
    op_blob_delete(&puppet->machine, &ops[5].op, digest_of_hello, puppet_note);
}

static void a_blob_is_named_by_its_content(void **state)
{
    (void)state;
    puppet_do(stage.driver, write_blob);
    run_until(&stage, ops[0].done);
    assert_int_equal(ops[0].status, IO_OK);
    assert_int_equal(ops[0].number, 11);
    assert_string_equal(text_string(&ops[0].data), digest_of_hello);
    puppet_do(stage.driver, stat_blobs);
    run_until(&stage, ops[5].done);
    assert_int_equal(ops[1].status, IO_OK);
    assert_int_equal(ops[1].number, 11);
    assert_int_equal(ops[2].status, IO_NOT_FOUND);
    assert_int_equal(ops[3].status, IO_OK);
    assert_int_equal(ops[4].status, IO_NOT_FOUND);
    assert_int_equal(ops[5].status, IO_OK);
}

static void a_blob_beyond_the_limit_is_refused_at_the_end(void **state)
{
    (void)state;
    real_driver_destroy(stage.driver);
    stage.config.has_blob_bytes = 1;
    stage.config.blob_bytes = 10;
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    puppet_do(stage.driver, write_blob);
    run_until(&stage, ops[0].done);
    assert_int_equal(ops[0].status, IO_FULL);
}

static char sent_digest[41];
static struct puppet_conn *here;

static void connect_to_self(struct puppet *puppet)
{
    here = puppet_connect(puppet, puppet->port);
    here->reads_on = false;
}

enum { BLOB_SIZE = 3000000 };

/* Words, a blob, words: in this order on the wire. */
static void send_blob(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "before");
    conn_send_blob(&here->conn, &ops[0].op, sent_digest, puppet_note);
    conn_write_string(&here->conn, "after");
    conn_finish(&here->conn);
}

static void receive_head(struct puppet *puppet)
{
    conn_receive_blob(&puppet->conns[1].conn, &ops[1].op, 6, puppet_note);
}

static void receive_blob(struct puppet *puppet)
{
    conn_receive_blob(&puppet->conns[1].conn, &ops[2].op, BLOB_SIZE, puppet_note);
}

static void read_the_rest(struct puppet *puppet)
{
    puppet->conns[1].reads_on = true;
    conn_read(&puppet->conns[1].conn);
}

static void meet(void)
{
    puppet_do(stage.driver, puppet_listen);
    run_until(&stage, stage.puppet->port != 0);
    puppet_do(stage.driver, connect_to_self);
    run_until(&stage, stage.puppet->conn_count == 2 && here->connected);
}

static void import_large(void)
{
    uint8_t *bytes = memory_new(BLOB_SIZE);
    for (size_t i = 0; i < BLOB_SIZE; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 11);
    memcpy(sent_digest, stage_import(&stage, bytes, BLOB_SIZE), sizeof sent_digest);
    memory_free(bytes);
}

static void a_blob_travels_in_its_place_between_writes(void **state)
{
    (void)state;
    import_large();
    meet();
    puppet_do(stage.driver, send_blob);
    puppet_do(stage.driver, receive_head);
    run_until(&stage, ops[1].done);
    assert_string_equal(text_string(&ops[1].data), "51de2b835bd35a67eb32dbcd3d77d4b96e5aa39d"); /* sha1("before") */
    puppet_do(stage.driver, receive_blob);
    run_until(&stage, ops[2].done && ops[0].done);
    assert_int_equal(ops[0].status, IO_OK);
    assert_int_equal(ops[0].number, BLOB_SIZE);
    assert_int_equal(ops[2].status, IO_OK);
    assert_int_equal(ops[2].number, BLOB_SIZE);
    assert_string_equal(text_string(&ops[2].data), sent_digest);
    puppet_do(stage.driver, read_the_rest);
    run_until(&stage, stage.puppet->conns[1].ended);
    assert_string_equal(text_string(&stage.puppet->conns[1].text), "after");
    assert_int_equal(here->conn.unsent_bytes, 0);
}

static void send_missing(struct puppet *puppet)
{
    (void)puppet;
    conn_send_blob(&here->conn, &ops[0].op, "0123456789012345678901234567890123456789", puppet_note);
}

static void a_missing_blob_is_not_found(void **state)
{
    (void)state;
    meet();
    puppet_do(stage.driver, send_missing);
    run_until(&stage, ops[0].done);
    assert_int_equal(ops[0].status, IO_NOT_FOUND);
    assert_false(here->closed);
}

static void write_a_little_and_finish(struct puppet *puppet)
{
    (void)puppet;
    conn_write_string(&here->conn, "too little");
    conn_finish(&here->conn);
}

static void a_transfer_that_ends_early_is_reset_and_the_end_is_told(void **state)
{
    (void)state;
    meet();
    puppet_do(stage.driver, receive_blob);
    puppet_do(stage.driver, write_a_little_and_finish);
    run_until(&stage, ops[2].done);
    assert_int_equal(ops[2].status, IO_RESET);
    assert_int_equal(ops[2].number, 10);
    puppet_do(stage.driver, read_the_rest);
    run_until(&stage, stage.puppet->conns[1].ended);
    assert_int_equal(stage.puppet->conns[1].received, 0);
}

static void close_receiver(struct puppet *puppet)
{
    conn_close(&puppet->conns[1].conn);
}

static void closing_cancels_the_transfers(void **state)
{
    (void)state;
    import_large();
    meet();
    puppet_do(stage.driver, receive_blob);
    puppet_do(stage.driver, send_blob);
    puppet_do(stage.driver, close_receiver);
    run_until(&stage, ops[2].done && stage.puppet->conns[1].closed);
    assert_int_equal(ops[2].status, IO_CANCELLED);
    run_until(&stage, ops[0].done); /* The peer resets, or takes what it can. */
}

/* ---- Passwords ---- */

static const char *stored;

static void hash_new(struct puppet *puppet)
{
    const uint64_t entropy[2] = {1, 2}, other_entropy[2] = {3, 4};
    op_hash_password(&puppet->machine, &ops[0].op, "secret", "", entropy, puppet_note);
    op_hash_password(&puppet->machine, &ops[1].op, "secret", "", other_entropy, puppet_note);
}

static void hash_again(struct puppet *puppet)
{
    const uint64_t entropy[2] = {0};
    op_hash_password(&puppet->machine, &ops[2].op, "secret", stored, entropy, puppet_note);
    op_hash_password(&puppet->machine, &ops[3].op, "Secret", stored, entropy, puppet_note);
    op_hash_password(&puppet->machine, &ops[4].op, "secret", "no hash at all", entropy, puppet_note);
}

static void only_the_right_password_gives_the_stored_hash(void **state)
{
    (void)state;
    puppet_do(stage.driver, hash_new);
    run_until(&stage, ops[0].done && ops[1].done);
    assert_int_equal(ops[0].status, IO_OK);
    assert_string_not_equal(text_string(&ops[0].data), text_string(&ops[1].data));
    stored = text_string(&ops[0].data);
    puppet_do(stage.driver, hash_again);
    run_until(&stage, ops[2].done && ops[3].done && ops[4].done);
    assert_string_equal(text_string(&ops[2].data), stored);
    assert_string_not_equal(text_string(&ops[3].data), stored);
    assert_int_equal(ops[4].status, IO_INVALID);
}

#define stage_test(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        stage_test(two_controllers_share_one_journal),
        stage_test(a_disk_that_takes_no_more_ends_nobody),
        stage_test(a_damaged_entry_is_found_out),
        stage_test(a_blob_is_named_by_its_content),
        stage_test(a_blob_beyond_the_limit_is_refused_at_the_end),
        stage_test(a_blob_travels_in_its_place_between_writes),
        stage_test(a_missing_blob_is_not_found),
        stage_test(a_transfer_that_ends_early_is_reset_and_the_end_is_told),
        stage_test(closing_cancels_the_transfers),
        stage_test(only_the_right_password_gives_the_stored_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
