/* WORKLOAD_START: unpack the droplet, note what we are about to do, let the supervisor run it. */
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blobs/archive.h"
#include "drivers/real/blobs/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STARTUP_BYTES_MOST = 1 << 20 };

char **workload_copy_list(const char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    char **copy = memory_new((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = memory_copy_text(list[i]);
    return copy;
}

static void free_list(char **list)
{
    for (size_t i = 0; list[i] != NULL; i++)
        memory_free(list[i]);
    memory_free(list);
}

/* ---- On a thread ---- */

static uint64_t bytes_most(const struct workload_order *order)
{
    return order->limits.disk_bytes != 0 ? order->limits.disk_bytes : UNPACKED_BYTES_MOST;
}

static bool move_entries(const char *from, const char *to)
{
    DIR *entries = opendir(from);
    if (entries == NULL)
        return false;
    const struct dirent *entry;
    bool is_moved = true;
    while (is_moved && (entry = readdir(entries)) != NULL) {
        bool is_link = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        struct path old = path_of("%s/%s", from, entry->d_name), new = path_of("%s/%s", to, entry->d_name);
        is_moved = is_link || rename(old.text, new.text) == 0;
    }
    closedir(entries);
    return is_moved;
}

/* A container sees the folder that it was made with: then only what is in it can be replaced. */
static bool move_spare_root(const struct workload_order *order, const struct path *root)
{
    const char *spare = order->spare_root.text;
    return order->is_contained ? move_entries(spare, root->text) : rename(spare, root->text) == 0;
}

static bool unpack(struct workload_order *order)
{
    const char *data_dir = order->job.driver->config->data_dir;
    struct path droplet, root = path_of("%s/root", order->folder.text);
    if (order->spare_root.text[0] != 0 && move_spare_root(order, &root))
        return true;
    enum io_status status = blob_verify(data_dir, order->digest);
    if (status != IO_OK)
        return job_fail(&order->job, status, "droplet %s: %s", order->digest, io_status_name(status));
    blob_path(data_dir, order->digest, &droplet);
    struct text reason = {0};
    status = files_make_folder(root.text, &reason);
    if (status == IO_OK)
        status = archive_unpack(droplet.text, root.text, bytes_most(order), &reason);
    bool is_unpacked = status == IO_OK || job_fail(&order->job, status, "%s", text_string(&reason));
    text_free(&reason);
    return is_unpacked;
}

/* In place, and not synced: nobody else knows the file yet, and without a power supply nothing will run it. */
static bool rewrite(const char *path, mode_t mode, const struct text *content)
{
    chmod(path, mode | S_IWUSR);
    int file = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
    bool is_written = file >= 0 && files_write_all(file, text_string(content), content->size) == 0;
    int error = errno;
    if (file >= 0)
        fchmod(file, mode);
    if (file >= 0)
        close(file);
    errno = error;
    return is_written;
}

/* Every %VCAP_LOCAL_RUNTIME% in startup becomes the runtime's executable. */
static bool fill_in_runtime(struct workload_order *order)
{
    static const char placeholder[] = "%VCAP_LOCAL_RUNTIME%";
    struct path path = path_of("%s/root/startup", order->folder.text);
    struct stat info;
    if (order->runtime[0] == 0 || lstat(path.text, &info) != 0 || !S_ISREG(info.st_mode))
        return true;
    struct text content = {0}, filled = {0}, reason = {0};
    enum io_status status = files_read(path.text, STARTUP_BYTES_MOST, &content, &reason);
    const char *rest = text_string(&content), *found;
    while ((found = strstr(rest, placeholder)) != NULL) {
        text_add(&filled, rest, (size_t)(found - rest));
        text_add_string(&filled, order->runtime);
        rest = found + sizeof placeholder - 1;
    }
    text_add_string(&filled, rest);
    bool is_filled = status == IO_OK || job_fail(&order->job, status, "%s", text_string(&reason));
    if (is_filled && !rewrite(path.text, info.st_mode & 0777, &filled))
        is_filled = job_fail(&order->job, status_of_errno(errno), "write %s: %s", path.text, strerror(errno));
    text_free(&content);
    text_free(&filled);
    text_free(&reason);
    return is_filled;
}

/* HOME is the workload's directory, which only a driver can know. */
static void add_home(struct workload_order *order)
{
    size_t count = 0;
    for (; order->envp[count] != NULL; count++) {
        if (strncmp(order->envp[count], "HOME=", 5) == 0)
            return;
    }
    struct path root = path_of("%s/root", order->folder.text);
    struct path line = path_of("HOME=%s", order->kind->home != NULL ? order->kind->home : root.text);
    order->envp = memory_grow(order->envp, (count + 1) * sizeof *order->envp, (count + 2) * sizeof *order->envp);
    order->envp[count] = memory_copy_text(line.text);
}

/* A user of its own, and all that was unpacked belongs to it. Outside of a container one that cannot walk to its files
 * is of no use. */
static bool give_to_user(struct workload_order *order)
{
    const Cupola__DriverConfig *config = order->job.driver->config;
    struct user_range range = {config->first_user, config->user_count};
    struct path root = path_of("%s/root", order->folder.text);
    if (!order->is_contained && (order->kind->home != NULL || user_can_reach(order->folder.text)))
        order->uid = user_take(USERS_FOLDER, &range, order->folder.text);
    return order->uid == 0 || user_own_tree(root.text, order->uid) ||
           job_fail(&order->job, status_of_errno(errno), "files for user %u: %s", order->uid, strerror(errno));
}

static bool make_folder(struct workload_order *order)
{
    struct path parent = path_of("%s/workloads", order->job.driver->config->data_dir);
    files_make_folder(parent.text, NULL);
    if (mkdir(order->folder.text, 0755) != 0)
        return job_fail(&order->job, status_of_errno(errno), "workload %s: %s", order->name, strerror(errno));
    return true;
}

static bool write_record(struct workload_order *order)
{
    struct text reason = {0};
    struct io_bytes note = {slice_data(order->note), order->note.size};
    enum io_status status = workload_write_record(&order->folder, order->kind->name, note, &reason);
    bool is_written = status == IO_OK || job_fail(&order->job, status, "%s", text_string(&reason));
    text_free(&reason);
    return is_written;
}

static void run(struct workload_order *order)
{
    struct job *job = &order->job;
    if (!make_folder(order))
        return; /* Whatever is there is not ours to delete. */
    if (order->kind == NULL)
        order->kind = workload_kind_chosen(job->driver->config);
    add_home(order);
    order->is_contained = spare_container_use(order);
    if (unpack(order) && fill_in_runtime(order) && give_to_user(order) && order->kind->prepare(order) &&
        write_record(order) && supervisor_spawn(order)) {
        job->number = (uint64_t)order->pids.main.pid;
        return;
    }
    workload_destroy(&order->folder, order->name, job->driver->config->oci_runtime, NULL);
}

static void work(struct job *job)
{
    struct workload_order *order = container_of(job, struct workload_order, job);
    run(order);
    /* What is left of them: only now, since it takes longer than what was before. */
    if (order->spare_root.text[0] != 0)
        files_remove_tree(order->spare_root.text, NULL);
    spare_drop(&order->spare);
}

/* ---- On the loop ---- */

void workload_order_free(struct workload_order *order)
{
    spare_drop(&order->spare);
    memory_free(order->digest);
    memory_free(order->runtime);
    free_list(order->argv);
    free_list(order->envp);
    buffer_unref(order->note.buffer);
    memory_free(order);
}

/* Once is enough. */
static void warn(const struct workload_order *order)
{
    struct real_driver *driver = order->job.driver;
    if (!order->runs_as_us || driver->warned_of_user)
        return;
    driver->warned_of_user = true;
    driver_log(driver, LOG_WARNING, "apps run as root: %s",
               driver->config->first_user == 0 ? "driver.first_user gives them no users of their own"
                                               : "other users cannot reach driver.data_dir, or all users are taken");
}

static void finish(struct job *job)
{
    struct workload_order *order = container_of(job, struct workload_order, job);
    struct real_driver *driver = job->driver;
    struct workload *workload = workload_find(driver, order->name);
    bool is_running = job->status == IO_OK;
    if (!is_running)
        driver_log(driver, LOG_WARNING, "workload %s: %s", order->name, text_string(&job->data));
    if (workload != NULL) { /* NULL: the driver has been destroyed meanwhile. */
        assert_that(workload->state == WORKLOAD_STARTING);
        workload->pids = order->pids;
        workload->kind = driver->workload_kind = order->kind;
        workload->state = WORKLOAD_DEAD;
    }
    if (is_running && workload != NULL)
        spare_roots_want(driver, order->digest, bytes_most(order));
    warn(order);
    job_answer(job);
    if (workload != NULL)
        spares_fill(driver, order->runtime);
    workload_order_free(order);
    if (workload == NULL)
        return;
    driver_pump(driver); /* DONE before EXITED. */
    if (workload->remove_asked)
        workload_remove(driver, workload->remove_op, workload->name);
    else if (!is_running)
        workload_drop(workload);
    else if (workload->state == WORKLOAD_DEAD)
        workload_watch_or_tell(workload);
}

void workload_start(struct real_driver *driver, const struct effect *effect)
{
    const char *name = effect->workload_start.workload;
    const char *kind = driver->config->workloads;
    bool is_kind = strcmp(kind, REAL_WORKLOADS_AUTO) == 0 || workload_kind_of(kind) != NULL;
    struct path folder;
    if (!workload_folder(driver->config->data_dir, name, &folder) || !is_kind) {
        driver_done_text(driver, effect->op, IO_INVALID, is_kind ? "bad name" : "unknown kind of workloads");
        return;
    }
    if (workload_find(driver, name) != NULL) {
        driver_done_text(driver, effect->op, IO_IN_USE, "a workload of that name exists");
        return;
    }
    struct workload *workload = workload_add(driver, name, &folder);
    workload->state = WORKLOAD_STARTING;
    struct workload_order *order = memory_new(sizeof *order);
    memcpy(order->name, workload->name, sizeof order->name);
    order->folder = folder;
    order->digest = memory_copy_text(effect->workload_start.digest);
    order->runtime = memory_copy_text(effect->workload_start.runtime);
    order->argv = workload_copy_list(effect->workload_start.argv);
    order->envp = workload_copy_list(effect->workload_start.envp);
    order->limits = effect->workload_start.limits;
    order->note = slice_copy(effect->workload_start.note.data, effect->workload_start.note.size);
    order->kind = driver->workload_kind != NULL ? driver->workload_kind : workload_kind_of(kind);
    order->spare = spares_take(driver);
    spare_roots_take(driver, order->digest, bytes_most(order), &order->spare_root);
    job_start(driver, &order->job, effect->op, work, finish);
}
