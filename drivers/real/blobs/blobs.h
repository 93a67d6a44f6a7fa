/* Blobs: files named by the SHA-1 of their content, in <data_dir>/blobs/<first two digits>/<digest>. A blob is there as
 * a whole or not at all: it is written to blobs/temp/, synced, and renamed. */
#ifndef CUPOLA_DRIVERS_REAL_BLOBS_BLOBS_H
#define CUPOLA_DRIVERS_REAL_BLOBS_BLOBS_H

#include "drivers/real/driver.h"
#include "drivers/real/files.h"

#include <nettle/sha1.h>

enum { DIGEST_SIZE = 41 }; /* 40 hex digits and a NUL. */

/* One blob being written. Blocking; for threads. A failure sticks: it surfaces at the end. */
struct blob_file {
    int descriptor; /* -1 when it is not open. */
    enum io_status status;
    uint64_t size;
    uint64_t size_most; /* 0: no limit. */
    struct sha1_ctx hash;
    struct path temp;
    struct path folder; /* <data_dir>/blobs */
};

/* `number` makes the name of the temporary file unique in this process. */
void blob_file_begin(struct blob_file *file, const char *data_dir, uint64_t number, uint64_t size_most);
void blob_file_write(struct blob_file *file, const void *bytes, size_t size);
/* Afterwards the blob is durable under ret_digest, or there is nothing. */
enum io_status blob_file_commit(struct blob_file *file, char ret_digest[DIGEST_SIZE]);
void blob_file_discard(struct blob_file *file);

/* False if it is not a digest: then there is no such blob. */
bool blob_path(const char *data_dir, const char *digest, struct path *ret_path);
/* Compares the content with the name. */
enum io_status blob_verify(const char *data_dir, const char *digest);
/* Deletes temporary files of processes that are no more. */
void blobs_clean_up(const char *data_dir);

/* ---- Effects ---- */

/* BLOB_WRITE has no answer, so that a component cannot wait for the disk. We do: while more than this waits, no
 * connection is read (stream.c), which holds up those who send us what is to be written. */
enum { BLOB_BACKLOG_MOST = 4 << 20 };

void blob_writer_open(struct real_driver *driver, struct io_blob id);
void blob_writer_write(struct real_driver *driver, struct io_blob id, struct slice given);
void blob_writer_commit(struct real_driver *driver, struct io_blob id, struct io_op op);
void blob_writer_discard(struct real_driver *driver, struct io_blob id);
void blob_writers_free(struct real_driver *driver);
void blob_stat(struct real_driver *driver, struct io_op op, const char *digest);
void blob_list(struct real_driver *driver, struct io_op op);
void blob_delete(struct real_driver *driver, struct io_op op, const char *digest);

#endif
