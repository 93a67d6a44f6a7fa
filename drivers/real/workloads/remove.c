/* WORKLOAD_REMOVE: all its processes die, then its files go. */
#include "drivers/real/workloads/workload.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What is killed stays in its group until the kernel has come to end it, which on a busy machine takes long. */
enum { DEATH_MS = 200, DEATHS_MOST = 25, DYING_MS = 5, DYINGS_MOST = 1000 };

/* The supervisor ends by itself when all that it looks after is dead. New processes may appear while we kill, hence the
 * rounds. */
static bool kill_all(const struct workload_pids *pids)
{
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    int pidfd = process_open(pids->supervisor);
    for (int i = 0; pidfd >= 0 && i < DEATHS_MOST; i++) {
        if (pids->group[0] != 0)
            cgroup_kill(&tree, pids->group, pids->supervisor.pid);
        process_signal_descendants(pids->supervisor.pid, SIGKILL);
        struct pollfd ended = {.fd = pidfd, .events = POLLIN};
        if (poll(&ended, 1, DEATH_MS) > 0) {
            close(pidfd);
            return true;
        }
    }
    if (pidfd >= 0) {
        kill(pids->supervisor.pid, SIGKILL);
        close(pidfd);
        return false;
    }
    process_kill_group(pids->main);
    return true;
}

/* What its supervisor would have done, had it not been killed. */
static void remove_group(const char *group)
{
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    for (int i = 0; group[0] != 0 && !cgroup_remove(&tree, group) && i < DYINGS_MOST; i++) {
        struct timespec pause = {.tv_nsec = DYING_MS * 1000000L};
        cgroup_kill(&tree, group, 0);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

/* Its files belong to its user. */
static void give_back_user(const struct path *folder)
{
    struct path root = path_of("%s/root", folder->text);
    struct stat info;
    if (lstat(root.text, &info) == 0 && info.st_uid != 0)
        user_give_back(USERS_FOLDER, info.st_uid, folder->text);
    else
        user_give_back_all(USERS_FOLDER, folder->text);
}

enum io_status workload_destroy(const struct path *folder, const char *name, const char *oci_runtime,
                                struct text *ret_reason)
{
    struct stat info;
    if (lstat(folder->text, &info) != 0)
        return IO_NOT_FOUND;
    struct workload_pids pids;
    if (workload_read_pids(folder, &pids)) {
        kill_all(&pids);
        remove_group(pids.group);
    }
    give_back_user(folder);
    char kind_name[16];
    struct text note = {0};
    const struct workload_kind *kind = NULL;
    if (workload_read_record(folder, kind_name, &note) == IO_OK)
        kind = workload_kind_of(kind_name);
    text_free(&note);
    /* Without a record the start was cut off early; cleaning up what was never made does no harm. */
    if (kind != NULL)
        kind->clean_up(folder, name, oci_runtime);
    else
        workload_kind_oci.clean_up(folder, name, oci_runtime);
    return files_remove_tree(folder->text, ret_reason);
}

/* ---- The effect ---- */

struct remove_job {
    struct job job;
    char name[WORKLOAD_NAME_SIZE];
    struct path folder;
};

static void work(struct job *job)
{
    struct remove_job *removal = container_of(job, struct remove_job, job);
    job->status = workload_destroy(&removal->folder, removal->name, job->driver->config->oci_runtime, &job->data);
}

static void finish(struct job *job)
{
    struct remove_job *removal = container_of(job, struct remove_job, job);
    struct workload *workload = workload_find(job->driver, removal->name);
    if (workload != NULL)
        workload_drop(workload);
    job_answer(job);
    memory_free(removal);
}

void workload_remove(struct real_driver *driver, struct io_op op, const char *name)
{
    struct path folder;
    if (!workload_folder(driver->config->data_dir, name, &folder)) {
        driver_done(driver, op, IO_NOT_FOUND, 0, (struct io_bytes){0});
        return;
    }
    struct workload *workload = workload_find(driver, name);
    if (workload != NULL && workload->state == WORKLOAD_STARTING && !workload->remove_asked) {
        workload->remove_asked = true; /* As soon as its start has ended. */
        workload->remove_op = op;
        return;
    }
    if (workload != NULL && (workload->state == WORKLOAD_REMOVING || workload->state == WORKLOAD_STARTING)) {
        driver_done(driver, op, IO_OK, 0, (struct io_bytes){0}); /* It is on its way out. */
        return;
    }
    if (workload != NULL) {
        workload_unwatch(workload); /* No EXITED after this. */
        workload->state = WORKLOAD_REMOVING;
    }
    struct remove_job *removal = memory_new(sizeof *removal);
    snprintf(removal->name, sizeof removal->name, "%s", name);
    removal->folder = folder;
    job_start(driver, &removal->job, op, work, finish);
}

/* ---- A whole cloud goes down ---- */

static int is_workload(const struct dirent *entry)
{
    struct path folder;
    return workload_folder("", entry->d_name, &folder);
}

size_t real_remove_workloads(const char *data_dir, const char *oci_runtime)
{
    struct path parent = path_of("%s/workloads", data_dir);
    struct dirent **entries;
    int count = scandir(parent.text, &entries, is_workload, alphasort);
    for (int i = 0; i < count; i++) {
        struct path folder;
        workload_folder(data_dir, entries[i]->d_name, &folder);
        workload_destroy(&folder, entries[i]->d_name, oci_runtime, NULL);
        free(entries[i]);
    }
    spare_containers_sweep(data_dir);
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    cgroup_sweep(&tree);
    if (count >= 0)
        free(entries);
    return count > 0 ? (size_t)count : 0;
}
