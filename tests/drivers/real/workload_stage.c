#include "tests/drivers/real/workload_stage.h"

#include "core/base/memory.h"
#include "drivers/real/workloads/workload.h"

#include <dirent.h>
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

struct stage stage;
struct puppet_op op, other_op;
char digest[41];
const char *name;
struct workload_limits limits;

int open_stage(void **state)
{
    (void)state;
    stage_open(&stage);
    name = "a1";
    limits = (struct workload_limits){.descriptors = 64, .disk_bytes = 1 << 24};
    return 0;
}

void use_kind(const char *kind, const char *oci_runtime)
{
    real_driver_destroy(stage.driver);
    stage.config.workloads = (char *)(uintptr_t)kind;
    stage.config.oci_runtime = (char *)(uintptr_t)oci_runtime;
    stage.driver = stage_add(&stage, stage.dir, &stage.puppet);
}

int close_stage(void **state)
{
    (void)state;
    stage_close(&stage);
    puppet_op_reset(&op);
    puppet_op_reset(&other_op);
    return 0;
}

void make_droplet(const char *script)
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
    import_droplet();
}

void import_droplet(void)
{
    char packed[128];
    snprintf(packed, sizeof packed, "%s/droplet.tgz", stage.dir);
    uint64_t size;
    struct text error = {0};
    assert_int_equal(real_blob_import(stage.dir, packed, digest, &size, &error), IO_OK);
}

void start(struct puppet *puppet)
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

void start_and_wait(void)
{
    puppet_do(stage.driver, start);
    run_until(&stage, op.done);
    if (op.status != IO_OK)
        print_message("%s\n", text_string(&op.data));
    assert_int_equal(op.status, IO_OK);
}

void list(struct puppet *puppet)
{
    puppet_op_reset(&other_op);
    op_workload_list(&puppet->machine, &other_op.op, puppet_note);
}

void terminate(struct puppet *puppet)
{
    workload_signal(&puppet->machine, name, SIGTERM);
}

void remove_it(struct puppet *puppet)
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

const char *read_path(const char *path)
{
    path_to_read = path;
    puppet_do(stage.driver, read_file);
    run_until(&stage, other_op.done);
    return text_string(&other_op.data);
}

void expect_story(const char *story)
{
    run_until(&stage, strlen(text_string(&stage.puppet->workloads)) >= strlen(story));
    assert_string_equal(text_string(&stage.puppet->workloads), story);
}

bool has_group(const char *group)
{
    char v1[160], v2[160];
    snprintf(v1, sizeof v1, "/sys/fs/cgroup/memory/cupola/%s", group);
    snprintf(v2, sizeof v2, "/sys/fs/cgroup/cupola/%s", group);
    return group[0] != 0 && (access(v1, F_OK) == 0 || access(v2, F_OK) == 0);
}

const char *group_of_it(void)
{
    static char group[80];
    char path[128];
    snprintf(path, sizeof path, "%s/workloads/%s/pids", stage.dir, name);
    group[0] = 0;
    FILE *pids = fopen(path, "r");
    if (pids == NULL)
        return group;
    if (fscanf(pids, "%*s %*s %*s %*s %*s %79s", group) != 1)
        group[0] = 0; /* It has none. */
    fclose(pids);
    return group;
}

const char *container_in_stock(void)
{
    static char found[64];
    char path[128];
    snprintf(path, sizeof path, "%s/spare-containers", stage.dir);
    found[0] = 0;
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.')
            snprintf(found, sizeof found, "%.60s", entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

void await_container_in_stock(void)
{
    puppet_do(stage.driver, list);
    run_until(&stage, other_op.done && spares_have_container(stage.driver));
}

pid_t process_working_in(const char *folder)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;
    while ((entry = readdir(processes)) != NULL) {
        char path[300], target[300];
        snprintf(path, sizeof path, "/proc/%.20s/cwd", entry->d_name);
        ssize_t size = atoi(entry->d_name) > 0 ? readlink(path, target, sizeof target - 1) : -1;
        target[size > 0 ? size : 0] = 0;
        if (size > 0 && strcmp(target, folder) == 0)
            found = (pid_t)atoi(entry->d_name);
    }
    closedir(processes);
    return found;
}

bool is_alive(uint64_t pid)
{
    return kill((pid_t)pid, 0) == 0;
}
