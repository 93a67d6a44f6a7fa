/* What a component keeps: saved state, blobs, journal; and the two slow calculations, staging and password hashes. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/sim/process/process.h"
#include "drivers/sim/workload/behaviour.pb-c.h"

#include <stdio.h>
#include <string.h>

/* ---- Saved state ---- */

static void complete_save(struct pending *pending)
{
    struct slice given = pending->given;
    pending->given = (struct slice){0};
    if (pending->status == IO_OK)
        disk_save(&pending->process->host->disk, pending->process->name, given);
    else
        buffer_unref(given.buffer);
}

static void do_save(struct process *process, struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_sync(&process->host->disk, &done_ns);
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    pending->given = effect_take_slice(effect);
    pending->complete = complete_save;
}

/* ---- Blobs ---- */

static struct process_blob **find_open_blob(struct process *process, struct io_blob id)
{
    struct process_blob **at = &process->open_blobs;
    while (*at != NULL && (*at)->id.id != id.id)
        at = &(*at)->next;
    return at;
}

static void open_blob(struct process *process, struct io_blob id)
{
    assert_that(*find_open_blob(process, id) == NULL);
    struct process_blob *blob = memory_new(sizeof *blob);
    blob->id = id;
    blob->next = process->open_blobs;
    process->open_blobs = blob;
}

/* Its content, given; it is forgotten. */
static struct slice end_open_blob(struct process *process, struct io_blob id)
{
    struct process_blob **at = find_open_blob(process, id);
    struct process_blob *blob = *at;
    assert_that(blob != NULL);
    struct slice content = text_take(&blob->content);
    *at = blob->next;
    memory_free(blob);
    return content.buffer == NULL ? slice_copy("", 0) : content;
}

static void write_open_blob(struct process *process, struct effect *effect)
{
    struct process_blob *blob = *find_open_blob(process, effect->blob.blob);
    assert_that(blob != NULL);
    struct slice slice = effect_take_slice(effect);
    text_add(&blob->content, slice_data(slice), slice.size);
    buffer_unref(slice.buffer);
}

/* Also for staging: the given content becomes a blob and its digest the answer. */
static void complete_blob(struct pending *pending)
{
    struct slice given = pending->given;
    pending->given = (struct slice){0};
    if (pending->status != IO_OK) {
        buffer_unref(given.buffer);
        return;
    }
    char digest[BLOB_DIGEST_SIZE];
    pending->number = given.size;
    blob_store_put(pending->process->blobs, given, digest);
    pending->data = slice_copy(digest, sizeof digest - 1);
}

static void do_blob_commit(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_sync(&process->blobs->host->disk, &done_ns);
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    pending->given = end_open_blob(process, effect->blob.blob);
    pending->complete = complete_blob;
}

static void do_blob_stat(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_read(&process->blobs->host->disk, &done_ns);
    const struct blob *blob = blob_store_find(process->blobs, effect->blob_name.digest);
    if (status == IO_OK && blob == NULL)
        status = IO_NOT_FOUND;
    process_add_pending(process, effect->op, done_ns, status)->number = blob == NULL ? 0 : blob->slice.size;
}

static void complete_delete(struct pending *pending)
{
    if (pending->status == IO_OK)
        blob_store_delete(pending->process->blobs, pending->name);
}

static void do_blob_delete(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_sync(&process->blobs->host->disk, &done_ns);
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    snprintf(pending->name, sizeof pending->name, "%s", effect->blob_name.digest);
    pending->complete = complete_delete;
}

static void do_blob_list(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_read(&process->blobs->host->disk, &done_ns);
    struct text list = {0};
    for (const struct blob *blob = process->blobs->blobs; blob != NULL; blob = blob->hh.next)
        text_addf(&list, "%s\n", blob->digest);
    process_add_pending(process, effect->op, done_ns, status)->data = slice_copy(text_string(&list), list.size);
    text_free(&list);
}

