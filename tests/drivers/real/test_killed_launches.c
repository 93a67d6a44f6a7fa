/* The agent is killed while it starts a container, at any moment: its next life finds the container or nothing, and
 * when that is removed nothing is left: no process, no mount, no control group, no folder, no user. */
#include "tests/drivers/real/workload_stage.h"

#include "drivers/real/workloads/user.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 8 };

/* The control group of an OCI container has the name of its workload, on the whole machine: others may run this, too.
 */
static void take_own_name(void)
{
    name = strrchr(stage.dir, '-') + 1;
}

/* ---- The agent that is killed: this program in another role ---- */

static void list_first(struct puppet *puppet)
{
    op_workload_list(&puppet->machine, &other_op.op, puppet_note);
}

/* Lists, as an agent does, says so, and starts what has that digest, or waits. */
static int be_agent(char **argv)
{
    memset(&stage, 0, sizeof stage);
    uv_loop_init(&stage.loop);
    snprintf(stage.dir, sizeof stage.dir, "%s", argv[2]);
    cupola__driver_config__init(&stage.config);
    stage.config.workloads = argv[3];
    stage.config.oci_runtime = argv[4];
    snprintf(digest, sizeof digest, "%s", argv[5]);
    take_own_name();
    limits = (struct workload_limits){.descriptors = 64, .disk_bytes = 1 << 24, .memory_bytes = 64 << 20};
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
    puppet_do(stage.driver, list_first);
    while (!other_op.done)
        stage_turn(&stage);
    if (strcmp(digest, "waits") != 0)
        puppet_do(stage.driver, start);
    if (write(STDOUT_FILENO, "!", 1) != 1)
        return 1;
    for (;;)
        stage_turn(&stage);
}

static pid_t start_agent(const char *kind, const char *what)
{
    int said[2];
    assert_int_equal(pipe(said), 0);
    pid_t agent = fork();
    if (agent == 0) {
        dup2(said[1], STDOUT_FILENO);
        execl("/proc/self/exe", "test", "agent", stage.dir, kind, "runc", what, NULL);
        _exit(127);
    }
    close(said[1]);
    char byte;
    assert_int_equal(read(said[0], &byte, 1), 1);
    close(said[0]);
    return agent;
}

static void end_agent(pid_t agent)
{
    kill(agent, SIGKILL);
    waitpid(agent, NULL, 0);
}

static void kill_agent_after(const char *kind, uint64_t pause_us)
{
    pid_t agent = start_agent(kind, digest);
    struct timespec pause = {.tv_nsec = (long)pause_us * 1000};
    ppoll(NULL, 0, &pause, NULL);
    end_agent(agent);
}

/* ---- What is left ---- */

static size_t count_lines(const char *path, const char *word)
{
    char line[4096];
    size_t count = 0;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count += strstr(line, word) != NULL;
    if (file != NULL)
        fclose(file);
    return count;
}

/* The agent of this life has containers in stock, too. */
static bool is_left_over(const char *path)
{
    char ours[160];
    snprintf(ours, sizeof ours, "%s/spare-containers/%d-", stage.dir, (int)getpid());
    return strncmp(path, stage.dir, strlen(stage.dir)) == 0 && strncmp(path, ours, strlen(ours)) != 0;
}

/* Processes that work in the stage's directory: supervisors, and what they look after. */
static size_t count_processes(void)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    size_t count = 0;
    while ((entry = readdir(processes)) != NULL) {
        char path[300], target[300];
        snprintf(path, sizeof path, "/proc/%.20s/cwd", entry->d_name);
        ssize_t size = atoi(entry->d_name) > 0 ? readlink(path, target, sizeof target - 1) : -1;
        target[size > 0 ? size : 0] = 0;
        count += size > 0 && is_left_over(target);
    }
    closedir(processes);
    return count;
}

static size_t count_users(void)
{
    DIR *users = opendir(USERS_FOLDER);
    const struct dirent *entry;
    size_t count = 0;
    while (users != NULL && (entry = readdir(users)) != NULL) {
        char target[300];
        ssize_t size = readlinkat(dirfd(users), entry->d_name, target, sizeof target - 1);
        target[size > 0 ? size : 0] = 0;
        count += size > 0 && is_left_over(target);
    }
    if (users != NULL)
        closedir(users);
    return count;
}

static bool has_folder(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/workloads/%s", stage.dir, name);
    return access(path, F_OK) == 0;
}

static void expect_nothing_left(void)
{
    run_until(&stage, count_processes() == 0);
    assert_false(has_folder());
    assert_int_equal(count_lines("/proc/self/mountinfo", stage.dir), 0);
    assert_int_equal(count_users(), 0);
}

/* ---- The story ---- */

static void live_again(void)
{
    stage_restart(&stage);
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done);
    bool is_found = strstr(text_string(&stage.puppet->workloads), name) != NULL;
    assert_int_equal(is_found, has_folder());
    if (strstr(text_string(&stage.puppet->workloads), " dead") != NULL)
        run_until(&stage, count_processes() == 0); /* What is told to be dead is. */
    const char *group = group_of_it();
    if (is_found) {
        puppet_do(stage.driver, remove_it);
        run_until(&stage, other_op.done);
        assert_int_equal(other_op.status, IO_OK);
    }
    expect_nothing_left();
    assert_false(has_group(group));
}

static bool is_possible_here(const char *kind)
{
    struct text why_not = {0};
    bool is_possible = real_workloads_possible(kind, "runc", &why_not);
    if (!is_possible)
        print_message("%s\n", text_string(&why_not));
    text_free(&why_not);
    return is_possible;
}

static void nothing_is_left_of(const char *kind, uint64_t within_us)
{
    if (!is_possible_here(kind))
        skip();
    use_kind(kind, "runc");
    take_own_name();
    make_droplet("while true; do sleep 0.05; done");
    for (uint64_t round = 0; round < ROUNDS; round++) {
        kill_agent_after(kind, within_us * round / ROUNDS);
        live_again();
    }
}

/* Lists, and has containers in stock; what they wait for will never come. */
static void nothing_is_left_of_containers_in_stock(void **state)
{
    (void)state;
    if (!is_possible_here("bubblewrap"))
        skip();
    pid_t agent = start_agent("bubblewrap", "waits");
    run_until(&stage, container_in_stock()[0] != 0);
    char left[64], folder[200];
    snprintf(left, sizeof left, "%s", container_in_stock());
    snprintf(folder, sizeof folder, "%s/spare-containers/%s", stage.dir, left);
    run_until(&stage, process_working_in(folder) > 0);
    end_agent(agent);
    run_until(&stage, process_working_in(folder) == 0);
    stage_restart(&stage);
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done);
    assert_int_equal(access(folder, F_OK), -1);
    expect_nothing_left();
}

static void nothing_is_left_of_a_process(void **state)
{
    (void)state;
    nothing_is_left_of("process", 20000);
}

static void nothing_is_left_of_bubblewrap(void **state)
{
    (void)state;
    nothing_is_left_of("bubblewrap", 40000);
}

static void nothing_is_left_of_runc(void **state)
{
    (void)state;
    nothing_is_left_of("oci", 120000);
}

int main(int argc, char **argv)
{
    be_supervisor_if_asked(argc, argv);
    if (argc == 6 && strcmp(argv[1], "agent") == 0)
        return be_agent(argv);
    const struct CMUnitTest tests[] = {
        stage_test(nothing_is_left_of_a_process),
        stage_test(nothing_is_left_of_bubblewrap),
        stage_test(nothing_is_left_of_runc),
        stage_test(nothing_is_left_of_containers_in_stock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
