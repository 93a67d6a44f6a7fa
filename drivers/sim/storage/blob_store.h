/* Blobs by digest, on a simulated disk. One component's own, or shared by several (the controllers' storage).
 *
 * Fault model: a committed blob survives a loss of power unless the disk lied; a store may deny what it has, or
 * read it wrongly. SHA-1 is
 * the real one, so that digests are those of the real driver.
 */
#ifndef CUPOLA_DRIVERS_SIM_STORAGE_BLOB_STORE_H
#define CUPOLA_DRIVERS_SIM_STORAGE_BLOB_STORE_H

#include "core/base/map.h"
#include "drivers/sim/host/host.h"

enum { BLOB_DIGEST_SIZE = 41 };

struct blob {
    char digest[BLOB_DIGEST_SIZE];
    struct slice slice; /* Kept. */
    bool is_durable;
    UT_hash_handle hh;
};

struct blob_store {
    struct host *host;
    struct blob *blobs;
    uint32_t denials; /* Faults under which nothing is found. */
    uint32_t damages; /* Faults under which one bit of what is read is turned. */
};

struct blob_store *blob_store_create(struct host *host);
void blob_store_destroy(struct blob_store *store);
/* Keeps the given content, durable unless the disk lies; its digest. */
void blob_store_put(struct blob_store *store, struct slice given, char ret_digest[BLOB_DIGEST_SIZE]);
/* NULL if it is not there (or denied). */
const struct blob *blob_store_find(const struct blob_store *store, const char *digest);
/* Its content as it is read. Given. */
struct slice blob_store_read(const struct blob_store *store, const struct blob *blob);
void blob_store_delete(struct blob_store *store, const char *digest);
void blob_store_lose_power(struct blob_store *store);

#endif
