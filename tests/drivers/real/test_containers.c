/* Containers of each kind that this machine can do: the same promises for all of them. */
#include "core/proto/workload.pb-c.h"
#include "drivers/real/workloads/process_tree.h"
#include "drivers/real/workloads/user.h"
#include "tests/drivers/real/workload_stage.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct container {
    const char *kind;
    const char *oci_runtime;
    bool is_ahead; /* Made before the order. */
};
static struct container runc = {"oci", "runc", false}, crun = {"oci", "crun", false},
                        bubblewrap = {"bubblewrap", "runc", false}, stocked = {"bubblewrap", "runc", true};

static bool use(void **state)
{
    const struct container *container = *state;
    struct text why_not = {0};
    bool is_possible = real_workloads_possible(container->kind, container->oci_runtime, &why_not);
    if (!is_possible)
        print_message("%s\n", text_string(&why_not));
    text_free(&why_not);
    stage.config.has_spare_containers = true;
    stage.config.spare_containers = container->is_ahead ? 1 : 0;
    use_kind(container->kind, container->oci_runtime);
    if (container->is_ahead && is_possible)
        await_container_in_stock();
    return is_possible;
}

#define needs_containers(state)                                                                                        \
    do {                                                                                                               \
        if (!use(state))                                                                                               \
            skip();                                                                                                    \
    } while (0)

static void it_has_namespaces_and_a_root_of_its_own(void **state)
{
    needs_containers(state);
    make_droplet("echo \"$PWD $HOME $$ $(ls -d /[a-z]* | tr '\\n' ' ')\" > logs/facts; touch /usr/evil 2>/dev/null && "
                 "echo evil >> logs/facts; echo evil > /etc/evil && echo evil >> logs/facts; "
                 "echo mine > /tmp/cupola-mine && cat /tmp/cupola-mine >> logs/facts; "
                 "ls /proc | grep -c '^[0-9]*$' >> logs/facts; exit 4");
    start_and_wait();
    expect_story("exited a1 4 0\n");
    const char *facts = read_path("logs/facts");
    assert_non_null(strstr(facts, "/home/vcap /home/vcap "));
    assert_non_null(strstr(facts, "mine\n"));
    assert_null(strstr(facts, "evil"));
    assert_null(strstr(facts, "/root"));
    assert_null(strstr(facts, "/work"));
    const char *processes = strstr(facts, "mine\n") + 5;
    assert_true(atoi(processes) >= 2 && atoi(processes) < 8);
    assert_int_equal(access("/tmp/cupola-mine", F_OK), -1);
}

/* A file that this kernel does not have says nothing wrong. */
static bool kernel_says(const char *hierarchy, const char *v1, const char *v2, const char *value)
{
    char path[256], text[64] = "";
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
        snprintf(path, sizeof path, "/sys/fs/cgroup/cupola/%s/%s", group_of_it(), v2);
    else
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cupola/%s/%s", hierarchy, group_of_it(), v1);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return true;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    text[strcspn(text, "\n")] = 0;
    return strcmp(text, value) == 0;
}

/* Some of it a moment after its start, when its supervisor has left the group. */
static void the_kernel_knows_its_limits(void **state)
{
    stage.config.has_workload_cpu_percent = true;
    stage.config.workload_cpu_percent = 30;
    needs_containers(state);
    limits.memory_bytes = 64 << 20;
    limits.processes = 40;
    make_droplet("echo up > logs/up; while true; do sleep 0.05; done");
    start_and_wait();
    if (group_of_it()[0] == 0)
        skip();
    assert_true(has_group(group_of_it()));
    run_until(&stage, kernel_says("memory", "memory.limit_in_bytes", "memory.max", "67108864"));
    bool is_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    run_until(&stage,
              kernel_says("memory", "memory.memsw.limit_in_bytes", "memory.swap.max", is_v2 ? "0" : "67108864"));
    run_until(&stage, kernel_says("pids", "pids.max", "pids.max", "40"));
    run_until(&stage, kernel_says("cpu", "cpu.cfs_quota_us", "cpu.max", is_v2 ? "30000 100000" : "30000"));
    run_until(&stage, kernel_says("cpu", "cpu.shares", "cpu.weight", is_v2 ? "6" : "64"));
    run_until(&stage, !is_v2 || kernel_says("", "", "memory.oom.group", "1"));
}