/* ---- Staging ---- */

/* The droplet of a package: the same behaviour, and how it was staged. Given; no buffer if the package is none. */
static struct slice stage(const struct blob *package, const struct effect *effect)
{
    Cupola__SimApp *app = cupola__sim_app__unpack(NULL, package->slice.size, slice_data(package->slice));
    if (app == NULL)
        return (struct slice){0};
    Cupola__SimApp droplet = *app;
    droplet.framework = (char *)effect->stage.framework;
    droplet.runtime = (char *)effect->stage.runtime;
    droplet.command = (char *)effect->stage.command;
    struct slice slice = {.size = cupola__sim_app__get_packed_size(&droplet)};
    slice.buffer = buffer_new(slice.size);
    cupola__sim_app__pack(&droplet, slice.buffer->bytes);
    cupola__sim_app__free_unpacked(app, NULL);
    return slice;
}

static void do_stage(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_sync(&process->blobs->host->disk, &done_ns);
    done_ns += distribution_sample(&process->staging_time, &process->random);
    const struct blob *package = blob_store_find(process->blobs, effect->stage.digest);
    struct slice droplet = {0};
    if (package == NULL)
        status = IO_NOT_FOUND;
    else
        droplet = stage(package, effect);
    if (package != NULL && droplet.buffer == NULL)
        status = IO_INVALID;
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    if (status == IO_INVALID)
        pending->data = slice_copy("the package is no simulated app\n", 32);
    pending->given = droplet;
    pending->complete = complete_blob;
}

/* ---- Packages from parts ---- */

/* The next line of `files` ("SHA1 SIZE MODE NAME"): the pool is the blobs. NULL if it is not there. */
static const struct blob *find_pooled(struct process *process, const char *line)
{
    char digest[BLOB_DIGEST_SIZE];
    unsigned long long size = 0;
    if (sscanf(line, "%40s %llu", digest, &size) != 2)
        return NULL;
    const struct blob *blob = blob_store_find(process->blobs, digest);
    return blob != NULL && blob->slice.size == size ? blob : NULL;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end == NULL ? line + strlen(line) : end + 1;
}

static void do_pool_find(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_read(&process->blobs->host->disk, &done_ns);
    struct text found = {0};
    for (const char *line = effect->pool.files; *line != 0; line = next_line(line))
        text_add_char(&found, find_pooled(process, line) == NULL ? '0' : '1');
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    pending->data = slice_copy(text_string(&found), found.size);
    text_free(&found);
}

/* Simulated apps are messages: the parts behind one another are their sum. */
static void do_assemble(struct process *process, const struct effect *effect)
{
    uint64_t done_ns;
    enum io_status status = disk_plan_sync(&process->blobs->host->disk, &done_ns);
    struct text whole = {0}, missing = {0};
    if (*effect->pool.digest != 0) {
        const struct blob *upload = blob_store_find(process->blobs, effect->pool.digest);
        if (upload == NULL)
            text_add_string(&missing, "the upload");
        else
            text_add(&whole, slice_data(upload->slice), upload->slice.size);
    }
    for (const char *line = effect->pool.files; *line != 0 && missing.size == 0; line = next_line(line)) {
        const struct blob *file = find_pooled(process, line);
        if (file == NULL)
            text_add(&missing, line, strcspn(line, "\n"));
        else
            text_add(&whole, slice_data(file->slice), file->slice.size);
    }
    if (missing.size > 0)
        status = IO_NOT_FOUND;
    struct pending *pending = process_add_pending(process, effect->op, done_ns, status);
    if (missing.size > 0)
        pending->data = slice_copy(text_string(&missing), missing.size);
    pending->given = slice_copy(text_string(&whole), whole.size);
    pending->complete = complete_blob;
    text_free(&whole);
    text_free(&missing);
}

/* ---- Passwords ---- */

