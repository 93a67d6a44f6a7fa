/* What each controller of the town has beside the network: a disk with blobs, a stager, a hasher of passwords. */
#include "tests/core/cloud_controller/town_inside.h"

#include "core/base/assert.h"

#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>

static void digest_of(const struct text *bytes, char ret_digest[41])
{
    struct sha1_ctx context;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&context);
    sha1_update(&context, bytes->size, (const uint8_t *)text_string(bytes));
    sha1_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_digest + 2 * i, 3, "%02x", digest[i]);
}

static struct town_blob *new_blob(struct town_controller *controller)
{
    struct town *town = controller->town;
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        if (town->blobs[i].writing == 0 && town->blobs[i].digest[0] == '\0') {
            town->blobs[i].owner = controller;
            return &town->blobs[i];
        }
    assert_unreachable();
}

static struct town_blob *find_blob(struct town_controller *controller, const char *digest)
{
    struct town_blob *blobs = controller->town->blobs;
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        if (blobs[i].owner == controller && blobs[i].writing == 0 && strcmp(blobs[i].digest, digest) == 0)
            return &blobs[i];
    return NULL;
}

static struct town_blob *find_writing(struct town_controller *controller, uint32_t id)
{
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        if (controller->town->blobs[i].writing == id && controller->town->blobs[i].owner == controller)
            return &controller->town->blobs[i];
    assert_unreachable();
}

static void on_blob(struct town_controller *controller, struct effect *effect)
{
    struct town_blob *blob;
    if (effect->kind == EFFECT_BLOB_OPEN) {
        blob = new_blob(controller);
        blob->writing = effect->blob.blob.id;
        return;
    }
    blob = find_writing(controller, effect->blob.blob.id);
    if (effect->kind == EFFECT_BLOB_WRITE) {
        struct slice slice = effect_take_slice(effect);
        text_add(&blob->bytes, slice_data(slice), slice.size);
        buffer_unref(slice.buffer);
        return;
    }
    blob->writing = 0;
    if (effect->kind == EFFECT_BLOB_DISCARD) {
        text_free(&blob->bytes);
        return;
    }
    char digest[41];
    digest_of(&blob->bytes, digest);
    town_push_done(controller, effect->op.id, IO_OK, blob->bytes.size, digest);
    if (find_blob(controller, digest) != NULL) /* The same content is kept once. */
        text_free(&blob->bytes);
    else
        memcpy(blob->digest, digest, sizeof digest);
}

void town_add_blob(struct town_controller *controller, const char *bytes)
{
    struct town_blob *blob = new_blob(controller);
    text_add_string(&blob->bytes, bytes);
    digest_of(&blob->bytes, blob->digest);
}

static void on_blob_list(struct town_controller *controller, uint64_t op)
{
    struct text list = {0};
    for (size_t i = 0; i < TOWN_BLOBS; i++) {
        const struct town_blob *blob = &controller->town->blobs[i];
        if (blob->owner == controller && blob->digest[0] != '\0')
            text_addf(&list, "%s\n", blob->digest);
    }
    town_push_done(controller, op, IO_OK, 0, text_string(&list));
    text_free(&list);
}

static void on_blob_send(struct town_controller *controller, const struct effect *effect)
{
    struct town_blob *blob = find_blob(controller, effect->blob_transfer.digest);
    struct town_conn *conn = town_find_conn(controller, effect->blob_transfer.conn.id);
    assert_that(conn != NULL);
    if (blob != NULL)
        text_add(&conn->outbound, text_string(&blob->bytes), blob->bytes.size);
    if (conn->is_peer)
        town_pass_on(conn);
    town_push_done(controller, effect->op.id, blob == NULL ? IO_NOT_FOUND : IO_OK, blob == NULL ? 0 : blob->bytes.size,
                   "");
}

static void on_blob_receive(struct town_controller *controller, const struct effect *effect)
{
    struct town_conn *conn = town_find_conn(controller, effect->blob_transfer.conn.id);
    struct town_blob *blob = new_blob(controller);
    size_t size = (size_t)effect->blob_transfer.size;
    assert_that(conn != NULL);
    assert_that(conn->inbound.size >= size); /* The other controller has sent it all by now. */
    text_add(&blob->bytes, text_string(&conn->inbound), size);
    text_consume(&conn->inbound, size);
    digest_of(&blob->bytes, blob->digest);
    town_push_done(controller, effect->op.id, IO_OK, size, blob->digest);
}

static void on_blob_stat(struct town_controller *controller, const struct effect *effect)
{
    struct town_blob *blob = find_blob(controller, effect->blob_name.digest);
    town_push_done(controller, effect->op.id, blob == NULL ? IO_NOT_FOUND : IO_OK, blob == NULL ? 0 : blob->bytes.size,
                   "");
}

static void on_blob_delete(struct town_controller *controller, const struct effect *effect)
{
    struct town_blob *blob = find_blob(controller, effect->blob_name.digest);
    if (blob != NULL) {
        text_free(&blob->bytes);
        *blob = (struct town_blob){0};
    }
    town_push_done(controller, effect->op.id, IO_OK, 0, "");
}

