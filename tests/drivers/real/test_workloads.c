/* Workloads of the real driver: started, signalled, survived, found again, looked into, removed. Also the supervisor:
 * this program is one when it is called as `workload-run`. */
#include "core/base/memory.h"
#include "core/proto/workload.pb-c.h"
#include "tests/drivers/real/puppet.h"

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

static struct stage stage;
static struct puppet_op op, other_op;
static char digest[41];
static const char *name;
static struct workload_limits limits;

static int open_stage(void **state)
{
    (void)state;
    stage_open(&stage);
    name = "a1";
    limits = (struct workload_limits){.descriptors = 64, .disk_bytes = 1 << 24};
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    stage_close(&stage);
    puppet_op_reset(&op);
    puppet_op_reset(&other_op);
    return 0;
}

/* A droplet whose startup is this bash script. */
static void make_droplet(const char *script)
{
    char path[128];
    snprintf(path, sizeof path, "%s/droplet", stage.dir);
    run_shell("mkdir -p %s/app %s/logs %s/secret", path, path, path);
    char file[160];
    snprintf(file, sizeof file, "%s/startup", path);
    FILE *startup = fopen(file, "w");
    assert_non_null(startup);
    fprintf(startup, "#!/bin/bash\n%s\n", script);
    fclose(startup);
    chmod(file, 0755);
    run_shell("cd %s && echo content > app/file && head -c 5000 /dev/zero > app/zeros && ln -s file app/link && "
              "ln -s /etc/passwd app/out && touch app/.hidden && tar --exclude=app/out -czf ../droplet.tgz .",
              path);
    char packed[128];
    snprintf(packed, sizeof packed, "%s/droplet.tgz", stage.dir);
    uint64_t size;
    struct text error = {0};
    assert_int_equal(real_blob_import(stage.dir, packed, digest, &size, &error), IO_OK);
}

static void start(struct puppet *puppet)
{
    const char *argv[] = {"./startup", "-p", "12345", NULL};
    const char *envp[] = {"PATH=/usr/bin:/bin", "GREETING=hello there", NULL};
    struct workload_spec spec = {
        .workload = name,
        .digest = digest,
        .argv = argv,
        .envp = envp,
        .runtime = "/opt/runtime",
        .limits = limits,
        .note = {(const uint8_t *)"NOTE", 4},
    };
    puppet_op_reset(&op);
    op_workload_start(&puppet->machine, &op.op, &spec, puppet_note);
}

static void start_and_wait(void)
{
    puppet_do(stage.driver, start);
    run_until(&stage, op.done);
    assert_int_equal(op.status, IO_OK);
}

static void list(struct puppet *puppet)
{
    puppet_op_reset(&other_op);
    op_workload_list(&puppet->machine, &other_op.op, puppet_note);
}

static void terminate(struct puppet *puppet)
{
    workload_signal(&puppet->machine, name, SIGTERM);
}

static void remove_it(struct puppet *puppet)
{
    puppet_op_reset(&other_op);
    op_workload_remove(&puppet->machine, &other_op.op, name, puppet_note);
}

static const char *path_to_read;

static void read_file(struct puppet *puppet)
{
    puppet_op_reset(&other_op);
    op_workload_read_file(&puppet->machine, &other_op.op, name, path_to_read, 0, 1000, puppet_note);
}

static const char *read_path(const char *path)
{
    path_to_read = path;
    puppet_do(stage.driver, read_file);
    run_until(&stage, other_op.done);
    return text_string(&other_op.data);
}

static void expect_story(const char *story)
{
    run_until(&stage, strlen(text_string(&stage.puppet->workloads)) >= strlen(story));
    assert_string_equal(text_string(&stage.puppet->workloads), story);
}

static bool is_alive(uint64_t pid)
{
    return kill((pid_t)pid, 0) == 0;
}

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
    assert_string_equal(read_path("logs/stderr.log"), "lost\ncontent\n");
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
    op_workload_measure(&puppet->machine, &other_op.op, name, puppet_note);
}

