/* Parts of workloads that need no machine of a certain kind: cgroups in a tree of our own making, and users. */
#include "drivers/real/files.h"
#include "drivers/real/workloads/cgroup.h"
#include "drivers/real/workloads/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/cupola-parts-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    assert_int_equal(files_remove_tree(folder, NULL), IO_OK);
    return 0;
}

/* A file of the kernel's, as it were. */
static void put(const char *name, const char *content)
{
    struct path path = path_of("%s/%s", folder, name);
    FILE *file = fopen(path.text, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static const char *get(const char *name)
{
    static char content[256];
    struct path path = path_of("%s/%s", folder, name);
    FILE *file = fopen(path.text, "r");
    assert_non_null(file);
    size_t size = fread(content, 1, sizeof content - 1, file);
    content[size] = 0;
    fclose(file);
    return content;
}

static void make(const char *name)
{
    struct path path = path_of("%s/%s", folder, name);
    assert_int_equal(files_make_folder(path.text, NULL), IO_OK);
}

static const struct workload_limits limits = {.memory_bytes = 512 << 20, .processes = 100};

/* A group to which all controllers were handed down. */
static void make_v2_group(const char *name)
{
    static const char *const files[] = {"memory.max", "memory.swap.max", "memory.oom.group",
                                        "pids.max",   "cpu.weight",      "cpu.max"};
    make(path_of("cupola/%s", name).text);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        put(path_of("cupola/%s/%s", name, files[i]).text, "");
}

static void v2_is_one_tree_without_swap(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpu memory pids\n");
    struct cgroup_tree tree = cgroup_tree_at(folder);
    assert_int_equal(tree.version, 2);
    make_v2_group("w1");
    assert_true(cgroup_make(&tree, "w1"));
    cgroup_limit(&tree, "w1", &limits);
    cgroup_limit_cpu(&tree, "w1", limits.memory_bytes, 150);
    assert_string_equal(get("cupola/w1/memory.max"), "536870912");
    assert_string_equal(get("cupola/w1/memory.swap.max"), "0");
    assert_string_equal(get("cupola/w1/memory.oom.group"), ""); /* The supervisor may be in it. */
    cgroup_die_together(&tree, "w1");
    assert_string_equal(get("cupola/w1/memory.oom.group"), "1");
    assert_string_equal(get("cupola/w1/pids.max"), "100");
    assert_string_equal(get("cupola/w1/cpu.weight"), "50");
    assert_string_equal(get("cupola/w1/cpu.max"), "150000 100000");
}

/* So it is below a group that has processes of its own, as in many a container. */
static void without_controllers_there_is_no_group(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpu memory pids\n");
    struct cgroup_tree tree = cgroup_tree_at(folder);
    assert_false(cgroup_make(&tree, "w1"));
    assert_int_equal(access(path_of("%s/cupola/w1", folder).text, F_OK), -1);
    assert_false(cgroup_is_possible(&tree));
    assert_int_equal(access(path_of("%s/cupola", folder).text, F_OK), -1);
}

/* It was killed before it could. */
static void controllers_are_handed_down_also_where_the_maker_of_the_parent_has_not(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpu memory pids\n");
    put("cgroup.subtree_control", "");
    make("cupola");
    put("cupola/cgroup.subtree_control", "");
    put("cupola/cpu.weight", "");
    struct cgroup_tree tree = cgroup_tree_at(folder);
    cgroup_make(&tree, "w1");
    assert_string_equal(get("cgroup.subtree_control"), "+cpusry"); /* +memory, +pids, +cpu: each over the last. */
    assert_string_equal(get("cupola/cgroup.subtree_control"), "+cpusry");
    assert_true(strtoul(get("cupola/cpu.weight"), NULL, 10) >= 100);
    assert_true(strtoul(get("cupola/cpu.weight"), NULL, 10) <= 10000);
}

static void who_dies_with_the_machine_has_broken_no_limit(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpu memory pids\n");
    make("cupola/w1");
    struct cgroup_tree tree = cgroup_tree_at(folder);
    put("cupola/w1/memory.events", "low 0\nhigh 0\nmax 7\noom 0\noom_kill 3\noom_group_kill 1\n");
    assert_int_equal(cgroup_breaches(&tree, "w1").memory, 0);
    put("cupola/w1/memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 3\noom_group_kill 1\n");
    assert_int_equal(cgroup_breaches(&tree, "w1").memory, 3);
}

static void v2_is_measured(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpu memory pids\n");
    make("cupola/w1");
    put("cupola/w1/memory.stat", "anon 1000\nfile 5000000\nshmem 24\nanon_thp 7\n");
    put("cupola/w1/cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
    put("cupola/w1/pids.current", "3\n");
    put("cupola/w1/memory.events", "low 0\noom 2\noom_kill 1\n");
    put("cupola/w1/pids.events", "max 4\n");
    struct cgroup_tree tree = cgroup_tree_at(folder);
    struct cgroup_usage usage;
    assert_true(cgroup_measure(&tree, "w1", &usage));
    assert_int_equal(usage.memory_bytes, 1024);
    assert_int_equal(usage.cpu_ns, 1500000);
    assert_int_equal(usage.processes, 3);
    assert_int_equal(cgroup_breaches(&tree, "w1").memory, 1);
    assert_int_equal(cgroup_breaches(&tree, "w1").processes, 4);
    assert_false(cgroup_measure(&tree, "w2", &usage));
}

static void v1_has_a_tree_for_each_controller(void **state)
{
    (void)state;
    static const char *const hierarchies[] = {"memory", "pids", "cpu", "cpuacct"};
    for (size_t i = 0; i < 4; i++)
        make(hierarchies[i]);
    put("memory/cgroup.procs", "");
    struct cgroup_tree tree = cgroup_tree_at(folder);
    assert_int_equal(tree.version, 1);
    assert_true(cgroup_make(&tree, "w1"));
    put("memory/cupola/w1/memory.limit_in_bytes", "");
    put("pids/cupola/w1/pids.max", "");
    put("cpu/cupola/w1/cpu.shares", "");
    put("cpu/cupola/w1/cpu.cfs_quota_us", "");
    cgroup_limit(&tree, "w1", &limits);
    cgroup_limit_cpu(&tree, "w1", limits.memory_bytes, 50);
    assert_string_equal(get("memory/cupola/w1/memory.limit_in_bytes"), "536870912");
    assert_string_equal(get("pids/cupola/w1/pids.max"), "100");
    assert_string_equal(get("cpu/cupola/w1/cpu.shares"), "512");
    assert_string_equal(get("cpu/cupola/w1/cpu.cfs_quota_us"), "50000");
    put("memory/cupola/w1/memory.stat", "rss 1\ntotal_rss 4096\ntotal_shmem 4\n");
    put("memory/cupola/w1/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    put("cpuacct/cupola/w1/cpuacct.usage", "77\n");
    put("pids/cupola/w1/pids.current", "2\n");
    struct cgroup_usage usage;
    assert_true(cgroup_measure(&tree, "w1", &usage));
    assert_int_equal(usage.memory_bytes, 4100);
    assert_int_equal(usage.cpu_ns, 77);
    assert_int_equal(usage.processes, 2);
    assert_int_equal(cgroup_breaches(&tree, "w1").memory, 2);
}

static void empty_groups_are_swept_and_used_ones_stay(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpu memory pids\n");
    struct cgroup_tree tree = cgroup_tree_at(folder);
    make("cupola/w1");
    make("cupola/w2");
    put("cupola/w2/in-use", "");
    cgroup_sweep(&tree);
    assert_int_equal(access(path_of("%s/cupola/w1", folder).text, F_OK), -1);
    assert_int_equal(access(path_of("%s/cupola/w2", folder).text, F_OK), 0);
    assert_false(cgroup_remove(&tree, "w2"));
    assert_true(cgroup_remove(&tree, "w1"));
}

static void without_cgroups_nothing_is_limited(void **state)
{
    (void)state;
    struct cgroup_tree tree = cgroup_tree_at(folder);
    struct cgroup_usage usage;
    assert_int_equal(tree.version, 0);
    assert_false(cgroup_make(&tree, "w1"));
    assert_false(cgroup_measure(&tree, "w1", &usage));
    assert_int_equal(cgroup_breaches(&tree, "w1").memory, 0);
}

static void each_workload_has_a_user_of_its_own(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct user_range range = {800000, 3};
    struct path users = path_of("%s/users", folder), workloads[4];
    uint32_t uids[4];
    for (int i = 0; i < 4; i++) {
        make(path_of("w%d", i).text);
        workloads[i] = path_of("%s/w%d", folder, i);
        uids[i] = user_take(users.text, &range, workloads[i].text);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(uids[i], uids[k]);
    }
    assert_int_equal(uids[3], 0); /* There are three only. */
    assert_in_range(uids[0], 800000, 800002);
    user_give_back(users.text, uids[1], workloads[0].text); /* Not its own. */
    assert_int_equal(user_take(users.text, &range, workloads[3].text), 0);
    user_give_back(users.text, uids[1], workloads[1].text);
    assert_int_equal(user_take(users.text, &range, workloads[3].text), uids[1]);
    assert_int_equal(rmdir(workloads[0].text), 0); /* Removed by somebody who forgot its user. */
    assert_int_equal(user_take(users.text, &range, workloads[1].text), uids[0]);
}

static void a_folder_is_reached_only_through_open_ones(void **state)
{
    (void)state;
    make("outer/inner");
    struct path inner = path_of("%s/outer/inner", folder);
    assert_false(user_can_reach(inner.text)); /* mkdtemp's folders are private. */
    assert_int_equal(chmod(folder, 0711), 0);
    assert_true(user_can_reach(inner.text));
}

#define part_test(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        part_test(v2_is_one_tree_without_swap),
        part_test(without_controllers_there_is_no_group),
        part_test(controllers_are_handed_down_also_where_the_maker_of_the_parent_has_not),
        part_test(who_dies_with_the_machine_has_broken_no_limit),
        part_test(v2_is_measured),
        part_test(v1_has_a_tree_for_each_controller),
        part_test(empty_groups_are_swept_and_used_ones_stay),
        part_test(without_cgroups_nothing_is_limited),
        part_test(each_workload_has_a_user_of_its_own),
        part_test(a_folder_is_reached_only_through_open_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
