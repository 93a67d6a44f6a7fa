/* A database whose connections break at any moment: whatever the journal answers, what it answers about has been
 * delivered before. */
#include "core/base/duration.h"
#include "tests/drivers/real/postgres.h"
#include "tests/drivers/real/puppet.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t cutting_ns = 2 * NS_PER_S;
static char folder[] = "/tmp/cupola-cut-XXXXXX";
static char place[256];
static struct stage stage;
static struct puppet_op following;
static struct op appending;
static atomic_bool is_over;
static atomic_uint durable, conflicts, failures;
static bool is_idle;

/* The number of the newest entry that the puppet has been shown. */
static uint64_t shown(void)
{
    const char *journal = text_string(&stage.puppet->journal);
    size_t size = stage.puppet->journal.size;
    if (size == 0)
        return 0;
    for (size--; size > 0 && journal[size - 1] != ' '; size--)
        ;
    return strtoull(journal + size, NULL, 10);
}

static void append(struct puppet *puppet);

static void on_answer(struct op *op, const struct op_result *result)
{
    (void)op;
    if (result->status == IO_OK || result->status == IO_CONFLICT)
        assert_in_range(result->number, 0, shown());
    durable += result->status == IO_OK;
    conflicts += result->status == IO_CONFLICT;
    failures += result->status != IO_OK && result->status != IO_CONFLICT;
    if (atomic_load(&is_over))
        is_idle = true;
    else
        append(stage.puppet);
}

static void append(struct puppet *puppet)
{
    op_journal_append(&puppet->machine, &appending, shown(), slice_copy("x", 1), on_answer);
}

static void begin(struct puppet *puppet)
{
    op_journal_follow(&puppet->machine, &following.op, 0, puppet_note);
}

static void *cut_connections(void *unused)
{
    (void)unused;
    PGconn *connection = PQconnectdb(place);
    unsigned known = 0;
    while (!atomic_load(&is_over)) {
        PQclear(PQexec(connection, "SELECT pg_sleep(random() * 0.004)"));
        if (atomic_load(&durable) == known) /* It shall come to something in between. */
            continue;
        known = atomic_load(&durable);
        PQclear(PQexec(connection, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                   "WHERE application_name = 'cupola'"));
    }
    PQfinish(connection);
    return NULL;
}

static void an_answer_comes_after_what_it_is_about(void **state)
{
    (void)state;
    pthread_t cutter;
    puppet_do(stage.driver, begin);
    run_until(&stage, following.done);
    assert_int_equal(following.status, IO_OK);
    puppet_do(stage.driver, append);
    assert_int_equal(pthread_create(&cutter, NULL, cut_connections, NULL), 0);
    uint64_t from_ns = uv_hrtime();
    run_until(&stage, uv_hrtime() - from_ns > cutting_ns && failures > 0);
    atomic_store(&is_over, true);
    pthread_join(cutter, NULL);
    run_until(&stage, is_idle);
    print_message("%u durable, %u conflicts, %u failures\n", durable, conflicts, failures);
}

static int open_all(void **state)
{
    (void)state;
    if (!postgres_start(folder, place, sizeof place))
        return -1;
    stage_open(&stage);
    stage.config.journal = place;
    stage_restart(&stage);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    stage_close(&stage);
    puppet_op_reset(&following);
    postgres_stop(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_comes_after_what_it_is_about, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
