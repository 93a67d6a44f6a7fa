/* What every driver does with workloads: starts answered before ends are told, survivors found, signals told. */
#include "tests/drivers/conformance/ground.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct puppet_op started, other;
static const char *digest;

static int open_ground(void **state)
{
    (void)state;
    ground_open();
    return 0;
}

static int close_ground(void **state)
{
    (void)state;
    ground_close();
    puppet_op_reset(&started);
    puppet_op_reset(&other);
    return 0;
}

static void start(struct puppet *puppet)
{
    static const char *const argv[] = {"./startup", NULL};
    static const char *const envp[] = {"PATH=/usr/bin:/bin", NULL};
    struct workload_spec spec = {
        .workload = "a1",
        .digest = digest,
        .argv = argv,
        .envp = envp,
        .runtime = "",
        .limits = {.descriptors = 64, .disk_bytes = 1 << 24},
        .note = {(const uint8_t *)"NOTE", 4},
    };
    puppet_op_reset(&started);
    op_workload_start(&puppet->machine, &started.op, &spec, puppet_note);
}

static void start_and_wait(bool exits)
{
    digest = ground_droplet(exits);
    ground_do(start);
    wait_until(started.done);
    if (started.status != IO_OK)
        fail_msg("%s", text_string(&started.data));
}

static void list(struct puppet *puppet)
{
    puppet_op_reset(&other);
    op_workload_list(&puppet->machine, &other.op, puppet_note);
}

static void kill_it(struct puppet *puppet)
{
    workload_signal(&puppet->machine, "a1", SIGKILL);
}

static void remove_it(struct puppet *puppet)
{
    puppet_op_reset(&other);
    op_workload_remove(&puppet->machine, &other.op, "a1", puppet_note);
}

static const char *story(void)
{
    return text_string(&ground_puppet()->workloads);
}

static void an_end_is_told_once_with_its_status(void **state)
{
    (void)state;
    start_and_wait(true);
    wait_until(story()[0] != 0);
    ground_turn();
    assert_string_equal(story(), "exited a1 1 0\n");
}

static void a_signal_is_told_as_one(void **state)
{
    (void)state;
    start_and_wait(false);
    ground_turn();
    assert_string_equal(story(), "");
    ground_do(kill_it);
    wait_until(story()[0] != 0);
    assert_string_equal(story(), "exited a1 -1 9\n");
}

static void what_runs_survives_its_starter_and_is_found(void **state)
{
    (void)state;
    start_and_wait(false);
    ground_restart();
    ground_do(list);
    wait_until(other.done);
    assert_string_equal(story(), "found a1 running NOTE\n"); /* Before the DONE. */
    ground_do(kill_it);
    wait_until(strlen(story()) > strlen("found a1 running NOTE\n"));
    assert_string_equal(story(), "found a1 running NOTE\nexited a1 -1 9\n");
}

static void what_ended_meanwhile_is_found_dead(void **state)
{
    (void)state;
    start_and_wait(true);
    wait_until(story()[0] != 0);
    ground_restart();
    ground_do(list);
    wait_until(other.done);
    assert_string_equal(story(), "found a1 dead NOTE\n");
}

static void run_command(struct puppet *puppet)
{
    static const char *const argv[] = {"echo", "hello", NULL};
    puppet_op_reset(&other);
    op_workload_exec(&puppet->machine, &other.op, "a1", argv, 0, 0, puppet_note);
}

static void a_command_waits_beside_what_runs_for_whoever_has_the_secret(void **state)
{
    (void)state;
    ground_do(run_command);
    wait_until(other.done);
    assert_int_equal(other.status, IO_NOT_FOUND);
    start_and_wait(false);
    ground_do(run_command);
    wait_until(other.done);
    assert_int_equal(other.status, IO_OK);
    assert_in_range(other.number, 1, 65535);
    assert_int_equal(other.data.size, 32);
    ground_do(kill_it);
    wait_until(story()[0] != 0);
    ground_do(run_command);
    wait_until(other.done);
    assert_int_equal(other.status, IO_NOT_FOUND);
}

static void what_was_removed_is_not_found(void **state)
{
    (void)state;
    start_and_wait(false);
    ground_do(remove_it);
    wait_until(other.done);
    assert_int_equal(other.status, IO_OK);
    ground_restart();
    ground_do(list);
    wait_until(other.done);
    assert_string_equal(story(), "");
}

static void a_droplet_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    digest = "0000000000000000000000000000000000000000";
    ground_do(start);
    wait_until(started.done);
    assert_int_equal(started.status, IO_NOT_FOUND);
    assert_string_equal(story(), "");
}

int suite_run_workloads(const char *name)
{
#define ON_GROUND(test) cmocka_unit_test_setup_teardown(test, open_ground, close_ground)
    const struct CMUnitTest suite[] = {
        ON_GROUND(an_end_is_told_once_with_its_status),
        ON_GROUND(a_signal_is_told_as_one),
        ON_GROUND(what_runs_survives_its_starter_and_is_found),
        ON_GROUND(what_ended_meanwhile_is_found_dead),
        ON_GROUND(a_command_waits_beside_what_runs_for_whoever_has_the_secret),
        ON_GROUND(what_was_removed_is_not_found),
        ON_GROUND(a_droplet_that_is_not_there_is_not_found),
    };
    return cmocka_run_group_tests_name(name, suite, NULL, NULL);
}
