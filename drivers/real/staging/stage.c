#include "drivers/real/staging/stage.h"

#include "core/base/memory.h"
#include "drivers/real/blobs/archive.h"
#include "drivers/real/job.h"
#include "drivers/real/telling.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STAGERS_MOST = 16, ATTEMPTS_MOST = 2 };

struct stage_job {
    struct job job;
    char *digest;
    char *framework;
    char *runtime;
    char *command;
    uint32_t memory_mb;
    uint64_t folder_number, blob_number;
    struct path folder;
    bool was_killed; /* By somebody else, while its scripts ran. */
    struct text log; /* For the person who pushed. */
    size_t told;     /* Of it. */
    struct telling telling;
};

/* The log has grown. */
static void tell_log(void *context)
{
    struct stage_job *stage = context;
    const uint8_t *bytes = (const uint8_t *)text_string(&stage->log);
    if (stage->log.size > stage->told)
        telling_say(&stage->telling, (struct io_bytes){bytes + stage->told, stage->log.size - stage->told});
    stage->told = stage->log.size;
}

static bool fail(struct stage_job *stage, enum io_status status, const struct text *why)
{
    text_addf(&stage->log, "Staging failed: %s\n", text_string(why));
    stage->job.status = status;
    return false;
}

static bool unpack(struct stage_job *stage, struct text *reason)
{
    struct path package, app = path_of("%s/app", stage->folder.text);
    enum io_status status = IO_NOT_FOUND;
    text_add_string(reason, "the package is not there");
    if (blob_path(stage->job.driver->config->data_dir, stage->digest, &package) && access(package.text, R_OK) == 0) {
        status = files_make_folder(app.text, reason);
        if (status == IO_OK)
            status = archive_unpack(package.text, app.text, UNPACKED_BYTES_MOST, reason);
    }
    return status == IO_OK || fail(stage, status, reason);
}

static bool add_file(struct stage_job *stage, const char *name, const struct text *content, mode_t mode,
                     struct text *reason)
{
    struct path path = path_of("%s/%s", stage->folder.text, name);
    struct io_bytes bytes = {(const uint8_t *)text_string(content), content->size};
    enum io_status status = files_replace(path.text, bytes, mode, reason);
    return status == IO_OK || fail(stage, status, reason);
}

static bool add_startup(struct stage_job *stage, struct text *reason)
{
    static char own_stagers[] = CUPOLA_STAGERS;
    const Cupola__DriverConfig *config = stage->job.driver->config;
    char *stagers[STAGERS_MOST + 1];
    size_t count = 0;
    for (; count < config->n_stagers && count < STAGERS_MOST; count++)
        stagers[count] = config->stagers[count];
    stagers[count++] = own_stagers;
    struct stager_task task = {
        .framework = stage->framework,
        .runtime = stage->runtime,
        .memory_mb = stage->memory_mb,
        .folder = stage->folder.text,
        .data_dir = config->data_dir,
        .stagers = stagers,
        .stagers_count = count,
        .deadline_s = config->stage_deadline_s,
        .memory_limit_mb = config->stage_memory_mb,
        .was_killed = &stage->was_killed,
        .on_log = tell_log,
        .context = stage,
    };
    struct text script = {0};
    bool is_ready = stage_write_startup(&task, stage->command, &script, &stage->log);
    if (is_ready)
        is_ready = add_file(stage, "startup", &script, 0755, reason);
    else
        stage->job.status = IO_INVALID;
    text_free(&script);
    return is_ready;
}

static bool add_logs(struct stage_job *stage, struct text *reason)
{
    struct path logs = path_of("%s/logs", stage->folder.text);
    enum io_status status = files_make_folder(logs.text, reason);
    if (status != IO_OK)
        return fail(stage, status, reason);
    return add_file(stage, "logs/staging.log", &stage->log, 0644, reason);
}

