#include "drivers/sim/storage/blob_store.h"

#include "core/base/memory.h"

#include <nettle/sha1.h>
#include <string.h>

struct blob_store *blob_store_create(struct host *host)
{
    struct blob_store *store = memory_new(sizeof *store);
    store->host = host;
    return store;
}

static void remove_blob(struct blob_store *store, struct blob *blob)
{
    HASH_DELETE(hh, store->blobs, blob);
    buffer_unref(blob->slice.buffer);
    memory_free(blob);
}

void blob_store_destroy(struct blob_store *store)
{
    struct blob *blob, *next;
    HASH_ITER (hh, store->blobs, blob, next)
        remove_blob(store, blob);
    memory_free(store);
}

static void digest_of(struct slice slice, char ret_digest[BLOB_DIGEST_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    struct sha1_ctx context;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&context);
    sha1_update(&context, slice.size, slice_data(slice));
    sha1_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        ret_digest[2 * i] = hex[digest[i] >> 4];
        ret_digest[2 * i + 1] = hex[digest[i] & 15];
    }
    ret_digest[BLOB_DIGEST_SIZE - 1] = 0;
}

static struct blob *find(const struct blob_store *store, const char *digest)
{
    struct blob *blob = NULL;
    HASH_FIND_STR(store->blobs, digest, blob);
    return blob;
}

void blob_store_put(struct blob_store *store, struct slice given, char ret_digest[BLOB_DIGEST_SIZE])
{
    digest_of(given, ret_digest);
    bool is_durable = !disk_lies(&store->host->disk);
    struct blob *blob = find(store, ret_digest);
    if (blob != NULL) {
        blob->is_durable = blob->is_durable || is_durable;
        buffer_unref(given.buffer);
        return;
    }
    blob = memory_new(sizeof *blob);
    memcpy(blob->digest, ret_digest, BLOB_DIGEST_SIZE);
    blob->slice = given;
    blob->is_durable = is_durable;
    HASH_ADD_STR(store->blobs, digest, blob);
}

const struct blob *blob_store_find(const struct blob_store *store, const char *digest)
{
    return store->denials > 0 ? NULL : find(store, digest);
}

struct slice blob_store_read(const struct blob_store *store, const struct blob *blob)
{
    struct slice slice = blob->slice;
    if (store->damages == 0 || slice.size == 0) {
        buffer_ref(slice.buffer);
        return slice;
    }
    slice = slice_copy(slice_data(slice), slice.size);
    slice.buffer->bytes[slice.size / 2] ^= 1;
    return slice;
}

void blob_store_delete(struct blob_store *store, const char *digest)
{
    struct blob *blob = find(store, digest);
    if (blob != NULL)
        remove_blob(store, blob);
}

void blob_store_lose_power(struct blob_store *store)
{
    struct blob *blob, *next;
    HASH_ITER (hh, store->blobs, blob, next) {
        if (!blob->is_durable)
            remove_blob(store, blob);
    }
}