/* On a machine that is out of memory it is as good as any: its supervisor is not. */
static void it_can_be_killed_for_want_of_memory(void **state)
{
    needs_containers(state);
    make_droplet("cat /proc/self/oom_score_adj");
    start_and_wait();
    expect_story("exited a1 0 0\n");
    assert_string_equal(read_path("logs/stdout.log"), "0\n");
}

/* Seen from outside it is nobody in particular, also as "root" inside. */
static void it_runs_as_a_user_of_its_own(void **state)
{
    needs_containers(state);
    make_droplet("echo up > logs/up; while true; do sleep 0.05; done");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "%s/workloads/a1/root/logs/up", stage.dir);
    assert_int_equal(stat(path, &info), 0);
    if (geteuid() == 0)
        assert_true(info.st_uid >= 700000);
    char link[64];
    snprintf(link, sizeof link, USERS_FOLDER "/%u", info.st_uid);
    assert_int_equal(access(link, F_OK), geteuid() == 0 ? 0 : -1);
    puppet_do(stage.driver, remove_it);
    run_until(&stage, other_op.done);
    assert_int_equal(access(link, F_OK), -1);
}

static void what_administers_the_machine_is_denied(void **state)
{
    needs_containers(state);
    make_droplet("unshare -U true 2>> logs/said && echo evil >> logs/said; mount -t tmpfs x /tmp 2>> logs/said && "
                 "echo evil >> logs/said; grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status >> logs/said; "
                 "python3 -c 'import threading; t = threading.Thread(target=print, args=[\"thread\"]); t.start(); "
                 "t.join()' >> logs/said; exit 0");
    start_and_wait();
    expect_story("exited a1 0 0\n");
    const char *said = read_path("logs/said");
    assert_null(strstr(said, "evil"));
    assert_non_null(strstr(said, "CapEff:\t0000000000000000"));
    assert_non_null(strstr(said, "NoNewPrivs:\t1"));
    assert_non_null(strstr(said, "Seccomp:\t2"));
    assert_non_null(strstr(said, "thread\n"));
}

static void its_output_is_logged(void **state)
{
    needs_containers(state);
    make_droplet("echo out; echo bad >&2; echo direct > /dev/stdout; for i in 1 2 3; do echo $i; done; exit 3");
    start_and_wait();
    expect_story("exited a1 3 0\n");
    assert_string_equal(read_path("logs/stdout.log"), "out\ndirect\n1\n2\n3\n");
    assert_string_equal(read_path("logs/stderr.log"), "bad\ncupola: ended with exit code 3\n");
}

static void it_survives_us_and_hears_signals(void **state)
{
    needs_containers(state);
    make_droplet("trap 'exit 6' TERM; echo up > logs/up; while true; do sleep 0.05; done");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    stage_restart(&stage);
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done);
    puppet_do(stage.driver, terminate);
    expect_story("found a1 running NOTE\nexited a1 6 0\n");
}

static void too_much_memory_ends_it_with_a_reason(void **state)
{
    needs_containers(state);
    make_droplet("exec python3 -c 'x = bytearray(200 << 20)'");
    limits.memory_bytes = 32 << 20;
    start_and_wait();
    expect_story("exited a1 -1 9 out of memory\n");
    assert_non_null(strstr(read_path("logs/stderr.log"), "cupola: killed: it wanted more than its 32 MB of memory\n"));
}

static void too_much_disk_ends_it_with_a_reason(void **state)
{
    needs_containers(state);
    make_droplet("i=0; while true; do head -c 1000000 /dev/zero > app/file-$i; i=$((i + 1)); sleep 0.01; done");
    start_and_wait();
    run_until(&stage, strstr(text_string(&stage.puppet->workloads), "exited a1") != NULL);
    assert_non_null(strstr(text_string(&stage.puppet->workloads), " out of disk\n"));
    assert_non_null(strstr(read_path("logs/stderr.log"), "cupola: killed: its files outgrew its 16 MB of disk\n"));
}