/* Fast, and honest in what matters: the same password and salt give the same text, the stored text is its own salt. */
static void do_hash(struct process *process, const struct effect *effect)
{
    static const char prefix[] = "$sim$";
    uint64_t salt;
    unsigned long long stored;
    if (strncmp(effect->hash_password.salt, prefix, sizeof prefix - 1) == 0 &&
        sscanf(effect->hash_password.salt + sizeof prefix - 1, "%16llx", &stored) == 1)
        salt = stored;
    else
        salt = random_mix(effect->hash_password.entropy[0], effect->hash_password.entropy[1]);
    const char *password = effect->hash_password.password;
    uint64_t hash = random_hash(salt, password, strlen(password));
    char text[64];
    int size =
        snprintf(text, sizeof text, "%s%016llx$%016llx", prefix, (unsigned long long)salt, (unsigned long long)hash);
    uint64_t done_ns = process->world->now_ns + distribution_sample(&process->hash_time, &process->random);
    process_add_pending(process, effect->op, done_ns, IO_OK)->data = slice_copy(text, (size_t)size);
}

/* ---- Effects ---- */

void process_do_storage(struct process *process, struct effect *effect)
{
    if (effect->kind == EFFECT_SAVE) {
        do_save(process, effect);
    } else if (effect->kind == EFFECT_JOURNAL_FOLLOW) {
        assert_that(process->journal != NULL);
        journal_store_follow(process->journal, process, effect->op, effect->journal_follow.sequence);
    } else if (effect->kind == EFFECT_JOURNAL_APPEND) {
        assert_that(process->journal != NULL);
        journal_store_append(process->journal, process, effect->op, effect->journal_append.sequence,
                             effect_take_slice(effect));
    } else if (effect->kind == EFFECT_JOURNAL_SNAPSHOT) {
        assert_that(process->journal != NULL);
        journal_store_snapshot(process->journal, process, effect->op, effect->journal_snapshot.sequence,
                               effect_take_slice(effect));
    } else if (effect->kind == EFFECT_BLOB_OPEN) {
        open_blob(process, effect->blob.blob);
    } else if (effect->kind == EFFECT_BLOB_WRITE) {
        write_open_blob(process, effect);
    } else if (effect->kind == EFFECT_BLOB_COMMIT) {
        do_blob_commit(process, effect);
    } else if (effect->kind == EFFECT_BLOB_DISCARD) {
        buffer_unref(end_open_blob(process, effect->blob.blob).buffer);
    } else if (effect->kind == EFFECT_BLOB_STAT) {
        do_blob_stat(process, effect);
    } else if (effect->kind == EFFECT_BLOB_DELETE) {
        do_blob_delete(process, effect);
    } else if (effect->kind == EFFECT_BLOB_LIST) {
        do_blob_list(process, effect);
    } else if (effect->kind == EFFECT_STAGE) {
        do_stage(process, effect);
    } else if (effect->kind == EFFECT_POOL_FIND) {
        do_pool_find(process, effect);
    } else if (effect->kind == EFFECT_ASSEMBLE) {
        do_assemble(process, effect);
    } else {
        assert_that(effect->kind == EFFECT_HASH_PASSWORD);
        do_hash(process, effect);
    }
}

/* A write that was under way when its component died has made it or not, as the disk draws. */
static void drop_pending(struct pending *pending)
{
    bool is_write = pending->complete == complete_save || pending->complete == complete_blob ||
                    pending->complete == complete_delete;
    if (is_write && pending->status == IO_OK && disk_draw_made_it(&pending->process->host->disk))
        pending->complete(pending);
    process_free_pending(pending);
}

void process_drop_storage(struct process *process)
{
    if (process->journal != NULL)
        journal_store_forget(process->journal, process);
    while (process->pendings != NULL)
        drop_pending(process->pendings);
    while (process->open_blobs != NULL)
        buffer_unref(end_open_blob(process, process->open_blobs->id).buffer);
}
