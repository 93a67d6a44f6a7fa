/* Packages and droplets: unpacking what strangers sent, packing what is always the same bytes. Blocking; for threads.
 *
 * Unpacking never leaves the folder: names are checked, folders are opened one by one without following links, links
 * may not lead out, only files, folders and links are made, and the whole may not exceed the limits below.
 */
#ifndef CUPOLA_DRIVERS_REAL_BLOBS_ARCHIVE_H
#define CUPOLA_DRIVERS_REAL_BLOBS_ARCHIVE_H

#include "core/base/text.h"
#include "core/io.h"
#include "drivers/real/blobs/blobs.h"

#include <locale.h>

#define UNPACKED_BYTES_MOST (UINT64_C(512) << 20) /* As the controllers of 2012. */
#define UNPACKED_ENTRIES_MOST 100000

/* Unpacks a zip or tgz file into an existing folder. On failure says why in ret_reason; what was unpacked stays. */
enum io_status archive_unpack(const char *archive, const char *folder, uint64_t bytes_most, struct text *ret_reason);
/* Writes a folder's content as tgz, sorted by name, without times and owners: the same content is the same blob. */
enum io_status archive_pack(const char *folder, struct blob_file *file, struct text *ret_reason);
/* Writes a folder's content as a zip that is not compressed, otherwise likewise: packages are made anew with each push,
 * and read once or twice. */
enum io_status archive_pack_zip(const char *folder, struct blob_file *file, struct text *ret_reason);

/* Private: around all work on archives. Names are UTF-8 whatever locale the process has, and libarchive asks the
 * thread's.
 */
locale_t archive_names_begin(void);
void archive_names_end(locale_t before);

#endif