/* The pool is the blobs; a package is its parts behind one another. What begins with "bad" is no sound upload. */
static struct town_blob *find_pooled(struct town_controller *controller, const char *line)
{
    char digest[41];
    size_t size = 0;
    if (sscanf(line, "%40s %zu", digest, &size) != 2)
        return NULL;
    struct town_blob *blob = find_blob(controller, digest);
    return blob != NULL && blob->bytes.size == size ? blob : NULL;
}

static void on_pool_find(struct town_controller *controller, const struct effect *effect)
{
    char found[100] = {0};
    size_t count = 0;
    for (const char *line = effect->pool.files; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_that(count + 1 < sizeof found);
        found[count++] = find_pooled(controller, line) == NULL ? '0' : '1';
    }
    town_push_done(controller, effect->op.id, IO_OK, 0, found);
}

static void on_assemble(struct town_controller *controller, const struct effect *effect)
{
    struct text whole = {0};
    const struct town_blob *upload = *effect->pool.digest == '\0' ? NULL : find_blob(controller, effect->pool.digest);
    if (upload != NULL)
        text_add(&whole, text_string(&upload->bytes), upload->bytes.size);
    bool is_bad = strncmp(text_string(&whole), "bad", 3) == 0, is_missing = false;
    for (const char *line = effect->pool.files; *line != '\0' && !is_missing; line = strchr(line, '\n') + 1) {
        const struct town_blob *file = find_pooled(controller, line);
        is_missing = file == NULL;
        if (file != NULL)
            text_add(&whole, text_string(&file->bytes), file->bytes.size);
    }
    char digest[41];
    digest_of(&whole, digest);
    if (is_bad || is_missing) {
        town_push_done(controller, effect->op.id, is_bad ? IO_INVALID : IO_NOT_FOUND, 0,
                       is_bad ? "../x: leads out" : "x");
    } else {
        town_push_done(controller, effect->op.id, IO_OK, whole.size, digest);
        if (find_blob(controller, digest) == NULL) {
            struct town_blob *blob = new_blob(controller);
            text_add(&blob->bytes, text_string(&whole), whole.size);
            memcpy(blob->digest, digest, sizeof digest);
        }
    }
    text_free(&whole);
}

static void finish_stage(struct town_controller *controller, uint64_t op, const char *package)
{
    struct town *town = controller->town;
    if (town->staging_fails) {
        town_push_done(controller, op, IO_INVALID, 0, town->staging_log);
        return;
    }
    struct town_blob *blob = new_blob(controller);
    text_addf(&blob->bytes, "droplet of %s", package);
    digest_of(&blob->bytes, blob->digest);
    town_push_done(controller, op, IO_OK, blob->bytes.size, blob->digest);
}

static void on_stage(struct town_controller *controller, const struct effect *effect)
{
    assert_that(find_blob(controller, effect->stage.digest) != NULL);
    if (!controller->town->staging_holds) {
        finish_stage(controller, effect->op.id, effect->stage.digest);
        return;
    }
    size_t place = 0;
    while (controller->held_stages[place].op != 0)
        place++;
    assert_that(place < TOWN_STAGES);
    controller->held_stages[place].op = effect->op.id;
    snprintf(controller->held_stages[place].package, sizeof controller->held_stages[place].package, "%s",
             effect->stage.digest);
}

void town_release_staging(struct town *town)
{
    town->staging_holds = false;
    for (size_t i = 0; i < town->controller_count; i++) {
        struct town_controller *controller = &town->controllers[i];
        for (size_t j = 0; j < TOWN_STAGES; j++) {
            uint64_t op = controller->held_stages[j].op;
            controller->held_stages[j].op = 0;
            if (op != 0)
                finish_stage(controller, op, controller->held_stages[j].package);
        }
    }
    town_settle(town);
}

static void on_hash(struct town_controller *controller, const struct effect *effect)
{
    char hash[300];
    snprintf(hash, sizeof hash, "hash of %s", effect->hash_password.password);
    bool fails = controller->town->hashing_fails;
    town_push_done(controller, effect->op.id, fails ? IO_FAILED : IO_OK, 0, fails ? "no memory" : hash);
}

bool town_carry_out_blob(struct town_controller *controller, struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_BLOB_OPEN:
    case EFFECT_BLOB_WRITE:
    case EFFECT_BLOB_COMMIT:
    case EFFECT_BLOB_DISCARD:
        on_blob(controller, effect);
        return true;
    case EFFECT_BLOB_LIST:
        on_blob_list(controller, effect->op.id);
        return true;
    case EFFECT_BLOB_SEND:
        on_blob_send(controller, effect);
        return true;
    case EFFECT_BLOB_RECEIVE:
        on_blob_receive(controller, effect);
        return true;
    case EFFECT_BLOB_STAT:
        on_blob_stat(controller, effect);
        return true;
    case EFFECT_BLOB_DELETE:
        on_blob_delete(controller, effect);
        return true;
    case EFFECT_STAGE:
        on_stage(controller, effect);
        return true;
    case EFFECT_POOL_FIND:
        on_pool_find(controller, effect);
        return true;
    case EFFECT_ASSEMBLE:
        on_assemble(controller, effect);
        return true;
    case EFFECT_HASH_PASSWORD:
        on_hash(controller, effect);
        return true;
    default:
        return false;
    }
}
