/* Files and folders: small blocking helpers. Everything but files_make_folder and files_replace at start belongs on the
 * thread pool. Reasons are for people: "open /x/y: Permission denied". */
#ifndef CUPOLA_DRIVERS_REAL_FILES_H
#define CUPOLA_DRIVERS_REAL_FILES_H

#include "core/base/text.h"
#include "core/io.h"

#include <stdarg.h>
#include <sys/types.h>

/* A path in a buffer of its own; longer ones are cut, and then not found. */
struct path {
    char text[1024];
};
struct path path_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* With all its parents, like mkdir -p. */
enum io_status files_make_folder(const char *path, struct text *ret_reason);
/* Replaces the file as a whole, durably: temporary file, fsync, rename, fsync of the folder. */
enum io_status files_replace(const char *path, struct io_bytes content, mode_t mode, struct text *ret_reason);
/* Appends the content of a file of at most `most` bytes. */
enum io_status files_read(const char *path, size_t most, struct text *ret_content, struct text *ret_reason);
/* Makes the entries of a folder durable. */
enum io_status files_sync_folder(const char *path);
/* Deletes a file, or a folder with all that is in it, following no link and crossing into no other file system. IO_OK
 * also if there is none. */
enum io_status files_remove_tree(const char *path, struct text *ret_reason);
/* More than any disk has: of a tree with more than 256 folders one in the other. */
#define FILES_TOO_DEEP_TO_MEASURE ((uint64_t)1 << 62)
/* What a folder and all below it occupy on disk, in bytes. */
uint64_t files_measure_tree(const char *path);
/* write(2) until all is written; -1 and errno if that fails. */
int files_write_all(int descriptor, const void *bytes, size_t size);

#endif
