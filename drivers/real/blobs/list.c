/* The digests of all blobs, found on a thread: 256 folders. */
#include "core/base/memory.h"
#include "drivers/real/blobs/blobs.h"
#include "drivers/real/job.h"

#include <dirent.h>
#include <string.h>

struct list_job {
    struct job job;
    struct path data_dir;
};

static bool is_digest(const char *name)
{
    return strspn(name, "0123456789abcdef") == DIGEST_SIZE - 1 && name[DIGEST_SIZE - 1] == '\0';
}

static void list_folder(struct job *job, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (is_digest(entry->d_name))
            text_addf(&job->data, "%s\n", entry->d_name);
    closedir(folder);
}

static void work(struct job *job)
{
    const struct list_job *list = container_of(job, struct list_job, job);
    for (unsigned first = 0; first < 256; first++) {
        struct path path = path_of("%s/blobs/%02x", list->data_dir.text, first);
        list_folder(job, path.text);
    }
}

static void finish(struct job *job)
{
    job_answer(job);
    memory_free(container_of(job, struct list_job, job));
}

void blob_list(struct real_driver *driver, struct io_op op)
{
    struct list_job *list = memory_new(sizeof *list);
    list->data_dir = path_of("%s", driver->config->data_dir);
    job_start(driver, &list->job, op, work, finish);
}
