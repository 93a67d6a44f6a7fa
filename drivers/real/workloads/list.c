/* WORKLOAD_LIST: who has survived the end of our last life. */
#include "drivers/real/workloads/workload.h"

#include "core/base/duration.h"
#include "core/base/memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A supervisor that was being ordered when we died has read the order within this, and mostly launched; one that has
 * not is known by then, and its workload runs as soon as it has. */
enum { PIDS_PAUSE_MS = 50, PIDS_PAUSES_MOST = 10 };

struct found {
    char name[WORKLOAD_NAME_SIZE];
    struct path folder;
    struct text note;
    struct workload_pids pids;
    char kind[16];
    struct found *next;
};

struct list_job {
    struct job job;
    bool is_first; /* Of this life. */
    struct found *first, **last;
};

static void wait_for_pids(struct found *found)
{
    for (int i = 0; i < PIDS_PAUSES_MOST; i++) {
        bool is_read = workload_read_pids(&found->folder, &found->pids);
        if (is_read && (found->pids.main.pid != 0 || !process_is_alive(found->pids.supervisor)))
            return;
        struct timespec pause = {.tv_nsec = PIDS_PAUSE_MS * 1000000L};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

/* Made before this driver was: a start in our last life that was never completed, not one that is under way now. */
static bool is_left_over(const struct real_driver *driver, const struct path *folder)
{
    struct stat info;
    if (stat(folder->text, &info) != 0)
        return false;
    return (int64_t)info.st_mtim.tv_sec * (int64_t)NS_PER_S + info.st_mtim.tv_nsec < driver->started_wall_ns;
}

/* One without a record was never told to run: it goes. */
static void look_at(struct list_job *list, const char *name)
{
    struct real_driver *driver = list->job.driver;
    struct found *found = memory_new(sizeof *found);
    snprintf(found->name, sizeof found->name, "%.*s", WORKLOAD_NAME_SIZE - 1, name);
    workload_folder(driver->config->data_dir, name, &found->folder);
    if (workload_read_record(&found->folder, found->kind, &found->note) != IO_OK) {
        if (is_left_over(driver, &found->folder))
            workload_destroy(&found->folder, name, driver->config->oci_runtime, NULL);
        text_free(&found->note);
        memory_free(found);
        return;
    }
    wait_for_pids(found);
    *list->last = found;
    list->last = &found->next;
}

static int is_workload(const struct dirent *entry)
{
    struct path folder;
    return workload_folder("", entry->d_name, &folder);
}

static void work(struct job *job)
{
    struct list_job *list = container_of(job, struct list_job, job);
    struct path folder = path_of("%s/workloads", job->driver->config->data_dir);
    struct dirent **entries;
    int count = scandir(folder.text, &entries, is_workload, alphasort);
    struct cgroup_tree tree = cgroup_tree_at(CGROUP_ROOT);
    cgroup_sweep(&tree);
    if (list->is_first) {
        files_remove_tree(spare_roots_folder(job->driver->config->data_dir).text, NULL);
        spare_containers_sweep(job->driver->config->data_dir);
    }
    if (count < 0)
        return; /* There never was one. */
    for (int i = 0; i < count; i++) {
        look_at(list, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* ---- On the loop ---- */

static void tell_found(struct real_driver *driver, const struct found *found)
{
    struct workload *workload = workload_find(driver, found->name);
    if (workload == NULL) {
        workload = workload_add(driver, found->name, &found->folder);
        workload->pids = found->pids;
        workload->kind = workload_kind_of(found->kind);
        workload_watch(workload);
    }
    if (workload->state != WORKLOAD_RUNNING && workload->state != WORKLOAD_DEAD)
        return; /* Being started or removed right now. */
    struct event event = {.kind = EVENT_WORKLOAD_FOUND};
    event.workload_found.workload = found->name;
    event.workload_found.running = workload->state == WORKLOAD_RUNNING;
    event.workload_found.note = (struct io_bytes){(const uint8_t *)text_string(&found->note), found->note.size};
    driver_deliver(driver, &event);
}

static void finish(struct job *job)
{
    struct list_job *list = container_of(job, struct list_job, job);
    while (list->first != NULL) {
        struct found *found = list->first;
        list->first = found->next;
        if (!job->driver->exited)
            tell_found(job->driver, found);
        text_free(&found->note);
        memory_free(found);
    }
    if (!job->driver->exited)
        spares_fill(job->driver, NULL);
    job_answer(job);
    memory_free(list);
}

void workload_list(struct real_driver *driver, struct io_op op)
{
    struct list_job *list = memory_new(sizeof *list);
    list->last = &list->first;
    list->is_first = driver->spare_roots == NULL && driver->spares == NULL;
    job_start(driver, &list->job, op, work, finish);
}