static void its_use_is_measured(void **state)
{
    (void)state;
    make_droplet("sleep 1000 & head -c 100000 /dev/zero > app/big; echo up > logs/up; wait");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    puppet_do(stage.driver, measure);
    run_until(&stage, other_op.done);
    Cupola__WorkloadUsage *usage =
        cupola__workload_usage__unpack(NULL, other_op.data.size, (const uint8_t *)text_string(&other_op.data));
    assert_non_null(usage);
    assert_int_equal(usage->processes, 2);
    assert_true(usage->memory_bytes > 100000);
    assert_true(usage->disk_bytes >= 100000);
    cupola__workload_usage__free_unpacked(usage, NULL);
}

/* ---- The OCI kind, where the machine allows it ---- */

static bool use_containers(void)
{
    struct text why_not = {0};
    bool is_possible = real_workloads_possible("oci", "runc", &why_not);
    if (!is_possible)
        print_message("%s\n", text_string(&why_not));
    text_free(&why_not);
    real_driver_destroy(stage.driver);
    stage.config.workloads = (char *)(uintptr_t) "oci";
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    return is_possible;
}

static void a_container_has_namespaces_and_a_root_of_its_own(void **state)
{
    (void)state;
    if (!use_containers())
        skip();
    make_droplet("echo \"$PWD $HOME $$ $(ls / | tr '\\n' ' ')\" > logs/facts; touch /usr/evil 2>/dev/null && "
                 "echo evil >> logs/facts; echo mine > /etc/mine && cat /etc/mine >> logs/facts; exit 4");
    start_and_wait();
    expect_story("exited a1 4 0\n");
    const char *facts = read_path("logs/facts");
    assert_non_null(strstr(facts, "/home/vcap /home/vcap "));
    assert_non_null(strstr(facts, "mine\n"));
    assert_null(strstr(facts, "evil"));
    assert_null(strstr(facts, "root"));
    assert_int_equal(access("/etc/mine", F_OK), -1);
}

static void a_container_survives_us_and_hears_signals(void **state)
{
    (void)state;
    if (!use_containers())
        skip();
    make_droplet("trap 'exit 6' TERM; echo up > logs/up; while true; do sleep 0.05; done");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    stage_restart(&stage);
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done);
    puppet_do(stage.driver, terminate);
    expect_story("found a1 running NOTE\nexited a1 6 0\n");
}

static void a_container_that_wants_too_much_memory_is_killed(void **state)
{
    (void)state;
    if (!use_containers())
        skip();
    make_droplet("exec python3 -c 'x = bytearray(200 << 20)'");
    limits.memory_bytes = 32 << 20;
    start_and_wait();
    expect_story("exited a1 -1 9 out of memory\n");
}

static void a_container_is_removed_with_all_that_it_has(void **state)
{
    (void)state;
    if (!use_containers())
        skip();
    make_droplet("trap '' TERM; while true; do sleep 0.05; done");
    start_and_wait();
    puppet_do(stage.driver, remove_it);
    run_until(&stage, other_op.done);
    assert_int_equal(other_op.status, IO_OK);
    assert_false(is_alive(op.number));
    assert_int_equal(access("/sys/fs/cgroup/memory/cupola/a1", F_OK), -1);
    assert_string_equal(text_string(&stage.puppet->workloads), "");
}

#define stage_test(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], REAL_SUPERVISOR_COMMAND) == 0)
        return real_supervise(argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
        stage_test(an_exit_code_comes_home),
        stage_test(a_signal_is_told_as_such),
        stage_test(it_runs_in_its_directory_with_its_environment_and_limits),
        stage_test(a_signal_reaches_all_its_processes),
        stage_test(nothing_outlives_the_main_process),
        stage_test(removal_kills_and_deletes_without_a_word),
        stage_test(it_survives_us_and_is_found_again),
        stage_test(what_ended_while_nobody_watched_is_found_dead),
        stage_test(without_its_supervisor_it_dies_and_is_told),
        stage_test(a_start_that_fails_says_why_and_leaves_nothing),
        stage_test(a_damaged_droplet_is_not_run),
        stage_test(names_cannot_lead_out),
        stage_test(files_are_read_and_listed_but_only_inside),
        stage_test(its_use_is_measured),
        stage_test(a_container_has_namespaces_and_a_root_of_its_own),
        stage_test(a_container_survives_us_and_hears_signals),
        stage_test(a_container_that_wants_too_much_memory_is_killed),
        stage_test(a_container_is_removed_with_all_that_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