static bool pack(struct stage_job *stage, struct text *reason)
{
    const struct real_driver *driver = stage->job.driver;
    struct blob_file file;
    blob_file_begin(&file, driver->config->data_dir, stage->blob_number, driver->config->blob_bytes);
    enum io_status status = archive_pack(stage->folder.text, &file, reason);
    stage->job.number = file.size;
    if (status != IO_OK) {
        blob_file_discard(&file);
        return fail(stage, status, reason);
    }
    char digest[DIGEST_SIZE];
    status = blob_file_commit(&file, digest);
    text_clear(reason);
    text_addf(reason, "the droplet cannot be stored: %s", io_status_name(status));
    if (status != IO_OK)
        return fail(stage, status, reason);
    text_add_string(&stage->job.data, digest);
    return true;
}

/* Folders of processes that were killed while they staged. */
static void sweep(const char *data_dir)
{
    struct path root = path_of("%s/staging", data_dir);
    DIR *stream = opendir(root.text);
    for (const struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        int process = atoi(entry->d_name);
        struct path left = path_of("%s/%s", root.text, entry->d_name);
        if (process > 0 && process != getpid() && kill(process, 0) != 0 && errno == ESRCH)
            files_remove_tree(left.text, NULL);
    }
    if (stream != NULL)
        closedir(stream);
}

static bool try_once(struct stage_job *stage, struct text *reason)
{
    files_remove_tree(stage->folder.text, NULL);
    return unpack(stage, reason) && add_startup(stage, reason) && add_logs(stage, reason) && pack(stage, reason);
}

/* All anew, the log, too: the droplet is to be the one that an undisturbed staging makes. */
static void begin_anew(struct stage_job *stage, struct text *reason)
{
    static const char words[] = "The stager was killed; it begins anew\n";
    telling_say(&stage->telling, (struct io_bytes){(const uint8_t *)words, sizeof words - 1});
    stage->was_killed = false;
    stage->told = 0;
    stage->job.status = IO_OK;
    text_clear(&stage->log);
    text_clear(reason);
}

static void work(struct job *job)
{
    struct stage_job *stage = container_of(job, struct stage_job, job);
    struct text reason = {0};
    sweep(job->driver->config->data_dir);
    stage->folder = path_of("%s/staging/%d-%llu", job->driver->config->data_dir, (int)getpid(),
                            (unsigned long long)stage->folder_number);
    bool is_staged = try_once(stage, &reason);
    for (int attempt = 1; attempt < ATTEMPTS_MOST && !is_staged && stage->was_killed; attempt++) {
        tell_log(stage);
        begin_anew(stage, &reason);
        is_staged = try_once(stage, &reason);
    }
    if (!is_staged)
        text_add(&job->data, text_string(&stage->log), stage->log.size);
    tell_log(stage);
    files_remove_tree(stage->folder.text, NULL);
    text_free(&reason);
}

static void on_told(struct telling *telling)
{
    struct stage_job *stage = container_of(telling, struct stage_job, telling);
    memory_free(stage->digest);
    memory_free(stage->framework);
    memory_free(stage->runtime);
    memory_free(stage->command);
    text_free(&stage->log);
    memory_free(stage);
}

static void finish(struct job *job)
{
    struct stage_job *stage = container_of(job, struct stage_job, job);
    telling_close(&stage->telling, on_told);
    job_answer(job);
}

void stage_begin(struct real_driver *driver, const struct effect *effect)
{
    struct stage_job *stage = memory_new(sizeof *stage);
    stage->digest = memory_copy_text(effect->stage.digest);
    stage->framework = memory_copy_text(effect->stage.framework);
    stage->runtime = memory_copy_text(effect->stage.runtime);
    stage->command = memory_copy_text(effect->stage.command);
    stage->memory_mb = effect->stage.memory_mb;
    stage->folder_number = ++driver->temp_count;
    stage->blob_number = ++driver->temp_count;
    telling_open(driver, &stage->telling, effect->op);
    job_start(driver, &stage->job, effect->op, work, finish);
}
