/* Workloads of the real driver: started, signalled, survived, found again, looked into, removed. Also the supervisor:
 * this program is one when it is called as `workload-run`. */
#include "core/base/memory.h"
#include "core/proto/workload.pb-c.h"
#include "drivers/real/driver.h"
#include "tests/drivers/real/workload_stage.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- The process kind ---- */

static void an_exit_code_comes_home(void **state)
{
    (void)state;
    make_droplet("exit 3");
    start_and_wait();
    assert_true(op.number > 1);
    expect_story("exited a1 3 0\n");
}

static void a_signal_is_told_as_such(void **state)
{
    (void)state;
    make_droplet("kill -9 $$");
    start_and_wait();
    expect_story("exited a1 -1 9\n");
}

static void it_runs_in_its_directory_with_its_environment_and_limits(void **state)
{
    (void)state;
    make_droplet("echo \"$PWD|$HOME|$GREETING|$1 $2|%VCAP_LOCAL_RUNTIME%|$(ulimit -n)|$(ps -o sid= $$ | tr -d ' ')\" "
                 "> logs/facts; echo lost >&2; cat app/file");
    start_and_wait();
    expect_story("exited a1 0 0\n");
    char root[128], expected[400];
    snprintf(root, sizeof root, "%s/workloads/a1/root", stage.dir);
    snprintf(expected, sizeof expected, "%s|%s|hello there|-p 12345|/opt/runtime|64|%llu\n", root, root,
             (unsigned long long)op.number);
    assert_string_equal(read_path("/logs/facts"), expected);
    assert_string_equal(read_path("logs/stderr.log"), "lost\n");
    assert_string_equal(read_path("logs/stdout.log"), "content\n");
}

static void a_signal_reaches_all_its_processes(void **state)
{
    (void)state;
    make_droplet("trap 'exit 5' TERM; sleep 1000 & (trap '' HUP; setsid sleep 1000) & echo up > logs/up; wait");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    puppet_do(stage.driver, terminate);
    expect_story("exited a1 5 0\n");
}

/* Also those that its main process leaves behind. */
static void nothing_outlives_the_main_process(void **state)
{
    (void)state;
    make_droplet("setsid sleep 1000 & echo $! > logs/child; exit 0");
    start_and_wait();
    expect_story("exited a1 0 0\n");
    unsigned long long child = strtoull(read_path("logs/child"), NULL, 10);
    assert_true(child > 1);
    assert_false(is_alive(child));
}

static void removal_kills_and_deletes_without_a_word(void **state)
{
    (void)state;
    make_droplet("trap '' TERM; echo up > logs/up; while true; do sleep 0.1; done");
    start_and_wait();
    puppet_do(stage.driver, remove_it);
    run_until(&stage, other_op.done);
    assert_int_equal(other_op.status, IO_OK);
    assert_false(is_alive(op.number));
    assert_string_equal(text_string(&stage.puppet->workloads), "");
    char folder[128];
    snprintf(folder, sizeof folder, "%s/workloads/a1", stage.dir);
    assert_int_equal(access(folder, F_OK), -1);
    puppet_do(stage.driver, remove_it);
    run_until(&stage, other_op.done);
    assert_int_equal(other_op.status, IO_NOT_FOUND);
}

/* It ends itself when the kernel refuses it a write, long before anybody looks. */
static void too_much_disk_is_told_also_when_it_ends_itself(void **state)
{
    (void)state;
    limits.disk_bytes = 1 << 20;
    make_droplet("trap '' XFSZ; head -c 4000000 /dev/zero > app/big || exit 1");
    start_and_wait();
    expect_story("exited a1 1 0 out of disk\n");
    assert_string_equal(strstr(read_path("logs/stderr.log"), "cupola: "),
                        "cupola: killed: its files outgrew its 1 MB of disk\n");
}

static void it_survives_us_and_is_found_again(void **state)
{
    (void)state;
    make_droplet("trap 'exit 6' TERM; echo up > logs/up; while true; do sleep 0.05; done");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    uint64_t pid = op.number;
    stage_restart(&stage);
    assert_true(is_alive(pid));
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done);
    assert_string_equal(text_string(&stage.puppet->workloads), "found a1 running NOTE\n");
    puppet_do(stage.driver, terminate);
    expect_story("found a1 running NOTE\nexited a1 6 0\n"); /* Its exit code too, although it is no child of ours. */
}

