/* Roots in stock: droplets that were started lately, unpacked once more as soon as nothing starts any more. The next
 * instance of such a one (after a crash, say) does not wait until its droplet is read, checked and inflated: that is
 * the larger part of a start.
 *
 * What nobody took goes with its blob, or for a newer one, or in our next life. */
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"
#include "drivers/real/blobs/archive.h"
#include "drivers/real/blobs/blobs.h"

#include <stdio.h>
#include <string.h>

enum { SPARE_ROOTS_MOST = 64, QUIET_MS = 250 };

enum spare_state {
    SPARE_WANTED = 1, /* There is none, or it was taken. */
    SPARE_MAKING,
    SPARE_READY,
    SPARE_REFUSED, /* It cannot be unpacked, or is too large. */
};

struct spare_root {
    char digest[DIGEST_SIZE];
    enum spare_state state;
    uint64_t bytes_most; /* It is not larger. */
    struct path folder;
};

struct spare_roots {
    uv_timer_t quiet; /* Since the last start. */
    struct real_driver *driver;
    struct spare_root roots[SPARE_ROOTS_MOST]; /* The one that was started last is the last. */
    size_t count;
    unsigned made;
    bool is_making;
};

struct path spare_roots_folder(const char *data_dir)
{
    return path_of("%s/spare-roots", data_dir);
}

/* ---- Removing ---- */

struct removal {
    struct job job;
    struct path folder;
};

static void remove_folder(struct job *job)
{
    files_remove_tree(container_of(job, struct removal, job)->folder.text, NULL);
}

static void free_removal(struct job *job)
{
    memory_free(container_of(job, struct removal, job));
}

static void start_removal(struct real_driver *driver, const struct path *folder)
{
    struct removal *removal = memory_new(sizeof *removal);
    removal->folder = *folder;
    job_start(driver, &removal->job, (struct io_op){0}, remove_folder, free_removal);
}

static void drop(struct spare_roots *spares, size_t index)
{
    if (spares->roots[index].state == SPARE_READY)
        start_removal(spares->driver, &spares->roots[index].folder);
    spares->count--;
    memmove(&spares->roots[index], &spares->roots[index + 1], (spares->count - index) * sizeof spares->roots[0]);
}

/* ---- Making ---- */

struct making {
    struct job job;
    struct spare_root root;
};

static void unpack(struct job *job)
{
    struct making *making = container_of(job, struct making, job);
    const char *data_dir = job->driver->config->data_dir, *folder = making->root.folder.text;
    struct path blob;
    struct text reason = {0};
    job->status = blob_verify(data_dir, making->root.digest);
    if (job->status == IO_OK)
        job->status = files_make_folder(folder, &reason);
    if (job->status == IO_OK && blob_path(data_dir, making->root.digest, &blob))
        job->status = archive_unpack(blob.text, folder, making->root.bytes_most, &reason);
    if (job->status != IO_OK)
        files_remove_tree(folder, NULL);
    text_free(&reason);
}

static struct spare_root *find(struct spare_roots *spares, const char *digest)
{
    for (size_t i = 0; spares != NULL && i < spares->count; i++) {
        if (strcmp(spares->roots[i].digest, digest) == 0)
            return &spares->roots[i];
    }
    return NULL;
}

static void on_quiet(uv_timer_t *timer);

static void on_unpacked(struct job *job)
{
    struct making *making = container_of(job, struct making, job);
    struct spare_roots *spares = job->driver->spare_roots; /* NULL: the driver is being destroyed. */
    struct spare_root *root = find(spares, making->root.digest);
    bool is_wanted = root != NULL && root->state == SPARE_MAKING;
    if (is_wanted)
        root->state = job->status == IO_OK ? SPARE_READY : SPARE_REFUSED;
    else if (spares != NULL && job->status == IO_OK)
        start_removal(job->driver, &making->root.folder);
    if (spares != NULL) {
        spares->is_making = false;
        uv_timer_start(&spares->quiet, on_quiet, QUIET_MS, 0);
    }
    memory_free(making);
}

static void on_quiet(uv_timer_t *timer)
{
    struct spare_roots *spares = timer->data;
    size_t i = spares->count;
    while (i > 0 && spares->roots[i - 1].state != SPARE_WANTED)
        i--;
    if (i == 0 || spares->is_making)
        return;
    struct spare_root *root = &spares->roots[i - 1];
    root->state = SPARE_MAKING;
    root->folder = path_of("%s/%u", spare_roots_folder(spares->driver->config->data_dir).text, ++spares->made);
    spares->is_making = true;
    struct making *making = memory_new(sizeof *making);
    making->root = *root;
    job_start(spares->driver, &making->job, (struct io_op){0}, unpack, on_unpacked);
}

/* ---- For starts ---- */

bool spare_roots_take(struct real_driver *driver, const char *digest, uint64_t bytes_most, struct path *ret_folder)
{
    struct spare_root *root = find(driver->spare_roots, digest);
    if (root == NULL || root->state != SPARE_READY || root->bytes_most > bytes_most)
        return false;
    root->state = SPARE_WANTED;
    *ret_folder = root->folder;
    return true;
}

static void open_stock(struct real_driver *driver)
{
    struct spare_roots *spares = memory_new(sizeof *spares);
    spares->driver = driver;
    uv_timer_init(driver->loop, &spares->quiet);
    spares->quiet.data = spares;
    driver->handle_count++;
    driver->spare_roots = spares;
}

/* The one that has not been started for longest makes room; not one that is being made. */
static bool make_room(struct spare_roots *spares, size_t most)
{
    for (size_t i = 0; spares->count >= most && i < spares->count; i++) {
        if (spares->roots[i].state != SPARE_MAKING) {
            drop(spares, i);
            break;
        }
    }
    return spares->count < most;
}

void spare_roots_want(struct real_driver *driver, const char *digest, uint64_t bytes_most)
{
    uint32_t asked = driver->config->spare_roots;
    size_t most = asked < SPARE_ROOTS_MOST ? asked : SPARE_ROOTS_MOST;
    if (most == 0)
        return;
    if (driver->spare_roots == NULL)
        open_stock(driver);
    struct spare_roots *spares = driver->spare_roots;
    uint64_t limit = driver->config->spare_root_bytes;
    struct spare_root latest = {.state = SPARE_WANTED, .bytes_most = bytes_most < limit ? bytes_most : limit};
    snprintf(latest.digest, sizeof latest.digest, "%s", digest);
    struct spare_root *known = find(spares, digest);
    if (known != NULL) {
        latest = *known;
        size_t index = (size_t)(known - spares->roots);
        spares->count--;
        memmove(known, known + 1, (spares->count - index) * sizeof *known);
    }
    if (known != NULL || make_room(spares, most))
        spares->roots[spares->count++] = latest;
    uv_timer_start(&spares->quiet, on_quiet, QUIET_MS, 0);
}

void spare_roots_forget(struct real_driver *driver, const char *digest)
{
    const struct spare_root *root = find(driver->spare_roots, digest);
    if (root != NULL)
        drop(driver->spare_roots, (size_t)(root - driver->spare_roots->roots));
}

/* ---- The end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct spare_roots *spares = handle->data;
    spares->driver->handle_count--;
    memory_free(spares);
}

void spare_roots_dismiss(struct real_driver *driver)
{
    if (driver->spare_roots != NULL)
        uv_close((uv_handle_t *)&driver->spare_roots->quiet, on_closed);
    driver->spare_roots = NULL; /* What is being made finds nobody. */
}
