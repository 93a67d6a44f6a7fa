/* WORKLOAD_READ_FILE: a piece of a file below a workload's directory, or a listing as the file viewers of v1 gave it:
 * the name left-justified in 35 columns (folders with a slash), a blank, the size right-justified in 10; sorted, dot
 * files hidden, no newline after the last line; at the top only app/, logs/ and tomcat/.
 *
 * The kernel keeps us inside (openat2, RESOLVE_BENEATH): neither "..", nor links, nor a race lead out.
 */
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct read_job {
    struct job job;
    struct path root;
    char *path;
    uint64_t offset;
    uint32_t size;
};

static void add_size(struct text *line, uint64_t bytes)
{
    static const char units[] = "KMGT";
    char text[24];
    if (bytes < 1024) {
        snprintf(text, sizeof text, "%lluB", (unsigned long long)bytes);
    } else {
        int unit = 0;
        uint64_t tenths = bytes * 10 / 1024;
        for (; tenths >= 10240 && unit < 3; unit++)
            tenths /= 1024;
        snprintf(text, sizeof text, "%llu.%llu%c", (unsigned long long)tenths / 10, (unsigned long long)tenths % 10,
                 units[unit]);
    }
    text_addf(line, "%10s", text);
}

static void list_entry(struct text *listing, int folder, const char *name, bool is_top)
{
    struct stat info;
    if (name[0] == '.' || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    bool is_folder = S_ISDIR(info.st_mode);
    if (is_top &&
        (!is_folder || (strcmp(name, "app") != 0 && strcmp(name, "logs") != 0 && strcmp(name, "tomcat") != 0)))
        return;
    if (listing->size > 0)
        text_add_char(listing, '\n');
    struct path shown = path_of("%s%s", name, is_folder ? "/" : "");
    text_addf(listing, "%-35s ", shown.text);
    if (is_folder)
        text_addf(listing, "%10s", "-");
    else
        add_size(listing, (uint64_t)info.st_size);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void list_folder(struct job *job, int folder, bool is_top)
{
    struct dirent **entries;
    int count = scandirat(folder, ".", &entries, NULL, by_name);
    if (count < 0) {
        job_fail(job, status_of_errno(errno), "%s", strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        list_entry(&job->data, folder, entries[i]->d_name, is_top);
        free(entries[i]);
    }
    free(entries);
    job->number = job->data.size;
}

static void read_piece(struct job *job, int file, uint64_t offset, uint32_t most)
{
    while (most > 0) {
        size_t wanted = most < 65536 ? most : 65536;
        ssize_t got = pread(file, text_room(&job->data, wanted), wanted, (off_t)offset);
        if (got < 0)
            job_fail(job, status_of_errno(errno), "%s", strerror(errno));
        if (got <= 0)
            return;
        text_grow(&job->data, (size_t)got);
        offset += (uint64_t)got;
        most -= (uint32_t)got;
    }
}

static void work(struct job *job)
{
    struct read_job *reading = container_of(job, struct read_job, job);
    const char *path = reading->path + strspn(reading->path, "/");
    struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int root = open(reading->root.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = root < 0 ? -1 : (int)syscall(SYS_openat2, root, path[0] == 0 ? "." : path, &how, sizeof how);
    int error = errno;
    if (root >= 0)
        close(root);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) {
        job_fail(job, status_of_errno(error), "%s: %s", path, strerror(error));
    } else if (S_ISDIR(info.st_mode)) {
        list_folder(job, file, path[strspn(path, "./")] == 0);
    } else if (S_ISREG(info.st_mode)) {
        job->number = (uint64_t)info.st_size;
        read_piece(job, file, reading->offset, reading->size);
    } else {
        job_fail(job, IO_DENIED, "%s: neither a file nor a folder", path);
    }
    if (file >= 0)
        close(file);
}

static void finish(struct job *job)
{
    struct read_job *reading = container_of(job, struct read_job, job);
    job_answer(job);
    memory_free(reading->path);
    memory_free(reading);
}

void workload_read_file(struct real_driver *driver, const struct effect *effect)
{
    struct path folder;
    if (!workload_folder(driver->config->data_dir, effect->workload_read_file.workload, &folder)) {
        driver_done(driver, effect->op, IO_NOT_FOUND, 0, (struct io_bytes){0});
        return;
    }
    struct read_job *reading = memory_new(sizeof *reading);
    reading->root = path_of("%s/root", folder.text);
    reading->path = memory_copy_text(effect->workload_read_file.path);
    reading->offset = effect->workload_read_file.offset;
    reading->size = effect->workload_read_file.size;
    job_start(driver, &reading->job, effect->op, work, finish);
}