static void what_ended_while_nobody_watched_is_found_dead(void **state)
{
    (void)state;
    make_droplet("trap 'exit 6' TERM; while true; do sleep 0.05; done");
    start_and_wait();
    uint64_t pid = op.number;
    real_driver_destroy(stage.driver);
    kill((pid_t)pid, SIGKILL);
    for (int i = 0; i < 100; i++) {
        struct stat info;
        char status[128];
        snprintf(status, sizeof status, "%s/workloads/a1/status", stage.dir);
        if (stat(status, &info) == 0)
            break;
        stage_turn(&stage);
    }
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done);
    assert_string_equal(text_string(&stage.puppet->workloads), "found a1 dead NOTE\n");
    assert_string_equal(read_path("app/file"), "content\n");
}

static void without_its_supervisor_it_dies_and_is_told(void **state)
{
    (void)state;
    make_droplet("while true; do sleep 0.05; done");
    start_and_wait();
    run_shell("kill -9 $(cut -d' ' -f2 %s/workloads/a1/pids)", stage.dir);
    expect_story("exited a1 -1 9\n");
    run_until(&stage, !is_alive(op.number));
}

static void a_start_that_fails_says_why_and_leaves_nothing(void **state)
{
    (void)state;
    snprintf(digest, sizeof digest, "%s", "0123456789012345678901234567890123456789");
    puppet_do(stage.driver, start);
    run_until(&stage, op.done);
    assert_int_equal(op.status, IO_NOT_FOUND);

    make_droplet("exit 0");
    run_shell("cd %s && mkdir empty && tar -czf empty.tgz -C empty .", stage.dir);
    char packed[128];
    snprintf(packed, sizeof packed, "%s/empty.tgz", stage.dir);
    uint64_t size;
    struct text error = {0};
    assert_int_equal(real_blob_import(stage.dir, packed, digest, &size, &error), IO_OK);
    puppet_do(stage.driver, start);
    run_until(&stage, op.done);
    assert_int_equal(op.status, IO_NOT_FOUND);
    assert_non_null(strstr(text_string(&op.data), "./startup"));
    char folder[128];
    snprintf(folder, sizeof folder, "%s/workloads/a1", stage.dir);
    assert_int_equal(access(folder, F_OK), -1);
}

static void a_damaged_droplet_is_not_run(void **state)
{
    (void)state;
    make_droplet("exit 0");
    run_shell("printf x >> %s/blobs/%.2s/%s", stage.dir, digest, digest);
    puppet_do(stage.driver, start);
    run_until(&stage, op.done);
    assert_int_equal(op.status, IO_CORRUPT);
}

static void names_cannot_lead_out(void **state)
{
    (void)state;
    make_droplet("exit 0");
    name = "../evil";
    puppet_do(stage.driver, start);
    run_until(&stage, op.done);
    assert_int_equal(op.status, IO_INVALID);
}

static void files_are_read_and_listed_but_only_inside(void **state)
{
    (void)state;
    make_droplet("ln -s /etc/passwd app/out; ln -s ../.. app/up; mkfifo app/pipe; exit 0");
    start_and_wait();
    expect_story("exited a1 0 0\n");
    assert_string_equal(read_path("app/file"), "content\n");
    assert_int_equal(other_op.number, 8);
    assert_string_equal(read_path("app/link"), "content\n");
    assert_string_equal(read_path("/"), "app/                                         -\n"
                                        "logs/                                        -");
    read_path("");
    assert_int_equal(other_op.status, IO_OK);
    const char *listing = read_path("app");
    assert_non_null(strstr(listing, "file                                        8B\n"));
    assert_non_null(strstr(listing, "zeros                                     4.8K"));
    assert_null(strstr(listing, "hidden"));
    static const char *const outside[] = {"app/out", "../record", "app/../../record", "app/up/record", "app/pipe"};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        read_path(outside[i]);
        assert_int_equal(other_op.status, IO_DENIED);
    }
    read_path("app/nothing");
    assert_int_equal(other_op.status, IO_NOT_FOUND);
}

