/* The pool: large files of packages, kept so that clients need not send them again, and packages made from them.
 *
 * Files lie in <data_dir>/pool/<first two digits>/<SHA-1>; their time is that of their last use. Nothing refers to
 * them: they go, the longest unused first, when all together exceed pool_bytes. A package holds copies of its own.
 */
#ifndef CUPOLA_DRIVERS_REAL_BLOBS_POOL_H
#define CUPOLA_DRIVERS_REAL_BLOBS_POOL_H

#include "drivers/real/driver.h"
#include "drivers/real/files.h"

enum { POOLED_BYTES_LEAST = 65536 }; /* As v1's clients: below that, asking costs more than sending. */

/* One line of what the effects name. */
struct pool_line {
    char digest[41];
    uint64_t size;
    unsigned mode;
    const char *name; /* Lent, not ended. */
    size_t name_size;
};
/* Reads the line at *at and moves behind it. False if it makes no sense, or there is none. */
bool pool_read_line(const char **at, struct pool_line *ret_line);

/* Opens a file of the pool for reading, if it is there and that large; -1 if not. It counts as used. */
int pool_open(const char *data_dir, const char *digest, uint64_t size);
/* Takes over every large file below a folder of data_dir. What cannot be taken is left out: it will be sent again. */
void pool_take_tree(const char *data_dir, const char *folder);
/* Deletes the longest unused files until the rest is small enough. */
void pool_shrink(const char *data_dir, uint64_t bytes_most);

/* ---- Effects ---- */

void pool_find_begin(struct real_driver *driver, const struct effect *effect);
void assemble_begin(struct real_driver *driver, const struct effect *effect); /* assemble.c */

#endif