static void too_many_processes_end_it_with_a_reason(void **state)
{
    needs_containers(state);
    limits.processes = 40;
    make_droplet("bomb() { bomb | bomb & }; bomb 2> /dev/null; while true; do sleep 0.05; done 2> /dev/null");
    start_and_wait();
    run_until(&stage, strstr(text_string(&stage.puppet->workloads), "exited a1") != NULL);
    assert_non_null(strstr(text_string(&stage.puppet->workloads), " out of processes\n"));
    assert_non_null(strstr(read_path("logs/stderr.log"), "cupola: killed: it wanted more than 40 processes\n"));
}

static void measure(struct puppet *puppet)
{
    puppet_op_reset(&other_op);
    op_workload_measure(&puppet->machine, &other_op.op, puppet_note);
}

static void its_use_is_measured(void **state)
{
    needs_containers(state);
    make_droplet("head -c 100000 /dev/zero > app/big; exec python3 -c 'import signal; x = bytearray(30 << 20); "
                 "open(\"logs/up\", \"w\").write(\"up\"); signal.pause()'");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up") == 0);
    puppet_do(stage.driver, measure);
    run_until(&stage, other_op.done);
    Cupola__WorkloadUsages *usages =
        cupola__workload_usages__unpack(NULL, other_op.data.size, (const uint8_t *)text_string(&other_op.data));
    assert_non_null(usages);
    assert_int_equal(usages->n_usages, 1);
    const Cupola__WorkloadUsage *usage = usages->usages[0];
    assert_string_equal(usage->workload, name);
    assert_true(usage->processes >= 1 && usage->processes < 8);
    assert_in_range(usage->memory_bytes, 30 << 20, 90 << 20);
    assert_true(usage->disk_bytes >= 100000);
    assert_true(usage->cpu_ns > 1000000);
    cupola__workload_usages__free_unpacked(usages, NULL);
}

static size_t count_mounts(void)
{
    char line[4096];
    size_t count = 0;
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL)
        count += strstr(line, "cupola") != NULL || strstr(line, "overlay") != NULL;
    if (mounts != NULL)
        fclose(mounts);
    return count;
}

static void it_is_removed_with_all_that_it_has(void **state)
{
    needs_containers(state);
    size_t mounts = count_mounts();
    make_droplet("trap '' TERM; echo up > logs/up; while true; do sleep 0.05; done");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    assert_int_equal(count_mounts(), mounts);
    const char *group = group_of_it();
    assert_true(group[0] == 0 || has_group(group));
    puppet_do(stage.driver, remove_it);
    run_until(&stage, other_op.done);
    assert_int_equal(other_op.status, IO_OK);
    assert_false(is_alive(op.number));
    assert_int_equal(count_mounts(), mounts);
    assert_false(has_group(group));
    assert_string_equal(text_string(&stage.puppet->workloads), "");
}

/* Its supervisor cannot tidy up: removal does. */
static void without_its_supervisor_it_dies_and_leaves_nothing(void **state)
{
    needs_containers(state);
    make_droplet("echo up > logs/up; while true; do sleep 0.05; done");
    start_and_wait();
    run_until(&stage, strcmp(read_path("logs/up"), "up\n") == 0);
    const char *group = group_of_it();
    assert_true(group[0] == 0 || has_group(group));
    run_shell("kill -9 $(cut -d' ' -f2 %s/workloads/a1/pids)", stage.dir);
    expect_story("exited a1 -1 9\n");
    puppet_do(stage.driver, remove_it);
    run_until(&stage, other_op.done);
    run_until(&stage, !is_alive(op.number));
    assert_false(has_group(group));
}

/* ---- Made ahead ---- */

static pid_t first_child_of(pid_t parent)
{
    pid_t descendants[PROCESSES_MOST];
    return process_descendants(parent, descendants) > 0 ? descendants[0] : 0;
}

static ino_t root_of(const char *below)
{
    char path[512];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s/root", stage.dir, below);
    return stat(path, &info) == 0 ? info.st_ino : 0;
}