static void measure(struct puppet *puppet)
{
    puppet_op_reset(&other_op);
    op_workload_measure(&puppet->machine, &other_op.op, puppet_note);
}

static void its_use_is_measured(void **state)
{
    (void)state;
    make_droplet("sleep 1000 & head -c 100000 /dev/zero > app/big; echo up > logs/up; wait");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    puppet_do(stage.driver, measure);
    run_until(&stage, other_op.done);
    Cupola__WorkloadUsages *usages =
        cupola__workload_usages__unpack(NULL, other_op.data.size, (const uint8_t *)text_string(&other_op.data));
    assert_non_null(usages);
    assert_int_equal(usages->n_usages, 1);
    const Cupola__WorkloadUsage *usage = usages->usages[0];
    assert_string_equal(usage->workload, name);
    assert_int_equal(usage->processes, 2);
    assert_true(usage->memory_bytes > 100000);
    assert_true(usage->disk_bytes >= 100000);
    cupola__workload_usages__free_unpacked(usages, NULL);
}

/* ---- Droplets that are unpacked ahead ---- */

static bool is_in_stock(void)
{
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "%s/spare-roots/1/startup", stage.dir);
    return stat(path, &info) == 0;
}

static uint64_t inode_of(const char *format)
{
    char path[128];
    struct stat info = {0};
    snprintf(path, sizeof path, format, stage.dir);
    stat(path, &info);
    return info.st_ino;
}

static void delete_blob(struct puppet *puppet)
{
    puppet_op_reset(&other_op);
    op_blob_delete(&puppet->machine, &other_op.op, digest, puppet_note);
}

static void what_was_started_is_unpacked_ahead_for_the_next_start(void **state)
{
    (void)state;
    make_droplet("cat app/file; echo spoilt > app/file");
    start_and_wait();
    expect_story("exited a1 0 0\n");
    run_until(&stage, is_in_stock() && stage.driver->job_count == 0); /* And it is known to be whole. */
    uint64_t spare = inode_of("%s/spare-roots/1");
    name = "a2";
    start_and_wait();
    expect_story("exited a1 0 0\nexited a2 0 0\n");
    assert_int_equal(inode_of("%s/workloads/a2/root"), spare);
    assert_string_equal(read_path("logs/stdout.log"), "content\n");
    assert_int_equal(inode_of("%s/spare-roots/1"), 0);
}

static void an_unpacked_droplet_goes_with_its_blob(void **state)
{
    (void)state;
    make_droplet("exit 0");
    start_and_wait();
    run_until(&stage, is_in_stock());
    puppet_do(stage.driver, delete_blob);
    run_until(&stage, other_op.done && inode_of("%s/spare-roots/1") == 0);
}

static void what_an_earlier_life_has_unpacked_goes(void **state)
{
    (void)state;
    make_droplet("exit 0");
    start_and_wait();
    run_until(&stage, is_in_stock());
    stage_restart(&stage);
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done);
    assert_int_equal(inode_of("%s/spare-roots"), 0);
}

int main(int argc, char **argv)
{
    be_supervisor_if_asked(argc, argv);
    const struct CMUnitTest tests[] = {
        stage_test(an_exit_code_comes_home),
        stage_test(a_signal_is_told_as_such),
        stage_test(it_runs_in_its_directory_with_its_environment_and_limits),
        stage_test(a_signal_reaches_all_its_processes),
        stage_test(nothing_outlives_the_main_process),
        stage_test(removal_kills_and_deletes_without_a_word),
        stage_test(too_much_disk_is_told_also_when_it_ends_itself),
        stage_test(it_survives_us_and_is_found_again),
        stage_test(what_ended_while_nobody_watched_is_found_dead),
        stage_test(without_its_supervisor_it_dies_and_is_told),
        stage_test(a_start_that_fails_says_why_and_leaves_nothing),
        stage_test(a_damaged_droplet_is_not_run),
        stage_test(names_cannot_lead_out),
        stage_test(what_was_started_is_unpacked_ahead_for_the_next_start),
        stage_test(an_unpacked_droplet_goes_with_its_blob),
        stage_test(what_an_earlier_life_has_unpacked_goes),
        stage_test(files_are_read_and_listed_but_only_inside),
        stage_test(its_use_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