/* It is the same folder in the same container: nothing was made anew. */
static void one_in_stock_is_used(void **state)
{
    needs_containers(state);
    make_droplet("echo \"$GREETING $PWD $1 $2 $(ulimit -n)\"; ls -A /tmp; sleep 100");
    char place[300];
    snprintf(place, sizeof place, "spare-containers/%s", container_in_stock());
    ino_t root = root_of(place);
    start_and_wait();
    assert_int_not_equal(root, 0);
    assert_int_equal(root_of("workloads/a1"), root);
    assert_int_equal(root_of(place), 0);
    run_until(&stage, strcmp(read_path("logs/stdout.log"), "hello there /home/vcap -p 12345 64\n") == 0);
    puppet_do(stage.driver, remove_it);
    run_until(&stage, other_op.done);
    await_container_in_stock(); /* The next one. */
}

/* Its supervisor goes, too; whoever is started then has one made. */
static void one_that_died_in_stock_is_not_missed(void **state)
{
    needs_containers(state);
    make_droplet("echo up");
    char place[300];
    snprintf(place, sizeof place, "%s/spare-containers/%s", stage.dir, container_in_stock());
    pid_t supervisor;
    run_until(&stage, (supervisor = process_working_in(place)) > 0);
    pid_t guard;
    run_until(&stage, (guard = first_child_of(supervisor)) > 0);
    kill(guard, SIGKILL);
    run_until(&stage, process_working_in(place) == 0);
    start_and_wait();
    expect_story("exited a1 0 0\n");
    assert_string_equal(read_path("logs/stdout.log"), "up\n");
    assert_int_equal(access(place, F_OK), -1);
}

/* What cannot be executed is told to whoever reads the log, and is the app's affair. */
static void a_bad_interpreter_is_told_in_the_log(void **state)
{
    needs_containers(state);
    make_droplet("");
    run_shell("cd %s/droplet && printf '#!/nowhere/bash\\n' > startup && tar --exclude=app/out -czf ../droplet.tgz .",
              stage.dir);
    import_droplet();
    start_and_wait();
    expect_story("exited a1 127 0\n");
    assert_non_null(strstr(read_path("logs/stderr.log"), "cupola: ./startup: No such file or directory\n"));
}

/* Each tries and sweeps away the same groups of the machine. */
static void agents_that_begin_at_once_all_find_control_groups(void **state)
{
    enum { AGENTS = 8, TIMES = 100 };
    needs_containers(state);
    const struct container *container = *state;
    pid_t agents[AGENTS];
    for (int i = 0; i < AGENTS; i++) {
        agents[i] = fork();
        for (int time = 0; agents[i] == 0 && time < TIMES; time++) {
            struct text why_not = {0};
            if (!real_workloads_possible(container->kind, container->oci_runtime, &why_not))
                _exit(1);
        }
        if (agents[i] == 0)
            _exit(0);
    }
    int status, failed = 0;
    for (int i = 0; i < AGENTS; i++)
        failed += waitpid(agents[i], &status, 0) != agents[i] || status != 0;
    assert_int_equal(failed, 0);
}

#define of(container, name)                                                                                            \
    {                                                                                                                  \
#container ": " #name, name, open_stage, close_stage, &(container)                                             \
    }
#define for_all(name) of(bubblewrap, name), of(stocked, name), of(runc, name), of(crun, name)

int main(int argc, char **argv)
{
    be_supervisor_if_asked(argc, argv);
    const struct CMUnitTest tests[] = {
        for_all(it_has_namespaces_and_a_root_of_its_own),
        for_all(the_kernel_knows_its_limits),
        for_all(it_can_be_killed_for_want_of_memory),
        for_all(it_runs_as_a_user_of_its_own),
        for_all(what_administers_the_machine_is_denied),
        for_all(its_output_is_logged),
        for_all(it_survives_us_and_hears_signals),
        for_all(too_much_memory_ends_it_with_a_reason),
        for_all(too_much_disk_ends_it_with_a_reason),
        for_all(too_many_processes_end_it_with_a_reason),
        for_all(its_use_is_measured),
        for_all(it_is_removed_with_all_that_it_has),
        for_all(without_its_supervisor_it_dies_and_leaves_nothing),
        of(runc, agents_that_begin_at_once_all_find_control_groups),
        of(stocked, one_in_stock_is_used),
        of(stocked, one_that_died_in_stock_is_not_missed),
        of(bubblewrap, a_bad_interpreter_is_told_in_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
